"""The dock beside the canvas: everything that is said of the open case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_annotate_jobs.model import Decision, Method, Status
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets.keys._guest import KeyboardGuest
from napari_annotate_jobs.widgets.keys._keys import key_text
from napari_annotate_jobs.widgets.parts._key_button import KeyButton
from napari_annotate_jobs.widgets.parts._layouts import row_of
from napari_annotate_jobs.widgets.parts._sections import Section
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_ring, focus_style
from napari_annotate_jobs.widgets.review._rounds import HistoryBox
from napari_annotate_jobs.widgets.strip._bar import strip_icon

from ._aside_line import AsideLine
from ._boxes import BoxSection
from ._brush import BrushSection
from ._comments import CommentList
from ._flag_mark import FlagMark
from ._label_list import LabelList
from ._masks import MaskSection
from ._question_list import QuestionList
from ._save_line import SaveLine

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from napari_annotate_jobs.model import Counts, Thread
    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

__all__ = ["AnnotateDock"]


class AnnotateDock(KeyboardGuest):
    """Labels, decisions, window, comments, and the way on.

    Parameters
    ----------
    window_control : QWidget
        Shown below the decisions.
    keymap : KeyMap
        The keys of the actions, shown in the tooltips.
    """

    label_requested = Signal(object)
    protect_requested = Signal(object)
    nothing_requested = Signal()
    case_nothing_requested = Signal()
    exclude_requested = Signal()
    propagate_requested = Signal()
    fill_requested = Signal()
    comment_requested = Signal(str, bool)
    comment_pinned = Signal(str)
    comment_removed = Signal(str)
    thread_requested = Signal(str)
    thread_replied = Signal(str, str)
    thread_settled = Signal(str, bool)
    go_requested = Signal(int)
    submit_requested = Signal()
    take_back_requested = Signal()
    undo_requested = Signal()
    redo_requested = Signal()
    zoom_tool_requested = Signal(bool)
    jobs_requested = Signal()
    help_requested = Signal()
    retry_requested = Signal()
    slices_requested = Signal()

    def __init__(
        self,
        window_control: QWidget,
        keymap: KeyMap,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._colors = Colors.dark()
        self._session: AnnotationSession | None = None
        self._connections = Connections()
        self._doing = ""
        self._keymap = keymap
        self._tips: list[tuple[QWidget, str, str]] = []
        self._known_new: set[str] = set()
        self.nothing = self._button("Nothing to Label", "nothing_to_label")
        self.exclude = self._button("Exclude image", "exclude")
        self.window_control = window_control

        self.case_name = QElidingLabel()
        self.case_name.setObjectName("case_name")
        font = self.case_name.font()
        font.setBold(True)
        self.case_name.setFont(font)
        self.flag = FlagMark(keymap, self)
        self.state = SaveLine()
        self.state.setObjectName("save_again")
        self.state.clicked.connect(self.retry_requested)
        self.notice = QLabel()
        self.notice.setWordWrap(True)
        self.notice.hide()
        self.take_back = QPushButton("Take back")
        self._tip(self.take_back, "take_back")
        self.take_back.clicked.connect(self.take_back_requested)
        self.take_back.hide()
        self.history = HistoryBox()
        self.aside = AsideLine()
        self.slices_back = QPushButton("Show the slices")
        self.slices_back.setObjectName("slices")
        self.slices_back.setToolTip("Show the strip of slices again, which was closed")
        self.slices_back.clicked.connect(self.slices_requested)
        self.slices_back.hide()

        self.undo = self._tool("↶", "Undo", "undo", self.undo_requested)
        self.redo = self._tool("↷", "Redo", "redo", self.redo_requested)
        self.zoom = self._tool(
            "",
            "Zoom tool: slide up and down in the image to zoom; Esc ends it",
            "zoom_tool",
            None,
        )
        self.zoom.setAccessibleName("Zoom tool")
        self.zoom.setIconSize(QSize(18, 18))
        self.zoom.setCheckable(True)
        self.zoom.clicked.connect(self.zoom_tool_requested)
        self.place = QToolButton()
        self.place.setObjectName("list_cases")
        self.place.setAutoRaise(True)
        self.place.setAccessibleName("Which case of how many")
        self.place.setToolTip("Show the list of cases")
        self.place.clicked.connect(self.jobs_requested)
        self._counts: Counts | None = None
        self.help = self._tool("?", "Keys and mouse", "help", self.help_requested)

        self.labels = LabelList()
        self.labels.label_requested.connect(self.label_requested)
        self.labels.protect_requested.connect(self.protect_requested)
        self.labels.case_nothing_requested.connect(self.case_nothing_requested)
        self.questions = QuestionList()

        self.nothing.setCheckable(True)
        self._tip(self.nothing, "nothing_to_label")
        self.nothing.clicked.connect(self._on_nothing)
        self.exclude.setCheckable(True)
        self._tip(self.exclude, "exclude")
        self.exclude.clicked.connect(self._on_exclude)
        self.propagate = self._button("Propagate…", "propagate")
        self._tip(self.propagate, "propagate")
        self.propagate.clicked.connect(self.propagate_requested)
        self.fill = self._button("Smart fill…", "smart_fill")
        self._tip(self.fill, "smart_fill")
        self.fill.clicked.connect(self.fill_requested)
        self.fill.hide()

        self.masks = MaskSection(keymap)
        self.confirm, self.reject = self.masks.confirm, self.masks.reject
        self.boxes = BoxSection(keymap)
        self.brush = BrushSection(keymap)

        self.comments = CommentList()
        self.comments.add_requested.connect(self.comment_requested)
        self.comments.pinned.connect(self.comment_pinned)
        self.comments.remove_requested.connect(self.comment_removed)
        self.comments.chosen.connect(self.thread_requested)
        self.comments.replied.connect(self.thread_replied)
        self.comments.resolve_requested.connect(self.thread_settled)
        self.comment_box = Section("Comments", self.comments)
        self.comment_box.set_folded(True)

        self.previous = self._button("«", "previous_case")
        self._tip(self.previous, "previous_case")
        self.previous.setAccessibleName("Previous case")
        self.previous.clicked.connect(lambda: self.go_requested.emit(-1))
        self.next = self._button("»", "next_case")
        self._tip(self.next, "next_case")
        self.next.setAccessibleName("Next case")
        self.next.clicked.connect(lambda: self.go_requested.emit(1))
        self.submit = self._button("Submit", "submit")
        self._tip(self.submit, "submit")
        self.submit.clicked.connect(self.submit_requested)
        self._lay_out()
        self._share_keyboard()
        self._update()

    # ---------------------------------------------------------------- layout
    def _share_keyboard(self) -> None:
        self.host(self)
        self.host_menu(self.masks.menu)
        for menu in self.boxes.menus:
            self.host_menu(menu)
        self.labels.tree.chosen.connect(self.keyboard_released)

    def _button(self, text: str, action: str) -> KeyButton:
        return KeyButton(text, action)

    def _tool(
        self, text: str, tip: str, action: str, signal: Any | None
    ) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        self._tip(button, action, tip)
        button.setAccessibleName(tip)
        button.setFixedSize(26, 24)
        if signal is not None:
            button.clicked.connect(signal)
        return button

    def _tip(self, widget: QWidget, action: str, text: str = "") -> None:
        """Say what an action does, in the words of the table or in others."""
        self._tips = [tip for tip in self._tips if tip[0] is not widget]
        self._tips.append((widget, text, action))
        hint = self._keymap.hint(action)
        widget.setObjectName(action)
        widget.setToolTip(text + hint if text else self._keymap.tip(action))
        if widget in (self.nothing, self.exclude):
            widget.set_key(key_text(self._keymap.key(action)))

    def _lay_out(self) -> None:
        above = Qt.AlignmentFlag.AlignTop
        tools = (self.undo, self.redo, self.zoom, self.help)
        top = row_of((self.state, 1), *((tool, 0, above) for tool in tools), spacing=2)
        decide = QGridLayout()
        decide.setSpacing(4)
        decide.addWidget(self.nothing, 0, 0)
        decide.addWidget(self.exclude, 0, 1)
        decide.addLayout(row_of(self.propagate, self.fill, spacing=4), 1, 0, 1, 2)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        bottom = row_of((self.previous, 1), (self.submit, 3), (self.next, 1), spacing=4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 6)
        layout.setSpacing(5)
        layout.addLayout(row_of((self.case_name, 1), self.flag.button, self.place))
        layout.addWidget(self.flag.text)
        layout.addLayout(top)
        layout.addWidget(self.notice)
        layout.addWidget(self.take_back)
        layout.addWidget(self.history)
        layout.addWidget(self.aside)
        layout.addWidget(self.slices_back)
        layout.addWidget(self.labels, 1)
        # What comes and goes stands where the list of labels gives way to it: nothing
        # else moves.
        layout.addWidget(self.questions)
        layout.addWidget(self.boxes)
        layout.addWidget(self.brush)
        layout.addWidget(self.masks)
        layout.addLayout(decide)
        layout.addWidget(self.window_control)
        layout.addWidget(self.comment_box)
        layout.addWidget(line)
        layout.addLayout(bottom)
        self._column = layout
        self.setMinimumWidth(270)

    def hold_window_control(self) -> None:
        """Show the control of the window here, where it was elsewhere."""
        if self._column.indexOf(self.window_control) < 0:
            place = self._column.indexOf(self.comment_box)
            self._column.insertWidget(place, self.window_control)

    # --------------------------------------------------------------- setters
    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self._colors = colors
        self.setStyleSheet(focus_ring(colors))
        self.flag.set_colors(colors)
        self.labels.set_colors(colors)
        self.questions.set_colors(colors)
        self.zoom.setIcon(strip_icon("zoom-tool", colors))
        self.zoom.setStyleSheet(
            focus_style(colors)
            + f"QToolButton:checked {{ background: {colors.current};"
            f" border: 1px solid {colors.text}; }}"
        )
        self.place.setStyleSheet(
            focus_style(colors) + f"QToolButton {{ color: {colors.faint_text}; }}"
        )
        self._update_slice()
        self._update_notice()

    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys in the tooltips."""
        self._keymap = keymap
        self.flag.set_keymap(keymap)
        self.masks.set_keymap(keymap)
        self.boxes.set_keymap(keymap)
        self.brush.set_keymap(keymap)
        for widget, text, action in list(self._tips):
            self._tip(widget, action, text)

    def set_zoom_tool(self, on: bool) -> None:
        """Show whether the zoom tool is on."""
        self.zoom.setChecked(on)

    def set_strip_away(self, away: bool) -> None:
        """Offer to show the slices again, where their strip was closed."""
        self.slices_back.setVisible(away)

    def set_counts(self, counts: Counts) -> None:
        """Say how many cases there are, and are left."""
        self._counts = counts
        self._update_place()

    def _update_place(self) -> None:
        session, counts = self._session, self._counts
        case = None if session is None or not session.is_open else session.case
        text = ""
        if session is not None and case is not None and counts is not None:
            # << and >> go by the list that a case was opened from: so does this.
            listed, where = session.listed, "the list that it was opened from"
            place = None if listed is None else listed.place(case.row.case.id)
            number, total, left = case.row.ordinal + 1, counts.total, counts.left
            if place is None:
                where = "the job"
            else:
                number, total, left = place
            text = f"{number:,} / {total:,} · {left:,} left"
            self.place.setToolTip(
                f"Case {number:,} of the {total:,} in {where}; {left:,} of them left. "
                "Show the list of cases"
            )
        self.place.setText(text)
        self.place.setVisible(bool(text))

    def set_label_keys(self, keys: Mapping[int, str]) -> None:
        """Show the key of each label."""
        if self._session is not None:
            self.labels.set_project(self._session.job.project, keys)
            self._update()

    def bind(self, session: AnnotationSession, label_keys: Mapping[int, str]) -> None:
        """Follow a session."""
        self.unbind()
        self._session = session
        self._connections = Connections(
            [
                (session.opened, self._update),
                (session.closed, self._update),
                (session.busy, self._update_busy),
                (session.slice_changed, self._update_slice),
                (session.slices_changed, self._update_slice),
                (session.status_changed, self._update),
                (session.label_changed, self._update_slice),
                (session.history_changed, self._update_history),
                (session.saving.state_changed, self._update_state),
                (session.protection.changed, self.labels.set_protected),
            ]
        )
        self.labels.set_protected(session.protection.ids)
        self.set_label_keys(label_keys)

    def unbind(self) -> None:
        """Stop following."""
        self._connections.release()
        self._session = None

    # --------------------------------------------------------------- showing
    def _update(self, *_: object) -> None:
        session = self._session
        is_open = session is not None and session.is_open
        self._doing = "" if session is None else session.doing
        if self._doing:
            self.case_name.setText(f"{self._doing}…")
        elif is_open and session.case is not None:
            self.case_name.setText(session.case.row.case.name)
        else:
            self.case_name.setText("No case is open")
        locked = session is None or session.locked
        self.labels.set_enabled(is_open and not locked)
        decided = (self.nothing, self.exclude, self.propagate, self.fill, self.submit)
        for widget in decided:
            widget.setEnabled(is_open and not locked)
        for other in (self.previous, self.next, self.zoom, self.window_control):
            other.setEnabled(is_open)
        several = is_open and session.editor.n_slices > 1
        if is_open:
            self.propagate.setVisible(several)
            self.labels.set_several(several)
        self._update_place()
        self._update_notice()
        self._update_slice()
        self._update_history()
        self._update_state()

    def _update_busy(self, *_: object) -> None:
        session = self._session
        if session is not None and session.doing != self._doing:
            self._update()

    def _update_notice(self) -> None:
        session, text, color = self._session, "", self._colors.warning_text
        if session is not None and session.is_open and session.case is not None:
            returned = session.case.draft.returned
            if session.editor.refused is not None:
                text = f"Read-only: {session.editor.refused.what}."
            elif session.status is Status.FINISHED:
                back = "you take it back or " if self.may_take_back() else ""
                text = f"Submitted: read-only until {back}a reviewer returns it."
            elif session.status is Status.RETURNED and returned is not None:
                text = f"Returned by {returned.person}: see the comments below."
                self.comment_box.set_folded(False)
        self.history.set_events(() if session is None else session.rounds)
        self.take_back.setVisible(self.may_take_back())
        self.notice.setText(text)
        self.notice.setVisible(bool(text))
        style = f"color: {color};"
        if style != self.notice.styleSheet():  # Qt works out the same one anew, too
            self.notice.setStyleSheet(style)

    def may_take_back(self) -> bool:
        """Return whether the case that is shown was submitted and can be had back."""
        session = self._session
        if session is None or not session.is_open or session.case is None:
            return False
        draft = session.case.draft
        # What was submitted since it was opened waits; else it may have a verdict.
        waits = draft.status is not Status.FINISHED or draft.verdict is None
        allowed = session.job.project.options.reopen
        return allowed and waits and session.status is Status.FINISHED

    def _update_slice(self, *_: object) -> None:
        session = self._session
        case = None if session is None else session.case
        self.comments.line.set_case(None if case is None else case.row.case.id)
        if session is None or not session.is_open:
            self.labels.set_checked((), case_nothing=False)
            self.labels.set_current(None)
            self.nothing.setChecked(False)
            self.exclude.setChecked(False)
            return
        editor = session.editor
        content = editor.content(session.slice)
        ids = {*content.class_labels, *editor.annotation.case_labels}
        self.labels.set_checked(
            ids, case_nothing=editor.annotation.case_nothing_to_label
        )
        self.labels.set_current(session.label)
        method = session.job.project.label_set.method_at(session.label)
        self.fill.setVisible(method is Method.SEGMENTATION)
        self.nothing.setChecked(content.decision is Decision.NOTHING_TO_LABEL)
        self.exclude.setChecked(content.excluded)

    def set_threads(
        self,
        threads: Sequence[Thread],
        current: str = "",
        *,
        new: Collection[str] = (),
        removable: Collection[str] = (),
        may_answer: bool = False,
        may_write: bool = True,
    ) -> None:
        """Show what was said of the case; see :meth:`CommentList.set_threads`."""
        self.comments.set_threads(
            threads, current, new=new, removable=removable, may_answer=may_answer
        )
        self.comments.set_editable(may_write)
        n, n_open = len(threads), self.comments.threads.n_open
        several = f"Comments ({n}, {n_open} open)" if n_open else f"Comments ({n})"
        self.comment_box.set_title(several if n else "Comments")
        if set(new) - self._known_new:
            self.comment_box.set_folded(False)
        self._known_new = set(new)

    def begin_comment(self) -> None:
        """Let a comment be written on the slice, or the case."""
        self.comment_box.set_folded(False)
        self.comments.begin()

    def begin_pinned(self, words: str) -> None:
        """Let a comment be written on an object that is named in words."""
        self.comment_box.set_folded(False)
        self.comments.begin_pinned(words)

    def _update_history(self, *_: object) -> None:
        session = self._session
        is_open = session is not None and session.is_open
        for button, verb in ((self.undo, "undo"), (self.redo, "redo")):
            text = getattr(session.editor.history, f"{verb}_text") if is_open else None
            button.setEnabled(text is not None and not session.locked)
            tip = f"{verb.capitalize()}: {text}" if text else verb.capitalize()
            self._tip(button, verb, tip)

    def _update_state(self, *_: object) -> None:
        session = self._session
        is_open = session is not None and session.is_open
        self.state.set_state(session.saving.state if is_open else None)

    # A check box of Qt changes by itself when clicked; only the session decides.
    def _on_nothing(self) -> None:
        self._update_slice()
        self.nothing_requested.emit()

    def _on_exclude(self) -> None:
        self._update_slice()
        self.exclude_requested.emit()

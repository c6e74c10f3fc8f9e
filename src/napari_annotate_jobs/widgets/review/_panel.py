"""The dock in which a submitted case is judged."""

from __future__ import annotations

from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QToolButton,
    QWidget,
)
from superqt import QElidingLabel

from napari_annotate_jobs.widgets.annotate._flag_mark import FlagMark
from napari_annotate_jobs.widgets.jobs._model import facts_text
from napari_annotate_jobs.widgets.keys._guest import KeyboardGuest
from napari_annotate_jobs.widgets.keys._keys import key_text
from napari_annotate_jobs.widgets.parts._case_line import CaseLine
from napari_annotate_jobs.widgets.parts._key_button import KeyButton
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._made import text_label
from napari_annotate_jobs.widgets.parts._sections import Section
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    focus_ring,
    focus_style,
    main_button_style,
)
from napari_annotate_jobs.widgets.strip._bar import strip_icon

from ._rounds import HistoryBox
from ._threads import ThreadList, place_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qtpy.QtGui import QKeyEvent

    from napari_annotate_jobs.model import HistoryEvent, ReviewRow, Thread
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

__all__ = ["About", "ReviewPanel", "Writing"]


class Writing(StrEnum):
    """What becomes of the line that is written."""

    COMMENT = "comment"
    REPLY = "reply"
    FAIL = "fail"
    RETURN = "return"


class About(StrEnum):
    """What a comment is about."""

    PLACE = "at place"
    SLICE = "on slice"
    CASE = "on case"
    OBJECT = "on object"


_ASKS = {
    Writing.COMMENT: "Comment, then Enter",
    Writing.REPLY: "Reply, then Enter",
    Writing.FAIL: "Why it fails, then Enter",
    Writing.RETURN: "What is to be changed, then Enter",
}


class ReviewPanel(KeyboardGuest):
    """Who submitted what is seen, the verdicts, the threads, and what changed.

    Setters emit nothing; what the user does is asked for by signals.

    Parameters
    ----------
    window_control : QWidget
        Shown below the verdicts.
    keymap : KeyMap
        The keys of the actions, shown on the buttons.
    """

    pass_requested = Signal()
    fail_requested = Signal()
    """The case is to fail; the reason may have to be asked for."""
    return_requested = Signal()
    written = Signal(str, str, str)
    """What a line is for (a :class:`Writing`), its text, and its :class:`About`."""
    undo_requested = Signal()
    correct_requested = Signal()
    """A copy of what is seen is to be corrected."""
    beside_requested = Signal()
    """The other reading is to stand beside it, or to go."""
    go_requested = Signal(int)
    compare_requested = Signal(int)
    """Place of what to compare with; -1 for nothing."""
    slice_requested = Signal(int)
    thread_requested = Signal(str)
    reply_requested = Signal(str)
    resolve_requested = Signal(str, bool)
    zoom_tool_requested = Signal(bool)
    help_requested = Signal()

    def __init__(
        self, window_control: QWidget, keymap: KeyMap, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("review")
        self._colors = Colors.dark()
        self._keymap = keymap
        self._mode = Writing.COMMENT
        self.window_control = window_control
        self._build()
        self._lay_out()
        self.host(self)
        self.set_keymap(keymap)
        self.set_colors(self._colors)
        self.set_case(None)

    # -------------------------------------------------------------- building
    def _build(self) -> None:
        self.case_name = QElidingLabel()
        self.case_name.setObjectName("case_name")
        font = self.case_name.font()
        font.setBold(True)
        self.case_name.setFont(font)
        self.flag = FlagMark(self._keymap, self)
        self.who = QLabel()
        self.state = QLabel()
        for label in (self.who, self.state):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.zoom = QToolButton()
        self.zoom.setObjectName("zoom_tool")
        self.zoom.setAccessibleName("Zoom tool")
        self.zoom.setIconSize(QSize(18, 18))
        self.zoom.setCheckable(True)
        self.zoom.clicked.connect(self.zoom_tool_requested)
        self.help = QToolButton()
        self.help.setObjectName("help")
        self.help.setText("?")
        self.help.setAccessibleName("Keys and mouse")
        self.help.clicked.connect(self.help_requested)
        for tool in (self.zoom, self.help):
            tool.setFixedSize(26, 24)
        self.passes = KeyButton("Pass", "pass_case", self.pass_requested)
        self.fails = KeyButton("Fail…", "fail_case", self.fail_requested)
        self.returns = KeyButton("Return…", "return_case", self.return_requested)
        self.corrects = KeyButton("Correct…", "correct_case", self.correct_requested)
        self.beside = KeyButton("Side by side", "side_by_side")
        self.beside.setCheckable(True)
        self.beside.clicked.connect(self._on_beside)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        # All its lines, whatever else there is; a long name is cut at the end.
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.undo = KeyButton("Undo", "undo", self.undo_requested)
        self.line = CaseLine()
        self.line.setAccessibleName("Comment or reason")
        self.line.returnPressed.connect(self._write)
        self.about = QComboBox()
        self.about.addItems([str(pin) for pin in About])
        self.about.setAccessibleName("What the comment is about")
        self.threads = ThreadList(110)
        self.threads.chosen.connect(self.thread_requested)
        self.threads.resolve_requested.connect(self.resolve_requested)
        self.threads.reply_requested.connect(self.reply_requested)
        self.thread_box = Section("Threads", self.threads)
        self.history = HistoryBox()
        self.against = QComboBox()
        self.against.setAccessibleName("Compare with")
        self.against.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.against.activated.connect(lambda at: self.compare_requested.emit(at - 1))
        self.differences = QListWidget()
        self.differences.setAccessibleName("Differing slices")
        self.differences.setMinimumHeight(40)
        # It takes what the threads leave.
        self.differences.setSizePolicy(
            QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored
        )
        self.differences.setWordWrap(True)
        self.differences.itemClicked.connect(self._on_difference)
        self.differences.itemActivated.connect(self._on_difference)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.said = text_label()
        self.said.setAccessibleName("What was answered here")
        self.said.hide()
        self.previous = KeyButton("«", "previous_case")
        self.previous.setAccessibleName("Previous submitted case")
        self.previous.clicked.connect(lambda: self.go_requested.emit(-1))
        self.next = KeyButton("»", "next_case")
        self.next.setAccessibleName("Next submitted case")
        self.next.clicked.connect(lambda: self.go_requested.emit(1))

    def _lay_out(self) -> None:
        top = row_of(
            (self.case_name, 1), self.flag.button, self.zoom, self.help, spacing=2
        )
        verdicts = column_of(
            self.passes, self.corrects, self.fails, self.returns, spacing=3
        )
        write = row_of((self.line, 1), self.about, spacing=3)
        changed = QWidget()
        column_of(
            row_of((self.against, 1), self.beside, spacing=3),
            self.legend,
            self.summary,
            (self.differences, 1),
            parent=changed,
            spacing=3,
            margins=0,
        )
        self.changes = Section("What changed", changed)
        for step in (self.previous, self.next):
            step.setMaximumWidth(44)
        bottom = row_of((self.previous, 1), (self.undo, 3), (self.next, 1), spacing=4)
        self._column = column_of(
            top,
            self.flag.text,
            self.who,
            self.history,
            self.state,
            verdicts,
            write,
            self.said,
            self.thread_box,
            (self.changes, 1),
            0,
            self.window_control,
            bottom,
            parent=self,
            spacing=5,
            margins=(6, 4, 6, 6),
        )
        self.setMinimumWidth(270)

    def hold_window_control(self) -> None:
        """Show the control of the window here, where it was elsewhere."""
        if self._column.indexOf(self.window_control) < 0:
            self._column.insertWidget(self._column.count() - 1, self.window_control)

    # --------------------------------------------------------------- setters
    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self._colors = colors
        self.setStyleSheet(focus_ring(colors))
        self.passes.setStyleSheet(main_button_style(colors))
        self.state.setStyleSheet(f"QLabel {{ color: {colors.warning_text}; }}")
        self.flag.set_colors(colors)
        self.zoom.setIcon(strip_icon("zoom-tool", colors))
        self.zoom.setStyleSheet(
            focus_style(colors)
            + f"QToolButton:checked {{ background: {colors.current};"
            f" border: 1px solid {colors.text}; }}"
        )

    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys."""
        self._keymap = keymap
        self.flag.set_keymap(keymap)
        tips = (
            (self.passes, "Fit for training; then the next waiting case opens"),
            (self.fails, "Kept out of every export; a reason is needed"),
            (self.returns, "Back to its annotator; a comment is needed"),
            (self.corrects, "Edit a copy, and pass that; what was submitted stays"),
            (self.beside, "Show the other reading beside this one; both move together"),
            (self.undo, "Take the last verdict back, and open its case again"),
            (self.previous, "Previous submitted case"),
            (self.next, "Next submitted case"),
        )
        for button, text in tips:
            action = button.objectName()
            button.setToolTip(text + keymap.hint(action))
            button.set_key(key_text(keymap.key(action)))
        self.help.setToolTip("Keys and mouse" + keymap.hint("help"))
        self.zoom.setToolTip(
            "Zoom tool: slide up and down in the image to zoom; Esc ends it"
            + keymap.hint("zoom_tool")
        )
        self.against.setToolTip(
            "What to compare with what is seen" + keymap.hint("compare")
        )
        self.differences.setToolTip(
            "The worst first; a click goes there. Next difference"
            + keymap.hint("next_change")
        )

    def set_zoom_tool(self, on: bool) -> None:
        """Show whether the zoom tool is on."""
        self.zoom.setChecked(on)

    def set_case(
        self,
        row: ReviewRow | None,
        history: Sequence[HistoryEvent] = (),
        *,
        refused: str = "",
        unseen: str = "",
    ) -> None:
        """Show which submission is seen.

        Parameters
        ----------
        row : ReviewRow, optional
            None while none is open.
        history : sequence of HistoryEvent
            All rounds of the case.
        refused : str
            Why no verdict can be given; empty if one can.
        unseen : str
            How many slices its annotator never had on the screen; empty if none.
        """
        is_open = row is not None
        self.case_name.setText(row.case.name if row else "No case is open")
        self.who.setVisible(is_open)
        if row is not None:
            self.who.setText("\n".join(filter(None, (facts_text(row), unseen))))
            of = f"Submission {row.number} of {row.person}"
            when = (
                "" if row.time is None else f", {row.time.astimezone():%d %B %Y %H:%M}"
            )
            self.who.setToolTip(of + when)
        self.history.set_events(history)
        self.state.setText(refused)
        self.state.setVisible(bool(refused))
        for button in (self.passes, self.corrects, self.fails, self.returns):
            button.setEnabled(is_open and not refused)
        for other in (self.line, self.about, self.previous, self.next):
            other.setEnabled(is_open)
        self.begin(Writing.COMMENT)
        self.line.set_case(None if row is None else (row.case.id, row.person))

    def set_undo(self, text: str) -> None:
        """Say what Undo takes back; empty for nothing."""
        self.undo.setText(text or "Undo")
        self.undo.setEnabled(bool(text))

    def set_pins(self, pins: Sequence[About], chosen: About | None = None) -> None:
        """Offer what a comment can be about now.

        Parameters
        ----------
        pins : sequence of About
            All that is offered.
        chosen : About, optional
            What is taken; by default what was taken before, or the first.
        """
        texts = [str(pin) for pin in pins]
        if texts != [self.about.itemText(i) for i in range(self.about.count())]:
            kept = self.about.currentText()
            self.about.clear()
            self.about.addItems(texts)
            if kept in texts and kept not in (About.OBJECT, About.PLACE):
                self.about.setCurrentText(kept)
        if chosen is not None:
            self.about.setCurrentText(str(chosen))

    def set_threads(
        self,
        threads: Sequence[Thread],
        current: str = "",
        *,
        new: Collection[str] = (),
    ) -> None:
        """Show the threads; see :meth:`ThreadList.set_threads`."""
        self.threads.set_threads(threads, current, new=new)
        self.thread_box.setVisible(bool(threads))
        self.thread_box.set_title(f"Threads ({self.threads.n_open} open)")

    def set_choices(self, texts: Sequence[str], current: int = -1) -> None:
        """Offer what to compare with; `current` is its place, -1 for nothing."""
        self.against.clear()
        self.against.addItems(["Compare with…", *texts])
        self.against.setCurrentIndex(current + 1)
        self.changes.setVisible(bool(texts))

    def set_said(self, text: str) -> None:
        """Say what was answered on the slice; empty hides it."""
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def set_legend(self, entries: Sequence[tuple[str, str, str]] = ()) -> None:
        """Say what the outlines are: colour, a sign for the style, and whose."""
        self.legend.setText(
            "<br>".join(
                f'<b style="color: {color};">{sign}</b>&nbsp; {escape(text)}'
                for color, sign, text in entries
            )
        )
        self.legend.setVisible(bool(entries))

    def set_beside(self, on: bool) -> None:
        """Show whether the other reading stands beside it."""
        self.beside.setChecked(on)

    def _on_beside(self) -> None:
        self.beside.setChecked(not self.beside.isChecked())  # whoever acts decides
        self.beside_requested.emit()

    def set_differences(
        self, rows: Sequence[tuple[int, str]], summary: str = ""
    ) -> None:
        """List differing slices, the worst first, each with what differs."""
        self.differences.clear()
        for index, text in rows:
            item = QListWidgetItem(f"Slice {index + 1}: {text}")
            item.setData(Qt.ItemDataRole.UserRole, index)
            self.differences.addItem(item)
        self.differences.setVisible(bool(rows))
        self.summary.setText(summary)
        self.summary.setVisible(bool(summary))

    def set_current(self, index: int) -> None:
        """Mark the slice that is seen among the differing ones."""
        for place in range(self.differences.count()):
            item = self.differences.item(place)
            if item is not None and item.data(Qt.ItemDataRole.UserRole) == index:
                self.differences.setCurrentItem(item)
                return
        self.differences.setCurrentRow(-1)

    # --------------------------------------------------------------- writing
    @property
    def mode(self) -> Writing:
        """What becomes of the line that is written."""
        return self._mode

    def begin(self, mode: Writing, about: str = "", *, focus: bool = True) -> None:
        """Let a line be written; its field gets the keyboard, except for comments.

        Parameters
        ----------
        mode : Writing
            What it is for.
        about : str
            What is replied to.
        focus : bool
            False leaves the keyboard where it is.
        """
        self._mode = mode
        self.line.setPlaceholderText(_ASKS[mode] + (f" ({about})" if about else ""))
        self.about.setVisible(mode in (Writing.COMMENT, Writing.RETURN))
        if focus and mode is not Writing.COMMENT:
            self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def begin_reply(self, thread: Thread) -> None:
        """Let a reply be written."""
        self.begin(
            Writing.REPLY, f"to {thread.first.person}, {place_text(thread.first)}"
        )

    @property
    def pin(self) -> About:
        """What it is about."""
        return About(self.about.currentText() or About.CASE)

    def _write(self) -> None:
        mode, pin, text = self._mode, self.pin, self.line.take()
        if not text:
            return
        self.begin(Writing.COMMENT)
        self.written.emit(str(mode), text, str(pin))

    def _let_go_of_line(self) -> None:
        if self._mode is not Writing.COMMENT:
            self.begin(Writing.COMMENT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Write nothing after all, on Esc."""
        if event.key() == Qt.Key.Key_Escape and self.line.hasFocus():
            self._let_go_of_line()
        super().keyPressEvent(event)

    def _on_difference(self, item: QListWidgetItem) -> None:
        self.slice_requested.emit(int(item.data(Qt.ItemDataRole.UserRole)))
        self.keyboard_released.emit()

"""One open job on the screen: its session, the bridge to napari, docks and keys."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.app.controllers._ask_attributes import AnswerController
from napari_annotate_jobs.app.controllers._boxes import BoxActions
from napari_annotate_jobs.app.controllers._fill import FillController
from napari_annotate_jobs.app.controllers._masks import MaskActions
from napari_annotate_jobs.errors import DamagedJournalError, UnsavedWorkError
from napari_annotate_jobs.imaging import default_budget
from napari_annotate_jobs.session import ALL_FINISHED, Connections
from napari_annotate_jobs.viewer import ViewerBridge
from napari_annotate_jobs.widgets import (
    ACTIONS,
    OF_JOBS,
    STEPPING,
    AnnotateDock,
    Colors,
    KeyMap,
    PropagatePanel,
    SliceStrip,
    Veil,
    WindowControl,
    label_keys,
    paint_in,
    split_row_key,
)

from ._applies import applies
from ._around_image import AroundImage
from ._asks import brief, notify, offer, tell_error, unsay
from ._canvas import CanvasMouse, DrawingContext, Typing, canvas_of
from ._case_actions import CaseController
from ._key_router import KeyRouter
from ._on_screen import OnScreen, SliceWatch
from ._plane_canvases import PlaneCanvases
from ._player import Player
from ._propagate_dock import PropagateDock
from ._save_questions import SaveQuestions
from ._slice_pictures import SlicePictures
from ._strip_dock import StripDock, put_corners
from .controllers import (
    BrushController,
    FlagController,
    ForeignController,
    MeasureController,
    PointedController,
    PropagateController,
    StripController,
    ThreadController,
    Workbench,
    list_threads,
    show_places,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from qtpy.QtWidgets import QDockWidget, QWidget

    from napari_annotate_jobs.model import CaseRow, Thread
    from napari_annotate_jobs.session import (
        AnnotationSession,
        Executor,
        Listed,
        ReviewSession,
    )
    from napari_annotate_jobs.widgets import KeyboardGuest

    from ._settings import Settings

__all__ = ["OpenJob"]

ALWAYS = frozenset({"next_case", "previous_case", "list_cases", "help"})
"""Actions whose keys act while a case is opened or submitted."""
LOOK_AGAIN = 10_000
"""Milliseconds between two looks whether owners have edited the job."""
SUBMITTED = "what was submitted"
"""What notifications are about that offer to take a submission back."""


class OpenJob(QObject):
    """Everything an annotator has at hand while a case is open.

    The docks appear with the first case and go with :meth:`close`; closing the
    Annotate dock closes the case.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to work.
    session : AnnotationSession
        The job.
    images : Executor
        Reads pixels.
    settings : Settings
        The user's choices.
    keymap : KeyMap
        The keys of the actions.
    colors : Colors
        Of napari's theme.
    """

    help_requested = Signal()
    """The list of keys is to be shown."""
    SIDE = "Annotate"
    """What the dock beside the image is called."""
    review: ReviewSession | None = None
    """What is reviewed here; None where cases are annotated."""
    finished = Signal()
    """Who goes on has submitted every case."""
    edit_requested = Signal()
    """The job is to be edited."""
    jobs_requested = Signal()
    """The job's page is to be shown."""

    def __init__(
        self,
        viewer: napari.Viewer,
        session: AnnotationSession,
        images: Executor,
        settings: Settings,
        keymap: KeyMap,
        colors: Colors,
    ) -> None:
        super().__init__()
        self.viewer, self.session = viewer, session
        self._keymap, self._settings = keymap, settings
        self._docks: list[QDockWidget] = []
        self.bridge = ViewerBridge(
            viewer,
            session,
            images,
            on_error=self.show_error,
            budget=settings.image_memory or default_budget(),
            draw_text=False,
        )
        self._pictures = SlicePictures(session, self.bridge, images)
        self.veil = Veil()
        self._canvas: Any = None
        self._drawing: DrawingContext | None = None
        self.on_screen: OnScreen | None = None
        self._typing: Typing | None = None
        self._mouse: CanvasMouse | None = None
        self.window_control = WindowControl()
        self.annotate = AnnotateDock(self.window_control, keymap)
        self.side = self._make_side()
        self.strip = SliceStrip()
        self.strip_dock = StripDock(viewer, self.strip)
        self.strip_dock.away_changed.connect(self.annotate.set_strip_away)
        self.annotate.slices_requested.connect(self.strip_dock.toggle)
        self.propagate = PropagatePanel()
        self._propagate_dock = PropagateDock(viewer, self.propagate)
        self.bench = Workbench(
            session,
            window=lambda: self.main_window,
            show_error=self.show_error,
            take=self.bridge.take,
            is_there=lambda: self.on_screen is None or self.on_screen.is_there,
            after=self.focus_canvas,
            selection=self.strip.selection,
            plane=lambda: self.bridge.plane,
        )
        bench, bridge, dock = self.bench, self.bridge, self.annotate
        self.boxes = BoxActions(bench, bridge, dock.boxes, self.propagate)
        self.masks = MaskActions(bench, bridge, images, dock.masks, self.propagate)
        self.slices = self.masks.slices
        self.answers = AnswerController(bench, bridge, dock.questions, dock.labels)
        self.brush = BrushController(bench, bridge, dock.brush)
        self.fill = FillController(
            bench, bridge, self.masks.worker, viewer.window, self.raise_annotate
        )
        self.measures = MeasureController(bench, bridge, images, dock.labels)
        self.saving = SaveQuestions(bench, images, lambda: self.bridge.series, self)
        self.actions = CaseController(
            bench,
            self.slices,
            bridge,
            press=self._press,
            settle=self.saving.settle,
            unsaid=self.annotate.comments.line.give_back,
            open_threads=self._open_threads,
            go_thread=lambda thread: self.threads.go(thread),
            begin_line=self._begin_pinned,
            ask_for=self.answers.ask_for,
        )
        self.pointed = PointedController(
            bench,
            bridge,
            canvas=lambda: self._canvas,
            keymap=lambda: self._keymap,
            comment=None if self.review else self.actions.begin_pinned,
        )
        self.threads = ThreadController(
            session,
            show=self._show_threads,
            go_slice=self.actions.go_slice,
            show_error=self.show_error,
            tell=notify,
        )
        self._keys: KeyRouter | None = None
        window = partial(getattr, self, "main_window")
        self.around = AroundImage(
            session,
            bridge,
            self._pictures,
            settings,
            window,
            framed=self.review is None,
        )
        self.planes = PlaneCanvases(bridge, window, bench.is_there, notify)
        self._looks = QTimer(self)
        self._looks.setInterval(LOOK_AGAIN)
        self._looks.timeout.connect(session.watch.look)
        self._looks.start()
        self.player = Player(viewer, session, lambda: self._keymap)
        self._connect()
        self._use_ways()
        self.set_colors(colors)

    def _make_side(self) -> KeyboardGuest:
        """Return what stands beside the image."""
        return self.annotate

    # ------------------------------------------------------------ connecting
    def _connect(self) -> None:
        session, actions = self.session, self.actions
        self._connections = Connections(
            [
                (session.opened, self._on_opened),
                (session.closed, self._on_closed),
                (session.busy, self._on_busy),
                (session.failed, self.show_error),
                (session.told, self._tell),
                (session.label_changed, self._on_label),
                (session.job_changed, self._on_job),
                (session.submitted, self._offer_take_back),
                (session.status_changed, self._show_threads),
            ]
        )
        self.label_keys = label_keys(session.job.project.label_set, self._keymap)
        self.annotate.bind(session, self.label_keys)
        self.window_control.bind(session)
        self.foreign = ForeignController(
            self.annotate.aside, self.bridge.foreign, self.bench
        )
        self.flags = FlagController(self.bench, self.annotate.flag)
        self._controllers: tuple[Any, ...] = (
            self.flags,
            StripController(self.strip, self.bench, self.slices, self._go_change),
            PropagateController(self.propagate, self.bench),
            self.foreign,
        )
        bridge, connect = self.bridge, self._connections.connect
        connect(bridge.text_changed, self.around.read_out.set_text)
        connect(bridge.offered, offer)
        connect(bridge.pressed, self.strip.clear_selection)
        self.strip.selection_changed.connect(self._on_selection)
        self.strip.slice_requested.connect(self._on_slice_requested)
        self.strip.propagate_requested.connect(self.show_propagate)
        self.strip.set_picture_source(self._pictures.draw)
        self.propagate.set_picture_source(self._pictures.draw)
        self.propagate.finished.connect(self.hide_propagate)
        self.strip.keyboard_released.connect(self.focus_canvas)
        dock = self.annotate
        dock.keyboard_released.connect(self.focus_canvas)
        dock.propagate_requested.connect(self.show_propagate)
        dock.fill_requested.connect(self.fill.show)
        dock.thread_requested.connect(self.threads.go)
        dock.thread_replied.connect(self._reply)
        dock.thread_settled.connect(self.threads.resolve)
        actions.serve(dock)
        dock.zoom_tool_requested.connect(self.set_zoom_tool)
        dock.jobs_requested.connect(self.jobs_requested)
        dock.help_requested.connect(self.help_requested)

    def _on_job(self, *_: object) -> None:
        """Offer the labels as they are now, and let their keys choose them."""
        labels = self.session.job.project.label_set
        self.label_keys = label_keys(labels, self._keymap)
        self.annotate.set_label_keys(self.label_keys)
        if self._keys is not None:
            self._set_keys(self._keys)

    def set_keymap(self, keymap: KeyMap) -> None:
        """Use other keys from now on."""
        self._keymap = keymap
        self._use_ways()
        self.annotate.set_keymap(keymap)
        self._on_job()
        self.strip.set_keymap(keymap)
        self.window_control.set_keymap(keymap)
        self.around.set_keymap(keymap)

    def _set_keys(self, router: KeyRouter) -> None:
        stepping = {self._keymap.key(action) for action in STEPPING}
        router.set_keys(self._key_calls(), stepping)

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        actions = self.actions
        calls: dict[str, Callable[[], None]] = {
            "nothing_to_label": actions.nothing_to_label,
            "exclude": actions.exclude,
            "propagate": self.show_propagate,
            "confirm": actions.confirm,
            "reject": actions.reject,
            "copy": actions.copy,
            "paste": actions.paste,
            "next_thread": self.threads.next,
            "resolve_thread": self.threads.resolve_and_go_on,
            "protect": actions.protect,
            "comment": self._begin_comment,
            "case_nothing": actions.case_nothing,
            "save_again": actions.settle_save,
            "undo": actions.undo,
            "redo": actions.redo,
            "next_undecided": lambda: actions.go_undecided(1),
            "previous_undecided": lambda: actions.go_undecided(-1),
            "next_change": partial(self._go_change, 1),
            "previous_change": partial(self._go_change, -1),
            "play": self.player.toggle,
            "submit": actions.submit,
            "nothing_submit_next": actions.nothing_submit_next,
            "take_back": actions.take_back,
            "open_first": self.open_first,
            "list_cases": self.jobs_requested.emit,
            "slices": self.strip_dock.toggle,
            "next_case": lambda: actions.go_case(1),
            "previous_case": lambda: actions.go_case(-1),
            "zoom_tool": self.toggle_zoom_tool,
            "three_planes": self.planes.toggle,
            "cross_here": self.planes.cross_here,
            "help": self.help_requested.emit,
        }
        if self.session.job.may_edit(self.session.store.person):
            calls["edit_job"] = self.edit_requested.emit
        calls |= self.around.by_id() | self.pointed.by_id() | self.brush.by_id()
        calls |= self.boxes.by_id() | self.fill.by_id() | self.flags.by_id()
        calls |= self.foreign.by_id() | self.answers.by_id()
        calls |= self.masks.by_id() | self.measures.by_id()
        return calls | self.window_control.by_id()

    def _key_calls(self) -> dict[str, Callable[[], None]]:
        """Return what each key does in the open case.

        Space is bound apart, see :class:`Player`, and so are keys that need no case,
        see :class:`JobActions`.
        """
        calls: dict[str, Callable[[], None]] = {
            key: partial(self.do, action)
            for action in self.by_id()
            for key in [self._keymap.key(action)]
            if key and action != "play" and action not in OF_JOBS
        }
        return calls | self._label_calls()

    def _label_calls(self) -> dict[str, Callable[[], None]]:
        """Return what the keys of labels do."""
        labels, use = self.session.job.project.label_set, self.actions.use_label
        return {
            key: partial(self._unless_moving, partial(use, labels[label_id]))
            for label_id, key in self.label_keys.items()
        }

    def do(self, action_id: str) -> None:
        """Do an action, whoever asks: its key, or the command palette.

        Parameters
        ----------
        action_id : str
            One of :data:`ACTIONS`; nothing happens if the job has no such work.
        """
        call = self.by_id().get(action_id)
        if call is not None and (action_id in ALWAYS or not self.session.is_moving):
            call()

    def applies(self, action_id: str) -> bool:
        """Return True if an action of the job can be done now.

        Parameters
        ----------
        action_id : str
            One of :data:`ACTIONS`.
        """
        when = next((a.when for a in ACTIONS if a.id == action_id), None)
        if when is None or action_id not in self.by_id():
            return False
        boxes = self.bridge.boxes
        return applies(
            when,
            self.session,
            moving=action_id in ALWAYS,
            has_object=boxes is not None and boxes.current_track is not None,
            are_waiting=self.masks.are_waiting,
            may_take_back=self.annotate.may_take_back(),
        )

    def _press(self) -> bool:
        """Return True if a press is meant for the case that is on the screen."""
        return self.on_screen is not None and self.on_screen.press()

    def _unless_moving(self, call: Callable[[], None]) -> None:
        if not self.session.is_moving:
            call()

    # ----------------------------------------------------------------- docks
    @property
    def main_window(self) -> QWidget:
        """The viewer's window."""
        # A dock that is being closed has been taken out of it already, and one that is
        # to come is not in it yet.
        inside: QWidget = self._canvas or self.viewer.window.window_menu.parentWidget()
        window = inside.window()
        assert window is not None
        return window

    def _on_busy(self, doing: str) -> None:
        opening = bool(doing) and doing != "Submitting"
        self.veil.set_text(f"{doing}…" if opening else "")
        if opening and not self._docks:
            self.around.make_room(self.main_window)
        elif not doing and not self._docks and not self.session.is_open:
            self.around.room.set_made(False)

    def _on_opened(self) -> None:
        if self.on_screen is not None:
            self.on_screen.forget()
        if not self._docks:
            self._add_docks()
        several = self.session.editor.n_slices > 1
        self.strip_dock.set_wanted(several)
        self._annotate_dock.raise_()
        self._follow_threads()
        self.actions.arm(self._settings.arm)
        self.player.bind_space()
        self.focus_canvas()
        self.planes.come_back()

    def focus_canvas(self) -> None:
        """Give the image the keyboard, where one can type: arrows, Space, labels."""
        if self._docks:
            self._canvas.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _add_docks(self) -> None:
        add = self.viewer.window.add_dock_widget
        self._annotate_dock = add(
            self.side,
            name=self.SIDE,
            area="right",
            tabify=True,
            add_vertical_stretch=False,
        )
        self.strip_dock.open()
        self._docks = [self._annotate_dock]
        put_corners(self.main_window, below_all=False)
        self._canvas = canvas_of(self.main_window)
        self.veil.lay_over(self.main_window)
        if self._drawing is None:
            self._drawing = DrawingContext(self.viewer, self._canvas)
        self._typing = Typing(self._canvas)
        self._mouse = CanvasMouse(self._canvas)
        edges = self.around.lay_over(self.main_window, self._canvas, self._keymap)
        self.planes.offer(edges.planes)
        self.measures.offer(edges.ruler)
        self.measures.toggled.connect(self._bind_escape)
        self.on_screen = OnScreen(self._canvas, lambda: self.bridge.is_shown)
        SliceWatch(self.on_screen, self._canvas, self.session, self.bridge)
        self.strip.follow(self.side.follow(self._canvas))
        self.side.installEventFilter(self)
        self._keys = KeyRouter(self.main_window)
        self._set_keys(self._keys)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Close the case when its dock is closed; hiding the dock hides it only."""
        if (
            event.type() == QEvent.Type.ParentChange
            and watched is self.side
            and self.side.parent() is None
            and self._docks
        ):
            self.session.when_shown(self._leave)
        return False

    def _leave(self) -> None:
        self._remove_docks()
        self.saving.leave(self.session.close_case, self._on_opened)

    def _remove_docks(self) -> None:
        docks, self._docks = self._docks, []
        if docks:
            put_corners(self.main_window, below_all=True)
        self.side.removeEventFilter(self)
        if self._keys is not None:
            self._keys.set_escape(None, self.main_window)
            self._keys.clear()
            self._keys = None
        if self.on_screen is not None:
            self.on_screen.close()
            self.on_screen = None
        if self._typing is not None:
            self._typing.close()
            self._typing = None
        if self._mouse is not None:
            self._mouse.close()
            self._mouse = None
        self.around.take_off()
        self.planes.close()
        self.strip_dock.close()
        for dock in docks:
            if self.side.parent() is not None:
                self.viewer.window.remove_dock_widget(dock)
        self.hide_propagate()

    def _on_closed(self) -> None:
        self.planes.leave()
        self.threads.follow(None)
        self.hide_propagate()
        self.player.close()

    def show_propagate(self, *_: object) -> None:
        """Show the panel that propagates what the slice says."""
        if self.session.locked or self.session.editor.n_slices < 2:
            return
        self._propagate_dock.show(self.strip.selection())

    def raise_annotate(self) -> None:
        """Show the labels again, where another panel was shown."""
        if self._docks:
            self._annotate_dock.raise_()

    def hide_propagate(self) -> None:
        """Take the panel away; the Annotate dock is what one goes back to."""
        if self._propagate_dock.hide() and self._docks:
            self._annotate_dock.raise_()
            self.strip.clear_selection()
            self.focus_canvas()

    # --------------------------------------------------------------- viewing
    def use(self, settings: Settings) -> None:
        """Follow the user's choices of what is shown around the image."""
        self._settings = settings
        self._use_ways()
        self.around.use(settings)

    def _use_ways(self) -> None:
        """Let wheel and Space do what goes with the set of keys."""
        ways, mouse = self._keymap.ways, self.bridge.mouse
        mouse.wheel_steps = self._settings.wheel_steps or ways.wheel_steps
        mouse.go_case = self.actions.go_case if ways.wheel_cases else None
        self.player.bind_space()

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        panels = (self.annotate, self.strip, self.propagate, self.fill.panel, self.veil)
        for panel in panels:
            paint_in(panel, colors)

    def set_zoom_tool(self, on: bool) -> None:
        """Let the left button zoom by sliding."""
        self.bridge.mouse.zoom_tool = on
        self.annotate.set_zoom_tool(on)
        if self._keys is not None:
            self._bind_escape()

    def _bind_escape(self) -> None:
        """Let Esc end a selection from anywhere, and the zoom tool in the image."""
        if self._keys is None:
            return
        if self.strip.selection() is not None:
            self._keys.set_escape(self._let_go, self.main_window)
        elif self.measures.is_on:
            self._keys.set_escape(self.measures.stop, self._canvas or self.main_window)
        elif self.bridge.mouse.zoom_tool:
            self._keys.set_escape(
                partial(self.set_zoom_tool, False), self._canvas or self.main_window
            )
        else:
            self._keys.set_escape(None, self.main_window)

    def _let_go(self) -> None:
        focus = QApplication.focusWidget()
        if focus is not None and (
            focus is self.propagate or self.propagate.isAncestorOf(focus)
        ):
            self.hide_propagate()
        self.strip.let_go()

    def toggle_zoom_tool(self) -> None:
        """Switch the zoom tool on or off."""
        self.set_zoom_tool(not self.bridge.mouse.zoom_tool)

    def _go_change(self, step: int) -> None:
        """Go to the next or previous slice that says something else."""
        self.actions.go_change(step)

    # --------------------------------------------------------------- threads
    def _follow_threads(self) -> None:
        """Turn to what is said of the case that was opened."""
        discussion = self.session.discussion
        self.threads.follow(discussion)
        if discussion is not None:
            self.threads.take_here()
            discussion.mark_read()

    def _open_threads(self) -> Sequence[Thread]:
        """Return the open threads that a submission is to tell of."""
        discussion = self.session.discussion
        return () if discussion is None else discussion.unsettled

    def _begin_comment(self) -> None:
        self.raise_annotate()
        self.annotate.begin_comment()

    def _begin_pinned(self, words: str) -> None:
        self.raise_annotate()
        self.annotate.begin_pinned(words)

    def _show_threads(self) -> None:
        list_threads(self.annotate, self.session, self.threads)
        show_places(self.bridge, self.session, self.threads)

    # --------------------------------------------------------------- choosing
    def _on_selection(self) -> None:
        """Say on the canvas which slices keys act on, and let Esc end that."""
        self.bridge.set_selected(self.strip.selection())
        self._bind_escape()
        self.masks.show_selection()
        self.fill.show_selection()
        self.answers.refresh()

    def _on_slice_requested(self, index: int) -> None:
        self.bridge.show_acquired()

    def _on_label(self) -> None:
        self.player.bind_space()

    def _tell(self, text: str) -> None:
        if text == ALL_FINISHED:
            self.finished.emit()
        else:
            notify(text)

    def _offer_take_back(self, case: CaseRow, number: int, text: str) -> None:
        """Let what was told of a submission be taken back at once."""
        session, case_id = self.session, case.case.id
        if session.job.project.options.reopen:
            notify(
                text,
                actions=(("Take back", lambda: session.reopen(case_id)),),
                about=SUBMITTED,
            )

    # --------------------------------------------------------------- opening
    def open_first(self) -> None:
        """Open the first returned case, else the first remaining one."""
        self.session.open_first()

    def open_row(self, key: str, listed: Listed[Any] | None = None) -> None:
        """Open what is listed: a case by its id, what was submitted by its row_key.

        Parameters
        ----------
        key : str
            What names the row.
        listed : Listed, optional
            The list, if it is in another order than the job or leaves cases out.
        """
        case_id, person = split_row_key(key)
        if self.review is not None and person is not None:
            self.review.open(case_id, person, listed=listed)
        else:
            self.session.open_case(case_id, listed=listed)

    # --------------------------------------------------------------- telling
    def _reply(self, thread: str, text: str) -> None:
        """Reply in a thread; words that cannot be kept go back into their line."""
        case, line = self.session.case, self.annotate.comments.line
        key = None if case is None else case.row.case.id
        self.threads.reply(thread, text, unsaid=partial(line.give_back, text, key))

    def show_error(self, error: Exception) -> None:
        """Tell the user what went wrong and what to do, or ask what is to be done."""
        if isinstance(error, UnsavedWorkError):
            self.saving.ask_leave(error)
            return
        case = None if self.session.case is None else self.session.case.row.case
        names = {} if case is None else {case.id: case.name}
        damage = error.__cause__
        if isinstance(damage, DamagedJournalError) and damage.go_on is not None:
            offer(brief(error, names), "Go on with what is whole", damage.go_on)
        else:
            tell_error(error, names)

    # --------------------------------------------------------------- closing
    def save_and_leave(self) -> None:
        """Save everything when the window, and all that was in it, is gone."""
        self.session.silence()
        self.saving.end_session()
        with suppress(RuntimeError):  # Qt may have deleted it with the window
            self._looks.stop()

    def flush(self) -> None:
        """Bring every edit into the store, or keep it on this computer."""
        self.session.settle()

    def close(self) -> None:
        """Save everything, take the docks and layers away, release all."""
        self._looks.stop()
        self.player.close()
        self.flush()
        unsay(SUBMITTED)  # it can be taken back from here alone
        self._remove_docks()
        self._propagate_dock.close()
        acting = (self.fill, self.pointed, self.brush, self.boxes, self.masks)
        for part in (*acting, self.answers, self.measures, self.bridge):
            part.close()
        if self._drawing is not None:
            self._drawing.close()
        self._connections.release()
        for controller in (*self._controllers, self.threads):
            controller.close()
        for widget in (self.annotate, self.window_control):
            widget.unbind()
        self.strip.set_picture_source(None)
        self.propagate.set_picture_source(None)
        self.saving.close()
        self.saving.end_session()
        docked = (self.annotate, self.strip, self.propagate)
        for gone in (*docked, self.around.read_out, self.veil):
            gone.deleteLater()
        self.deleteLater()

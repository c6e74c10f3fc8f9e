"""One open job on the screen of its reviewer: what was submitted, and the verdicts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets import ReviewPanel
from napari_annotate_jobs.widgets.parts._theme import paint_in

from ._asks import ask, notify
from ._open_job import OpenJob
from .controllers import ReviewController

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.model import Box
    from napari_annotate_jobs.session import (
        AnnotationSession,
        Executor,
        FrozenStore,
        ReviewFilter,
        ReviewSession,
    )
    from napari_annotate_jobs.widgets import Colors, KeyboardGuest, KeyMap

    from ._settings import Settings

__all__ = ["ReviewDesk"]

LOOKING = (
    *("play", "zoom_tool", "help", "peek", "letters", "scale_bar", "room"),
    *(f"preset_{n}" for n in range(1, 8)),
)
"""Actions of an annotator that change nothing of a case."""


class ReviewDesk(OpenJob):
    """Everything a reviewer has at hand while a submitted case is open.

    The case is shown as any finished one is; beside it are the verdicts in the place
    of the labels.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to work.
    review : ReviewSession
        The reviewer's list; it is closed with the desk.
    reading : AnnotationSession
        On `frozen`: shows what is reviewed.
    frozen : FrozenStore
        Holds it.
    images : Executor
        Reads pixels.
    settings : Settings
        The user's choices.
    keymap : KeyMap
        The keys of the actions.
    """

    SIDE = "Review"
    review: ReviewSession

    def __init__(
        self,
        viewer: napari.Viewer,
        review: ReviewSession,
        reading: AnnotationSession,
        frozen: FrozenStore,
        images: Executor,
        settings: Settings,
        keymap: KeyMap,
    ) -> None:
        self.review, self._frozen = review, frozen
        super().__init__(viewer, reading, images, settings, keymap)

    def _make_side(self) -> KeyboardGuest:
        self.panel = ReviewPanel(self.window_control, self._keymap)
        return self.panel

    def _connect(self) -> None:
        super()._connect()
        panel, review = self.panel, self.review
        self.judging = ReviewController(
            panel,
            review,
            self.session,
            self._frozen,
            show_error=self.show_error,
            tell=notify,
            strip=self.strip,
            is_seen=lambda: self.on_screen is None or self.on_screen.press(),
            box_at_hand=self._box_at_hand,
            show_slice=self.bridge.show_acquired,
        )
        self._controllers = (*self._controllers, self.judging)
        self._reviewing = Connections(
            [
                (review.told, notify),
                (review.failed, self.show_error),
                (self.bridge.box_changed, self.judging.show_pins),
            ]
        )
        panel.keyboard_released.connect(self.focus_canvas)
        panel.zoom_tool_requested.connect(self.set_zoom_tool)
        panel.help_requested.connect(self.help_requested)

    def _box_at_hand(self) -> Box | None:
        boxes = self.bridge.boxes
        if boxes is None or not self.session.is_open:
            return None
        chosen = boxes.current_box
        here = self.session.editor.content(self.session.slice).boxes
        return next((box for box in here if box.id == chosen), None)

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id: none edits."""
        looking = super().by_id()
        return {name: looking[name] for name in LOOKING} | self.judging.by_id()

    def _key_calls(self) -> dict[str, Callable[[], None]]:
        """Return what each key does; those of labels do nothing."""
        return {
            key: partial(self.do, action)
            for action in self.by_id()
            for key in [self._keymap.key(action)]
            if key and action != "play"
        }

    def set_keymap(self, keymap: KeyMap) -> None:
        """Use other keys from now on."""
        super().set_keymap(keymap)
        self.panel.set_keymap(keymap)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        super().set_colors(colors)
        paint_in(self.panel, colors)

    def set_zoom_tool(self, on: bool) -> None:
        """Let the left button zoom by sliding."""
        super().set_zoom_tool(on)
        self.panel.set_zoom_tool(on)

    # --------------------------------------------------------------- opening
    def open_first(self) -> None:
        """Open the first case that waits."""
        self.review.open_first()

    def pass_all(self, where: ReviewFilter, window: QWidget) -> None:
        """Pass all waiting cases of a filter, after a question with their number.

        Parameters
        ----------
        where : ReviewFilter
            Which ones.
        window : QWidget
            Above which the question is shown.
        """

        def put(n: int) -> None:
            if not n:
                notify("No case that you may review waits in this list.")
                return
            cases = "1 waiting case" if n == 1 else f"{n:,} waiting cases"
            which = f" with “{where.text}” in the name" if where.text else ""
            box = ask(
                window,
                f"Pass {cases}{which} without looking at each?",
                {f"Pass {n:,}": lambda: self.review.pass_all(where)},
                detail="One Undo in the Review dock takes them all back, until a case "
                "is opened.",
            )
            box.finished.connect(lambda result: self.focus_canvas())

        self.review.executor.run(
            lambda: self.review.count_waiting(where), put, self.show_error
        )

    # --------------------------------------------------------------- closing
    def _leave(self) -> None:
        super()._leave()
        self.review.close_case()

    def save_and_leave(self) -> None:
        """End reviewing when the window, and all that was in it, is gone."""
        super().save_and_leave()
        self._reviewing.release()
        self.review.close()

    def close(self) -> None:
        """Take the docks and layers away, release all."""
        super().close()
        self._reviewing.release()
        self.review.close()
        self.panel.deleteLater()

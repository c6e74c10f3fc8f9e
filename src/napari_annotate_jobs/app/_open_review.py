"""One open job on the screen of its reviewer: what was submitted, and the verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import UnsavedWorkError
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets import ReviewPanel, ReviewSides
from napari_annotate_jobs.widgets.parts._theme import paint_in

from ._asks import ask, notify
from ._open_job import OpenJob
from .controllers import ReviewController, show_places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.model import Box, CaseRow, Thread, Verdict
    from napari_annotate_jobs.session import (
        AnnotationSession,
        Comparison,
        CorrectionStore,
        Executor,
        FrozenStore,
        Recovery,
        ReviewFilter,
        ReviewSession,
    )
    from napari_annotate_jobs.widgets import Colors, KeyboardGuest, KeyMap

    from ._settings import Settings

__all__ = ["OpenJobReview"]

EDITING_NOT = (
    "next_case",
    "previous_case",
    "nothing_submit_next",
    "open_first",
    "take_back",
)
"""Actions of an annotator that have no place while a copy is corrected."""
LOOKING = (
    *("play", "zoom_tool", "help", "peek", "letters", "scale_bar", "room"),
    *("three_planes", "cross_here", "ruler", "region", "pin_measure"),
    "clear_measures",
    "flag",
    *("open_first", "list_cases", "slices", "invert", "reset_window"),
    *(f"preset_{n}" for n in range(1, 8)),
)
"""Actions of an annotator that change nothing of a case."""


class OpenJobReview(OpenJob):
    """Everything a reviewer has at hand while a submitted case is open.

    The case is shown as any finished one is; beside it are the verdicts in the place
    of the labels.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to work.
    review : ReviewSession
        The reviewer's list; it is closed with the job.
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
    colors : Colors
        Of napari's theme.
    recovery : Recovery, optional
        Keeps what cannot be saved of a copy that is corrected.
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
        colors: Colors,
        recovery: Recovery | None = None,
    ) -> None:
        self.review, self._frozen, self._recovery = review, frozen, recovery
        super().__init__(viewer, reading, images, settings, keymap, colors)

    def _make_side(self) -> KeyboardGuest:
        self._clicked: tuple[int, float, float] | None = None
        self.panel = ReviewPanel(self.window_control, self._keymap)
        self.sides = ReviewSides(self.panel, self.annotate)
        return self.sides

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
            object_at=self._object_at,
            draw=self._draw_comparison,
            pin=self._pin,
            correct=self.correct,
            threads=self.threads,
        )
        self._controllers = (*self._controllers, self.judging)
        self.flags.offer(panel.flag)
        self._reviewing = Connections(
            [
                (review.told, notify),
                (review.failed, self.show_error),
                (review.judged, self._on_judged),
                (self.bridge.box_changed, self.judging.show_pins),
                (self.bridge.clicked, self.judging.click),
            ]
        )
        self.sides.back_requested.connect(self.stop_correcting)
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

    def _object_at(self, place: tuple[int, float, float]) -> Box | int | None:
        """Return the smallest box around a place, else the label painted there."""
        index, row, column = place
        view = self.session.editor
        content = view.content(index)
        around = [
            box
            for box in content.boxes
            if box.top <= row <= box.bottom and box.left <= column <= box.right
        ]
        if around:
            return min(around, key=lambda b: (b.bottom - b.top) * (b.right - b.left))
        for group in content.masks:
            mask = view.mask(index, group)
            label = 0 if mask is None else int(mask[round(row), round(column)])
            if label:
                return label
        return None

    def _pin(self, place: tuple[int, float, float] | None) -> None:
        self._clicked = place
        show_places(self.bridge, self.session, self.threads, place)

    def _draw_comparison(self, found: Comparison | None, beside: bool) -> None:
        if found is None:
            self.bridge.show_one()
        else:
            first, second = found.first, found.second
            self.bridge.compare(first, second, found.names, beside=beside)

    # ------------------------------------------------------------ correcting
    @property
    def is_correcting(self) -> bool:
        """True while a copy of the case is edited."""
        return self._frozen.correction is not None

    def correct(self) -> None:
        """Edit a copy of the case; what was begun before is gone on with."""
        case, index = self.review.case, self.session.slice

        def begun(copy: CorrectionStore) -> None:
            self.judging.hold("")
            if self.review.case is case and case is not None:
                self._show_copy(copy, index)

        def failed(error: Exception) -> None:
            self.judging.hold("")
            self.show_error(error)

        self.judging.hold("Copying")
        self.review.executor.run(self.review.begin_correction, begun, failed)

    def _show_copy(self, copy: CorrectionStore | None, index: int) -> None:
        """Show a copy in the place of what was submitted; None for the way back."""
        case = self.review.case
        if case is None:
            return
        try:
            self.session.settle()
            self.session.close_case()
        except UnsavedWorkError as error:
            self.show_error(error)
            return
        self._frozen.correct(copy)
        # What was submitted is not edited: nothing of it is kept, nor found again.
        self.session.saving.recovery = None if copy is None else self._recovery
        if copy is None:
            case.discussion.reload()
        self._show_side()
        self.session.open_case(case.row.case.id, slice=index)

    def stop_correcting(self) -> None:
        """Go back to what was submitted; the copy is kept, to go on with it later."""
        if self.is_correcting and not self.session.is_moving:
            self._show_copy(None, self.session.slice)

    def _show_side(self) -> None:
        held = self._frozen.held
        self.sides.show_copy(
            self.is_correcting, "" if held is None else held.row.person
        )
        if self._keys is not None:
            self._set_keys(self._keys)

    def _on_judged(self, verdict: Verdict) -> None:
        if self.is_correcting and verdict.correction is not None:
            self._show_copy(None, self.session.slice)

    def _on_opened(self) -> None:
        self._show_side()
        super()._on_opened()

    def _offer_take_back(self, case: CaseRow, number: int, text: str) -> None:
        """Go on: a copy that was submitted has passed."""
        self.review.corrected()

    def _open_threads(self) -> Sequence[Thread]:
        return ()  # they are the annotator's to answer

    # ------------------------------------------------------------------ keys
    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id.

        None edits, unless a copy is corrected.
        """
        annotating = super().by_id()
        if self.is_correcting:
            for name in EDITING_NOT:
                del annotating[name]
            return annotating | {"correct_case": self.stop_correcting}
        return {name: annotating[name] for name in LOOKING} | self.judging.by_id()

    def _go_change(self, step: int) -> None:
        if self.is_correcting:
            super()._go_change(step)
        else:
            self.judging.go_difference(step)

    def _label_calls(self) -> dict[str, Callable[[], None]]:
        """Return what the keys of labels do: they edit copies alone."""
        return super()._label_calls() if self.is_correcting else {}

    def set_keymap(self, keymap: KeyMap) -> None:
        """Use other keys from now on."""
        super().set_keymap(keymap)
        self.panel.set_keymap(keymap)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        super().set_colors(colors)
        paint_in(self.sides, colors)

    def set_zoom_tool(self, on: bool) -> None:
        """Let the left button zoom by sliding."""
        super().set_zoom_tool(on)
        self.panel.set_zoom_tool(on)

    # --------------------------------------------------------------- threads
    def _follow_threads(self) -> None:
        """Do nothing: those on what is judged are followed with its verdict."""

    def _show_threads(self) -> None:
        threads, talk = self.threads, self.threads.discussion
        new = () if talk is None else talk.new
        self.panel.set_threads(threads.threads, threads.current, new=new)
        self.annotate.set_threads(
            threads.threads, threads.current, new=new, may_answer=True
        )
        show_places(self.bridge, self.session, threads, self._clicked)

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
        self.sides.deleteLater()

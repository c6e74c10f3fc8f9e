"""What is done with the boxes of one object, from the dock and by key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import (
    confirm_boxes,
    cut_track,
    delete_boxes,
    delete_track,
    extend_track,
    leave_track,
    merge_candidates,
    merge_tracks,
    relabel_tracks,
    separate_box,
    tracks,
)
from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import Connected, Connections
from napari_annotate_jobs.widgets import ObjectAtHand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_annotate_jobs.editing import Track
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import BoxSection, PropagatePanel

    from ._workbench import Workbench

__all__ = ["BoxActions"]


PANEL = (
    (
        "extend",
        "Extend the object",
        "Proposes the box of the object on every slice that has none of it: "
        "interpolated between its confirmed boxes, copied beyond them.",
    ),
)
"""Kind, entry and explanation, for the Propagate panel."""


class BoxActions(Connected):
    """Actions on the object at hand, and the section of the dock that shows it.

    Parameters
    ----------
    bench : Workbench
        Whose session is acted on.
    bridge : ViewerBridge
        Shows the case, and knows the box at hand.
    section : BoxSection
        The section of the dock.
    panel : PropagatePanel
        Offers what extends objects over slices.
    """

    def __init__(
        self,
        bench: Workbench,
        bridge: ViewerBridge,
        section: BoxSection,
        panel: PropagatePanel,
    ) -> None:
        self._bench = bench
        self._session, self._bridge = bench.session, bridge
        self._section = section
        self._connections = Connections(
            [
                (self._bridge.box_changed, self.refresh),
                (self._bridge.plane_changed, self.refresh),
                (self._session.slice_changed, self._on_slice),
                (self._session.label_changed, self.refresh),
                (self._session.job_changed, self._offer_labels),
                (self._session.opened, self._on_slice),
                (self._session.closed, self.refresh),
                (self._session.status_changed, self._on_slice),
            ]
        )
        self._offer_labels()
        self._section.requested.connect(self._do)
        panel.add_box_actions(PANEL)
        panel.boxes_requested.connect(self._from_panel)
        self._section.join_requested.connect(self._join)
        self._section.relabel_requested.connect(self._relabel)

    def _offer_labels(self, *_: object) -> None:
        labels = self._session.job.project.label_set
        self._section.set_labels(labels.offered(Method.DETECTION))

    # --------------------------------------------------------------- showing
    def _on_slice(self, *_: object) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Show the object at hand."""
        session, boxes = self._session, self._bridge.boxes
        if session.is_open:
            self._section.set_several(session.editor.n_slices > 1)
        track = None if boxes is None else boxes.current_track
        by_hand = session.label is None and track is not None
        labels = session.job.project.label_set
        armed = labels.method_at(session.label) is Method.DETECTION
        self._section.setVisible((armed or by_hand) and not session.locked)
        if boxes is None or not session.is_open:
            self._section.set_object(None)
            return
        if track is None:
            any_here = bool(session.editor.content(session.slice).boxes)
            self._section.set_object(ObjectAtHand() if any_here else None)
            return
        self._section.set_object(
            ObjectAtHand(
                track=track,
                here=session.slice in track.boxes,
                others=tuple(merge_candidates(session.editor, track.id)[:12]),
                number=self._number(track),
            )
        )

    def _number(self, track: Track) -> int:
        """Return which of the objects of its label one is; 0 if it is the only one."""
        alike = [t.id for t in tracks(self._session.editor) if t.label == track.label]
        return alike.index(track.id) + 1 if len(alike) > 1 else 0

    # ---------------------------------------------------------------- acting
    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        names = (
            "confirm_box",
            "confirm_object",
            "cut_object",
            "delete_object",
            "extend_object",
            "join_object",
            "object_leaves",
            "separate_box",
        )
        return {name: partial(self._do, name) for name in names}

    def _do(self, name: str) -> None:
        if self._session.is_open and self._bridge.boxes is not None:
            self._bench.act(partial(self._shown, getattr(self, f"_{name}")))

    def _shown(self, call: Callable[[], object]) -> None:
        self._bench.check_shown()
        call()

    def _track(self) -> Track:
        boxes = self._bridge.boxes
        track = None if boxes is None else boxes.current_track
        if track is None:
            raise TransitionError(
                "no box is chosen", remedy="Draw one, or select one with the mouse"
            )
        return track

    def _track_here(self) -> Track:
        """Return the object at hand, if it is on the screen."""
        track = self._track()
        if self._session.slice not in track.boxes:
            raise TransitionError(
                "the object has no box on this slice",
                remedy=f"Go to slice {min(track.boxes) + 1} to see it first",
            )
        return track

    def _box(self) -> str:
        boxes = self._bridge.boxes
        box_id = None if boxes is None else boxes.current_box
        if box_id is None:
            raise TransitionError(
                "no box is chosen on this slice", remedy="Select one with the mouse"
            )
        return box_id

    def _confirm_object(self) -> None:
        track = self._track_here()
        confirm_boxes(
            self._session.editor, [track.boxes[i].id for i in track.proposals]
        )

    def _confirm_box(self) -> None:
        confirm_boxes(self._session.editor, [self._box()])

    def _delete_object(self) -> None:
        delete_track(self._session.editor, self._track_here().id)

    def _delete_box(self) -> None:
        delete_boxes(self._session.editor, [self._box()])

    def _separate_box(self) -> None:
        separate_box(self._session.editor, self._box())

    def _extend_object(self) -> None:
        track, selection = self._track(), self._bench.selection()
        targets: Iterable[int]
        if selection is not None:
            targets = range(selection[0], selection[1] + 1)
        else:
            here = self._session.slice
            if here > track.stop:
                targets = range(track.stop + 1, here + 1)
            else:
                targets = range(here, max(track.start, here + 1))
        if not extend_track(self._session.editor, track.id, targets):
            self._session.told.emit(
                "The object has a box there already. Go to the slice it reaches to, "
                "or select slices on the strip."
            )

    def _from_panel(self, start: int, stop: int, kind: str) -> None:
        if kind == "extend":
            self._bench.act(lambda: self._extend_over(range(start, stop + 1)))

    def _extend_over(self, targets: Iterable[int]) -> None:
        if not extend_track(self._session.editor, self._track().id, targets):
            self._session.told.emit("The object has a box on all of these slices.")

    def _object_leaves(self) -> None:
        leave_track(self._session.editor, self._track().id, self._session.slice)

    def _cut_object(self) -> None:
        cut_track(self._session.editor, self._track().id, self._session.slice)

    def _join_object(self) -> None:
        track = self._track_here()
        others = merge_candidates(self._session.editor, track.id)
        if not others:
            raise TransitionError(
                "there is no other object of this label to join with",
                remedy="Two that have a confirmed box on the same slice stay two",
            )
        merge_tracks(self._session.editor, track.id, [others[0].id])

    def _join(self, other_id: str) -> None:
        editor = self._session.editor
        self._bench.act(lambda: merge_tracks(editor, self._track_here().id, [other_id]))

    def _relabel(self, label_id: int) -> None:
        editor = self._session.editor
        self._bench.act(
            lambda: relabel_tracks(editor, [self._track_here().id], label_id)
        )

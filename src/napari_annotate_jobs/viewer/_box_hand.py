"""Boxes at hand: handles where the pointer is, and keys that move and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.editing import box_edge_at, delete_boxes, move_boxes
from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.session import Connected, Connections

from ._geometry import index_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from ._boxes import BoxLayer
    from ._own_case import OwnCase

__all__ = ["BoxHand"]

REACH = 6.0
"""How near the edge of a box gives it handles, in pixels of the screen."""
FAR = 10
"""Pixels that an arrow key moves a box with Shift."""
ARROWS = {"Up": (-1, 0), "Down": (1, 0), "Left": (0, -1), "Right": (0, 1)}
GONE = ("Delete", "Backspace")


class BoxHand(Connected):
    """Lets boxes be changed at once while a label for boxes is armed.

    At its edge a box gets handles: a drag there moves or resizes it, a drag anywhere
    else draws another one, inside of it too. Delete acts on the box that the dock
    names. The arrow keys move one that has handles, or the one of a single image;
    else they step through the slices as ever. Escape takes the handles away.

    Parameters
    ----------
    viewer : ViewerModel
        Where the pointer is.
    boxes : BoxLayer
        The boxes.
    session : OwnCase
        The case.
    on_error : callable
        Takes an error to show.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        boxes: BoxLayer,
        session: OwnCase,
        *,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._viewer, self._boxes, self._session = viewer, boxes, session
        self._on_error = on_error
        self._bound = False
        self._connections = Connections([(boxes.current_changed, self._bind_arrows)])
        self._connections.append(viewer.mouse_move_callbacks, self._on_move)
        for key in GONE:
            boxes.layer.bind_key(key, self._delete, overwrite=True)
        self._bind_arrows()

    # ------------------------------------------------------------ the pointer
    def _on_move(self, viewer: ViewerModel, event: Any) -> None:
        boxes, layer = self._boxes, self._boxes.layer
        if viewer.layers.selection.active is not layer or not boxes.is_armed:
            return
        _, row, column = index_at(layer, event.position)
        reach = REACH * layer.scale_factor / float(layer.scale[-1])
        session = self._session
        box = box_edge_at(session.editor, session.slice, row, column, reach=reach)
        boxes.hover(None if box is None else box.id)

    # --------------------------------------------------------------- the keys
    def _at_hand(self) -> list[str]:
        """Return the boxes that keys act on: those selected, else the one named."""
        named = self._boxes.current_box
        return [*self._boxes.selected] or ([] if named is None else [named])

    def _delete(self, layer: Any) -> None:
        ids = self._at_hand()
        self._act(lambda: delete_boxes(self._session.editor, ids), ids)

    def _move(self, down: int, right: int) -> None:
        ids = self._at_hand()
        self._act(lambda: move_boxes(self._session.editor, ids, down, right), ids)

    def _act(self, call: Callable[[], object], ids: list[str]) -> None:
        if not ids or self._session.locked:
            return
        try:
            call()
        except AnnotateJobsError as error:
            self._on_error(error)

    def _bind_arrows(self) -> None:
        """Take arrows and Escape while there is a box to move, and give them back."""
        boxes, session = self._boxes, self._session
        if not session.is_open:
            return
        single = session.editor.n_slices == 1
        wanted = bool(boxes.selected) or (single and boxes.current_box is not None)
        if wanted == self._bound:
            return
        self._bound = wanted
        for key, (down, right) in ARROWS.items():
            for name, step in ((key, 1), (f"Shift-{key}", FAR)):
                call = self._mover(step * down, step * right) if wanted else None
                boxes.layer.bind_key(name, call, overwrite=True)
        call = self._let_go if wanted else None
        boxes.layer.bind_key("Escape", call, overwrite=True)

    def _let_go(self, layer: Any) -> None:
        self._boxes.hover(None)
        layer.selected_data = set()

    def _mover(self, down: int, right: int) -> Callable[[Any], None]:
        # napari asks what it calls for its name: no partial has one.
        def move(layer: Any) -> None:
            self._move(down, right)

        return move

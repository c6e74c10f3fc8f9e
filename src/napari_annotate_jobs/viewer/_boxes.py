"""Boxes on a napari Shapes layer."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import Box, Method, new_id

from ._connections import Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.session import AnnotationSession

    from ._geometry import Geometry

__all__ = ["BoxLayer"]

MIN_SIDE = 1.0
"""Boxes with a shorter side, in pixels, are clicks and not boxes."""


class BoxLayer:
    """Keeps a Shapes layer and the session's boxes in step.

    Parameters
    ----------
    session : AnnotationSession
        With an open case.
    geometry : Geometry
        Of the reference series.
    on_error : callable
        Takes an error to show.
    """

    def __init__(
        self,
        session: AnnotationSession,
        geometry: Geometry,
        *,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._session = session
        self._shape = geometry.shape
        self._on_error = on_error
        self._set = session.job.project.label_set
        self._label = self._set.of(Method.DETECTION)[0]
        self._busy = False
        self._boxes: dict[str, Box] = {}
        self._edge = max(1.0, min(geometry.shape[1:]) / 250)
        self.layer = Shapes(
            ndim=3,
            name="Detection",
            edge_width=self._edge,
            face_color="transparent",
            features={"box": np.empty(0, object), "label": np.empty(0, object)},
            text={
                "string": "{label}",
                "anchor": "upper_left",
                "size": 9,
                "color": self._label.color,
            },
            **geometry.layer_kwargs,
        )
        self.show(range(geometry.shape[0]))
        self._use(self._label)
        self._connections = Connections()
        self._connections.connect(self.layer.events.data, self._on_data)
        self.set_editable(not session.locked)

    # ---------------------------------------------------- session -> layer
    def show(self, indices: Iterable[int]) -> None:
        """Show the session's boxes where they differ from the layer's."""
        if self._busy:
            return
        shown = self._read()
        editor = self._session.editor
        if all(list(editor.content(i).boxes) == shown.get(i, []) for i in indices):
            return
        self._fill()

    def _fill(self) -> None:
        editor = self._session.editor
        corners, ids, names, colors = [], [], [], []
        self._boxes = {}
        for content in editor.annotation.slices.values():
            for box in content.boxes:
                self._boxes[box.id] = box
                corners.append(_vertices(content.index, box))
                ids.append(box.id)
                names.append(self._name(box))
                colors.append(self._set[box.label].color)
        mode = self.layer.mode
        self._busy = True
        try:
            self.layer.selected_data = set()
            self.layer.data = []
            if corners:
                self.layer.add_rectangles(
                    corners, edge_width=self._edge, edge_color=colors
                )
            self.layer.features = {
                "box": np.array(ids, object),
                "label": np.array(names, object),
            }
            self._use(self._label)
            if self.layer.mode != mode and self.layer.editable:
                self.layer.mode = mode
        finally:
            self._busy = False
        self.layer.refresh()

    def _name(self, box: Box) -> str:
        name = self._set[box.label].name
        return f"{name} ?" if box.proposal else name

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid drawing."""
        if not editable:
            self.layer.mode = "pan_zoom"
        self.layer.editable = editable

    def choose(self, label: Label) -> None:
        """Ready the layer for drawing boxes with a label.

        Boxes that are selected get the label.
        """
        self.layer.visible = True
        self._use(label)
        if not self.layer.editable:
            return
        if self.layer.selected_data:
            self._relabel(label)
        else:
            self.layer.mode = "add_rectangle"

    def _use(self, label: Label) -> None:
        self._label = label
        self.layer.feature_defaults = {"box": [""], "label": [label.name]}
        # With a selection, napari would recolour the selected shapes instead.
        if not self.layer.selected_data:
            self.layer.current_edge_color = label.color
            self.layer.current_face_color = "transparent"
            self.layer.current_edge_width = self._edge

    def _relabel(self, label: Label) -> None:
        chosen = {str(self.layer.features["box"][i]) for i in self.layer.selected_data}
        editor = self._session.editor
        changed = {
            content.index: [
                box.model_copy(update={"label": label.id}) if box.id in chosen else box
                for box in content.boxes
            ]
            for content in editor.annotation.slices.values()
            if any(box.id in chosen for box in content.boxes)
        }
        if changed:
            editor.set_boxes(changed, text=f"Relabel to {label.name}")

    # ---------------------------------------------------- layer -> session
    def _on_data(self, event: Any) -> None:
        action = getattr(event.action, "value", event.action)
        if not self._busy and action in ("added", "changed", "removed"):
            self.take()

    def take(self) -> None:
        """Tell the session what changed in the layer."""
        editor = self._session.editor
        now = self._read()
        slices = set(now).union(
            content.index
            for content in editor.annotation.slices.values()
            if content.boxes
        )
        changed = {
            i: now.get(i, [])
            for i in sorted(slices)
            if now.get(i, []) != list(editor.content(i).boxes)
        }
        self._busy = True
        try:
            editor.set_boxes(changed, text=self._text(changed))
        except AnnotateJobsError as error:
            self._on_error(error)
        finally:
            self._busy = False
        self._fill()

    def _text(self, changed: dict[int, list[Box]]) -> str:
        editor = self._session.editor
        more = sum(len(b) - len(editor.content(i).boxes) for i, b in changed.items())
        return "Draw box" if more > 0 else "Delete box" if more < 0 else "Change box"

    def _read(self) -> dict[int, list[Box]]:
        """Return the boxes that the layer shows, by slice."""
        boxes: dict[int, list[Box]] = defaultdict(list)
        ids = list(self.layer.features["box"]) if len(self.layer.features) else []
        seen: set[str] = set()
        for place, vertices in enumerate(self.layer.data):
            box_id = str(ids[place]) if place < len(ids) else ""
            old = self._boxes.get(box_id) if box_id not in seen else None
            index, corners = self._corners(vertices)
            if corners is None:
                continue
            if old is not None and np.allclose(old.corners, corners, atol=1e-4):
                boxes[index].append(old)
            elif old is not None:
                top, left, bottom, right = corners
                boxes[index].append(
                    old.evolve(
                        top=top,
                        left=left,
                        bottom=bottom,
                        right=right,
                        proposal=False,
                        key=True,
                    )
                )
            else:
                top, left, bottom, right = corners
                label = self._label_of(place)
                boxes[index].append(
                    Box(
                        id=new_id(),
                        label=label,
                        top=top,
                        left=left,
                        bottom=bottom,
                        right=right,
                    )
                )
            seen.add(box_id)
        return dict(boxes)

    def _label_of(self, place: int) -> int:
        """Return the label of a shape that is new in the layer."""
        name = str(self.layer.features["label"][place])
        for label in self._set.of(Method.DETECTION):
            if label.name == name:
                return label.id
        return self._label.id

    def _corners(
        self, vertices: NDArray[np.floating]
    ) -> tuple[int, tuple[float, float, float, float] | None]:
        """Return a shape's slice and its bounding box, clipped to the image."""
        index = min(max(round(float(vertices[0][0])), 0), self._shape[0] - 1)
        low = np.maximum(vertices[:, 1:].min(axis=0), -0.5)
        high = np.minimum(
            vertices[:, 1:].max(axis=0), np.array(self._shape[1:], float) - 0.5
        )
        if (high - low < MIN_SIDE).any():
            return index, None
        top, left, bottom, right = (round(float(x), 3) for x in (*low, *high))
        return index, (top, left, bottom, right)

    def close(self) -> None:
        """Release all connections."""
        self._connections.release()


def _vertices(index: int, box: Box) -> Sequence[Sequence[float]]:
    return [
        [index, box.top, box.left],
        [index, box.top, box.right],
        [index, box.bottom, box.right],
        [index, box.bottom, box.left],
    ]

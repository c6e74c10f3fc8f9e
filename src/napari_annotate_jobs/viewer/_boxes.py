"""Boxes on a napari Shapes layer."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes
from psygnal import Signal

from napari_annotate_jobs.editing import (
    Track,
    by_hand,
    relabel_tracks,
    take_boxes,
    track_of,
    tracks,
)
from napari_annotate_jobs.model import Box, Label, LabelSet, Method

from ._mirror import DrawnLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ._geometry import Geometry
    from ._own_case import OwnCase

__all__ = ["BoxLayer"]

Corners = tuple[float, float, float, float]
Color = tuple[float, float, float, float]
Row = tuple[str, str, str]
FEATURES = ("box", "label", "color")
"""Of each shape: its box's id, what is written at it, and in which colour."""

MIN_SIDE = 1.0
"""Shapes with a shorter side, in pixels, are no boxes."""
CLICK = 3.0
"""Nor are those drawn within so many pixels of the screen: they are clicks."""


class BoxLayer(DrawnLayer[Shapes]):
    """Keeps a Shapes layer and the session's boxes in step.

    Confirmed boxes have a full edge. Proposals have a thin one, a tinted face and a
    question mark behind their label.

    Parameters
    ----------
    session : OwnCase
        The case.
    geometry : Geometry
        Of the reference series.
    on_error : callable
        Takes an error to show.
    shown : callable, optional
        Returns the slice that is shown as it was acquired; None while another plane,
        or the volume, is shown. What is not shown cannot be selected, nor changed.
    draws_names : bool
        False if somebody else writes the names at the boxes.
    """

    current_changed = Signal()
    """Another box, or object, is at hand."""

    def __init__(
        self,
        session: OwnCase,
        geometry: Geometry,
        *,
        on_error: Callable[[Exception], None],
        shown: Callable[[], int | None] | None = None,
        draws_names: bool = True,
    ) -> None:
        self._shape = geometry.shape
        self._shown = shown or (lambda: session.slice)
        self._set = session.job.project.label_set
        self._label = self._first_label()
        self._boxes: dict[str, tuple[int, Box]] = {}
        self._object: str | None = None
        self._hovered: str | None = None
        self._edge = max(1.0, min(geometry.shape[1:]) / 250)
        layer = Shapes(
            ndim=3,
            name="Detection",
            edge_width=self._edge,
            face_color="transparent",
            opacity=1.0,
            features={name: np.empty(0, object) for name in FEATURES},
            text={
                "string": "{label}",
                "anchor": "upper_left",
                "size": 9,
                "color": {"feature": "color"} if draws_names else "transparent",
            },
            **geometry.layer_kwargs,
        )
        super().__init__(
            session,
            layer,
            on_error=on_error,
            drawable=lambda: self._shown() is not None,
        )
        self._fill()
        self._use(self._label)
        connect = self._connections.connect
        connect(layer.events.data, self._on_data)
        connect(layer.events.features, self._on_features)
        connect(layer.events.visible, self.drop_hidden)
        connect(layer.events.mode, self._on_mode)
        connect(layer.selected_data.events.items_changed, self._on_selected)
        self.set_editable(not session.locked)

    def _first_label(self) -> Label:
        offered = self._set.offered(Method.DETECTION)
        return (offered or self._set.of(Method.DETECTION))[0]

    def follow_labels(self) -> bool:
        """Take up names and colours as they are now; False if there are no labels."""
        old, self._set = self._set, self._session.job.project.label_set
        if not self._set.of(Method.DETECTION):
            return False
        if old == self._set:
            return True
        now = self._set.by_id.get(self._label.id)
        self._label = self._first_label() if now is None or now.retired else now

        def looks(labels: LabelSet, box: Box) -> tuple[str, str] | None:
            label = labels.by_id.get(box.label)
            return None if label is None else (label.name, label.color)

        rows = self._rows()
        stale = {
            place: self._boxes[row[0]]
            for place, row in enumerate(rows)
            if row[0] in self._boxes
            and looks(old, self._boxes[row[0]][1])
            != looks(self._set, self._boxes[row[0]][1])
        }
        with self._own_writing():
            if stale:
                self._replace(list(stale), list(stale.values()))
            self._use(self._label)
        return True

    # ------------------------------------------------------------- at hand
    @property
    def selected(self) -> tuple[str, ...]:
        """Ids of the boxes that are selected in the layer."""
        ids = self.layer.features["box"]
        known = (str(ids[i]) for i in sorted(self.layer.selected_data) if i < len(ids))
        return tuple(box_id for box_id in known if box_id in self._boxes)

    @property
    def current_box(self) -> str | None:
        """Id of the box at hand on the current slice.

        The selected one; else that of the object at hand; else the only one.
        """
        index = self._shown()
        if index is None:
            return None
        boxes = self._session.editor.content(index).boxes
        here = {box.id for box in boxes}
        for box_id in self.selected:
            if box_id in here:
                return box_id
        for box in boxes:
            if self._object is not None and self._object in (box.track, box.id):
                return box.id
        return boxes[0].id if len(boxes) == 1 else None

    @property
    def current_track(self) -> Track | None:
        """The object at hand.

        That of :attr:`current_box`; else the one that was drawn, changed or
        selected last, if nothing else is on the slice.
        """
        editor, index = self._session.editor, self._shown()
        box_id = self.current_box
        if box_id is not None:
            return track_of(editor, box_id)
        if index is None or editor.content(index).boxes:
            return None
        return next((t for t in tracks(editor) if t.id == self._object), None)

    def _on_selected(self) -> None:
        if self._is_writing:
            return
        if self._hidden():
            self.drop_hidden()  # which comes back here
            return
        # A selected shape's features would become those of the next one drawn.
        self._set_defaults(self._label)
        for box_id in self.selected[:1]:
            self._remember(box_id)
        self.current_changed.emit()

    def _hidden(self) -> set[int]:
        """Return the selected shapes that are not on the screen."""
        index, data = self._shown(), self.layer.data
        if not self.layer.visible:
            return set(self.layer.selected_data)
        return {
            place
            for place in self.layer.selected_data
            if place >= len(data) or round(float(data[place][0][0])) != index
        }

    def drop_hidden(self) -> None:
        """Let go of what is not shown: napari keeps it selected, out of sight too."""
        hidden = self._hidden()
        if hidden:
            self.layer.selected_data = set(self.layer.selected_data) - hidden

    def drawn_on(self, index: int) -> Iterator[tuple[str, str, NDArray[Any]]]:
        """Yield name, colour and corners of the boxes that are drawn on a slice.

        Corners are rows and columns, shape (n, 2), also while a box is dragged.
        """
        for row, shape in zip(self._rows(), self.layer.data, strict=False):
            if round(float(shape[0][0])) == index:
                yield row[1], row[2], np.asarray(shape)[:, 1:]

    @property
    def is_armed(self) -> bool:
        """True while the next drag draws a box, or changes the one that is hovered."""
        drawing = self.layer.mode == "add_rectangle" or self._hovered is not None
        return drawing and bool(self.layer.editable) and self._shown() is not None

    def hover(self, box_id: str | None) -> None:
        """Give a box its handles while the pointer is at its edge; None takes them.

        Parameters
        ----------
        box_id : str, optional
            A box on the slice that is shown, while the layer is armed.
        """
        ids = [row[0] for row in self._rows()]
        if box_id not in ids:
            box_id = None
        if box_id == self._hovered:
            return
        self._hovered = None
        if box_id is None:
            self.layer.selected_data = set()
            self.layer.mode = "add_rectangle"
            self._use(self._label)
            return
        self.layer.mode = "select"
        self.layer.selected_data = {ids.index(box_id)}
        self._hovered = box_id

    def _on_mode(self) -> None:
        """Another tool was taken: nothing is hovered for it."""
        if self._hovered is not None:
            self._hovered = None
            self.layer.selected_data = set()

    def let_go(self) -> None:
        """Select nothing, and draw nothing: napari may take the layer away."""
        self.layer.selected_data = set()
        self.layer.mode = "pan_zoom"

    def point_out(self, box_id: str | None) -> None:
        """Take a box's object for the one at hand; None changes nothing.

        Other boxes that are selected are let go.
        """
        if box_id in self._boxes:
            if box_id not in self.selected:
                self.layer.selected_data = set()
            self._remember(box_id)
            self.current_changed.emit()

    def _remember(self, box_id: str) -> None:
        track = track_of(self._session.editor, box_id)
        if track is not None:
            self._object = track.id

    # ---------------------------------------------------- session -> layer
    def _show(self, indices: Sequence[int]) -> None:
        slices = set(indices)
        editor = self._session.editor
        before = {key: e for key, e in self._boxes.items() if e[0] in slices}
        now = {box.id: (i, box) for i in slices for box in editor.content(i).boxes}
        if before != now:
            self._fill()
        self.current_changed.emit()

    def _fill(self) -> None:
        """Replace the shapes that differ from the session's boxes."""
        contents = self._session.editor.contents().items()
        wanted = {b.id: (i, b) for i, content in contents for b in content.boxes}
        kept = self._kept(wanted)
        stale = [place for place in range(len(self.layer.data)) if place not in kept]
        shown = set(kept.values())
        new = [entry for box_id, entry in wanted.items() if box_id not in shown]
        self._boxes = wanted
        with self._own_writing():
            self._name(kept)
            if stale or new:
                self._replace(stale, new)

    def _kept(self, wanted: Mapping[str, tuple[int, Box]]) -> dict[int, str]:
        """Return the shapes that show a box as it is to be, with the box's id."""
        rows = self._rows()
        free = dict(wanted)
        drawn = [box_id for box_id in wanted if box_id not in self._boxes]
        kept: dict[int, str] = {}
        for place, (index, corners) in self._rectangles().items():
            for box_id in (rows[place][0], *drawn):
                if box_id not in free:
                    continue
                there, box = free[box_id]
                at_home = there == index and np.allclose(
                    box.corners, corners, atol=1e-3
                )
                if at_home and self._looks_like(place, rows[place], box):
                    kept[place] = box_id
                    del free[box_id]
                    break
        return kept

    def _rectangles(self) -> dict[int, tuple[int, Corners]]:
        """Return the slices and corners of the shapes that are upright rectangles."""
        kinds = self.layer.shape_type
        places = [i for i, kind in enumerate(kinds) if kind == "rectangle"]
        if not places:
            return {}
        data = self.layer.data
        vertices = np.array([data[place] for place in places], float)
        low, high = vertices.min(axis=1), vertices.max(axis=1)
        ends = np.stack([low, high], axis=1)[:, :, None]
        upright = (np.abs(vertices[:, None] - ends).min(axis=1) < 1e-3).all((1, 2))
        upright &= (
            np.abs(ends[..., 0] - low[:, 0].round()[:, None, None]).max(axis=(1, 2))
            < 1e-3
        )
        corners = np.hstack([low[:, 1:], high[:, 1:]]).tolist()
        return {
            place: (round(low[i, 0]), tuple(corners[i]))
            for i, place in enumerate(places)
            if upright[i]
        }

    def _looks_like(self, place: int, row: Row, box: Box) -> bool:
        """Return True if a shape is drawn as its box is to be."""
        if row[0] in self._boxes:  # other colours of it are the user's
            old = self._boxes[row[0]][1]
            return (old.label, old.proposal) == (box.label, box.proposal)
        width, edge, face = self._style(box)
        layer = self.layer
        return (
            row[1:] == self._row(box)[1:]
            and layer.edge_width[place] == width
            and np.allclose(layer.edge_color[place], edge, atol=1e-3)
            and (np.allclose(layer.face_color[place], face, atol=1e-3) or not face[3])
        )

    def _name(self, kept: Mapping[int, str]) -> None:
        """Give shapes that were drawn the ids of the boxes they became."""
        rows = self._rows()
        drawn = {i for i, box_id in kept.items() if rows[i][0] != box_id}
        if drawn:
            for place in drawn:
                rows[place] = (kept[place], *rows[place][1:])
            self._set_rows(rows)
            # A label that is chosen next is for the next box.
            self.layer.selected_data = set(self.layer.selected_data) - drawn
            self._use(self._label)

    def _replace(self, stale: Sequence[int], new: Sequence[tuple[int, Box]]) -> None:
        mode, chosen, hovered = self.layer.mode, self.selected, self._hovered
        self._hovered = None  # its handles come back with its new shape
        self.layer.selected_data = set()
        self.layer.remove(stale)
        rows = self._rows()
        if new:
            self._add(new)
        self._set_rows([*rows, *(self._row(box) for _, box in new)])
        self.layer.selected_data = {
            i for i, row in enumerate(self._rows()) if row[0] in chosen
        }
        self._use(self._label)
        if self.layer.mode != mode and self.layer.editable:
            self.layer.mode = mode
        self._hovered = hovered
        if hovered is not None and hovered not in self._boxes:
            self.hover(None)
        self.layer.refresh()

    def _rows(self) -> list[Row]:
        """Return the features of the shapes."""
        table, n = self.layer.features, len(self.layer.data)
        columns = [[str(value) for value in table.get(name, ())] for name in FEATURES]
        found = list(zip(*columns, strict=True))[:n]
        return found + [("", "", "")] * (n - len(found))

    def _set_rows(self, rows: Sequence[Row]) -> None:
        columns = zip(*rows, strict=True) if rows else ((),) * len(FEATURES)
        self.layer.features = {
            name: np.array(column, object)
            for name, column in zip(FEATURES, columns, strict=True)
        }

    def _add(self, entries: Sequence[tuple[int, Box]]) -> None:
        styles = [self._style(box) for _, box in entries]
        widths, edges, faces = zip(*styles, strict=True)
        self.layer.add_rectangles(
            [_vertices(index, box) for index, box in entries],
            edge_width=list(widths),
            edge_color=np.array(edges),
            face_color=np.array(faces),
        )

    def _style(self, box: Box) -> tuple[float, Color, Color]:
        """Return the width and colour of a box's edge, and the colour of its face."""
        rgb = self._declared(box).rgb
        if box.proposal:
            return self._edge * 0.5, (*rgb, 0.85), (*rgb, 0.14)
        return self._edge, (*rgb, 1.0), (*rgb, 0.0)

    def _row(self, box: Box) -> Row:
        """Return the features of a box's shape."""
        label = self._declared(box)
        text = f"{label.name} ?" if box.proposal else label.name
        return box.id, text, label.color

    def _declared(self, box: Box) -> Label:
        """Return a box's label; a grey one if the project no longer has it."""
        return self._set.by_id.get(box.label) or Label(
            id=box.label,
            name=f"{box.label} (not in the project)",
            color="#808080",
            method=Method.DETECTION,
        )

    def choose(self, label: Label) -> None:
        """Ready the layer for drawing boxes with a label.

        Boxes that are selected get the label.
        """
        self.layer.visible = True
        if self._hovered is not None:  # the pointer rests there by chance
            self.hover(None)
        self._use(label)
        if not self.layer.editable:
            return
        if self.layer.selected_data:
            self._relabel(label)
        else:
            self.layer.mode = "add_rectangle"

    def _use(self, label: Label) -> None:
        self._label = label
        self._set_defaults(label)
        # With a selection, napari would recolour the selected shapes instead.
        if not self.layer.selected_data:
            self.layer.current_edge_color = label.color
            self.layer.current_face_color = "transparent"
            self.layer.current_edge_width = self._edge

    def _set_defaults(self, label: Label) -> None:
        self.layer.feature_defaults = {
            "box": [""],
            "label": [label.name],
            "color": [label.color],
        }

    def _relabel(self, label: Label) -> None:
        editor = self._session.editor
        found = [track_of(editor, box_id) for box_id in self.selected]
        ids = dict.fromkeys(track.id for track in found if track is not None)
        relabel_tracks(editor, ids, label.id)

    # ---------------------------------------------------- layer -> session
    def _on_data(self, event: Any) -> None:
        action = getattr(event.action, "value", event.action)
        if not self._is_writing and action in ("added", "changed", "removed"):
            self.take()

    def _on_features(self) -> None:
        # Pasted shapes are told of in no other way.
        if not self._is_writing and len(self.layer.data) != len(self._boxes):
            self.take()

    def take(self) -> None:
        """Tell the session what changed in the layer."""
        editor = self._session.editor
        now = self._read()
        boxed = [i for i, content in editor.contents().items() if content.boxes]
        slices = set(now).union(boxed)
        changed = {
            i: now.get(i, [])
            for i in sorted(slices)
            if now.get(i, []) != list(editor.content(i).boxes)
        }
        if changed:
            self._tell(changed, lambda: self._take(changed))
        else:
            self._fill()

    def _take(self, changed: dict[int, list[Box]]) -> None:
        editor = self._session.editor
        for box_id in take_boxes(editor, changed, text=self._text(changed))[-1:]:
            self._remember(box_id)

    def _adopt(self, indices: Iterable[int]) -> None:
        self._fill()

    def _doubt(self, indices: Iterable[int]) -> None:
        """Nothing to do: each shape is compared with its box anyway."""

    def _take_back(self, indices: Iterable[int]) -> None:
        self._fill()
        self.current_changed.emit()

    def _text(self, changed: dict[int, list[Box]]) -> str:
        editor = self._session.editor
        more = sum(len(b) - len(editor.content(i).boxes) for i, b in changed.items())
        return "Draw box" if more > 0 else "Delete box" if more < 0 else "Change box"

    def _read(self) -> dict[int, list[Box]]:
        """Return the boxes that the layer shows, by slice.

        Those the session knows come first, in its order.
        """
        known: dict[str, tuple[int, Box]] = {}
        new: list[tuple[int, Box]] = []
        click = CLICK * self.layer.scale_factor / float(self.layer.scale[-1])
        drawing = str(self.layer.mode).startswith("add_")
        for place, (box_id, index, corners) in enumerate(self._shapes()):
            if corners is None:
                if box_id in self._boxes:  # out of sight, but not deleted
                    known.setdefault(box_id, self._boxes[box_id])
                continue
            old = self._boxes.get(box_id, (0, None))[1]
            top, left, bottom, right = corners
            if drawing and old is None and max(bottom - top, right - left) < click:
                continue
            if old is None or box_id in known:
                label = self._label_of(place) if old is None else old.label
                box = Box(label=label, top=top, left=left, bottom=bottom, right=right)
                new.append((index, box))
            elif np.allclose(old.corners, corners, atol=1e-4):
                known[box_id] = index, old
            else:
                moved = old.evolve(top=top, left=left, bottom=bottom, right=right)
                known[box_id] = index, by_hand(moved)
        boxes: dict[int, list[Box]] = defaultdict(list)
        for box_id in self._boxes:
            if box_id in known:
                index, box = known[box_id]
                boxes[index].append(box)
        for index, box in new:
            boxes[index].append(box)
        return dict(boxes)

    def _shapes(self) -> list[tuple[str, int, Corners | None]]:
        """Return each shape's box id, slice, and corners clipped to the image.

        Corners are None if too little of the shape lies in the image.
        """
        data = self.layer.data
        if not len(data):
            return []
        ids = list(self.layer.features["box"])
        flat = [np.asarray(v) for v in data]
        low = np.array([v.min(axis=0) for v in flat])
        high = np.array([v.max(axis=0) for v in flat])
        first = np.clip(np.round([v[0, 0] for v in flat]), 0, self._shape[0] - 1)
        top_left = np.maximum(low[:, 1:], -0.5)
        end = np.minimum(high[:, 1:], np.array(self._shape[1:], float) - 0.5)
        whole = (end - top_left >= MIN_SIDE).all(axis=1)
        corners = np.round(np.hstack([top_left, end]), 3).tolist()
        return [
            (
                str(ids[i]) if i < len(ids) else "",
                int(first[i]),
                tuple(corners[i]) if whole[i] else None,
            )
            for i in range(len(flat))
        ]

    def _label_of(self, place: int) -> int:
        """Return the label of a shape that is new in the layer."""
        name = str(self.layer.features["label"][place])
        for label in self._set.of(Method.DETECTION):
            if label.name == name:
                return label.id
        return self._label.id


def _vertices(index: int, box: Box) -> Sequence[Sequence[float]]:
    return [
        [index, box.top, box.left],
        [index, box.top, box.right],
        [index, box.bottom, box.right],
        [index, box.bottom, box.left],
    ]

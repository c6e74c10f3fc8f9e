"""The value under the cursor and its place in the patient, in napari's status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.session import Connections

from ._geometry import index_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.imaging import SeriesHeader

__all__ = ["StatusLine", "cursor_text"]

_SIDES = (("L", "R"), ("P", "A"), ("S", "I"))


def cursor_text(header: SeriesHeader, plane: Any, index: tuple[float, ...]) -> str:
    """Return what is under the cursor.

    Parameters
    ----------
    header : SeriesHeader
        Of the reference series.
    plane : callable
        Takes the index of a slice; returns its values, (rows, columns[, channels]),
        in modality units, or None while they are not known.
    index : tuple of float
        Slice, row and column.

    Returns
    -------
    str
        The value with its unit and, where the series has patient geometry, the
        place in mm towards the patient's left or right, posterior or anterior,
        superior or inferior side (DICOM's LPS); empty outside the image, and while
        the slice is not read.
    """
    place = np.round(index).astype(int)
    if (place < 0).any() or (place >= header.shape[:3]).any():
        return ""
    values = plane(int(place[0]))
    if values is None:
        return ""
    value = np.asarray(values)[place[1], place[2]]
    if header.is_color:
        text = ", ".join(str(int(v)) for v in value)
    else:
        text = f"{value:g}" if np.issubdtype(type(value), np.floating) else str(value)
        text = f"{text} {header.unit}".strip()
        if header.suv is not None:
            uptake = f"SUVbw {float(value) * header.suv:.2f}"
            text = uptake if header.suv == 1 else f"{uptake} ({text})"
    lps = header.place(tuple(index))
    if lps is None:
        return text
    sides = (
        f"{side[0] if mm >= 0 else side[1]} {abs(mm):.1f}"
        for side, mm in zip(_SIDES, lps, strict=True)
    )
    return f"{text}  ·  {'  '.join(sides)} mm"


class StatusLine:
    """Puts :func:`cursor_text` before what napari says in its status bar.

    Parameters
    ----------
    viewer : ViewerModel
        Whose status bar it is.
    layer : Layer
        The reference image.
    header : SeriesHeader
        Of the same series.
    plane : callable
        Returns the values of a slice of the volume that is shown, None while they are
        not known.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        layer: Layer,
        header: SeriesHeader,
        plane: Callable[[int], Any],
    ) -> None:
        self._viewer, self._layer = viewer, layer
        self._header, self._plane = header, plane
        self._plain: Any = viewer.status
        self._written: Any = None
        self._writing = False
        self._connections = Connections()
        self._connections.connect(viewer.events.status, self._on_status)
        self._connections.connect(viewer.cursor.events.position, self.update)

    def _on_status(self) -> None:
        """Add our text to a status of napari's."""
        if self._writing:  # another one that adds its text answers ours
            return
        # Told of later than it is set, our own is known by what it says.
        if self._viewer.status != self._written:
            self._plain = self._viewer.status
            self.update()

    def update(self) -> None:
        """Say what is under the cursor now."""
        text, status = self._text(), self._outside(self._plain)
        if text and isinstance(status, dict):
            before = status.get("coordinates", "")
            status = {**status, "coordinates": f"{text}   {before}".rstrip()}
        elif text:
            status = text if status in ("", "Ready") else f"{text}   {status}"
        self._write(status)

    def _outside(self, status: Any) -> Any:
        """Say in words where a series that was resampled has no values."""
        active = self._viewer.layers.selection.active
        is_resampled = active is not None and active.metadata.get("resampled")
        if not (is_resampled and isinstance(status, dict)):
            return status
        if status.get("value") != "nan":
            return status
        said = f"{status['coords']}: outside"
        return {**status, "value": "outside", "coordinates": said}

    def _text(self) -> str:
        viewer = self._viewer
        if viewer.dims.ndisplay != 2 or self._layer not in viewer.layers:
            return ""
        position = list(viewer.cursor.position)[-viewer.dims.ndim :]
        if len(position) < self._layer.ndim:
            return ""
        # The cursor knows the slice of its last move only.
        for axis in viewer.dims.not_displayed:
            position[axis - viewer.dims.ndim] = viewer.dims.point[axis]
        index = index_at(self._layer, position)
        return cursor_text(self._header, self._plane, index)

    def _write(self, status: Any) -> None:
        self._written = status
        if status != self._viewer.status:
            self._writing = True
            try:
                self._viewer.status = status
            finally:
                self._writing = False

    def close(self) -> None:
        """Leave the status bar to napari."""
        self._connections.release()
        self._write(self._plain)

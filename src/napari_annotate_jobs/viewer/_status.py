"""The value under the cursor and its place in the patient, in napari's status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._geometry import index_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.imaging import SeriesHeader

__all__ = ["StatusLine", "cursor_text"]

_SIDES = (("L", "R"), ("P", "A"), ("S", "I"))


def cursor_text(header: SeriesHeader, voxels: Any, index: tuple[float, ...]) -> str:
    """Return what is under the cursor.

    Parameters
    ----------
    header : SeriesHeader
        Of the reference series.
    voxels : array-like
        (slices, rows, columns[, channels]), modality units.
    index : tuple of float
        Slice, row and column.

    Returns
    -------
    str
        The value with its unit and, where the series has patient geometry, the
        place in mm towards the patient's left or right, posterior or anterior,
        superior or inferior side (DICOM's LPS); empty outside the image.
    """
    place = np.round(index).astype(int)
    if (place < 0).any() or (place >= header.shape[:3]).any():
        return ""
    value = np.asarray(voxels[place[0]])[place[1], place[2]]
    if header.is_color:
        text = ", ".join(str(int(v)) for v in value)
    else:
        text = f"{value:g}" if np.issubdtype(type(value), np.floating) else str(value)
        text = f"{text} {header.unit}".strip()
    if header.affine is None:
        return text
    row, column = (header.affine[:3, axis] for axis in (1, 2))
    origin = (
        header.affine[:3, 3] + place[0] * header.affine[:3, 0]
        if header.origins is None
        else header.origins[place[0]]
    )
    lps = origin + index[1] * row + index[2] * column
    sides = (
        f"{side[0] if mm >= 0 else side[1]} {abs(mm):.1f}"
        for side, mm in zip(_SIDES, lps, strict=True)
    )
    return f"{text}  ·  {'  '.join(sides)} mm"


class StatusLine:
    """Writes :func:`cursor_text` to the middle of napari's status bar.

    Parameters
    ----------
    viewer : ViewerModel
        Whose status bar it is.
    layer : Layer
        The reference image.
    header : SeriesHeader
        Of the same series.
    voxels : callable
        Returns the values of the volume that is shown.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        layer: Layer,
        header: SeriesHeader,
        voxels: Callable[[], Any],
    ) -> None:
        self._viewer, self._layer = viewer, layer
        self._header, self._voxels = header, voxels
        self._shown = ""
        viewer.mouse_move_callbacks.append(self._on_move)

    def _on_move(self, viewer: ViewerModel, event: Any) -> None:
        index = index_at(self._layer, event.position)
        text = cursor_text(self._header, self._voxels(), index)
        if text != self._shown:
            self._shown = viewer.help = text

    def close(self) -> None:
        """Leave the status bar to napari."""
        if self._on_move in self._viewer.mouse_move_callbacks:
            self._viewer.mouse_move_callbacks.remove(self._on_move)

"""A volume as napari layer data, without importing napari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._find import find_series
from ._series import Series
from ._windows import apply_window, default_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Window

    from ._header import SeriesHeader
    from ._volume import Volume

__all__ = ["layer_data", "layer_metadata", "read_layers"]


def layer_metadata(header: SeriesHeader) -> dict[str, Any]:
    """Return what travels in a layer's metadata.

    Parameters
    ----------
    header : SeriesHeader
        Of the series.

    Returns
    -------
    dict
        ``affine`` (4 x 4, (slice, row, column, 1) to LPS in mm, or None),
        ``origins`` (of each slice, LPS in mm, or None; exact where gaps are uneven),
        ``slices`` (their keys), ``modality``, ``unit``, ``windows``,
        ``warnings``, ``frame_of_reference`` and ``path``; no patient's tag.
    """
    return {
        "affine": None if header.affine is None else np.array(header.affine),
        "origins": None if header.origins is None else np.array(header.origins),
        "slices": tuple(item.key for item in header.slices),
        "modality": header.modality,
        "unit": header.unit,
        "windows": header.windows,
        "warnings": tuple(item.text for item in header.warnings),
        "frame_of_reference": header.frame_of_reference,
        "path": str(header.path),
    }


def _axes(header: SeriesHeader, *, extra: bool) -> dict[str, Any]:
    """Return what napari is told of the axes, of the volumes' own if `extra`."""
    unit = "mm" if header.has_spacing else "pixel"
    scale: tuple[float, ...] = header.spacing
    units: tuple[str, ...] = (unit,) * 3
    labels: tuple[str, ...] = ("slice", "row", "column")
    if extra:
        by = "volume" if header.split is None else header.split.by
        scale, units, labels = (1.0, *scale), ("pixel", *units), (by, *labels)
    return {"scale": scale, "units": units, "axis_labels": labels}


def layer_data(
    volume: Volume | Series, *, data: Any = None, window: Window | None = None
) -> tuple[Any, dict[str, Any], str]:
    """Return what napari's readers return for one layer.

    Parameters
    ----------
    volume : Volume or Series
        The image; a series is read, all its volumes, where no `data` is given.
    data : array-like, optional
        What to show instead of the image's voxels: a :class:`LazyVoxels`, or
        an array that is being filled.
    window : Window, optional
        By default :func:`default_window`.

    Returns
    -------
    data : array-like
        Shape (slice, row, column[, channel]), behind one more axis where a series
        has several volumes, such as time points. Colour of more than 8 bits is
        mapped to 8, since napari shows no other.
    kwargs : dict
        For ``napari.layers.Image``: ``name``, ``scale`` and ``units`` in mm (in
        pixels where the spacing is unknown), ``axis_labels``, ``metadata``; for
        grey images ``contrast_limits`` and ``colormap``, reversed where high
        values are dark; for colour ``rgb``.
    layer_type : str
        ``"image"``.
    """
    from ._volume import Volume

    header = volume.header
    if data is None:
        data = volume.voxels if isinstance(volume, Volume) else volume.read_all()
        own = data if isinstance(volume, Volume) else volume.own_of(data)
        if window is None and not header.is_color:
            window = default_window(own, header)
    extra = np.ndim(data) - len(header.shape)
    kwargs: dict[str, Any] = {
        "name": header.name,
        "metadata": layer_metadata(header),
        **_axes(header, extra=bool(extra)),
    }
    if header.is_color:
        kwargs["rgb"] = True
        if data.dtype != np.uint8:
            shown = np.asarray(data)
            data = apply_window(shown, window or default_window(shown, header))
        return data, kwargs, "image"
    if window is None:
        window = default_window(volume)
    kwargs["contrast_limits"] = window.limits
    if window.greys:
        greys = np.array(window.greys)
        greys = 1 - greys if header.inverted else greys
        kwargs["colormap"] = np.repeat(greys[:, None], 3, axis=1)
    else:
        kwargs["colormap"] = "gray_r" if header.inverted else "gray"
    return data, kwargs, "image"


def read_layers(
    path: str | Sequence[str],
) -> list[tuple[Any, dict[str, Any], str]]:
    """Read one image layer for each series found.

    Parameters
    ----------
    path : str or sequence of str
        Files or folders.

    Returns
    -------
    list of tuple
        As :func:`layer_data` returns them.

    Raises
    ------
    ImagingError
        If nothing can be opened; names the file and the remedy.
    """
    layers: list[tuple[Any, dict[str, Any], str]] = []
    for one in [path] if isinstance(path, str) else path:
        found = find_series(Path(one))
        if not found and found.faults:
            raise found.faults[0].error
        layers.extend(layer_data(Series(header)) for header in found)
    return layers

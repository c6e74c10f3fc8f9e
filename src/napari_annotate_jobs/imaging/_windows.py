"""Which window to show an image in, and small pictures of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.model import VoiFunction, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._header import SeriesHeader
    from ._readable import Readable
    from ._volume import Volume

__all__ = ["apply_window", "default_window", "thumbnail"]

_SAMPLES = 1 << 18
_SOFT_TISSUE = Window(center=40, width=400, explanation="Soft tissue")
_LUNGS = Window(center=-400, width=1500, explanation="Lungs")
_BONE = Window(center=300, width=1500, explanation="Bone")


def default_window(
    image: Volume | Readable | NDArray[Any], header: SeriesHeader | None = None
) -> Window:
    """Choose the window an image is first shown in.

    Parameters
    ----------
    image : Volume, Series or numpy.ndarray
        Values in modality units; of a series, three slices are read.
    header : SeriesHeader, optional
        Needed with an array.

    Returns
    -------
    Window
        The image's own first window; else for colour and 8-bit pictures their
        whole range; for CT a preset that fits its tissue; else from the 1st to the
        99th percentile of a sample, without padding and empty background.
    """
    from ._volume import Volume

    if isinstance(image, np.ndarray):
        values: NDArray[Any] | None = image
    else:
        header = image.header
        values = image.voxels if isinstance(image, Volume) else None
    if header is not None and header.windows:
        return header.windows[0]
    if values is None:
        values = _of_series(image)  # type: ignore[arg-type]
    color = header is not None and header.is_color
    if values.dtype == np.bool_:
        return Window.from_limits(0, 1, explanation="Full range")
    if color and values.dtype.kind == "u":
        top = float(np.iinfo(values.dtype).max)
        return Window.from_limits(0, top, explanation="Full range")
    sample = _sampled(values, header)
    # 8 bits without a place in the patient are a picture; with one, a scan
    picture = header is None or header.affine is None
    if picture and values.dtype == np.uint8 and sample.size and sample.max() > 63:
        return Window.from_limits(0, 255, explanation="Full range")
    if header is not None and header.unit == "HU" and sample.size:
        preset = _ct_preset(sample)
        if preset is not None:
            return preset
    return _robust(sample)


def _of_series(series: Readable) -> NDArray[Any]:
    # the whole of a large packed file would have to be unpacked for its end
    count = series.soon() or series.header.shape[0]
    places = sorted({count // 4, count // 2, (3 * count) // 4})
    return np.stack([series.read_slice(i) for i in places])


def _sampled(values: NDArray[Any], header: SeriesHeader | None) -> NDArray[np.float64]:
    """At most a quarter of a million finite values, evenly from the whole image."""
    flat = values.reshape(-1) if values.flags.c_contiguous else values.ravel()
    step = max(1, flat.size // _SAMPLES)
    if step > 1 and step % 2 == 0:
        step += 1  # an odd step does not fall onto the same columns each row
    sample = flat[::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if header is not None and header.padding is not None:
        sample = sample[sample != header.padding]
    return sample


def _ct_preset(sample: NDArray[np.float64]) -> Window | None:
    """Soft tissue, unless next to nothing of it is there."""
    body = sample[sample > -950]
    if body.size < 0.01 * sample.size or not body.size:
        return None
    soft = np.mean((body > -160) & (body < 240))
    if soft > 0.15:
        return _SOFT_TISSUE
    if np.mean(body < -500) > 0.5:
        return _LUNGS
    return _BONE if np.mean(body > 240) > 0.5 else None


def _robust(sample: NDArray[np.float64]) -> Window:
    if not sample.size:
        return Window.from_limits(0, 1, explanation="Full range")
    low, high = float(sample.min()), float(sample.max())
    background = sample == low
    if low == 0 and 0.05 < float(background.mean()) < 0.99:
        sample = sample[~background]
    first, last = (float(v) for v in np.percentile(sample, (1, 99)))
    if low == 0 and first < 0.25 * last:
        first = 0.0
    if not last > first:
        first, last = low, high
    if not last > first:
        last = first + max(1.0, abs(first) * 1e-6)
    return Window.from_limits(first, last, explanation="Automatic")


def apply_window(
    values: NDArray[Any],
    window: Window,
    *,
    inverted: bool = False,
    dtype: type[np.unsignedinteger[Any]] = np.uint8,
) -> NDArray[Any]:
    """Map values to grey levels.

    Parameters
    ----------
    values : numpy.ndarray
        Any shape, modality units.
    window : Window
        LINEAR and LINEAR_EXACT map between its limits, along its curve where it
        has one; SIGMOID after DICOM PS3.3 C.11.2.1.3.1.
    inverted : bool
        Whether high values are to be dark.
    dtype : type
        ``numpy.uint8`` or ``numpy.uint16``.

    Returns
    -------
    numpy.ndarray
        Same shape, 0 black to the largest value of `dtype` white.
    """
    white = float(np.iinfo(dtype).max)
    wide = np.float32 if dtype is np.uint8 else np.float64
    data: NDArray[np.floating[Any]] = np.asarray(values, dtype=wide)
    grey: NDArray[np.floating[Any]]
    if window.curve:
        places = np.linspace(*window.limits, len(window.curve))
        grey = np.interp(data, places, white * np.array(window.curve))
    elif window.function is VoiFunction.SIGMOID:
        with np.errstate(over="ignore"):
            grey = white / (1.0 + np.exp(-4 * (data - window.center) / window.width))
    else:
        low, high = window.limits
        grey = (data - low) * (white / (high - low))
    if inverted:
        grey = white - grey
    np.nan_to_num(grey, copy=False)
    result: NDArray[Any] = np.clip(np.rint(grey), 0, white).astype(dtype)
    return result


def thumbnail(
    series: Readable | Volume, size: int = 96, *, window: Window | None = None
) -> NDArray[np.uint8]:
    """Draw a small picture of the middle slice; only that slice is read.

    Parameters
    ----------
    series : Series or Volume
        What to draw.
    size : int
        Length of the longer side in pixels.
    window : Window, optional
        By default the image's own, else chosen from the slice.

    Returns
    -------
    numpy.ndarray
        Shape (rows, columns) or (rows, columns, 3), uint8, in the proportions
        of the patient.
    """
    from PIL import Image

    from ._volume import Volume

    header = series.header
    middle = header.shape[0] // 2
    if isinstance(series, Volume):
        plane = series.voxels[middle]
    else:
        plane = series.read_slice(middle)
    if window is None:
        window = default_window(plane, header)
    if plane.dtype != np.uint8 or not header.is_color:
        inverted = header.inverted and not header.is_color
        plane = apply_window(plane, window, inverted=inverted)
    height = plane.shape[0] * header.spacing[1]
    width = plane.shape[1] * header.spacing[2]
    scale = size / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.resize(target, Image.Resampling.BOX))

"""Slices as PNG and JPEG files, windowed or as they were."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.formats._contract import FormatOptions
from napari_annotate_jobs.imaging import apply_window, default_window
from napari_annotate_jobs.model import PNG_SIGNATURE, PRESETS, Window, encode_png

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase

__all__ = ["Picture", "PictureOptions", "PictureWriter", "check_picture"]

FULL = "full"
"""The window from the lowest to the highest value of a case."""


class PictureOptions(FormatOptions):
    """Choices of the formats of single images."""

    images: Literal["original", "8-bit", "16-bit"] = Field(
        default="original",
        description="original: PNG and JPEG files as they are, without their metadata, "
        "other images as 8-bit PNG; 8-bit or 16-bit: all as PNG of so many bits",
    )
    window: str = Field(
        default="",
        description="Which values are black and white: empty for the image's own "
        "window, full for all values of the case, LEVEL/WIDTH as 40/400, or a preset: "
        + ", ".join(preset.explanation for preset in PRESETS),
    )

    @field_validator("window")
    @classmethod
    def _known(cls, text: str) -> str:
        window_named(text)
        return text


def window_named(text: str) -> Window | None:
    """Return the window that an option names; None where it depends on the image."""
    if not text or text.casefold() == FULL:
        return None
    for preset in PRESETS:
        if preset.explanation.casefold() == text.casefold():
            return preset
    level, slash, width = text.partition("/")
    try:
        if slash:
            return Window(center=float(level), width=float(width))
    except ValueError:
        pass
    raise ValueError(
        f"{text!r} is no window: write LEVEL/WIDTH, {FULL}, or one of "
        + ", ".join(preset.explanation for preset in PRESETS)
    )


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A slice that was written as a file.

    Parameters
    ----------
    index : int
        The slice.
    file : str
        Path below the export's folder, with ``/``.
    rows, columns, channels : int
        Its size.
    digest : str
        Of its pixels, as they were before they were written.
    """

    index: int
    file: str
    rows: int
    columns: int
    channels: int
    digest: str

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.file.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The same without its ending."""
        return self.name.rpartition(".")[0]

    @property
    def plane(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.columns


class PictureWriter:
    """Writes slices of one case.

    Parameters
    ----------
    case : AnnotatedCase
        The case; its slices are read one at a time.
    options : PictureOptions
        How.
    """

    def __init__(self, case: AnnotatedCase, options: PictureOptions) -> None:
        self._case, self._options = case, options
        self._window: Window | None = None

    def name(self, index: int) -> str:
        """Return the name of a slice's file, without its ending.

        Stems of cases have no two underscores in a row, so that no two are the same.
        """
        case = self._case
        return case.stem if case.n_slices == 1 else f"{case.stem}__{index + 1:04d}"

    def write(self, index: int, folder: Path, below: str = "images") -> Picture:
        """Write a slice below ``folder / below``."""
        pixels = self._case.series.read_slice(index)
        copied = self._original()
        if copied is None:
            pixels = self._rendered(pixels)
            data, ending = encode_png(pixels, filtered=True), ".png"
        else:
            data, ending = copied
        file = f"{below}/{self.name(index)}{ending}"
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return Picture(
            index=index,
            file=file,
            rows=pixels.shape[0],
            columns=pixels.shape[1],
            channels=1 if pixels.ndim == 2 else pixels.shape[2],
            digest=_digest(pixels),
        )

    def _original(self) -> tuple[bytes, str] | None:
        header = self._case.header
        if self._options.images != "original" or header.format != "raster":
            return None
        if self._options.window and not header.is_color:
            return None
        return without_metadata(header.files[0].path)

    def _rendered(self, pixels: NDArray[Any]) -> NDArray[Any]:
        header = self._case.header
        deep = self._options.images == "16-bit"
        if header.is_color:
            if pixels.dtype == np.uint8:
                return np.asarray(pixels[..., :3])
            return apply_window(pixels[..., :3], self._chosen())
        dtype = np.uint16 if deep else np.uint8
        plain = header.format == "raster" and not self._options.window
        if plain and pixels.dtype == dtype:
            return dtype(np.iinfo(dtype).max) - pixels if header.inverted else pixels
        return apply_window(
            pixels, self._chosen(), inverted=header.inverted, dtype=dtype
        )

    def _chosen(self) -> Window:
        if self._window is None:
            window = window_named(self._options.window)
            if window is None and self._options.window:
                window = self._full()
            self._window = window or default_window(self._case.series)
        return self._window

    def _full(self) -> Window:
        low, high = np.inf, -np.inf
        for index in range(self._case.n_slices):
            values = self._case.series.read_slice(index)
            values = values[np.isfinite(values)]
            if values.size:
                low, high = min(low, values.min()), max(high, values.max())
        if not low < high:
            low = low if np.isfinite(low) else 0.0
            high = low + 1
        return Window.from_limits(float(low), float(high))


def _digest(pixels: NDArray[Any]) -> str:
    plain = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    text = f"{plain.dtype.str} {plain.shape} "
    return hashlib.sha256(text.encode() + plain.tobytes()).hexdigest()


def check_picture(picture: Picture, folder: Path) -> None:
    """Read a picture again, by Pillow, and compare its pixels.

    Raises
    ------
    CorruptError
        If they are not those that were to be written, or it carries metadata.
    """
    from PIL import Image

    path = folder / picture.file
    with Image.open(path) as image:
        told = {"exif", "comment", "xmp", "XML:com.adobe.xmp", "photoshop"}
        if told & set(image.info) or getattr(image, "text", None):
            raise CorruptError("it carries metadata of the original", where=path)
        if not image.mode.startswith("I"):
            plain = "L" if image.mode in ("1", "L", "LA") else "RGB"
            pixels = np.asarray(image.convert(plain))
        else:
            pixels = np.asarray(image).astype(np.uint16)
    if _digest(pixels) != picture.digest:
        raise CorruptError("the pixels read again are not those written", where=path)


# --------------------------------------------------------------- original files
def without_metadata(path: Path) -> tuple[bytes, str] | None:
    """Return the bytes of a PNG or JPEG without what tells of its origin.

    Returns
    -------
    (bytes, ending), or None if it must be written anew: it is of another kind, or is
    shown turned.
    """
    from PIL import Image, UnidentifiedImageError

    data = path.read_bytes()
    try:
        with Image.open(path) as image:
            kind, mode = image.format, image.mode
            turned = image.getexif().get(0x0112, 1) != 1
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise CorruptError(f"is no readable image ({error})", where=path) from error
    if turned:
        return None
    try:
        if kind == "PNG" and mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            return _plain_png(data), ".png"
        if kind in ("JPEG", "MPO") and mode in ("L", "RGB"):
            return _plain_jpeg(data), ".jpg"
    except (struct.error, IndexError, ValueError) as error:
        raise InvalidValueError(
            "its parts cannot be told apart, so that its metadata cannot be left out",
            where=path,
            remedy="Export with images=8-bit",
        ) from error
    return None


_PNG_PARTS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT"}
)


def _plain_png(data: bytes) -> bytes:
    out, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            raise ValueError("cut off")
        if kind in _PNG_PARTS:
            out.append(data[at:end])
        at = end
    return b"".join(out)


def _plain_jpeg(data: bytes) -> bytes:
    """Keep the segments that pixels and colours depend on, ITU-T T.81 annex B."""
    out, at = [data[:2]], 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xD9:
            out.append(data[at : at + 2])
            return b"".join(out)
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        body = data[at + 4 : end]
        told = 0xE0 <= marker <= 0xEF or marker == 0xFE
        # JFIF without a small picture, colour profiles, Adobe's note on colours.
        kept = (
            marker == 0xE0 and body[:5] == b"JFIF\0" and body[12:14] == b"\0\0"
        ) or (
            (marker == 0xE2 and body[:12] == b"ICC_PROFILE\0")
            or (marker == 0xEE and body[:5] == b"Adobe")
        )
        if not told or kept:
            out.append(data[at:end])
        at = end
        if marker == 0xDA:  # coded pixels follow, up to the next marker but RSTn
            start = at
            while True:
                at = data.index(0xFF, at)
                if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
                    break
                at += 2
            out.append(data[start:at])

"""What is known of a series before its pixels are read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import MALFORMED, GeometryError, InvalidValueError
from napari_annotate_jobs.model import SliceId, Window

from ._types import FileRef, FrameSource, ImageWarning, PixelFormat, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SeriesHeader", "note_from_header", "note_to_header"]

VERSION = 3
_PLAIN = (
    "format",
    "key",
    "shape",
    "spacing",
    "has_spacing",
    "inverted",
    "rescale",
    "slice_rescale",
    "optimistic",
    "unit",
    "suv",
    "derivation",
    "padding",
    "series_uid",
    "study_uid",
    "modality",
    "description",
    "frame_of_reference",
    "localizer",
    "layout",
    "reasons",
)


def _frozen_array(value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = np.array(value, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise InvalidValueError(f"expected finite numbers of shape {shape}")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesHeader:
    """All that is known of a series without reading its pixels.

    Parameters
    ----------
    path : Path
        What was opened: a folder or a file.
    format : str
        ``"dicom"``, ``"nifti"``, ``"raster"`` or ``"itk"``.
    key : str
        Names the series within `path`: the Series Instance UID, with the part
        behind a ``#`` where a series was split; the file's relative path for
        other formats.
    files : tuple of FileRef
        The files the slices come from.
    frames : tuple of FrameSource
        One for each slice, in the order of `slices`.
    shape : tuple of int
        (slices, rows, columns) or (slices, rows, columns, channels).
    dtype : numpy.dtype
        Of the voxels, after rescale; native byte order.
    spacing : tuple of float
        (slice, row, column) distances in mm; 1.0 where unknown.
    has_spacing : bool
        Whether the in-plane spacing is known.
    affine : numpy.ndarray, optional
        Shape (4, 4), float64: (slice, row, column, 1) to patient LPS, mm.
    origins : numpy.ndarray, optional
        Shape (slices, 3), float64: the centre of each slice's first voxel in
        patient LPS, mm. Exact where gaps are uneven, which `affine` cannot be.
    slices : tuple of SliceId
        The names of the slices.
    windows : tuple of Window
        Those stored in the image, in its order.
    inverted : bool
        Whether high values are shown dark (MONOCHROME1).
    rescale : tuple of float, optional
        (slope, intercept) that were applied to the stored values; None where
        they differ between slices or a look-up table was applied.
    slice_rescale : tuple of tuple of float, optional
        One (slope, intercept) a slice, where they differ.
    optimistic : bool
        Whether values may exceed `dtype`: it was chosen because images of this
        kind fit, the header alone cannot prove it.
    unit : str
        Of the voxel values: ``"HU"``, another unit, or nothing.
    suv : float, optional
        What a voxel is to be multiplied with to give its SUVbw, in g/ml.
    derivation : int
        0 of an acquisition, 1 of what was derived from one, 2 of a reformat or a
        projection.
    padding : float, optional
        Value of voxels outside the image, after rescale.
    reasons : tuple of str
        What the reader decided, and why: sheets taken apart, what the series was
        split or joined by, where its sizes are from.
    siblings : tuple of SeriesHeader
        The other volumes of the same series on the same grid, such as its other
        time points; `split` says what this one is.
    """

    path: Path
    format: str
    key: str
    files: tuple[FileRef, ...]
    frames: tuple[FrameSource, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    slices: tuple[SliceId, ...]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    has_spacing: bool = False
    affine: NDArray[np.float64] | None = None
    origins: NDArray[np.float64] | None = None
    windows: tuple[Window, ...] = ()
    inverted: bool = False
    rescale: tuple[float, float] | None = (1.0, 0.0)
    slice_rescale: tuple[tuple[float, float], ...] | None = None
    optimistic: bool = False
    unit: str = ""
    suv: float | None = None
    derivation: int = 0
    padding: float | None = None
    series_uid: str | None = None
    study_uid: str | None = None
    modality: str | None = None
    description: str | None = None
    frame_of_reference: str | None = None
    localizer: bool = False
    split: Split | None = None
    pixel: PixelFormat | None = None
    layout: tuple[int, int, int] | None = None
    warnings: tuple[ImageWarning, ...] = ()
    reasons: tuple[str, ...] = ()
    siblings: tuple[SeriesHeader, ...] = field(default=(), repr=False)
    folders: tuple[tuple[str, int], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        where = self.path
        if len(self.shape) not in (3, 4) or min(self.shape) < 1:
            raise GeometryError(f"an image of shape {self.shape}", where=where)
        count = self.shape[0]
        if len(self.slices) != count or len(self.frames) != count:
            raise GeometryError(
                f"{count} slices, but {len(self.slices)} names", where=where
            )
        if not all(np.isfinite(s) and s > 0 for s in self.spacing):
            raise GeometryError(f"a spacing of {self.spacing} mm", where=where)
        if self.affine is not None:
            object.__setattr__(self, "affine", _frozen_array(self.affine, (4, 4)))
        if self.origins is not None:
            object.__setattr__(self, "origins", _frozen_array(self.origins, (count, 3)))
        for other in self.siblings:
            if other.shape != self.shape or other.siblings:
                raise GeometryError(
                    f"volumes of shape {self.shape} and {other.shape} in one series",
                    where=where,
                )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SeriesHeader):
            return NotImplemented
        return self.path == other.path and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.path, self.key, self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes the volume takes in memory; its siblings take as many each."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    @property
    def volumes(self) -> tuple[SeriesHeader, ...]:
        """All volumes of the series in their order, this one among them."""
        if not self.siblings:
            return (self,)
        every = (replace(self, siblings=(), folders=()), *self.siblings)
        return tuple(sorted(every, key=lambda h: h.split.index if h.split else 0))

    @property
    def volume(self) -> int:
        """Its own place among :attr:`volumes`."""
        keys = [header.key for header in self.volumes]
        return keys.index(self.key)

    @property
    def all_files(self) -> tuple[FileRef, ...]:
        """The files of all its volumes, each once."""
        files = (f for header in (self, *self.siblings) for f in header.files)
        return tuple(dict.fromkeys(files))

    def at(self, key: str) -> SeriesHeader:
        """Return the header of one of its volumes, with the others as siblings.

        Parameters
        ----------
        key : str
            Of the volume.

        Raises
        ------
        KeyError
            If it has no such volume.
        """
        if key == self.key:
            return self
        volumes = self.volumes
        chosen = next((h for h in volumes if h.key == key), None)
        if chosen is None:
            raise KeyError(key)
        others = tuple(h for h in volumes if h is not chosen)
        return replace(chosen, siblings=others, folders=self.folders)

    @property
    def is_color(self) -> bool:
        """Whether the last axis holds colour channels."""
        return len(self.shape) == 4

    @property
    def name(self) -> str:
        """Text that names the series for people; never from a patient's tag."""
        name = self.description or self.modality or self.path.name
        if self.split is not None and self.split.count > 1 and not self.siblings:
            name = f"{name} ({self.split.by} {self.split.value})"
        return name

    @property
    def orientation(self) -> str:
        """``axial``, ``coronal``, ``sagittal``, with ``oblique`` in front, or ``""``.

        From the angle between the plane's normal and the patient's axes;
        oblique when it is more than 5 degrees.
        """
        if self.affine is None:
            return ""
        normal = np.cross(self.affine[:3, 2], self.affine[:3, 1])
        length = float(np.linalg.norm(normal))
        if not length:
            return ""
        normal = np.abs(normal / length)
        axis = int(np.argmax(normal))
        plane = ("sagittal", "coronal", "axial")[axis]
        return plane if normal[axis] > np.cos(np.deg2rad(5)) else f"oblique {plane}"

    def place(self, index: Sequence[float]) -> NDArray[np.float64] | None:
        """Return where a point lies in the patient.

        Parameters
        ----------
        index : sequence of 3 float
            (slice, row, column); of the slice the nearest counts.

        Returns
        -------
        ndarray of float64, shape (3,), or None
            LPS in mm, from the position of the slice itself, where `affine` knows
            but the mean distance; None without geometry.
        """
        if self.affine is None:
            return None
        nearest = min(max(round(index[0]), 0), self.shape[0] - 1)
        origin = self.affine[:3, 3] + nearest * self.affine[:3, 0]
        if self.origins is not None:
            origin = self.origins[nearest]
        plane = self.affine[:3, 1:3] @ np.asarray(index[1:3], dtype=float)
        return np.asarray(origin + plane, dtype=np.float64)

    @property
    def unevenness(self) -> float:
        """How far, in mm, `affine` is from the true place of a slice at most."""
        if self.affine is None or self.origins is None:
            return 0.0
        numbers = np.arange(self.shape[0])[:, None]
        even = self.affine[:3, 3] + numbers * self.affine[:3, 0]
        return float(np.linalg.norm(self.origins - even, axis=1).max())

    def is_current(self) -> bool:
        """Whether the files are as they were when this header was made.

        Compares size and time of every file, and the time of every folder
        they lie in, so that files added or removed are noticed.
        """
        for folder, mtime_ns in self.folders:
            try:
                if self.root.joinpath(folder).stat().st_mtime_ns != mtime_ns:
                    return False
            except OSError:
                return False
        return all(file.is_current() for file in self.all_files)

    def with_warnings(self, extra: Sequence[ImageWarning]) -> SeriesHeader:
        """Return the header with more warnings behind its own."""
        return replace(self, warnings=(*self.warnings, *extra))

    @property
    def root(self) -> Path:
        """The folder that file names are relative to."""
        return self.path.parent if self.path.is_file() else self.path

    def to_json(self) -> str:
        """Return a JSON document that :meth:`from_json` reads.

        It carries no tag that identifies a patient. File names are relative
        to the folder opened, so that it stays true when the folder is moved.
        """
        return header_to_json(self)

    @classmethod
    def from_json(cls, text: str, *, path: Path | str | None = None) -> SeriesHeader:
        """Make the header again from :meth:`to_json`.

        Parameters
        ----------
        text : str
            The document.
        path : Path, optional
            Where the folder or file is now, if it was moved.

        Raises
        ------
        InvalidValueError
            If the text is no such document.
        """
        return header_from_json(text, path)


def header_to_json(header: SeriesHeader) -> str:
    """Return the document; see :meth:`SeriesHeader.to_json`."""
    document = {"version": VERSION, "path": str(header.path), **_document(header)}
    document["siblings"] = [_document(other) for other in header.siblings]
    return json.dumps(document, separators=(",", ":"))


def _document(header: SeriesHeader) -> dict[str, Any]:
    root = header.root
    document: dict[str, Any] = {
        "files": [
            [_relative(file.path, root), file.size, file.mtime_ns]
            for file in header.files
        ],
        "folders": [list(item) for item in header.folders],
        "frames": [
            [f.file, f.frame, f.offset, f.length, *([f.tile] if f.tile else ())]
            for f in header.frames
        ],
        "slices": [[s.sop_instance_uid, s.frame] for s in header.slices],
        "dtype": header.dtype.str,
        "affine": None if header.affine is None else header.affine.tolist(),
        "origins": None if header.origins is None else header.origins.tolist(),
        "windows": [w.model_dump(mode="json") for w in header.windows],
        "warnings": [[w.code, w.text, list(w.slices)] for w in header.warnings],
        "pixel": None if header.pixel is None else _fields(header.pixel),
        "split": None if header.split is None else _fields(header.split),
    }
    document.update((name, getattr(header, name)) for name in _PLAIN)
    return document


def header_from_json(text: str, path: Path | str | None) -> SeriesHeader:
    """Return the header; see :meth:`SeriesHeader.from_json`."""
    try:
        document = json.loads(text)
        version = document["version"]
    except MALFORMED as error:
        raise _invalid(error) from error
    if version != VERSION:
        raise InvalidValueError(
            f"a series header of version {version}, not {VERSION}",
            remedy="Open the images again to make a new one",
        )
    try:
        place = Path(document["path"] if path is None else path)
        siblings = tuple(_built(other, place, ()) for other in document["siblings"])
        return _built(document, place, siblings)
    except InvalidValueError:
        raise
    except MALFORMED as error:
        raise _invalid(error) from error


def note_from_header(header: SeriesHeader) -> str:
    """Return a document like that of :func:`header_to_json`, without any free text.

    Files and folders are numbered in the order of their names instead of named;
    what a Series Description or the explanation of a window says is left out. So
    the images have to be there to make a header of it again.
    """
    document = json.loads(header_to_json(header))
    files, folders = _places(header.path)
    document["path"] = ""
    for doc in (document, *document["siblings"]):
        names = [name for name, _, _ in doc["files"]]
        for entry in doc["files"]:
            entry[0] = files.index(entry[0]) if entry[0] in files else None
        for entry in doc["folders"]:
            entry[0] = folders.index(entry[0]) if entry[0] in folders else None
        doc["key"] = _numbered_key(doc["key"], names)
        doc["description"] = None
        for window in doc["windows"]:
            window.pop("explanation", None)
    return json.dumps(document, separators=(",", ":"))


def note_to_header(text: str, path: Path) -> SeriesHeader:
    """Make the header again from :func:`note_from_header`.

    Raises
    ------
    InvalidValueError
        If the text is no such document, or the files are others now.
    """
    try:
        document = json.loads(text)
        files, folders = _places(path)
        for doc in (document, *document["siblings"]):
            for entry in doc["files"]:
                entry[0] = files[entry[0]]
            for entry in doc["folders"]:
                entry[0] = folders[entry[0]]
            names = [name for name, _, _ in doc["files"]]
            doc["key"] = _named_key(doc["key"], names)
            if doc["format"] != "dicom":
                doc["description"] = _plain(names[0])
    except MALFORMED as error:
        raise _invalid(error) from error
    return header_from_json(json.dumps(document), path)


def _places(path: Path) -> tuple[list[str], list[str]]:
    """Return the files and the folders that a header of `path` may name, in order."""
    if not path.is_dir():
        root = path.parent
        # Only those that belong to the file: the others come and go.
        stem = path.name.partition(".")[0]
        names = [n for n in os.listdir(root) if n.partition(".")[0] == stem]
        return [path.name, *sorted(set(names) - {path.name})], ["."]
    files, folders = [], []
    for folder, inner, names in os.walk(path):
        inner.sort()
        place = Path(folder).relative_to(path)
        folders.append(place.as_posix())
        files += [(place / name).as_posix() for name in sorted(names)]
    return files, folders


def _numbered_key(key: str, names: list[str]) -> Any:
    """Return a key without the name of a file in it: its number, and the rest."""
    for number, name in enumerate(names):
        for kind, part in (
            ("name", name),
            ("file", Path(name).name),
            ("stem", Path(name).stem),
        ):
            if key == part or key.startswith(part + "#"):
                return [number, kind, key[len(part) :]]
    return key


def _named_key(key: Any, names: list[str]) -> str:
    if isinstance(key, str):
        return key
    number, kind, rest = key
    name = names[number]
    part = {"name": name, "file": Path(name).name, "stem": Path(name).stem}[kind]
    return f"{part}{rest}"


def _plain(name: str) -> str:
    plain = Path(name)
    if plain.suffix.lower() == ".gz":
        plain = plain.with_suffix("")
    return plain.stem


def _invalid(error: Exception) -> InvalidValueError:
    return InvalidValueError(
        f"not a series header ({error})",
        remedy="Open the images again to make a new one",
    )


def _built(
    doc: dict[str, Any], place: Path, siblings: tuple[SeriesHeader, ...]
) -> SeriesHeader:
    root = place.parent if place.is_file() else place
    dtype = np.dtype(doc["dtype"])
    files = len(doc["files"])
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ValueError(f"pixels of type {dtype}")
    for file, frame, offset, length, *tile in doc["frames"]:
        numbers = (frame, offset, length, *(n for place in tile for n in place))
        if not 0 <= file < files or min(numbers) < 0:
            raise ValueError("a frame in no file")
    return SeriesHeader(
        path=place,
        siblings=siblings,
        files=tuple(
            FileRef(root / name, size, mtime) for name, size, mtime in doc["files"]
        ),
        folders=tuple((name, mtime) for name, mtime in doc["folders"]),
        frames=tuple(FrameSource(*map(_tupled, item)) for item in doc["frames"]),
        slices=tuple(
            SliceId(index=i, sop_instance_uid=uid, frame=frame)
            for i, (uid, frame) in enumerate(doc["slices"])
        ),
        dtype=dtype,
        affine=doc["affine"],
        origins=doc["origins"],
        windows=tuple(Window(**item) for item in doc["windows"]),
        warnings=tuple(
            ImageWarning(code, words, tuple(slices))
            for code, words, slices in doc["warnings"]
        ),
        pixel=None if doc["pixel"] is None else PixelFormat(**doc["pixel"]),
        split=None if doc["split"] is None else Split(**doc["split"]),
        **{name: _tupled(doc[name]) for name in _PLAIN},
    )


def _fields(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()

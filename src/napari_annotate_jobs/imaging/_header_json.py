"""Series headers as JSON, so that a second opening need not read them again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import SliceId, Window

from ._header import SeriesHeader
from ._types import FileRef, FrameSource, ImageWarning, PixelFormat, Split

__all__ = ["header_from_json", "header_to_json", "note_from_header", "note_to_header"]

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
    except (KeyError, TypeError, ValueError) as error:
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
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
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
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
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

"""Files from elsewhere: read with care, and said of each what is wrong and where."""

from __future__ import annotations

import csv
import json
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import yaml

from napari_annotate_jobs.errors import (
    MALFORMED,
    InvalidValueError,
    StoreAccessError,
)
from napari_annotate_jobs.formats.planes._planes import IMAGES

from ._yaml import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "IMAGE_ENDINGS",
    "MOST_BYTES",
    "NO_PLACE",
    "Names",
    "answers_by_label",
    "answers_of",
    "as_int",
    "as_number",
    "as_text",
    "check_file",
    "check_plane",
    "files_below",
    "image_name",
    "image_places",
    "image_plane",
    "parse_yaml",
    "read_json",
    "read_rows",
    "read_text",
    "read_xml",
]

IMAGE_ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    ".dcm",
)
"""Of images that annotations may lie beside."""
MOST_PIXELS = 1 << 28
"""More are taken for a mistake, before anything is allocated for them."""
MOST_BYTES = 1 << 31
"""Of one file."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of an OSError that the file cannot be read."""
    try:
        yield
    except OSError as error:
        raise StoreAccessError(
            f"cannot be read ({error.strerror or error})",
            where=path,
            remedy="Check that it is there and that you may read it",
        ) from error


def check_file(path: Path) -> None:
    """Raise an error unless it is a file, and not too large to be read whole."""
    with readable(path):
        if path.stat().st_size > MOST_BYTES:
            raise InvalidValueError("is larger than 2 GB", where=path)
        if not path.is_file():  # a device has no end, and a pipe waits
            raise InvalidValueError("is no regular file", where=path)


def read_text(path: Path) -> str:
    """Return the text of a file; a byte order mark is left out."""
    check_file(path)
    with readable(path):
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidValueError(
            "is no text in UTF-8",
            where=f"{path}, line {line}",
            remedy="Save it in UTF-8",
        ) from error


def read_json(path: Path) -> Any:
    """Return the values of a JSON file."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidValueError(
            f"is no JSON ({error.msg})", where=f"{path}, line {error.lineno}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise InvalidValueError(f"is no JSON of ours ({error})", where=path) from error


def parse_yaml(text: str, where: object) -> Any:
    """Return the values of a YAML text."""
    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise InvalidValueError(
            "is no YAML", where=f"{where or ''}{line}".lstrip(", ") or None
        ) from error
    except MALFORMED as error:
        # A date, number or depth that is none, which YAML itself lets pass.
        raise InvalidValueError(
            f"holds a value that cannot be read ({error})", where=where
        ) from error


def read_xml(path: Path) -> ElementTree.Element:
    """Return the root of an XML file."""
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidValueError(
            "declares a document type, which annotations have no use for", where=path
        )
    try:
        # Of text the encoding is known: what the file says of it does not count.
        return ElementTree.fromstring(text.encode("utf-8"), _parser())
    except ElementTree.ParseError as error:
        raise InvalidValueError(
            f"is no XML ({error})", where=f"{path}, line {error.position[0]}"
        ) from error


def _parser() -> ElementTree.XMLParser:
    return ElementTree.XMLParser(encoding="utf-8")


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a comma-separated file with their lines; blank ones left out."""
    table = csv.reader(read_text(path).splitlines(keepends=True), strict=True)
    try:
        for row in table:
            if any(cell.strip() for cell in row):
                yield table.line_num, row
    except csv.Error as error:
        raise InvalidValueError(
            f"is no comma-separated table ({error})",
            where=f"{path}, line {table.line_num}",
        ) from error


def as_text(value: Any, what: str, where: object) -> str:
    """Return a name; it is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidValueError(f"{what} is no name: {value!r:.60}", where=where)
    return " ".join(value.split())


def answers_of(value: Any) -> dict[str, str]:
    """Return answers to attributes: texts by name. What else stands there is left out.

    Other programs keep flags and numbers in the same place.
    """
    if not isinstance(value, dict):
        return {}
    return {
        name: text
        for name, text in value.items()
        if isinstance(name, str) and isinstance(text, str) and text
    }


def answers_by_label(value: Any) -> dict[str, dict[str, str]]:
    """Return answers to attributes by name of the label; see :func:`answers_of`."""
    if not isinstance(value, dict):
        return {}
    found = {str(label): answers_of(said) for label, said in value.items()}
    return {label: answers for label, answers in found.items() if answers}


def as_int(value: Any, what: str, where: object) -> int:
    """Return a whole number."""
    number = as_number(value, what, where)
    if number != int(number):
        raise InvalidValueError(
            f"{what} is no whole number: {value!r:.60}", where=where
        )
    return int(number)


def as_number(value: Any, what: str, where: object) -> float:
    """Return a finite number, also of text."""
    try:
        if isinstance(value, bool) or value is None:
            raise ValueError
        number = float(value)
        if not math.isfinite(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidValueError(
            f"{what} is no number: {value!r:.60}", where=where
        ) from error
    return number


def check_plane(rows: int, columns: int, where: object) -> tuple[int, int]:
    """Return (rows, columns) if an image can have so many."""
    if rows < 1 or columns < 1 or rows * columns > MOST_PIXELS:
        raise InvalidValueError(f"an image of {rows} x {columns} pixels", where=where)
    return rows, columns


def image_name(value: Any, where: object) -> str:
    """Return the name of an image as the file has it, with ``/`` between folders."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise InvalidValueError("an image without a file name", where=where)
    return value.strip().replace("\\", "/")


def files_below(folder: Path, *endings: str) -> list[Path]:
    """Return the files below a folder by name, without hidden ones and links."""
    found = []
    with readable(folder):
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if path.suffix.lower() in endings and not any(p[0] == "." for p in parts):
                if path.is_file() and not path.is_symlink():
                    found.append(path)
    return found


def image_plane(path: Path) -> tuple[int, int] | None:
    """Return (rows, columns) of an image file as it is shown; None if it is none."""
    from napari_annotate_jobs.errors import AnnotateJobsError
    from napari_annotate_jobs.imaging import find_series

    try:
        headers = find_series(path)
    except AnnotateJobsError:
        return None
    if not headers:
        return None
    return headers[0].shape[1], headers[0].shape[2]


NO_PLACE: dict[str, Any] = {}
"""Where nothing tells which slice an image is."""


def image_places(folder: Path) -> dict[str, dict[str, Any]]:
    """Return which slice each image is, from the table an export of ours has.

    Parameters
    ----------
    folder : Path
        Of the export.

    Returns
    -------
    dict of str to dict
        By path of the image below `folder`, without its ending: ``case``, and of the
        slice ``sop_instance_uid``, ``frame`` and ``index``. Empty without a table.
    """
    path = folder / IMAGES
    if not path.is_file():
        return {}
    found: dict[str, dict[str, Any]] = {}
    for line, row in read_rows(path):
        if line == 1:
            continue
        where = f"{path}, line {line}"
        if len(row) != 6:
            raise InvalidValueError("a row has six columns", where=where)
        image, _, case, number, uid, frame = row
        found[image.rpartition(".")[0]] = {
            "case": case or None,
            "sop_instance_uid": uid or None,
            "frame": as_int(frame, "frame", where) if frame else None,
            "index": as_int(number, "slice", where) - 1,
        }
    return found


class Names:
    """The names of classes in a file where they are told apart by name only.

    Blanks around them, and upper and lower case, do not make another class: label
    sets know no such difference either. The first spelling counts.
    """

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def __call__(self, value: Any, what: str, where: object) -> str:
        """Return the name to use."""
        name = as_text(value, what, where)
        return self._first.setdefault(name.casefold(), name)

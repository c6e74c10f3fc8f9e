"""The tables of slices and boxes that an export writes, read for the import."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, MissingExtraError
from napari_annotate_jobs.imaging._workers import Workers
from napari_annotate_jobs.model import Decision, Method, Provenance

from ._foreign import (
    MOST_BYTES,
    answers_by_label,
    answers_of,
    as_int,
    as_number,
    as_text,
    check_file,
    read_rows,
)
from ._incoming import Incoming, IncomingLabel, IncomingSlice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Records = Iterable[tuple[str, dict[str, str]]]
    """Each row with where it stands, as text by column."""

__all__ = ["read_parquet_tables", "read_tables"]

WORKERS = Workers(Path(__file__).with_name("_parquet_worker.py"), "pyarrow", kept=1)
PATIENCE = 60.0
"""Seconds that pyarrow may take, and one more for each megabyte."""


def read_tables(path: str | os.PathLike[str]) -> list[Incoming]:
    """Read the tables of slices and boxes that the CSV export writes.

    Parameters
    ----------
    path : path-like
        The folder of the export, or its ``slices.csv``.

    Returns
    -------
    list of Incoming
        One a case and author. Masks are not in the tables. Undecided slices are left
        out. What made all boxes of a case is what it was made by; where they were
        made in several ways a note says that it is not kept.

    Raises
    ------
    InvalidValueError
        If a row is wrong: says which.
    StoreAccessError
        If they cannot be read.
    """
    return _tables(Path(path), ".csv", "Tables (CSV)", _csv_records)


def read_parquet_tables(path: str | os.PathLike[str]) -> list[Incoming]:
    """Read the same tables as Parquet.

    Parameters
    ----------
    path : path-like
        The folder of the export, or its ``slices.parquet``.

    Returns
    -------
    list of Incoming
        As :func:`read_tables` gives them.

    Raises
    ------
    InvalidValueError
        If it is no Parquet file, or a row is wrong: says which.
    MissingExtraError
        If pyarrow is not installed.
    StoreAccessError
        If they cannot be read.
    """
    return _tables(Path(path), ".parquet", "Tables (Parquet)", _parquet_records)


def _tables(
    path: Path, ending: str, title: str, records: Callable[..., Records]
) -> list[Incoming]:
    folder = path if path.is_dir() else path.parent
    boxes: dict[tuple[str, int], dict[str, list[Any]]] = {}
    answered: dict[tuple[str, int], dict[str, list[dict[str, str]]]] = {}
    made: dict[str, set[tuple[str, str]]] = {}
    table = folder / f"boxes{ending}"
    if table.is_file():
        for where, row in records(table, "case_id", "slice", "label"):
            sides = [
                as_number(row.get(side), side, where)
                for side in ("top", "left", "bottom", "right")
            ]
            if sides[0] >= sides[2] or sides[1] >= sides[3]:
                raise InvalidValueError("a box without area", where=where)
            name = as_text(row["label"], "label", where)
            key = row["case_id"], as_int(row["slice"], "slice", where)
            boxes.setdefault(key, {}).setdefault(name, []).append(tuple(sides))
            own = answers_of(_json(row.get("attributes"), where))
            answered.setdefault(key, {}).setdefault(name, []).append(own)
            how = row.get("provenance", ""), row.get("source", "")
            made.setdefault(row["case_id"], set()).add(how)
    cases: dict[tuple[str, str], dict[str, Any]] = {}
    table = folder / f"slices{ending}"
    for where, row in records(table, "case_id", "slice", "decision"):
        # Of several people each is a case of their own.
        key_of_case = row["case_id"], row.get("author", "")
        case = cases.setdefault(key_of_case, {"row": row, "slices": []})
        number = as_int(row["slice"], "slice", where)
        case["whole"] = _names(row.get("case_classes"), where)
        case["answers"] = _answers(row.get("case_attributes"), where)
        decision = row["decision"]
        if decision not in set(Decision) - {Decision.UNDECIDED}:
            continue
        frame = row.get("frame")
        case["slices"].append(
            IncomingSlice(
                sop_instance_uid=row.get("sop_instance_uid") or None,
                frame=as_int(frame, "frame", where) if frame else None,
                index=number - 1,
                boxes=boxes.get((row["case_id"], number), {}),
                classes=_names(row.get("classes"), where),
                nothing_to_label=decision == Decision.NOTHING_TO_LABEL,
                excluded=decision == Decision.EXCLUDED,
                answers={
                    (method, name): answers
                    for name, answers in _answers(row.get("attributes"), where).items()
                    for method in (Method.CLASSIFICATION, Method.SEGMENTATION)
                },
                box_answers=answered.get((row["case_id"], number), {}),
            )
        )
    return [
        _of_case(table, title, case, made.get(case["row"]["case_id"], set()))
        for case in cases.values()
    ]


def _of_case(
    path: Path, title: str, case: dict[str, Any], made: set[tuple[str, str]]
) -> Incoming:
    row, slices = case["row"], case["slices"]
    provenance = Provenance.IMPORTED
    notes: tuple[str, ...] = ()
    sources = {source for _, source in made if source}
    if len(made) == 1 and sources:
        title = sources.pop()
        if {how for how, _ in made} == {str(Provenance.PREDICTED)}:
            provenance = Provenance.PREDICTED
    elif sources:
        notes = ("Boxes of several sources: which one made each is not kept.",)
    used = dict.fromkeys((Method.DETECTION, n) for one in slices for n in one.boxes)
    classes = [n for one in slices for n in one.classes] + list(case["whole"])
    used |= dict.fromkeys((Method.CLASSIFICATION, name) for name in classes)
    return Incoming(
        path=path,
        title=title,
        provenance=provenance,
        notes=notes,
        labels=tuple(IncomingLabel(name=n, method=method) for method, n in used),
        slices=tuple(slices),
        plane=(0, 0),
        case_labels=case["whole"],
        case_answers=case["answers"],
        image=row.get("case") or None,
        case=row["case_id"],
        series_uid=row.get("series_uid") or None,
    )


def _check_columns(columns: list[str], needed: Iterable[str], where: str) -> None:
    for name in needed:
        if name not in columns:
            raise InvalidValueError(f"has no column {name!r}", where=where)


def _csv_records(path: Path, *needed: str) -> Iterator[tuple[str, dict[str, str]]]:
    columns: list[str] = []
    for line, row in read_rows(path):
        where = f"{path}, line {line}"
        if not columns:
            columns = row
            _check_columns(columns, needed, where)
            continue
        if len(row) != len(columns):
            raise InvalidValueError(
                f"a row of {len(row)} columns, the first has {len(columns)}",
                where=where,
            )
        yield where, dict(zip(columns, row, strict=True))


def _parquet_records(path: Path, *needed: str) -> Iterator[tuple[str, dict[str, str]]]:
    check_file(path)
    if find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", extra="tables", purpose="reading Parquet")
    request = {"path": os.fsencode(path).hex(), "most": MOST_BYTES}
    patience = PATIENCE + (path.stat().st_size >> 20)
    try:
        # In a process of its own: what comes from anybody may crash it.
        head, data = WORKERS.ask(request, patience=patience)
    except ValueError as error:
        raise InvalidValueError(
            f"is no readable Parquet file ({' '.join(str(error).split())[:160]})",
            where=path,
            remedy="Write it again",
        ) from error
    columns: list[str] = head["columns"]
    _check_columns(columns, needed, str(path))
    for number, line in enumerate(data.splitlines(), 1):
        yield f"{path}, row {number}", dict(zip(columns, json.loads(line), strict=True))


def _names(text: str | None, where: str) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("classes are a list in JSON", where=where) from error
    if not isinstance(names, list):
        raise InvalidValueError("classes are a list in JSON", where=where)
    return tuple(dict.fromkeys(as_text(each, "a class", where) for each in names))


def _json(text: str | None, where: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("attributes are JSON", where=where) from error


def _answers(text: str | None, where: str) -> dict[str, dict[str, str]]:
    return answers_by_label(_json(text, where))

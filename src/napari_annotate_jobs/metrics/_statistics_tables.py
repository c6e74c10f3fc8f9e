"""Statistics as plain tables, for CSV and JSON."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import ExistsError, StoreAccessError
from napari_annotate_jobs.model import Decision, Provenance, Status

if TYPE_CHECKING:
    from ._statistics import PersonStatistics, Statistics

__all__ = ["statistics_tables", "write_statistics"]


def statistics_tables(found: Statistics) -> dict[str, list[dict[str, Any]]]:
    """Return the numbers as rows.

    Returns
    -------
    dict
        ``"people"``: a row a person, with statuses and decisions. ``"labels"``: a row
        a person and label. All together come first, as the person ``""``. Numbers
        that are not known are None.
    """
    every = [found.everybody, *found.people]
    return {
        "people": [_person_row(person) for person in every],
        "labels": [row for person in every for row in _label_rows(person)],
    }


def _person_row(person: PersonStatistics) -> dict[str, Any]:
    return {
        "person": person.person,
        "cases": person.cases,
        **{str(status): person.statuses[status] for status in Status},
        "slices": person.slices,
        **{str(decision): person.decisions[decision] for decision in Decision},
    }


def _label_rows(person: PersonStatistics) -> list[dict[str, Any]]:
    return [
        {
            "person": person.person,
            "label_id": count.label.id,
            "label": count.label.name,
            "method": str(count.label.method),
            "scope": str(count.label.scope),
            "group": count.label.group,
            "cases": count.cases,
            "slices": count.slices,
            "share": None if count.share is None else round(count.share, 6),
            "objects": count.objects,
            "voxels": count.voxels,
            "volume_ml": None if count.volume is None else round(count.volume, 6),
            "cases_without_voxel_size": count.unmeasured,
            **{str(how): count.provenance.get(how, 0) for how in Provenance},
        }
        for count in person.labels
    ]


def write_statistics(found: Statistics, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``people.csv`` and ``labels.csv`` into a folder.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ExistsError
        If one of them is there already.
    StoreAccessError
        If they cannot be written.
    """
    where = Path(os.path.abspath(os.path.expanduser(folder)))
    tables = statistics_tables(found)
    paths = [where / f"{name}.csv" for name in tables]
    for path in paths:
        if path.exists():
            raise ExistsError(
                "there is a table of this name already",
                where=path,
                remedy="Choose another folder, or move that file away",
            )
    try:
        where.mkdir(parents=True, exist_ok=True)
        for path, rows in zip(paths, tables.values(), strict=True):
            aside = path.with_name(f".{path.name}.partial")
            with aside.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, rows[0] if rows else [])
                table.writeheader()
                table.writerows(rows)
            aside.replace(path)
    except OSError as error:
        raise StoreAccessError(
            f"the tables cannot be written ({error.strerror or error})",
            where=error.filename or where,
            remedy="Choose a folder that can be written to",
        ) from error
    return paths

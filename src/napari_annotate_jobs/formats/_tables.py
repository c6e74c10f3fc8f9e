"""Tables: one row a slice, and one a box."""

from __future__ import annotations

import csv
import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import CorruptError, MissingExtraError
from napari_annotate_jobs.model import Method

from ._contract import CaseFiles, Exporter
from ._place import ijk_to_lps, slice_origins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.imaging import SeriesHeader

    from ._case import AnnotatedCase, CaseSummary
    from ._contract import ExportJob

__all__ = ["CsvExporter", "ParquetExporter", "own_rows"]

CASE: dict[str, str] = {
    "case": "str",
    "case_id": "str",
    "series_uid": "str",
    "slice": "int",
    "sop_instance_uid": "str",
    "frame": "int",
}
SLICE: dict[str, str] = {
    **CASE,
    "origin_x_mm": "float",
    "origin_y_mm": "float",
    "origin_z_mm": "float",
    "decision": "str",
    "classes": "json",
    "case_classes": "json",
    "attributes": "json",
    "case_attributes": "json",
    "boxes": "int",
    "mask_pixels": "json",
    "mask_provenance": "json",
    "mask_source": "json",
    "author": "str",
    "submission": "int",
    "submitted": "str",
    "digest": "str",
    "flags": "str",
}
"""Columns of the table of slices, and what they hold.

The origin is the centre of the first pixel.
"""
BOX: dict[str, str] = {
    **CASE,
    "label": "str",
    "label_id": "int",
    "left": "float",
    "top": "float",
    "right": "float",
    "bottom": "float",
    "left_top_x_mm": "float",
    "left_top_y_mm": "float",
    "left_top_z_mm": "float",
    "right_bottom_x_mm": "float",
    "right_bottom_y_mm": "float",
    "right_bottom_z_mm": "float",
    "object": "str",
    "provenance": "str",
    "source": "str",
    "attributes": "json",
    "author": "str",
    "submission": "int",
    "submitted": "str",
    "digest": "str",
}
"""Columns of the table of boxes. The centre of the first pixel is (0, 0)."""

Rows = list[dict[str, Any]]


def own_rows(path: Path) -> Iterator[list[str]]:
    """Give the rows of a table that was just written, however long its fields are."""
    with path.open(encoding="utf-8", newline="") as file:
        limit = csv.field_size_limit(max(path.stat().st_size, 2**17))
        try:
            yield from csv.reader(file)
        finally:
            csv.field_size_limit(limit)


class CsvExporter(Exporter):
    """Everything but the pixels of masks, as comma-separated tables.

    ``slices.csv`` has a row for every slice, decided or not, ``boxes.csv`` one for
    every box. Lists and mappings are JSON. Places are of the patient, LPS, in mm.
    """

    title = "Tables (CSV)"
    methods = frozenset({Method.CLASSIFICATION, Method.DETECTION, Method.SEGMENTATION})
    keeps_overlap = True
    keeps_answers = True

    def losses(self, export: ExportJob) -> list[str]:
        """Say that masks are counted only."""
        if not export.labels.of(Method.SEGMENTATION):
            return []
        return ["Tables have the number of pixels of masks, not the masks"]

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Gather the rows of a case; nothing is written before the others are."""
        slices, boxes = list(_slice_rows(case)), list(_box_rows(case))
        return CaseFiles(files=(), part={"slices": slices, "boxes": boxes})

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Leave it to :meth:`verify`: a case alone has no file."""

    def finish(
        self,
        export: ExportJob,
        folder: Path,
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> Sequence[str]:
        """Write both tables."""
        tables = {"slices": SLICE, "boxes": BOX}
        return [self._write(folder, n, tables[n], written) for n in tables]

    def verify(
        self,
        export: ExportJob,
        folder: Path,
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> None:
        """Read both tables again, and compare them row by row."""
        for name, columns in {"slices": SLICE, "boxes": BOX}.items():
            wanted = (row for _, files in written for row in files.part[name])
            for row, found in zip_longest(wanted, self._read(folder, name, columns)):
                if row is None or found != [
                    _value(row[c], columns[c]) for c in columns
                ]:
                    raise CorruptError(
                        "a row read again is not the one written", where=folder / name
                    )

    def _read(
        self, folder: Path, name: str, columns: dict[str, str]
    ) -> Iterator[list[Any]]:
        """Give the rows of a table as values."""
        kinds: dict[str, Any] = {"int": int, "float": float}
        rows = own_rows(folder / f"{name}.csv")
        if next(rows, None) != list(columns):
            raise CorruptError("the columns are not the ones written", where=folder)
        for row in rows:
            yield [
                kinds.get(k, str)(cell) if cell else None
                for cell, k in zip(row, columns.values(), strict=True)
            ]

    def _write(
        self,
        folder: Path,
        name: str,
        columns: dict[str, str],
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> str:
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(columns)
            for _, files in written:
                for row in files.part[name]:
                    table.writerow([_cell(row[c], columns[c]) for c in columns])
        return path.name


class ParquetExporter(CsvExporter):
    """The same tables as Parquet, with types; read by pandas, polars and DuckDB."""

    title = "Tables (Parquet)"

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say so where pyarrow is not installed."""
        try:
            _pyarrow()
        except MissingExtraError as error:
            return [str(error).rstrip(".")]
        return super().is_incompatible(export)

    def _read(
        self, folder: Path, name: str, columns: dict[str, str]
    ) -> Iterator[list[Any]]:
        _, parquet = _pyarrow()
        with parquet.ParquetFile(folder / f"{name}.parquet") as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    yield [row[c] for c in columns]

    def _write(
        self,
        folder: Path,
        name: str,
        columns: dict[str, str],
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> str:
        pa, parquet = _pyarrow()
        types = {"int": pa.int64(), "float": pa.float64()}
        schema = pa.schema([(c, types.get(k, pa.string())) for c, k in columns.items()])
        path = folder / f"{name}.parquet"
        with parquet.ParquetWriter(path, schema) as table:
            for _, files in written:
                rows: Rows = files.part[name]
                table.write_table(
                    pa.table(
                        {
                            c: [None if r[c] is None else _value(r[c], k) for r in rows]
                            for c, k in columns.items()
                        },
                        schema=schema,
                    )
                )
        return path.name


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(
            "pyarrow", extra="tables", purpose="writing Parquet"
        ) from error
    return pyarrow, parquet


def _value(value: Any, kind: str) -> Any:
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    return None if value == "" else value


def _cell(value: Any, kind: str) -> Any:
    return "" if value is None else _value(value, kind)


def _place(case: AnnotatedCase, index: int) -> dict[str, Any]:
    name = case.header.slices[index]
    return {
        "case": case.case.name,
        "case_id": case.case.id,
        "series_uid": case.header.series_uid,
        "slice": index + 1,
        "sop_instance_uid": name.sop_instance_uid,
        "frame": name.frame,
    }


def _slice_rows(case: AnnotatedCase) -> Iterator[dict[str, Any]]:
    summary, labels = case.summary, case.labels
    whole = [labels[i].name for i in case.annotation.case_labels]
    of_case = {
        label.name: answers
        for label in labels.labels
        if (answers := case.case_answers(label.id))
    }
    for index in range(case.n_slices):
        said = case.said(index)
        pixels: dict[str, int] = {}
        for ref in said.masks.values():
            for label, count in ref.pixels.items():
                name = labels[label].name
                pixels[name] = pixels.get(name, 0) + count
        yield {
            **_place(case, index),
            **_point_mm("origin", case.header, index, 0, 0),
            "decision": str(case.decision(index)),
            "classes": [labels[i].name for i in said.class_labels],
            "case_classes": whole,
            "attributes": {
                labels[i].name: dict(sorted(found.items()))
                for i in said.label_ids
                if (found := said.answers(i))
            },
            "case_attributes": of_case,
            "boxes": len(said.boxes),
            "mask_pixels": pixels,
            "mask_provenance": sorted({str(r.provenance) for r in said.masks.values()}),
            "mask_source": sorted({r.source for r in said.masks.values()} - {""}),
            "author": summary.person,
            **_submission(summary),
            "flags": summary.flags,
        }


def _submission(summary: CaseSummary) -> dict[str, Any]:
    return {
        "submission": summary.submission,
        "submitted": None if summary.time is None else summary.time.isoformat(),
        "digest": summary.digest,
    }


def _box_rows(case: AnnotatedCase) -> Iterator[dict[str, Any]]:
    summary = case.summary
    for index in range(case.n_slices):
        for box in case.boxes(index):
            yield {
                **_place(case, index),
                "label": case.labels[box.label].name,
                "label_id": box.label,
                "left": box.left,
                "top": box.top,
                "right": box.right,
                "bottom": box.bottom,
                **_point_mm("left_top", case.header, index, box.left, box.top),
                **_point_mm("right_bottom", case.header, index, box.right, box.bottom),
                "object": box.track,
                "provenance": str(box.provenance),
                "source": box.source,
                "attributes": box.attributes,
                "author": summary.person,
                **_submission(summary),
            }


def _point_mm(
    name: str, header: SeriesHeader, index: int, column: float, row: float
) -> dict[str, float | None]:
    """Return where a point of a slice lies in the patient, LPS in mm.

    From the slice's own origin, so that uneven gaps do not move it.
    """
    affine = ijk_to_lps(header)
    point = slice_origins(header)[index] + affine[:3, :2] @ [column, row]
    known = header.affine is not None
    return {
        f"{name}_{axis}_mm": value if known else None
        for axis, value in zip("xyz", np.round(point, 4).tolist(), strict=True)
    }

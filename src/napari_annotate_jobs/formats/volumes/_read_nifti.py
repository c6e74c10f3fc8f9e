"""NIfTI label volumes, and what their values are called."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import MALFORMED, CorruptError
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
)
from napari_annotate_jobs.formats.planes._value_masks import (
    ValueMasks,
    integer_values,
    present,
)
from napari_annotate_jobs.model import Method

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Values = dict[str, tuple[int, ...]]

__all__ = ["read_nifti_labels"]


def read_nifti_labels(path: Path) -> Iterator[Incoming]:
    """Read a volume of label values.

    What the values are called is looked up beside it: in the ``.tsv`` of a BIDS
    derivative, in ``dataset.json`` (nnU-Net, Decathlon), in ``labels.csv``, in
    ``labels.itksnap.txt``. Without any of these a value is called by its number.

    Raises
    ------
    CorruptError
        If it is damaged, or holds no whole numbers in three axes.
    """
    import nibabel as nib

    try:
        image: Any = nib.load(path)
        array = np.asanyarray(image.dataobj)
        affine = image.affine
        codes = [int(image.header[name]) for name in ("sform_code", "qform_code")]
    except Exception as error:
        raise CorruptError(
            f"it cannot be read as NIfTI ({str(error) or type(error).__name__})",
            where=path,
            remedy="Copy or export the file again",
        ) from error
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3:
        raise CorruptError(
            f"it has the axes {array.shape}, a volume of labels has three", where=path
        )
    volume = integer_values(array, path).transpose(2, 1, 0)
    named, title = _names(path)
    lps = None
    if any(codes) and affine is not None:
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[:, [2, 1, 0, 3]]
    ignored = named.pop("ignore", ())
    found = [present(plane) - set(ignored) for plane in volume]
    there = set().union(*found)
    unnamed = there - {value for values in named.values() for value in values}
    for value in sorted(unnamed):
        named[str(value)] = (value,)
    notes: tuple[str, ...] = ()
    if ignored and (volume == ignored[0]).any():
        notes = ("Voxels to be ignored are taken for undecided.",)
    yield Incoming(
        path=path,
        title=title,
        labels=tuple(
            IncomingLabel(
                name=name,
                method=Method.SEGMENTATION,
                number=values[0] if len(values) == 1 else None,
            )
            for name, values in named.items()
            if there.intersection(values)
        ),
        slices=tuple(
            IncomingSlice(index=index, masks=_masks(volume, index, named, values))
            for index, values in enumerate(found)
            # Of a slice that is to be ignored nothing is said.
            if values or not np.isin(volume[index], ignored).any()
        ),
        plane=(volume.shape[1], volume.shape[2]),
        affine=lps,
        notes=notes,
    )


def _masks(
    volume: NDArray[np.integer], index: int, named: Values, there: set[int]
) -> ValueMasks:
    values = {n: (0, own) for n, own in named.items() if there.intersection(own)}
    return ValueMasks(lambda _: volume[index], values)


# ------------------------------------------------------------------------- names
def _names(path: Path) -> tuple[Values, str]:
    """Return the values of each name, and what said so."""
    stem = re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE)
    beside = path.parent / f"{stem}.tsv"
    if beside.is_file() and (found := _of_table(beside, "\t", "index")):
        return found, "NIfTI, BIDS derivative"
    for folder in (path.parent, path.parent.parent):
        described = folder / "dataset.json"
        if described.is_file() and (found := _of_dataset(described)):
            return found, "NIfTI, nnU-Net or Decathlon data set"
        table = folder / "labels.csv"
        if table.is_file() and (found := _of_table(table, ",", "value")):
            return found, "NIfTI"
        snap = folder / "labels.itksnap.txt"
        if snap.is_file() and (found := _of_itksnap(snap)):
            return found, "NIfTI, ITK-SNAP"
    return {}, "NIfTI"


def _of_table(path: Path, delimiter: str, column: str) -> Values:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=delimiter))
        found = {row["name"].strip(): (int(row[column]),) for row in rows}
    except (OSError, csv.Error, *MALFORMED):
        return {}
    return {name: values for name, values in found.items() if values != (0,)}


def _of_dataset(path: Path) -> Values:
    """Read the labels of nnU-Net (name to value or values) or Decathlon (reverse)."""
    try:
        labels = json.loads(path.read_text(encoding="utf-8-sig"))["labels"]
        found: Values = {}
        for key, value in labels.items():
            if isinstance(value, str):
                found[value] = (int(key),)
            else:
                values = value if isinstance(value, list) else [value]
                found[str(key)] = tuple(int(each) for each in values)
    except (OSError, *MALFORMED):
        return {}
    return {name: values for name, values in found.items() if values != (0,)}


def _of_itksnap(path: Path) -> Values:
    line = re.compile(r'^\s*(\d+)\s.*"(.*)"\s*$')
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    matches = [match for each in lines if (match := line.match(each))]
    return {m[2]: (int(m[1]),) for m in matches if int(m[1])}

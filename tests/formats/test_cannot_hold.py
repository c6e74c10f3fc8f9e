"""What each format cannot hold: told before anything is written, with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats import EXPORT_FORMATS, LabelChoice, export, exporter
from napari_annotate_jobs.stores import StoreSource

if TYPE_CHECKING:
    from pathlib import Path

MASKS, BOXES, CLASSES = "segmentation", "detection", "classification"
IDS = {MASKS: [1, 2, 300], BOXES: [4], CLASSES: [5, 6, 7]}
HOLDS: dict[str, tuple[set[str], bool]] = {
    "nifti": ({MASKS}, False),
    "seg-nrrd": ({MASKS}, True),
    "nnunet": ({MASKS}, False),
    "decathlon": ({MASKS}, False),
    "bids": ({MASKS}, False),
    "dicom-seg": ({MASKS}, True),
    "rtstruct": ({MASKS}, True),
    "dicom-sr": ({BOXES, CLASSES}, True),
    "csv": ({MASKS, BOXES, CLASSES}, True),
    "parquet": ({MASKS, BOXES, CLASSES}, True),
    "coco": ({MASKS, BOXES, CLASSES}, True),
    "yolo": ({BOXES}, True),
    "yolo-seg": ({MASKS}, True),
    "voc": ({BOXES}, True),
    "cvat": ({MASKS, BOXES, CLASSES}, True),
    "labelme": ({MASKS, BOXES, CLASSES}, True),
    "label-csv": ({BOXES, CLASSES}, True),
    "class-folders": ({CLASSES}, True),
}
"""Which methods, and whether masks that cover one another stay apart."""
CANNOT = [
    (name, method)
    for name, (methods, _) in HOLDS.items()
    for method in IDS
    if method not in methods
]


@pytest.fixture(scope="module")
def overlap(overlapping: Any) -> StoreSource:
    return StoreSource(str(overlapping.folder))


def test_every_format_is_here() -> None:
    assert set(HOLDS) == set(EXPORT_FORMATS)


@pytest.mark.parametrize(("name", "method"), CANNOT)
def test_labels_of_a_method_it_does_not_have(
    name: str, method: str, overlap: StoreSource, tmp_path: Path
) -> None:
    with pytest.raises(
        InvalidValueError,
        match=rf"{EXPORT_FORMATS[name].title} holds .*only labels for {method}.*conve",
    ):
        export(
            overlap,
            exporter(name),
            tmp_path / "out",
            transforms=[LabelChoice(ids=tuple(IDS[method]))],
            workers=1,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [n for n, (_, kept) in HOLDS.items() if not kept])
def test_masks_that_overlap(
    name: str, overlap: StoreSource, mixed_options: dict[str, Any], tmp_path: Path
) -> None:
    options = mixed_options.get(name, {})
    with pytest.raises(InvalidValueError, match=r"masks overlap in 2 cases.*\(priori"):
        export(overlap, exporter(name, options), tmp_path / "out", workers=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, (_, kept) in HOLDS.items() if kept])
def test_masks_that_overlap_where_they_stay_apart(
    name: str, overlap: StoreSource, mixed_options: dict[str, Any], tmp_path: Path
) -> None:
    options = mixed_options.get(name, {})
    done = export(overlap, exporter(name, options), tmp_path / "out", workers=1)
    assert done.cases == 2

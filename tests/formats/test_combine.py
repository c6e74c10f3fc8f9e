"""Combined and converted classes: new label sets, nothing lost, nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats import (
    Combination,
    CombinedClass,
    Conversion,
    Convert,
    count_classes,
    read_combination,
    write_combination,
)
from napari_annotate_jobs.model import Label, LabelSet, Method
from napari_annotate_jobs.stores import StoreSource

if TYPE_CHECKING:
    from pathlib import Path


def combined(*classes: CombinedClass) -> Combination:
    return Combination(classes=classes)


LESION = combined(CombinedClass(name="Lesion", sources=("Tumour", "Gefäß")))


def test_sources_are_dropped_and_nothing_is_lost(overlapping: Any) -> None:
    source = StoreSource(str(overlapping.folder))
    case = source.open(next(iter(source.summaries())))
    new = LESION.case(case)
    names = [label.name for label in new.labels.labels]
    assert "Lesion" in names and "Tumour" not in names and "Gefäß" not in names
    lesion = new.labels.named("Lesion")
    for index in range(case.n_slices):
        before = np.zeros(case.plane, bool)
        for group in case.said(index).masks:
            mask = case.mask(index, group)
            before |= np.isin(mask, [1, 300])
        after = np.zeros(case.plane, bool)
        for group in new.said(index).masks:
            mask = new.mask(index, group)
            assert set(np.unique(mask)) <= {0, 2, lesion.id}
            after |= mask == lesion.id
        assert np.array_equal(before, after), index
        assert new.decision(index) is case.decision(index)
    # The originals are as they were.
    assert case.labels.named("Tumour").id == 1
    assert np.array_equal(case.mask(3, ""), overlapping.masks["ct-lung"][3, ""])


def test_classes_of_one_exclusive_group_stay_in_it(source: StoreSource) -> None:
    case = source.open(next(iter(source.summaries())))
    new = combined(CombinedClass(name="usable", sources=("good", "bad"))).case(case)
    label = new.labels.named("usable")
    assert label.group == "quality"
    assert new.said(2).class_labels == (label.id,)


def test_kept_sources_are_offered_and_never_on_an_image(source: StoreSource) -> None:
    case = source.open(next(iter(source.summaries())))
    keep = combined(CombinedClass(name="any", sources=("good", "bad"), keep=True))
    new = keep.case(case)
    ids = {label.name: label.id for label in new.labels.labels}
    assert {"any", "good", "bad"} <= set(ids)
    assert len(set(ids.values())) == len(ids)
    assert new.said(2).class_labels == (ids["any"],)


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([("A", ("Tumour", "nodule"))], "mixes detection and segmentation"),
        ([("A", ("good",)), ("B", ("good",))], "fed into two classes"),
        ([("A", ("gone",))], "no label is named 'gone'"),
        ([("contrast", ("good", "bad"))], "there is a label 'contrast' already"),
    ],
    ids=["methods", "twice", "missing", "taken"],
)
def test_what_does_not_go_together(
    source: StoreSource, classes: list[tuple[str, tuple[str, ...]]], text: str
) -> None:
    labels = source.job.project.label_set
    with pytest.raises(InvalidValueError, match=text):
        combined(*(CombinedClass(name=n, sources=s) for n, s in classes)).labels(labels)


def test_counts_before_and_after(source: StoreSource) -> None:
    labels = source.job.project.label_set
    summaries = list(source.summaries())
    before = {c.label.name: c for c in count_classes(summaries, labels)}
    after = {c.label.name: c for c in count_classes(summaries, labels, [LESION])}
    assert before["Tumour"].slices == before["Gefäß"].slices == 6  # not the excluded
    assert after["Lesion"].voxels == before["Tumour"].voxels + before["Gefäß"].voxels
    assert after["Lesion"].slices == 6
    assert before["nodule"].objects == 2
    assert before["good"].cases == 2


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "combine.yaml"
    path.write_text(write_combination(LESION), encoding="utf-8")
    assert read_combination(path) == LESION
    path.write_text("combine:\n  A: [A1, A2]\n  B: [B1]\n", encoding="utf-8")
    assert [c.name for c in read_combination(path).classes] == ["A", "B"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[1, 2]", "combine: 3", "combine:\n - {name: A}", "combine: {A: []}"),
        *("{", "combine: " + "[" * 5000),
        # what YAML itself stumbles over
        *("combine: 2030-99-99", "combine: !!timestamp x", "combine: !!int ''"),
        "combine: !!bool x",
    ],
)
def test_a_file_that_is_none_says_where(tmp_path: Path, text: str) -> None:
    path = tmp_path / "combine.yaml"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=r"combine\.yaml"):
        read_combination(path)


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_every_label_ends_in_one_class(feeds: list[int]) -> None:
    labels = LabelSet(
        labels=tuple(
            Label(id=i + 1, name=f"L{i}", color="#000000", method=Method.SEGMENTATION)
            for i in range(6)
        )
    )
    classes = {
        k: tuple(f"L{i}" for i, feed in enumerate(feeds) if feed == k)
        for k in (1, 2, 3)
    }
    wanted = combined(
        *(CombinedClass(name=f"C{k}", sources=s) for k, s in classes.items() if s)
    )
    new, ids = wanted.labels(labels), wanted.mapping(labels)
    assert set(ids) == {label.id for label in labels.labels}
    assert set(ids.values()) == {label.id for label in new.labels}
    for label in labels.labels:
        feed = feeds[label.id - 1]
        assert new[ids[label.id]].name == (f"C{feed}" if feed else label.name)


def test_masks_become_boxes_around_their_parts(drawn: Any) -> None:
    source = StoreSource(str(drawn.folder))
    case = source.open(next(iter(source.summaries())))
    parts = Conversion(convert=Convert.COMPONENTS_TO_BOXES).case(case)
    boxes = [b for b in parts.boxes(2) if parts.labels[b.label].name == "Tumour"]
    assert [b.corners for b in boxes] == [(9.5, 9.5, 29.5, 39.5)]
    assert parts.labels[boxes[0].label].method is Method.DETECTION
    assert not parts.said(2).masks
    assert not parts.boxes(5), "excluded"
    # The boxes that were there stay.
    assert (10.0, 12.5, 30.0, 44.5) in [b.corners for b in parts.boxes(3)]


def test_masks_and_boxes_become_classes(source: StoreSource) -> None:
    case = source.open(next(iter(source.summaries())))
    masks = Conversion(convert=Convert.MASKS_TO_CLASSES).case(case)
    assert masks.said(3).class_labels == (1, 2, 5, 300)
    boxes = Conversion(convert=Convert.BOXES_TO_CLASSES).case(case)
    assert boxes.said(3).class_labels == (4, 5)
    assert boxes.said(2).class_labels == (5,)

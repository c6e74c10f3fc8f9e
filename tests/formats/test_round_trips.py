"""Masks out in each format that holds them, and in again: pixels and names the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_annotate_jobs.formats import (
    ExportJob,
    exporter,
    fit_incoming,
    import_format,
    name_labels,
)
from napari_annotate_jobs.model import Job, Label, LabelSet, Method, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

pytest.importorskip("highdicom")
pytest.importorskip("nrrd")

PLANE = (7, 9)
HEIGHTS = (0.0, 2.5, 5.0)
ROWS = {
    "nifti": ("nifti", {}, "nifti"),
    "bids": ("bids", {}, "nifti"),
    "nnunet": ("nnunet", {}, "nifti"),
    "decathlon": ("decathlon", {}, "nifti"),
    "seg-nrrd": ("seg-nrrd", {}, "nrrd"),
    "dicom-seg": ("dicom-seg", {}, "dicom-seg"),
    "label map": ("dicom-seg", {"type": "labelmap"}, "dicom-seg"),
    "rtstruct": ("rtstruct", {}, "rtstruct"),
}
"""What is written with which options, and what reads it."""
OVERLAP = ("seg-nrrd", "dicom-seg", "rtstruct")
"""Those that keep it."""
NAMES = st.one_of(
    st.text(
        st.characters(exclude_categories=("C", "Z"), include_characters=" "),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(
        ["a,b", 'say "x"', "a\\b", "a/b", "..", "1", "~", "Ä ä", "#x", "a|b", "a;b=c"]
    ),
    st.just("x" * 120),
    st.just("血" * 120),
).map(lambda text: " ".join(text.split()))


@st.composite
def cases(draw: Any, *, overlap: bool) -> Any:
    """Give labels with ugly names, and masks by slice and label id."""
    names = draw(
        st.lists(
            NAMES.filter(lambda n: n.casefold() not in ("", "background", "ignore")),
            min_size=1,
            max_size=3,
            unique_by=lambda n: n.casefold(),
        )
    )
    ids = draw(st.permutations([1, 2, 300]))
    labels = LabelSet(
        labels=tuple(
            Label(
                id=ids[number],
                name=name,
                color="#D55E00",
                method=Method.SEGMENTATION,
                overlap_group=f"g{number}",
            )
            for number, name in enumerate(names)
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    masks: dict[int, dict[int, NDArray[np.bool_]]] = {}
    for index in range(len(HEIGHTS)):
        owner = rng.integers(0, 1 + len(names), PLANE)
        for number, label in enumerate(labels.labels, 1):
            mask = rng.random(PLANE) < 0.5 if overlap else owner == number
            if draw(st.booleans()) and mask.any():
                masks.setdefault(index, {})[label.id] = mask
    return labels, masks


def there_and_back(kit: Any, labels: Any, masks: Any, names: Any) -> Iterator[Any]:
    """Export in several formats; give what each reader finds by slice and label id."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = kit.series(folder / "images", heights=HEIGHTS, plane=PLANE)
        blank = {i: True for i in range(len(HEIGHTS)) if i not in masks}
        case = kit.case(series, masks, labels, nothing_to_label=blank)
        project = Project(name="x", methods=(Method.SEGMENTATION,), label_set=labels)
        job = ExportJob(
            job=Job(id="x", project=project), labels=labels, cases=(case.summary,)
        )
        for each in names:
            kind, options, reader = ROWS[each]
            writer, out = exporter(kind, options), folder / each
            out.mkdir()
            done = writer.write_case(case, out)
            writer.verify_case(case, out, done)
            writer.finish(job, out, [(case.summary, done)])
            row = import_format(reader)
            wanted = next(f for f in done.files if f.endswith((".gz", ".nrrd", ".dcm")))
            found: dict[tuple[int, int], NDArray[np.bool_]] = {}
            for incoming in row.read(out / wanted, case.header):
                named = name_labels(incoming, labels, {}).labels
                fitted = fit_incoming(incoming, case.header)
                for index, make in fitted.slices.items():
                    for one in make():
                        for text, mask in one.masks.items():
                            key = index, named[Method.SEGMENTATION, text].id
                            found[key] = found.get(key, np.False_) | mask
            yield each, {k: m for k, m in found.items() if m.any()}


def same(found: Any, masks: Any, where: str) -> None:
    wanted = {(i, k): mask for i, by in masks.items() for k, mask in by.items()}
    assert set(found) == set(wanted), where
    for key, mask in wanted.items():
        assert np.array_equal(found[key], mask), (where, key)


@pytest.mark.slow
@given(drawn=cases(overlap=False))
@settings(max_examples=5)
def test_masks_come_back_the_same_from_each_volume(kit: Any, drawn: Any) -> None:
    labels, masks = drawn
    for name, found in there_and_back(kit, labels, masks, ROWS):
        same(found, masks, name)


@pytest.mark.slow
@given(drawn=cases(overlap=True))
@settings(max_examples=5)
def test_overlap_comes_back_the_same_where_it_is_kept(kit: Any, drawn: Any) -> None:
    labels, masks = drawn
    for name, found in there_and_back(kit, labels, masks, OVERLAP):
        same(found, masks, name)

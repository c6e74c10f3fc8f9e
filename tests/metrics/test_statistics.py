"""Numbers of annotations, against ones counted by hand."""

from __future__ import annotations

import csv
import tracemalloc

import numpy as np
import pytest

from napari_annotate_jobs.errors import ExistsError
from napari_annotate_jobs.metrics import (
    CaseFacts,
    StatisticsCounter,
    statistics_tables,
    voxel_volumes,
    write_statistics,
)
from napari_annotate_jobs.model import (
    Annotation,
    Box,
    Case,
    Label,
    LabelSet,
    MaskRef,
    Method,
    Provenance,
    RangeAction,
    Scope,
    SeriesRef,
    SliceAnnotation,
    SliceRange,
    Status,
)

LABELS = LabelSet(
    labels=(
        Label(id=1, name="organ", color="#112233", method=Method.SEGMENTATION),
        Label(id=2, name="lesion", color="#112234", method=Method.DETECTION),
        Label(id=3, name="contrast", color="#112235", method=Method.CLASSIFICATION),
        Label(
            id=4,
            name="usable",
            color="#112236",
            method=Method.CLASSIFICATION,
            scope=Scope.CASE,
        ),
    )
)
CASE = Case(id="one", name="One", series=(SeriesRef(path="one"),), n_slices=6)


def masks(pixels, how=Provenance.MANUAL, digest="a"):
    return {"": MaskRef(digest=digest * 64, pixels={1: pixels}, provenance=how)}


def facts(person="ana", status=Status.FINISHED, volumes=None, read_mask=None, **said):
    slices = said.pop("slices", {})
    annotation = Annotation(
        case_id="one",
        person=person,
        slices={f"k{s.index}": s for s in slices},
        **said,
    )
    return CaseFacts(
        case=CASE,
        person=person,
        status=status,
        annotation=annotation,
        n_slices=6,
        volumes=volumes,
        read_mask=read_mask,
    )


def count(*cases):
    counter = StatisticsCounter("Job", LABELS)
    for each in cases:
        counter.add(each)
    return counter.result()


def full():
    """Six slices: one excluded, one with nothing, two undecided."""
    box = Box(label=2, top=0, left=0, bottom=2, right=2, track="t")
    followed = Box(
        label=2,
        top=0,
        left=0,
        bottom=2,
        right=2,
        track="t",
        provenance=Provenance.TRACKED,
    )
    proposed = Box(label=2, top=0, left=0, bottom=3, right=3, proposal=True)
    return [
        SliceAnnotation(index=0, nothing_to_label=True),
        SliceAnnotation(index=1, masks=masks(10), boxes=(box,), class_labels=(3,)),
        SliceAnnotation(
            index=2,
            masks=masks(20, Provenance.INTERPOLATED),
            boxes=(followed, proposed),
            class_labels=(3,),
        ),
        SliceAnnotation(index=3, masks=masks(1000), excluded=True),
    ]


def test_every_number_of_a_case():
    spread = SliceRange(
        action=RangeAction.CLASS_LABELS,
        labels=(3,),
        origin=1,
        start=1,
        stop=2,
        applied=(1, 2),
    )
    volumes = np.array([0.1, 0.1, 0.2, 0.2, 0.2, 0.2])
    found = count(
        [facts(slices=full(), case_labels=(4,), ranges=(spread,), volumes=volumes)]
    )
    (ana,) = found.people
    assert (found.cases, found.annotated, ana.cases, ana.slices) == (1, 1, 1, 6)
    assert {str(k): v for k, v in ana.decisions.items()} == {
        "labelled": 2,
        "nothing to label": 1,
        "excluded": 1,
        "undecided": 2,
    }
    organ, lesion, contrast, usable = ana.labels
    assert (organ.cases, organ.slices, organ.voxels) == (1, 2, 30)
    assert organ.share == pytest.approx(2 / 3)
    assert organ.volume == pytest.approx(10 * 0.1 + 20 * 0.2)
    assert organ.objects is None
    assert dict(organ.provenance) == {"manual": 1, "interpolated": 1}
    assert (lesion.slices, lesion.objects, lesion.volume) == (2, 1, None)
    assert dict(lesion.provenance) == {"manual": 1, "tracked": 1}
    assert dict(contrast.provenance) == {"manual": 1, "propagated": 1}
    assert (usable.cases, usable.slices, usable.share) == (1, 0, 1.0)


def test_people_apart_and_together():
    said = [SliceAnnotation(index=1, masks=masks(5))]
    found = count(
        [facts("ana", slices=said), facts("bo", Status.REMAINING, slices=full())],
        [],
        [facts("ana", Status.RETURNED, slices=said)],
    )
    assert (found.cases, found.annotated) == (3, 2)
    assert [each.person for each in found.people] == ["ana", "bo"]
    assert dict(found.everybody.statuses) == {
        "remaining": 1,
        "finished": 1,
        "returned": 1,
    }
    assert [p.labels[0].voxels for p in (found.everybody, *found.people)] == [
        40,
        10,
        30,
    ]
    # No voxel's size is known: that is said, and is no volume of 0.
    organ = found.everybody.labels[0]
    assert (organ.volume, organ.unmeasured) == (None, 3)


def test_objects_of_masks_are_joined_over_slices():
    planes = np.zeros((6, 8, 8), np.uint16)
    planes[0, 0:2, 0:2] = 1
    planes[0, 2, 2] = 1  # at a corner: the same
    planes[0, 5:8, 5:8] = 1
    planes[1, 1, 1] = 1  # over the first
    planes[1, 7, 0] = 1  # over nothing
    planes[3, 0:2, 0:2] = 1  # a slice lies between
    # Two on one slice, one of them over that, which become one on the next.
    planes[4, 0, 0], planes[4, 0, 4] = 1, 1
    planes[5, 0, :] = 1
    said = [
        SliceAnnotation(index=i, masks=masks(int(p.sum()), digest=str(i)))
        for i, p in enumerate(planes)
        if p.any()
    ]
    found = count(
        [facts(slices=said, read_mask=lambda ref: planes[int(ref.digest[0])])]
    )
    # Upper left on 0 and 1, lower right on 0, lower left on 1, all of 3 to 5.
    assert found.everybody.labels[0].objects == 4


def test_a_label_that_was_taken_away_counts_nowhere():
    said = [SliceAnnotation(index=0, class_labels=(99,))]
    found = count([facts(slices=said)])
    assert sum(each.slices for each in found.everybody.labels) == 0
    assert found.everybody.decisions["labelled"] == 1


# ------------------------------------------------------------------------- volumes
def test_even_gaps_give_the_product_of_the_spacing():
    assert voxel_volumes(3, (5.0, 0.5, 2.0)) == pytest.approx([0.005] * 3)
    assert voxel_volumes(1, (5.0, 0.5, 2.0)) is None


def test_uneven_gaps_and_a_tilted_gantry():
    affine = np.eye(4)
    affine[:3, 0] = (0, 1, 2)  # slices move along the rows: the tilt
    affine[:3, 1], affine[:3, 2] = (0, 0.5, 0), (0.5, 0, 0)
    assert voxel_volumes(3, (9, 9, 9), affine) == pytest.approx([0.0005] * 3)
    origins = np.array([[0, 0, 0], [0, 1, 2], [0, 5, 8.0]])
    uneven = voxel_volumes(3, (9, 9, 9), affine, origins)
    assert uneven == pytest.approx(np.array([2, 4, 6]) * 0.25 / 1000)


# -------------------------------------------------------------------------- tables
def test_tables_hold_the_same_and_overwrite_nothing(tmp_path):
    found = count([facts(slices=full())])
    tables = statistics_tables(found)
    paths = write_statistics(found, tmp_path / "new" / "numbers")
    with paths[1].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [row["label"] for row in tables["labels"]]
    assert rows[0]["voxels"] == "30"
    assert rows[0]["volume_ml"] == ""
    before = paths[0].read_bytes()
    with pytest.raises(ExistsError, match="Choose another folder"):
        write_statistics(found, tmp_path / "new" / "numbers")
    assert paths[0].read_bytes() == before
    assert len(list(paths[0].parent.iterdir())) == 2


def test_counting_keeps_no_annotation():
    counter = StatisticsCounter("Job", LABELS)

    def feed(number):
        for _ in range(number):
            said = [
                SliceAnnotation(index=i, masks=masks(5), class_labels=(3,))
                for i in range(6)
            ]
            counter.add([facts(slices=said)])

    feed(20)
    tracemalloc.start()
    feed(20)
    first = tracemalloc.get_traced_memory()[0]
    feed(200)
    more = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert more < 20_000

"""Out in one format and in, out in another and in: what both hold is the same.

Every pair of formats that can hold the same thing, through jobs, as a person does it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_annotate_jobs.editing import answer
from napari_annotate_jobs.formats import (
    EXPORT_FORMATS,
    IMPORT_FORMATS,
    LabelChoice,
    export,
    exporter,
    import_format,
)
from napari_annotate_jobs.model import (
    MAX_LABEL_NAME,
    Attribute,
    Box,
    Case,
    Decision,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    Scope,
    SeriesRef,
)
from napari_annotate_jobs.session import (
    AnnotationSession,
    Importing,
    import_annotations,
)
from napari_annotate_jobs.stores import StoreSource, create_job, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

pytest.importorskip("highdicom")
pytest.importorskip("nrrd")
pytest.importorskip("pyarrow")

SEG, DET, CLS = Method.SEGMENTATION, Method.DETECTION, Method.CLASSIFICATION
PLANE = (7, 9)
EVEN, UNEVEN = (0.0, 2.5, 5.0, 7.5), (0.0, 2.5, 4.0, 8.0)
"""Where slices lie."""


@dataclass(frozen=True)
class Row:
    """How something is written and read, and what comes through.

    `holds` is a word for each of: masks, overlap, boxes, single (choice), multi
    (choice), case (labels), negatives, excluded,
    answers (to attributes). `labels` are those that go out, as a
    person ticks them; all by default.
    """

    write: str
    read: str
    holds: frozenset[str]
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[int, ...] = ()


def row(write: str, read: str, holds: str, *labels: int, **options: Any) -> Row:
    return Row(write, read, frozenset(holds.split()), options, labels)


MASKS, BOXES, SINGLE, MULTI, WHOLE = (1, 2, 300), (4, 5), (6, 7), (8, 9), (10, 11)
ALL = "boxes single multi case negatives"
ROWS: dict[str, Row] = {
    "nifti": row("nifti", "nifti", "masks"),
    "bids": row("bids", "nifti", "masks"),
    "nnunet": row("nnunet", "nifti", "masks"),
    "decathlon": row("decathlon", "nifti", "masks", unknown="ignore"),
    "seg-nrrd": row("seg-nrrd", "nrrd", "masks overlap"),
    "dicom-seg": row("dicom-seg", "dicom-seg", "masks overlap"),
    "all frames": row("dicom-seg", "dicom-seg", "masks overlap", empty_frames=True),
    "label map": row("dicom-seg", "dicom-seg", "masks", type="labelmap"),
    "rtstruct": row("rtstruct", "rtstruct", "masks overlap"),
    "csv": row("csv", "csv", f"{ALL} excluded answers"),
    "parquet": row("parquet", "parquet", f"{ALL} excluded answers"),
    "coco": row("coco", "coco", f"masks overlap {ALL} answers"),
    "coco runs": row("coco", "coco", f"masks overlap {ALL} answers", masks="rle"),
    "yolo": row("yolo", "yolo", "boxes negatives"),
    "yolo-seg": row("yolo-seg", "yolo", "masks overlap negatives", holes="slit"),
    "voc": row("voc", "voc", "boxes negatives answers"),
    "cvat": row("cvat", "cvat", f"masks overlap {ALL} answers"),
    "labelme": row(
        "labelme", "labelme", "masks overlap boxes single multi negatives answers"
    ),
    "boxes csv": row("label-csv", "label-csv", "boxes negatives", *BOXES),
    "single csv": row("label-csv", "label-csv", "single", *SINGLE, kind="single"),
    "multi csv": row("label-csv", "label-csv", "multi negatives", *MULTI, kind="multi"),
    "class-folders": row("class-folders", "class-folders", "single", group="one"),
}
NAMES = st.one_of(
    st.text(
        st.characters(exclude_categories=("C", "Z"), include_characters=" "),
        min_size=1,
        max_size=MAX_LABEL_NAME,
    ),
    st.sampled_from(
        ["a,b", 'say "x"', "a\\b", "a/b", "..", "1", "~", "Ä ä", "#x", "a|b", "a;b=c"]
    ),
    st.sampled_from("x血é").map(lambda one: one * 200),
).map(lambda text: " ".join(text.split()))
TAKEN = ("", "background", "ignore")


ASKED = Attribute(name='who & "ü"?', choices=("ä, b", "<2 > 'x'"))


def answer_to(label: int, place: int) -> dict[str, str]:
    """Return what is said of a label in a place: one answer, another, or nothing."""
    said = (*ASKED.choices, "")[(label + place) % 3]
    return {ASKED.name: said} if said else {}


def label_set(names: list[str]) -> LabelSet:
    given = iter(names)
    labels = []
    for method, ids in ((SEG, MASKS), (DET, BOXES), (CLS, SINGLE + MULTI + WHOLE)):
        for number in ids:
            fields: dict[str, Any] = {}
            if number in MASKS:
                fields["overlap_group"] = f"g{number}"
            if number in SINGLE:
                fields["group"] = "one"
            if number in WHOLE:
                fields |= {"scope": Scope.CASE, "group": "whole"}
            fields |= {"method": method, "attributes": (ASKED,)}
            labels.append(Label(id=number, name=next(given), color="#D55E00", **fields))
    return LabelSet(labels=tuple(labels), groups=(Group(name="one", exclusive=True),))


@dataclass
class Said:
    """What is said of a slice: `decision`, and what there is of each kind."""

    decision: Decision
    masks: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    boxes: set[tuple[int, tuple[float, ...]]] = field(default_factory=set)
    single: set[int] = field(default_factory=set)
    multi: set[int] = field(default_factory=set)
    answers: dict[int, dict[str, str]] = field(default_factory=dict)
    boxed: dict[Any, dict[str, str]] = field(default_factory=dict)
    whole: dict[int, dict[str, str]] = field(default_factory=dict)

    @property
    def is_decided(self) -> bool:
        return self.decision in (Decision.LABELLED, Decision.NOTHING_TO_LABEL)


@st.composite
def jobs(draw: Any, *, overlap: bool) -> tuple[LabelSet, list[Said], set[int]]:
    """Give labels with ugly names, what is said of each slice, and of the case."""
    count = len((*MASKS, *BOXES, *SINGLE, *MULTI, *WHOLE))
    names = draw(
        st.lists(
            NAMES.filter(lambda n: n.casefold() not in TAKEN and n.isprintable()),
            min_size=count,
            max_size=count,
            unique_by=lambda n: n.casefold(),
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    edges = [np.sort(rng.permutation(8 * n)[:2]) / 8 - 0.5 for n in PLANE * 12]
    slices = []
    for decision in draw(st.permutations([*Decision, Decision.LABELLED]))[:4]:
        said = Said(decision)
        if decision in (Decision.LABELLED, Decision.EXCLUDED):
            owner = rng.integers(0, 1 + len(MASKS), PLANE)
            for place, label in enumerate(MASKS, 1):
                mask = rng.random(PLANE) < 0.5 if overlap else owner == place
                if rng.random() < 0.7 and mask.any():
                    said.masks[label] = mask
            for _ in range(rng.integers(0, 3)):
                (top, bottom), (left, right) = edges.pop(), edges.pop()
                top, bottom, left, right = map(float, (left, right, top, bottom))
                said.boxes.add((int(rng.choice(BOXES)), (top, left, bottom, right)))
            said.single = {int(rng.choice(SINGLE))}
            said.multi = {i for i in MULTI if rng.random() < 0.5}
        slices.append(said)
    return label_set(names), slices, {int(rng.choice(WHOLE))}


class Desk:
    """Jobs on one series of images, made, written and filled from files."""

    def __init__(self, folder: Path, labels: LabelSet, images: Path) -> None:
        self.folder, self.labels = folder, labels
        self._case = Case(id="c1", name="Case 1", series=(SeriesRef(path=str(images)),))
        self._made = 0

    def job(self) -> Path:
        self._made += 1
        path = self.folder / f"job{self._made}"
        project = Project(name="x", methods=(SEG, DET, CLS), label_set=self.labels)
        create_job(path, Job(id="job", project=project), [self._case]).close()
        return path

    def drawn(self, slices: list[Said], whole: set[int]) -> Path:
        path = self.job()
        session = AnnotationSession(open_store(str(path), person="ana"), "job")
        session.open_case("c1")
        editor = session.editor
        masks: dict[tuple[int, str], Any] = {}
        for index, said in enumerate(slices):
            for label, mask in said.masks.items():
                group = self.labels[label].overlap_group
                masks[index, group] = mask.astype(np.uint16) * np.uint16(label)
            for label in said.single | said.multi:
                editor.set_class([index], label, True)
        editor.set_masks(masks)
        for index, said in enumerate(slices):
            for label in {*said.masks, *said.single, *said.multi}:
                for own in answer_to(label, index).values():
                    answer(editor, label, [index], ASKED.name, own)
        editor.set_boxes(
            {
                index: tuple(
                    Box(
                        label=label,
                        attributes=answer_to(label, index),
                        **dict(zip(SIDES, corners, strict=True)),
                    )
                    for label, corners in sorted(said.boxes)
                )
                for index, said in enumerate(slices)
                if said.boxes
            }
        )
        by: dict[Decision, list[int]] = {each: [] for each in Decision}
        for index, said in enumerate(slices):
            by[said.decision].append(index)
        editor.set_nothing_to_label(by[Decision.NOTHING_TO_LABEL])
        editor.set_excluded(by[Decision.EXCLUDED])
        for label in whole:
            editor.set_case_label(label, True)
            answer(editor, label, [], ASKED.name, ASKED.choices[label % 2])
        session.close()
        return path

    def through(self, job: Path, name: str) -> Path:
        """Write a job in a format, and read that into a new one."""
        one = ROWS[name]
        out = self.folder / f"{job.name} as {name}"
        chosen = [LabelChoice(ids=one.labels)] if one.labels else []
        source = StoreSource(str(job), only="all")
        writer = exporter(one.write, one.options)
        export(source, writer, out, transforms=chosen, workers=1)
        source.close()
        new = self.job()
        store = open_store(str(new), person="ana")
        how = Importing(row=import_format(one.read))
        report = import_annotations(store, "job", out, how)
        store.close()
        assert [str(c.error) for c in report.cases if c.error] == [], name
        assert report.broken == (), name
        assert len(report.cases) == 1, name
        return new

    def found(self, job: Path) -> tuple[list[Said], set[int]]:
        source = StoreSource(str(job), only="all")
        (summary,) = source.summaries()
        case = source.open(summary)
        slices = []
        for index in range(case.n_slices):
            content = case.said(index)
            said = Said(case.decision(index))
            for group in content.masks:
                ids = case.mask(index, group)
                assert ids is not None
                said.masks |= {int(i): ids == i for i in np.unique(ids) if i}
            said.boxes = {(box.label, box.corners) for box in content.boxes}
            said.single = set(content.class_labels).intersection(SINGLE)
            said.multi = set(content.class_labels).intersection(MULTI)
            said.answers = {i: dict(content.answers(i)) for i in content.label_ids}
            said.boxed = {(b.label, b.corners): b.attributes for b in content.boxes}
            said.whole = {i: case.case_answers(i) for i in WHOLE}
            slices.append(said)
        source.close()
        return slices, set(case.annotation.case_labels)


SIDES = ("top", "left", "bottom", "right")


def compare(
    wanted: tuple[list[Said], set[int]],
    found: tuple[list[Said], set[int]],
    holds: frozenset[str],
    where: str,
) -> None:
    """Compare what can be held; what was excluded has come nowhere."""
    if "case" in holds:
        assert found[1] == wanted[1], where
    for index, (one, other) in enumerate(zip(wanted[0], found[0], strict=True)):
        told = where, index
        own = one if one.is_decided else Said(one.decision)
        if "masks" in holds:
            assert set(other.masks) == set(own.masks), told
            for label, mask in own.masks.items():
                assert np.array_equal(other.masks[label], mask), told
        if "boxes" in holds:
            pairs = zip(sorted(own.boxes), sorted(other.boxes), strict=True)
            for (label, corners), (its, corners_there) in pairs:
                assert label == its, told
                assert np.allclose(corners, corners_there, atol=1e-3), told
                if "answers" in holds:
                    said = other.boxed[its, corners_there]
                    assert said == answer_to(label, index), told
        if "answers" in holds:
            held = own.single if "single" in holds else set()
            held = held | own.multi if "multi" in holds else held
            held = held.union(own.masks) if "masks" in holds else held
            for label in held:
                assert other.answers[label] == answer_to(label, index), told
            for label in wanted[1] if "case" in holds else ():
                whole = {ASKED.name: ASKED.choices[label % 2]}
                assert other.whole[label] == whole, told
        if "single" in holds:
            assert other.single == own.single, told
        if "multi" in holds:
            assert other.multi == own.multi, told
        if "negatives" in holds:
            assert other.is_decided == own.is_decided, told
        if "excluded" in holds:
            excluded = other.decision is Decision.EXCLUDED
            assert excluded == (own.decision is Decision.EXCLUDED), told


def check_pairs(
    kit: Any,
    first: str,
    drawn: Any,
    kinds: frozenset[str],
    heights: tuple[float, ...] = EVEN,
) -> None:
    labels, slices, whole = drawn
    own = ROWS[first].holds & kinds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = kit.series(folder / "images", heights=heights, plane=PLANE)
        desk = Desk(folder, labels, images)
        between = desk.through(desk.drawn(slices, whole), first)
        compare((slices, whole), desk.found(between), own, first)
        for second, other in ROWS.items():
            both = own & other.holds
            if not both & CONTENT or (second in GRIDS and heights != EVEN):
                continue
            if "overlap" in kinds and "overlap" not in both:
                continue
            last = desk.through(between, second)
            compare((slices, whole), desk.found(last), both, f"{first}, {second}")


CONTENT = frozenset({"masks", "boxes", "single", "multi", "case"})
GRIDS = frozenset({"nifti", "bids", "nnunet", "decathlon", "seg-nrrd"})
"""They have one step from slice to slice."""
KEEP = [name for name, one in ROWS.items() if "overlap" in one.holds]


def test_every_format_is_here() -> None:
    """But for reports, which are not read in again."""
    assert {one.write for one in ROWS.values()} == set(EXPORT_FORMATS) - {"dicom-sr"}
    assert {one.read for one in ROWS.values()} == set(IMPORT_FORMATS)


@pytest.mark.slow
@pytest.mark.parametrize("first", ROWS)
@given(drawn=jobs(overlap=False))
@settings(max_examples=1)
def test_what_two_formats_hold_is_the_same(kit: Any, first: str, drawn: Any) -> None:
    kinds = frozenset.union(*(one.holds for one in ROWS.values()))
    check_pairs(kit, first, drawn, kinds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "heights"),
    [(name, at) for name in KEEP for at in (EVEN, UNEVEN) if not {name} & GRIDS]
    + [("seg-nrrd", EVEN)],
)
@given(drawn=jobs(overlap=True))
@settings(max_examples=1)
def test_overlap_is_the_same_in_two_formats(
    kit: Any, first: str, heights: tuple[float, ...], drawn: Any
) -> None:
    check_pairs(kit, first, drawn, frozenset({"masks", "overlap"}), heights)

"""Annotations from elsewhere enter a job: as drafts, as proposals, from predictors."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from napari_annotate_jobs.editing import EnterAs, Entered, Mode, Source, enter_incoming
from napari_annotate_jobs.errors import (
    Cancelled,
    InvalidValueError,
    LockedError,
    NotFoundError,
    TransitionError,
)
from napari_annotate_jobs.formats import (
    Fitted,
    FittedSlice,
    Incoming,
    IncomingLabel,
    export,
    exporter,
    import_format,
    name_labels,
    parse_map,
)
from napari_annotate_jobs.model import (
    Box,
    Case,
    Decision,
    Job,
    Label,
    LabelSet,
    MaskRef,
    Method,
    Project,
    Provenance,
    SeriesRef,
    decode_mask,
    document_json,
)
from napari_annotate_jobs.session import (
    AnnotationSession,
    Command,
    Importing,
    import_annotations,
    propose_by_command,
)
from napari_annotate_jobs.stores import StoreSource, create_job, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.editing import CaseEditor
    from napari_annotate_jobs.stores import JobStore

SHAPE = (9, 8, 6)
AFFINE = np.diag([-0.7, -0.8, 2.5, 1])
LABELS = LabelSet(
    labels=(
        Label(id=7, name="liver", color="#D55E00", method=Method.SEGMENTATION),
        Label(id=3, name="tumour", color="#0072B2", method=Method.SEGMENTATION),
    )
)
SOURCE = Source(Provenance.PREDICTED, "net 1")


# ------------------------------------------------------------------ entering a case
def said(kit: Any, **by_slice: Any) -> list[tuple[Fitted, Any]]:
    """Return what a file says: of slice 3 as s3=FittedSlice(...)."""
    slices = {int(name[1:]): one for name, one in by_slice.items()}
    labels = tuple(
        IncomingLabel(name=label.name, method=label.method)
        for label in kit.labels.labels
        if (label.method, label.name) != (Method.CLASSIFICATION, "")
    )
    incoming = Incoming(
        path=Path("f"), title="F", labels=labels, slices=(), plane=kit.shape
    )
    fitted = Fitted(
        incoming=incoming, slices={i: lambda o=o: [o] for i, o in slices.items()}
    )
    return [(fitted, name_labels(incoming, kit.labels, {}))]


def case_said(kit: Any, *names: str) -> list[tuple[Fitted, Any]]:
    """Return what a file says of the whole case."""
    ((fitted, _),) = said(kit)
    incoming = replace(
        fitted.incoming,
        case_labels=names,
        labels=tuple(
            IncomingLabel(name=name, method=Method.CLASSIFICATION) for name in names
        ),
    )
    named = name_labels(incoming, kit.labels, {})
    return [(replace(fitted, incoming=incoming), named)]


def area(kit: Any, rows: slice) -> Any:
    mask = np.zeros(kit.shape, bool)
    mask[rows, 1:4] = True
    return mask


def liver(kit: Any, rows: slice = slice(1, 3)) -> FittedSlice:
    return FittedSlice(masks={"liver": area(kit, rows)})


def prepared(kit: Any) -> CaseEditor:
    """Slice 0 nothing to label, 1 excluded, 2 with liver below, 3 empty."""
    editor: CaseEditor = kit.editor()
    editor.set_nothing_to_label([0])
    editor.set_excluded([1])
    ids = np.where(area(kit, slice(2, 5)), 6, 0).astype(np.uint16)
    editor.set_masks({(2, ""): ids})
    return editor


@pytest.mark.parametrize(
    ("enter_as", "mode", "counts"),
    [
        ("draft", "keep", (1, 2, 1)),
        ("draft", "add", (2, 1, 1)),
        ("draft", "replace", (3, 0, 1)),
        ("proposals", "keep", (1, 2, 1)),
        ("proposals", "add", (2, 1, 1)),
    ],
)
def test_what_is_there_is_kept_replaced_or_added_to(
    kit: Any, enter_as: str, mode: str, counts: tuple[int, int, int]
) -> None:
    editor = prepared(kit)
    before = editor.annotation.slices
    found = said(kit, **{f"s{i}": liver(kit) for i in range(4)})
    steps = len(editor.history.done)
    entered = enter_incoming(
        editor, found, SOURCE, enter_as=EnterAs(enter_as), mode=Mode(mode)
    )
    assert (entered.entered, entered.kept, entered.excluded) == counts
    assert len(editor.history.done) == steps + 1
    assert editor.content(1).excluded
    assert not editor.content(1).masks
    proposal = enter_as == "proposals"
    mask = editor.mask(3, proposal=proposal)
    assert np.array_equal(mask == 6, area(kit, slice(1, 3)))
    refs = editor.content(3).proposals if proposal else editor.content(3).masks
    assert refs[""].provenance is Provenance.PREDICTED
    assert refs[""].source == "net 1"
    if proposal:
        assert editor.content(2).masks == before[editor.key(2)].masks
        assert editor.content(0).nothing_to_label
        if mode == "add":
            beside = editor.mask(2, proposal=True)
            assert np.array_equal(beside == 6, area(kit, slice(1, 2)))
    else:
        wanted = {"keep": slice(2, 5), "add": slice(1, 5), "replace": slice(1, 3)}
        assert np.array_equal(editor.mask(2) == 6, area(kit, wanted[mode]))
        assert editor.content(0).nothing_to_label == (mode != "replace")
    editor.undo()
    assert editor.annotation.slices == before


def test_proposals_never_replace(kit: Any) -> None:
    with pytest.raises(InvalidValueError, match="never replace"):
        enter_incoming(kit.editor(), said(kit), SOURCE, mode=Mode.REPLACE)


def test_a_locked_case_refuses(kit: Any) -> None:
    with pytest.raises(LockedError, match="read-only"):
        enter_incoming(kit.editor(locked=True), said(kit, s3=liver(kit)), SOURCE)


def test_classes_and_negatives_enter_drafts_only(kit: Any) -> None:
    classes = FittedSlice(classes=("lesion", "good"))
    found = said(kit, s2=classes, s3=FittedSlice(nothing_to_label=True))
    editor = kit.editor()
    counts = enter_incoming(editor, found, SOURCE)
    assert counts == Entered(left_out=3)
    assert editor.annotation.is_blank
    counts = enter_incoming(editor, found, SOURCE, enter_as=EnterAs.DRAFT)
    assert (counts.entered, counts.classes) == (2, 3)
    assert editor.content(2).class_labels == (1, 2)
    assert editor.decision(3) is Decision.NOTHING_TO_LABEL


@pytest.mark.parametrize(
    ("mode", "decision"),
    [
        ("keep", Decision.LABELLED),
        ("add", Decision.LABELLED),
        ("replace", Decision.NOTHING_TO_LABEL),
    ],
)
def test_a_negative_replaces_labels_only_where_that_was_asked_for(
    kit: Any, mode: str, decision: Decision
) -> None:
    editor = kit.editor()
    editor.set_class([2], 1, True)
    found = said(kit, s2=FittedSlice(nothing_to_label=True))
    draft = EnterAs.DRAFT
    counts = enter_incoming(editor, found, SOURCE, enter_as=draft, mode=Mode(mode))
    assert counts.kept == (mode != "replace")
    assert editor.decision(2) is decision


@pytest.mark.parametrize(
    ("mode", "there", "after", "kept"),
    [
        ("keep", (), (4, 10), 0),
        ("add", (9,), (9, 10), 1),
        ("replace", (9,), (4, 10), 0),
        ("keep", (4,), (4, 10), 0),
    ],
)
def test_labels_of_the_whole_case_enter_as_the_mode_says(
    kit: Any, mode: str, there: tuple[int, ...], after: tuple[int, ...], kept: int
) -> None:
    editor = kit.editor()
    for label in there:
        editor.set_case_label(label)
    found = case_said(kit, "left", "contrast", "lesion")
    draft = EnterAs.DRAFT
    counts = enter_incoming(editor, found, SOURCE, enter_as=draft, mode=Mode(mode))
    assert editor.annotation.case_labels == after
    assert counts.kept == kept


def test_labels_of_the_case_give_way_to_nothing_to_label(kit: Any) -> None:
    editor = kit.editor()
    editor.set_case_nothing_to_label()
    found = case_said(kit, "left", "contrast")
    draft = EnterAs.DRAFT
    counts = enter_incoming(editor, found, SOURCE, enter_as=draft, mode=Mode.ADD)
    assert counts.kept == 2
    assert editor.annotation.case_nothing_to_label
    enter_incoming(editor, found, SOURCE, enter_as=draft, mode=Mode.REPLACE)
    assert editor.annotation.case_labels == (4, 10)
    assert not editor.annotation.case_nothing_to_label


def test_an_exclusive_class_gives_way_to_the_one_there(kit: Any) -> None:
    editor = kit.editor()
    editor.set_class([2], 3, True)
    found = said(kit, s2=FittedSlice(classes=("good",)))
    draft = EnterAs.DRAFT
    enter_incoming(editor, found, SOURCE, enter_as=draft, mode=Mode.ADD)
    assert editor.content(2).class_labels == (3,)
    enter_incoming(editor, found, SOURCE, enter_as=draft, mode=Mode.REPLACE)
    assert editor.content(2).class_labels == (2,)


def test_the_same_model_again_replaces_its_own_proposals(kit: Any) -> None:
    editor = kit.editor()
    corners = (1.0, 1.0, 4.0, 5.0)
    first = said(kit, s2=liver(kit), s4=FittedSlice(boxes={"nodule": [corners]}))
    enter_incoming(editor, first, SOURCE)
    other = Source(Provenance.PREDICTED, "net 2")
    box = FittedSlice(boxes={"mass": [(0.0, 0.0, 2.0, 2.0)]})
    enter_incoming(editor, said(kit, s4=box), other)
    assert {b.source for b in editor.content(4).boxes} == {"net 1", "net 2"}
    again = said(kit, s3=liver(kit), s4=FittedSlice())
    enter_incoming(editor, again, SOURCE)
    assert not editor.content(2).proposals
    assert editor.content(3).proposals
    assert [b.source for b in editor.content(4).boxes] == ["net 2"]
    assert all(b.proposal for b in editor.content(4).boxes)


def test_confirming_keeps_the_source_and_painting_does_not(kit: Any) -> None:
    editor = kit.editor()
    enter_incoming(editor, said(kit, s2=liver(kit), s3=liver(kit)), SOURCE)
    editor.confirm([2, 3])
    assert editor.content(2).masks[""].source == "net 1"
    ids = np.where(area(kit, slice(0, 5)), 6, 0).astype(np.uint16)
    editor.set_masks({(2, ""): ids})
    assert editor.content(2).masks[""].source == ""
    assert editor.content(3).masks[""].source == "net 1"


def test_documents_without_a_source_are_written_as_before() -> None:
    ref = MaskRef(digest="0" * 64, pixels={1: 2})
    assert document_json(ref) == {"digest": "0" * 64, "pixels": {"1": 2}}
    box = Box(id="b", label=1, top=0, left=0, bottom=1, right=1)
    assert "source" not in document_json(box)
    assert MaskRef.model_validate(document_json(ref)) == ref


def test_labels_that_cover_one_another_in_one_group(kit: Any) -> None:
    both = FittedSlice(
        masks={"liver": area(kit, slice(1, 3)), "tumour": area(kit, slice(2, 4))}
    )
    with pytest.raises(InvalidValueError, match=r"cover one another on slice 3"):
        enter_incoming(kit.editor(), said(kit, s2=both), SOURCE)
    apart = FittedSlice(
        masks={"liver": area(kit, slice(1, 3)), "vessel": area(kit, slice(2, 4))}
    )
    editor = kit.editor()
    enter_incoming(editor, said(kit, s2=apart), SOURCE)
    assert set(editor.content(2).proposals) == {"", "vessels"}


# --------------------------------------------------------------------------- a job
def write(path: Path, array: Any, affine: Any = AFFINE) -> Path:
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, code="scanner")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job of three cases: a, b and c."""
    cases = []
    for seed, name in enumerate("abc"):
        voxels = np.random.default_rng(seed).integers(0, 900, SHAPE).astype(np.int16)
        path = write(tmp_path / "images" / f"{name}.nii.gz", voxels)
        cases.append(Case(id=name, name=name, series=(SeriesRef(path=str(path)),)))
    project = Project(name="Livers", methods=(Method.SEGMENTATION,), label_set=LABELS)
    create_job(tmp_path / "job", Job(id="job", project=project), cases).close()
    return tmp_path / "job"


def predicted(values: tuple[int, int] = (7, 3)) -> Any:
    array = np.zeros(SHAPE, np.uint8)
    array[1:5, 2:6, 1:4] = values[0]
    array[3, 3, 2] = values[1]
    return array


def opened(job: Path) -> JobStore:
    return open_store(str(job), person="ana")


HOW = Importing(row=import_format("nifti"), enter_as=EnterAs.PROPOSALS)


def how(**changes: Any) -> Importing:
    return replace(HOW, **changes)


def test_each_case_gets_its_own_of_a_file_of_several(job: Path, tmp_path: Path) -> None:
    size = {"height": SHAPE[1], "width": SHAPE[0]}
    squares = {"a": (1, 2), "b": (3, 2), "c": (2, 4)}
    coco = {
        "categories": [{"id": 1, "name": "liver"}],
        "images": [
            {
                "id": n,
                "file_name": f"{name}__0002.png",
                **size,
            }
            for n, name in enumerate(squares)
        ],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [x, y, 2, 2],
                "area": 4,
                "segmentation": [[x, y, x + 2, y, x + 2, y + 2, x, y + 2]],
            }
            for n, (x, y) in enumerate(squares.values())
        ],
    }
    path = tmp_path / "several.json"
    path.write_text(json.dumps(coco), "utf-8")
    with opened(job) as store:
        how = Importing(row=import_format("coco"), enter_as=EnterAs.DRAFT)
        report = import_annotations(store, "job", path, how)
        assert report.counts.entered == 3
        for name, (x, y) in squares.items():
            annotation = store.load("job", name).annotation
            (content,) = annotation.slices.values()
            (mask,) = content.masks.values()
            drawn = decode_mask(store.read_blob("job", name, mask.digest))
            assert np.argwhere(drawn).min(0).tolist() == [y, x]
            assert np.count_nonzero(drawn) == 4


def test_one_bad_case_stops_no_other(job: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    write(masks / "a.nii.gz", predicted())
    write(masks / "b.nii.gz", predicted(), np.diag([-1.4, -0.8, 2.5, 1]))
    write(masks / "c.nii.gz", predicted((7, 9)))
    write(masks / "d.nii.gz", predicted())
    with opened(job) as store:
        report = import_annotations(store, "job", masks, HOW)
        assert report.counts.entered == 3
        assert [outcome.name for outcome in report.failed] == ["b", "c"]
        texts = [str(outcome.error) for outcome in report.failed]
        assert "another grid" in texts[0]
        assert "no label for '9'" in texts[1]
        assert report.unmatched == ("d.nii.gz",)
        assert store.load("job", "a").annotation.slices
        assert not store.load("job", "b").annotation.slices
        done = import_annotations(
            store, "job", masks, how(resample=True, mapping=parse_map(["9="]))
        )
        assert not done.failed
        assert any("Resampled" in note for o in done.cases for note in o.notes)


def test_empty_slices_of_a_volume_are_negatives_if_one_says_so(
    job: Path, tmp_path: Path
) -> None:
    masks = tmp_path / "masks"
    whole = predicted()
    write(masks / "a.nii.gz", whole)
    # Cut off below: of slices that the file does not cover nothing is said.
    write(masks / "b.nii.gz", whole[..., :3])
    write(masks / "c.nii.gz", np.zeros(SHAPE, np.uint8), np.diag([-1.4, -0.8, 2.5, 1]))
    draft = how(enter_as=EnterAs.DRAFT)
    with opened(job) as store:
        import_annotations(store, "job", masks, draft, cases=["a"])
        said = store.load("job", "a").annotation.slices
        assert {each.decision for each in said.values()} == {Decision.LABELLED}
        report = import_annotations(
            store, "job", masks, replace(draft, empty_is_nothing=True, resample=True)
        )
        assert not report.failed
        count = {
            name: Counter(
                each.decision
                for each in store.load("job", name).annotation.slices.values()
            )
            for name in "abc"
        }
        slices = SHAPE[2]
        assert count["a"] == {
            Decision.LABELLED: 3,
            Decision.NOTHING_TO_LABEL: slices - 3,
        }
        assert sum(count["b"].values()) == 3
        assert not count["c"]
        notes = [note for outcome in report.cases for note in outcome.notes]
        assert any("Empty slices stay undecided" in note for note in notes)


def test_slices_to_be_ignored_are_no_negatives(job: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    array = predicted((1, 2))
    array[..., -1] = 3
    write(masks / "a.nii.gz", array)
    names = {"background": 0, "Liver": 1, "Tumour": 2, "ignore": 3}
    (masks / "dataset.json").write_text(json.dumps({"labels": names}))
    wanted = how(enter_as=EnterAs.DRAFT, empty_is_nothing=True)
    with opened(job) as store:
        report = import_annotations(store, "job", masks, wanted)
        assert not report.failed
        said = store.load("job", "a").annotation.slices.values()
        assert SHAPE[2] - 1 not in {each.index for each in said}
        assert len(said) == SHAPE[2] - 1


def test_negatives_are_no_proposals_and_pictures_tell_of_themselves() -> None:
    with pytest.raises(InvalidValueError, match="cannot be a proposal"):
        how(empty_is_nothing=True)
    with pytest.raises(InvalidValueError, match="does not tell which slices"):
        Importing(row=import_format("coco"), empty_is_nothing=True)


def test_preview_saves_nothing(job: Path, tmp_path: Path) -> None:
    write(tmp_path / "masks" / "a.nii.gz", predicted())
    with opened(job) as store:
        report = import_annotations(store, "job", tmp_path / "masks", how(preview=True))
        assert report.counts.entered == 3
        assert store.load("job", "a").annotation.revision == 0


def test_submitted_cases_refuse(job: Path, tmp_path: Path) -> None:
    session = AnnotationSession(opened(job), "job")
    session.open_next = False
    session.open_case("a")
    session.editor.set_nothing_to_label([0])
    session.submit()
    session.close()
    write(tmp_path / "masks" / "a.nii.gz", predicted())
    with opened(job) as store:
        report = import_annotations(store, "job", tmp_path / "masks", HOW)
    assert isinstance(report.failed[0].error, LockedError)


def test_a_file_a_label_as_totalsegmentator_writes(job: Path, tmp_path: Path) -> None:
    values = predicted()
    for name, value in (("liver", 7), ("tumour", 3)):
        path = tmp_path / "seg" / "a" / f"{name}.nii.gz"
        write(path, (values == value).astype(np.uint8))
    with opened(job) as store:
        report = import_annotations(
            store, "job", tmp_path / "seg", HOW, match="{case}/{label}.nii.gz"
        )
        assert (report.counts.entered, report.counts.masks) == (3, 3)
        found = store.load("job", "a").annotation.slices["index:2"]
        assert found.proposals[""].pixels == {7: 15, 3: 1}


def test_cancelled_between_cases(job: Path, tmp_path: Path) -> None:
    write(tmp_path / "masks" / "a.nii.gz", predicted())
    with opened(job) as store, pytest.raises(Cancelled):
        import_annotations(
            store, "job", tmp_path / "masks", HOW, cancelled=lambda: True
        )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nnunet", "nifti", "seg-nrrd", "bids", "decathlon"])
def test_out_predicted_in_confirmed_and_out_again(
    kind: str, job: Path, tmp_path: Path
) -> None:
    session = AnnotationSession(opened(job), "job")
    session.open_next = False
    for case in "ab":
        session.open_case(case)
        session.editor.set_nothing_to_label([0, 4, 5])
        ids = predicted().astype(np.uint16)
        masks = {(i, ""): ids[:, :, i].T[::1] for i in (1, 2, 3)}
        session.editor.set_masks(masks)
        session.submit()
    session.close()
    source = StoreSource(str(job))
    first = export(source, exporter(kind), tmp_path / "first", workers=1).folder
    source.close()

    # A model that finds what was annotated, for another person's empty drafts.
    row = import_format("nrrd" if kind == "seg-nrrd" else "nifti")
    labels = first / "labelsTr" if (first / "labelsTr").exists() else first
    model = how(row=row, model="net 3")
    with open_store(str(job), person="ben") as store:
        report = import_annotations(store, "job", labels, model)
        assert [outcome.name for outcome in report.cases] == ["a", "b"]
        assert not report.failed

    session = AnnotationSession(open_store(str(job), person="ben"), "job")
    session.open_next = False
    for case in "ab":
        session.open_case(case)
        with pytest.raises(TransitionError, match="nobody has confirmed"):
            session.store.submit("job", case, base=session.editor.annotation.revision)
        session.editor.confirm(range(6))
        session.editor.set_nothing_to_label([0, 4, 5])
        ref = session.editor.content(2).masks[""]
        assert (ref.provenance, ref.source) == (Provenance.PREDICTED, "net 3")
        session.submit()
    session.close()
    source = StoreSource(str(job), people=["ben"])
    second = export(source, exporter(kind), tmp_path / "second", workers=1).folder
    source.close()
    for path in first.rglob("*"):
        volume = path.name.endswith((".nii.gz", ".seg.nrrd"))
        if volume:
            assert (second / path.relative_to(first)).read_bytes() == path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("images", ["multi-frame", "uneven", "oblique"])
def test_dicom_of_every_kind_out_and_in(images: str, tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    from napari_annotate_jobs.samples import sample_paths

    path = {
        "multi-frame": get_testdata_file("emri_small.dcm"),
        "uneven": sample_paths()["mr-brain"],
        "oblique": sample_paths()["mr-brain-tumour"],
    }[images]
    case = Case(id="a", name="a", series=(SeriesRef(path=str(path)),))
    project = Project(name="Livers", methods=(Method.SEGMENTATION,), label_set=LABELS)
    job = tmp_path / "job"
    create_job(job, Job(id="job", project=project), [case]).close()
    session = AnnotationSession(opened(job), "job")
    session.open_next = False
    session.open_case("a")
    assert session.case is not None
    slices, rows, columns = session.case.series.header.shape[:3]
    drawn = np.zeros((slices, rows, columns), np.uint16)
    drawn[1, 2 : rows // 2, 3 : columns // 3] = 7
    drawn[slices - 1, rows // 2 :, :5] = 3
    session.editor.set_masks({(i, ""): drawn[i] for i in (1, slices - 1)})
    session.submit()
    session.close()
    for name in ("nnunet", "seg-nrrd"):
        options = {} if name == "nnunet" else {"uneven": True}
        source = StoreSource(str(job), people=["ana"])
        out = tmp_path / name
        folder = export(source, exporter(name, options), out, workers=1).folder
        source.close()
        row = import_format("nifti" if name == "nnunet" else "nrrd")
        labels = folder / "labelsTr" if name == "nnunet" else folder
        with open_store(str(job), person=name) as store:
            report = import_annotations(store, "job", labels, how(row=row))
            assert not report.failed
            assert report.counts.masks == 2
            found = store.load("job", "a").annotation
            wanted = store.load("job", "a", person="ana").annotation
        refs = {k: c.proposals[""].digest for k, c in found.slices.items()}
        assert refs == {k: c.masks[""].digest for k, c in wanted.slices.items()}


# -------------------------------------------------------------------- a predictor
# Reads and writes NIfTI by itself: a process each case that loads nibabel takes long.
MODEL = """
import gzip, sys, time, numpy as np
image, out, *more = sys.argv[1:]
if "fail" in more and "/b_" in image.replace("\\\\", "/"):
    sys.exit("no memory left")
if "sleep" in more:
    time.sleep(60)
if "silent" not in more:
    with gzip.open(image) as file:
        head, voxels = bytearray(file.read(352)), np.frombuffer(file.read(), "<i2")
    assert head[70:74] == bytes((4, 0, 16, 0)), "signed 16 bit are expected"
    head[70:74] = bytes((2, 0, 8, 0))
    with gzip.open(out, "wb") as file:
        file.write(bytes(head) + ((voxels > 500).astype(np.uint8) * 7).tobytes())
"""


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Command]:
    script = tmp_path / "model.py"
    script.write_text(MODEL)

    def make(*more: str, timeout: float | None = None) -> Command:
        text = " ".join([f'"{sys.executable}" "{script}" {{image}} {{out}}', *more])
        return Command(text, timeout=timeout)

    return make


def run(job: Path, command: Command, tmp_path: Path, **more: Any) -> Any:
    with opened(job) as store:
        return propose_by_command(
            store,
            "job",
            command,
            how(model="net 4"),
            notes=tmp_path / "notes",
            **more,
        )


@pytest.mark.slow
def test_a_predictor_runs_case_by_case(
    job: Path, command: Callable[..., Command], tmp_path: Path
) -> None:
    report = run(job, command("fail"), tmp_path)
    assert [outcome.name for outcome in report.cases] == ["a", "b", "c"]
    (failed,) = report.failed
    assert failed.name == "b"
    assert "the last it said: no memory left" in str(failed.error)
    with opened(job) as store:
        found = store.load("job", "a").annotation.slices["index:3"]
    image = np.asanyarray(nib.load(tmp_path / "images" / "a.nii.gz").dataobj)
    assert found.proposals[""].pixels == {7: int((image[:, :, 3] > 500).sum())}
    assert found.proposals[""].source == "net 4"
    # Started again, only what failed is done.
    again = run(job, command("fail"), tmp_path)
    assert [outcome.name for outcome in again.cases] == ["b"]
    assert again.done_before == 2
    more = run(job, command("fail"), tmp_path, again=True, cases=["a"])
    assert [outcome.name for outcome in more.cases] == ["a"]


@pytest.mark.slow
def test_nothing_comes_into_a_case_that_is_worked_on(
    job: Path, command: Callable[..., Command], tmp_path: Path
) -> None:
    """Not even if it is opened while the program runs, which may take minutes."""
    asked: list[str] = []

    def is_open(case_id: str) -> bool:
        asked.append(case_id)
        # "a" is left when its turn comes again; "b" is opened while it is predicted.
        return (
            asked.count(case_id) == 1
            if case_id == "a"
            else (case_id == "b" and asked.count(case_id) > 2)
        )

    with opened(job) as store:
        report = propose_by_command(
            store,
            "job",
            command(),
            replace(how(model="net 4"), is_open=is_open),
            notes=tmp_path / "notes",
        )
    assert [outcome.name for outcome in report.cases] == ["b", "c", "a"]
    (failed,) = report.failed
    assert failed.name == "b"
    assert "nothing comes in while you work on it" in str(failed.error)
    with opened(job) as store:
        assert store.load("job", "b").annotation.revision == 0
        assert store.load("job", "a").annotation.revision == 1
    again = run(job, command(), tmp_path)
    assert (again.done_before, [each.name for each in again.cases]) == (2, ["b"])


def test_a_predictor_that_takes_too_long_or_writes_nothing(
    job: Path, command: Callable[..., Command], tmp_path: Path
) -> None:
    slow = run(job, command("sleep", timeout=0.1), tmp_path, cases=["a"])
    assert "took too long" in str(slow.failed[0].error)
    silent = run(job, command("silent"), tmp_path, cases=["a"])
    assert "wrote no file" in str(silent.failed[0].error)
    with pytest.raises(Cancelled):
        run(job, command("sleep"), tmp_path, cases=["a"], cancelled=lambda: True)


def test_a_command_that_cannot_be_run(job: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"mymodel \{image\} \{out\}"):
        Command("mymodel {image}")
    with pytest.raises(InvalidValueError, match="Close the quotes"):
        Command("mymodel '{image} {out}")
    with pytest.raises(NotFoundError, match="no such program"):
        run(job, Command("/no/such/model {image} {out}"), tmp_path)

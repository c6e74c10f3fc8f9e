"""Annotations on their way in: read, named, matched, laid onto the slices of a case."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    InvalidValueError,
    NotFoundError,
)
from napari_annotate_jobs.formats import (
    IMPORT_FORMATS,
    CaseFinder,
    Incoming,
    IncomingLabel,
    IncomingSlice,
    NamePattern,
    fit_incoming,
    import_format,
    name_labels,
    parse_map,
)
from napari_annotate_jobs.imaging import open_series
from napari_annotate_jobs.model import (
    Case,
    Code,
    Concept,
    Label,
    LabelSet,
    Method,
    SeriesRef,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEGMENT = Method.SEGMENTATION
SHAPE = (9, 8, 6)
TURN = np.deg2rad(20)
AXIAL = np.diag([-0.7, -0.8, 2.5, 1])
OBLIQUE = np.array(
    [
        [-0.7 * np.cos(TURN), 0, 2.5 * np.sin(TURN), 4],
        [0, -0.8, 0, 7],
        [0.7 * np.sin(TURN), 0, 2.5 * np.cos(TURN), 1],
        [0, 0, 0, 1],
    ]
)
TILTED = np.array([[-0.7, 0, 0, 0], [0, -0.8, 0.6, 0], [0, 0, 2.5, 0], [0, 0, 0, 1]])
LABELS = LabelSet(
    labels=(
        Label(id=1, name="Liver", color="#D55E00", method=SEGMENT),
        Label(
            id=2,
            name="Tumour",
            color="#0072B2",
            method=SEGMENT,
            concept=Concept(scheme="SCT", value="108369006", meaning="Neoplasm"),
        ),
        Label(id=3, name="nodule", color="#F0E442", method=Method.DETECTION),
    )
)


def save(path: Path, array: NDArray[Any], affine: NDArray[Any]) -> Path:
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def marks() -> NDArray[np.uint8]:
    """Return label values in the axes of a file, unlike in each direction."""
    array = np.zeros(SHAPE, np.uint8)
    array[1:4, 2:7, 1] = 1
    array[0, 0, 1] = 2
    array[5:, 3:5, 4] = 2
    return array


def as_volume(fitted: Any, shape: tuple[int, ...]) -> dict[str, NDArray[np.bool_]]:
    found: dict[str, NDArray[np.bool_]] = {}
    for index, make in fitted.slices.items():
        for each in make():
            for name, mask in each.masks.items():
                found.setdefault(name, np.zeros(shape, bool))[index] |= mask
    return found


def own_values(image: Path) -> NDArray[Any]:
    """Return the values of a file in the planes the reader of images shows."""
    return open_series(image).read()


@pytest.mark.parametrize("name", ["axial", "oblique", "tilted"])
@pytest.mark.parametrize("turned", ["same", "flipped", "swapped", "sagittal", "part"])
def test_the_same_grid_in_other_axes(name: str, turned: str, tmp_path: Path) -> None:
    affine = {"axial": AXIAL, "oblique": OBLIQUE, "tilted": TILTED}[name]
    image = save(tmp_path / "image.nii.gz", marks(), affine)
    header, wanted = open_series(image).header, own_values(image)
    array, own = marks(), affine.copy()
    if turned == "flipped":
        own[:, 3] += own[:, 0] * 8 + own[:, 2] * 5
        own[:, [0, 2]] *= -1
        array = array[::-1, :, ::-1]
    elif turned == "swapped":
        array, own = array.swapaxes(0, 1), own[:, [1, 0, 2, 3]]
    elif turned == "sagittal":
        array, own = array.transpose(1, 2, 0), own[:, [1, 2, 0, 3]]
    elif turned == "part":
        array = array[1:, 2:, 1:]
        own[:, 3] += own[:, 0] + own[:, 1] * 2 + own[:, 2]
        wanted = np.where(wanted == 2, 0, wanted)
        full = marks()
        full[0, 0, 1] = 0
        wanted = own_values(save(tmp_path / "w.nii.gz", full, affine))
    mask = save(tmp_path / "mask.nii.gz", np.ascontiguousarray(array), own)
    (incoming,) = import_format("nifti").read(mask)
    fitted = fit_incoming(incoming, header)
    assert not fitted.resampled
    found = as_volume(fitted, wanted.shape)
    for value in (1, 2):
        assert np.array_equal(found[str(value)], wanted == value), value


def test_another_grid_is_refused_or_resampled(tmp_path: Path) -> None:
    image = save(tmp_path / "image.nii.gz", marks(), AXIAL)
    header = open_series(image).header
    fine = np.repeat(np.repeat(marks(), 2, axis=0), 2, axis=1)
    affine = AXIAL.copy()
    affine[:, 0] /= 2
    affine[:, 1] /= 2
    affine[:3, 3] -= (affine[:3, 0] + affine[:3, 1]) / 2
    mask = save(tmp_path / "mask.nii.gz", fine, affine)
    (incoming,) = import_format("nifti").read(mask)
    with pytest.raises(
        InvalidValueError,
        match=r"another grid: voxels of 2\.5 x 0\.4 x 0\.35 mm.*--resample",
    ):
        fit_incoming(incoming, header)
    fitted = fit_incoming(incoming, header, resample=True)
    assert fitted.resampled
    assert "Resampled to the nearest voxel" in fitted.notes[0]
    found = as_volume(fitted, header.shape)
    wanted = own_values(image)
    assert np.array_equal(found["1"], wanted == 1)
    assert np.array_equal(found["2"], wanted == 2)


def test_a_shifted_grid_says_by_how_much(tmp_path: Path) -> None:
    header = open_series(save(tmp_path / "i.nii.gz", marks(), AXIAL)).header
    moved = AXIAL.copy()
    moved[0, 3] += 0.35
    (incoming,) = import_format("nifti").read(save(tmp_path / "m.nii", marks(), moved))
    with pytest.raises(InvalidValueError, match=r"lie 0\.35 mm beside"):
        fit_incoming(incoming, header)


def test_another_frame_of_reference(tmp_path: Path) -> None:
    from dataclasses import replace

    header = open_series(save(tmp_path / "i.nii.gz", marks(), AXIAL)).header
    header = replace(header, frame_of_reference="1.2")
    incoming = Incoming(
        path=tmp_path / "x",
        title="X",
        labels=(),
        slices=(IncomingSlice(index=0),),
        plane=(8, 9),
        frame_of_reference="1.3",
    )
    with pytest.raises(InvalidValueError, match="another frame of reference"):
        fit_incoming(incoming, header)


def test_slices_are_found_by_uid_and_by_origin() -> None:
    from napari_annotate_jobs.samples import sample_paths

    header = open_series(sample_paths()["mr-brain"]).header
    rows, columns = header.shape[1:3]
    mask = np.zeros((rows, columns), bool)
    mask[3:9, 5:20] = True
    assert header.affine is not None
    assert header.origins is not None
    by_uid = IncomingSlice(
        sop_instance_uid=header.slices[7].sop_instance_uid, masks={"a": mask}
    )
    # uneven gaps: the origin is the slice's own, not that of an even step
    by_origin = IncomingSlice(origin=tuple(header.origins[11]), masks={"a": mask})
    turned = header.affine.copy()
    turned[:, 1] *= -1
    last = header.origins[11] + header.affine[:3, 1] * (rows - 1)
    flipped = IncomingSlice(origin=tuple(last), masks={"a": mask[::-1]})
    for each, index, affine in (
        (by_uid, 7, header.affine),
        (by_origin, 11, header.affine),
        (flipped, 11, turned),
    ):
        incoming = Incoming(
            path=Path("x"),
            title="X",
            labels=(IncomingLabel(name="a", method=SEGMENT),),
            slices=(each,),
            plane=(rows, columns),
            affine=affine,
        )
        fitted = fit_incoming(incoming, header)
        assert list(fitted.slices) == [index]
        (one,) = fitted.slices[index]()
        assert np.array_equal(one.masks["a"], mask)


def test_nothing_of_the_case_is_an_error() -> None:
    from napari_annotate_jobs.samples import sample_paths

    header = open_series(sample_paths()["ct-lung"]).header
    incoming = Incoming(
        path=Path("x"),
        title="X",
        labels=(),
        slices=(IncomingSlice(sop_instance_uid="1.2.3"),),
        plane=(0, 0),
    )
    with pytest.raises(InvalidValueError, match="none of its 1 slices"):
        fit_incoming(incoming, header)


# -------------------------------------------------------------------------- names
@pytest.mark.parametrize("beside", ["nnunet", "decathlon", "csv", "itksnap", "bids"])
def test_values_are_named_by_what_lies_beside(beside: str, tmp_path: Path) -> None:
    mask = save(tmp_path / "labelsTr" / "a_dseg.nii.gz", marks(), AXIAL)
    if beside == "nnunet":
        labels: Any = {"background": 0, "liver": 1, "tumour": 2, "ignore": 3}
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    elif beside == "decathlon":
        labels = {"0": "background", "1": "liver", "2": "tumour"}
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    elif beside == "csv":
        text = "value,name,color\n1,liver,#fff\n2,tumour,#000\n"
        (mask.parent / "labels.csv").write_text(text)
    elif beside == "itksnap":
        text = '    0 0 0 0 0 0 0 "Clear"\n    1 9 9 9 1 1 1 "liver"\n'
        text += '    2 9 9 9 1 1 1 "tumour"\n'
        (mask.parent / "labels.itksnap.txt").write_text(text)
    else:
        text = "index\tname\n0\tbackground\n1\tliver\n2\ttumour\n"
        (mask.parent / "a_dseg.tsv").write_text(text)
    (incoming,) = import_format("nifti").read(mask)
    assert [(x.name, x.number) for x in incoming.labels] == [
        ("liver", 1),
        ("tumour", 2),
    ]
    named = name_labels(incoming, LABELS, {})
    assert {k[1]: v.id for k, v in named.labels.items()} == {"liver": 1, "tumour": 2}
    assert not named.notes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "value,name\n1," + "x" * 200_000 + "\n"),
        ("dataset.json", '{"labels": ' + "[" * 100_000),
        ("dataset.json", '{"labels": {"liver": ' + "9" * 5000 + "}}"),
        ("dataset.json", '{"labels": {"liver": Infinity}}'),
    ],
    ids=["a long field", "deep", "a long number", "without end"],
)
def test_what_lies_beside_may_come_from_anybody(
    tmp_path: Path, name: str, text: str
) -> None:
    mask = save(tmp_path / "a.nii.gz", marks(), AXIAL)
    (tmp_path / name).write_text(text)
    (incoming,) = import_format("nifti").read(mask)
    assert {label.number for label in incoming.labels} == {1, 2}


def test_voxels_of_nrrd_do_not_lie_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("nrrd")
    (tmp_path / "job").mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(range(8)))
    head = (
        "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n"
        "data file: {}\n\n"
    )
    path = tmp_path / "job" / "a.nhdr"
    (tmp_path / "job" / "link.raw").symlink_to(tmp_path / "secret.raw")
    for name in ("../secret.raw", str(tmp_path / "secret.raw"), "link.raw"):
        path.write_text(head.format(name))
        with pytest.raises(AnnotateJobsError, match="said to lie elsewhere"):
            list(import_format("nrrd").read(path))
    (tmp_path / "job" / "a.raw").write_bytes(bytes([0, 1] * 4))
    path.write_text(head.format("a.raw"))
    (incoming,) = import_format("nrrd").read(path)
    assert [label.number for label in incoming.labels] == [1]


def test_regions_of_nnunet_are_several_values(tmp_path: Path) -> None:
    labels = {"background": 0, "liver": [1, 2], "tumour": [2]}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    mask = save(tmp_path / "a.nii.gz", marks(), AXIAL)
    (incoming,) = import_format("nifti").read(mask)
    header = open_series(mask).header
    found = as_volume(fit_incoming(incoming, header), header.shape)
    assert np.array_equal(found["liver"], own_values(mask) > 0)
    assert np.array_equal(found["tumour"], own_values(mask) == 2)


def incoming_of(*labels: IncomingLabel) -> Incoming:
    return Incoming(path=Path("f"), title="F", labels=labels, slices=(), plane=(1, 1))


def test_names_come_from_the_map_the_name_the_code_or_the_id() -> None:
    code = Concept(scheme="SCT", value="108369006", meaning="Tumor")
    incoming = incoming_of(
        IncomingLabel(name="whatever", method=SEGMENT, number=7),
        IncomingLabel(name="LIVER", method=SEGMENT),
        IncomingLabel(name="mass", method=SEGMENT, concept=code),
        IncomingLabel(name="2", method=SEGMENT, number=2),
        IncomingLabel(name="bone", method=SEGMENT, number=9),
    )
    mapping = parse_map(["7=liver", "bone="])
    named = name_labels(incoming, LABELS, mapping)
    assert {k[1]: v.id for k, v in named.labels.items()} == {
        "whatever": 1,
        "LIVER": 1,
        "mass": 2,
        "2": 2,
    }
    assert named.notes == ("Values were taken for ids of labels: 2 = Tumour.",)


def test_a_code_names_the_side_too() -> None:
    left, right = (
        Code(scheme="SCT", value=value, meaning=meaning)
        for value, meaning in (("7771000", "Left"), ("24028007", "Right"))
    )
    kidney = Concept(scheme="SCT", value="64033007", meaning="Kidney")

    def named(concept: Concept, *own: Concept) -> int:
        labels = LabelSet(
            labels=tuple(
                Label(id=n, name=f"l{n}", color="#D55E00", method=SEGMENT, concept=each)
                for n, each in enumerate(own, 1)
            )
        )
        incoming = incoming_of(IncomingLabel(name="x", method=SEGMENT, concept=concept))
        return name_labels(incoming, labels, {}).labels[SEGMENT, "x"].id

    sides = [kidney.model_copy(update={"modifier": side}) for side in (left, right)]
    assert named(sides[1], *sides) == 2
    assert named(sides[1], kidney, *sides) == 3, "the closest"
    assert named(sides[1], kidney) == 1, "a right kidney is a kidney"
    places = [
        kidney.model_copy(update={"region": kidney, "region_modifier": s})
        for s in (left, right)
    ]
    assert named(places[1], *places) == 2
    for one, own in (
        (sides[1], [sides[0]]),  # another side
        (kidney, sides),  # either
        (kidney, [sides[0]]),  # it may be both
        (kidney, [kidney, kidney]),
    ):
        with pytest.raises(InvalidValueError, match="no label for 'x'"):
            named(one, *own)


def test_unknown_names_are_listed() -> None:
    incoming = incoming_of(
        IncomingLabel(name="spleen", method=SEGMENT, number=4),
        IncomingLabel(name="99", method=SEGMENT, number=99),
        IncomingLabel(name="nodule", method=Method.DETECTION),
    )
    with pytest.raises(
        InvalidValueError,
        match=r"no label for 'spleen' \(4\), '99'.*spleen=LABEL.*Liver, Tumour",
    ):
        name_labels(incoming, LABELS, {})
    with pytest.raises(InvalidValueError, match="no label is named 'brain'"):
        name_labels(incoming, LABELS, parse_map(["spleen=brain"]))
    with pytest.raises(InvalidValueError, match="NAME=LABEL"):
        parse_map(["spleen"])


# --------------------------------------------------------------------------- cases
def finder(root: Path, match: str | None = None) -> CaseFinder:
    cases = [
        Case(id="a1", name="Case A", series=(SeriesRef(path="studies/img_1.nii.gz"),)),
        Case(id="b2", name="Case B", series=(SeriesRef(path="studies/img_2.nii.gz"),)),
    ]
    return CaseFinder(
        cases,
        {"Case_A": "a1", "Case_B": "b2"},
        lambda case: None,
        row=import_format("nifti"),
        root=root,
        pattern=None if match is None else NamePattern(match),
    )


@pytest.mark.parametrize(
    ("path", "match", "wanted"),
    [
        ("a1.nii.gz", None, ("a1", None)),
        ("Case_B.nii", None, ("b2", None)),
        ("case_a_dseg.nii.gz", None, ("a1", None)),
        ("img_2.nii.gz", None, ("b2", None)),
        ("Case A/out/seg.nii.gz", None, ("a1", None)),
        ("other.nii.gz", None, None),
        ("pred-a1.nii.gz", "pred-{case}.nii.gz", ("a1", None)),
        ("b2/left lung.nii.gz", "{case}/{label}.nii.gz", ("b2", "left lung")),
        ("a1.nii.gz", "pred-{case}.nii.gz", None),
    ],
)
def test_cases_are_found_by_names(
    path: str, match: str | None, wanted: Any, tmp_path: Path
) -> None:
    found = finder(tmp_path, match).before_reading(tmp_path / path)
    assert (found and (found.case_id, found.label)) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Case_A__0031.nii.gz", ("a1", 30)),
        ("case_a__0001_pred.nii.gz", ("a1", 0)),
        ("a1_0000.nii.gz", ("a1", None)),
        ("Case_A__0000.nii.gz", None),  # slices are counted from 1
        ("other__0003.nii.gz", None),
    ],
)
def test_a_name_tells_the_slice_and_nnunet_its_channel(
    name: str, wanted: Any, tmp_path: Path
) -> None:
    found = finder(tmp_path).before_reading(tmp_path / name)
    assert (found and (found.case_id, found.index)) == wanted


def test_a_picture_is_laid_onto_the_slice_that_its_name_tells(tmp_path: Path) -> None:
    incoming = Incoming(
        path=tmp_path / "results.json",
        title="COCO",
        labels=(),
        slices=(IncomingSlice(boxes={"x": [(0, 0, 2, 2)]}),),
        plane=(0, 0),
        image="images/Case_B__0007.png",
    )
    found = finder(tmp_path).find(incoming)
    assert found is not None
    assert found.case_id == "b2"
    assert [one.index for one in found.told(incoming).slices] == [6]
    named = replace(incoming, slices=(IncomingSlice(sop_instance_uid="1.2"),))
    assert found.told(named) is named
    several = replace(incoming, slices=incoming.slices * 2)
    with pytest.raises(InvalidValueError, match="tells of slice 7, and it has 2"):
        found.told(several)


def test_a_pattern_needs_the_case() -> None:
    for text in ("labels.nii.gz", "{case}/{organ}.nii.gz"):
        with pytest.raises(InvalidValueError, match=r"Write \{case\}"):
            NamePattern(text)


# ----------------------------------------------------------------------- bad files
@pytest.mark.parametrize("name", ["nifti", "nrrd"])
@pytest.mark.parametrize("kind", ["empty", "text", "cut", "floats"])
def test_bad_files_say_what_is_wrong(name: str, kind: str, tmp_path: Path) -> None:
    row = IMPORT_FORMATS[name]
    path = tmp_path / f"x{row.endings[0]}"
    array = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    if kind != "floats":
        array = (array * 200).astype(np.int32)
    if name == "nifti":
        save(path, array, AXIAL)
    else:
        nrrd = pytest.importorskip("nrrd")
        nrrd.write(str(path), array)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("no image\n\nat all")
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(AnnotateJobsError) as error:
        row.read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", sorted(IMPORT_FORMATS))
def test_every_row_of_the_table_loads(name: str) -> None:
    from importlib import import_module

    module, _, function = IMPORT_FORMATS[name].where.partition(":")
    assert callable(getattr(import_module(module), function))
    assert IMPORT_FORMATS[name].title


def test_slicer_segments_with_layers_spaces_and_codes(tmp_path: Path) -> None:
    nrrd = pytest.importorskip("nrrd")
    array = np.zeros((2, *SHAPE), np.uint8)
    array[0][marks() == 1] = 5
    array[1, 2:4, 3:8, 1] = 5
    ras = AXIAL
    fields = {
        "space": "right-anterior-superior",
        "space directions": np.vstack([np.full(3, np.nan), ras[:3, :3].T]),
        "space origin": ras[:3, 3],
        "kinds": ["list", "domain", "domain", "domain"],
        "Segment0_ID": "s1",
        "Segment0_Name": "Liver",
        "Segment0_LabelValue": "5",
        "Segment0_Layer": "0",
        "Segment0_Color": "1 0.5 0",
        "Segment1_ID": "s2",
        "Segment1_Name": "Mass\\\\1",
        "Segment1_LabelValue": "5",
        "Segment1_Layer": "1",
        "Segment1_Tags": "TerminologyEntry:X~SCT^1^T~SCT^108369006^Mass~SCT^3^New~Y"
        "~SCT^2^Lung~SCT^7771000^Left|",
    }
    path = tmp_path / "a.seg.nrrd"
    nrrd.write(str(path), array, fields)
    (incoming,) = import_format("nrrd").read(path)
    first, second = incoming.labels
    assert (first.name, first.color) == ("Liver", "#FF8000")
    assert second.name == "Mass\\1"
    assert second.concept is not None
    assert second.concept.value == "108369006"
    assert str(second.concept) == "Mass, new of left lung (SCT 108369006)"
    assert second.concept.category is not None
    assert second.concept.category.meaning == "T"
    image = save(tmp_path / "image.nii.gz", marks(), AXIAL)
    header = open_series(image).header
    found = as_volume(fit_incoming(incoming, header), header.shape)
    assert np.array_equal(found["Liver"], own_values(image) == 1)
    assert found["Mass\\1"].sum() == 10
    assert (found["Mass\\1"] & found["Liver"]).any()


def test_what_else_lies_in_a_folder_is_passed_over(kit: Any, tmp_path: Path) -> None:
    """Images beside segmentations, those of data sets, and our own notes."""
    pytest.importorskip("highdicom")
    from napari_annotate_jobs.formats import exporter

    case = kit.case(kit.series(tmp_path / "in" / "ct"), kit.shapes(), kit.labels)
    for name, ending in (("dicom-seg", "seg"), ("rtstruct", "rtstruct")):
        row = IMPORT_FORMATS[name]
        with pytest.raises(NotFoundError, match="there are no files of"):
            row.files(tmp_path / "in" / "ct")
        done = exporter(name).write_case(case, tmp_path / "in")
        assert done.files == (f"c1.{ending}.dcm",)
        (tmp_path / "in" / "export.json").write_text("{}")
        assert row.files(tmp_path / "in") == [tmp_path / "in" / done.files[0]]
    for part in ("imagesTr", "labelsTr"):
        (tmp_path / "raw" / part).mkdir(parents=True)
        (tmp_path / "raw" / part / "a.nii.gz").touch()
    found = IMPORT_FORMATS["nifti"].files(tmp_path / "raw")
    assert [path.parent.name for path in found] == ["labelsTr"]
    assert IMPORT_FORMATS["nifti"].files(tmp_path / "raw" / "imagesTr")

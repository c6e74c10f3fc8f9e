"""Volumes out: .seg.nrrd, nnU-Net, Decathlon and BIDS, opened by others."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.formats import export, exporter, plan_export
from napari_annotate_jobs.formats.volumes._bids import dseg_table
from napari_annotate_jobs.formats.volumes._read_nifti import _of_table
from napari_annotate_jobs.model import Case, Job, Label, LabelSet, Method, Project
from napari_annotate_jobs.model import SeriesRef as Ref
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import StoreSource, create_job, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

sitk = pytest.importorskip("SimpleITK")

LABELS = LabelSet(
    labels=(
        Label(id=7, name="liver", color="#D55E00", method=Method.SEGMENTATION),
        Label(id=3, name="tumour", color="#0072B2", method=Method.SEGMENTATION),
    )
)
TURN = np.deg2rad(20)
GRIDS = {
    "axial": np.diag([-0.7, -0.8, 2.5, 1]),
    "flipped": np.array(
        [[0.7, 0, 0, 5], [0, 0.8, 0, -9], [0, 0, -2.5, 30], [0, 0, 0, 1]]
    ),
    "sagittal": np.array(
        [[0, 0, 3.0, 2], [-0.7, 0, 0, 1], [0, -0.8, 0, 50], [0, 0, 0, 1]]
    ),
    "oblique": np.array(
        [
            [-0.7 * np.cos(TURN), 0, 2.5 * np.sin(TURN), 4],
            [0, -0.8, 0, 7],
            [0.7 * np.sin(TURN), 0, 2.5 * np.cos(TURN), 1],
            [0, 0, 0, 1],
        ]
    ),
    "tilted": np.array(
        [[-0.7, 0, 0, 0], [0, -0.8, 0.6, 0], [0, 0, 2.5, 0], [0, 0, 0, 1]]
    ),
}
SHAPE = (9, 8, 6)
"""Columns, rows and slices of the files."""


def write_image(path: Path, grid: str, seed: int = 0, shape: Any = SHAPE) -> Path:
    voxels = np.random.default_rng(seed).integers(-500, 900, shape).astype(np.int16)
    image = nib.Nifti1Image(voxels, GRIDS[grid])
    image.set_sform(GRIDS[grid], code="scanner")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def make(
    folder: Path, cases: dict[str, Sequence[Path]], *, decide: bool = False
) -> StoreSource:
    """Make a job; slice 0 has nothing to label, 1 and 2 masks, 3 is excluded."""
    rows = [
        Case(id=name, name=name, series=tuple(Ref(path=str(path)) for path in paths))
        for name, paths in cases.items()
    ]
    project = Project(name="Livers", methods=(Method.SEGMENTATION,), label_set=LABELS)
    create_job(folder, Job(id="job", project=project), rows).close()
    session = AnnotationSession(open_store(str(folder), person="ana"), "job")
    session.open_next = False
    for name in cases:
        session.open_case(name)
        assert session.case is not None
        plane = session.case.series.header.shape[1:3]
        mask = np.zeros(plane, np.uint16)
        mask[1:5, 2:6] = 7
        mask[3, 3] = 3
        more = np.zeros(plane, np.uint16)
        more[0, 0] = 3
        masks = {(1, ""): mask, (2, ""): more}
        editor = session.editor
        editor.set_nothing_to_label([0])
        if decide:
            editor.set_nothing_to_label(range(3, editor.n_slices))
        else:
            masks[3, ""] = mask
        editor.set_masks(masks)
        if not decide:
            editor.set_excluded([3])
        session.submit()
    session.close()
    return StoreSource(str(folder))


def at(image: Any, lps: Any) -> Any:
    """Return the voxel of a NIfTI image that lies at a place in the patient."""
    ras = np.array([-lps[0], -lps[1], lps[2], 1.0])
    found = np.linalg.inv(image.affine) @ ras
    index = np.rint(found[:3]).astype(int)
    assert np.abs(found[:3] - index).max() < 1e-3
    return np.asanyarray(image.dataobj)[tuple(index)]


def place(header: Any, *index: int) -> Any:
    return (header.affine @ [*index, 1])[:3]


@pytest.mark.parametrize("grid", sorted(GRIDS))
def test_nnunet_is_right_in_patient_coordinates(grid: str, tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.nii.gz", grid)
    source = make(tmp_path / "job", {"a": [path]})
    done = export(source, exporter("nnunet"), tmp_path / "out", workers=1).folder
    labels = nib.load(done / "labelsTr" / "a.nii.gz")
    image = nib.load(done / "imagesTr" / "a_0000.nii.gz")
    own = nib.load(path)
    assert np.allclose(labels.affine, image.affine, atol=0)
    header = source.open(next(iter(source.summaries()))).header
    for row, column, index in [(1, 2, 1), (3, 3, 1), (0, 0, 2), (5, 1, 4), (2, 2, 0)]:
        lps = place(header, index, row, column)
        wanted = {(1, 2, 1): 1, (3, 3, 1): 2, (0, 0, 2): 2}.get(
            (row, column, index), 0 if index < 3 else 3
        )
        assert at(labels, lps) == wanted
        assert at(image, lps) == at(own, lps)
    described = json.loads((done / "dataset.json").read_text(encoding="utf-8"))
    assert described["labels"] == {
        "background": 0,
        "liver": 1,
        "tumour": 2,
        "ignore": 3,
    }
    assert described["numTraining"] == 1
    assert ("overwrite_image_reader_writer" in described) == (grid == "tilted")
    if grid != "tilted":  # SimpleITK refuses axes that are not at right angles
        read = sitk.ReadImage(str(done / "labelsTr" / "a.nii.gz"))
        point = read.TransformIndexToPhysicalPoint((2, 1, 1))
        assert np.allclose(point, place(header, 1, 1, 2), atol=1e-3)
        assert read[2, 1, 1] == 1


def check_nnunet(folder: Path) -> None:
    """Check a data set as nnU-Net's documentation/dataset_format.md demands it."""
    described = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    ending = described["file_ending"]
    labels = described["labels"]
    values = sorted(labels.values())
    assert labels["background"] == 0
    assert values == list(range(len(values))), "consecutive"
    if "ignore" in labels:
        assert labels["ignore"] == values[-1], "the highest"
    names = sorted(p.name for p in (folder / "labelsTr").iterdir())
    assert len(names) == described["numTraining"]
    channels = [int(number) for number in described["channel_names"]]
    assert channels == list(range(len(channels)))
    images = {p.name for p in (folder / "imagesTr").iterdir()}
    wanted = set()
    for name in names:
        stem = name.removesuffix(ending)
        label = nib.load(folder / "labelsTr" / name)
        found = set(np.unique(np.asanyarray(label.dataobj)).tolist())
        assert found <= set(values)
        for channel in channels:
            each = f"{stem}_{channel:04d}{ending}"
            wanted.add(each)
            image = nib.load(folder / "imagesTr" / each)
            assert image.shape == label.shape
            assert np.allclose(image.affine, label.affine)
            assert np.isfinite(image.get_fdata()).all()
    assert images == wanted


@pytest.mark.parametrize("there", [True, False], ids=["isal", "zlib"])
def test_the_same_voxels_whatever_packs_them(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if there:
        pytest.importorskip("isal")
    else:
        monkeypatch.setitem(sys.modules, "isal.igzip", None)
    path = write_image(tmp_path / "image.nii.gz", "oblique")
    source = make(tmp_path / "job", {"a": [path]})
    for name in ("nnunet", "seg-nrrd"):
        first, second = (
            export(source, exporter(name), tmp_path / f"{name}{n}", workers=1).folder
            for n in (1, 2)
        )
        for each in first.rglob("*.*"):
            assert each.read_bytes() == (second / each.relative_to(first)).read_bytes()
    image = nib.load(tmp_path / "nnunet1" / "imagesTr" / "a_0000.nii.gz")
    wanted = nib.load(path)
    assert np.array_equal(
        nib.as_closest_canonical(image).dataobj,
        nib.as_closest_canonical(wanted).dataobj,
    )


def test_nnunet_channels_on_one_grid(tmp_path: Path) -> None:
    grids = {
        name: [
            write_image(tmp_path / name / "t1.nii.gz", "oblique", 1),
            write_image(tmp_path / name / "t2.nii.gz", "oblique", 2),
        ]
        for name in ("a", "b")
    }
    source = make(tmp_path / "job", grids)
    done = export(source, exporter("nnunet"), tmp_path / "out", workers=1).folder
    check_nnunet(done)
    second = nib.load(done / "imagesTr" / "b_0001.nii.gz")
    assert sorted(np.asanyarray(second.dataobj).ravel()) == sorted(
        np.asanyarray(nib.load(grids["b"][1]).dataobj).ravel()
    )


def test_nnunet_takes_the_reference_alone_where_grids_differ(tmp_path: Path) -> None:
    cases = {
        "a": [
            write_image(tmp_path / "a" / "t1.nii.gz", "axial", 1),
            write_image(tmp_path / "a" / "t2.nii.gz", "axial", 2),
        ],
        "b": [
            write_image(tmp_path / "b" / "t1.nii.gz", "axial", 1),
            write_image(tmp_path / "b" / "t2.nii.gz", "sagittal", 2),
        ],
    }
    source = make(tmp_path / "job", cases)
    done = export(source, exporter("nnunet"), tmp_path / "out", workers=1).folder
    check_nnunet(done)
    assert len(list((done / "imagesTr").iterdir())) == 2
    with pytest.raises(InvalidValueError, match=r"series 2 is on another grid"):
        two = exporter("nnunet", {"channels": 2})
        export(source, two, tmp_path / "two", workers=1)


def test_nothing_to_label_is_background_and_needs_no_ignore(tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.nii.gz", "axial")
    source = make(tmp_path / "job", {"a": [path]}, decide=True)
    done = export(source, exporter("nnunet"), tmp_path / "out", workers=1).folder
    check_nnunet(done)
    described = json.loads((done / "dataset.json").read_text(encoding="utf-8"))
    assert "ignore" not in described["labels"]
    label = np.asanyarray(nib.load(done / "labelsTr" / "a.nii.gz").dataobj)
    assert (label[:, :, 3:] == 0).all()


def test_a_label_cannot_be_named_ignore(tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.nii.gz", "axial")
    source = make(tmp_path / "job", {"a": [path]})
    plan = plan_export(source, exporter("nnunet"))
    named = LABELS.model_copy(
        update={"labels": (LABELS.labels[0].model_copy(update={"name": "Ignore"}),)}
    )
    import dataclasses

    reasons = exporter("nnunet").is_incompatible(
        dataclasses.replace(plan, labels=named)
    )
    assert any("'Ignore'" in reason for reason in reasons)


def test_uneven_gaps_are_written_with_their_mean_step_and_said(
    draw: Any, tmp_path: Path
) -> None:
    job = draw(tmp_path / "job", samples=("mr-brain",))
    source = StoreSource(str(job.folder))
    report = export(source, exporter("nnunet"), tmp_path / "out", workers=1)
    check_nnunet(report.folder)
    assert "up to 0.086 mm" in report.manifest["cases"][0]["notes"][0]
    for name in ("seg-nrrd", "bids"):
        with pytest.raises(InvalidValueError, match=r"0\.09 mm off"):
            export(source, exporter(name), tmp_path / name, workers=1)


def test_decathlon_leaves_out_what_it_cannot_tell(tmp_path: Path) -> None:
    paths = [write_image(tmp_path / f"{n}.nii.gz", "flipped", n) for n in (1, 2)]
    source = make(tmp_path / "job", {"a": paths[:1]})
    with pytest.raises(InvalidValueError, match="undecided or excluded"):
        export(source, exporter("decathlon"), tmp_path / "out", workers=1)
    asked = exporter("decathlon", {"unknown": "ignore"})
    done = export(source, asked, tmp_path / "out", workers=1).folder
    described = json.loads((done / "dataset.json").read_text(encoding="utf-8"))
    assert described["labels"]["3"] == "ignore"
    entry = described["training"][0]
    label, image = nib.load(done / entry["label"]), nib.load(done / entry["image"])
    assert np.allclose(label.affine, image.affine)
    assert (np.asanyarray(label.dataobj)[:, :, 3:] == 3).all()


def test_decathlon_stacks_channels_in_a_fourth_axis(tmp_path: Path) -> None:
    paths = [write_image(tmp_path / f"{n}.nii.gz", "sagittal", n) for n in (1, 2)]
    source = make(tmp_path / "job", {"a": paths}, decide=True)
    done = export(source, exporter("decathlon"), tmp_path / "out", workers=1).folder
    described = json.loads((done / "dataset.json").read_text(encoding="utf-8"))
    assert described["tensorImageSize"] == "4D"
    image = nib.load(done / described["training"][0]["image"])
    assert image.shape[3] == 2
    own = nib.load(paths[1])
    header = source.open(next(iter(source.summaries()))).header
    lps = place(header, 2, 3, 4)
    assert at(image, lps)[1] == at(own, lps)


def test_bids_tells_what_its_values_are(tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.nii.gz", "oblique")
    source = make(tmp_path / "job", {"pat-1": [path]})
    done = export(source, exporter("bids"), tmp_path / "out", workers=1).folder
    begin = done / "sub-pat1" / "anat" / "sub-pat1_space-orig_desc-annotated_dseg"
    with open(f"{begin}.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(row["index"], row["name"]) for row in rows] == [
        ("0", "background"),
        ("7", "liver"),
        ("3", "tumour"),
    ]
    volume = np.asanyarray(nib.load(f"{begin}.nii.gz").dataobj)
    assert set(np.unique(volume)) == {0, 3, 7}
    assert not volume[:, :, 3].any()
    about = json.loads((done / "dataset_description.json").read_text("utf-8"))
    assert about["DatasetType"] == "derivative"


@pytest.mark.parametrize("name", ['"', '"a" and b', 'a"', "a, b", "'"])
def test_the_table_of_bids_holds_any_name(tmp_path: Path, name: str) -> None:
    label = Label(id=1, name=name, color="#D55E00", method=Method.SEGMENTATION)
    (tmp_path / "x.nii.tsv").write_text(
        dseg_table(LabelSet(labels=(label,))), encoding="utf-8"
    )
    assert _of_table(tmp_path / "x.nii.tsv", "\t", "index") == {name: (1,)}
    pandas = pytest.importorskip("pandas")
    read = pandas.read_csv(tmp_path / "x.nii.tsv", sep="\t")
    assert list(read["name"]) == ["background", name]


def test_bids_names_may_not_collide(tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.nii.gz", "axial")
    source = make(tmp_path / "job", {"a-b": [path], "ab": [path]})
    with pytest.raises(InvalidValueError, match="'a-b' and 'ab' are both sub-ab"):
        export(source, exporter("bids"), tmp_path / "out", workers=1)


@pytest.mark.parametrize("grid", sorted(GRIDS))
def test_seg_nrrd_is_right_in_patient_coordinates(grid: str, tmp_path: Path) -> None:
    nrrd = pytest.importorskip("nrrd")
    path = write_image(tmp_path / "image.nii.gz", grid)
    source = make(tmp_path / "job", {"a": [path]})
    done = export(source, exporter("seg-nrrd"), tmp_path / "out", workers=1).folder
    voxels, fields = nrrd.read(str(done / "a.seg.nrrd"))
    header = source.open(next(iter(source.summaries()))).header
    for row, column, index, value in [(1, 2, 1, 7), (3, 3, 1, 3), (3, 3, 3, 0)]:
        assert voxels[column, row, index] == value
        found = fields["space origin"] + [column, row, index] @ np.asarray(
            fields["space directions"]
        )
        assert np.allclose(found, place(header, index, row, column), atol=1e-3)
    assert fields["Segment0_Name"] == "liver"
    assert fields["Segment1_LabelValue"] == "3"
    assert fields["Segment1_Extent"] == "0 3 0 3 1 2"


def test_seg_nrrd_keeps_overlap_in_layers(overlapping: Any, tmp_path: Path) -> None:
    nrrd = pytest.importorskip("nrrd")
    source = StoreSource(str(overlapping.folder))
    done = export(source, exporter("seg-nrrd"), tmp_path / "out", workers=1).folder
    path = done / "ct-lung.seg.nrrd"
    voxels, fields = nrrd.read(str(path))
    assert fields["kinds"] == ["list", "domain", "domain", "domain"]
    masks = overlapping.masks["ct-lung"]
    layer = int(fields["Segment2_Layer"])
    assert np.array_equal(voxels[0, :, :, 3].T, masks[3, ""])
    assert np.array_equal(voxels[layer, :, :, 3].T, masks[3, "vessels"])
    assert "SCT^108369006^Neoplasm" in fields["Segment0_Tags"]
    head = path.read_bytes().partition(b"\n\n")[0].decode("utf-8")
    assert "Segment2_Name:=Gefäß" in head
    image = sitk.ReadImage(str(path))
    assert image.GetSize() == voxels.shape[1:]
    assert image.GetNumberOfComponentsPerPixel() == 2


def test_damage_is_found_when_it_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_annotate_jobs.formats.volumes import _training

    path = write_image(tmp_path / "image.nii.gz", "axial")
    source = make(tmp_path / "job", {"a": [path]})
    real = _training.write_channels

    def write(path: Path, channels: Any, *, fourth: bool) -> str:
        digest = real(path, channels, fourth=fourth)
        other = nib.load(path)
        voxels = np.asanyarray(other.dataobj).copy()
        voxels[0, 0, 0] += 1
        nib.save(nib.Nifti1Image(voxels, other.affine, other.header), path)
        return digest

    monkeypatch.setattr(_training, "write_channels", write)
    with pytest.raises(CorruptError, match="not the one written"):
        export(source, exporter("nnunet"), tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()

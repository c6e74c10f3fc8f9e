"""Volumes as other programs read them: series that lie in every way."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from napari_annotate_jobs.formats import export, exporter
from napari_annotate_jobs.stores import StoreSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats import AnnotatedCase

sitk = pytest.importorskip("SimpleITK")

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
VALUES = np.zeros(301, int)
VALUES[[1, 2, 300]] = 1, 2, 3
"""What training sets make of the labels."""


@pytest.fixture(scope="module")
def source(everywhere: Any) -> StoreSource:
    return StoreSource(str(everywhere.folder))


def written(source: StoreSource, name: str, out: Path) -> Path:
    """Export; where labels lie in several groups the format asks which one wins."""
    return export(source, exporter(name), out, workers=1).folder


def cases(source: StoreSource) -> Iterator[tuple[str, AnnotatedCase]]:
    for summary in source.summaries():
        yield summary.case.name, source.open(summary)


def compare(
    case: AnnotatedCase,
    wanted: NDArray[Any],
    voxels: NDArray[Any],
    affine: NDArray[np.float64],
) -> None:
    """Compare every voxel with the one that lies there, (i, j, k, 1) to LPS in mm."""
    header = case.header
    assert header.origins is not None
    index, row, column = (n.ravel() for n in np.indices(wanted.shape))
    step = np.asarray(header.affine)[:3]
    lps = np.asarray(header.origins)[index].T
    lps = lps + step[:, 1:2] * row + step[:, 2:3] * column
    ijk = np.linalg.inv(affine) @ np.vstack([lps, np.ones(lps.shape[1])])
    nearest = np.rint(ijk[:3]).astype(int)
    back = affine[:3, :3] @ nearest + affine[:3, 3:]
    assert np.linalg.norm(back - lps, axis=0).max() < 1e-3
    assert voxels.size == wanted.size
    assert np.array_equal(voxels[tuple(nearest)], wanted.ravel())


def nibabel_reads(path: Path) -> tuple[Any, Any]:
    image = nib.load(path)
    return np.asanyarray(image.dataobj), TO_LPS @ image.affine


def itk_reads(path: Path) -> tuple[Any, Any]:
    image = sitk.ReadImage(str(path))
    turn = np.array(image.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = turn * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).T, affine


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nifti", "bids", "nnunet", "decathlon"])
def test_nibabel_and_simpleitk(
    name: str, source: StoreSource, everywhere: Any, tmp_path: Path
) -> None:
    done = written(source, name, tmp_path / "out")
    for case_name, case in cases(source):
        training = name in ("nnunet", "decathlon")
        labels, *images = sorted(
            (p for p in done.rglob("*.nii.gz") if is_of(p, case_name)),
            key=lambda p: p.parent.name == "imagesTr",
        )
        wanted = everywhere.truth[case_name]
        wanted = VALUES[wanted] if training else wanted
        # ITK has no grids whose axes are not at right angles.
        readers = [nibabel_reads] + [itk_reads] * (case_name != "tilted")
        for read in readers:
            compare(case, wanted, *read(labels))
        assert len(images) == training
        voxels = np.stack([case.series.read_slice(i) for i in range(case.n_slices)])
        for path in images:
            for read in readers:
                compare(case, voxels, *read(path))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nifti", "bids", "nnunet", "decathlon"])
def test_overlap_by_priority(name: str, overlapping: Any, tmp_path: Path) -> None:
    overlap = StoreSource(str(overlapping.folder))
    order = [300, 1, 2]
    options = {"unknown": "ignore"} if name == "decathlon" else {}
    writer = exporter(name, options, priority=order)
    done = export(overlap, writer, tmp_path / "out", workers=1).folder
    for case_name, case in cases(overlap):
        (path,) = (
            p
            for p in done.rglob("*.nii.gz")
            if is_of(p, case_name) and p.parent.name != "imagesTr"
        )
        wanted = np.stack([case.label_map(i, order) for i in range(case.n_slices)])
        assert (wanted == 300).any()
        if name in ("nnunet", "decathlon"):
            wanted = VALUES[wanted]
            known = set(case.decided())
            wanted[[i for i in range(case.n_slices) if i not in known]] = 4
        for read in (nibabel_reads, itk_reads):
            compare(case, wanted, *read(path))


def is_of(path: Path, case_name: str) -> bool:
    name = path.name.partition(".")[0].removesuffix("_0000")
    return case_name.replace("-", "") in (
        name.replace("-", ""),
        name.partition("_")[0].removeprefix("sub-"),
    )


SLICERIO = """
import json, sys
import numpy as np, slicerio
out = {}
for path in sys.argv[2:]:
    read = slicerio.read_segmentation(path)
    voxels = np.asarray(read["voxels"])
    segments = {}
    for each in read["segments"]:
        mask = voxels[each["layer"]] if voxels.ndim == 4 else voxels
        name = each["name"]
        segments[name] = (each["labelValue"], len(out))
        np.save(f"{sys.argv[1]}/{len(out)}-{each['labelValue']}.npy",
                mask == each["labelValue"])
    out[path] = [np.asarray(read["ijkToLPS"]).tolist(), segments,
                 [s.get("terminology") for s in read["segments"]]]
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def slicerio(tool: Callable[..., Any]) -> Any:
    return tool("slicerio")


@pytest.mark.slow
def test_overlap_in_layers(slicerio: Any, overlapping: Any, tmp_path: Path) -> None:
    nrrd = pytest.importorskip("nrrd")
    overlap = StoreSource(str(overlapping.folder))
    done = written(overlap, "seg-nrrd", tmp_path / "out")
    (tmp_path / "read").mkdir()
    paths = {p.name.partition(".")[0]: p for p in done.glob("*.seg.nrrd")}
    told = slicerio(SLICERIO, tmp_path / "read", *paths.values())
    for name, case in cases(overlap):
        affine, segments, _ = told[str(paths[name])]
        assert sorted(value for value, _ in segments.values()) == [1, 2, 300]
        layers, _ = nrrd.read(str(paths[name]))
        covered = np.zeros(layers.shape[1:], int)
        for value, number in segments.values():
            group = case.labels[value].overlap_group
            masks = [case.mask(i, group) for i in range(case.n_slices)]
            wanted = np.stack(
                [np.zeros(case.plane) if m is None else m == value for m in masks]
            )
            mask = np.load(tmp_path / "read" / f"{number}-{value}.npy")
            compare(case, wanted, mask, np.array(affine))
            assert any(np.array_equal(layer == value, mask) for layer in layers)
            covered += mask
        assert covered.max() == 2


@pytest.mark.slow
def test_slicerio_and_pynrrd(
    slicerio: Any, source: StoreSource, everywhere: Any, tmp_path: Path
) -> None:
    nrrd = pytest.importorskip("nrrd")
    done = written(source, "seg-nrrd", tmp_path / "out")
    (tmp_path / "read").mkdir()
    paths = {name: done / f"{name}.seg.nrrd" for name in everywhere.truth}
    told = slicerio(SLICERIO, tmp_path / "read", *paths.values())
    for name, case in cases(source):
        affine, segments, codes = told[str(paths[name])]
        whole = everywhere.truth[name]
        assert [value for value, _ in segments.values()] == [1, 2, 300]
        # It drops what is not ASCII.
        assert list(segments)[::2] == ["Left kidney", "over"]
        assert codes[0]["type"] == ["SCT", "64033007", "Kidney"]
        assert codes[0]["typeModifier"] == ["SCT", "7771000", "Left"]
        for value, number in segments.values():
            mask = np.load(tmp_path / "read" / f"{number}-{value}.npy")
            compare(case, whole == value, mask, np.array(affine))
        voxels, fields = nrrd.read(str(paths[name]))
        flat = voxels.max(axis=0) if voxels.ndim == 4 else voxels
        own = np.eye(4)
        own[:3, :3] = np.asarray(fields["space directions"])[-3:].T
        own[:3, 3] = fields["space origin"]
        compare(case, whole, flat, own)


NNUNET = """
import multiprocessing, sys
from unittest.mock import MagicMock

context = multiprocessing.get_context
multiprocessing.get_context = lambda method=None: context("fork")
boxes = "acvl_utils.cropping_and_padding.bounding_boxes"
parts = ("torch", "skimage", "acvl_utils", "acvl_utils.cropping_and_padding", boxes)
for name in parts:
    sys.modules[name] = MagicMock()  # imported beside the check, which needs none
from nnunetv2.experiment_planning.verify_dataset_integrity import (
    verify_dataset_integrity,
)

for folder in sys.argv[1:]:
    verify_dataset_integrity(folder, num_processes=1)
print('"done"')
"""


@pytest.mark.slow
def test_nnunets_own_check_passes(
    tool: Callable[..., Any],
    source: StoreSource,
    overlapping: Any,
    tmp_path: Path,
) -> None:
    packages = ("numpy", "pandas", "nibabel", "SimpleITK", "tifffile", "tqdm")
    check = tool(*packages, alone=("nnunetv2", "batchgenerators"))
    raw = tmp_path / "raw"
    raw.mkdir()
    done = written(source, "nnunet", raw / "Dataset001_All")
    labels = json.loads((done / "dataset.json").read_text("utf-8"))["labels"]
    assert list(labels.values()) == [0, 1, 2, 3]
    overlap = StoreSource(str(overlapping.folder))
    writer = exporter("nnunet", priority=[300, 1, 2])
    other = export(overlap, writer, raw / "Dataset002_Overlap", workers=1).folder
    labels = json.loads((other / "dataset.json").read_text("utf-8"))["labels"]
    assert labels["ignore"] == max(labels.values())
    assert check(NNUNET, done, other) == "done"


VALIDATOR = """
import json, deno, bids_validator_deno
from pathlib import Path
bundle = Path(bids_validator_deno.__file__).with_name("bids-validator.js")
print(json.dumps([deno.find_deno_bin(), "run", "-A", "--no-prompt", str(bundle)]))
"""


@pytest.mark.slow
def test_the_validator_of_bids_has_no_objection(
    tool: Callable[..., Any],
    outside_env: dict[str, str],
    source: StoreSource,
    tmp_path: Path,
) -> None:
    done = written(source, "bids", tmp_path / "out")
    # Not by its own command, which may not look into /dev/shm, where tests may run.
    command = tool("bids-validator-deno")(VALIDATOR)

    def issues() -> set[tuple[str, str]]:
        told = subprocess.run(
            [*command, done, "--format", "json"],
            env=outside_env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert told.stdout, told.stderr
        found = json.loads(told.stdout)
        assert len(found["summary"]["subjects"]) == 8
        return {(each["severity"], each["code"]) for each in found["issues"]["issues"]}

    # Both are about who wrote it: one author, and few words.
    small = {("warning", "TOO_FEW_AUTHORS"), ("warning", "README_FILE_SMALL")}
    assert issues() <= small
    # It looks into the files, too.
    next(done.rglob("*.nii.gz")).write_bytes(b"no volume")
    assert "error" in {severity for severity, _ in issues()}

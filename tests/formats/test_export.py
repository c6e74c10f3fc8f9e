"""An export as a whole: planned, written aside, proved, put in place, resumed."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_annotate_jobs.errors import (
    Cancelled,
    CorruptError,
    ExistsError,
    InvalidValueError,
    StoreAccessError,
)
from napari_annotate_jobs.formats import (
    EXPORT_FORMATS,
    MANIFEST,
    Truth,
    _export_run,
    export,
    exporter,
)
from napari_annotate_jobs.formats.volumes._nifti import NiftiExporter
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.stores import StoreSource

if TYPE_CHECKING:
    from pathlib import Path


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_same_input_same_bytes(source: StoreSource, tmp_path: Path) -> None:
    first = export(source, exporter("nifti"), tmp_path / "a", workers=1)
    second = export(source, exporter("nifti"), tmp_path / "b", workers=2)
    assert first.cases == second.cases == 2
    assert tree(first.folder) == tree(second.folder)


def test_manifest_has_the_digests_of_all_files(
    source: StoreSource, tmp_path: Path
) -> None:
    folder = export(source, exporter("nifti"), tmp_path / "out", workers=1).folder
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    named = dict(manifest["files"])
    for case in manifest["cases"]:
        named |= case["files"]
    import hashlib

    found = {n: hashlib.sha256(b).hexdigest() for n, b in tree(folder).items()}
    assert named == {n: d for n, d in found.items() if n != MANIFEST}
    counts = manifest["cases"][0]["counts"]
    assert counts["slices"]["excluded"] == 1
    assert counts["slices"]["nothing to label"] == 1
    assert counts["boxes"] == 1


def test_excluded_masks_are_left_out(drawn: Any, tmp_path: Path) -> None:
    nib = pytest.importorskip("nibabel")
    sitk = pytest.importorskip("SimpleITK")
    source = StoreSource(str(drawn.folder))
    folder = export(source, exporter("nifti"), tmp_path / "out", workers=1).folder
    for name, masks in drawn.masks.items():
        path = folder / f"{name}.nii.gz"
        volume = np.asarray(nib.load(path).dataobj).transpose(2, 1, 0)
        image = sitk.ReadImage(str(path))
        assert np.array_equal(sitk.GetArrayFromImage(image), volume)
        for index in range(len(volume)):
            wanted = np.zeros(volume.shape[1:], np.uint16)
            if index != 5:
                for group in ("", "vessels"):
                    mask = masks.get((index, group))
                    wanted = wanted if mask is None else np.maximum(wanted, mask)
            assert np.array_equal(volume[index], wanted), index


def test_place_is_the_images(drawn: Any, tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    source = StoreSource(str(drawn.folder))
    folder = export(source, exporter("nifti"), tmp_path / "out", workers=1).folder
    for summary in source.summaries():
        header = source.open(summary).header
        image = sitk.ReadImage(str(folder / f"{summary.stem}.nii.gz"))
        for index in (0, header.shape[0] - 1):
            point = image.TransformIndexToPhysicalPoint((3, 7, index))
            wanted = (header.affine @ [index, 7, 3, 1])[:3]
            assert np.allclose(point, wanted, atol=1e-3)


def test_overlap_is_refused_before_anything_is_written(
    overlapping: Any, tmp_path: Path
) -> None:
    source = StoreSource(str(overlapping.folder))
    with pytest.raises(InvalidValueError, match=r"masks overlap in 2 cases.*priority"):
        export(source, exporter("nifti"), tmp_path / "out", workers=1)
    assert not list(tmp_path.iterdir())
    done = export(
        source, exporter("nifti", priority=[300, 1]), tmp_path / "out", workers=1
    )
    nib = pytest.importorskip("nibabel")
    volume = np.asarray(nib.load(done.folder / "ct-lung.nii.gz").dataobj)
    masks = overlapping.masks["ct-lung"]
    both = (masks[3, ""] == 1) & (masks[3, "vessels"] == 300)
    assert both.any()
    assert (volume[:, :, 3].T[both] == 300).all()


def test_nothing_is_overwritten(source: StoreSource, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ExistsError):
        export(source, exporter("nifti"), tmp_path / "out", workers=1)
    assert tree(tmp_path) == {"out/mine.txt": b"mine"}


def test_it_goes_on_where_it_was_stopped(source: StoreSource, tmp_path: Path) -> None:
    whole = export(source, exporter("nifti"), tmp_path / "whole", workers=1)
    told: list[tuple[int, int, str]] = []
    with pytest.raises(Cancelled, match="go on where it was"):
        export(
            source,
            exporter("nifti"),
            tmp_path / "out",
            workers=1,
            progress=lambda *step: told.append(step),
            cancelled=lambda: bool(told),
        )
    assert len(told) == 1
    assert not (tmp_path / "out").exists()
    done = export(source, exporter("nifti"), tmp_path / "out", workers=1)
    assert done.resumed == 1
    assert tree(done.folder) == tree(whole.folder)


class Pool:
    """Stands for other processes: the first of their cases fails, no other begins."""

    def __init__(self, count: int, mp_context: object) -> None:
        self.given: list[Future[Any]] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def submit(self, run: object) -> Future[Any]:
        future: Future[Any] = Future()
        self.given.append(future)
        if len(self.given) == 1:
            self.begin(future)
        return future

    def begin(self, future: Future[Any]) -> None:
        future.set_exception(BrokenProcessPool("it was killed"))

    def shutdown(self, wait: bool, cancel_futures: bool) -> None:
        pass


def test_a_process_that_was_killed_is_told_and_gone_on_from(
    source: StoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_export_run, "ProcessPoolExecutor", Pool)
    with pytest.raises(StoreAccessError, match=r"ended before it was done.*--workers"):
        export(source, exporter("nifti"), tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()
    # What nobody had begun was done here.
    assert export(source, exporter("nifti"), tmp_path / "out", workers=1).resumed == 1


def test_stopped_beside_other_processes_it_leaves_nothing_half_written(
    source: StoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a window, whose thread writes nothing itself."""
    from concurrent.futures import ThreadPoolExecutor

    from napari_annotate_jobs.formats import _export_run

    monkeypatch.setattr(
        _export_run,
        "ProcessPoolExecutor",
        lambda count, mp_context: ThreadPoolExecutor(count),
    )

    def begun() -> bool:
        return bool(list(tmp_path.glob(".out.*.partial/*.nii.gz")))

    def stopped() -> None:
        with pytest.raises(Cancelled):
            export(
                source, exporter("nifti"), tmp_path / "out", workers=2, cancelled=begun
            )

    with ThreadPoolExecutor(1) as beside:
        beside.submit(stopped).result()
    notes = [path.stem for path in tmp_path.glob(".out.*/.cases/*.json")]
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name.partition(".")[0] for path in left} == set(notes)


def test_little_work_starts_no_other_process(
    source: StoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*args: object, **kwargs: object) -> None:
        raise AssertionError

    monkeypatch.setattr(_export_run, "ProcessPoolExecutor", started)
    monkeypatch.setattr(_export_run, "STARTING", 1e6)
    assert export(source, exporter("nifti"), tmp_path / "out").cases == 2
    monkeypatch.setattr(_export_run, "STARTING", 0.0)
    if (os.cpu_count() or 1) > 1:
        with pytest.raises(AssertionError):
            export(source, exporter("nifti"), tmp_path / "much")


def test_disk_full_leaves_nothing_half_written(
    source: StoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = NiftiExporter.write_case

    def write(self: Any, case: Any, folder: Path) -> Any:
        if case.stem == "ct-lung-nodule":
            (folder / "ct-lung-nodule.nii.gz").write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, case, folder)

    monkeypatch.setattr(NiftiExporter, "write_case", write)
    with pytest.raises(StoreAccessError, match=r"No space left.*Free some .*it was"):
        export(source, exporter("nifti"), tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
    # What is whole waits beside it to go on from; of the other nothing is left.
    left = [path.rpartition("/")[2] for path in tree(tmp_path)]
    assert sorted(left) == ["ct-lung.json", "ct-lung.nii.gz"]
    monkeypatch.undo()
    assert export(source, exporter("nifti"), tmp_path / "out", workers=1).resumed == 1


def test_what_cannot_begin_leaves_nothing(
    source: StoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(self: Any, case: Any, folder: Path) -> Any:
        (folder / "half.nii.gz").write_bytes(b"half")
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(NiftiExporter, "write_case", write)
    with pytest.raises(StoreAccessError, match="quota"):
        export(source, exporter("nifti"), tmp_path / "out", workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_writes_the_same_bytes_and_goes_on(
    source: StoreSource, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    whole = export(source, exporter("nnunet"), tmp_path / "whole", workers=1)
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tcp://127.0.0.1:")

        def die(done: int, total: int, name: str) -> None:
            raise SystemExit  # as a program that is ended while it waits

        with pytest.raises(SystemExit):
            export(
                source,
                exporter("nnunet"),
                tmp_path / "out",
                scheduler=address,
                progress=die,
            )
        assert not (tmp_path / "out").exists()
        done = export(source, exporter("nnunet"), tmp_path / "out", scheduler=address)
    assert done.resumed == 1
    assert tree(done.folder) == tree(whole.folder)


def test_what_is_read_again_differently_is_not_put_in_place(
    source: StoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = NiftiExporter.write_case

    def write(self: Any, case: Any, folder: Path) -> Any:
        from napari_annotate_jobs.formats.volumes._nifti_file import write_nifti

        done = real(self, case, folder)
        volume = np.stack([case.label_map(i) for i in range(case.n_slices)])
        volume[2, 0, 0] = 2
        write_nifti(folder / done.files[0], volume, case.header, "u2")
        return done

    monkeypatch.setattr(NiftiExporter, "write_case", write)
    with pytest.raises(CorruptError, match="not those written"):
        export(source, exporter("nifti"), tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


def test_truth_of_a_slice(source: StoreSource) -> None:
    case = source.open(next(iter(source.summaries())))
    asked = [
        (Method.SEGMENTATION, ""),
        (Method.DETECTION, ""),
        (Method.CLASSIFICATION, "quality"),
        (Method.CLASSIFICATION, ""),
    ]
    yes, no, open_, out = (
        Truth.POSITIVE,
        Truth.NEGATIVE,
        Truth.UNKNOWN,
        Truth.EXCLUDED,
    )
    found = {i: tuple(case.truth(i, *question) for question in asked) for i in range(6)}
    assert found == {
        0: (open_, open_, open_, open_),
        1: (no, no, open_, no),
        2: (yes, no, yes, no),
        3: (yes, yes, yes, no),
        4: (yes, no, open_, yes),
        5: (out, out, out, out),
    }


@pytest.mark.parametrize("name", sorted(EXPORT_FORMATS))
def test_every_row_of_the_table_loads(name: str) -> None:
    row = EXPORT_FORMATS[name]
    kind = row.load()
    assert kind.title == row.title
    assert kind.methods
    for field in kind.Options.model_fields.values():
        assert field.description


def test_unknown_format_and_option() -> None:
    with pytest.raises(InvalidValueError, match="Choose one of"):
        exporter("word")
    with pytest.raises(InvalidValueError, match="Its options are"):
        exporter("nifti", {"colour": "red"})


def test_uneven_gaps_are_refused_or_accepted(draw: Any, tmp_path: Path) -> None:
    job = draw(tmp_path / "job", samples=("mr-brain",))
    source = StoreSource(str(job.folder))
    with pytest.raises(InvalidValueError, match=r"up to 0\.09 mm off.*option uneven"):
        export(source, exporter("nifti"), tmp_path / "out", workers=1)
    uneven = exporter("nifti", {"uneven": "true"})
    done = export(source, uneven, tmp_path / "out", workers=1)
    assert (done.folder / "mr-brain.nii.gz").exists()

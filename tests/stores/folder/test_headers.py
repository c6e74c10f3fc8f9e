"""Headers of images are read once, and again when the images changed."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from napari_annotate_jobs import imaging
from napari_annotate_jobs.errors import NoImageError
from napari_annotate_jobs.imaging import _find
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.stores import create_job, open_store


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(sample_paths()["ct-lung-nodule"], tmp_path / "job" / "images")
    label = Label(id=1, name="A", color="#112233", method=Method.SEGMENTATION)
    project = Project(
        name="p", methods=(Method.SEGMENTATION,), label_set=LabelSet(labels=(label,))
    )
    case = Case(id="c", name="c", series=(SeriesRef(path="images"),), n_slices=9)
    create_job(tmp_path / "job", Job(id="j", project=project), [case]).close()
    return tmp_path / "job"


@pytest.fixture
def searches(monkeypatch):
    """Count how often headers are read."""
    calls = []
    original = _find.find_series

    def counted(path, **kwargs):
        calls.append(path)
        return original(path, **kwargs)

    for module in (_find, imaging):
        monkeypatch.setattr(module, "find_series", counted)
    return calls


def _open(folder):
    store = open_store(folder)
    try:
        return store.open_series("j", "c")
    finally:
        store.close()


def test_the_second_opening_reads_no_header(folder, searches):
    first = _open(folder)
    second = _open(folder)
    assert len(searches) == 1
    assert second.header == first.header
    assert (second.read() == first.read()).all()


def test_a_changed_file_is_read_again(folder, searches):
    _open(folder)
    changed = sorted((folder / "images").iterdir())[0]
    os.utime(changed, ns=(1, 1))
    _open(folder)
    assert len(searches) == 2


def test_a_missing_slice_is_noticed(folder, searches):
    before = _open(folder).header.shape[0]
    sorted((folder / "images").iterdir())[-1].unlink()
    assert _open(folder).header.shape[0] == before - 1


def test_a_damaged_note_is_made_anew(folder, searches):
    whole = _open(folder).header
    note = folder / "headers" / "c-0.json"
    note.write_text(note.read_text()[:100])
    assert _open(folder).header == whole
    assert _open(folder).header == whole
    assert len(searches) == 2


def test_a_moved_job_keeps_its_notes(folder, searches, tmp_path):
    _open(folder)
    moved = folder.rename(tmp_path / "moved")
    assert _open(moved).header.path == moved / "images"
    assert len(searches) == 1


def test_another_series_is_not_opened_from_the_note_of_this_one(folder, searches):
    _open(folder)
    document = folder / "job.json"
    found = json.loads(document.read_text())
    found["cases"][0]["series"][0]["series_uid"] = "1.2.3"
    document.write_text(json.dumps(found))
    with pytest.raises(NoImageError, match=r"no series '1\.2\.3'"):
        _open(folder)


def test_checking_opens_the_images_but_writes_no_note(folder, searches):
    with open_store(folder) as store:
        assert store.check() == []
        assert not (folder / "headers").exists()
        # As often as it is asked: nothing that was noted is trusted blindly.
        _open(folder)
        (folder / "images" / "0001.dcm").write_bytes(b"")
        (fault,) = store.check()
    assert fault.where == str(folder / "images")
    assert "case 'c'" in fault.what
    assert "8 slices, not 9" in fault.what
    assert "0001.dcm" in fault.what
    assert fault.remedy


@pytest.mark.parametrize(
    ("n", "named"),
    [
        (1, "(these cannot be opened: 0001.dcm)"),
        (3, "(these cannot be opened: 0001.dcm, 0002.dcm, 0003.dcm)"),
        (5, "(these cannot be opened: 0001.dcm, 0002.dcm, 0003.dcm, ...)"),
    ],
)
def test_checking_names_the_first_files_that_cannot_be_opened(folder, n, named):
    for number in range(1, n + 1):
        (folder / "images" / f"000{number}.dcm").write_bytes(b"")
    with open_store(folder) as store:
        (fault,) = store.check()
    assert named in fault.what


def test_one_search_serves_all_cases_of_a_folder(folder, searches):
    document = folder / "job.json"
    found = json.loads(document.read_text())
    found["cases"] = [{**found["cases"][0], "id": str(n), "name": "n"} for n in "abc"]
    document.write_text(json.dumps(found))
    told = []
    with open_store(folder) as store:
        store.check(progress=lambda *told_now: told.append(told_now))
    assert len(searches) == 1
    assert told == [("job", 1, 3), ("job", 2, 3), ("job", 3, 3)]


def test_checking_can_read_every_pixel(folder):
    for path in sorted((folder / "images").iterdir()):
        ds = dcmread(path)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(path)
    path.write_bytes(path.read_bytes()[:-20_000])
    with open_store(folder) as store:
        assert store.check() == []
        seen = []
        (fault,) = store.check(pixels=True, found=seen.append)
    assert seen == [fault]
    assert fault.where == str(path)
    assert "case 'c'" in fault.what
    assert fault.remedy


def test_a_folder_that_cannot_be_written_opens_all_the_same(folder, searches):
    (folder / "headers").write_text("in the way")
    assert _open(folder).header.shape[0] == 9

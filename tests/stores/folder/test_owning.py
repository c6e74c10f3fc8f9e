"""How a job folder is edited and deleted: nothing is lost on the way."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    DocumentVersionError,
    StoreAccessError,
    TransitionError,
)
from napari_annotate_jobs.files import locked
from napari_annotate_jobs.model import JobEdit, LabelChange
from napari_annotate_jobs.stores import FolderStore
from napari_annotate_jobs.stores.folder import _documents, _owning
from napari_annotate_jobs.stores.folder._catalogue import read_job

JOB = "job-1"


@pytest.fixture
def store(job_folder):
    with FolderStore(job_folder, "olga") as store:
        yield store


def document(folder):
    return json.loads((folder / "job.json").read_text("utf-8"))


def retired(*ids):
    return JobEdit(change_labels=tuple(LabelChange(id=i, retired=True) for i in ids))


# ------------------------------------------------------------------------- editing
def test_what_the_program_does_not_know_survives_an_edit(job_folder, store):
    path = job_folder / "job.json"
    found = document(job_folder)
    found["note"] = "mine"
    found["job"]["ward"] = 3
    found["job"]["project"]["label_set"]["labels"][0]["icd"] = "K70"
    found["cases"][1]["scanner"] = "A"
    path.write_text(json.dumps(found), "utf-8")
    store.edit_job(JOB, JobEdit(name="New", remove_cases=("case-0",)))
    after = document(job_folder)
    assert (after["note"], after["job"]["ward"]) == ("mine", 3)
    assert after["job"]["project"]["label_set"]["labels"][0]["icd"] == "K70"
    assert after["cases"][0]["scanner"] == "A"
    assert after["job"]["project"]["name"] == "New"


def test_only_what_earlier_programs_would_get_wrong_is_kept_from_them(
    job_folder, store, monkeypatch
):
    before = (job_folder / "job.json").read_bytes()
    store.edit_job(JOB, JobEdit(name="New", priority="high"))
    assert document(job_folder)["version"] == 1
    assert not (job_folder / "job.v1.json").exists()
    older = (job_folder / "job.json").read_bytes()
    assert older != before
    store.edit_job(JOB, retired(6))
    assert document(job_folder)["version"] == 2
    assert (job_folder / "job.v1.json").read_bytes() == older
    with FolderStore(job_folder, "ana") as other:
        assert other.job(JOB).project.label_set[6].retired
    monkeypatch.setitem(_documents._VERSIONS, "job", 1)
    with pytest.raises(DocumentVersionError, match="Update"):
        read_job(job_folder / "job.json")


def test_an_edit_that_cannot_be_written_changes_nothing(job_folder, store, monkeypatch):
    before = (job_folder / "job.json").read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreAccessError, match="No space"):
        store.edit_job(JOB, JobEdit(name="New"))
    assert (job_folder / "job.json").read_bytes() == before
    assert store.job(JOB).name == "Livers"


def test_who_edits_waits_for_another_who_does(job_folder):
    held = locked(job_folder / ".lock", 1.0)
    with held, FolderStore(job_folder, timeout=0.05) as store:
        with pytest.raises(StoreAccessError, match="still locked"):
            store.edit_job(JOB, JobEdit(name="New"))


@pytest.mark.slow
@pytest.mark.parametrize("what", ["label", "case"])
def test_what_is_begun_while_it_is_taken_away_comes_back(
    job_folder, store, kit, monkeypatch, what
):
    """An annotator who looked at the job before the edit saves during it."""
    ana = FolderStore(job_folder, "ana")
    before = document(job_folder)
    write = _owning.write_document

    def write_then_save(*args):
        ana.save(JOB, "case-0", *kit.painted(0), base=0)
        write(*args)

    monkeypatch.setattr(_owning, "write_document", write_then_save)
    edit = {"label": {"remove_labels": (6,)}, "case": {"remove_cases": ("case-0",)}}
    with pytest.raises(TransitionError, match="ana"):
        store.edit_job(JOB, JobEdit(**edit[what]))
    assert document(job_folder) == before
    assert ana.load(JOB, "case-0").annotation.slices
    ana.close()


def test_the_notes_and_headers_of_other_cases_stay(job_folder, store):
    store.note_case(JOB, "case-1", n_slices=7, warnings=["odd"], size=(16, 16))
    store.edit_job(JOB, JobEdit(remove_cases=("case-0",)))
    row = store.case(JOB, "case-1")
    assert (row.ordinal, row.case.n_slices, row.warnings) == (0, 7, ("odd",))
    assert row.case.size == (16, 16)


# ------------------------------------------------------------------------ deleting
def trash_of(folder):
    return sorted((folder.parent / _owning.TRASH).iterdir())


def test_images_stay_where_they_are_and_the_job_comes_back(job_folder, kit):
    with FolderStore(job_folder, "ana") as ana:
        ana.save(JOB, "case-0", *kit.painted(0), base=0)
        ana.save_combination(JOB, "mine", "a: b")
        draft = ana.load(JOB, "case-0")
    with FolderStore(job_folder, "olga") as store:
        told = store.delete_job(JOB)
    (there,) = trash_of(job_folder)
    assert str(there) in told
    assert [path.name for path in job_folder.iterdir()] == ["images"]
    assert len(list((job_folder / "images").rglob("*.png"))) == 5
    assert not (there / "images").exists()
    for path in there.iterdir():
        shutil.move(path, job_folder / path.name)
    with FolderStore(job_folder, "ana") as ana:
        assert ana.load(JOB, "case-0") == draft
        assert list(ana.combinations(JOB)) == ["mine"]


def test_a_folder_that_is_the_job_alone_moves_as_a_whole(job_folder, kit):
    shutil.move(job_folder / "images", job_folder.parent / "elsewhere")
    with FolderStore(job_folder.parent, "olga") as store:
        store.save(JOB, "case-0", *kit.painted(0), base=0)
        told = store.delete_job(JOB)
        assert store.jobs() == []
        assert not job_folder.exists()
        (there,) = trash_of(job_folder)
        assert str(there) in told
        there.rename(job_folder)
        assert store.load(JOB, "case-0").annotation.revision == 1


def test_what_cannot_be_moved_is_where_it_was(job_folder, kit, monkeypatch):
    before = sorted(path.name for path in job_folder.iterdir())
    rename = os.rename

    def fail(source, target):
        if os.path.basename(source) == "annotations":
            raise PermissionError(13, "Permission denied", str(source))
        rename(source, target)

    monkeypatch.setattr(_owning.os, "rename", fail)
    with FolderStore(job_folder, "olga") as store:
        store.save(JOB, "case-0", *kit.painted(0), base=0)
        before = sorted({*before, *(p.name for p in job_folder.iterdir())})
        with pytest.raises(StoreAccessError, match="cannot be moved"):
            store.delete_job(JOB)
        assert sorted(path.name for path in job_folder.iterdir()) == before
        assert store.load(JOB, "case-0").annotation.revision == 1
        assert trash_of(job_folder) == []


def test_whoever_has_a_deleted_job_open_loses_nothing_of_it(job_folder, kit):
    ana = FolderStore(job_folder, "ana")
    ana.save(JOB, "case-0", *kit.painted(0), base=0)
    with FolderStore(job_folder, "olga") as store:
        store.delete_job(JOB)
    with pytest.raises(AnnotateJobsError):
        ana.save(JOB, "case-0", *kit.painted(1), base=1)
    ana.close()
    assert [path.name for path in job_folder.iterdir()] == ["images"]
    (there,) = trash_of(job_folder)
    assert (there / "annotations" / "case-0" / "ana" / "annotation.json").exists()

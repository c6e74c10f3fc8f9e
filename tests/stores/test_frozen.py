"""Files that are written once, names that are on the disk, locks that are not there."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import pytest

from napari_annotate_jobs.errors import (
    CorruptError,
    ExistsError,
    JudgedError,
    LockedError,
    StoreAccessError,
    StoreError,
)
from napari_annotate_jobs.files import _durable as files
from napari_annotate_jobs.files import _locks as locks
from napari_annotate_jobs.model import Comment, Status
from napari_annotate_jobs.stores import FolderStore, create_job
from napari_annotate_jobs.stores.folder import _case_work as work_module
from napari_annotate_jobs.stores.folder import _submissions as submitted
from napari_annotate_jobs.stores.folder._job import JobFolder

JOB = "job-1"
CASE = "case-0"
REMARK = Comment(person="eve", text="again")


@pytest.fixture
def store(job_folder):
    with_store = FolderStore(job_folder, "ana", timeout=1)
    yield with_store
    with_store.close()


def work_of(job_folder, person="ana"):
    return job_folder / "annotations" / CASE / person


def folders_that_fail(monkeypatch, *, only=None):
    """Let syncing folders fail; return the list of those that did, to be emptied."""
    real = files._sync_folder
    failing = [True]

    def sync(path):
        if failing[0] and (only is None or path.name == only):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        real(path)

    monkeypatch.setattr(files, "_sync_folder", sync)
    return failing


# --------------------------------------------------------------- submit is one step
@pytest.mark.parametrize("what", ["sync", "collect", "tell"])
def test_nothing_that_fails_after_the_submission_is_there_is_told_as_failed(
    store, kit, job_folder, monkeypatch, what
):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    if what == "sync":
        folders_that_fail(monkeypatch, only="submissions")
        (work_of(job_folder) / "submissions").mkdir()
    elif what == "collect":
        monkeypatch.setattr(work_module.WorkFolder, "_collect", _broken)
    else:
        monkeypatch.setattr(JobFolder, "changed", _broken)
    assert store.submit(JOB, CASE, base=1).number == 1
    monkeypatch.undo()
    assert store.load(JOB, CASE).status is Status.FINISHED


def _broken(*_):
    raise RuntimeError("something unforeseen")


def test_a_damaged_older_submission_does_not_spoil_the_next_one(store, kit, job_folder):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    store.submit(JOB, CASE, base=1)
    reviewer = FolderStore(job_folder, "eve")
    reviewer.return_case(JOB, CASE, [REMARK], person="ana")
    store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
    first = work_of(job_folder) / "submissions" / "0001.json"
    first.write_bytes(first.read_bytes() + b"x")
    assert store.submit(JOB, CASE, base=2).number == 2
    assert store.load(JOB, CASE).status is Status.FINISHED
    reviewer.close()


def test_what_is_not_read_back_as_written_is_no_submission(
    store, kit, job_folder, monkeypatch
):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    real = files.read_if_there

    def damaged(path):
        data = real(path)
        return data[:-3] + b"\0\0\0" if path.name.startswith(files.TEMPORARY) else data

    monkeypatch.setattr(files, "read_if_there", damaged)
    with pytest.raises(CorruptError, match="not what is read back"):
        store.submit(JOB, CASE, base=1)
    monkeypatch.undo()
    assert os.listdir(work_of(job_folder) / "submissions") == []
    assert store.submit(JOB, CASE, base=1).number == 1


def test_a_journal_that_cannot_be_removed_stays_empty(
    store, kit, job_folder, monkeypatch
):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    unlink = Path.unlink

    def keep(path, missing_ok=False):
        if path.name == "changes.jsonl":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", keep)
    assert store.submit(JOB, CASE, base=1).number == 1
    assert (work_of(job_folder) / "changes.jsonl").read_bytes() == b""
    assert list(store.check()) == []


# ------------------------------------------------------------- frozen means frozen
def test_a_submission_written_in_between_is_not_overwritten(
    store, kit, job_folder, monkeypatch
):
    """Two writers, and locks that do not work."""
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    other = FolderStore(job_folder, "ana")
    real = work_module.WorkFolder._compact

    def compact(work):
        monkeypatch.setattr(work_module.WorkFolder, "_compact", real)
        monkeypatch.setattr(work_module, "locked", _no_lock)
        other.submit(JOB, CASE, base=1)
        real(work)

    monkeypatch.setattr(work_module.WorkFolder, "_compact", compact)
    monkeypatch.setattr(work_module, "locked", _no_lock)
    frozen = work_of(job_folder) / "submissions" / "0001.json"
    with pytest.raises(LockedError):
        store.submit(JOB, CASE, base=1)
    assert os.listdir(frozen.parent) == ["0001.json"]
    assert [s.number for s in other.submissions(JOB, CASE)] == [1]
    other.close()


@pytest.fixture
def _lockless(monkeypatch):
    monkeypatch.setattr(work_module, "locked", _no_lock)


class _no_lock:
    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.usefixtures("_lockless")
def test_a_return_written_in_between_is_not_overwritten(
    store, kit, job_folder, monkeypatch
):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    store.submit(JOB, CASE, base=1)
    eve, bob = FolderStore(job_folder, "eve"), FolderStore(job_folder, "bob")
    real = submitted.SubmissionFolder.write_verdict

    def first_bob(folder, answer):
        monkeypatch.setattr(submitted.SubmissionFolder, "write_verdict", real)
        bob.return_case(JOB, CASE, [Comment(person="bob", text="vessel")], person="ana")
        real(folder, answer)

    monkeypatch.setattr(submitted.SubmissionFolder, "write_verdict", first_bob)
    with pytest.raises(JudgedError, match="bob has returned it already"):
        eve.return_case(JOB, CASE, [REMARK], person="ana")
    assert store.load(JOB, CASE).returned.person == "bob"
    eve.close()
    bob.close()


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_name_that_is_taken_stays_with_what_it_names(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(files.os, "link", _refusing(errno.EPERM))
    path = tmp_path / "0001.json"
    files.place_new_durably(path, b"first")
    with pytest.raises(ExistsError):
        files.place_new_durably(path, b"second")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["0001.json"]


def test_an_answer_that_was_lost_on_the_way_is_no_other_writer(tmp_path, monkeypatch):
    link = os.link

    def lost(source, target):
        link(source, target)
        raise FileExistsError(errno.EEXIST, "File exists", target)

    monkeypatch.setattr(files.os, "link", lost)
    files.place_new_durably(tmp_path / "x", b"mine")
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_without_links_a_claim_holds_the_name_for_a_moment(
    store, kit, job_folder, monkeypatch
):
    monkeypatch.setattr(files.os, "link", _refusing(errno.EPERM))
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    taken = work_of(job_folder) / "submissions" / ".tmp-0001.json"
    taken.parent.mkdir()
    taken.touch()
    assert store.load(JOB, CASE).status is Status.REMAINING
    with pytest.raises(ExistsError):
        store.submit(JOB, CASE, base=1)
    os.utime(taken, (1, 1))  # whoever took it has died
    assert store.submit(JOB, CASE, base=1).number == 1
    assert os.listdir(taken.parent) == ["0001.json"]
    assert list(store.check()) == []


def test_without_links_who_comes_second_while_a_file_gets_its_name_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(files.os, "link", _refusing(errno.EPERM))
    path = tmp_path / "0001.json"
    replace = os.replace

    def meanwhile(source, target):
        monkeypatch.setattr(files.os, "replace", replace)
        with pytest.raises(ExistsError):
            files.place_new_durably(path, b"second")
        assert not path.exists()
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", meanwhile)
    files.place_new_durably(path, b"first")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["0001.json"]


def test_a_job_made_in_between_is_not_overwritten(tmp_path, kit, monkeypatch):
    from napari_annotate_jobs.stores.folder import _create

    monkeypatch.setattr(_create, "locked", _no_lock)
    create_job(tmp_path, kit.job(), kit.cases()).close()
    before = (tmp_path / "job.json").read_bytes()
    with pytest.raises(ExistsError, match="already"):
        create_job(tmp_path, kit.job("other"), kit.cases())
    assert (tmp_path / "job.json").read_bytes() == before


# --------------------------------------------------- names that are not on the disk
def test_a_first_save_whose_folder_cannot_be_synced_is_no_conflict_with_oneself(
    store, kit, job_folder, monkeypatch
):
    failing = folders_that_fail(monkeypatch, only="ana")
    with pytest.raises(StoreAccessError):
        store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    assert store.load(JOB, CASE).annotation.revision == 0
    failing.clear()
    failing.append(False)
    assert store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0) == 1


def test_a_line_that_could_not_even_be_cut_is_no_conflict_with_oneself(
    store, kit, monkeypatch
):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    monkeypatch.setattr(files, "_sync", _refusing(errno.EIO))
    monkeypatch.setattr(files.os, "ftruncate", _refusing(errno.EIO))
    with pytest.raises(StoreAccessError):
        store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
    monkeypatch.undo()
    change = kit.labelled(2, 1).then(kit.labelled(3, 1))
    assert store.save(JOB, CASE, change, {}, base=1) == 2
    assert set(store.load(JOB, CASE).annotation.slices) == {
        "index:1",
        "index:2",
        "index:3",
    }


@pytest.fixture
def unsure(store, kit, monkeypatch):
    """A second save that failed, and whose line could not be cut."""
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    with monkeypatch.context() as patch:
        patch.setattr(files, "_sync", _refusing(errno.EIO))
        patch.setattr(files.os, "ftruncate", _refusing(errno.EIO))
        with pytest.raises(StoreAccessError):
            store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
    return store


@pytest.mark.parametrize("how", ["load", "list", "submit", "close"])
def test_what_was_told_to_have_failed_is_taken_back_at_the_next_chance(
    unsure, job_folder, how
):
    if how == "load":
        assert unsure.load(JOB, CASE).annotation.revision == 1
    elif how == "list":
        (row,) = (r for r in unsure.cases(JOB).rows if r.case.id == CASE)
        assert row.decided == 1
    elif how == "submit":
        assert unsure.submit(JOB, CASE, base=1).annotation.revision == 1
    unsure.close()
    with FolderStore(job_folder, "ana") as other:
        assert other.load(JOB, CASE).annotation.revision == 1


def test_what_is_read_is_no_more_taken_back(unsure, job_folder, kit, monkeypatch):
    """Whoever was shown a line goes on from it."""
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "ftruncate", _refusing(errno.EIO))
        assert unsure.load(JOB, CASE).annotation.revision == 2
    assert unsure.save(JOB, CASE, kit.labelled(3, 1), {}, base=2) == 3
    assert len(unsure.load(JOB, CASE).annotation.slices) == 3


def test_another_program_can_do_again_what_was_told_to_have_failed(
    unsure, job_folder, kit
):
    journal = work_of(job_folder) / "changes.jsonl"
    before = journal.stat().st_ino
    with FolderStore(job_folder, "ana") as other:
        assert other.save(JOB, CASE, kit.labelled(2, 1), {}, base=1) == 2
        # What it found there may have been in the memory of the system only.
        assert journal.stat().st_ino != before
        assert other.load(JOB, CASE).annotation.revision == 2
        assert unsure.load(JOB, CASE).annotation.revision == 2


def test_a_line_is_written_once_its_name_is_on_the_disk(
    store, kit, job_folder, monkeypatch
):
    """So that what fails before is not to be taken back."""
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    journal = work_of(job_folder) / "changes.jsonl"
    before = journal.read_bytes()
    files._settled.clear()
    folders_that_fail(monkeypatch, only="ana")
    monkeypatch.setattr(files.os, "ftruncate", _refusing(errno.EIO))
    with pytest.raises(StoreAccessError):
        store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
    assert journal.read_bytes() == before


def test_a_line_of_somebody_else_is_never_cut(store, kit, job_folder, monkeypatch):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    monkeypatch.setattr(files, "_sync", _refusing(errno.EIO))
    monkeypatch.setattr(files.os, "ftruncate", _refusing(errno.EIO))
    with pytest.raises(StoreAccessError):
        store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
    monkeypatch.undo()
    other = FolderStore(job_folder, "ana")
    other.save(JOB, CASE, kit.labelled(4, 1), {}, base=2)
    with pytest.raises(Exception, match="changed elsewhere"):
        store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
    assert other.load(JOB, CASE).annotation.revision == 3
    other.close()


def _refusing(code):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.skipif(os.name == "nt", reason="folders are not synced there")
@pytest.mark.parametrize("masks", [False, True], ids=["journal", "masks"])
def test_the_first_write_of_a_process_syncs_names_that_were_there(
    store, kit, job_folder, monkeypatch, masks
):
    """An earlier process may have died before its names were on the disk."""
    change, blobs = kit.painted(0)
    store.save(JOB, CASE, change, blobs, base=0)
    synced = []
    real = files._sync_folder

    def record(path):
        synced.append(path.name)
        real(path)

    monkeypatch.setattr(files, "_sync_folder", record)
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=1)
    assert synced == []
    files._settled.clear()  # as in another process
    if masks:
        store.save(JOB, CASE, change, blobs, base=2)
        assert synced == ["job", "annotations", CASE, "ana", "masks"]
    else:
        store.save(JOB, CASE, kit.labelled(1, 2), {}, base=2)
        assert synced == ["job", "annotations", CASE, "ana"]


# ------------------------------------------------------------------ lost shares, locks
def test_a_lock_does_not_make_the_folder_of_a_lost_share(store, kit, job_folder):
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    away = job_folder.with_name("away")
    job_folder.rename(away)
    with pytest.raises(StoreError, match="share is connected"):
        store.save(JOB, CASE, kit.labelled(1, 1), {}, base=1)
    with pytest.raises(StoreAccessError, match="share is connected"):
        with locks.locked(job_folder / "x" / ".lock", 1):
            pytest.fail("locked nothing")
    store.close()
    assert not job_folder.exists()
    away.rename(job_folder)


@pytest.mark.skipif(os.name == "nt", reason="flock is a call of Unix")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_share_without_locks_is_said_to_stay_so(store, kit, monkeypatch, code):
    import fcntl

    store.counts(JOB)
    monkeypatch.setattr(fcntl, "flock", _refusing(code))
    with pytest.raises(StoreAccessError) as caught:
        store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)
    text = str(caught.value)
    assert "does not pass by itself" in text and "Move the job folder" in text
    assert "try again" not in text


@pytest.fixture
def _no_flock(monkeypatch):
    """A system that has no ``flock``: a lock file that is there means: locked."""
    import fcntl

    monkeypatch.setattr(fcntl, "flock", _refusing(errno.ENOSYS))


@pytest.mark.filterwarnings("ignore:flock not supported")
@pytest.mark.skipif(os.name == "nt", reason="flock is a call of Unix")
@pytest.mark.usefixtures("_no_flock")
def test_a_lock_file_that_flock_left_does_not_block_for_ever(store, kit, job_folder):
    work = work_of(job_folder)
    work.mkdir(parents=True)
    for lock in (work / ".lock", job_folder / ".lock"):
        lock.touch()
        os.utime(lock, (time.time() - 3600,) * 2)
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=0)


@pytest.mark.skipif(os.name == "nt", reason="flock is a call of Unix")
def test_an_empty_lock_file_is_left_alone_where_flock_works(tmp_path):
    lock = tmp_path / ".lock"
    lock.touch()
    os.utime(lock, (1, 1))
    before = lock.stat().st_ino
    with locks.locked(lock, 1), pytest.raises(StoreAccessError, match="still locked"):
        assert lock.stat().st_ino == before
        with locks.locked(lock, 0.05):
            pytest.fail("locked twice")


# -------------------------------------------------------------------------- leftovers
def test_leftovers_go_from_every_folder(store, kit, job_folder):
    change, blobs = kit.painted(0)
    store.save(JOB, CASE, change, blobs, base=0)
    store.submit(JOB, CASE, base=1)
    work = work_of(job_folder)
    folders = [job_folder, job_folder / "cases", job_folder / "headers"]
    folders += [work, work / "masks", work / "submissions"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        for name, age in (("old", 2 * files.LEFT), ("new", 60)):
            path = folder / f"{files.TEMPORARY}{name}"
            path.touch()
            os.utime(path, (time.time() - age,) * 2)
    store.close()
    again = FolderStore(job_folder, "ana")
    again.load(JOB, CASE)
    with FolderStore(job_folder, "eve") as eve:
        eve.return_case(JOB, CASE, [REMARK], person="ana")
    again.save(JOB, CASE, kit.labelled(1, 1), {}, base=1)
    again.close()
    for folder in folders:
        left = [p.name for p in folder.iterdir() if p.name.startswith(files.TEMPORARY)]
        assert left == [f"{files.TEMPORARY}new"], folder


def test_ages_are_measured_by_the_clock_of_the_folder(tmp_path, monkeypatch):
    """The clock of this computer may be days off that of the share."""
    fresh = tmp_path / f"{files.TEMPORARY}fresh"
    old = tmp_path / f"{files.TEMPORARY}old"
    fresh.touch()
    old.touch()
    os.utime(old, (time.time() - 2 * files.LEFT,) * 2)
    for offset in (-400, 400):
        monkeypatch.setattr(time, "time", lambda o=offset: 1.9e9 + o * 86400.0)
        files.remove_leftovers(tmp_path)
        assert fresh.exists()
    assert not old.exists()
    monkeypatch.setattr(files, "folder_time", lambda folder: None)
    shutil.copyfile(fresh, old)
    os.utime(old, (1, 1))
    files.remove_leftovers(tmp_path)
    assert old.exists()

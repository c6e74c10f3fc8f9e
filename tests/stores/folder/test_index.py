"""The index follows the documents, whatever happens to it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from platformdirs import user_cache_path

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.model import Comment, Counts, Status
from napari_annotate_jobs.stores import FolderStore, create_job
from napari_annotate_jobs.stores._moved_work import RecordName
from napari_annotate_jobs.stores.folder import _catalogue as catalogue
from napari_annotate_jobs.stores.folder import _index as index_module
from napari_annotate_jobs.stores.folder import _trigrams as trigrams_module

JOB = "job-1"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    monkeypatch.setattr(catalogue, "user_cache_path", lambda *a, **k: path)
    return path


@pytest.fixture
def begun(job_folder, kit):
    """Return a store on a job with a draft, a finished and a returned case."""
    store = FolderStore(job_folder, "ana")
    for case in ("case-1", "case-2", "case-3"):
        store.save(JOB, case, kit.labelled(0, 1), {}, base=0)
    store.submit(JOB, "case-2", base=1)
    store.submit(JOB, "case-3", base=1)
    eve = FolderStore(job_folder, "eve")
    eve.return_case(JOB, "case-3", [Comment(person="eve", text="no")], person="ana")
    store.note_case(JOB, "case-0", n_slices=9, warnings=["gap"])
    yield store
    store.close()
    eve.close()


def expect(store):
    assert store.counts(JOB) == Counts(remaining=3, finished=1, returned=1)
    rows = store.cases(JOB).rows
    assert [row.status for row in rows] == [
        Status.REMAINING,
        Status.REMAINING,
        Status.FINISHED,
        Status.RETURNED,
        Status.REMAINING,
    ]
    assert [row.draft for row in rows] == [False, True, False, False, False]
    assert [row.decided for row in rows] == [0, 1, 1, 1, 0]
    assert rows[3].returned_comment == "no"
    assert rows[0].case.n_slices == 9
    assert rows[0].warnings == ("gap",)


def index_files(cache):
    return sorted((cache / "index").glob("*.sqlite"))


def test_it_is_kept_in_the_cache_and_never_on_the_share(begun, job_folder, cache):
    expect(begun)
    assert len(index_files(cache)) == 1
    assert not list(job_folder.rglob("*.sqlite*"))


def test_the_real_cache_is_the_users():
    assert "annotate-jobs" in str(user_cache_path("napari-annotate-jobs"))


@pytest.mark.parametrize("how", ["missing", "garbage", "truncated", "foreign"])
def test_it_is_made_again(begun, job_folder, cache, how):
    expect(begun)
    begun.close()
    (path,) = index_files(cache)
    for extra in cache.rglob("*-wal"):
        extra.unlink()
    if how == "missing":
        shutil.rmtree(cache)
    elif how == "garbage":
        path.write_bytes(b"this is no database at all" * 400)
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[: 3 * 4096])
    else:
        path.unlink()
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE cases (x)")
        db.execute("PRAGMA user_version = 77")
        db.close()
    again = FolderStore(job_folder, "ana")
    expect(again)
    again.close()


def test_it_is_made_again_under_way(begun, job_folder, cache):
    """As when a disk fails, or someone tidies the cache while the job is open."""
    expect(begun)
    (path,) = index_files(cache)
    db = sqlite3.connect(path)
    db.execute("DROP TABLE blocks")
    db.commit()
    db.close()
    expect(begun)


def test_without_a_cache_it_is_kept_in_memory(begun, job_folder, tmp_path, monkeypatch):
    file = tmp_path / "a file"
    file.touch()
    monkeypatch.setattr(catalogue, "user_cache_path", lambda *a, **k: file)
    expect(FolderStore(job_folder, "ana"))


@pytest.mark.parametrize("how", ["missing", "cut", "replaced", "torn"])
def test_a_log_that_was_lost_is_not_missed(begun, job_folder, kit, how):
    expect(begun)
    begun.close()
    log = job_folder / "events.jsonl"
    data = log.read_bytes()
    if how == "missing":
        log.unlink()
    elif how == "cut":
        log.write_bytes(data[:100])
    elif how == "replaced":
        log.write_text('{"format": "x", "log": "other"}\n')
    else:
        log.write_bytes(data + b'{"case": "case-0", "per')
    again = FolderStore(job_folder, "ana")
    expect(again)
    other = FolderStore(job_folder, "ana")
    expect(other)
    other.save(JOB, "case-4", kit.labelled(0, 1), {}, base=0)
    assert again.case(JOB, "case-4").draft
    for store in (again, other):
        store.close()


def test_other_processes_are_heard_of(begun, job_folder, cache, monkeypatch, kit):
    expect(begun)
    # As on another machine, with a cache of its own.
    monkeypatch.setattr(catalogue, "user_cache_path", lambda *a, **k: cache / "another")
    other = FolderStore(job_folder, "ana")
    expect(other)
    revision = other.save(JOB, "case-4", kit.labelled(0, 1), {}, base=0)
    assert begun.case(JOB, "case-4").draft
    other.submit(JOB, "case-4", base=revision)
    assert begun.case(JOB, "case-4").status is Status.FINISHED
    assert begun.counts(JOB).finished == 2
    other.note_case(JOB, "case-2", n_slices=4)
    assert begun.case(JOB, "case-2").case.n_slices == 4
    other.close()


def test_work_that_is_brought_from_elsewhere_is_counted(begun, tmp_path, kit):
    other = create_job(tmp_path / "other", kit.job(), kit.cases(), person="ana")
    assert other.counts(JOB).finished == 0
    name = RecordName(case="case-2", person="ana")
    other.bring(JOB, name, begun.record(JOB, name), {})
    assert other.case(JOB, "case-2").status is Status.FINISHED
    assert other.counts(JOB).finished == 1
    other.close()


def test_opening_a_case_puts_the_index_right(begun, job_folder):
    """What no log told of: the documents were changed behind its back."""
    expect(begun)
    (job_folder / "annotations/case-3/ana/submissions/0001.verdict-1.json").unlink()
    assert begun.case(JOB, "case-3").status is Status.RETURNED
    begun.load(JOB, "case-3")
    assert begun.case(JOB, "case-3").status is Status.FINISHED
    assert begun.counts(JOB) == Counts(remaining=3, finished=2)


def test_checking_makes_it_anew(begun, job_folder):
    expect(begun)
    shutil.rmtree(job_folder / "annotations" / "case-2")
    begun.check()
    assert begun.counts(JOB) == Counts(remaining=4, returned=1)


def test_checking_leaves_the_file_to_those_who_have_it_open(begun, job_folder, cache):
    expect(begun)
    (path,) = index_files(cache)
    before = path.stat().st_ino
    other = FolderStore(job_folder, "ana")
    eve = FolderStore(job_folder, "eve")
    assert eve.counts(JOB).total == 5
    shutil.rmtree(job_folder / "annotations" / "case-2")
    other.check()
    for store in (begun, other):
        assert store.counts(JOB) == Counts(remaining=4, returned=1)
        assert len(store.cases(JOB).rows) == 5
    assert eve.counts(JOB) == Counts(remaining=5)
    assert index_files(cache) == [path]
    assert path.stat().st_ino == before


def empty(path):
    """Do what another program may do at any moment: begin to make it anew."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    for table in (
        "progress",
        "blocks",
        "people",
        "reviews",
        "review_counts",
        "names",
        "cases",
        "meta",
    ):
        db.execute(f"DELETE FROM {table}")
    db.execute("COMMIT")
    db.close()


def test_it_is_asked_as_it_was_found_up_to_date(begun, cache, monkeypatch):
    expect(begun)
    (path,) = index_files(cache)
    known = catalogue.Catalogue._known
    met = []

    def meet(self, index):
        me = known(self, index)
        if me is not None:
            empty(path)
            met.append(me)
        return me

    monkeypatch.setattr(catalogue.Catalogue, "_known", meet)
    for _ in range(3):
        expect(begun)
    assert met


@pytest.mark.slow
def test_many_who_look_and_check_at_once_see_one_job(begun, job_folder):
    wrong = []

    def look():
        for n in range(30):
            store = FolderStore(job_folder, ("ana", "bob")[n % 2])
            page = store.cases(JOB)
            seen = store.counts(JOB).total, len(page.rows), page.total
            if seen != (5, 5, 5) or store.case(JOB, "case-4").case.id != "case-4":
                wrong.append(seen)
            store.close()

    def check():
        for _ in range(10):
            store = FolderStore(job_folder, "ana")
            store.check()
            store.close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(f) for f in (look, check, look, check)]:
            done.result()
    assert wrong == []


def test_a_damaged_file_is_left_and_another_one_is_used(begun, job_folder, cache):
    expect(begun)
    (path,) = index_files(cache)
    begun.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    data = path.read_bytes()
    path.write_bytes(data[:4096] + bytes(b ^ 0x5A for b in data[4096:]))
    damaged = path.read_bytes()
    for _ in range(2):
        again = FolderStore(job_folder, "ana")
        expect(again)
        again.close()
        assert len(index_files(cache)) == 2
    assert path.read_bytes() == damaged
    # After a month nobody has it open any more.
    os.utime(path.with_suffix(".damaged"), (0, 0))
    expect(FolderStore(job_folder, "ana"))
    assert path.read_bytes()[:16] == b"SQLite format 3\0"
    assert not path.with_suffix(".damaged").exists()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
def test_a_full_disk_is_no_reason_to_abandon_it(begun, cache, monkeypatch, code):
    expect(begun)

    known = catalogue.Catalogue._known

    def fail(self, index):
        if not self._in_memory:
            error = sqlite3.OperationalError("no room")
            error.sqlite_errorcode = code
            raise error
        return known(self, index)

    monkeypatch.setattr(catalogue.Catalogue, "_known", fail)
    expect(begun)
    assert not list(cache.rglob("*.damaged"))


def test_it_follows_the_job_document(begun, job_folder):
    expect(begun)
    document = job_folder / "job.json"
    found = json.loads(document.read_text())
    found["cases"].reverse()
    found["cases"].append({"id": "new", "name": "New", "series": [{"path": "."}]})
    document.write_text(json.dumps(found))
    assert begun.counts(JOB) == Counts(remaining=4, finished=1, returned=1)
    assert [row.case.id for row in begun.cases(JOB).rows] == [
        *(f"case-{i}" for i in (4, 3, 2, 1, 0)),
        "new",
    ]
    assert begun.case(JOB, "case-3").status is Status.RETURNED
    assert begun.case(JOB, "case-0").case.n_slices == 9
    found["cases"].append(found["cases"][0])
    document.write_text(json.dumps(found))
    with pytest.raises(CorruptError, match="own id"):
        begun.counts(JOB)


def test_a_damaged_annotation_does_not_hide_the_job(begun, job_folder, cache):
    begun.close()
    (job_folder / "annotations/case-1/ana/annotation.json").write_text("{")
    shutil.rmtree(cache)
    again = FolderStore(job_folder, "ana")
    assert again.counts(JOB).total == 5
    with pytest.raises(CorruptError):
        again.load(JOB, "case-1")


@pytest.mark.parametrize("trigrams", [True, False])
def test_pages_of_a_long_job(tmp_path, kit, monkeypatch, trigrams):
    """Blocks, trigrams and offsets agree with counting by hand."""
    if not trigrams:
        monkeypatch.setattr(trigrams_module, "_there", lambda db: False)
    n = 700
    monkeypatch.setattr(index_module, "_BLOCK", 128)
    cases = [c.model_copy(update={"name": f"Case {c.id[5:]}"}) for c in kit.cases(n)]
    store = create_job(tmp_path / "long", kit.job(), cases, person="ana")
    store.counts(JOB)
    index = store._folder(JOB).catalogue._index
    query, _ = trigrams_module.search(index._db, "case 612")
    assert ("FROM trigrams" in query) == trigrams
    finished = list(range(3, n, 37))
    for place in finished:
        store.save(JOB, f"case-{place}", kit.labelled(0, 1), {}, base=0)
        store.submit(JOB, f"case-{place}", base=1)
    remaining = [i for i in range(n) if i not in set(finished)]
    for status, places in (
        (None, list(range(n))),
        (Status.FINISHED, finished),
        (Status.REMAINING, remaining),
    ):
        assert store.counts(JOB).of(status) == len(places)
        for offset in (0, 1, 127, 128, 129, 500, len(places) - 1, len(places)):
            page = store.cases(JOB, status=status, offset=offset, limit=7)
            assert [row.ordinal for row in page.rows] == places[offset : offset + 7]
            assert page.total == len(places)
        for text in ("99", "case 1", "case 100", "e 612", "699", "7"):
            found = [i for i in places if text in f"case {i}"]
            page = store.cases(JOB, status=status, text=text, offset=2, limit=7)
            assert [row.ordinal for row in page.rows] == found[2:9]
            assert page.total == len(found)
    row = store.neighbour(JOB, "case-400", statuses=[Status.FINISHED])
    assert row.ordinal == min(i for i in finished if i > 400)
    row = store.neighbour(JOB, "case-400", statuses=[Status.FINISHED], step=-1)
    assert row.ordinal == max(i for i in finished if i < 400)
    store.close()


@pytest.mark.slow
def test_a_thread_that_writes_when_the_process_ends_crashes_nothing():
    code = """
import threading
from napari_annotate_jobs.stores.folder._index import Index

index, began = Index(None), threading.Event()

def write():
    while True:
        with index.writing():
            index.put("name", list(range(100)))
        began.set()

threading.Thread(target=write, daemon=True).start()
began.wait()
"""
    for _ in range(3):  # it crashed seven times of eight
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0

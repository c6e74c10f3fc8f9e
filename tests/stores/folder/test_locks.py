"""Locks, guards and transactions: held whenever something they protect is touched.

What goes wrong without a lock goes wrong once in a thousand runs. So these tests do not
wait for luck: what a lock protects is replaced by something that asks for it.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from lock_kit import is_held, protect
from napari_annotate_jobs.app._places import (
    forget_location,
    recent_locations,
    remember_location,
)
from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.files._locks import locked
from napari_annotate_jobs.model import (
    AnnotationChange,
    CaseOrder,
    Comment,
    Flag,
    JobEdit,
    ReviewStatus,
    Status,
    Verb,
)
from napari_annotate_jobs.stores import FolderStore, JobStore, MemoryStore, create_job
from napari_annotate_jobs.stores._case_query import Asked
from napari_annotate_jobs.stores._progress import Progress
from napari_annotate_jobs.stores.folder import _case_work as work_module
from napari_annotate_jobs.stores.folder import _catalogue as catalogue
from napari_annotate_jobs.stores.folder import _draft as draft_module
from napari_annotate_jobs.stores.folder import _index as index_module
from napari_annotate_jobs.stores.folder._index import Index
from napari_annotate_jobs.stores.folder._index_file import MustWrite

JOB = "job-1"
REMARK = Comment(person="eve", text="again")
LOOK = Comment(person="eve", text="look")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "user_cache_path", lambda *a, **k: tmp_path / "x")


# ------------------------------------------------------------ between processes
@pytest.fixture
def writes(monkeypatch):
    """Note each file that is written, and whether its lock was held meanwhile."""
    found = []
    busy = threading.local()

    def look(path):
        if getattr(busy, "looking", False) or not isinstance(path, str | os.PathLike):
            return
        path = os.path.abspath(path)
        folder, name = os.path.split(path)
        if ".lock" in name:
            return
        while not os.path.exists(os.path.join(folder, ".lock")):
            if folder == os.path.dirname(folder):
                return
            folder = os.path.dirname(folder)
        busy.looking = True
        try:
            with locked(Path(folder, ".lock"), 0):
                held = False
        except StoreAccessError:
            held = True
        finally:
            busy.looking = False
        found.append((path, folder, held))

    def wrap(name, places):
        real = getattr(os, name)

        def call(*args, **kwargs):
            if name != "open" or args[1] & (os.O_WRONLY | os.O_RDWR):
                for place in places:
                    look(args[place])
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    for name, places in {
        "open": [0],
        "replace": [1],
        "rename": [1],
        "link": [1],
        "unlink": [0],
        "utime": [0],
    }.items():
        wrap(name, places)
    return found


def test_each_write_of_work_holds_the_lock_of_its_folder(job_folder, kit, writes):
    """Whatever is done, and the log that tells of it."""
    store, eve = (FolderStore(job_folder, person) for person in ("ana", "eve"))
    work = job_folder / "annotations" / "case-0" / "ana"
    # Before the first save there is no lock file to try.
    store.save(JOB, "case-0", *kit.painted(0), base=0)
    acts = {
        "save": lambda: store.save(JOB, "case-0", *kit.painted(0, seed=1), base=1),
        "compact": lambda: store._folder(JOB).work("case-0").compact(),
        "another save": lambda: store.save(JOB, "case-0", *kit.painted(2), base=2),
        "submit": lambda: store.submit(JOB, "case-0", base=3),
        "return": lambda: eve.return_case(JOB, "case-0", [REMARK], person="ana"),
        "submit again": lambda: store.submit(JOB, "case-0", base=3),
        "comment": lambda: eve.discuss(JOB, "case-0", person="ana", comment=LOOK),
        "read": lambda: store.mark_read(JOB, "case-0"),
        "pass": lambda: eve.judge(JOB, "case-0", Verb.PASS, person="ana"),
    }
    for name, act in acts.items():
        writes.clear()
        act()
        assert {held for _, folder, held in writes if folder == str(work)} == {True}, (
            name
        )
    store.close()
    eve.close()


def test_what_another_store_kept_is_written_under_the_lock_of_its_folder(
    job_folder, tmp_path, kit, writes
):
    store = FolderStore(job_folder, "ana")
    change, masks = kit.painted(0)
    store.save(JOB, "case-0", change, masks, base=0)
    store.submit(JOB, "case-0", base=1)
    record = store._folder(JOB).work("case-0").record()
    store.close()
    other = create_job(tmp_path / "other", kit.job(), kit.cases(), person="ana")
    work = other._folder(JOB).work("case-0")
    writes.clear()
    work.bring(record, masks, written=lambda: None)
    below = [w for w in writes if w[0].startswith(f"{work.path}{os.sep}")]
    assert len(below) > 2
    assert {(folder, held) for _, folder, held in below} == {(str(work.path), True)}
    assert work.record().submissions == record.submissions
    other.close()


def test_mending_holds_the_lock_of_the_folder(job_folder, kit, writes):
    store = FolderStore(job_folder, "ana")
    store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    work = job_folder / "annotations" / "case-0" / "ana"
    (work / "changes.jsonl").write_bytes(b"damaged\n" * 2)
    with closing(FolderStore(job_folder, "ana")) as again:
        writes.clear()
        assert len(again.mend()) == 1
    written = {os.path.basename(p): h for p, folder, h in writes if folder == str(work)}
    assert written["annotation.json"]
    assert len(written) > 1
    assert set(written.values()) == {True}


def test_the_log_and_the_job_are_written_under_the_lock_of_the_job(
    tmp_path, kit, writes
):
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / ".lock").touch()
    create_job(tmp_path / "job", kit.job(), kit.cases()).close()
    store = FolderStore(tmp_path / "job", "ana")
    store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    store.close()
    top = str(tmp_path / "job")
    by_name = {
        os.path.basename(path): held for path, folder, held in writes if folder == top
    }
    assert by_name["job.json"]
    assert by_name["events.jsonl"]


def test_the_list_of_jobs_waits_for_its_lock(tmp_path, monkeypatch):
    """Two programs that remember a job at once: none is forgotten."""
    from napari_annotate_jobs.app import _places as recent

    monkeypatch.setattr(recent, "user_config_path", lambda *a, **k: tmp_path)
    remember_location("/first")
    real = recent.write_durably
    lock = tmp_path / "recent.lock"

    def write(path, data):
        with pytest.raises(StoreAccessError), locked(lock, 0):
            pass
        real(path, data)

    monkeypatch.setattr(recent, "write_durably", write)
    remember_location("/second")
    assert recent_locations() == ("/second", "/first")
    forget_location("/second")
    assert recent_locations() == ("/first",)


# -------------------------------------------------------------- between threads
def test_the_work_on_a_case_is_one_threads_at_a_time(job_folder, kit, monkeypatch):
    """Whatever the lock file does: a share may have locks that threads share."""
    store = FolderStore(job_folder, "ana")
    work = store._folder(JOB).work("case-0")
    held = []
    for module, name in (
        (work_module, "append_durably"),
        (draft_module, "append_durably"),
        (draft_module, "write_document"),
    ):
        real = getattr(module, name)

        def call(*args, real=real, **kwargs):
            held.append(is_held(work._guard))
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, call)
    store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    work.compact()
    assert len(held) > 2
    assert all(held)
    asked = protect(
        monkeypatch, work_module.WorkFolder, ["_unsure"], lambda w: w._guard
    )
    work.__dict__["_unsure itself"] = work.__dict__.pop("_unsure")
    assert work.annotation().revision == 1
    assert asked["_unsure"] > 0
    store.close()


def everything(world, kit):
    """Do everything that a store can do."""
    store, eve = world("ana"), world("eve")
    store.jobs(), store.counts(JOB), store.cases(JOB), list(store.every_case(JOB))
    store.case(JOB, "case-1")
    store.neighbour(JOB, "case-1")
    change, blobs = kit.painted(0)
    store.save(JOB, "case-0", change, blobs, base=0)
    assert store.read_blob(JOB, "case-0", next(iter(blobs)))
    store.submit(JOB, "case-0", base=1)
    assert len(store.submissions(JOB, "case-0")) == 1
    eve.return_case(JOB, "case-0", [REMARK], person="ana")
    assert store.load(JOB, "case-0").status is Status.RETURNED
    assert store.people(JOB, "case-0") == ["ana"]
    store.note_case(JOB, "case-1", n_slices=3)
    store.save_combination(JOB, "both", "classes: []")
    assert store.combinations(JOB)
    review(store, eve)
    own(store)
    store.check()
    store.close()
    eve.close()


def own(store):
    """Do everything that an owner does."""
    assert store.may_edit(JOB)
    assert store.edit_job(JOB, JobEdit(name="Other")).name == "Other"
    assert store.used_labels(JOB)
    assert store.contents(JOB).cases
    store.delete_job(JOB)


def review(store, eve):
    """Do everything that is done to what was submitted; it was returned before."""
    store.submit(JOB, "case-0", base=1)
    assert eve.review_counts(JOB).waiting == 1
    assert eve.review_progress(JOB)
    assert len(eve.reviews(JOB).rows) == 1
    assert eve.next_review(JOB) == eve.review(JOB, "case-0", person="ana")
    eve.discuss(JOB, "case-0", person="ana", comment=LOOK)
    assert len(store.threads(JOB, "case-0")) == 2
    store.mark_read(JOB, "case-0")
    (flag,) = store.flag(JOB, "case-0", "a second look")
    assert eve.case(JOB, "case-0").flags == (flag,)
    eve.judge(JOB, "case-0", Verb.PASS, person="ana")
    assert len(eve.verdicts(JOB, "case-0", person="ana")) == 2


def test_everything_is_everything():
    """Each call of a store that is added is to be tried under its locks as well."""
    done = (everything, review, own)
    named = {name for each in done for name in each.__code__.co_names}
    plain = {"images", "checker", "faults", "is_remote"}
    open_to_all = plain | {"job", "reopen", "close"}
    asked_within = {"find_cases", "find_reviews"}  # by cases and reviews
    public = {name for name in vars(JobStore) if not name.startswith("_")}
    assert public - named - open_to_all - asked_within == set()


def test_what_a_folder_store_keeps_is_guarded(job_folder, kit, monkeypatch):
    from napari_annotate_jobs.stores.folder import _job as _job_folder
    from napari_annotate_jobs.stores.folder import _store as _folder

    def guard(owner):
        return owner._guard

    store, folder = _folder.FolderStore, _job_folder.JobFolder
    index = catalogue.Catalogue
    asked = [
        protect(monkeypatch, store, ["_folders", "_by_id"], guard),
        protect(monkeypatch, folder, ["_work", "_touched", "_told", "_sizes"], guard),
        protect(monkeypatch, index, ["_index", "_seen", "_job"], guard),
        protect(monkeypatch, index, ["_stale"], lambda index: index._marks),
    ]
    everything(lambda person: FolderStore(job_folder, person), kit)
    assert all(min(counts.values()) > 0 for counts in asked)


def test_what_a_failed_look_at_the_documents_would_have_found_is_looked_for_again(
    job_folder, kit, monkeypatch
):
    store = FolderStore(job_folder, "ana")
    store.counts(JOB)
    marks = protect(
        monkeypatch, catalogue.Catalogue, ["_stale"], lambda found: found._marks
    )
    found = store._folder(JOB).catalogue
    found.__dict__["_stale itself"] = found.__dict__.pop("_stale")
    store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)

    def fail(*args):
        raise StoreAccessError("the share is gone", where=job_folder)

    with monkeypatch.context() as patch:
        patch.setattr(catalogue.Catalogue, "_read_events", fail)
        with pytest.raises(StoreAccessError):
            store.counts(JOB)
    assert store.case(JOB, "case-0").draft
    assert marks["_stale"] > 3
    store.close()


def test_what_a_memory_store_keeps_is_guarded(tmp_path, kit, monkeypatch):
    from napari_annotate_jobs.stores import _memory

    first = MemoryStore([(kit.job(), kit.cases())], base=tmp_path)
    name = first.location.partition(":")[2]
    asked = protect(
        monkeypatch, _memory.Memory, ["shelves"], lambda memory: memory.lock
    )
    memory = first._memory
    memory.__dict__["shelves itself"] = memory.__dict__.pop("shelves")
    # The job itself never changes: it is read without.
    monkeypatch.setattr(_memory.ImageCheck, "faults", lambda *args: ())
    everything(lambda person: MemoryStore(person=person, name=name), kit)
    MemoryStore([(kit.job("job-2"), kit.cases())], name=name)
    assert asked["shelves"] > 15


# --------------------------------------------------------------------- the index
class Asking:
    """A connection that asks for the guard, and for a transaction where one writes."""

    def __init__(self, db, guard):
        self._db, self._guard = db, guard
        self.asked = 0

    def __getattr__(self, name):
        assert is_held(self._guard), f"{name} without the guard"
        self.asked += 1
        return getattr(self._db, name)


@pytest.fixture
def index(tmp_path):
    found = Index(tmp_path / "index.sqlite")
    found.fill((f"c{i}", f"Case {i}", "{}", None) for i in range(5))
    found.add_person("ana")
    found.set_flag(2, "ana", Flag(person="ana", reason="blurred"))
    yield found
    found.close()


def ask_twice(index):
    with index.reading():
        assert index._db.in_transaction, "two answers of two states"
        assert index.n_cases() == len(index.places())


def test_the_connection_of_the_index_is_one_threads_at_a_time(index):
    index._db = asking = Asking(index._db, index._guard)
    me = index.person("ana")
    acts = [
        lambda: index.put("name", 1),
        lambda: index.get("name"),
        lambda: index.set_note(1, 3, ["gap"]),
        lambda: index.set_progress(me, 1, Progress(Status.FINISHED)),
        lambda: index.place("c1"),
        lambda: index.places(),
        lambda: index.n_cases(),
        lambda: index.counts(me),
        lambda: index.rows(me, [0, 1]),
        lambda: index.page(me, Asked(text="case 1"), 0, 5),
        lambda: index.page(me, Asked(Status.FINISHED, "case"), 0, 5),
        lambda: index.page(me, Asked(Status.FINISHED), 0, 5),
        lambda: index.page(me, Asked(order=CaseOrder.FLAG), 0, 5),
        lambda: index.set_flag(1, "ana", Flag(person="ana", reason="motion")),
        lambda: index.flags([1], None),
        index.forget_flags,
        lambda: index.nearest(me, 0, 1, [Status.FINISHED]),
        lambda: index.add_person("eve"),
        index.forget_people,
        lambda: index.fill([("d", "D", "{}", None)]),
        lambda: ask_twice(index),
        index.create_again,
        index.close,
    ]
    for act in acts:
        before = asking.asked
        act()
        assert asking.asked > before


WRITES = {
    "put": lambda index: index.put("name", "other"),
    "note": lambda index: index.set_note(1, 3, ["gap"]),
    "fill": lambda index: index.fill([("d0", "D", "{}", None), ("d1", "E", "{}", 3)]),
    "add a person": lambda index: index.add_person("eve"),
    "flag": lambda index: index.set_flag(1, "ana", Flag(person="ana", reason="x")),
    "forget flags": lambda index: index.forget_flags(),
    "forget": lambda index: index.forget_people(),
    "progress": lambda index: index.set_progress(
        index.person("ana"), 1, Progress(Status.FINISHED, decided=4)
    ),
    "review": lambda index: index.set_review(
        1, "ana", Progress(Status.FINISHED, number=1), ReviewStatus.WAITING
    ),
}


@pytest.mark.parametrize("name", WRITES)
def test_who_only_reads_the_index_does_not_write_it(index, tmp_path, name):
    """It would be taken back at the end, and nobody know."""
    before = contents(tmp_path / "index.sqlite")
    with index.reading(), pytest.raises(MustWrite):
        WRITES[name](index)
    assert contents(tmp_path / "index.sqlite") == before


def contents(path):
    with closing(sqlite3.connect(path, timeout=0)) as db:
        tables = ("cases", "names", "people", "progress", "blocks", "meta")
        tables += ("flags", "reviews", "review_counts")
        return {t: sorted(db.execute(f"SELECT * FROM {t}")) for t in tables}


@pytest.mark.parametrize("name", WRITES)
def test_others_see_a_change_of_the_index_as_a_whole_or_not_at_all(
    index, tmp_path, name
):
    """It fails after each of its statements in turn: nothing of it is there then."""
    path = tmp_path / "index.sqlite"
    before = contents(path)

    class Failing:
        def __init__(self, db, left):
            self._db, self._left = db, left

        def __getattr__(self, attribute):
            real = getattr(self._db, attribute)
            if attribute not in ("execute", "executemany"):
                return real

            def call(statement, *args):
                if not statement.startswith(("SELECT", "BEGIN", "PRAGMA", "COMMIT")):
                    self._left -= 1
                    if self._left < 0:
                        raise sqlite3.OperationalError("disk I/O error")
                result = real(statement, *args)
                if statement.startswith(("INSERT", "UPDATE", "DELETE")):
                    assert contents(path) == before, "others see half of it"
                return result

            return call

    real = index._db
    for n in itertools.count():
        index._db = Failing(real, n)
        try:
            WRITES[name](index)
        except sqlite3.OperationalError:
            index._db = real
            assert not real.in_transaction
            assert contents(path) == before
        else:
            break
        finally:
            index._db = real
    assert n >= 1
    assert contents(path) != before
    assert not real.in_transaction


def test_the_tables_of_the_index_are_made_as_one(tmp_path, monkeypatch):
    path = tmp_path / "index.sqlite"
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        made = 0

        def execute(self, statement, *args):
            if statement.strip().startswith(("CREATE", "DROP")):
                assert self.in_transaction
                Connection.made += 1
            return super().execute(statement, *args)

    monkeypatch.setattr(
        index_module.sqlite3,
        "connect",
        lambda *args, **kwargs: connect(*args, **kwargs, factory=Connection),
    )
    index = Index(path)
    assert Connection.made > 5
    monkeypatch.undo()
    assert not index._db.in_transaction
    assert contents(path)["cases"] == []
    index.close()


def test_a_first_look_at_the_work_counts_as_a_whole_or_not_at_all(
    job_folder, kit, monkeypatch
):
    """Else the person would be known, and the work that was not reached not begun."""
    other = FolderStore(job_folder, "ana")
    for case in ("case-1", "case-2"):
        other.save(JOB, case, kit.labelled(0, 1), {}, base=0)
    other.close()
    monkeypatch.setattr(
        catalogue, "user_cache_path", lambda *a, **k: job_folder.parent / "fresh"
    )
    real = Index.set_progress
    calls = []

    def fail_later(self, *args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise StoreAccessError("the share is gone", where=job_folder)
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Index, "set_progress", fail_later)
        store = FolderStore(job_folder, "ana")
        with pytest.raises(StoreAccessError):
            store.cases(JOB)
    assert [row.draft for row in store.cases(JOB).rows] == [
        False,
        True,
        True,
        False,
        False,
    ]
    store.close()


def test_a_submission_that_is_not_read_back_whole_does_not_count(
    job_folder, kit, monkeypatch
):
    """As when a share loses bytes: the case stays with its annotator, as it was."""
    from napari_annotate_jobs.errors import CorruptError
    from napari_annotate_jobs.stores.folder import _submissions as _submitted

    store = FolderStore(job_folder, "ana")
    store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    real = _submitted.document_json
    monkeypatch.setattr(
        _submitted,
        "document_json",
        lambda found: {**real(found), "author": "someone else"},
    )
    with pytest.raises(CorruptError, match="not what is read back"):
        store.submit(JOB, "case-0", base=1)
    monkeypatch.undo()
    for _ in range(2):
        draft = store.load(JOB, "case-0")
        assert (draft.status, draft.submissions) == (Status.REMAINING, 0)
        store.close()
        store = FolderStore(job_folder, "ana")
    change = AnnotationChange(case_labels=(4,))
    assert store.save(JOB, "case-0", change, {}, base=1) == 2
    assert store.submit(JOB, "case-0", base=2).number == 1
    store.close()


def test_what_is_counted_late_is_entered_before_others_enter_theirs(
    job_folder, kit, monkeypatch
):
    """Else an older count would take the place of a newer one; and it is done once."""
    with closing(FolderStore(job_folder, "ana")) as other:
        other.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
        other.submit(JOB, "case-0", base=1)
    fresh = job_folder.parent / "fresh"
    monkeypatch.setattr(catalogue, "user_cache_path", lambda *a, **k: fresh)
    store = FolderStore(job_folder, "ana")
    store.counts(JOB)
    found = store._folder(JOB).catalogue
    real, entered = found._measure, []

    def measure(*asked):
        entered.append((asked[-1], found._index._db.in_transaction))
        return real(*asked)

    monkeypatch.setattr(found, "_measure", measure)
    assert store.cases(JOB).rows[0].decided == 1
    assert [inside for full, inside in entered if full] == [True]
    store.close()


def test_what_a_review_counts_late_is_entered_at_once_and_once(
    job_folder, kit, monkeypatch
):
    with closing(FolderStore(job_folder, "ana")) as other:
        other.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
        other.submit(JOB, "case-0", base=1)
    fresh = job_folder.parent / "fresh"
    monkeypatch.setattr(catalogue, "user_cache_path", lambda *a, **k: fresh)
    store = FolderStore(job_folder, "eve")
    store.counts(JOB)
    found = store._folder(JOB).catalogue
    look, looked = found._submitted, []

    def submitted(case_id):
        looked.append(found._index._db.in_transaction)
        return look(case_id)

    monkeypatch.setattr(found, "_submitted", submitted)
    for _ in range(2):
        assert store.review_counts(JOB).waiting == 1
    assert looked == [True]
    real, entered = found._measure, []

    def measure(*asked):
        entered.append((asked[-1], found._index._db.in_transaction))
        return real(*asked)

    monkeypatch.setattr(found, "_measure", measure)
    for _ in range(2):
        assert store.reviews(JOB).rows[0].time is not None
    assert entered == [(True, True)]
    real_sync = found._sync
    monkeypatch.setattr(
        found,
        "_sync",
        lambda index: (entered.append(index._db.in_transaction), real_sync(index)),
    )
    store.close()  # what it heard last counts as a whole, too
    assert entered[1:] == [True]

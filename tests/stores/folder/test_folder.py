"""The job folder on disk: what is in it, and what happens when that is damaged."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from napari_annotate_jobs.errors import (
    ConflictError,
    CorruptError,
    DamagedJournalError,
    DocumentVersionError,
    ExistsError,
    InvalidValueError,
    NotFoundError,
    StoreAccessError,
)
from napari_annotate_jobs.files import _access as files
from napari_annotate_jobs.model import (
    Case,
    Comment,
    SeriesRef,
    SliceAnnotation,
    Status,
    Verb,
    Verdict,
    document_json,
)
from napari_annotate_jobs.stores import FolderStore, create_job
from napari_annotate_jobs.stores.folder import _documents as documents
from napari_annotate_jobs.stores.folder import _draft as draft_module

JOB = "job-1"
REMARK = Comment(person="eve", text="again")


def open_job(path, person="ana", **options):
    return FolderStore(path, person, **options)


def tree(path):
    return sorted(
        str(p.relative_to(path))
        for p in path.rglob("*")
        if p.is_file() and "lock" not in p.name and "images" not in p.parts
    )


def edit(path, change):
    """Change a JSON document by hand."""
    found = json.loads(path.read_text("utf-8"))
    change(found)
    path.write_text(json.dumps(found), "utf-8")


def work_of(job_folder, case="case-0", person="ana"):
    return job_folder / "annotations" / case / person


@pytest.fixture
def store(job_folder):
    with_store = open_job(job_folder)
    yield with_store
    with_store.close()


@pytest.fixture
def painted(store, kit):
    """Save a mask on slice 0 and a label on slice 1 of case-0."""
    change, blobs = kit.painted(0)
    store.save(JOB, "case-0", change, blobs, base=0)
    store.save(JOB, "case-0", kit.labelled(1, 1), {}, base=1)
    return next(iter(blobs))


# ----------------------------------------------------------------------- layout
def test_the_folder_reads_as_documented(store, kit, job_folder, painted):
    digest = painted
    work = "annotations/case-0/ana/"
    mask = f"masks/0000-{digest[:16]}.png"
    assert tree(job_folder) == [
        work + "annotation.json",
        work + "changes.jsonl",
        work + mask,
        "events.jsonl",
        "job.json",
    ]
    store.submit(JOB, "case-0", base=2)
    open_job(job_folder, "eve").return_case(JOB, "case-0", [REMARK], person="ana")
    store.note_case(JOB, "case-1", n_slices=3)
    assert tree(job_folder) == [
        work + "annotation.json",
        work + mask,
        work + "submissions/0001.json",
        work + "submissions/0001.verdict-1.json",
        "cases/case-1.json",
        "events.jsonl",
        "job.json",
    ]
    for path in job_folder.rglob("*.json"):
        found = json.loads(path.read_text("utf-8"))
        assert found["format"].startswith("napari-annotate-jobs ")
        named = found["format"].endswith((" annotation", " submission"))
        assert found["version"] == (2 if named else 1)
    annotation = json.loads((work_of(job_folder) / "annotation.json").read_text())
    assert annotation["annotation"]["person"] == "ana"
    assert annotation["annotation"]["slices"]["index:1"]["class_labels"] == [1]
    assert list(store.check()) == []


def test_overlap_groups_have_their_own_files(store, kit, job_folder):
    liver, one = kit.mask(6)
    vessel, two = kit.mask(8)
    content = SliceAnnotation(index=12, masks={"": liver, "vessels": vessel})
    blobs = {liver.digest: one, vessel.digest: two}
    store.save(JOB, "case-0", kit.change(content), blobs, base=0)
    assert tree(work_of(job_folder) / "masks") == [
        f"0012-{liver.digest[:16]}.png",
        f"0012-vessels-{vessel.digest[:16]}.png",
    ]


def test_documents_read_well(store, job_folder, painted):
    store.close()
    text = (work_of(job_folder) / "annotation.json").read_text()
    lines = text.splitlines()
    assert sum('"index:0": {' in line and line.endswith("},") for line in lines) == 1
    assert max(map(len, lines)) < 200


def test_a_save_is_one_line_whatever_the_number_of_slices(store, kit, job_folder):
    many = kit.change(*(SliceAnnotation(index=i, excluded=True) for i in range(500)))
    store.save(JOB, "case-0", many, {}, base=0)
    store.save(JOB, "case-0", kit.labelled(1, 1), {}, base=1)
    journal = (work_of(job_folder) / "changes.jsonl").read_bytes()
    assert journal.count(b"\n") == 2
    for number, line in enumerate(journal.splitlines(), 1):
        assert json.loads(line)["entry"]["revision"] == number


@pytest.mark.slow
def test_a_long_journal_goes_into_the_snapshot(store, kit, job_folder):
    for revision in range(300):
        store.save(JOB, "case-0", kit.labelled(revision % 7, 1), {}, base=revision)
    journal = (work_of(job_folder) / "changes.jsonl").read_bytes()
    assert journal.count(b"\n") == 300 - 256
    assert open_job(job_folder).load(JOB, "case-0").annotation.revision == 300
    store.close()
    assert not (work_of(job_folder) / "changes.jsonl").exists()
    assert open_job(job_folder).load(JOB, "case-0").annotation.revision == 300
    assert list(open_job(job_folder).check()) == []


# -------------------------------------------------------------------- making one
def test_a_job_is_never_overwritten(job_folder, kit):
    before = (job_folder / "job.json").read_bytes()
    with pytest.raises(ExistsError, match=r"job\.json"):
        create_job(job_folder, kit.job("other"), kit.cases())
    assert (job_folder / "job.json").read_bytes() == before


def test_cases_that_would_share_a_folder_are_refused(tmp_path, kit):
    series = (SeriesRef(path="x"),)
    cases = [Case(id=name, name=name, series=series) for name in ("Ä", "ä")]
    with pytest.raises(InvalidValueError, match="same on some"):
        create_job(tmp_path / "job", kit.job(), cases)
    assert not (tmp_path / "job").exists()


ODD = [
    "Herz & Lunge – Fall 1",
    "心臓の症例",
    "case.",
    "con",
    "nul.txt",
    ".hidden",
    "é" * 120,
    "心" * 120,
    "a\u0308",
    "100% [done] {x} $HOME `ls` #1",
]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_odd_names_of_cases_and_people(tmp_path, kit, name):
    case = Case(id=name, name=name, series=(SeriesRef(path="."),))
    job = kit.job()
    create_job(tmp_path, job, [case, *kit.cases(1)], person="x").close()
    change, blobs = kit.painted(0)
    for person in (name, "plain"):
        with_store = open_job(tmp_path, person)
        with_store.save(JOB, name, change, blobs, base=0)
        with_store.note_case(JOB, name, n_slices=3)
        with_store.submit(JOB, name, base=1)
        with_store.close()
    with_store = open_job(tmp_path, name)
    assert with_store.case(JOB, name).status is Status.FINISHED
    assert with_store.case(JOB, name).case.n_slices == 3
    assert "plain" in with_store.people(JOB, name)
    assert len(with_store.people(JOB, name)) == 2
    assert [f for f in with_store.check() if "images" not in f.what] == []
    folder = next((tmp_path / "annotations").iterdir())
    assert len(os.fsencode(folder.name)) <= 255
    for part in folder.iterdir():
        assert part.name.isascii()


def test_names_that_differ_in_case_only_are_kept_apart(job_folder, kit):
    for person in ("Ana", "ana", "ANA", "Ána"):
        with_store = open_job(job_folder, person)
        with_store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
        with_store.close()
    names = [p.name.casefold() for p in (job_folder / "annotations/case-0").iterdir()]
    assert len(set(names)) == 4
    found = open_job(job_folder).people(JOB, "case-0")
    assert found == sorted(["Ana", "ana", "ANA", "Ána"])


# -------------------------------------------------------------------- many jobs
@pytest.fixture
def my_jobs(tmp_path, kit):
    for name in ("b", "a", "c"):
        create_job(tmp_path / name, kit.job(f"job-{name}"), kit.cases(2)).close()
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").touch()
    return tmp_path


def test_a_folder_of_job_folders_lists_them_all(my_jobs):
    store = open_job(my_jobs)
    assert [s.job.id for s in store.jobs()] == ["job-a", "job-b", "job-c"]
    assert [Path(s.location).name for s in store.jobs()] == ["a", "b", "c"]
    shutil.rmtree(my_jobs / "b")
    assert [s.job.id for s in store.jobs()] == ["job-a", "job-c"]


def test_one_damaged_job_does_not_hide_the_others(my_jobs):
    (my_jobs / "b" / "job.json").write_text("{")
    store = open_job(my_jobs)
    assert [s.job.id for s in store.jobs()] == ["job-a", "job-c"]
    assert [Path(f.where).parent.name for f in store.faults] == ["b"]
    assert store.job("job-c").id == "job-c"
    assert any("damaged" in fault.what for fault in store.check())


def test_two_copies_of_a_job_are_not_mixed_up(my_jobs):
    shutil.copytree(my_jobs / "a", my_jobs / "copy of a")
    store = open_job(my_jobs)
    assert len(store.jobs()) == 4
    with pytest.raises(CorruptError, match="same job"):
        store.job("job-a")
    assert open_job(my_jobs / "copy of a").job("job-a").id == "job-a"


def test_an_empty_folder_holds_no_job_and_a_missing_one_is_an_error(tmp_path):
    assert list(open_job(tmp_path).jobs()) == []
    with pytest.raises(NotFoundError, match="no such folder"):
        open_job(tmp_path / "missing")


def test_a_job_that_goes_away_is_not_made_anew(store, job_folder, kit, painted):
    """As when a share is disconnected: what is saved then could not be found."""
    shutil.move(job_folder, job_folder.with_name("elsewhere"))
    for action in (
        lambda: store.save(JOB, "case-0", kit.labelled(1, 1), {}, base=2),
        lambda: store.save(JOB, "case-1", kit.labelled(1, 1), {}, base=0),
        lambda: store.counts(JOB),
    ):
        with pytest.raises((StoreAccessError, NotFoundError)):
            action()
    assert not job_folder.exists()
    shutil.move(job_folder.with_name("elsewhere"), job_folder)
    assert store.save(JOB, "case-0", kit.labelled(1, 2), {}, base=2) == 3


# --------------------------------------------------- what other versions wrote
def test_unknown_fields_survive(store, job_folder, painted, kit):
    store.close()
    document = work_of(job_folder) / "annotation.json"

    def add(found):
        found["measured"] = {"seconds": 3}
        found["annotation"]["confidence"] = [0.5, None]
        found["annotation"]["slices"]["index:0"]["flag"] = False
        found["annotation"]["slices"]["index:0"]["masks"][""]["tool"] = "brush"

    edit(document, add)
    again = open_job(job_folder)
    again.save(JOB, "case-0", kit.labelled(5, 1), {}, base=2)
    again.submit(JOB, "case-0", base=3)
    for path, key in (
        (document, None),
        (work_of(job_folder) / "submissions" / "0001.json", "submission"),
    ):
        found = json.loads(path.read_text())
        inner = found[key] if key else found
        assert inner["annotation"]["confidence"] == [0.5, None]
        content = inner["annotation"]["slices"]["index:0"]
        assert content["flag"] is False
        assert content["masks"][""]["tool"] == "brush"
    assert json.loads(document.read_text())["measured"] == {"seconds": 3}
    assert list(again.check()) == []


def test_unknown_fields_of_a_change_survive_in_the_journal(store, job_folder, kit):
    content = SliceAnnotation(index=0, class_labels=(1,), certainty="high")
    store.save(JOB, "case-0", kit.change(content), {}, base=0)
    store.save(JOB, "case-0", kit.labelled(1, 1), {}, base=1)
    loaded = open_job(job_folder).load(JOB, "case-0").annotation
    assert loaded.slices["index:0"].model_extra == {"certainty": "high"}


@pytest.mark.parametrize(
    "name",
    ["job.json", "annotation.json", "submissions/0001.json", "changes.jsonl"],
)
def test_what_a_newer_version_wrote_is_left_alone(
    store, job_folder, painted, kit, name
):
    work = work_of(job_folder)
    if name.startswith("submissions"):
        store.submit(JOB, "case-0", base=2)
    path = job_folder / name if name == "job.json" else work / name
    if name == "changes.jsonl":
        from napari_annotate_jobs.stores.folder._journal import Entry, encode_entry

        entry = Entry(
            revision=3,
            time="2026-01-01T00:00:00Z",
            change=kit.labelled(0, 1),
            version=3,
        )
        path.write_bytes(path.read_bytes() + encode_entry(entry))
    else:
        edit(path, lambda found: found.update(version=3))
    before = path.read_bytes()
    again = open_job(job_folder)
    with pytest.raises(DocumentVersionError, match="Update"):
        if name.startswith("submissions"):
            again.submissions(JOB, "case-0")
        else:
            again.save(JOB, "case-0", kit.labelled(1, 2), {}, base=2)
    assert path.read_bytes() == before
    assert any("version 3" in fault.what for fault in again.check())


def test_an_older_version_is_migrated_and_kept(
    store, job_folder, painted, kit, monkeypatch
):
    store.close()
    document = work_of(job_folder) / "annotation.json"

    def age(found):
        found["version"] = 0
        found["draft"] = found.pop("annotation")

    edit(document, age)
    old = document.read_bytes()
    again = open_job(job_folder)
    with pytest.raises(CorruptError, match="version 0"):
        again.load(JOB, "case-0")

    def migrate(body):
        body["annotation"] = body.pop("draft")
        return body

    monkeypatch.setitem(documents.MIGRATIONS, ("annotation", 0), migrate)
    assert again.load(JOB, "case-0").annotation.revision == 2
    assert document.read_bytes() == old
    again.save(JOB, "case-0", kit.labelled(1, 1), {}, base=2)
    again.close()
    assert json.loads(document.read_text())["version"] == 2
    assert document.with_name("annotation.v0.json").read_bytes() == old
    assert open_job(job_folder).load(JOB, "case-0").annotation.revision == 3


# ---------------------------------------------------------------------- journal
@pytest.mark.parametrize("cut", [1, 2, 20, 90])
def test_a_torn_line_was_not_acknowledged(store, job_folder, painted, kit, cut):
    journal = work_of(job_folder) / "changes.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-cut])
    again = open_job(job_folder)
    assert again.load(JOB, "case-0").annotation.revision == 1
    assert list(again.check()) == []
    assert again.save(JOB, "case-0", kit.labelled(4, 1), {}, base=1) == 2
    slices = open_job(job_folder).load(JOB, "case-0").annotation.slices
    assert sorted(slices) == ["index:0", "index:4"]
    with pytest.raises(ConflictError):
        store.save(JOB, "case-0", kit.labelled(5, 1), {}, base=3)


def test_a_damaged_line_is_told_and_nothing_is_written(store, job_folder, painted, kit):
    journal = work_of(job_folder) / "changes.jsonl"
    data = bytearray(journal.read_bytes())
    data[60] ^= 1
    journal.write_bytes(data)
    again = open_job(job_folder)
    with pytest.raises(CorruptError, match=r"line 1 .*damaged"):
        again.load(JOB, "case-0")
    with pytest.raises(CorruptError):
        again.save(JOB, "case-0", kit.labelled(1, 1), {}, base=2)
    assert journal.read_bytes() == bytes(data)
    assert any("line 1" in fault.what for fault in again.check())
    # The other cases are as usable as ever.
    assert again.save(JOB, "case-1", kit.labelled(1, 1), {}, base=0) == 1
    assert again.counts(JOB).total == 5


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place:][1:]


@pytest.fixture
def nine(store, kit, job_folder):
    """Save nine times, and return the journal."""
    for n in range(9):
        store.save(JOB, "case-0", kit.labelled(n, 1), {}, base=n)
    return work_of(job_folder) / "changes.jsonl"


def test_a_journal_may_end_its_lines_as_windows_does(nine, job_folder, kit):
    """As git leaves it with autocrlf, or an editor."""
    nine.write_bytes(nine.read_bytes().replace(b"\n", b"\r\n"))
    again = open_job(job_folder)
    assert len(again.load(JOB, "case-0").annotation.slices) == 9
    assert again.check() == []
    assert again.save(JOB, "case-0", kit.labelled(9, 1), {}, base=9) == 10
    assert len(open_job(job_folder).load(JOB, "case-0").annotation.slices) == 10
    again.close()
    assert len(open_job(job_folder).load(JOB, "case-0").annotation.slices) == 10


DAMAGE = {
    "a bit of the last line": (lambda b: flipped(b, -40), "line 9", 8),
    "the end of the last line": (lambda b: flipped(b, -1), "line 9", 8),
    "between line 8 and 9": (
        lambda b: flipped(b, b.rindex(b"\n", 0, -1)),
        "line 8",
        7,
    ),
    "zeros from line 3 on": (
        lambda b: b[:400] + bytes(len(b) - 400),
        "line 3",
        2,
    ),
    "zeros behind the last": (lambda b: b + bytes(500), "line 10", 9),
    "zeros in its lines": (
        lambda b: b[:760] + bytes(len(b) - 761) + b"\n",
        "line 5",
        4,
    ),
    "the first line": (lambda b: flipped(b, 100), "line 1", 8),
    "what no checksum covers": (lambda b: flipped(b, 30), "line 1", 8),
    "some in the middle": (lambda b: flipped(flipped(b, 200), 760), "lines 2, 5", 7),
    "a run": (lambda b: flipped(flipped(b, 200), 380), "lines 2 to 3", 7),
    "an empty line": (lambda b: b + b"\n", "line 10", 9),
    "another file": (lambda b: b"export PATH=/bin\n", "line 1", 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE)
def test_acknowledged_saves_never_vanish_without_a_word(nine, job_folder, kit, damage):
    change, lines, whole = DAMAGE[damage]
    damaged = change(nine.read_bytes())
    nine.write_bytes(damaged)
    again = open_job(job_folder)
    with pytest.raises(CorruptError, match=rf"{lines} of the .*damaged") as caught:
        again.load(JOB, "case-0")
    assert "check --mend" in caught.value.remedy
    with pytest.raises(CorruptError):
        again.save(JOB, "case-0", kit.labelled(9, 1), {}, base=9)
    with pytest.raises(CorruptError):
        again.submit(JOB, "case-0", base=9)
    assert [lines in fault.what for fault in again.check()] == [True]
    again.close()
    assert nine.read_bytes() == damaged
    # One can go on with what is whole, and nothing is thrown away.
    (aside,) = again.mend()
    assert aside.read_bytes() == damaged
    assert aside.parent == nine.parent
    annotation = again.load(JOB, "case-0").annotation
    assert len(annotation.slices) == whole
    if whole:  # so that nobody goes on with what is lost
        assert annotation.revision > 9
    assert again.check() == []
    assert again.mend() == []
    again.save(JOB, "case-0", kit.labelled(9, 1), {}, base=annotation.revision)
    slices = open_job(job_folder).load(JOB, "case-0").annotation.slices
    assert len(slices) == whole + 1


def test_the_journal_of_one_case_is_mended(nine, job_folder, kit):
    with open_job(job_folder) as store:
        store.save(JOB, "case-1", kit.labelled(0, 1), {}, base=0)
        other = work_of(job_folder, "case-1") / "changes.jsonl"
        for journal in (nine, other):
            journal.write_bytes(flipped(journal.read_bytes(), -40))
    again = open_job(job_folder)
    with pytest.raises(DamagedJournalError):
        again.load(JOB, "case-0")
    kept = again.mend_case(JOB, "case-0")
    assert kept.parent == nine.parent
    assert len(again.load(JOB, "case-0").annotation.slices) == 8
    assert again.mend_case(JOB, "case-0") is None
    with pytest.raises(DamagedJournalError):
        again.load(JOB, "case-1")


def test_what_is_mended_may_build_on_what_is_lost(store, kit, job_folder, painted):
    store.save(JOB, "case-0", kit.labelled(2, 1), {}, base=2)
    journal = work_of(job_folder) / "changes.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + lines[2])
    again = open_job(job_folder)
    with pytest.raises(CorruptError, match="from revision 1 to 3"):
        again.load(JOB, "case-0")
    assert len(again.mend()) == 1
    found = again.load(JOB, "case-0").annotation
    assert sorted(found.slices) == ["index:0", "index:2"]
    assert found.revision == 4


@pytest.mark.parametrize("how", ["save", "submit"])
def test_a_torn_line_is_kept_before_it_is_cut(store, job_folder, painted, kit, how):
    journal = work_of(job_folder) / "changes.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-30])
    again = open_job(job_folder)
    if how == "save":
        again.save(JOB, "case-0", kit.labelled(4, 1), {}, base=1)
    else:
        again.submit(JOB, "case-0", base=1)
    (kept,) = journal.parent.glob("changes.aside-*.jsonl")
    assert kept.read_bytes() == whole[whole.index(b"\n") + 1 : -30]
    assert again.check() == []


# -------------------------------------------------- readers beside one who writes
def test_a_reader_that_meets_a_compaction_goes_round_again(
    store, job_folder, painted, kit, monkeypatch
):
    real = draft_module.read_if_there

    def slow(path):
        if path.match("ana/changes.jsonl"):
            monkeypatch.setattr(draft_module, "read_if_there", real)
            with closing(open_job(job_folder)) as other:
                other.save(JOB, "case-0", kit.labelled(2, 1), {}, base=2)
            # It was written into the snapshot, and the journal begins anew.
            other = open_job(job_folder)
            other.save(JOB, "case-0", kit.labelled(3, 1), {}, base=3)
        return real(path)

    monkeypatch.setattr(draft_module, "read_if_there", slow)
    reader = open_job(job_folder, "bob")
    assert reader.load(JOB, "case-0", person="ana").annotation.revision == 4


def test_a_reader_that_meets_a_first_save_goes_round_again(
    job_folder, kit, monkeypatch
):
    real = draft_module.read_if_there

    def slow(path):
        if path.match("ana/changes.jsonl"):
            monkeypatch.setattr(draft_module, "read_if_there", real)
            open_job(job_folder).save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
        return real(path)

    monkeypatch.setattr(draft_module, "read_if_there", slow)
    reader = open_job(job_folder, "bob")
    assert reader.load(JOB, "case-0", person="ana").annotation.revision == 1


def test_a_journal_that_outlived_its_snapshot_is_not_applied_twice(
    store, job_folder, painted, kit
):
    journal = work_of(job_folder) / "changes.jsonl"
    before = journal.read_bytes()
    store.close()
    journal.write_bytes(before)
    again = open_job(job_folder)
    assert again.load(JOB, "case-0").annotation.revision == 2
    assert again.save(JOB, "case-0", kit.labelled(7, 1), {}, base=2) == 3
    assert open_job(job_folder).load(JOB, "case-0").annotation.revision == 3


def test_a_missing_line_is_told(store, job_folder, painted, kit):
    store.save(JOB, "case-0", kit.labelled(2, 1), {}, base=2)
    journal = work_of(job_folder) / "changes.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + lines[2])
    with pytest.raises(CorruptError, match="from revision 1 to 3"):
        open_job(job_folder).load(JOB, "case-0")


# ------------------------------------------------------- disks, rights and locks
def test_a_full_disk_loses_nothing(store, job_folder, painted, kit, monkeypatch):
    write = os.write
    journal = work_of(job_folder) / "changes.jsonl"
    before = journal.read_bytes()

    def full(handle, data):
        write(handle, bytes(data[:10]))
        raise OSError(errno.ENOSPC, "No space left on device")

    change, blobs = kit.painted(9, seed=9)
    for what in (change, kit.labelled(9, 1)):
        with monkeypatch.context() as patch:
            patch.setattr(files.os, "write", full)
            with pytest.raises(StoreAccessError, match="Free some space"):
                store.save(JOB, "case-0", what, blobs, base=2)
            with pytest.raises(StoreAccessError):
                store.submit(JOB, "case-0", base=2)
    assert journal.read_bytes() == before
    assert list(store.check()) == []
    assert store.load(JOB, "case-0").status is Status.REMAINING
    assert store.save(JOB, "case-0", change, blobs, base=2) == 3
    assert not list(job_folder.rglob(files.TEMPORARY + "*"))


def test_a_save_that_cannot_be_synced_is_not_acknowledged(
    store, job_folder, painted, kit, monkeypatch
):
    before = (work_of(job_folder) / "changes.jsonl").read_bytes()

    def fail(handle):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", fail)
        with pytest.raises(StoreAccessError, match=r"changes\.jsonl"):
            store.save(JOB, "case-0", kit.labelled(3, 1), {}, base=2)
    assert (work_of(job_folder) / "changes.jsonl").read_bytes() == before
    assert open_job(job_folder).load(JOB, "case-0").annotation.revision == 2


def test_a_folder_without_the_right_to_write_can_be_read(
    store, job_folder, painted, kit, monkeypatch
):
    store.close()
    again = open_job(job_folder)
    real = os.open

    def refuse(path, flags, *args, **options):
        if flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(str(job_folder)):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert again.jobs()[0].counts.total == 5
        assert again.load(JOB, "case-0").annotation.revision == 2
        assert again.read_blob(JOB, "case-0", painted)
        assert again.note_case(JOB, "case-0", n_slices=7).n_slices == 7
        assert again.case(JOB, "case-0").case.n_slices == 7
        assert list(again.check()) == []
        with pytest.raises(StoreAccessError, match="Ask the owner"):
            again.save(JOB, "case-0", kit.labelled(3, 1), {}, base=2)
        again.close()


def test_a_lock_that_is_not_let_go_is_named(store, job_folder, painted, kit):
    patient = open_job(job_folder, timeout=0.05)
    with FileLock(work_of(job_folder) / ".lock"):
        with pytest.raises(StoreAccessError, match=r"\.lock: still locked"):
            patient.save(JOB, "case-0", kit.labelled(3, 1), {}, base=2)
        assert patient.load(JOB, "case-0").annotation.revision == 2
    assert patient.save(JOB, "case-0", kit.labelled(3, 1), {}, base=2) == 3


def test_the_log_may_fail_without_harm(store, job_folder, painted, kit):
    """What is durable stays acknowledged, even if nobody can be told."""
    log = job_folder / "events.jsonl"
    log.unlink()
    log.mkdir()
    assert store.submit(JOB, "case-0", base=2).number == 1
    assert store.counts(JOB).finished == 1
    assert open_job(job_folder).counts(JOB).finished == 1
    log.rmdir()
    assert store.counts(JOB).finished == 1


# ------------------------------------------------------------------------ masks
def test_masks_no_longer_used_stay_for_a_day(store, job_folder, painted, kit):
    masks = work_of(job_folder) / "masks"
    store.save(JOB, "case-0", kit.change(SliceAnnotation(index=0)), {}, base=2)
    old = time.time() - 2 * 24 * 3600
    leftover = masks / (files.TEMPORARY + "abc")
    leftover.touch()
    store.close()
    assert len(tree(masks)) == 2
    for path in masks.iterdir():
        os.utime(path, (old, old))
    again = open_job(job_folder)
    again.save(JOB, "case-0", kit.labelled(1, 1), {}, base=3)
    again.close()
    assert tree(masks) == []


def test_the_day_begins_when_a_slice_lets_go(store, job_folder, painted, kit):
    masks = work_of(job_folder) / "masks"
    old = time.time() - 2 * 24 * 3600
    for path in masks.iterdir():
        os.utime(path, (old, old))
    store.save(JOB, "case-0", kit.change(SliceAnnotation(index=0)), {}, base=2)
    store.close()
    assert len(tree(masks)) == 1


def test_masks_of_submissions_stay_for_ever(store, job_folder, painted, kit):
    masks = work_of(job_folder) / "masks"
    store.submit(JOB, "case-0", base=2)
    eve = open_job(job_folder, "eve")
    eve.return_case(JOB, "case-0", [REMARK], person="ana")
    store.save(JOB, "case-0", kit.change(SliceAnnotation(index=0)), {}, base=2)
    old = time.time() - 2 * 24 * 3600
    for path in masks.iterdir():
        os.utime(path, (old, old))
    store.submit(JOB, "case-0", base=3)
    store.close()
    assert len(tree(masks)) == 1
    assert open_job(job_folder).read_blob(JOB, "case-0", painted)


def test_a_damaged_mask_is_told_and_mended_by_painting_again(
    store, job_folder, painted, kit
):
    path = next((work_of(job_folder) / "masks").iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    again = open_job(job_folder)
    with pytest.raises(CorruptError, match=path.name):
        again.read_blob(JOB, "case-0", painted)
    assert [Path(f.where).name for f in again.check()] == [path.name]
    with pytest.raises(CorruptError):
        again.submit(JOB, "case-0", base=2)
    assert again.load(JOB, "case-0").status is Status.REMAINING
    change, blobs = kit.painted(0)
    again.save(JOB, "case-0", change, blobs, base=2)
    assert path.read_bytes() == whole
    assert again.submit(JOB, "case-0", base=3).number == 1


# ------------------------------------------------------------------------ check
def _set_pixels(found):
    masks = found["annotation"]["slices"]["index:0"]["masks"]
    masks[""]["pixels"] = {"6": 77}


def _alter_submission(found):
    found["submission"]["annotation"]["case_labels"] = [4]


def _answer_another(found):
    verdict = {k: v for k, v in found["verdict"].items() if k != "digest"}
    found["verdict"] = document_json(Verdict.seal(**{**verdict, "answers": "0" * 64}))


def halve(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


FAULTS = {
    "job.json": ("job.json", lambda p: p.write_text("[]"), "format"),
    "no cases": ("job.json", lambda p: edit(p, lambda f: f.pop("cases")), "lacks"),
    "case twice": (
        "job.json",
        lambda p: edit(p, lambda f: f["cases"].append(f["cases"][0])),
        "two cases",
    ),
    "bad case": (
        "job.json",
        lambda p: edit(p, lambda f: f["cases"][0].update(series=[])),
        "series",
    ),
    "images": ("images/3", shutil.rmtree, "case-3"),
    "no image": ("images/3/x.png", lambda p: p.unlink(), "case-3"),
    "half an image": ("images/3/x.png", halve, "case-3"),
    "another series": (
        "job.json",
        lambda p: edit(p, lambda f: f["cases"][2]["series"][0].update(series_uid="9")),
        "case-2",
    ),
    "fewer slices": (
        "job.json",
        lambda p: edit(p, lambda f: f["cases"][4].update(n_slices=3)),
        "1 slice, not 3",
    ),
    "note": ("cases/case-0.json", lambda p: p.write_text("x"), "damaged"),
    "note of another": (
        "cases/case-0.json",
        lambda p: p.rename(p.with_name("case-9.json")),
        "case-0",
    ),
    "no such case": (
        "annotations/case-0",
        lambda p: p.rename(p.with_name("x")),
        "no such case",
    ),
    "annotation": (
        "annotations/case-0/ana/annotation.json",
        lambda p: p.write_text('{"format'),
        "damaged",
    ),
    "no annotation": (
        "annotations/case-0/ana/annotation.json",
        lambda p: p.unlink(),
        "missing",
    ),
    "person": (
        "annotations/case-0/ana",
        lambda p: p.rename(p.with_name("eve")),
        "wrong folder",
    ),
    "pixels": (
        "annotations/case-0/ana/annotation.json",
        lambda p: edit(p, _set_pixels),
        "numbers of pixels",
    ),
    "label": (
        "job.json",
        lambda p: edit(p, lambda f: f["job"]["project"]["label_set"]["labels"].pop(0)),
        "1 is not a label",
    ),
    "submission": (
        "annotations/case-0/ana/submissions/0001.json",
        lambda p: edit(p, _alter_submission),
        "altered",
    ),
    "no submission": (
        "annotations/case-0/ana/submissions/0001.json",
        lambda p: p.rename(p.with_name("0002.json")),
        "submission 1 is missing",
    ),
    "verdict": (
        "annotations/case-0/ana/submissions/0001.verdict-1.json",
        lambda p: edit(p, lambda f: f["verdict"].update(outcome="passed")),
        "altered",
    ),
    "no verdict": (
        "annotations/case-0/ana/submissions/0001.verdict-1.json",
        lambda p: p.rename(p.with_name("0001.verdict-2.json")),
        "verdict 1 on submission 1 is missing",
    ),
    "another submission": (
        "annotations/case-0/ana/submissions/0001.verdict-1.json",
        lambda p: edit(p, _answer_another),
        "another content",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_check_names_each_fault(store, job_folder, painted, name):
    store.note_case(JOB, "case-0", n_slices=3)
    store.submit(JOB, "case-0", base=2)
    open_job(job_folder, "eve").return_case(JOB, "case-0", [REMARK], person="ana")
    store.close()
    again = open_job(job_folder)
    assert list(again.check()) == []
    path, harm, match = FAULTS[name]
    harm(job_folder / path)
    faults = again.check()
    assert faults
    assert any(match in fault.what for fault in faults), faults
    for fault in faults:
        assert str(job_folder) in fault.where
        assert fault.remedy


def test_a_missing_mask_is_a_fault(store, job_folder, painted):
    next((work_of(job_folder) / "masks").iterdir()).unlink()
    faults = open_job(job_folder).check()
    assert [painted[:16] in fault.what for fault in faults] == [True]


# ------------------------------------------------------- what earlier versions wrote
def as_before(job_folder):
    """Make what is there look as an earlier version wrote it: a return, no more."""
    submissions = work_of(job_folder) / "submissions"
    path = submissions / "0001.verdict-1.json"
    found = json.loads(path.read_text("utf-8"))["verdict"]
    old = {
        "number": 1,
        "reviewer": found["person"],
        "comments": found["comments"],
        "time": found["time"],
    }
    text = {"format": "napari-annotate-jobs return", "version": 1, "return": old}
    (submissions / "0001.return.json").write_text(json.dumps(text), "utf-8")
    path.unlink()
    log = job_folder / "events.jsonl"
    head, *lines = log.read_text("utf-8").splitlines()
    known = ("case", "person", "status", "draft", "decided", "comment", "time")
    lines = [json.dumps({k: json.loads(li)[k] for k in known}) for li in lines]
    log.write_text("\n".join([head, *lines, ""]), "utf-8")


def test_what_an_earlier_version_wrote_goes_on(store, kit, job_folder, painted):
    store.submit(JOB, "case-0", base=2)
    with open_job(job_folder, "eve") as eve:
        eve.return_case(JOB, "case-0", [REMARK], person="ana")
    store.close()
    as_before(job_folder)
    before = (work_of(job_folder) / "submissions/0001.return.json").read_bytes()
    again = open_job(job_folder)
    assert list(again.check()) == []
    row = again.case(JOB, "case-0")
    assert (row.status, row.returned_comment) == (Status.RETURNED, "again")
    assert again.counts(JOB).returned == again.review_counts(JOB).returned == 1
    (thread,) = again.threads(JOB, "case-0")
    assert (thread.first, thread.unread) == (REMARK, 1)
    said = Comment(person="ana", text="done")
    again.discuss(JOB, "case-0", comment=said, thread=REMARK.id, resolved=True)
    with open_job(job_folder, "eve") as eve:
        eve.judge(JOB, "case-0", Verb.WITHDRAW, person="ana")
        eve.judge(JOB, "case-0", Verb.PASS, person="ana")
    assert again.review_counts(JOB).passed == 1
    assert [v.number for v in again.verdicts(JOB, "case-0")] == [0, 1, 2]
    path = work_of(job_folder) / "submissions/0001.return.json"
    assert path.read_bytes() == before
    assert list(again.check()) == []


# ----------------------------------------------------------------- two processes
WRITER = """
import sys
from napari_annotate_jobs.errors import ConflictError
from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation
from napari_annotate_jobs.stores import FolderStore

store, me = FolderStore(sys.argv[1], "ana"), int(sys.argv[2])
sys.stdin.readline()
done = conflicts = 0
while done < 40:
    base = store.load("job-1", "case-0").annotation.revision
    index = 2 * done + me
    content = SliceAnnotation(index=index, class_labels=(1,))
    change = AnnotationChange(slices={f"index:{index}": content})
    try:
        store.save("job-1", "case-0", change, {}, base=base)
        done += 1
    except ConflictError:
        conflicts += 1
store.close()
print(conflicts)
"""


@pytest.mark.slow
def test_two_processes_never_overwrite_one_another(job_folder):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(job_folder), str(me)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for me in (0, 1)
    ]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    outputs = [writer.communicate(timeout=120)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], outputs
    store = open_job(job_folder)
    annotation = store.load(JOB, "case-0").annotation
    assert annotation.revision == 80
    assert sorted(c.index for c in annotation.slices.values()) == list(range(80))
    assert list(store.check()) == []

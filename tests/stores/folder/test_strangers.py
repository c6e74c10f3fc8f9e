"""A job folder from somebody else: links, pipes and documents made to do harm."""

from __future__ import annotations

import json
import os
import shutil
import signal
from contextlib import suppress

import pytest

from napari_annotate_jobs.errors import AnnotateJobsError, CorruptError
from napari_annotate_jobs.files import _access as files
from napari_annotate_jobs.files import _durable as durable
from napari_annotate_jobs.model import Comment, Status
from napari_annotate_jobs.stores import FolderStore
from napari_annotate_jobs.stores.folder import _catalogue as catalogue
from napari_annotate_jobs.stores.folder import _check as checking

JOB = "job-1"
MINE = "annotations/case-0/ana"
DERIVED = ("events.jsonl", ".lock", "cases", "headers")
"""Without these a job can be worked on as ever."""

needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a right there")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    monkeypatch.setattr(catalogue, "user_cache_path", lambda *a, **k: path)
    return path


@pytest.fixture(autouse=True)
def no_waiting():
    """End a test that waits for a pipe: it would do so for ever."""

    def stop(*_):
        raise AssertionError("it waits")

    if hasattr(signal, "SIGALRM"):
        before = signal.signal(signal.SIGALRM, stop)
        signal.alarm(60)
        yield
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    else:
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function that copies a job in which everything there can be was made."""
    kept = tmp_path_factory.mktemp("made") / "job"

    def copy(path, make):
        if not kept.exists():
            shutil.copytree(make(), kept)
        if not path.exists():
            shutil.copytree(kept, path)
        return path

    return copy


@pytest.fixture
def received(made, tmp_path, kit, request):
    """Return a job folder that came from somebody else."""

    def make():
        job_folder = request.getfixturevalue("job_folder")
        store = FolderStore(job_folder, "ana")
        eve = FolderStore(job_folder, "eve")
        change, blobs = kit.painted(0)
        remark = Comment(person="eve", text="no")
        for case in ("case-0", "case-1"):
            store.save(JOB, case, change, blobs, base=0)
            store.submit(JOB, case, base=1)
            eve.return_case(JOB, case, [remark], person="ana")
            store.save(JOB, case, kit.labelled(1, 1), {}, base=1)
            store.note_case(JOB, case, n_slices=1, warnings=["gap"])
            store.open_series(JOB, case)
        return job_folder  # not closed: the journal stays

    return made(tmp_path / "job", make)


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    (path / "folder").mkdir(parents=True)
    (path / ".bashrc").write_text("export PRECIOUS=1\n")
    (path / "folder" / "mine.txt").write_text("mine\n")
    return path


def content(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
        for p in folder.rglob("*")
    }


def put(path, make):
    """Make something else of a file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)


def use(folder, kit):
    """Do all that can be done with a case, and return what was refused."""
    store = FolderStore(folder, "ana", timeout=1)
    eve = FolderStore(folder, "eve", timeout=1)
    refused = []
    change, blobs = kit.painted(2, seed=5)
    steps = (
        store.jobs,
        lambda: store.cases(JOB),
        lambda: store.open_series(JOB, "case-0"),
        lambda: store.note_case(JOB, "case-0", n_slices=2, warnings=["other"]),
        lambda: store.load(JOB, "case-0"),
        lambda: store.save(JOB, "case-0", change, blobs, base=2),
        lambda: store.save(JOB, "case-0", kit.labelled(2, 1), {}, base=3),
        lambda: store.submit(JOB, "case-0", base=4),
        lambda: store.submissions(JOB, "case-0"),
        lambda: store.people(JOB, "case-0"),
        lambda: eve.return_case(
            JOB, "case-0", [Comment(person="eve", text="no")], person="ana"
        ),
        lambda: eve.read_blob(JOB, "case-0", next(iter(blobs))),
        store.mend,
        store.check,
        store.close,
        eve.close,
    )
    for step in steps:
        try:
            step()
        except AnnotateJobsError as error:
            refused.append(error)
    return refused


# ------------------------------------------------------------------------ links
@needs_links
@pytest.mark.parametrize(
    "name",
    [
        *DERIVED,
        "job.json",
        "annotations",
        "annotations/case-0",
        MINE,
        f"{MINE}/annotation.json",
        f"{MINE}/changes.jsonl",
        f"{MINE}/.lock",
        f"{MINE}/masks",
        f"{MINE}/submissions",
        f"{MINE}/submissions/0001.json",
        f"{MINE}/submissions/0001.verdict-1.json",
        "cases/case-0.json",
        "headers/case-0-0.json",
    ],
)
def test_no_link_leads_out_of_a_job_folder(received, home, kit, name):
    path = received / name
    target = home / ("folder" if path.is_dir() else ".bashrc")
    before = content(home)
    put(path, lambda p: p.symlink_to(target))
    refused = use(received, kit)
    assert content(home) == before
    assert path.is_symlink()
    if name.split("/")[0] in DERIVED:
        assert refused == []
    else:
        assert any("link" in error.what for error in refused)
    store = FolderStore(received, "ana")
    assert [f.where for f in store.check() if "link" in f.what] == [str(path)]


@needs_links
def test_links_that_lead_back_into_the_folder_or_in_circles_are_none_either(
    received, kit
):
    journal = received / MINE / "changes.jsonl"
    for target in (journal, received / "annotations/case-1/ana/changes.jsonl"):
        before = content(received / "annotations/case-1")
        put(journal, lambda p, target=target: p.symlink_to(target))
        assert any("link" in error.what for error in use(received, kit))
        assert content(received / "annotations/case-1") == before


@needs_links
def test_images_and_the_job_folder_itself_may_be_links(received, tmp_path, kit):
    shutil.move(received / "images", tmp_path / "elsewhere")
    (received / "images").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "short").symlink_to(received)
    assert use(tmp_path / "short", kit) == []
    assert FolderStore(tmp_path / "short", "ana").check() == []


@needs_links
def test_what_was_a_log_of_somebody_else_is_put_aside(received, home, kit):
    """A second name of a file is no link, and nothing tells it from the first."""
    log = received / "events.jsonl"
    before = content(home)
    put(log, lambda p: os.link(home / ".bashrc", p))
    assert use(received, kit) == []
    assert content(home) == before
    (aside,) = received.glob("events.aside-*.jsonl")
    assert aside.read_text() == "export PRECIOUS=1\n"
    assert log.read_text().startswith('{"format": "napari-annotate-jobs events"')


@needs_links
@pytest.mark.parametrize("name", ["changes.jsonl", "annotation.json", ".lock"])
def test_what_has_another_name_elsewhere_is_not_changed_there(
    received, home, kit, name
):
    before = content(home)
    put(received / MINE / name, lambda p: os.link(home / ".bashrc", p))
    use(received, kit)
    FolderStore(received, "ana").mend()
    use(received, kit)
    assert content(home) == before


@needs_links
def test_a_backup_made_of_hard_links_stays_as_it_was(received, tmp_path, kit):
    copy = tmp_path / "backup"
    shutil.copytree(received, copy, copy_function=os.link)
    before = content(copy)
    assert use(received, kit) == []
    assert content(copy) == before
    assert FolderStore(copy, "ana").load(JOB, "case-0").annotation.revision == 2


@needs_links
@pytest.mark.parametrize("missing", ["_NO_LINK", "check_links"])
def test_links_are_refused_by_the_look_before_and_by_the_opening(
    received, home, monkeypatch, missing
):
    """Windows knows only the look before; after it, a file may be replaced."""
    put(received / MINE / "changes.jsonl", lambda p: p.symlink_to(home / ".bashrc"))
    store = FolderStore(received, "ana")
    store.jobs()
    value = 0 if missing == "_NO_LINK" else lambda path: None
    for module in (files, durable):
        monkeypatch.setattr(module, missing, value, raising=module is files)
    with pytest.raises(CorruptError):
        store.load(JOB, "case-0")
    with pytest.raises(CorruptError):
        durable.append_durably(received / MINE / "changes.jsonl", b"x", at=0)
    assert (home / ".bashrc").read_text() == "export PRECIOUS=1\n"


# ------------------------------------------------------- pipes, devices, lengths
@needs_links
@pytest.mark.parametrize(
    "name",
    [
        "job.json",
        "events.jsonl",
        ".lock",
        f"{MINE}/.lock",
        f"{MINE}/annotation.json",
        f"{MINE}/changes.jsonl",
        f"{MINE}/submissions/0001.json",
        "cases/case-0.json",
        "headers/case-0-0.json",
    ],
)
def test_no_pipe_is_waited_for(received, kit, name):
    put(received / name, os.mkfifo)
    use(received, kit)
    if not name.startswith(("cases", "headers")):  # which are made again
        faults = FolderStore(received, "ana").check()
        assert any("no regular file" in fault.what for fault in faults)


@needs_links
def test_a_mask_that_is_a_pipe_is_told(received):
    (mask,) = (received / MINE / "masks").iterdir()
    put(mask, os.mkfifo)
    store = FolderStore(received, "ana")
    with pytest.raises(CorruptError, match="no regular file"):
        store.submit(JOB, "case-0", base=2)


def test_a_document_of_any_length_is_not_read(received, monkeypatch):
    path = received / MINE / "annotation.json"
    with path.open("r+b") as file:
        file.truncate(files.MOST_BYTES + 1)  # takes no room on the disk
    with pytest.raises(CorruptError, match="more than any document"):
        FolderStore(received, "ana").load(JOB, "case-0")


# -------------------------------------------------------------------- documents
PROGRESS = {
    "case": "case-1",
    "person": "ana",
    "status": "finished",
    "draft": False,
    "decided": 1,
    "comment": "",
    "number": 1,
    "review": "waiting",
    "submitted": "2030-01-04T15:00:00.000+00:00",
    "reviewer": "eve",
    "judged": None,
}
NOTE = {"case": "case-1", "n_slices": 10, "warnings": []}
ODD = {
    "case": ["\ud800", None, 5, ["a"], "x" * 10**6],
    "person": ["\ud800", None, [], "ana\0"],
    "status": [None, [], {}, "x"],
    "number": [-1, "1", 1.5, 10**300],
    "review": ["x", 5, []],
    "submitted": ["x", 5, "2030-01-04"],
    "reviewer": [None, 5, "x" * 10**6],
    "judged": ["x", 5, "2030-01-04T15:00:00"],
    "draft": ["x", None, [], 1],
    "decided": [10**30, -5, float("inf"), float("nan"), "7", [], None, 2**63],
    "comment": ["\ud800", None, []],
    "n_slices": [10**30, -5, float("inf"), float("nan"), "abc", [], {}, True, 0, 1.5],
    "warnings": [None, 5, "abc", [1], [None], {"a": 1}, [["x"]], ["\ud800"], [10**30]],
}
LINES = {
    f"{field} {str(value)[:9]!r}": json.dumps({**fields, field: value})
    for fields in (PROGRESS, NOTE)
    for field, values in ODD.items()
    if field in fields
    for value in values
} | {
    "deep": '{"case": "case-1", "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "digits": '{"case": "case-1", "n_slices": ' + "9" * 5000 + ', "warnings": []}',
    "no object": '["case-1"]',
    "not JSON": "case-1",
}


@pytest.fixture
def two_jobs(received, tmp_path, kit):
    """Return a folder of two jobs, the first of them from somebody else."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    other = shutil.copytree(received, folder / "other")
    found = json.loads((other / "job.json").read_text())
    found["job"]["id"] = "job-2"
    (other / "job.json").write_text(json.dumps(found))
    shutil.move(received, folder / "first")
    return folder


def test_lines_of_the_log_that_make_no_sense_are_passed_over(two_jobs, cache):
    log = two_jobs / "first/events.jsonl"
    store = FolderStore(two_jobs, "ana")
    store.jobs()
    good = log.read_bytes()
    for line in (*LINES.values(), '{"case": "\udcff"}'):
        log.write_bytes(good + line.encode("utf-8", "surrogateescape") + b"\n")
        assert [s.job.id for s in store.jobs()] == [JOB, "job-2"], line[:80]
        rows = {row.case.id: row for row in store.cases(JOB).rows}
        assert rows["case-1"].status is Status.RETURNED, line[:80]
        assert rows["case-1"].warnings == ("gap",), line[:80]
        good = log.read_bytes()
    never = {**PROGRESS, "person": "nobody", "number": 0}
    assert store.reviews(JOB).total
    log.write_bytes(good + json.dumps(never).encode() + b"\n")
    assert "nobody" not in {row.person for row in store.reviews(JOB).rows}
    good = log.read_bytes()
    # What follows them is still heard.
    log.write_bytes(good + json.dumps(PROGRESS).encode() + b"\n")
    assert store.case(JOB, "case-1").status is Status.FINISHED


@pytest.mark.parametrize("name", [n for n in LINES if "n_slices" in LINES[n]])
def test_notes_of_cases_that_make_no_sense_are_forgotten(two_jobs, cache, name):
    note = two_jobs / "first/cases/case-1.json"
    head = '{"format": "napari-annotate-jobs case", "version": 1, '
    note.write_bytes((head + LINES[name][1:]).encode("utf-8", "surrogatepass"))
    store = FolderStore(two_jobs, "ana")
    assert [s.job.id for s in store.jobs()] == [JOB, "job-2"]
    row = store.case(JOB, "case-1")
    assert (row.case.n_slices, row.warnings) == (None, ())
    assert any(f.where == str(note) for f in store.check())
    store.note_case(JOB, "case-1", n_slices=3)
    assert json.loads(note.read_text())["n_slices"] == 3


@pytest.mark.parametrize(
    "size",
    [
        *(
            "NaN, 5",
            "Infinity, 5",
            "5, 1e999",
            "0, 5",
            "-5, 5",
            "1.5, 5",
            "5",
            "5, 5, 5",
        ),
        *('"a", "b"', "null, null", "[], []", "9" * 5000 + ", 5"),
    ],
    ids=lambda text: text[:12],
)
def test_a_size_that_makes_no_sense_is_forgotten(received, kit, size):
    note = received / "cases/case-1.json"
    note.write_text(
        '{"format": "napari-annotate-jobs case", "version": 1, "case": "case-1", '
        f'"n_slices": 3, "warnings": [], "size": [{size}]}}'
    )
    store = FolderStore(received, "ana")
    assert store.case(JOB, "case-1").case.size is None
    revision = store.load(JOB, "case-1").annotation.revision
    change, blobs = kit.painted(1)
    assert store.save(JOB, "case-1", change, blobs, base=revision) == revision + 1


@pytest.mark.parametrize("number", ["9" * 12, "9" * 200, "00009"])
@pytest.mark.parametrize("ending", [".json", ".verdict-1.json"])
def test_a_submission_of_an_enormous_number_is_no_enormous_list(
    received, number, ending
):
    """Of one file, no more is made than a sentence that names what is missing."""
    folder = received / MINE / "submissions"
    shutil.copy(folder / f"0001{ending}", folder / f"{number}{ending}")
    store = FolderStore(received, "ana")
    with pytest.raises(CorruptError, match="submission 2 is missing"):
        store.load(JOB, "case-0")
    assert any("missing" in fault.what for fault in store.check())


def test_long_comments_and_warnings_are_cut_and_not_refused(received):
    log = received / "events.jsonl"
    store = FolderStore(received, "ana")
    store.jobs()
    long = "x" * 5000
    with log.open("a") as file:
        returned = {**PROGRESS, "status": "returned", "comment": long}
        for event in (returned, {**NOTE, "warnings": [long] * 2000}):
            file.write(json.dumps(event) + "\n")
    row = store.case(JOB, "case-1")
    assert 100 < len(row.returned_comment) < 5000
    assert 100 < len(row.warnings[0]) < 5000
    assert 100 < len(row.warnings) < 2000


def test_a_log_longer_than_what_is_read_at_once(received, monkeypatch):
    from napari_annotate_jobs.stores.folder import _events as events

    monkeypatch.setattr(events, "_PIECE", 500)
    log = received / "events.jsonl"
    store = FolderStore(received, "ana")
    store.jobs()
    with log.open("a") as file:
        file.write("x" * 2000 + "\n")
        for slices in range(1, 50):
            file.write(json.dumps({**NOTE, "n_slices": slices}) + "\n")
    assert store.case(JOB, "case-1").case.n_slices == 49


DOCUMENTS = {
    "deep": "[" * 100_000 + "]" * 100_000,
    "deep field": '{"format": "napari-annotate-jobs %s", "version": 1, "%s": '
    + '{"a": ' * 900
    + "1"
    + "}" * 901,
    "digits": '{"format": "napari-annotate-jobs %s", "version": ' + "9" * 5000 + "}",
    "no version": '{"format": "napari-annotate-jobs %s", "version": true}',
    "no fields": '{"format": "napari-annotate-jobs %s", "version": 1, "%s": [7]}',
    "a list": "[]",
    "surrogate": '{"format": "napari-annotate-jobs %s", "version": 1, "%s": "\\ud800"}',
    "not text": "\udcff\udcfe",
    "empty": "",
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DOCUMENTS)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("job.json", "job"),
        (f"{MINE}/annotation.json", "annotation"),
        (f"{MINE}/submissions/0001.json", "submission"),
        (f"{MINE}/submissions/0001.verdict-1.json", "verdict"),
    ],
)
def test_a_damaged_document_is_one_error_that_names_it(two_jobs, name, kind, damage):
    path = two_jobs / "first" / name
    text = DOCUMENTS[damage].replace("%s", kind)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    store = FolderStore(two_jobs, "ana")
    assert "job-2" in [s.job.id for s in store.jobs()]
    if kind == "job":
        assert [fault.where for fault in store.faults] == [str(path)]
    else:
        with pytest.raises(CorruptError) as caught:
            store.load(JOB, "case-0")
            store.submissions(JOB, "case-0")
        assert caught.value.where == str(path)
        with suppress(CorruptError):
            store.people(JOB, "case-0")
    assert any(f.where == str(path) for f in store.check())
    assert store.load("job-2", "case-0").annotation.revision == 2


@pytest.mark.parametrize("error", [RecursionError, OverflowError, KeyError, OSError])
def test_whatever_a_job_makes_go_wrong_stays_with_it(two_jobs, monkeypatch, error):
    real = catalogue.read_job

    def fail(path):
        if path.parent.name == "first":
            raise error("as nobody thought of")
        return real(path)

    monkeypatch.setattr(catalogue, "read_job", fail)
    store = FolderStore(two_jobs, "ana")
    assert [s.job.id for s in store.jobs()] == ["job-2"]
    (fault,) = store.faults
    assert fault.where == str(two_jobs / "first")
    assert "as nobody thought of" in fault.what
    with pytest.raises(CorruptError, match="as nobody thought of"):
        FolderStore(two_jobs / "first", "ana").jobs()
    monkeypatch.setattr(checking, "read_job", fail)
    assert [f.where for f in store.check()] == [str(two_jobs / "first")]


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("n_slices", 10**30, "n_slices"),
        ("name", "\ud800", "name"),
        ("id", "a/../b", "'a/../b'"),
        ("series", [], "series"),
    ],
)
def test_a_case_that_cannot_be_is_a_fault_of_its_job(two_jobs, field, value, word):
    path = two_jobs / "first/job.json"
    found = json.loads(path.read_text())
    found["cases"][1][field] = value
    path.write_text(json.dumps(found))
    store = FolderStore(two_jobs, "ana")
    assert [s.job.id for s in store.jobs()] == ["job-2"]
    (fault,) = store.faults
    assert fault.where == f"{path}, case 2"
    assert word in fault.what


def test_half_a_letter_in_a_field_of_others_survives(received, kit):
    path = received / MINE / "annotation.json"
    found = json.loads(path.read_text())
    found["later"] = "\ud800"
    path.write_text(json.dumps(found))
    store = FolderStore(received, "ana")
    store.save(JOB, "case-0", kit.labelled(2, 1), {}, base=2)
    store.close()
    assert json.loads(path.read_text())["later"] == "\ud800"


# ---------------------------------------------------------------- header notes
def _set(**fields):
    return lambda note: note.update(fields)


NOTES = {
    "deep": lambda note: "[" * 100_000,
    "shape": _set(shape=[10**9, 10**9, 10**9]),
    "other shape": _set(shape=[3, 3]),
    "shape of text": _set(shape=["a"]),
    "objects": _set(dtype="|O"),
    "no type": _set(dtype="nonsense"),
    "file name": lambda note: note["files"][0].__setitem__(0, "a\0b"),
    "file number": lambda note: note["files"][0].__setitem__(0, 7),
    "folder": _set(folders=[[7, 7]]),
    "frames": _set(frames=[[99, 0, 0, 1]]),
    "no frames": _set(frames=[]),
    "affine": _set(affine=[[1]]),
    "not a number": _set(affine=[[float("nan")] * 4] * 4),
    "spacing": _set(spacing="abc"),
    "windows": _set(windows=[{"center": 1}]),
    "no list": _set(warnings=7),
    "siblings": lambda note: note.update(siblings=[dict(note)]),
}


@pytest.mark.parametrize("name", NOTES)
def test_a_header_note_that_does_not_fit_is_forgotten(received, name):
    path = received / "headers/case-0-0.json"
    note, good = (json.loads(path.read_text()) for _ in range(2))
    text = NOTES[name](note)
    path.write_text(text if isinstance(text, str) else json.dumps(note))
    series = FolderStore(received, "ana").open_series(JOB, "case-0")
    assert series.header.shape == (1, 16, 16)
    assert series.read_slice(0).shape == (16, 16)
    if name != "siblings":  # which is right, and of no use
        assert json.loads(path.read_text()) == good

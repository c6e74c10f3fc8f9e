"""What docs/job-folder.md shows is what the program reads and writes."""

from __future__ import annotations

import inspect
import json
import os
import re
from pathlib import Path

from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Flag,
    Job,
    Submission,
    ThreadEntry,
    Verdict,
    content_digest,
    document_json,
)
from napari_annotate_jobs.stores import FolderStore
from napari_annotate_jobs.stores._names import person_folder
from napari_annotate_jobs.stores.folder._documents import (
    Envelope,
    pretty,
    unwrap,
    write_document,
)
from napari_annotate_jobs.stores.folder._events import ProgressEvent
from napari_annotate_jobs.stores.folder._flag_files import FlagFiles
from napari_annotate_jobs.stores.folder._journal import Entry, encode_entry
from napari_annotate_jobs.stores.folder._submissions import SubmissionFolder

DOCS = Path(__file__).parents[3] / "docs" / "job-folder.md"
EXAMPLES = dict(
    re.findall(
        r"<!-- example: (\S+) -->\n```json\n(.*?)```",
        DOCS.read_text("utf-8"),
        re.DOTALL,
    )
)


def body(name, kind, fields):
    found = json.loads(EXAMPLES[name])
    assert EXAMPLES[name] == pretty(found) + "\n"
    known, envelope = unwrap(found, kind, fields, where=name)
    assert found["format"] == f"napari-annotate-jobs {kind}"
    assert envelope.extra == {}
    return known


def same(model, found):
    """Read an example; it must be written again as it stands there."""
    value = model.model_validate(found)
    assert document_json(value) == found
    assert not value.model_extra
    return value


def test_all_examples_are_tested():
    assert set(EXAMPLES) == {
        "job.json",
        "annotation.json",
        "changes.jsonl",
        "submission.json",
        "verdict.json",
        "thread.json",
        "read.json",
        "return.json",
        "case.json",
        "events.jsonl",
        "flag.json",
    }


def test_the_job():
    known = body("job.json", "job", ("job", "cases"))
    same(Job, known["job"])
    for case in known["cases"]:
        same(Case, case)


def test_the_annotation():
    known = body("annotation.json", "annotation", ("annotation",))
    same(Annotation, known["annotation"])


def test_the_journal():
    line = json.loads(EXAMPLES["changes.jsonl"])
    assert re.fullmatch("[0-9a-f]{16}", line["sha256"])
    entry = Entry.model_validate(line["entry"])
    assert encode_entry(entry).decode() == EXAMPLES["changes.jsonl"]
    assert entry.change.slices["1.2.840.5.14"] is None


def test_the_submission():
    known = body("submission.json", "submission", ("submission",))["submission"]
    assert known["digest"] == content_digest(
        Annotation.model_validate(known["annotation"])
    )
    same(Submission, known)


def test_the_verdict_and_the_thread():
    same(Verdict, body("verdict.json", "verdict", ("verdict",))["verdict"])
    same(ThreadEntry, body("thread.json", "thread entry", ("entry",))["entry"])
    body("read.json", "read", ("person", "read"))


def test_a_return_of_an_earlier_version(tmp_path):
    (tmp_path / "0001.json").touch()
    (tmp_path / "0001.return.json").write_text(EXAMPLES["return.json"], "utf-8")
    (verdict,) = SubmissionFolder(tmp_path).verdicts()
    assert (verdict.outcome, verdict.person, verdict.number) == ("returned", "eve", 0)
    assert verdict.comments[0].text == "The vessel is missing"


def test_the_flag(job_folder):
    known = body("flag.json", "flag", ("case", "flag"))
    flag = same(Flag, known["flag"])
    files = FlagFiles(job_folder)
    files.write(known["case"], flag.person, flag)
    path = job_folder / "flags" / "case-1" / "ana.json"
    assert path.read_text("utf-8") == EXAMPLES["flag.json"]


def test_the_rest():
    body("case.json", "case", ("case", "n_slices", "warnings", "size"))
    assert ProgressEvent.model_validate_json(EXAMPLES["events.jsonl"]).decided == 42


def test_tags_and_names_of_masks_are_those_that_the_program_gives():
    text = DOCS.read_text("utf-8")
    ((folder, name),) = re.findall(r"`(\S+-[0-9a-f]{8})` for ([^.]+)\.", text)
    assert folder == person_folder(name)
    slices = json.loads(EXAMPLES["annotation.json"])["annotation"]["slices"]
    masks = {
        f"{content['index']:04d}-{mask['digest'][:16]}.png"
        for content in slices.values()
        for mask in content.get("masks", {}).values()
    }
    assert masks
    assert masks <= set(re.findall(r"\S+\.png", text))


def test_the_files_that_the_text_names_are_those_that_there_are(
    job_folder, kit, monkeypatch
):
    text = DOCS.read_text("utf-8")
    placed = []
    replace = os.replace

    def place(source, target, **kwargs):
        placed.append(Path(source).name)
        replace(source, target, **kwargs)

    monkeypatch.setattr(os, "replace", place)
    store = FolderStore(job_folder, "ana")
    change, blobs = kit.painted(0)
    store.save("job-1", "case-0", change, blobs, base=0)
    work = job_folder / "annotations" / "case-0" / "ana"
    assert placed
    assert all(name.startswith(".tmp-") for name in placed)
    assert (work / ".lock").exists()
    older = Envelope("annotation", version=0)
    write_document(work / "annotation.json", older, {"annotation": {}})
    assert (work / "annotation.v0.json").exists()
    patience = inspect.signature(FolderStore).parameters["timeout"].default
    for word in (".tmp-", "`.lock`", "annotation.v", f"{patience:g} seconds"):
        assert word in text, word
    store.close()


def test_long_lists_of_numbers_stand_in_one_line_and_of_texts_in_several():
    for found in (list(range(100)), ["number and text"] * 20, {"a": ["x" * 99, "y"]}):
        assert json.loads(pretty(found)) == found
    assert "\n" not in pretty(list(range(100)))
    assert pretty(["number and text"] * 20).count("\n") == 21

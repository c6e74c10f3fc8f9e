"""What docs/job-folder.md shows is what the program reads and writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Job,
    Return,
    Submission,
    content_digest,
    document_json,
)
from napari_annotate_jobs.stores._documents import pretty, unwrap
from napari_annotate_jobs.stores._events import ProgressEvent
from napari_annotate_jobs.stores._journal import Entry

DOCS = Path(__file__).parents[2] / "docs" / "job-folder.md"
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
        "return.json",
        "case.json",
        "events.jsonl",
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
    assert entry.change.slices["1.2.840.5.14"] is None


def test_the_submission():
    known = body("submission.json", "submission", ("submission",))["submission"]
    assert known["digest"] == content_digest(
        Annotation.model_validate(known["annotation"])
    )
    same(Submission, known)


def test_the_return_and_the_rest():
    same(Return, body("return.json", "return", ("return",))["return"])
    body("case.json", "case", ("case", "n_slices", "warnings"))
    assert ProgressEvent.model_validate_json(EXAMPLES["events.jsonl"]).decided == 42


@pytest.mark.parametrize("word", ["annotation.v", ".tmp-", ".lock", "10 seconds"])
def test_what_the_text_names_exists(word):
    source = "".join(
        path.read_text("utf-8")
        for path in (DOCS.parents[1] / "src/napari_annotate_jobs/stores").glob("*.py")
    )
    assert word in DOCS.read_text("utf-8")
    code = {"annotation.v": ".v{envelope.version}", "10 seconds": "timeout: float = 10"}
    assert code.get(word, word) in source

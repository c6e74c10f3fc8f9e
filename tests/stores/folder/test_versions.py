"""What version 1 wrote, with indices of slices where keys are written now."""

from __future__ import annotations

import hashlib
import json

from napari_annotate_jobs.model import (
    AnnotationChange,
    SliceAnnotation,
    Status,
    document_json,
)
from napari_annotate_jobs.stores import FolderStore

JOB = "job-1"

RANGE = {
    "id": "aa11",
    "action": "class labels",
    "labels": [1],
    "origin": 1,
    "start": 1,
    "stop": 2,
    "applied": [1, 2],
    "person": "ana",
    "time": "2026-01-02T03:04:05Z",
}
BOX = {"id": "bb22", "label": 5, "top": 1.0, "left": 1.0, "bottom": 3.0, "right": 4.0}
BOX |= {"track": "cc33", "leaves": 4}
SAID = {
    "case_id": "case-0",
    "person": "ana",
    "revision": 1,
    "slices": {
        "index:1": {"index": 1, "class_labels": [1]},
        "index:2": {"index": 2, "class_labels": [1], "boxes": [BOX]},
    },
    "ranges": [RANGE],
    "modified": "2026-01-02T03:04:05Z",
}


def written(kind, body):
    return {"format": f"napari-annotate-jobs {kind}", "version": 1, kind: body}


def line(entry):
    body = json.dumps(entry, ensure_ascii=False).encode()
    digest = hashlib.sha256(body).hexdigest()[:16].encode()
    return b'{"sha256": "' + digest + b'", "entry": ' + body + b"}\n"


def digest_of(said):
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def lay_down(job_folder):
    """Write a draft with one line in its journal, and a returned submission."""
    work = job_folder / "annotations" / "case-0" / "ana"
    (work / "submissions").mkdir(parents=True)
    (work / "annotation.json").write_text(json.dumps(written("annotation", SAID)))
    change = {"slices": {"index:3": {"index": 3, "boxes": [BOX | {"id": "dd44"}]}}}
    change["ranges"] = [RANGE | {"applied": [1]}]
    entry = {"revision": 2, "time": "2026-01-03T03:04:05Z", "change": change}
    (work / "changes.jsonl").write_bytes(line(entry))
    submission = {
        "number": 1,
        "author": "ana",
        "time": "2026-01-02T04:00:00Z",
        "annotation": SAID,
        "digest": digest_of(SAID),
    }
    (work / "submissions" / "0001.json").write_text(
        json.dumps(written("submission", submission))
    )
    answer = {
        "number": 1,
        "reviewer": "eve",
        "comments": [
            {"id": "e", "person": "eve", "text": "?", "time": "2026-01-02T05:00:00Z"}
        ],
        "time": "2026-01-02T05:00:00Z",
    }
    (work / "submissions" / "0001.return.json").write_text(
        json.dumps(written("return", answer))
    )
    return work


def test_what_version_1_wrote_is_read_as_it_was_meant(job_folder):
    work = lay_down(job_folder)
    frozen = work / "submissions" / "0001.json"
    before = frozen.read_bytes()
    store = FolderStore(job_folder, "ana")
    draft = store.load(JOB, "case-0")
    assert draft.status is Status.RETURNED
    assert draft.annotation.revision == 2
    assert draft.annotation.ranges[0].applied == (1,)
    assert draft.annotation.slices["index:3"].boxes[0].leaves == 4
    (submission,) = store.submissions(JOB, "case-0")
    assert document_json(submission.annotation) == SAID
    assert submission.digest == digest_of(SAID)
    assert list(store.check()) == []
    store.close()
    assert frozen.read_bytes() == before


def test_what_is_saved_on_top_is_of_version_2_and_the_old_draft_is_kept(job_folder):
    work = lay_down(job_folder)
    old = (work / "annotation.json").read_bytes()
    lines = (work / "changes.jsonl").read_bytes()
    frozen = (work / "submissions" / "0001.json").read_bytes()
    store = FolderStore(job_folder, "ana")
    keys = [f"index:{i}" for i in range(6)]
    naming = store.load(JOB, "case-0").annotation.naming(keys)
    new = {"index:5": SliceAnnotation(index=5, class_labels=(1,))}
    change = naming.then(AnnotationChange(slices=new))
    store.save(JOB, "case-0", change, {}, base=2)
    journal = (work / "changes.jsonl").read_bytes()
    assert journal.startswith(lines)
    saved = json.loads(journal[len(lines) :])["entry"]
    assert saved["version"] == 2  # an older program refuses it, and says to update
    assert saved["change"]["ranges"][0]["applied"] == ["index:1"]
    assert saved["change"]["slices"]["index:3"]["boxes"][0]["leaves"] == "index:4"
    store.submit(JOB, "case-0", base=3)
    store.close()
    assert (work / "annotation.v1.json").read_bytes() == old
    found = json.loads((work / "annotation.json").read_text())
    assert found["version"] == 2
    assert found["annotation"]["ranges"][0]["stop"] == "index:2"
    assert json.loads((work / "submissions" / "0002.json").read_text())["version"] == 2
    assert (work / "submissions" / "0001.json").read_bytes() == frozen
    again = FolderStore(job_folder, "ana")
    said = again.load(JOB, "case-0").annotation
    assert said.slices["index:2"].boxes[0].leaves == "index:4"
    assert list(again.check()) == []
    again.close()

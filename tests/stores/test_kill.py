"""SIGKILL at random moments: what was acknowledged is there, and nothing broken."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from napari_annotate_jobs.model import Comment, Status
from napari_annotate_jobs.stores import FolderStore

ROUNDS = 25
JOB, CASE = "job-1", "case-0"

# Each round forks a child, so that Python starts once and not 25 times. The child
# makes edits that follow from the revision alone, and acknowledges each.
DRIVER = """
import json, os, random, signal, sys
import numpy as np
from napari_annotate_jobs.formats import mask_ref
from napari_annotate_jobs.model import AnnotationChange, Comment, SliceAnnotation
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.stores import FolderStore, _work

path, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
JOB, CASE = "job-1", "case-0"
_work._LONG_LINES = 7  # so that snapshots are written often


def edit(revision):
    index = revision % 9
    mask = np.zeros((16, 16), np.uint16)
    mask.flat[: 7 * revision % 256 + 1] = 6
    ref, data = mask_ref(mask)
    content = SliceAnnotation(index=index, class_labels=(1,), masks={"": ref})
    slices = {f"index:{index}": None if revision % 11 == 0 else content}
    return AnnotationChange(slices=slices), {ref.digest: data}


def child(ack):
    store = FolderStore(path, "ana")
    draft = store.load(JOB, CASE)
    revision = draft.annotation.revision
    while True:
        if store.load(JOB, CASE).status is Status.FINISHED:
            remark = Comment(person="eve", text="again")
            FolderStore(path, "eve").return_case(JOB, CASE, [remark], person="ana")
        change, blobs = edit(revision + 1)
        revision = store.save(JOB, CASE, change, blobs, base=revision)
        os.write(ack, b"%d 0\\n" % revision)
        if revision % 13 == 0:
            number = store.submit(JOB, CASE, base=revision).number
            os.write(ack, b"%d %d\\n" % (revision, number))
            store.counts(JOB)


chance = random.Random(seed)
for number in range(rounds):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            child(write)
        except BaseException as error:
            print("the child failed:", repr(error), file=sys.stderr, flush=True)
        os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as acks:
        seen = b"".join(acks.readline() for _ in range(chance.randrange(1, 25)))
        for _ in range(chance.randrange(100_000)):
            pass  # some way into the next edit
        os.kill(pid, signal.SIGKILL)
        seen += acks.read()
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself"
    store = FolderStore(path, "ana")
    draft = store.load(JOB, CASE)
    faults = [str(fault) for fault in store.check()]
    whole = seen[: seen.rfind(b"\\n") + 1].decode().split()
    expected = {}
    for revision in range(1, draft.annotation.revision + 1):
        for key, content in edit(revision)[0].slices.items():
            expected.pop(key, None)
            if content is not None:
                expected[key] = content
    print(
        json.dumps(
            {
                "revisions": whole[0::2],
                "submitted": whole[1::2],
                "revision": draft.annotation.revision,
                "submissions": draft.submissions,
                "same": dict(draft.annotation.slices) == expected,
                "faults": faults,
            }
        ),
        flush=True,
    )
    store.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no forks, nor SIGKILL")
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_survives_a_kill(job_folder, seed):
    run = subprocess.run(
        [sys.executable, "-c", DRIVER, str(job_folder), str(ROUNDS), str(seed)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    rounds = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(rounds) == ROUNDS
    acknowledged = submitted = 0
    for found in rounds:
        assert found["faults"] == []
        assert found["same"]
        acknowledged = max(acknowledged, *map(int, found["revisions"]))
        submitted = max(submitted, *map(int, found["submitted"]))
        assert found["revision"] >= acknowledged
        assert found["submissions"] >= submitted
    # Hundreds of edits, and rounds that really went on from one another.
    assert acknowledged > 150
    assert submitted > 5

    store = FolderStore(job_folder, "ana")
    draft = store.load(JOB, CASE)
    if draft.status is Status.FINISHED:
        eve = FolderStore(job_folder, "eve")
        remark = Comment(person="eve", text="again")
        eve.return_case(JOB, CASE, [remark], person="ana")
    assert store.submit(JOB, CASE, base=draft.annotation.revision)
    store.close()

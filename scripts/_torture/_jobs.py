"""A small job to torture, edits that follow from a number, and what must hold."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Comment,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
    Status,
    Verb,
    mask_ref,
)
from napari_annotate_jobs.session import begin_correction
from napari_annotate_jobs.stores import FolderStore, create_job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JOB, CASE, ANNA, REVIEWER = "job", "case-1", "anna", "rita"
SIZE, SLICES = 32, 9

LABELS = LabelSet(
    labels=(
        Label(id=1, name="lesion", color="#E69F00", method=Method.CLASSIFICATION),
        Label(id=2, name="liver", color="#D55E00", method=Method.SEGMENTATION),
    )
)


def make_job(folder: Path) -> None:
    """Make a job of one case with an image, and nothing else in it."""
    images = folder / "images"
    images.mkdir(parents=True)
    Image.new("L", (SIZE, SIZE)).save(images / "x.png")
    methods = (Method.CLASSIFICATION, Method.SEGMENTATION)
    project = Project(name="Torture", methods=methods, label_set=LABELS)
    case = Case(id=CASE, name="Case", series=(SeriesRef(path="images"),))
    create_job(folder, Job(id=JOB, project=project), [case], person=ANNA).close()


def edit(number: int) -> tuple[AnnotationChange, dict[str, bytes]]:
    """Return the edit with a number: it paints a slice, labels it, or clears it."""
    index = number % SLICES
    key = f"index:{index}"
    if number % 11 == 0:
        return AnnotationChange(slices={key: None}), {}
    mask = np.zeros((SIZE, SIZE), np.uint16)
    mask.flat[: 1 + 7 * number % (SIZE * SIZE)] = 2
    ref, data = mask_ref(mask)
    masks = {"": ref} if number % 3 else {}
    content = SliceAnnotation(index=index, class_labels=(1,), masks=masks)
    return AnnotationChange(slices={key: content}), {ref.digest: data}


def after(revision: int) -> dict[str, SliceAnnotation]:
    """Return what the slices hold after the edits 1 to `revision`."""
    found: dict[str, SliceAnnotation] = {}
    for number in range(1, revision + 1):
        for key, content in edit(number)[0].slices.items():
            found.pop(key, None)
            if content is not None:
                found[key] = content
    return found


@dataclass
class Acknowledged:
    """What the store has said is safe.

    Parameters
    ----------
    revision : int
        The last edit that was saved.
    submissions : dict of int to int
        The revision that each submission froze.
    returns : set of int
        The numbers of the submissions that were returned.
    verdicts : dict of int to int
        How many verdicts each submission has.
    threads : int
        How many threads were begun.
    """

    revision: int = 0
    submissions: dict[int, int] = field(default_factory=dict)
    returns: set[int] = field(default_factory=set)
    verdicts: dict[int, int] = field(default_factory=dict)
    threads: int = 0

    def note(self, word: str, number: int, value: int = 0) -> None:
        """Take up one word of the store."""
        if word == "saved":
            self.revision = max(self.revision, number)
        elif word == "submitted":
            self.submissions[number] = value
        elif word == "judged":
            self.verdicts[number] = value
        elif word == "said":
            self.threads = number
        elif word == "returned":
            self.returns.add(number)


class Worker:
    """Does the next step on the case, whatever it is, and says what came of it.

    Parameters
    ----------
    folder : Path
        The job's.
    say : callable
        Takes a word and two numbers, once a step is acknowledged.
    """

    def __init__(self, folder: Path, say, *, timeout: float = 10.0) -> None:  # type: ignore[no-untyped-def]
        self.store = FolderStore(folder, ANNA, timeout=timeout)
        self.other = FolderStore(folder, REVIEWER, timeout=timeout)
        self._say = say

    def step(self) -> None:
        """Save the next edit; submit after each fifth, and have it returned."""
        draft = self.store.load(JOB, CASE)
        revision = draft.annotation.revision
        if draft.status is Status.FINISHED:
            self.review(draft.submissions)
            return
        done = draft.returned is not None or not draft.submissions
        if revision and revision % 5 == 0 and done:
            frozen = self.store.submissions(JOB, CASE)
            if not frozen or frozen[-1].annotation.revision < revision:
                self.submit(revision)
                return
        self.save(revision + 1)

    def save(self, number: int) -> None:
        """Save the edit with a number."""
        change, blobs = edit(number)
        self._say("saved", self.store.save(JOB, CASE, change, blobs, base=number - 1))

    def submit(self, revision: int) -> None:
        """Submit the draft."""
        number = self.store.submit(JOB, CASE, base=revision).number
        self._say("submitted", number, revision)

    def review(self, number: int) -> None:
        """Comment on every second submission, pass it, take that back, return it."""
        given = [
            v
            for v in self.other.verdicts(JOB, CASE, person=ANNA)
            if v.submission == number
        ]
        threads = self.other.threads(JOB, CASE, person=ANNA)
        text = f"Look at {number}"
        if number % 2 or len(given) > 1:
            self.give_back(number)
        elif all(thread.first.text != text for thread in threads):
            remark = Comment(person=REVIEWER, text=text)
            self.other.discuss(JOB, CASE, person=ANNA, comment=remark)
            self._say("said", len(threads) + 1)
        else:
            verb = Verb.WITHDRAW if given else Verb.PASS
            verdict = self.other.judge(JOB, CASE, verb, person=ANNA)
            self._say("judged", number, verdict.number)

    def read(self) -> None:
        """Read all threads, as the annotator."""
        self.store.mark_read(JOB, CASE)
        self._say("read", 0)

    def correct(self) -> None:
        """Correct a copy of what is submitted, and pass that, as the reviewer."""
        copy = begin_correction(self.other, JOB, CASE, ANNA)
        base = copy.load(JOB, CASE).annotation.revision
        copy.submit(JOB, CASE, base=copy.save(JOB, CASE, *edit(base), base=base))
        number = self.store.load(JOB, CASE).submissions
        self._say("judged", number, 1)

    def combine(self) -> None:
        """Keep a combination of labels."""
        self.store.save_combination(JOB, "both", "classes: []")
        self._say("combined", 0)

    def give_back(self, number: int) -> None:
        """Return the last submission, as the reviewer."""
        remark = Comment(person=REVIEWER, text=f"Again, after {number}")
        self.other.return_case(JOB, CASE, [remark], person=ANNA)
        self._say("returned", number)

    def close(self) -> None:
        """Close both stores."""
        self.store.close()
        self.other.close()


def losses(folder: Path, said: Acknowledged, *, go_on: bool = True) -> list[str]:
    """Return what is wrong with a job, by what was acknowledged; none if all is well.

    Parameters
    ----------
    folder : Path
        The job's.
    said : Acknowledged
        What must be there.
    go_on : bool
        True to save one more edit as well.
    """
    found = []
    store = FolderStore(folder, ANNA, timeout=2)
    try:
        draft = store.load(JOB, CASE)
        revision = draft.annotation.revision
        if revision < said.revision:
            found.append(f"revision {revision} is left of {said.revision}")
        if dict(draft.annotation.slices) != after(revision):
            found.append(f"the slices are not those of revision {revision}")
        for digest in draft.annotation.blobs():
            data = store.read_blob(JOB, CASE, digest)
            if hashlib.sha256(data).hexdigest() != digest:
                found.append(f"mask {digest[:8]} has other bytes")
        frozen = {s.number: s.annotation for s in store.submissions(JOB, CASE)}
        for number, at in said.submissions.items():
            if number not in frozen:
                found.append(f"submission {number} is gone")
            elif frozen[number].revision != at:
                found.append(f"submission {number} holds {frozen[number].revision}")
            elif dict(frozen[number].slices) != after(at):
                found.append(f"submission {number} has other slices")
        if said.returns and max(said.returns) == draft.submissions:
            if draft.status is not Status.RETURNED:
                found.append(f"the return of submission {draft.submissions} is gone")
        verdicts = store.verdicts(JOB, CASE)
        for number, n in said.verdicts.items():
            if sum(v.submission == number for v in verdicts) < n:
                found.append(f"a verdict on submission {number} is gone")
        if len(store.threads(JOB, CASE)) < said.threads:
            found.append(f"a thread of {said.threads} is gone")
        found += [f"check: {fault.what}" for fault in store.check()]
        if go_on and draft.status is not Status.FINISHED:
            change, blobs = edit(revision + 1)
            store.save(JOB, CASE, change, blobs, base=revision)
    except AnnotateJobsError as error:
        found.append(f"{type(error).__name__}: {error}".replace(os.fspath(folder), ""))
    finally:
        store.close()
    return found


def document_names(folder: Path) -> Mapping[str, Path]:
    """Return the documents and masks of a job by their place in it."""
    return {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and "images" not in path.relative_to(folder).parts
        and "lock" not in path.name
    }

"""Verify all that a job folder holds."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    CorruptError,
    InvalidValueError,
    StoreError,
)
from napari_annotate_jobs.files import (
    TEMPORARY,
    check_links,
    list_folder,
    require_regular,
)
from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    MaskRef,
    check_change,
    count_pixels,
    decode_mask,
)
from napari_annotate_jobs.stores._contract import Fault
from napari_annotate_jobs.stores._names import case_folder, person_folder

from ._catalogue import read_job, read_note
from ._check_images import ImageCheck
from ._documents import parsed, read_document, unwrap
from ._job import CORRECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from napari_annotate_jobs.model import Annotation, LabelSet, Submission
    from napari_annotate_jobs.stores._contract import Progress

    from ._case_work import WorkFolder
    from ._job import JobFolder

__all__ = ["check_job"]

_DOCUMENTS = (
    "job.json",
    "annotations",
    "cases",
    "combinations",
    "flags",
    "headers",
    "events.jsonl",
    ".lock",
)
"""What of a job folder is ours; the rest may be images, and linked."""


def check_job(
    folder: JobFolder, *, pixels: bool = False, progress: Progress | None = None
) -> Iterator[Fault]:
    """Verify every document, journal, submission, mask and image of a job folder.

    Parameters
    ----------
    folder : JobFolder
        The job.
    pixels : bool
        Read the voxels of the images too, not only their headers.
    progress : callable, optional
        Called with the name of the job, cases done and cases in all.

    Yields
    ------
    Fault
        None if all is well. What an interrupted save left behind, and what
        the program cleans away itself, is no fault.
    """
    told: set[tuple[str, str]] = set()
    for fault in _Check(folder, pixels, progress).faults():
        # A link among the documents is found by its name, and when it is read.
        if (fault.where, fault.what) not in told:
            told.add((fault.where, fault.what))
            yield fault


class _Check:
    def __init__(
        self, folder: JobFolder, pixels: bool, progress: Progress | None
    ) -> None:
        self._folder = folder
        self._images = ImageCheck(folder.path, pixels=pixels)
        self._progress = progress

    def faults(self) -> Iterator[Fault]:
        for error in _strange_files(self._folder.path, _DOCUMENTS):
            yield _fault(error, self._folder.path)
        path = self._folder.path / "job.json"
        try:
            job, raw, _ = read_job(path)
        except AnnotateJobsError as error:
            yield _fault(error, path)
            return
        cases: dict[str, Case] = {}
        for number, found in enumerate(raw):
            try:
                case = parsed(Case, found, where=f"{path}, case {number + 1}")
            except AnnotateJobsError as error:
                yield _fault(error, path)
                continue
            if case.id in cases:
                yield Fault(
                    where=str(path),
                    what=f"two cases have the id {case.id!r}",
                    remedy="Give each case its own id",
                )
            cases[case.id] = case
            yield from self._images.faults(case)
            if self._progress is not None:
                self._progress(self._folder.path.name, number + 1, len(raw))
        yield from self._notes(cases)
        yield from self._flags(cases)
        yield from self._annotations(cases, job.project.label_set)

    def _notes(self, cases: dict[str, Case]) -> Iterator[Fault]:
        known = {f"{case_folder(case_id)}.json": case_id for case_id in cases}
        for path in _entries(self._folder.path / "cases"):
            try:
                note = read_note(path)
            except AnnotateJobsError as error:
                yield _fault(error, path)
                continue
            if note is not None and known.get(path.name) != note.case:
                yield Fault(
                    where=str(path),
                    what=f"it is of case {note.case!r}",
                    remedy="Take the file away: it is made again",
                )

    def _flags(self, cases: dict[str, Case]) -> Iterator[Fault]:
        flags = self._folder.flags
        try:
            for path in flags.files():
                try:
                    case_id, _ = flags.read(path)
                except AnnotateJobsError as error:
                    yield _fault(error, path)
                    continue
                if case_id not in cases:
                    yield Fault(
                        where=str(path),
                        what="there is no such case in job.json",
                        remedy="Add the case again, or take the file away",
                    )
        except AnnotateJobsError as error:
            yield _fault(error, flags.path)

    def _annotations(self, cases: dict[str, Case], labels: LabelSet) -> Iterator[Fault]:
        known = {case_folder(case_id): case_id for case_id in cases}
        for path in _entries(self._folder.path / "annotations"):
            case_id = known.get(path.name)
            if case_id is None:
                yield Fault(
                    where=str(path),
                    what="there is no such case in job.json",
                    remedy="Add the case again, or take the folder away",
                )
                continue
            for mine in _entries(path):
                yield from self._work(case_id, mine, labels)

    def _work(
        self, case_id: str, path: Path, labels: LabelSet, of: str | None = None
    ) -> Iterator[Fault]:
        document = path / "annotation.json"
        try:
            found = read_document(document, "annotation")
            if found is None:
                if any(p.name != ".lock" for p in _entries(path)):
                    yield Fault(
                        where=str(document),
                        what="the annotation is missing",
                        remedy="Restore it from a backup",
                    )
                return
            body, _ = unwrap(found, "annotation", ("annotation",), where=document)
            person = str(body["annotation"].get("person"))
            if person_folder(person) != path.name:
                yield Fault(
                    where=str(document),
                    what=f"an annotation of {person!r} is in the wrong folder",
                    remedy=f"Its folder is {person_folder(person)}",
                )
                return
            work = self._folder.work_of(case_id, person, of)
            annotation = work.annotation()
        except (AnnotateJobsError, AttributeError) as error:
            yield _fault(error, document)
            return
        seen: dict[str, Fault | None] = {}
        yield from self._content(work, annotation, labels, document, seen)
        yield from self._submissions(work, labels, seen)
        yield from self._threads(work)
        for copy in _entries(path / CORRECTIONS) if of is None else ():
            yield from self._work(case_id, copy, labels, person)

    def _threads(self, work: WorkFolder) -> Iterator[Fault]:
        try:
            work.talk.entries()
        except AnnotateJobsError as error:
            yield _fault(error, work.talk.path)

    def _submissions(
        self, work: WorkFolder, labels: LabelSet, seen: dict[str, Fault | None]
    ) -> Iterator[Fault]:
        try:
            numbers = work.submitted.numbers()
        except AnnotateJobsError as error:
            yield _fault(error, work.submitted.path)
            return
        for number, answered in numbers.items():
            path = work.submitted.path / f"{number:04d}.json"
            try:
                submission = work.submitted.read(number)
            except AnnotateJobsError as error:
                yield _fault(error, path)
                continue
            for verdict in answered:
                yield from self._verdict(work, submission, verdict)
            found = submission.annotation
            if (found.case_id, found.person) != (work.case_id, work.person):
                yield Fault(
                    where=str(path),
                    what=f"it is of case {found.case_id!r} by {found.person!r}",
                    remedy="Restore the file from a backup",
                )
            yield from self._content(work, found, labels, path, seen)

    def _verdict(
        self, work: WorkFolder, submission: Submission, number: int
    ) -> Iterator[Fault]:
        path = work.submitted.verdict_path(submission.number, number)
        remedy = "Restore the file from a backup"
        try:
            verdict = work.submitted.read_verdict(submission.number, number)
            if verdict.number and verdict.answers != submission.digest:
                yield Fault(
                    where=str(path),
                    what="it answers a submission of another content",
                    remedy=remedy,
                )
            if (by := verdict.correction) is not None:
                copy = self._folder.work_of(work.case_id, by.person, work.person)
                if copy.submitted.read(by.number).digest != by.digest:
                    yield Fault(
                        where=str(path),
                        what="the corrected copy is another than the one that passed",
                        remedy=remedy,
                    )
        except AnnotateJobsError as error:
            yield _fault(error, path)

    def _content(
        self,
        work: WorkFolder,
        annotation: Annotation,
        labels: LabelSet,
        path: Path,
        seen: dict[str, Fault | None],
    ) -> Iterator[Fault]:
        try:
            check_change(
                AnnotationChange(
                    slices=dict(annotation.slices),
                    case_labels=annotation.case_labels,
                    case_attributes=annotation.case_attributes,
                    ranges=annotation.ranges,
                ),
                labels,
            )
        except InvalidValueError as error:
            yield Fault(
                where=str(path),
                what=str(error).rstrip("."),
                remedy="The label set was changed after this was said: undo that",
            )
        size = self._images.sizes.get(work.case_id)
        if size is None:
            size = self._folder.size_of(work.case_id)
        for key, content in annotation.slices.items():
            for masks in (content.masks, content.proposals):
                for mask in masks.values():
                    if mask.digest not in seen:
                        seen[mask.digest] = fault = _mask_fault(work, mask, key, size)
                        if fault is not None:
                            yield fault


def _mask_fault(
    work: WorkFolder, mask: MaskRef, key: str, size: tuple[int, int] | None
) -> Fault | None:
    where = work.masks.path
    try:
        data = work.read_mask(mask.digest)
        if data is None:
            return Fault(
                where=str(where),
                what=f"the mask {mask.digest[:16]} of slice {key} is missing",
                remedy="Restore the file from a backup, or paint the slice again",
            )
        assert hashlib.sha256(data).hexdigest() == mask.digest
        pixels = count_pixels(decode_mask(data, shape=size))
    except AnnotateJobsError as error:
        fault = _fault(error, where)
        if error.where == str(where):
            return fault  # of the folder, not of this mask
        return fault.model_copy(
            update={"what": f"{fault.what} (mask {mask.digest[:16]} of slice {key})"}
        )
    if pixels != mask.pixels:
        return Fault(
            where=str(where),
            what=f"the mask {mask.digest[:16]} of slice {key} holds other labels or "
            "numbers of pixels than the annotation says",
            remedy="Paint the slice again",
        )
    return None


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, but for files still being written."""
    try:
        names = list_folder(folder)
    except StoreError:
        return []
    return [folder / name for name in names if not name.startswith(TEMPORARY)]


def _fault(error: Exception, path: Path) -> Fault:
    if isinstance(error, AnnotateJobsError):
        return Fault(
            where=error.where or str(path), what=error.what, remedy=error.remedy or ""
        )
    return Fault(
        where=str(path),
        what="the document does not have the fields it should",
        remedy="Restore the file from a backup",
    )


def _strange_files(root: Path, names: Iterable[str]) -> Iterator[CorruptError]:
    """Find what nothing here would open: links, devices and pipes.

    Parameters
    ----------
    root : Path
        A confined folder.
    names : iterable of str
        Files and folders in it that are looked through, however deep.

    Yields
    ------
    CorruptError
        Names a file and what to do about it.
    """
    pending = [root / name for name in names]
    while pending:
        path = pending.pop(0)
        try:
            check_links(path)
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode):
                pending += [path / name for name in list_folder(path)]
            else:
                require_regular(found, path)
        except CorruptError as error:
            yield error
        except OSError:
            continue  # who reads it tells

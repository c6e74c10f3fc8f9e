"""What owners do with a job folder: it is edited, and put into the trash."""

from __future__ import annotations

import os
import re
import secrets
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import StoreAccessError, StoreError
from napari_annotate_jobs.files import (
    accessing,
    check_links,
    list_folder,
    locked,
    read_if_there,
    write_durably,
)
from napari_annotate_jobs.model import Case, document_json
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._edits import (
    check_owner,
    contents_of,
    labels_in,
    owned_edit,
)
from napari_annotate_jobs.stores._names import case_folder

from ._catalogue import read_job
from ._documents import parsed, write_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from napari_annotate_jobs.model import Annotation, Job, JobEdit
    from napari_annotate_jobs.stores._answers import JobContents

    from ._job import JobFolder

__all__ = ["TRASH", "JobOwning"]

TRASH = "Deleted jobs"
"""The folder beside a job folder that it is put into instead of being deleted."""

_OURS = re.compile(
    r"job(\.v[0-9]+)?\.json|events(\.aside-.*)?\.jsonl|\.lock|\.tmp-.*|"
    r"annotations|cases|combinations|flags|headers"
)
"""What a job puts into its folder; all else is somebody's images."""
_DOCUMENT = "job.json"


class JobOwning:
    """What an owner does with a job folder.

    Parameters
    ----------
    folder : JobFolder
        As this person uses it.
    timeout : float
        Seconds to wait for the lock file.
    """

    def __init__(self, folder: JobFolder, timeout: float) -> None:
        self._folder = folder
        self._path = folder.path / _DOCUMENT
        self._timeout = timeout

    # ----------------------------------------------------------------- editing
    def edit(self, edit: JobEdit) -> Job:
        """Change the job; see :meth:`JobStore.edit_job`."""
        with locked(self._folder.path / ".lock", self._timeout):
            before = read_if_there(self._path)
            job, found, envelope = read_job(self._path)
            cases = []
            if edit.touches_cases:
                cases = [
                    parsed(Case, case, where=f"{self._path}, case {number + 1}")
                    for number, case in enumerate(found)
                ]
            asked = partial(
                owned_edit,
                job,
                cases,
                edit,
                person=self._folder.person,
                used=self.used,
                annotated=self._annotated,
            )
            done, kept = asked()
            if edit.touches_cases:
                found = [document_json(case) for case in kept]
            body = {"job": document_json(done), "cases": found}
            write_document(self._path, envelope, body)
            if edit.remove_cases or edit.remove_labels:
                try:
                    # Who began meanwhile had looked at the job before it was changed.
                    asked()
                except BaseException:
                    assert before is not None
                    write_durably(self._path, before)
                    raise
                self._forget(edit.remove_cases)
        return done

    def _forget(self, ids: Collection[str]) -> None:
        """Remove what was noted of the images of cases that are taken away."""
        root = self._folder.path
        for case_id in ids:
            self._folder.flags.forget(case_id)
            name = case_folder(case_id)
            notes = [root / "cases" / f"{name}.json"]
            notes += [
                root / "headers" / header
                for header in list_folder(root / "headers")
                if re.fullmatch(re.escape(name) + r"-[0-9]+\.json", header)
            ]
            for path in notes:
                with suppress(OSError, StoreError):
                    check_links(path)
                    path.unlink(missing_ok=True)

    def used(self, ids: Collection[int]) -> dict[int, str]:
        """Return where labels are used, by their ids."""
        wanted, found = set(ids), dict[int, str]()
        for name in self._folder.records():
            for annotation in self._everything(name.case, name.person, name.of):
                for label_id in labels_in(annotation) & wanted:
                    case = self._folder.catalogue.row(name.case).case.name
                    found[label_id] = f"{case}, by {name.person}"
            if len(found) == len(wanted):
                break
        return found

    def _everything(
        self, case_id: str, person: str, of: str | None
    ) -> Iterator[Annotation]:
        work = self._folder.work_of(case_id, person, of)
        yield work.annotation()
        for submission in work.submitted.read_all():
            yield submission.annotation

    def _annotated(self, ids: Collection[str]) -> dict[str, str]:
        """Return by whom cases were annotated."""
        found = {}
        for case_id in ids:
            people = [
                person
                for person in self._folder.names(case_id)
                if self._has_begun(case_id, person)
            ]
            if people:
                found[case_id] = ", ".join(sorted(people))
        return found

    def _has_begun(self, case_id: str, person: str) -> bool:
        work = self._folder.work_of(case_id, person)
        return bool(
            work.annotation().revision
            or work.submitted.last()[0]
            or work.talk.entries()
        )

    # ---------------------------------------------------------------- deleting
    def contents(self) -> JobContents:
        """Return what is in the job, by whom."""
        folder = self._folder

        def work() -> Iterator[tuple[str, bool, int]]:
            for name in folder.records():
                found = folder.work_of(name.case, name.person, name.of)
                number, _ = found.submitted.last()
                last = found.submitted.read(number) if number else None
                draft = _rules.has_draft(found.annotation().revision, last)
                yield name.person, draft, number

        return contents_of(len(folder.catalogue.case_ids()), work())

    def delete(self) -> str:
        """Put the job into the trash beside it; images stay where they are.

        Returns
        -------
        str
            Where it is now, and how it comes back.
        """
        root = self._folder.path
        check_owner(self._folder.job(), self._folder.person)
        check_links(self._path)
        mark = (
            time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + "-" + secrets.token_hex(2)
        )
        trash = root.parent / TRASH
        target = trash / f"{root.name}-{mark}"
        entries = list_folder(root)
        theirs = [name for name in entries if not _OURS.fullmatch(name)]
        with accessing(trash, "made"):
            trash.mkdir(exist_ok=True)
        if not theirs and not root.is_symlink():
            with accessing(root, "moved"):
                os.rename(root, target)
            return f"{target}; to have it back, move that folder to {root}"
        self._move(entries, target)
        return (
            f"{target}; to have it back, move what is in it to {root}, where "
            "the images are still"
        )

    def _move(self, entries: Collection[str], target: Path) -> None:
        """Move what is the job's, its document first: all of it, or nothing."""
        root = self._folder.path
        ours = [name for name in entries if _OURS.fullmatch(name)]
        ours.sort(key=lambda name: name != _DOCUMENT)
        moved: list[str] = []
        try:
            with accessing(target, "made"):
                target.mkdir()
            for name in ours:
                with accessing(root / name, "moved"):
                    os.rename(root / name, target / name)
                moved.append(name)
        except StoreError as error:
            left = []
            for name in reversed(moved):
                try:
                    os.rename(target / name, root / name)
                except OSError:
                    left.append(name)
            with suppress(OSError):
                target.rmdir()
            if left:
                raise StoreAccessError(
                    f"the job is in two places now: {', '.join(left)} could not be "
                    "moved back",
                    where=target,
                    remedy=f"Move it to {root}",
                ) from error
            raise

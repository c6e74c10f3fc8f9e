"""The folder of frozen, numbered submissions and the verdicts on them."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from napari_annotate_jobs.errors import CorruptError, NotFoundError
from napari_annotate_jobs.files import list_folder, make_folders, place_new_durably
from napari_annotate_jobs.model import (
    Comment,
    Document,
    Outcome,
    Submission,
    Verdict,
    document_json,
)

from ._documents import (
    Envelope,
    document_bytes,
    parse_document,
    parsed,
    read_document,
    unwrap,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SubmissionFolder"]

_NAME = re.compile(r"(\d{4,})(?:\.(return)|\.verdict-(\d+))?\.json\Z")


class SubmissionFolder:
    """Submissions of one person's work on one case, and the verdicts on them.

    None is ever rewritten.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def numbers(self) -> dict[int, list[int]]:
        """Return the numbers of the verdicts on each submission, by its number.

        A return that an earlier version of this package wrote has the number 0.

        Raises
        ------
        CorruptError
            If a submission or a verdict is missing.
        """
        numbers: set[int] = set()
        verdicts: dict[int, list[int]] = {}
        for name in list_folder(self.path):
            found = _NAME.match(name)
            if found is None:
                continue
            number = int(found[1])
            if found[2] or found[3]:
                verdicts.setdefault(number, []).append(int(found[3] or 0))
            else:
                numbers.add(number)
        count = max(numbers | set(verdicts), default=0)
        if len(numbers) < count:
            raise self._missing(f"submission {_first_not_in(numbers)}")
        for number, answered in verdicts.items():
            answered.sort()
            missing = _first_not_in(set(answered))
            if missing < answered[-1]:
                raise self._missing(f"verdict {missing} on submission {number}")
        return {n: verdicts.get(n, []) for n in range(1, count + 1)}

    def _missing(self, what: str) -> CorruptError:
        return CorruptError(
            f"{what} is missing",
            where=self.path,
            remedy="Restore it from a backup",
        )

    def last(self) -> tuple[int, list[int]]:
        """Return the number of the last submission, and those of its verdicts.

        Raises
        ------
        CorruptError
            If a submission or a verdict is missing.
        """
        numbers = self.numbers()
        count = len(numbers)
        return count, numbers.get(count, [])

    def read(self, number: int) -> Submission:
        """Return a submission; its digest was compared with its content."""
        path = self.path / f"{number:04d}.json"
        body = self._body(path, "submission")
        submission = parsed(Submission, body, where=path)
        if submission.number != number:
            raise CorruptError(
                f"it holds submission {submission.number}",
                where=path,
                remedy="Restore the file from a backup",
            )
        return submission

    def read_verdict(self, submission: int, number: int) -> Verdict:
        """Return a verdict; its digest was compared with its content."""
        path = self.verdict_path(submission, number)
        if number:
            verdict = parsed(Verdict, self._body(path, "verdict"), where=path)
        else:
            verdict = _as_verdict(self._body(path, "return"), path)
        if (verdict.submission, verdict.number) != (submission, number):
            raise CorruptError(
                f"it is verdict {verdict.number} on submission {verdict.submission}",
                where=path,
                remedy="Restore the file from a backup",
            )
        return verdict

    def verdict_path(self, submission: int, number: int) -> Path:
        """Return the file of a verdict."""
        ending = f"verdict-{number}" if number else "return"
        return self.path / f"{submission:04d}.{ending}.json"

    def verdicts(self) -> list[Verdict]:
        """Return all verdicts on all submissions, in their order."""
        return [
            self.read_verdict(submission, number)
            for submission, answered in self.numbers().items()
            for number in answered
        ]

    def read_all(self) -> list[Submission]:
        """Return all submissions in their order."""
        return [self.read(number) for number in self.numbers()]

    def write(self, submission: Submission, *, root: Path) -> None:
        """Write the next submission, proved to be readable before it is there.

        Raises
        ------
        ExistsError
            If somebody else wrote one of this number.
        CorruptError, StoreAccessError
            If it cannot be written; then there is nothing of it.
        """
        make_folders(self.path, root=root)
        path = self.path / f"{submission.number:04d}.json"
        body = {"submission": document_json(submission)}

        def meets(data: bytes) -> bool:
            found = parse_document(data, "submission", where=path)
            fields, _ = unwrap(found, "submission", ("submission",), where=path)
            return parsed(Submission, fields["submission"], where=path) == submission

        place_new_durably(
            path, document_bytes(Envelope("submission"), body), meets=meets
        )

    def write_verdict(self, verdict: Verdict) -> None:
        """Write a verdict, proved to be readable; raises as :meth:`write`."""
        path = self.verdict_path(verdict.submission, verdict.number)
        kind = "verdict" if verdict.number else "return"
        value = document_json(verdict if verdict.number else _as_return(verdict))

        def meets(data: bytes) -> bool:
            found = parse_document(data, kind, where=path)
            body = unwrap(found, kind, (kind,), where=path)[0][kind]
            if not verdict.number:
                return _as_verdict(body, path) == verdict
            return parsed(Verdict, body, where=path) == verdict

        place_new_durably(
            path, document_bytes(Envelope(kind), {kind: value}), meets=meets
        )

    def _body(self, path: Path, kind: str) -> object:
        found = read_document(path, kind)
        if found is None:
            raise NotFoundError(
                f"there is no such {kind}",
                where=path,
                remedy="Restore the file from a backup",
            )
        return unwrap(found, kind, (kind,), where=path)[0][kind]


class _Return(Document):
    """What an earlier version of this package wrote when a case was returned."""

    number: int
    reviewer: str
    comments: tuple[Comment, ...] = Field(min_length=1)
    time: AwareDatetime


def _as_verdict(body: object, path: Path) -> Verdict:
    old = parsed(_Return, body, where=path)
    return Verdict.seal(
        submission=old.number,
        number=0,
        outcome=Outcome.RETURNED,
        person=old.reviewer,
        comments=old.comments,
        time=old.time,
    )


def _as_return(verdict: Verdict) -> _Return:
    return _Return(
        number=verdict.submission,
        reviewer=verdict.person,
        comments=verdict.comments,
        time=verdict.time,
    )


def _first_not_in(numbers: set[int]) -> int:
    # Not by all that should be there: the name of a file may say a million million.
    return next(n for n in itertools.count(1) if n not in numbers)

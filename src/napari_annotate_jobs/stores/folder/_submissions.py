"""The folder of frozen, numbered submissions and their returns."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, NotFoundError
from napari_annotate_jobs.files import list_folder, make_folders, place_new_durably
from napari_annotate_jobs.model import Return, Submission, document_json

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

_NAME = re.compile(r"(\d{4,})(\.return)?\.json\Z")


class SubmissionFolder:
    """Submissions of one person's work on one case; none is ever rewritten.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def last(self) -> tuple[int, bool]:
        """Return how many submissions there are, and whether the last was returned.

        Raises
        ------
        CorruptError
            If one of them is missing.
        """
        numbers: set[int] = set()
        answered: set[int] = set()
        for name in list_folder(self.path):
            found = _NAME.match(name)
            if found:
                (answered if found[2] else numbers).add(int(found[1]))
        count = max(numbers | answered, default=0)
        if len(numbers) < count:
            missing = next(n for n in itertools.count(1) if n not in numbers)
            raise CorruptError(
                f"submission {missing} is missing",
                where=self.path,
                remedy="Restore it from a backup",
            )
        return count, count in answered

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

    def read_return(self, number: int) -> Return:
        """Return what the reviewer wrote of a submission."""
        path = self.path / f"{number:04d}.return.json"
        answer = parsed(Return, self._body(path, "return"), where=path)
        if answer.number != number:
            raise CorruptError(
                f"it returns submission {answer.number}",
                where=path,
                remedy="Restore the file from a backup",
            )
        return answer

    def read_all(self) -> list[Submission]:
        """Return all submissions in their order."""
        return [self.read(number) for number in range(1, self.last()[0] + 1)]

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

    def write_return(self, answer: Return) -> None:
        """Write the return of a submission; raises as :meth:`write`."""
        path = self.path / f"{answer.number:04d}.return.json"
        body = {"return": document_json(answer)}
        place_new_durably(path, document_bytes(Envelope("return"), body))

    def _body(self, path: Path, kind: str) -> object:
        found = read_document(path, kind)
        if found is None:
            raise NotFoundError(
                f"there is no such {kind}",
                where=path,
                remedy="Restore the file from a backup",
            )
        return unwrap(found, kind, (kind,), where=path)[0][kind]

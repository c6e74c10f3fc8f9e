"""All that is kept of one person's work on one case, to be moved between stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import ExistsError, InvalidValueError
from napari_annotate_jobs.model import (
    Annotation,
    Flag,
    Submission,
    ThreadEntry,
    Value,
    Verdict,
    document_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RecordName", "WorkRecord"]


class RecordName(Value):
    """Whose work on which case.

    Parameters
    ----------
    case : str
        Id of the case.
    person : str
        Whose work.
    of : str, optional
        Whose submission it corrects.
    """

    case: str
    person: str
    of: str | None = None


class WorkRecord(Value):
    """One person's work on one case: the draft, and all that is frozen.

    Parameters
    ----------
    annotation : Annotation
        The draft.
    submissions : tuple of Submission
        In their order.
    verdicts : tuple of Verdict
        On them, in their order.
    entries : tuple of ThreadEntry
        What was said in threads, in its order.
    flag : Flag, optional
        The flag that the person put on the case.
    """

    annotation: Annotation
    submissions: tuple[Submission, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    entries: tuple[ThreadEntry, ...] = ()
    flag: Flag | None = None

    @property
    def is_blank(self) -> bool:
        """True if there is nothing to keep."""
        frozen = self.submissions or self.verdicts or self.entries
        return not (self.annotation.revision or frozen or self.flag)

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """The draft, and what was submitted."""
        return (self.annotation, *(each.annotation for each in self.submissions))

    def blobs(self) -> set[str]:
        """Return the digests of all masks that it names."""
        return {digest for each in self.annotations for digest in each.blobs()}

    def check(self, name: RecordName) -> None:
        """Raise InvalidValueError unless it is whole, and what the name says.

        That each frozen document has its digest is proved where it is read.
        """
        for each in self.annotations:
            of = None if each.corrects is None else each.corrects.person
            if (each.case_id, each.person) != (name.case, name.person):
                raise _odd(name, f"it is {each.person}'s, of case {each.case_id}")
            if each.revision and of != name.of:
                raise _odd(name, f"it corrects {of or 'nothing'}")
        if self.flag is not None and (name.of, self.flag.person) != (None, name.person):
            raise _odd(name, f"the flag is {self.flag.person}'s")
        submitted = {each.number: each for each in self.submissions}
        if list(submitted) != [*range(1, len(self.submissions) + 1)]:
            raise _odd(name, "a submission is missing")
        if any(each.author != name.person for each in self.submissions):
            raise _odd(name, "a submission is somebody else's")
        if submitted and self.annotation.revision == 0:
            raise _odd(name, "the draft is missing")
        numbers: dict[int, list[int]] = {}
        for verdict in self.verdicts:
            numbers.setdefault(verdict.submission, []).append(verdict.number)
            answered = submitted.get(verdict.submission)
            if answered is None or verdict.answers not in {"", answered.digest}:
                raise _odd(name, "a verdict is on another submission")
        for found in numbers.values():
            if found != [*range(min(found[0], 1), min(found[0], 1) + len(found))]:
                raise _odd(name, "a verdict is missing")
        if [e.number for e in self.entries] != [*range(1, len(self.entries) + 1)]:
            raise _odd(name, "something said in a thread is missing")

    def missing_from(self, there: WorkRecord, name: RecordName) -> WorkRecord:
        """Return what is to be added to what is there, with a blank draft for none.

        Raises
        ------
        ExistsError
            If what is there is anything else than a part of this.
        """
        draft = self.annotation
        if there.annotation.revision:
            if document_json(there.annotation) != document_json(draft):
                raise _other(name, "another draft")
            draft = Annotation(case_id=name.case, person=name.person)
        left: dict[str, Any] = {}
        for field, what in (
            ("submissions", "another submission"),
            ("verdicts", "another verdict"),
            ("entries", "something else in the threads"),
        ):
            mine, known = _by_number(self, field), _by_number(there, field)
            for key, value in known.items():
                if key not in mine or document_json(mine[key]) != document_json(value):
                    raise _other(name, what)
            left[field] = tuple(v for key, v in mine.items() if key not in known)
        # A flag that is there already is as good as this one.
        left["flag"] = self.flag if there.flag is None else None
        return WorkRecord(annotation=draft, **left)


def _by_number(record: WorkRecord, field: str) -> Mapping[tuple[int, int], Any]:
    return {
        (
            getattr(each, "submission", 0) if field == "verdicts" else 0,
            each.number,
        ): each
        for each in getattr(record, field)
    }


def _odd(name: RecordName, what: str) -> InvalidValueError:
    return InvalidValueError(
        f"what is brought of {name.person} does not fit together: {what}",
        where=name.case,
        remedy="Verify the job that it comes from: napari-annotate-jobs check",
    )


def _other(name: RecordName, what: str) -> ExistsError:
    return ExistsError(
        f"there is {what} of {name.person} already",
        where=name.case,
        remedy="Work went on at both places: nothing of it was changed. Keep the one "
        "that counts, or bring the job to another place",
    )

"""Where the user wants to go; several presses of a key are one wish."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from ._cases import cases_beyond, cases_left, cases_on, first_cases

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from napari_annotate_jobs.model import CaseRow
    from napari_annotate_jobs.stores import JobStore

    from ._listed import Listed

__all__ = ["ALL_FINISHED", "Goal", "Wish"]

ALL_FINISHED = "All cases of this job are finished."
"""What is told to whoever wants to go on, and has submitted every case."""


class Goal(Enum):
    """What the steps of a wish are counted from."""

    HERE = "the case that is open"
    CASE = "a case that was named"
    FIRST = "the first case with something to do"
    LEFT = "the next case with something to do"


@dataclass(frozen=True)
class Wish:
    """A case to open.

    Parameters
    ----------
    goal : Goal
        Where it is, but for the steps.
    case_id : str
        The case that was named.
    slice : int, optional
        The slice to show.
    steps : int
        So many cases on (positive) or back.
    """

    goal: Goal = Goal.HERE
    case_id: str = ""
    slice: int | None = None
    steps: int = 0

    @property
    def is_stay(self) -> bool:
        """True if it leads nowhere, as one step on and one back."""
        return self.goal is Goal.HERE and not self.steps

    def then(self, step: int) -> Wish:
        """Return the wish to go to what lies beside it."""
        return replace(self, steps=self.steps + step, slice=None)

    @property
    def doing(self) -> str:
        """What is being done while it comes true, as ``Opening the next case``."""
        if self.goal is not Goal.HERE:
            return "Opening"
        count = abs(self.steps)
        if count == 1:
            return f"Opening the {'next' if self.steps > 0 else 'previous'} case"
        return f"Opening: {count} cases {'on' if self.steps > 0 else 'back'}"

    def nothing(self, *, is_listed: bool = False) -> str:
        """Return what to tell if there is no such case, in a list or in the job."""
        if self.steps:
            end = "last" if self.steps > 0 else "first"
            return f"This is the {end} case of the {'list' if is_listed else 'job'}."
        if self.goal is Goal.LEFT:
            return ALL_FINISHED
        return "This job has no cases."

    def rows(
        self,
        store: JobStore,
        job_id: str,
        here: str | None,
        broken: Collection[str],
        listed: Listed[str] | None = None,
    ) -> Iterable[CaseRow]:
        """Give the cases that may be opened, the wished one first.

        Parameters
        ----------
        store : JobStore
            Where the job is.
        job_id : str
            The job.
        here : str, optional
            Id of the case that is open.
        broken : collection of str
            Ids of cases that cannot be opened: they count as no step.
        listed : Listed, optional
            The list by whose order one goes; the job's by default.
        """
        step = 1 if self.steps > 0 else -1
        rows: Iterable[CaseRow]
        if self.goal is Goal.CASE:
            if listed is not None:
                listed.note()  # before something is done with the case
            rows = [store.case(job_id, self.case_id)]
        elif self.goal is Goal.FIRST:
            rows = first_cases(store, job_id)
        elif self.goal is Goal.LEFT:
            rows = cases_left(store, job_id, here, listed)
        else:
            after = cases_beyond(store, job_id, here, step, listed)
            return cases_on(after, abs(self.steps), broken)
        if not self.steps:
            return rows
        first = next((r for r in rows if r.case.id not in broken), None)
        if first is None:
            return ()
        after = cases_beyond(store, job_id, first.case.id, step, listed)
        return cases_on(after, abs(self.steps), broken)

"""One reviewer at work, without any window."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.editing import CaseView
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    NotFoundError,
    StoreError,
    TransitionError,
)
from napari_annotate_jobs.metrics import EXACT, READERS
from napari_annotate_jobs.model import (
    Comment,
    Outcome,
    ReviewCounts,
    ReviewStatus,
    Verb,
    history_of,
)

from ._comparison import Comparison, compare_views
from ._correcting import CorrectionStore, begin_correction
from ._discussion import Discussion
from ._executor import SynchronousExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import (
        HistoryEvent,
        Project,
        ReviewRow,
        Submission,
        Verdict,
        Window,
    )
    from napari_annotate_jobs.stores import JobStore, ReviewPage

    from ._executor import Executor
    from ._listed import Listed

__all__ = ["OpenReview", "PassedAll", "ReviewFilter", "ReviewSession"]


@dataclass(frozen=True)
class ReviewFilter:
    """Which submitted cases are listed.

    Parameters
    ----------
    status : ReviewStatus, optional
        None for all.
    revised : bool, optional
        True for those that were submitted before and wait again.
    text : str
        Part of the case's name.
    person : str, optional
        Who submitted them.
    """

    status: ReviewStatus | None = None
    revised: bool | None = None
    text: str = ""
    person: str | None = None


@dataclass(frozen=True)
class OpenReview:
    """A submitted case with what is needed to judge it; nothing in it is edited.

    Parameters
    ----------
    row : ReviewRow
        As the list showed it when it was opened.
    series : Series
        The reference series; its pixels are not read yet.
    windows : tuple of Window
        Windows to offer, the one to begin with first.
    submissions : dict of str to tuple of Submission
        Of each person who submitted the case.
    verdicts : tuple of Verdict
        On what is reviewed.
    discussion : Discussion
        The threads on it.
    project : Project
        The project.
    read_blob : callable
        Returns an encoded mask by its digest.
    """

    row: ReviewRow
    series: Series
    windows: tuple[Window, ...]
    submissions: Mapping[str, tuple[Submission, ...]]
    verdicts: tuple[Verdict, ...]
    discussion: Discussion
    project: Project
    read_blob: Callable[[str], bytes] = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """Case and person."""
        return self.row.case.id, self.row.person

    @property
    def people(self) -> tuple[str, ...]:
        """Who submitted the case: first whose submission is reviewed."""
        others = sorted(set(self.submissions) - {self.row.person})
        return (self.row.person, *others)

    @property
    def submission(self) -> Submission:
        """What is reviewed."""
        return self.submissions[self.row.person][-1]

    @property
    def former(self) -> Submission | None:
        """The submission before it, if there is one."""
        sent = self.submissions[self.row.person]
        return sent[-2] if len(sent) > 1 else None

    @property
    def history(self) -> tuple[HistoryEvent, ...]:
        """All rounds: submitted, returned by, passed by."""
        return history_of(self.submissions[self.row.person], self.verdicts)

    @cached_property
    def _views(self) -> dict[tuple[str, int], CaseView]:
        return {}

    def view(self, person: str | None = None, number: int | None = None) -> CaseView:
        """Return a submission to look at.

        Parameters
        ----------
        person : str, optional
            Whose; by default what is reviewed.
        number : int, optional
            Which; the last one by default.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        person = self.row.person if person is None else person
        sent = self.submissions.get(person, ())
        wanted = len(sent) if number is None else number
        if not 1 <= wanted <= len(sent):
            raise NotFoundError(
                f"{person} has no submission {wanted or ''}".rstrip(),
                where=self.row.case.name,
            )
        if (person, wanted) not in self._views:
            header = self.series.header
            self._views[person, wanted] = CaseView(
                sent[wanted - 1].annotation,
                header.slices,
                self.project,
                read_blob=self.read_blob,
                shape=header.shape[1:3],
            )
        return self._views[person, wanted]


@dataclass(frozen=True)
class PassedAll:
    """What came of passing all cases of a filter.

    Parameters
    ----------
    passed : tuple of ReviewRow
        Those that passed.
    left : tuple of (ReviewRow, AnnotateJobsError)
        Those that did not, and why.
    """

    passed: tuple[ReviewRow, ...]
    left: tuple[tuple[ReviewRow, AnnotateJobsError], ...]

    @property
    def text(self) -> str:
        """What to tell the reviewer."""
        n = len(self.passed)
        words = f"{n} case{'' if n == 1 else 's'} passed."
        if self.left:
            row, error = self.left[0]
            words += f" {len(self.left)} did not: {row.case.name}: {error.what}."
        return words


class ReviewSession:
    """What one reviewer does in one job.

    Parameters
    ----------
    store : JobStore
        Where the job is; its person reviews.
    job_id : str
        The job.
    executor : Executor, optional
        Runs slow things; by default everything runs at once.
    """

    opened = Signal(OpenReview)
    """A submitted case is open."""
    closed = Signal()
    """No case is open any more."""
    judged = Signal(object)
    """A verdict was given, or taken back: the :class:`Verdict`."""
    passed_all = Signal(PassedAll)
    """What came of passing all cases of a filter."""
    compared = Signal(Comparison)
    """What was asked to be compared."""
    counts_changed = Signal(ReviewCounts)
    """How many cases wait, and so on."""
    undo_changed = Signal()
    """What :meth:`undo` would do."""
    busy = Signal(str)
    """What is being done; empty when it is finished."""
    told = Signal(str)
    """Something to tell the reviewer."""
    failed = Signal(Exception)
    """Something went wrong; its text says what to do."""
    unsaid = Signal(object, str)
    """Case and person, and the words of a verdict that could not be given."""

    def __init__(
        self, store: JobStore, job_id: str, *, executor: Executor | None = None
    ) -> None:
        self.store = store
        self.job = store.job(job_id)
        self.executor: Executor = executor or SynchronousExecutor()
        self.case: OpenReview | None = None
        self.open_next = True
        self._asked = 0
        self._listed: Listed[tuple[str, str]] | None = None
        self._steps = 0  # from the open case to the one that is being opened
        self._opening = self._passing = False
        self._compared = 0
        self._undo: tuple[Verdict, tuple[tuple[str, str, int], ...]] | None = None

    # ----------------------------------------------------------------- the list
    def counts(self) -> ReviewCounts:
        """Return how many submitted cases have which review status."""
        return self.store.review_counts(self.job.id)

    def rows(
        self, where: ReviewFilter = ReviewFilter(), *, offset: int = 0, limit: int = 100
    ) -> ReviewPage:
        """Return a page of the submitted cases."""
        return self.store.reviews(
            self.job.id,
            status=where.status,
            revised=where.revised,
            text=where.text,
            person=where.person,
            offset=offset,
            limit=limit,
        )

    def _all(self, where: ReviewFilter) -> Iterator[ReviewRow]:
        offset = 0
        while True:
            page = self.rows(where, offset=offset, limit=500)
            yield from page.rows
            offset += len(page.rows)
            if not page.rows or offset >= page.total:
                return

    def _may_judge(self, row: ReviewRow) -> bool:
        own = row.person == self.store.person
        return not own or self.job.project.options.review_own

    # ------------------------------------------------------------------ opening
    def open(
        self,
        case_id: str,
        person: str,
        *,
        listed: Listed[tuple[str, str]] | None = None,
    ) -> None:
        """Open what a person submitted of a case; what is to be undone is settled.

        Opened from a list, what comes next is said by its order.
        """
        self._forget()
        self._listed = listed

        def find() -> ReviewRow:
            if listed is not None:
                listed.note()  # before there is a verdict
            return self.store.review(self.job.id, case_id, person=person)

        self._open(find)

    def open_first(self) -> None:
        """Open the first case that waits."""
        self._forget()
        self._listed = None
        self._open_waiting(None)

    def go(self, step: int) -> None:
        """Open the next (1) or previous (-1) case, wherever it stands.

        While a case is being opened, the steps are counted from that one.
        """
        self._forget()
        steps = self._steps + step
        if not steps and self._steps:
            self._stay()
            return
        here = None if self.case is None else self.case.key
        listed = self._listed

        def find() -> ReviewRow | None:
            row, key = None, here
            way = 1 if steps > 0 else -1
            if listed is not None and here is not None:
                beyond = listed.beyond(here, way)
                if beyond is not None:
                    return self._of_list(beyond, abs(steps))
            for _ in range(abs(steps)):
                found = self.store.next_review(self.job.id, key, step=way)
                if found is None:
                    break
                row, key = found, (found.case.id, found.person)
            return row

        self._open(find, steps=steps)

    def _of_list(
        self, beyond: Iterator[tuple[str, str]], steps: int
    ) -> ReviewRow | None:
        """Return the row so many steps on, or the last one there is."""
        row = None
        for case_id, person in beyond:
            with suppress(NotFoundError):  # taken back meanwhile
                row = self.store.review(self.job.id, case_id, person=person)
                steps -= 1
            if not steps:
                break
        return row

    def _stay(self) -> None:
        self._asked += 1
        self._steps = 0
        self._do(opening=False)

    @property
    def doing(self) -> str:
        """What is being done; empty if nothing is."""
        return "Opening" if self._opening else "Passing" if self._passing else ""

    def _do(self, *, opening: bool | None = None, passing: bool | None = None) -> None:
        """Note that something is begun, or finished; the other may go on."""
        before = self.doing
        self._opening = self._opening if opening is None else opening
        self._passing = self._passing if passing is None else passing
        if self.doing != before:
            self.busy.emit(self.doing)

    def _open_waiting(self, after: tuple[str, str] | None) -> None:
        def find() -> ReviewRow | None:
            return self.store.next_review(
                self.job.id, after, statuses=(ReviewStatus.WAITING,), wrap=True
            )

        self._open(find, nothing="No case waits to be reviewed.")

    def _open(
        self,
        find: Callable[[], ReviewRow | None],
        *,
        nothing: str = "There is no further case.",
        steps: int = 0,
    ) -> None:
        self._asked += 1
        asked, self._steps = self._asked, steps
        self._do(opening=True)

        def task() -> OpenReview | None:
            row = find()
            return None if row is None else self._load(row)

        def done(case: OpenReview | None) -> None:
            if asked != self._asked:
                return
            self._steps = 0
            self._do(opening=False)
            if case is None:
                self.told.emit(nothing)
                return
            self._leave()
            self.case = case
            case.discussion.failed.connect(self._fail)
            self.opened.emit(case)

        def failed(error: Exception) -> None:
            if asked == self._asked:
                self._steps = 0
                self._do(opening=False)
                self.failed.emit(error)

        self.executor.run(task, done, failed)

    # psygnal tries out what it connects to: never connect a signal's own emit.
    def _fail(self, error: Exception) -> None:
        self.failed.emit(error)

    def _load(self, row: ReviewRow) -> OpenReview:
        store, job_id, case_id = self.store, self.job.id, row.case.id
        series = store.images.open_series(job_id, case_id)
        submissions: dict[str, tuple[Submission, ...]] = {}
        for person in {row.person, *store.people(job_id, case_id)}:
            sent = tuple(store.submissions(job_id, case_id, person=person))
            if sent:
                submissions[person] = sent
        return OpenReview(
            row=row,
            series=series,
            windows=series.suggested_windows(),
            submissions=submissions,
            verdicts=tuple(store.verdicts(job_id, case_id, person=row.person)),
            discussion=Discussion(
                store,
                job_id,
                case_id,
                row.person,
                store.threads(job_id, case_id, person=row.person),
                self.executor,
            ),
            project=self.job.project,
            read_blob=lambda digest: store.read_blob(job_id, case_id, digest),
        )

    def _leave(self) -> None:
        self._compared += 1
        if self.case is not None:
            self.case.discussion.failed.disconnect()
            self.case = None
            self.closed.emit()

    def close_case(self) -> None:
        """Close the open case."""
        self._forget()
        self._leave()
        self._stay()

    def close(self) -> None:
        """End the session: what is under way is finished."""
        self.executor.drain()
        self.close_case()
        self.store.close()

    # ---------------------------------------------------------------- comparing
    def compare(self, person: str | None = None) -> None:
        """Compare what is reviewed with another annotation of the case.

        Of the same person only what is the same counts as that, of two what readers
        agree on.

        Parameters
        ----------
        person : str, optional
            Another annotator, whose last submission is taken; None for the former
            submission of the same.
        """
        case = self._here()
        own = person in (None, case.row.person)
        if own and case.former is None:
            raise TransitionError(
                "there is no former submission to compare with",
                where=case.row.case.name,
                remedy="Compare with another annotator, if there is one",
            )
        number = case.submission.number - 1 if own else None
        first, second = case.view(), case.view(person, number)
        names = (
            case.row.person,
            f"submission {number}" if own else str(person),
        )
        header = case.series.header
        self._compared += 1
        asked = self._compared

        def task() -> Comparison:
            return compare_views(
                first,
                second,
                spacing=header.spacing[1:],
                names=names,
                tolerance=EXACT if own else READERS,
                cancelled=lambda: asked != self._compared,
            )

        def done(found: Comparison) -> None:
            if asked == self._compared:
                self.compared.emit(found)

        def failed(error: Exception) -> None:
            if asked == self._compared:
                self.failed.emit(error)

        self.executor.run(task, done, failed)

    # ------------------------------------------------------------------ judging
    def pass_case(self, text: str = "") -> None:
        """Pass the open case: it is fit for training."""
        self._judge(Verb.PASS, text)

    def fail(self, reason: str) -> None:
        """Fail the open case: it is kept out of every export.

        Raises
        ------
        TransitionError
            Told by `failed`, if there is no reason.
        """
        self._judge(Verb.FAIL, reason)

    def return_case(self, text: str = "", comments: Sequence[Comment] = ()) -> None:
        """Send the open case back to its annotator.

        Parameters
        ----------
        text : str
            What to change, on the whole case.
        comments : sequence of Comment
            What to change on slices and objects. Neither is needed where comments of
            this reviewer are there already.
        """
        self._judge(Verb.RETURN, text, comments)

    def _here(self) -> OpenReview:
        if self.case is None:
            raise TransitionError("no case is open", remedy="Open one from the list")
        return self.case

    def _judge(self, verb: Verb, text: str, comments: Sequence[Comment] = ()) -> None:
        case = self._here()
        said = list(comments)
        if text.strip():
            said.insert(0, Comment(person=self.store.person, text=text.strip()))
        case_id, person = case.key

        def task() -> Verdict:
            return self.store.judge(
                self.job.id,
                case_id,
                verb,
                person=person,
                number=case.submission.number,
                comments=said,
            )

        def done(verdict: Verdict) -> None:
            self._given(verdict, case)

        def failed(error: Exception) -> None:
            if said:
                self.unsaid.emit(case.key, " ".join(c.text for c in said))
            self.failed.emit(error)
            self._tell_counts()

        self.executor.run(task, done, failed)

    def _given(self, verdict: Verdict, case: OpenReview) -> None:
        self._undo = verdict, ((*case.key, verdict.submission),)
        self.undo_changed.emit()
        self.judged.emit(verdict)
        self.told.emit(f"{case.row.case.name} was {_past(verdict)}.")
        self._tell_counts()
        if self.open_next and self.case is case:
            self._open_waiting(case.key)

    def _tell_counts(self) -> None:
        self.executor.run(self.counts, self.counts_changed.emit, self._fail)

    # ------------------------------------------------------------------- undoing
    @property
    def can_undo(self) -> bool:
        """True until another verdict is given, or a case is opened by hand."""
        return self._undo is not None

    @property
    def last_verdict(self) -> Verdict | None:
        """What :meth:`undo` would take back, if it is one verdict."""
        if self._undo is None or len(self._undo[1]) > 1:
            return None
        return self._undo[0]

    @property
    def undo_text(self) -> str:
        """What :meth:`undo` would take back; empty if nothing."""
        if self._undo is None:
            return ""
        verdict, keys = self._undo
        n = len(keys)
        return f"Undo {verdict.outcome}" + (f" ({n} cases)" if n > 1 else "")

    def _forget(self) -> None:
        if self._undo is not None:
            self._undo = None
            self.undo_changed.emit()

    def undo(self) -> None:
        """Take the last verdicts back; the case they were on is opened again."""
        if self._undo is None:
            return
        _, keys = self._undo
        self._forget()

        def task() -> Verdict | None:
            last, problem = None, None
            for case_id, person, number in keys:
                try:
                    last = self.store.judge(
                        self.job.id,
                        case_id,
                        Verb.WITHDRAW,
                        person=person,
                        number=number,
                    )
                except (TransitionError, StoreError) as error:
                    problem = problem or error
            if problem is not None:
                raise problem
            return last

        def done(verdict: Verdict | None) -> None:
            if verdict is not None:
                self.judged.emit(verdict)
            self._tell_counts()
            if len(keys) == 1:
                self.open(*keys[0][:2])

        def failed(error: Exception) -> None:
            self.failed.emit(error)
            self._tell_counts()

        self.executor.run(task, done, failed)

    # ------------------------------------------------------------------ pass all
    def count_waiting(self, where: ReviewFilter = ReviewFilter()) -> int:
        """Return how many cases :meth:`pass_all` would pass."""
        waiting = _waiting(where)
        total = self.rows(waiting, limit=0).total
        own = where.person in (None, self.store.person)
        if own and not self.job.project.options.review_own:
            mine = ReviewFilter(
                waiting.status, waiting.revised, waiting.text, self.store.person
            )
            total -= self.rows(mine, limit=0).total
        return total

    def pass_all(
        self,
        where: ReviewFilter = ReviewFilter(),
        *,
        progress: Callable[[int, int], None] = lambda done, total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Pass all waiting cases of a filter; ask with :meth:`count_waiting` before.

        Parameters
        ----------
        where : ReviewFilter
            Which ones.
        progress : callable
            Called with cases done and cases in all; from any thread.
        cancelled : callable
            Asked before each case; True stops it, and what passed stays.
        """
        self._forget()
        self._do(passing=True)
        given: list[Verdict] = []

        def task() -> PassedAll:
            # All are noted first: those that passed wait no more.
            rows = [row for row in self._all(_waiting(where)) if self._may_judge(row)]
            passed: list[ReviewRow] = []
            left: list[tuple[ReviewRow, AnnotateJobsError]] = []
            for row in rows:
                if cancelled():
                    break
                try:
                    given.append(
                        self.store.judge(
                            self.job.id,
                            row.case.id,
                            Verb.PASS,
                            person=row.person,
                            number=row.number,
                        )
                    )
                except (TransitionError, StoreError) as error:
                    left.append((row, error))
                else:
                    passed.append(row)
                progress(len(passed) + len(left), len(rows))
            return PassedAll(tuple(passed), tuple(left))

        def done(found: PassedAll) -> None:
            self._do(passing=False)
            if given:
                keys = [(r.case.id, r.person, r.number) for r in found.passed]
                self._undo = given[-1], tuple(keys)
                self.undo_changed.emit()
            self.passed_all.emit(found)
            self.told.emit(found.text)
            self._tell_counts()

        def failed(error: Exception) -> None:
            self._do(passing=False)
            self.failed.emit(error)

        self.executor.run(task, done, failed)

    # ---------------------------------------------------------- correct and pass
    def begin_correction(self) -> CorrectionStore:
        """Return a store in which a copy of the open submission is edited.

        An :class:`AnnotationSession` on it edits the copy; when that is submitted,
        the case passes with it. What the annotator submitted stays as it is.

        Raises
        ------
        RoleError, JudgedError, TransitionError
            If the case does not wait for a verdict of this reviewer.
        """
        case_id, person = self._here().key
        return begin_correction(self.store, self.job.id, case_id, person)

    def corrected(self) -> None:
        """Go on after a corrected copy was submitted."""
        case = self._here()
        case_id, person = case.key

        def done(verdict: Verdict | None) -> None:
            if verdict is not None and verdict.correction is not None:
                self._given(verdict, case)

        self.executor.run(
            lambda: self.store.load(self.job.id, case_id, person=person).verdict,
            done,
            self._fail,
        )


def _waiting(where: ReviewFilter) -> ReviewFilter:
    return ReviewFilter(ReviewStatus.WAITING, where.revised, where.text, where.person)


def _past(verdict: Verdict) -> str:
    if verdict.correction is not None:
        return "corrected and passed"
    return "passed" if verdict.outcome is Outcome.PASSED else str(verdict.outcome)

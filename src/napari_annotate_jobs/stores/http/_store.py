"""A job server as a store."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from napari_annotate_jobs.errors import (
    InvalidValueError,
    LogInError,
    RoleError,
    StoreAccessError,
    StoreError,
)
from napari_annotate_jobs.model import (
    OUTCOMES,
    Case,
    CaseOrder,
    CaseRow,
    Counts,
    Job,
    JobSummary,
    ReviewCounts,
    ReviewRow,
    Status,
    Submission,
    Verdict,
)
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._contract import (
    CasePage,
    Draft,
    ImageSource,
    PersonProgress,
    ReviewPage,
)
from napari_annotate_jobs.stores._flags import ordered
from napari_annotate_jobs.stores._moved_work import RecordName, WorkRecord
from napari_annotate_jobs.stores._names import check_file_name, check_person, fold
from napari_annotate_jobs.stores.wire import (
    BlobList,
    JudgeForm,
    NoteForm,
    Operation,
    OperationBatch,
    OperationResult,
    SubmitForm,
    TextForm,
    operation_of,
)

from ._at_hand import Answers
from ._cache import ImageCache
from ._remote_images import RemoteImages
from ._talking import DiscussedJobs
from ._tokens import kept_token
from ._wire import ATTEMPTS, Wire, quoted, server_and_job

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import httpx

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import (
        AnnotationChange,
        Comment,
        ReviewStatus,
        Verb,
    )

__all__ = ["HttpStore"]

T = TypeVar("T")

_PAGE = 1000
_FEW = 4
"""So many masks are sent without asking first which are there."""


class HttpStore(DiscussedJobs, ImageSource):
    """Jobs on a server, described in ``docs/server.md``.

    Parameters
    ----------
    location : str
        Address of the server, or of one job on it (``.../jobs/ID``).
    person : str, optional
        Who; the token says it by default.
    token : str, optional
        The one that is kept for this server by default.
    cache : ImageCache, optional
        Where images are kept; the server's last answers lie beside it.
    transport : callable, optional
        Returns what carries requests instead of the network.
    patient : bool
        False gives a server that does not answer one attempt only.
    at_hand : bool
        Whether to go on with what the server said last where it does not answer: with
        jobs, cases and drafts that were seen, and images that were fetched.

    Raises
    ------
    LogInError
        If no token is kept, or it is no longer good.
    StoreAccessError
        If the server does not answer.
    """

    def __init__(
        self,
        location: str,
        person: str | None = None,
        *,
        token: str | None = None,
        cache: ImageCache | None = None,
        transport: Callable[[], httpx.BaseTransport] | None = None,
        patient: bool = True,
        at_hand: bool = True,
    ) -> None:
        self.location = location.rstrip("/")
        self.server, self._only = server_and_job(location)
        person = None if person is None else check_person(person)
        token = token or kept_token(self.server, person)
        if token is None:
            raise LogInError(
                "nobody is logged in"
                if person is None
                else f"{person} is not logged in",
                where=self.server,
                remedy=f"Log in with: napari-annotate-jobs login {self.server}",
            )
        self.wire = Wire(
            self.server, token, transport=transport, attempts=ATTEMPTS if patient else 1
        )
        cache = cache or ImageCache()
        folder = cache.path.parent / "answers" if at_hand else None
        # Who asks is known by the token until the server has said it.
        mark = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        self._answers = Answers(self.wire, folder, f"token {mark}")
        try:
            me: dict[str, Any] = self._answers.get("/me", dict[str, Any])
            self.person = check_person(str(me.get("name", "")))
            if person not in {None, self.person}:
                raise RoleError(
                    f"the token is {self.person}'s, not {person}'s",
                    where=self.server,
                    remedy=f"Log in as {person}, or open it as {self.person}",
                )
        except BaseException:
            self.wire.close()
            raise
        self._answers.of(self.person)
        self._images = RemoteImages(self.wire, cache, self._answers.get)
        self._guard = threading.Lock()
        self._cases: dict[tuple[str, str], Case] = {}
        self._sent: dict[tuple[str, str], set[str]] = {}

    is_remote = True

    @property
    def images(self) -> HttpStore:
        """The store itself."""
        return self

    def use_token(self, token: str) -> None:
        """Go on with another token of the same person."""
        self.wire.use(token)

    def _renew(self, job_id: str, case_id: str) -> None:
        """See anew how a case stands, which this store has just changed."""
        if self._answers.kept is not None:
            with suppress(StoreError):
                self.load(job_id, case_id)
                self.case(job_id, case_id)
                self.counts(job_id)

    def take_along(self, job_id: str, case_id: str) -> Iterator[tuple[int, int]]:
        """Bring all of a case to this computer, to stay until it is put back.

        Yields
        ------
        (int, int)
            How much is here of how much.

        Raises
        ------
        StoreError
            If the server does not answer, or there is no room.
        """
        if self._answers.kept is None:
            raise InvalidValueError("this store keeps nothing", where=self.location)
        yield 0, 1
        self.jobs()
        self.job(job_id)
        self.counts(job_id)
        self.cases(job_id)
        case = self.case(job_id, case_id).case
        draft = self.load(job_id, case_id)
        self.threads(job_id, case_id)
        self.verdicts(job_id, case_id)
        digests = set(draft.annotation.blobs())
        for submission in self.submissions(job_id, case_id):
            digests |= set(submission.annotation.blobs())
        for digest in sorted(digests):
            self.read_blob(job_id, case_id, digest)
        here = quoted("jobs", job_id, "cases", case_id)
        for path in ("/jobs", here, f"{here}/draft"):
            folder = self._answers.kept.folder(path)
            if not folder.is_dir():
                raise StoreAccessError(
                    "there is no room for the case",
                    where=folder,
                    remedy="Free some space there, or make the folder writable",
                )
            self._answers.kept.cache.take_along(folder)
        yield from self._images.take_along(job_id, case)

    def put_back(self, job_id: str, case_id: str) -> None:
        """Let what was taken along go, when there is no room for it any more."""
        if self._answers.kept is None:
            return
        case = self.case(job_id, case_id).case
        path = quoted("jobs", job_id, "cases", case_id, "draft")
        self._answers.kept.cache.take_along(
            self._answers.kept.folder(path), along=False
        )
        self._images.put_back(job_id, case)

    # ------------------------------------------------------------- jobs, cases
    def jobs(self) -> Sequence[JobSummary]:
        found: list[JobSummary] = self._answers.get("/jobs", list[JobSummary])
        return [
            each.model_copy(
                update={"location": self.server + quoted("jobs", each.job.id)}
            )
            for each in found
            if self._only in {None, each.job.id}
        ]

    def job(self, job_id: str) -> Job:
        found: Job = self._get(Job, job_id)
        return found

    def counts(self, job_id: str) -> Counts:
        found: Counts = self._get(Counts, job_id, "counts")
        return found

    def cases(
        self,
        job_id: str,
        *,
        status: Status | None = None,
        text: str = "",
        flagged: bool = False,
        order: CaseOrder = CaseOrder.JOB,
        backwards: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> CasePage:
        _rules.check_page(offset, limit)

        path = quoted("jobs", job_id, "cases")

        def page(start: int, number: int) -> CasePage:
            query = {
                "status": status,
                "text": text or None,
                **_ordering(flagged, order, backwards),
                "offset": start,
                "limit": number,
            }
            found: CasePage = self.wire.read(
                self._answers.asked(path, query).body, CasePage
            )
            return found

        def asked() -> CasePage:
            rows, total = _paged(page, offset, limit)
            return CasePage(rows=tuple(rows), total=total)

        def seen() -> CasePage | None:
            every = self._answers.rows(job_id)
            wanted = [
                row
                for row in every
                if status in {None, row.status}
                and fold(text) in fold(row.case.name)
                and (row.flags or not flagged)
            ]
            wanted = ordered(wanted, order, backwards=backwards)
            here = tuple(wanted[offset : offset + limit])
            return CasePage(rows=here, total=len(wanted)) if every else None

        return self._answers.either(asked, seen)

    def case(self, job_id: str, case_id: str) -> CaseRow:
        def asked() -> CaseRow:
            found = self._answers.asked(quoted("jobs", job_id, "cases", case_id), {})
            read: CaseRow = self.wire.read(found.body, CaseRow)
            return read

        def seen() -> CaseRow | None:
            rows = self._answers.rows(job_id)
            return next((row for row in rows if row.case.id == case_id), None)

        row = self._answers.either(asked, seen)
        with self._guard:
            self._cases[job_id, case_id] = row.case
        return row

    def neighbour(
        self,
        job_id: str,
        case_id: str | None = None,
        *,
        step: int = 1,
        statuses: Sequence[Status] = (),
        wrap: bool = False,
    ) -> CaseRow | None:
        _check_step(step)
        query = {
            "case": case_id,
            "step": step,
            "status": list(statuses) or None,
            "wrap": wrap,
        }

        def asked() -> tuple[CaseRow | None]:
            found = self._answers.asked(quoted("jobs", job_id, "neighbour"), query)
            return (self.wire.read(found.body, CaseRow | None),)

        def seen() -> tuple[CaseRow | None] | None:
            every = self._answers.rows(job_id)
            rows = [r for r in every if self._answers.is_here(job_id, r)][::step]
            places = {row.case.id: row.ordinal for row in every}
            if case_id is not None:
                if case_id not in places:
                    return None
                at = places[case_id]
                after = [row for row in rows if (row.ordinal - at) * step > 0]
                before = [row for row in rows if (row.ordinal - at) * step < 0]
                rows = after + (before if wrap else [])
            rows = [row for row in rows if not statuses or row.status in statuses]
            return (rows[0] if rows else None,)

        return self._answers.either(asked, seen)[0]

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        with self._guard:
            case = self._cases.get((job_id, case_id))
        if case is None:
            case = self.case(job_id, case_id).case
        return self._images.open(job_id, case, series)

    # ------------------------------------------------------------ combinations
    def combinations(self, job_id: str) -> Mapping[str, str]:
        found: dict[str, str] = self._get(dict[str, str], job_id, "combinations")
        return found

    def save_combination(self, job_id: str, name: str, text: str | None) -> None:
        path = quoted("jobs", job_id, "combinations", check_file_name(name))
        if text is None:
            self.wire.request("DELETE", path)
        else:
            self.wire.request("PUT", path, body=TextForm(text=text))

    # ------------------------------------------------------------- annotations
    def load(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Draft:
        path = quoted("jobs", job_id, "cases", case_id, "draft")
        query = {"person": person, "of": of}
        if person == self.person:
            query["person"] = None
        seen = self._answers.seen(path, query, sure=True)
        found: Draft | None = self.wire.read(seen.body, Draft, where=path)
        assert found is not None
        if self._answers.kept is None:
            return found
        if seen.time is None:
            self._answers.kept.settle(path, query, found.annotation.revision)
            return found
        found = self._answers.kept.draft(path, query, found)
        if found is None:
            # What is at hand is not how it stands: only the server knows.
            seen = self._answers.asked(path, query)
            answer: Draft = self.wire.read(seen.body, Draft, where=path)
            return answer
        return found.model_copy(update={"seen": seen.time})

    def read_blob(self, job_id: str, case_id: str, digest: str) -> bytes:
        path = quoted("jobs", job_id, "cases", case_id, "blobs", digest)
        return self._answers.seen(path, {}).body

    def save(
        self,
        job_id: str,
        case_id: str,
        change: AnnotationChange,
        blobs: Mapping[str, bytes],
        *,
        base: int,
        of: str | None = None,
    ) -> int:
        needed = {d: blobs[d] for d in _rules.referenced(change) if d in blobs}
        skipped = self.send_blobs(job_id, case_id, needed)
        batch = OperationBatch(
            operations=(operation_of(change, base=base),), strict=True
        )
        try:
            done = self.send_operations(job_id, case_id, batch, of=of)[0].revision
        except InvalidValueError:
            if not skipped:
                raise
            # The server may have dropped a mask that nothing named for a while.
            with self._guard:
                self._sent.pop((job_id, case_id), None)
            self.send_blobs(job_id, case_id, needed)
            done = self.send_operations(job_id, case_id, batch, of=of)[0].revision
        self._note_saved(job_id, case_id, batch.operations[0], done, needed, of)
        return done

    def _note_saved(
        self,
        job_id: str,
        case_id: str,
        operation: Operation,
        revision: int,
        blobs: Mapping[str, bytes],
        of: str | None,
    ) -> None:
        kept, here = self._answers.kept, quoted("jobs", job_id, "cases", case_id)
        if kept is None or not kept.has(f"{here}/draft", {"of": of}):
            return
        kept.note(f"{here}/draft", {"of": of}, revision, operation)
        for digest, data in blobs.items():
            kept.keep(f"{here}/blobs/{digest}", {}, bytes(data))

    def send_blobs(self, job_id: str, case_id: str, blobs: Mapping[str, bytes]) -> bool:
        """Bring encoded masks that the server does not have.

        Returns
        -------
        bool
            True if some were left out, since they had been brought before.
        """
        place = job_id, case_id
        with self._guard:
            sent = self._sent.setdefault(place, set())
            new = [digest for digest in blobs if digest not in sent]
        skipped = len(new) < len(blobs)
        if len(new) > _FEW:
            new = self.missing_blobs(job_id, case_id, new)
        for digest in new:
            path = quoted("jobs", job_id, "cases", case_id, "blobs", digest)
            self.wire.request("PUT", path, body=bytes(blobs[digest]))
        with self._guard:
            sent.update(blobs)
        return skipped

    def missing_blobs(
        self, job_id: str, case_id: str, digests: Collection[str]
    ) -> list[str]:
        """Return which masks the server does not have."""
        left: list[str] = []
        every = list(digests)
        path = quoted("jobs", job_id, "cases", case_id) + "/blobs:missing"
        for start in range(0, len(every), 10 * _PAGE):
            form = BlobList(digests=tuple(every[start : start + 10 * _PAGE]))
            answer = self.wire.request("POST", path, body=form, repeat=True)
            left += self.wire.value(answer, BlobList).digests
        return left

    def send_operations(
        self,
        job_id: str,
        case_id: str,
        batch: OperationBatch,
        *,
        of: str | None = None,
    ) -> list[OperationResult]:
        """Bring operations on this person's draft; the same again does no harm."""
        path = quoted("jobs", job_id, "cases", case_id, "ops")
        answer = self.wire.request(
            "POST", path, query={"of": of}, body=batch, repeat=True
        )
        return self.wire.value(answer, list[OperationResult])

    def submit(
        self, job_id: str, case_id: str, *, base: int, of: str | None = None
    ) -> Submission:
        place = job_id, "cases", case_id, "submit"

        def there() -> Submission | None:
            draft = self.load(job_id, case_id)
            if of or draft.seen or draft.status is not Status.FINISHED:
                return None
            last = self.submissions(job_id, case_id)[-1]
            return last if last.annotation.revision == base else None

        found: Submission = self._done(
            lambda: self._post(Submission, *place, body=SubmitForm(base=base), of=of),
            there,
        )
        self._renew(job_id, case_id)
        return found

    def _done(self, ask: Callable[[], T], there: Callable[[], T | None]) -> T:
        """Ask for a change; where the answer was lost, look whether it was made."""
        try:
            return ask()
        except LogInError:
            raise
        except StoreAccessError:
            found = None
            with suppress(StoreError):
                found = there()
            if found is None:
                raise
            return found

    def submissions(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Sequence[Submission]:
        found: list[Submission] = self._get(
            list[Submission],
            job_id,
            "cases",
            case_id,
            "submissions",
            person=person,
            of=of,
        )
        return found

    # ------------------------------------------------------------------ moving
    def records(self, job_id: str) -> Sequence[RecordName]:
        """Return whose work on which case is kept; for owners."""
        found: list[RecordName] = []
        while True:
            page: list[RecordName] = self.wire.get(
                quoted("jobs", job_id, "records"),
                list[RecordName],
                offset=len(found),
                limit=_PAGE,
            )
            found += page
            if len(page) < _PAGE:
                return found

    def record(self, job_id: str, name: RecordName) -> WorkRecord:
        """Return all that is kept of somebody's work on a case; for owners."""
        path = quoted("jobs", job_id, "cases", name.case, "records", name.person)
        found: WorkRecord = self.wire.get(path, WorkRecord, of=name.of)
        return found

    def bring(
        self,
        job_id: str,
        name: RecordName,
        record: WorkRecord,
        blobs: Mapping[str, bytes],
    ) -> None:
        """Keep what another store kept, as it is; what is there already is left.

        Raises
        ------
        RoleError
            If this person is no owner of the job.
        ExistsError
            If what is there is anything else; then nothing is kept.
        """
        self.send_blobs(job_id, name.case, blobs)
        path = quoted("jobs", job_id, "cases", name.case, "records", name.person)
        self.wire.request("PUT", path, query={"of": name.of}, body=record)

    # ------------------------------------------------------------------ reviewing
    def judge(
        self,
        job_id: str,
        case_id: str,
        verb: Verb,
        *,
        person: str | None = None,
        number: int | None = None,
        comments: Sequence[Comment] = (),
        corrected: bool = False,
    ) -> Verdict:
        form = JudgeForm(
            verb=verb, number=number, comments=tuple(comments), corrected=corrected
        )
        place = job_id, "cases", case_id, "judge"

        def there() -> Verdict | None:
            last = self.verdicts(job_id, case_id, person=person)[-1:]
            said = [(each.text, each.slice_key) for each in comments]
            for verdict in last:
                same = (
                    verdict.person == self.person
                    and verdict.outcome is OUTCOMES.get(verb)
                    and number in {None, verdict.submission}
                    and [(c.text, c.slice_key) for c in verdict.comments] == said
                )
                if same:
                    return verdict
            return None

        found: Verdict = self._done(
            lambda: self._post(Verdict, *place, body=form, person=person), there
        )
        if person in {None, self.person}:
            self._renew(job_id, case_id)
        return found

    def verdicts(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Verdict]:
        found: list[Verdict] = self._get(
            list[Verdict], job_id, "cases", case_id, "verdicts", person=person
        )
        return found

    def review_counts(self, job_id: str) -> ReviewCounts:
        found: ReviewCounts = self._get(ReviewCounts, job_id, "review-counts")
        return found

    def review_progress(self, job_id: str) -> Sequence[PersonProgress]:
        found: list[PersonProgress] = self._get(
            list[PersonProgress], job_id, "review-progress"
        )
        return found

    def reviews(
        self,
        job_id: str,
        *,
        status: ReviewStatus | None = None,
        revised: bool | None = None,
        text: str = "",
        person: str | None = None,
        flagged: bool = False,
        order: CaseOrder = CaseOrder.JOB,
        backwards: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> ReviewPage:
        _rules.check_page(offset, limit)

        def page(start: int, number: int) -> ReviewPage:
            found: ReviewPage = self._get(
                ReviewPage,
                job_id,
                "reviews",
                status=status,
                revised=revised,
                text=text or None,
                person=person,
                **_ordering(flagged, order, backwards),
                offset=start,
                limit=number,
            )
            return found

        rows, total = _paged(page, offset, limit)
        return ReviewPage(rows=tuple(rows), total=total)

    def review(self, job_id: str, case_id: str, *, person: str) -> ReviewRow:
        found: ReviewRow = self._get(
            ReviewRow, job_id, "cases", case_id, "review", person=person
        )
        return found

    def next_review(
        self,
        job_id: str,
        after: tuple[str, str] | None = None,
        *,
        step: int = 1,
        statuses: Sequence[ReviewStatus] = (),
        wrap: bool = False,
    ) -> ReviewRow | None:
        _check_step(step)
        case, person = after or (None, None)
        found: ReviewRow | None = self._get(
            ReviewRow | None,
            job_id,
            "next-review",
            case=case,
            person=person,
            step=step,
            status=list(statuses) or None,
            wrap=wrap,
        )
        return found

    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        found: list[str] = self._get(list[str], job_id, "cases", case_id, "people")
        return found

    # ------------------------------------------------------------------- other
    def note_case(
        self,
        job_id: str,
        case_id: str,
        *,
        n_slices: int | None,
        size: tuple[int, int] | None = None,
        warnings: Sequence[str] = (),
    ) -> Case:
        form = NoteForm(n_slices=n_slices, size=size, warnings=tuple(warnings))
        path = quoted("jobs", job_id, "cases", case_id, "note")
        try:
            if self._answers.is_away:
                return _rules.noted(self.case(job_id, case_id).case, n_slices)
            answer = self.wire.request("POST", path, body=form, repeat=True)
        except (RoleError, StoreAccessError) as error:
            # Who may only look sees it all the same, and so does who is offline.
            if isinstance(error, StoreAccessError):
                if not self._answers.note_away(error):
                    raise
            return _rules.noted(self.case(job_id, case_id).case, n_slices)
        return self.wire.value(answer, Case)

    def close(self) -> None:
        self.wire.close()
        self._images.cache.let_go()


def _check_step(step: int) -> None:
    if step not in (1, -1):
        raise InvalidValueError(f"a step is 1 or -1, not {step}")


def _ordering(flagged: bool, order: CaseOrder, backwards: bool) -> dict[str, Any]:
    """Return what is asked for beside the usual, which is left out."""
    return {
        "flagged": flagged or None,
        "order": None if order is CaseOrder.JOB else order,
        "backwards": backwards or None,
    }


def _paged(
    page: Callable[[int, int], Any], offset: int, limit: int
) -> tuple[list[Any], int]:
    """Return rows and total, in as many requests as the server wants."""
    found = page(offset, min(limit, _PAGE))
    rows, total = list(found.rows), int(found.total)
    while found.rows and len(rows) < limit and offset + len(rows) < total:
        found = page(offset + len(rows), min(limit - len(rows), _PAGE))
        rows += found.rows
    return rows, total

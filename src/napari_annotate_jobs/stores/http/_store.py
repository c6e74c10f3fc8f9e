"""A job server as a store."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    LogInError,
    NotFoundError,
    RoleError,
    StoreAccessError,
    StoreError,
)
from napari_annotate_jobs.model import (
    OUTCOMES,
    Case,
    CaseRow,
    Counts,
    Flag,
    Job,
    JobSummary,
    ReviewCounts,
    ReviewRow,
    Status,
    Submission,
    Thread,
    Verdict,
    edited_job,
    new_id,
)
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._contract import (
    CasePage,
    Draft,
    ImageSource,
    JobContents,
    JobStore,
    PersonProgress,
    ReviewPage,
)
from napari_annotate_jobs.stores._moved_work import RecordName, WorkRecord
from napari_annotate_jobs.stores._names import check_file_name, check_person
from napari_annotate_jobs.stores.wire import (
    CommentForm,
    FlagForm,
    JudgeForm,
    NoteForm,
    ReadForm,
    SubmitForm,
    TextForm,
)

from ._at_hand import Answers
from ._cache import ImageCache
from ._case_rows import MOST, RemoteCases, paged, query_of
from ._remote_images import RemoteImages
from ._sending import Sending
from ._taking_along import TakingAlong
from ._tokens import kept_token
from ._wire import ATTEMPTS, Wire, quoted, server_and_job

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import httpx

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import (
        AnnotationChange,
        Comment,
        JobEdit,
        ReviewStatus,
        Verb,
    )
    from napari_annotate_jobs.stores._case_query import Asked, AskedReviews

__all__ = ["HttpStore"]

T = TypeVar("T")

_SAME = 900.0
"""Seconds within which the same comment, that no answer came to, is the same one."""


class HttpStore(JobStore, ImageSource):
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
        self._unheard: dict[tuple[str | None, ...], tuple[str, float]] = {}
        self._answers = Answers(self.wire, folder, f"token {mark}")
        try:
            me = self._answers.get("/me", dict[str, Any])
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
        self.sending = Sending(self.wire, self._answers)
        self._rows = RemoteCases(self._answers)
        self._along = TakingAlong(self, self._answers, self._images)

    is_remote = True

    @property
    def images(self) -> HttpStore:
        """The store itself."""
        return self

    def use_token(self, token: str) -> None:
        """Go on with another token of the same person."""
        self.wire.use(token)

    def _get(self, kind: type[T], *parts: str, **query: Any) -> T:
        return self._answers.get(quoted("jobs", *parts), kind, **query)

    def _renew(self, job_id: str, case_id: str) -> None:
        """See anew how a case stands, which this store has just changed."""
        if self._answers.kept is not None:
            with suppress(StoreError):
                self.load(job_id, case_id)
                self.case(job_id, case_id)
                self.counts(job_id)

    def _post(
        self,
        kind: type[T],
        *parts: str,
        body: Any,
        name: str | None = None,
        **query: Any,
    ) -> T:
        path = quoted("jobs", *parts)
        # By its name the server knows it, and does it once: it may be sent again.
        named = {"Idempotency-Key": name or new_id()}
        done = self.wire.request(
            "POST", path, query=query, body=body, headers=named, repeat=True
        )
        return self.wire.value(done, kind)

    # ------------------------------------------------------------- jobs, cases
    def jobs(self) -> Sequence[JobSummary]:
        found = self._answers.get("/jobs", list[JobSummary])
        return [
            each.model_copy(
                update={"location": self.server + quoted("jobs", each.job.id)}
            )
            for each in found
            if self._only in {None, each.job.id}
        ]

    def job(self, job_id: str) -> Job:
        return self._get(Job, job_id)

    def counts(self, job_id: str) -> Counts:
        return self._get(Counts, job_id, "counts")

    def find_cases(
        self, job_id: str, asked: Asked, offset: int, limit: int
    ) -> CasePage:
        return self._rows.page(job_id, asked, offset, limit)

    def case(self, job_id: str, case_id: str) -> CaseRow:
        return self._rows.one(job_id, case_id)

    def neighbour(
        self,
        job_id: str,
        case_id: str | None = None,
        *,
        step: int = 1,
        statuses: Sequence[Status] = (),
        wrap: bool = False,
    ) -> CaseRow | None:
        return self._rows.neighbour(job_id, case_id, step, statuses, wrap)

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        case = self._rows.known(job_id, case_id)
        return self._images.open(job_id, case, series)

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
        return self._along.take(job_id, case_id)

    def put_back(self, job_id: str, case_id: str) -> None:
        """Let what was taken along go, when there is no room for it any more."""
        self._along.put_back(job_id, case_id)

    # ------------------------------------------------------------ combinations
    def combinations(self, job_id: str) -> Mapping[str, str]:
        return self._get(dict[str, str], job_id, "combinations")

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
        query = {"person": None if person == self.person else person, "of": of}
        seen = self._answers.seen(path, query, sure=True)
        found = self.wire.read(seen.body, Draft, where=path)
        if self._answers.kept is None:
            return found
        if seen.time is None:
            self._answers.kept.settle(path, query, found.annotation.revision)
            return found
        now = self._answers.kept.draft(path, query, found)
        if now is None:
            # What is at hand is not how it stands: only the server knows.
            seen = self._answers.asked(path, query)
            return self.wire.read(seen.body, Draft, where=path)
        return now.model_copy(update={"seen": seen.time})

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
        return self.sending.save(job_id, case_id, change, blobs, base=base, of=of)

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

        found = self._done(
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
            with suppress(AnnotateJobsError):
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
        return self._get(
            list[Submission],
            job_id,
            "cases",
            case_id,
            "submissions",
            person=person,
            of=of,
        )

    # ------------------------------------------------------------------ moving
    def records(self, job_id: str) -> Sequence[RecordName]:
        """Return whose work on which case is kept; for owners."""
        found: list[RecordName] = []
        while True:
            path = quoted("jobs", job_id, "records")
            page = self.wire.get(path, list[RecordName], offset=len(found), limit=MOST)
            found += page
            if len(page) < MOST:
                return found

    def record(self, job_id: str, name: RecordName) -> WorkRecord:
        """Return all that is kept of somebody's work on a case; for owners."""
        path = quoted("jobs", job_id, "cases", name.case, "records", name.person)
        return self.wire.get(path, WorkRecord, of=name.of)

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
        self.sending.send_blobs(job_id, name.case, blobs)
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

        found = self._done(
            lambda: self._post(Verdict, *place, body=form, person=person), there
        )
        if person in {None, self.person}:
            self._renew(job_id, case_id)
        return found

    def verdicts(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Verdict]:
        return self._get(
            list[Verdict], job_id, "cases", case_id, "verdicts", person=person
        )

    def threads(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Thread]:
        return tuple(
            self._get(list[Thread], job_id, "cases", case_id, "threads", person=person)
        )

    def discuss(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        comment: Comment | None = None,
        thread: str | None = None,
        resolved: bool | None = None,
    ) -> Thread:
        form = CommentForm(comment=comment, thread=thread, resolved=resolved)
        # Who says the same again, because nothing came back, says it once: it may have
        # arrived. A comment that is written again has another id and time.
        said = form.model_dump_json(exclude={"comment": {"id", "time"}})
        asked = (job_id, case_id, person, said)
        name, until = self._unheard.pop(asked, ("", 0.0))
        if not name or until < time.monotonic():
            name = new_id()
        try:
            return self._post(
                Thread,
                job_id,
                "cases",
                case_id,
                "threads",
                body=form,
                name=name,
                person=person,
            )
        except StoreAccessError:
            self._unheard[asked] = name, time.monotonic() + _SAME
            raise

    def mark_read(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        threads: Collection[str] | None = None,
    ) -> None:
        form = ReadForm(threads=None if threads is None else tuple(threads))
        path = quoted("jobs", job_id, "cases", case_id) + "/threads:read"
        self.wire.request(
            "POST", path, query={"person": person}, body=form, repeat=True
        )

    def flag(
        self,
        job_id: str,
        case_id: str,
        reason: str | None,
        *,
        person: str | None = None,
    ) -> tuple[Flag, ...]:
        form = FlagForm(reason=reason, person=person)
        path = quoted("jobs", job_id, "cases", case_id, "flag")
        # Twice the same is once: it may be sent again.
        done = self.wire.request("PUT", path, body=form, repeat=True)
        found = self.wire.value(done, list[Flag])
        with suppress(StoreError):
            self.case(job_id, case_id)  # as it is at hand offline
        return tuple(found)

    def review_counts(self, job_id: str) -> ReviewCounts:
        return self._get(ReviewCounts, job_id, "review-counts")

    def review_progress(self, job_id: str) -> Sequence[PersonProgress]:
        return self._get(list[PersonProgress], job_id, "review-progress")

    def find_reviews(
        self, job_id: str, asked: AskedReviews, offset: int, limit: int
    ) -> ReviewPage:

        def page(start: int, number: int) -> ReviewPage:
            query = {**query_of(asked), "offset": start, "limit": number}
            return self._get(ReviewPage, job_id, "reviews", **query)

        rows, total = paged(page, offset, limit)
        return ReviewPage(rows=tuple(rows), total=total)

    def review(self, job_id: str, case_id: str, *, person: str) -> ReviewRow:
        return self._get(ReviewRow, job_id, "cases", case_id, "review", person=person)

    def next_review(
        self,
        job_id: str,
        after: tuple[str, str] | None = None,
        *,
        step: int = 1,
        statuses: Sequence[ReviewStatus] = (),
        wrap: bool = False,
    ) -> ReviewRow | None:
        _rules.check_step(step)
        case, person = after or (None, None)
        row_or_none: Any = ReviewRow | None
        found: ReviewRow | None = self._get(
            row_or_none,
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
        return self._get(list[str], job_id, "cases", case_id, "people")

    # ------------------------------------------------------------------ owning
    def may_edit(self, job_id: str) -> bool:
        # Who administers the server may change every job on it.
        if self.job(job_id).is_owner(self.person):
            return True
        return bool(self._answers.get("/me", dict[str, Any]).get("admin"))

    def edit_job(self, job_id: str, edit: JobEdit) -> Job:
        path = quoted("jobs", job_id)
        done = self._done(
            lambda: self.wire.value(self.wire.request("PATCH", path, body=edit), Job),
            lambda: self._edited(job_id, edit),
        )
        with suppress(StoreError):
            self.job(job_id)  # as it is at hand offline
        return done

    def _edited(self, job_id: str, edit: JobEdit) -> Job | None:
        """Return the job if it is as an edit would have left it."""
        if edit.seen is None:
            return None
        wanted = edited_job(edit.seen, edit, used=lambda ids: {})
        now = self.wire.get(quoted("jobs", job_id), Job)
        if sorted(now.owners) != sorted(wanted.owners):
            return None
        if now.model_copy(update={"owners": wanted.owners}) != wanted:
            return None
        names = {case.id: case.name for case in edit.add_cases}
        names |= {case.id: case.name for case in edit.rename_cases}
        for case_id, name in names.items():
            if self.case(job_id, case_id).case.name != name:
                return None
        for case_id in edit.remove_cases:
            with suppress(NotFoundError):
                self.case(job_id, case_id)
                return None
        return now

    def contents(self, job_id: str) -> JobContents:
        return self.wire.get(quoted("jobs", job_id, "contents"), JobContents)

    def used_labels(self, job_id: str) -> Mapping[int, str]:
        return self.wire.get(quoted("jobs", job_id, "used-labels"), dict[int, str])

    def delete_job(self, job_id: str) -> str:
        path = quoted("jobs", job_id)

        def gone() -> bool | None:
            try:
                self.wire.get(path, Job)
            except NotFoundError:
                return True
            return None

        self._done(lambda: self.wire.request("DELETE", path, repeat=False), gone)
        return (
            f"the trash of {self.server}; to have it back, ask the owner of the "
            f"server for: napari-annotate-jobs server DIR restore-job {job_id}"
        )

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

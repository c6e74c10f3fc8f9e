"""The routes of jobs, cases and annotations: what a store of a client asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request, Response

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    Case,
    CaseOrder,
    CaseRow,
    Counts,
    Flag,
    Job,
    JobSummary,
    ReviewCounts,
    ReviewRow,
    ReviewStatus,
    Status,
    Submission,
    Thread,
    Verdict,
)
from napari_annotate_jobs.stores import CasePage, Draft, PersonProgress, ReviewPage
from napari_annotate_jobs.stores._case_query import Asked, AskedReviews
from napari_annotate_jobs.stores._moved_work import RecordName, WorkRecord
from napari_annotate_jobs.stores.wire import (
    BlobList,
    CommentForm,
    FlagForm,
    JudgeForm,
    MaskBatch,
    NoteForm,
    OperationBatch,
    OperationResult,
    ReadForm,
    SubmitForm,
    TextForm,
    unpacked,
)

from . import _case_acts, _case_masks, _flags, _listing, _records
from ._asking import (
    AgainRoute,
    Ask,
    Key,
    Limit,
    Offset,
    Person,
    answer,
    in_turn,
    unchanged,
    write_in_turn,
)
from ._bringing import prove_masks
from ._collecting import are_stale, keep_blobs
from ._drafts import find_case, find_work
from ._permits import permits
from ._projects import save_combination

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from ._asking import Asking

__all__ = ["ROUTER"]

ROUTER = APIRouter(route_class=AgainRoute)

Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Path(min_length=1, max_length=80)]
Whose = Annotated[str, Path(min_length=1, max_length=200)]
Step = Annotated[int, Query(ge=-1, le=1)]
_CASE = "/jobs/{job}/cases/{case}"


# ------------------------------------------------------------------- jobs, cases
@ROUTER.get("/jobs", response_model=list[JobSummary])
def list_jobs(request: Request, ask: Ask) -> Response:
    """Return all jobs, with the counts of who asks."""
    with ask.looking() as (connection, account):
        found = [
            _listing.summary(connection, each, f"/jobs/{each.job.id}")
            for each in permits(connection, account)
        ]
    return answer(request, found)


@ROUTER.get("/jobs/{job}", response_model=Job)
def get_job(request: Request, ask: Ask, job: Key) -> Response:
    """Return one job."""
    with ask.reading(job) as (_, permit):
        return answer(request, permit.job)


@ROUTER.get("/jobs/{job}/counts", response_model=Counts)
def get_counts(request: Request, ask: Ask, job: Key) -> Response:
    """Return how many cases have which status, for who asks."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _listing.count_cases(connection, permit))


@ROUTER.get("/jobs/{job}/cases", response_model=CasePage)
def list_cases(
    request: Request,
    ask: Ask,
    job: Key,
    status: Status | None = None,
    text: Annotated[str, Query(max_length=1000)] = "",
    flagged: bool = False,
    order: CaseOrder = CaseOrder.JOB,
    backwards: bool = False,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """Return a page of the cases."""
    with ask.reading(job) as (connection, permit):
        asked = Asked(status, text, flagged, order, backwards)
        page = _listing.case_page(connection, permit, asked, offset, limit)
    return answer(request, page)


@ROUTER.get("/jobs/{job}/neighbour", response_model=CaseRow | None)
def get_neighbour(
    request: Request,
    ask: Ask,
    job: Key,
    case: Annotated[str | None, Query(max_length=120)] = None,
    step: Step = 1,
    status: Annotated[list[Status] | None, Query(max_length=10)] = None,
    wrap: bool = False,
) -> Response:
    """Return the nearest case after, or before, another one."""
    with ask.reading(job) as (connection, permit):
        row = _listing.neighbour(
            connection, permit, case, step=step, statuses=status or (), wrap=wrap
        )
    return answer(request, row)


@ROUTER.get(_CASE, response_model=CaseRow)
def get_case(request: Request, ask: Ask, job: Key, case: Key) -> Response:
    """Return one case."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _listing.case_row(connection, permit, case))


@ROUTER.post(_CASE + "/note", response_model=Case)
def note_case(ask: Ask, job: Key, case: Key, form: NoteForm) -> Response:
    """Keep what opening the images told."""
    with ask.writing(job) as (connection, permit):
        found = _case_acts.note_case(
            connection,
            permit,
            case,
            n_slices=form.n_slices,
            size=form.size,
            warnings=form.warnings,
        )
    return answer(None, found)


# ------------------------------------------------------------------- annotations
@ROUTER.get(_CASE + "/draft", response_model=Draft)
def load(
    request: Request,
    ask: Ask,
    job: Key,
    case: Key,
    person: Person = None,
    of: Person = None,
) -> Response:
    """Return the draft of who asks, or of somebody else."""
    with ask.reading(job) as (connection, permit):
        work = find_work(connection, permit, case, person=person, of=of)
        # A draft of hundreds of slices is read only for who has another one.
        stamp = work.stamp()
        if (known := unchanged(request, stamp)) is not None:
            return known
        standing = work.standing()
        verdict = standing.verdict
        draft: dict[str, Any] = {
            "annotation": work.document(),
            "status": Status.REMAINING if of else standing.status,
            "submissions": standing.submissions,
            "verdict": None if verdict is None else verdict.model_dump(mode="json"),
        }
    return answer(request, draft, stamp=stamp)


@ROUTER.get(
    _CASE + "/blobs/{digest}",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
def read_blob(
    request: Request, ask: Ask, job: Key, case: Key, digest: Digest
) -> Response:
    """Return an encoded mask."""
    tag = f'"{digest}"'
    with ask.reading(job) as (connection, permit):
        kept = _case_masks.require_blob(connection, permit, case, digest)
    headers = {"ETag": tag, "Cache-Control": "private, immutable, max-age=31536000"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    data = _case_masks.bytes_of(ask.service.shelf, case, digest, kept)
    return Response(data, media_type="image/png", headers=headers)


@ROUTER.post(_CASE + "/blobs:missing", response_model=BlobList)
def missing_blobs(ask: Ask, job: Key, case: Key, form: BlobList) -> Response:
    """Return which masks have to be sent before an operation may name them."""
    with ask.reading(job) as (connection, permit):
        left = _case_masks.missing_blobs(connection, permit, case, form.digests)
        stale = are_stale(connection, form.digests)
    if stale:
        # Who is told that they are here counts on it.
        with ask.service.database.writing() as connection:
            keep_blobs(connection, form.digests)
        with ask.reading(job) as (connection, permit):
            left = _case_masks.missing_blobs(connection, permit, case, form.digests)
    return answer(None, BlobList(digests=tuple(left)))


@ROUTER.put(_CASE + "/blobs/{digest}", status_code=204)
async def put_blob(
    request: Request,
    ask: Ask,
    job: Key,
    case: Key,
    digest: Digest,
    data: Annotated[bytes, Body(media_type="image/png")],
) -> Response:
    """Bring an encoded mask; what is no mask of this case is refused."""
    return await _bring(request, ask, job, case, lambda: {digest: data})


@ROUTER.post(_CASE + "/blobs", status_code=204)
async def put_blobs(
    request: Request, ask: Ask, job: Key, case: Key, batch: MaskBatch
) -> Response:
    """Bring several encoded masks; if one is refused, none is kept."""
    return await _bring(request, ask, job, case, lambda: unpacked(batch.masks))


async def _bring(
    request: Request,
    ask: Asking,
    job: str,
    case: str,
    masks: Callable[[], Mapping[str, bytes]],
) -> Response:
    rows = await in_turn(request, lambda: prove_masks(ask, job, case, masks()))

    def keep(connection: Connection) -> Response:
        permit = ask.permit_to_write(connection, job)
        found = find_case(connection, permit, case)
        _case_masks.add_blobs(connection, permit, found, rows)
        return Response(status_code=204)

    return await write_in_turn(request, keep, job)


@ROUTER.post(_CASE + "/ops", response_model=list[OperationResult])
async def save(
    request: Request,
    ask: Ask,
    job: Key,
    case: Key,
    batch: OperationBatch,
    of: Person = None,
) -> Response:
    """Apply operations to the draft of who asks, with the masks that come along."""
    rows: Sequence[Mapping[str, Any]] = ()
    if batch.masks:
        rows = await in_turn(
            request, lambda: prove_masks(ask, job, case, unpacked(batch.masks))
        )

    def apply(connection: Connection) -> Response:
        permit = ask.permit_to_write(connection, job)
        results = _case_acts.save(connection, permit, case, batch, of=of, rows=rows)
        return answer(None, results)

    return await write_in_turn(request, apply, job)


@ROUTER.post(_CASE + "/submit", response_model=Submission)
def submit(
    ask: Ask, job: Key, case: Key, form: SubmitForm, of: Person = None
) -> Response:
    """Freeze the draft of who asks into a submission."""
    with ask.writing(job) as (connection, permit):
        done = _case_acts.submit(connection, permit, case, base=form.base, of=of)
        return ask.kept(connection, answer(None, done))


@ROUTER.get(_CASE + "/submissions", response_model=list[Submission])
def list_submissions(
    request: Request,
    ask: Ask,
    job: Key,
    case: Key,
    person: Person = None,
    of: Person = None,
) -> Response:
    """Return all submissions of who asks, or of somebody else."""
    with ask.reading(job) as (connection, permit):
        work = find_work(connection, permit, case, person=person, of=of)
        return answer(request, work.submissions())


# ------------------------------------------------------------------------ moving
@ROUTER.get("/jobs/{job}/records", response_model=list[RecordName])
def list_records(
    request: Request, ask: Ask, job: Key, offset: Offset = 0, limit: Limit = 100
) -> Response:
    """Return whose work on which case is kept."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _records.list_records(connection, permit, offset, limit))


@ROUTER.get(_CASE + "/records/{person}", response_model=WorkRecord)
def get_record(
    request: Request, ask: Ask, job: Key, case: Key, person: Whose, of: Person = None
) -> Response:
    """Return a person's draft with all that is frozen."""
    name = RecordName(case=case, person=person, of=of)
    with ask.reading(job) as (connection, permit):
        return answer(request, _records.read_record(connection, permit, name))


@ROUTER.put(_CASE + "/records/{person}", status_code=204)
def put_record(
    ask: Ask, job: Key, case: Key, person: Whose, record: WorkRecord, of: Person = None
) -> Response:
    """Bring a person's draft with all that is frozen, as another store kept it."""
    name = RecordName(case=case, person=person, of=of)
    with ask.writing(job) as (connection, permit):
        _records.bring_record(connection, permit, name, record)
    return Response(status_code=204)


# --------------------------------------------------------------------- reviewing
@ROUTER.post(_CASE + "/judge", response_model=Verdict)
def judge(
    ask: Ask, job: Key, case: Key, form: JudgeForm, person: Person = None
) -> Response:
    """Pass, fail or return a submission, take a verdict back, or reopen."""
    if form.verb.value not in {"pass", "fail", "return", "withdraw", "reopen"}:
        raise InvalidValueError(
            f"{form.verb.value!r} is no verdict",
            remedy="Use pass, fail, return, withdraw or reopen",
        )
    with ask.writing(job) as (connection, permit):
        verdict = _case_acts.judge(
            connection,
            permit,
            case,
            form.verb,
            person=person,
            number=form.number,
            comments=form.comments,
            corrected=form.corrected,
        )
        return ask.kept(connection, answer(None, verdict))


@ROUTER.get(_CASE + "/verdicts", response_model=list[Verdict])
def list_verdicts(
    request: Request, ask: Ask, job: Key, case: Key, person: Person = None
) -> Response:
    """Return all verdicts on what a person submitted."""
    with ask.reading(job) as (connection, permit):
        work = find_work(connection, permit, case, person=person)
        return answer(request, work.verdicts())


@ROUTER.get(_CASE + "/threads", response_model=list[Thread])
def list_threads(
    request: Request, ask: Ask, job: Key, case: Key, person: Person = None
) -> Response:
    """Return the threads on an annotation."""
    with ask.reading(job) as (connection, permit):
        work = find_work(connection, permit, case, person=person)
        return answer(request, work.threads())


@ROUTER.post(_CASE + "/threads", response_model=Thread)
def discuss(
    ask: Ask, job: Key, case: Key, form: CommentForm, person: Person = None
) -> Response:
    """Begin a thread, reply, resolve a thread, or open it again."""
    with ask.writing(job) as (connection, permit):
        thread = _case_acts.discuss(
            connection,
            permit,
            case,
            person=person,
            comment=form.comment,
            thread=form.thread,
            resolved=form.resolved,
        )
        return ask.kept(connection, answer(None, thread))


@ROUTER.post(_CASE + "/threads:read", status_code=204)
def mark_read(
    ask: Ask, job: Key, case: Key, form: ReadForm, person: Person = None
) -> Response:
    """Mark threads as read."""
    with ask.writing(job) as (connection, permit):
        _case_acts.mark_read(
            connection, permit, case, person=person, threads=form.threads
        )
    return Response(status_code=204)


@ROUTER.put(_CASE + "/flag", response_model=list[Flag])
def set_flag(ask: Ask, job: Key, case: Key, form: FlagForm) -> Response:
    """Flag a case, or take a flag away."""
    with ask.writing(job) as (connection, permit):
        found = _flags.set_flag(
            connection, permit, case, form.reason, person=form.person
        )
    return answer(None, found)


@ROUTER.get(_CASE + "/people", response_model=list[str])
def list_people(request: Request, ask: Ask, job: Key, case: Key) -> Response:
    """Return who has annotated the case."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _listing.people_of(connection, permit, case))


@ROUTER.get("/jobs/{job}/review-counts", response_model=ReviewCounts)
def get_review_counts(request: Request, ask: Ask, job: Key) -> Response:
    """Return how many submitted cases have which review status."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _listing.count_reviews(connection, permit))


@ROUTER.get("/jobs/{job}/review-progress", response_model=list[PersonProgress])
def get_review_progress(request: Request, ask: Ask, job: Key) -> Response:
    """Return what each person submitted and judged."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _listing.review_progress(connection, permit))


@ROUTER.get("/jobs/{job}/reviews", response_model=ReviewPage)
def list_reviews(
    request: Request,
    ask: Ask,
    job: Key,
    status: ReviewStatus | None = None,
    revised: bool | None = None,
    text: Annotated[str, Query(max_length=1000)] = "",
    person: Person = None,
    flagged: bool = False,
    order: CaseOrder = CaseOrder.JOB,
    backwards: bool = False,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """Return a page of the submitted cases, of everybody."""
    with ask.reading(job) as (connection, permit):
        asked = AskedReviews(status, revised, text, person, flagged, order, backwards)
        page = _listing.review_page(connection, permit, asked, offset, limit)
    return answer(request, page)


@ROUTER.get("/jobs/{job}/next-review", response_model=ReviewRow | None)
def get_next_review(
    request: Request,
    ask: Ask,
    job: Key,
    case: Annotated[str | None, Query(max_length=120)] = None,
    person: Person = None,
    step: Step = 1,
    status: Annotated[list[ReviewStatus] | None, Query(max_length=10)] = None,
    wrap: bool = False,
) -> Response:
    """Return the nearest submitted case that who asks may review."""
    after = None if case is None or person is None else (case, person)
    with ask.reading(job) as (connection, permit):
        row = _listing.next_review(
            connection, permit, after, step=step, statuses=status or (), wrap=wrap
        )
    return answer(request, row)


@ROUTER.get(_CASE + "/review", response_model=ReviewRow)
def get_review(
    request: Request,
    ask: Ask,
    job: Key,
    case: Key,
    person: Annotated[str, Query(max_length=200)],
) -> Response:
    """Return one submitted case."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _listing.review_of(connection, permit, case, person))


# ------------------------------------------------------------------ combinations
@ROUTER.get("/jobs/{job}/combinations", response_model=dict[str, str])
def list_combinations(request: Request, ask: Ask, job: Key) -> Response:
    """Return the texts of combined classes, by their names."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _listing.combinations_of(connection, permit))


@ROUTER.put("/jobs/{job}/combinations/{name}", status_code=204)
def put_combination(ask: Ask, job: Key, name: Name, form: TextForm) -> Response:
    """Keep combined classes with a job."""
    with ask.writing(job) as (connection, permit):
        save_combination(connection, permit, name, form.text)
    return Response(status_code=204)


@ROUTER.delete("/jobs/{job}/combinations/{name}", status_code=204)
def delete_combination(ask: Ask, job: Key, name: Name) -> Response:
    """Take combined classes away."""
    with ask.writing(job) as (connection, permit):
        save_combination(connection, permit, name, None)
    return Response(status_code=204)

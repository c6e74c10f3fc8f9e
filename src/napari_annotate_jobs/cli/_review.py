"""The verbs of reviewers: review, pass, fail, return, withdraw, reopen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError, counted

from ._arguments import add_switch
from ._chosen import agreed, case_named, opened_job
from ._show import (
    dump,
    say,
    table,
    terminal_width,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from napari_annotate_jobs.model import (
        Comment,
        ReviewCounts,
        ReviewRow,
        Verb,
        Verdict,
    )
    from napari_annotate_jobs.stores import JobStore, PersonProgress

__all__ = [
    "add_judge_arguments",
    "add_reopen_arguments",
    "add_review_arguments",
    "judge_case",
    "list_reviews",
    "people_data",
    "people_text",
    "reopen_case",
    "review_epilog",
    "seen_data",
    "seen_text",
]

_STATUSES = ("waiting", "passed", "failed", "returned", "not selected")


def review_epilog() -> str:
    """Return what stands below the help of the verbs."""
    return """\
examples:
  napari-annotate-jobs review lung --waiting
  napari-annotate-jobs pass lung "Case 7"
  napari-annotate-jobs fail lung "Case 8" --comment "Motion artefacts"
  napari-annotate-jobs return lung "Case 9" --comment "The vessel is missing" --slice 17
  napari-annotate-jobs show lung --review
"""


def add_review_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `list_reviews` asks for."""
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    which = verb.add_mutually_exclusive_group()
    add_switch(which, "--waiting", "only what waits for a verdict")
    which.add_argument(
        "--status", choices=_STATUSES, help="only what stands there for its reviewer"
    )
    add_switch(verb, "--revised", "only what waits and was submitted before")
    verb.add_argument("--text", default="", help="part of the case's name")
    verb.add_argument("--of", metavar="NAME", help="who submitted it")
    _add_person(verb)


def add_judge_arguments(verb: argparse.ArgumentParser, what: Verb) -> None:
    """Add what `judge_case` asks for."""
    from napari_annotate_jobs.model import Verb

    verb.add_argument("job", metavar="JOB", help="the job's folder")
    verb.add_argument(
        "cases",
        nargs="*" if what is Verb.PASS else "+",
        metavar="CASE",
        help="ids or names",
    )
    verb.add_argument(
        "--of", metavar="NAME", help="who submitted it; needed where several did"
    )
    if what is Verb.PASS:
        add_switch(
            verb,
            "--all",
            "all that waits (with --of: of this person); asks, unless --yes",
        )
        add_switch(verb, "--yes", "do not ask")
    if what is not Verb.WITHDRAW:
        verb.add_argument(
            "--comment",
            action="append",
            default=[],
            metavar="TEXT",
            required=what in (Verb.FAIL, Verb.RETURN),
            help="what to change, or the reason; may be given several times",
        )
        verb.add_argument(
            "--slice",
            action="append",
            type=int,
            default=[],
            metavar="N",
            help="the slice that a comment is on, from 1: the first --slice is that of "
            "the first --comment",
        )
    verb.set_defaults(verb=what)
    _add_person(verb)


def add_reopen_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `reopen_case` asks for."""
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    verb.add_argument("cases", nargs="+", metavar="CASE", help="ids or names")
    _add_person(verb)


def _add_person(verb: argparse.ArgumentParser) -> None:
    add_switch(verb, "--json", "print JSON")
    verb.add_argument(
        "--person", help="who does it; the name of the system's user by default"
    )


# ------------------------------------------------------------------------- verbs
def list_reviews(options: argparse.Namespace) -> int:
    """List submitted cases, with who submitted them and what became of them."""
    from napari_annotate_jobs.model import ReviewStatus

    status = None
    if options.waiting or options.status:
        status = ReviewStatus(options.status or "waiting")
    with opened_job(options) as (store, job_id):
        counts = store.review_counts(job_id)
        rows = list(
            _rows(
                store,
                job_id,
                status=status,
                revised=True if options.revised else None,
                text=options.text,
                person=options.of,
            )
        )
    if options.json:
        data = {"counts": _counts_data(counts), "cases": [_row_data(r) for r in rows]}
        say(dump(data))
        return 0
    if rows:
        say(_rows_text(rows) + "\n")
    say(_counts_text(counts))
    return 0


def judge_case(options: argparse.Namespace) -> int:
    """Pass, fail or return cases, or take a verdict back."""
    from napari_annotate_jobs.model import Verb

    with opened_job(options) as (store, job_id):
        rows = _chosen(options, store, job_id)
        if rows is None:
            return 1
        given: list[tuple[ReviewRow, Verdict]] = []
        for row in rows:
            comments = []
            if options.verb is not Verb.WITHDRAW:
                comments = _comments(options, store, job_id, row)
            verdict = store.judge(
                job_id,
                row.case.id,
                options.verb,
                person=row.person,
                number=row.number,
                comments=comments,
            )
            given.append((row, verdict))
            if not options.json:
                say(f"{row.case.name} by {row.person}: {verdict.outcome}.")
    if options.json:
        say(dump([_verdict_data(row, verdict) for row, verdict in given]))
    return 0


def reopen_case(options: argparse.Namespace) -> int:
    """Take back submissions of one's own that have no verdict yet."""
    with opened_job(options) as (store, job_id):
        ids = [case_named(store, job_id, name) for name in options.cases]
        taken = []
        for case_id, name in ids:
            verdict = store.reopen(job_id, case_id)
            taken.append(
                {"case": case_id, "name": name, "submission": verdict.submission}
            )
            if not options.json:
                say(f"{name}: submission {verdict.submission} is taken back.")
    if options.json:
        say(dump(taken))
    return 0


# ----------------------------------------------------------------------- helpers
def _rows(store: JobStore, job_id: str, **which: Any) -> Iterator[ReviewRow]:
    offset = 0
    while True:
        page = store.reviews(job_id, offset=offset, limit=1000, **which)
        yield from page.rows
        offset += len(page.rows)
        if not page.rows or offset >= page.total:
            return


def _chosen(
    options: argparse.Namespace, store: JobStore, job_id: str
) -> list[ReviewRow] | None:
    """Return the submitted cases that are meant; None if the user thought better."""
    from napari_annotate_jobs.model import ReviewStatus, Verb

    if options.verb is Verb.PASS and options.all:
        if options.cases:
            raise InvalidValueError(
                "--all and the names of cases exclude one another",
                remedy="Leave one of them out",
            )
        own = store.job(job_id).project.options.review_own
        waiting = _rows(store, job_id, status=ReviewStatus.WAITING, person=options.of)
        rows = [row for row in waiting if own or row.person != store.person]
        if not options.yes and not agreed(f"Pass {counted(len(rows), 'case')}?"):
            return None
        return rows
    if not options.cases:
        raise InvalidValueError("no case is named", remedy="Name cases, or say --all")
    return [_submitted(options, store, job_id, name) for name in options.cases]


def _submitted(
    options: argparse.Namespace, store: JobStore, job_id: str, name: str
) -> ReviewRow:
    case_id, shown = case_named(store, job_id, name)
    if options.of:
        return store.review(job_id, case_id, person=options.of)
    rows = [r for r in _rows(store, job_id, text=shown) if r.case.id == case_id]
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise NotFoundError(
            "nobody has submitted it",
            where=shown,
            remedy="See what is there to be reviewed with: napari-annotate-jobs review",
        )
    people = ", ".join(row.person for row in rows)
    raise InvalidValueError(
        f"{people} have submitted it", where=shown, remedy="Say whose with --of NAME"
    )


def _comments(
    options: argparse.Namespace, store: JobStore, job_id: str, row: ReviewRow
) -> list[Comment]:
    from napari_annotate_jobs.model import Comment

    if len(options.slice) > len(options.comment):
        raise InvalidValueError(
            "there are more slices than comments",
            where="--slice",
            remedy="Give each slice a --comment",
        )
    found = []
    for number, text in enumerate(options.comment):
        pin: dict[str, Any] = {}
        if number < len(options.slice):
            index = options.slice[number] - 1
            pin = {"slice_key": _key(store, job_id, row, index), "index": index}
        if text.strip():  # a verdict that needs words says so
            found.append(Comment(person=store.person, text=text.strip(), **pin))
    return found


def _key(store: JobStore, job_id: str, row: ReviewRow, index: int) -> str:
    """Return the name of a slice: its place may be another in other programs."""
    case_id = row.case.id
    last = store.submissions(job_id, case_id, person=row.person)[-1]
    for key, content in last.annotation.slices.items():
        if content.index == index:
            return key
    slices = store.images.open_series(job_id, case_id).header.slices
    if not 0 <= index < len(slices):
        raise InvalidValueError(
            f"there is no slice {index + 1} of {len(slices)}",
            where=row.case.name,
            remedy="Slices are counted from 1",
        )
    return slices[index].key


# -------------------------------------------------------------------------- texts
def _counts_data(counts: ReviewCounts) -> dict[str, int]:
    return {"total": counts.total, **counts.model_dump()}


def _counts_text(counts: ReviewCounts) -> str:
    parts = [
        f"{counts.waiting} waiting"
        + (f" ({counts.revised} revised)" if counts.revised else ""),
        f"{counts.passed} passed",
        f"{counts.failed} failed",
        f"{counts.returned} returned",
    ]
    if counts.not_selected:
        parts.append(f"{counts.not_selected} not selected to be reviewed")
    return f"{counts.total} submitted: " + ", ".join(parts)


def _row_data(row: ReviewRow) -> dict[str, Any]:
    return {
        "id": row.case.id,
        "name": row.case.name,
        "person": row.person,
        "submission": row.number,
        "time": row.time and row.time.isoformat(),
        "status": row.status.value,
        "revised": row.revised,
        "reviewer": row.reviewer or None,
        "judged": row.judged and row.judged.isoformat(),
        "comment": row.comment or None,
    }


def _rows_text(rows: Sequence[ReviewRow]) -> str:
    def when(row: ReviewRow) -> str:
        return "" if row.time is None else f"{row.time.astimezone():%Y-%m-%d %H:%M}"

    return table(
        ("CASE", "BY", "SUBMITTED", "NO.", "STATUS", "REVIEWER", "COMMENT"),
        (
            (
                row.case.name,
                row.person,
                when(row),
                row.number,
                "revised" if row.revised else row.status.value,
                row.reviewer,
                " ".join(row.comment.split()),
            )
            for row in rows
        ),
        terminal_width(),
    )


def _verdict_data(row: ReviewRow, verdict: Verdict) -> dict[str, Any]:
    return {
        "id": row.case.id,
        "name": row.case.name,
        "person": row.person,
        "submission": verdict.submission,
        "outcome": verdict.outcome.value,
        "reviewer": verdict.person,
        "time": verdict.time.isoformat(),
        "comments": [
            {"text": c.text, "slice": None if c.index is None else c.index + 1}
            for c in verdict.comments
        ],
    }


def people_data(people: Sequence[PersonProgress]) -> list[dict[str, Any]]:
    """Return what each person submitted and judged, fit for JSON."""
    return [
        {
            "person": found.person,
            "submitted": _counts_data(found.submitted),
            "given": {
                name: getattr(found.given, name)
                for name in ("passed", "failed", "returned")
            },
        }
        for found in people
    ]


def seen_data(store: JobStore, job_id: str) -> list[dict[str, Any]]:
    """Return how many slices of each submitted case were never shown, fit for JSON.

    It is None where that was not watched, as by programs without a window.
    """
    found = []
    for row in _rows(store, job_id):
        last = store.submissions(job_id, row.case.id, person=row.person)[-1]
        seen, slices = len(last.annotation.seen), row.case.n_slices
        known = bool(seen) and slices is not None
        found.append(
            {
                "id": row.case.id,
                "name": row.case.name,
                "person": row.person,
                "submission": last.number,
                "slices": slices,
                "never_shown": max((slices or 0) - seen, 0) if known else None,
            }
        )
    return found


def seen_text(found: Sequence[dict[str, Any]]) -> str:
    """Return how many slices of each submitted case were never shown, as a table."""
    if not found:
        return "Nothing was submitted yet."
    return table(
        ("CASE", "BY", "NO.", "SLICES", "NEVER SHOWN"),
        (
            (
                each["name"],
                each["person"],
                each["submission"],
                "" if each["slices"] is None else each["slices"],
                "not known" if each["never_shown"] is None else each["never_shown"],
            )
            for each in found
        ),
        terminal_width(),
    )


def people_text(people: Sequence[PersonProgress], counts: ReviewCounts) -> str:
    """Return what each person submitted and judged, as a table."""
    if not people:
        return "Nothing was submitted yet."
    rows = []
    for found in people:
        sent, given = found.submitted, found.given
        rows.append(
            (
                found.person,
                sent.total,
                sent.waiting,
                sent.passed,
                sent.failed,
                sent.returned,
                sent.not_selected,
                given.passed + given.failed + given.returned,
            )
        )
    head = (
        *("PERSON", "SUBMITTED", "WAITING", "PASSED", "FAILED", "RETURNED"),
        *("NOT SELECTED", "VERDICTS GIVEN"),
    )
    return f"{table(head, rows)}\n\n{_counts_text(counts)}"

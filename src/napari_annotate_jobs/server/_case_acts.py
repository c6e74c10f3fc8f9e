"""What is done with a case: saved, submitted, judged, talked about."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    InvalidValueError,
    RoleError,
)
from napari_annotate_jobs.model import (
    WHOLE_CASE,
    Annotation,
    AnnotationChange,
    Decision,
    SliceAnnotation,
    Verb,
    document_json,
    now,
)
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.wire import (
    Operation,
    OperationBatch,
    OperationResult,
    SliceAnswer,
    SliceResult,
    problem_of,
)

from ._audit import record
from ._case_masks import add_blobs, known_by, require_pixels, to_be_named
from ._drafts import (
    SavedSlice,
    case_of,
    count_labels,
    dumped,
    find_case,
    find_work,
)
from ._schema import cases, operations, reads, slices, works
from ._schema import tasks as task_table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from napari_annotate_jobs.model import (
        Case,
        Comment,
        Submission,
        Thread,
        Verdict,
    )

    from ._case_masks import KnownBlob
    from ._drafts import PersonWork
    from ._permits import Permit

__all__ = [
    "check_keys",
    "discuss",
    "fields_now",
    "judge",
    "mark_read",
    "note_case",
    "save",
    "submit",
]

_LONGEST_KEY = 300

# What every save asks and says is made once, and not put together each time.
_OPERATION = select(
    operations.c.annotation_id, operations.c.answer, operations.c.line
).where(operations.c.key == bindparam("key"))
_ADD_OPERATION = insert(operations)
_ADD_SLICE = insert(slices)
_CHANGE_SLICE = (
    update(slices)
    .where(
        slices.c.annotation_id == bindparam("of_annotation"),
        slices.c.key == bindparam("of_key"),
    )
    .values(
        revision=bindparam("new_revision"),
        stream=bindparam("new_stream"),
        document=bindparam("new_document"),
    )
)
_CHANGE_WORK = (
    update(works)
    .where(works.c.id == bindparam("of_work"))
    .values(
        revision=bindparam("new_revision"),
        label_counts=bindparam("new_label_counts"),
        labels=bindparam("new_labels"),
        whole=bindparam("new_whole"),
        whole_revisions=bindparam("new_whole_revisions"),
        decided=works.c.decided + bindparam("more_decided"),
        touched=bindparam("new_touched"),
    )
)


# ------------------------------------------------------------------------ saving
def save(
    connection: Connection,
    permit: Permit,
    key: str,
    batch: OperationBatch,
    *,
    of: str | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
) -> list[OperationResult]:
    """Apply operations to a person's own draft; each is applied once.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    permit : Permit
        Who saves.
    key : str
        Id of the case.
    batch : OperationBatch
        The operations.
    of : str, optional
        Whose submission is corrected.
    rows : sequence of mapping
        Those of the masks that came with them, as they were proved.

    Returns
    -------
    list of OperationResult
        What became of each; what is wrong with one is no harm to the others, unless
        they were to be strict.
    """
    if batch.strict and len(batch.operations) != 1:
        raise InvalidValueError(
            "a strict save has one operation",
            where=key,
            remedy="Send the others one by one",
        )
    work = find_work(connection, permit, key, of=of, lock=True)
    if rows:
        add_blobs(connection, permit, work.case, rows)
    brought = known_by(rows)
    work.make()
    results: list[OperationResult] = []
    for operation in batch.operations:
        if results:
            work.read()  # as the one before has left it
        if batch.strict:
            results.append(_apply(work, operation, brought, strict=True, of=of))
            continue
        try:
            with connection.begin_nested():
                results.append(_apply(work, operation, brought, strict=False, of=of))
        except AnnotateJobsError as error:
            trouble = problem_of(error)[1]
            results.append(
                OperationResult(
                    id=operation.id, revision=work.revision, trouble=trouble
                )
            )
    return results


def _apply(
    work: PersonWork,
    operation: Operation,
    brought: Mapping[str, KnownBlob],
    *,
    strict: bool,
    of: str | None,
) -> OperationResult:
    before = _applied_before(work, operation)
    if before is not None:
        return before
    entry = operation.entry()
    change, base = entry.change, entry.revision - 1
    check_keys(change, work.case["key"])
    _require_task(work)
    there = work.saved(change.slices.keys())
    current = work.annotation(there)
    if strict:
        slice_answers: dict[str, SliceAnswer] = {}
        field_answers: dict[str, SliceAnswer] = {}
    else:
        change, slice_answers, field_answers = _told_apart(
            work, there, current, change, base, operation.stream
        )
    known = to_be_named(work, change, brought)
    new = _changed(
        work,
        current,
        change,
        base if strict else work.revision,
        of,
        strict=strict,
        known=known,
    )
    if change.is_empty or new is current:
        return OperationResult(
            id=operation.id,
            revision=work.revision,
            slices=slice_answers
            or {
                key: SliceAnswer(result=SliceResult.ALREADY, revision=work.revision)
                for key in change.slices
            },
            fields=field_answers,
        )
    require_pixels(change, known, work.case["key"])
    _write(work, there, current, change, new, operation.stream)
    done = SliceAnswer(result=SliceResult.APPLIED, revision=new.revision)
    result = OperationResult(
        id=operation.id,
        revision=new.revision,
        slices=dict.fromkeys(change.slices, done) | slice_answers,
        fields=dict.fromkeys(_fields_of(change), done) | field_answers,
    )
    sequence = work.tell("saved", operation.id)
    work.connection.execute(
        _ADD_OPERATION,
        {
            "key": operation.id,
            "annotation_id": work.id,
            "sequence": sequence,
            "base": base,
            "revision": new.revision,
            "line": json.dumps(operation.line),
            "answer": result.model_dump_json(),
            "time": now(),
        },
    )
    return result


def _applied_before(work: PersonWork, operation: Operation) -> OperationResult | None:
    row = work.connection.execute(_OPERATION, {"key": operation.id}).first()
    if row is None:
        return None
    same = json.loads(row[2]).rstrip("\n") == operation.line.rstrip("\n")
    if work.row is None or row[0] != work.id or not same:
        raise InvalidValueError(
            f"there is another operation {operation.id}",
            where=work.case["key"],
            remedy="Give each operation an id of its own",
        )
    result = OperationResult.model_validate_json(row[1])

    def again(answers: dict[str, SliceAnswer]) -> dict[str, SliceAnswer]:
        return {
            key: answer.model_copy(update={"result": SliceResult.ALREADY})
            if answer.result is SliceResult.APPLIED
            else answer
            for key, answer in answers.items()
        }

    changes = {"slices": again(result.slices), "fields": again(result.fields)}
    return result.model_copy(update=changes)


def check_keys(change: AnnotationChange, where: str) -> None:
    """Raise InvalidValueError if something cannot name a slice."""
    for key in (*change.slices, *change.seen):
        if not key or len(key) > _LONGEST_KEY or not key.isprintable():
            raise InvalidValueError(
                f"{key[:40]!r} cannot name a slice",
                where=where,
                remedy=f"Use 1 to {_LONGEST_KEY} letters, digits or signs",
            )


def _require_task(work: PersonWork) -> None:
    """Raise RoleError unless the case is for who wants to save or submit it.

    Whoever has begun goes on, also when a claim has lapsed meanwhile.
    """
    permit = work.permit
    everyone = permit.project["assignment"] == "everyone"
    if everyone or work.of_id or work.revision:
        return
    task = work.connection.scalar(
        select(task_table.c.id).where(
            task_table.c.case_id == work.case["id"],
            task_table.c.account_id == permit.account.id,
            task_table.c.kind == "annotate",
        )
    )
    if task is None:
        raise RoleError(
            "the case is not assigned to you",
            where=work.case["key"],
            remedy="Claim it first, or ask an owner of the project to assign it",
        )


def _fields_of(change: AnnotationChange) -> list[str]:
    return [name for name in WHOLE_CASE if getattr(change, name) is not None]


def fields_now(revision: int) -> dict[str, list[Any]]:
    """Return that all fields of a whole case changed at a revision."""
    return {name: [revision, ""] for name in WHOLE_CASE}


def _told_apart(
    work: PersonWork,
    there: Mapping[str, SavedSlice],
    current: Annotation,
    change: AnnotationChange,
    base: int,
    stream: str,
) -> tuple[AnnotationChange, dict[str, SliceAnswer], dict[str, SliceAnswer]]:
    """Return the part of a change that is no conflict, and answers for the rest."""
    field_revisions: dict[str, Any] = {}
    if work.row is not None:
        field_revisions = json.loads(work.row["whole_revisions"])

    def newer(revision: int, writer: str) -> bool:
        return revision > base and not (stream and writer == stream)

    kept: dict[str, SliceAnnotation | None] = {}
    slice_answers: dict[str, SliceAnswer] = {}
    for key, content in change.slices.items():
        found = there.get(key, SavedSlice())
        if newer(found.revision, found.stream):
            said = current.slices.get(key)
            slice_answers[key] = SliceAnswer(
                result=SliceResult.CONFLICT,
                revision=found.revision,
                document=None if said is None else document_json(said),
            )
        else:
            kept[key] = content
    field_answers: dict[str, SliceAnswer] = {}
    dropped: dict[str, None] = {}
    for name in _fields_of(change):
        revision, writer = field_revisions.get(name, (0, ""))
        if newer(revision, writer):
            dropped[name] = None
            field_answers[name] = SliceAnswer(
                result=SliceResult.CONFLICT,
                revision=revision,
                document=document_json(getattr(current, name)),
            )
    left = change.model_copy(update={"slices": kept, **dropped})
    return left, slice_answers, field_answers


def _changed(
    work: PersonWork,
    current: Annotation,
    change: AnnotationChange,
    base: int,
    of: str | None,
    *,
    strict: bool,
    known: Mapping[str, KnownBlob],
) -> Annotation:
    last = None
    if strict and work.row is not None and base + 1 == work.revision:
        text = work.connection.scalar(
            select(operations.c.line).where(
                operations.c.annotation_id == work.id,
                operations.c.revision == work.revision,
            )
        )
        if text is not None:
            line = Operation(id="00000000", line=json.loads(text))
            last = line.entry().change
    return _rules.changed(
        current,
        change,
        {},
        base=base,
        standing=work.standing(),
        job=work.permit.job,
        find_size=lambda digest: known[digest].size if digest in known else None,
        size=case_of(work.case).size,
        of=of,
        last=last,
    )


def _write(
    work: PersonWork,
    there: Mapping[str, SavedSlice],
    current: Annotation,
    change: AnnotationChange,
    new: Annotation,
    stream: str,
) -> None:
    connection, revision = work.connection, new.revision
    assert work.row is not None
    old_rows, new_rows = [], []
    for key in change.slices:
        content = new.slices.get(key)
        text = None if content is None else dumped(content)
        row = {"revision": revision, "stream": stream, "document": text}
        if key in there:
            renamed = {f"new_{k}": v for k, v in row.items()}
            old_rows.append({"of_annotation": work.id, "of_key": key, **renamed})
        else:
            new_rows.append({"annotation_id": work.id, "key": key, **row})
    if new_rows:
        connection.execute(_ADD_SLICE, new_rows)
    if old_rows:
        # All in one go, whatever their number.
        connection.execute(_CHANGE_SLICE, old_rows)
    revisions = json.loads(work.row["whole_revisions"])
    for name in _fields_of(change):
        revisions[name] = [revision, stream]
    decided = sum(
        _is_decided(new.slices.get(key)) - _is_decided(current.slices.get(key))
        for key in change.slices
    )
    counts = Counter[str](json.loads(work.row["label_counts"]))
    counts.update(count_labels(map(new.slices.get, change.slices), new.case_labels))
    counts.subtract(
        count_labels(map(current.slices.get, change.slices), current.case_labels)
    )
    connection.execute(
        _CHANGE_WORK,
        {
            "of_work": work.id,
            "new_revision": revision,
            "new_label_counts": json.dumps(+counts),
            "new_labels": work.permit.project["labels"],
            "new_whole": work.set_whole(new),
            "new_whole_revisions": json.dumps(revisions),
            "more_decided": decided,
            "new_touched": new.modified,
        },
    )


def _is_decided(content: SliceAnnotation | None) -> int:
    return int(content is not None and content.decision is not Decision.UNDECIDED)


# --------------------------------------------------------------------- submitting
def submit(
    connection: Connection,
    permit: Permit,
    key: str,
    *,
    base: int,
    of: str | None = None,
) -> Submission:
    """Freeze a person's own draft; see :meth:`JobStore.submit`."""
    work = find_work(connection, permit, key, of=of, lock=True)
    _require_task(work)
    annotation = work.annotation()
    if of is not None:
        source = find_work(connection, permit, key, person=of, lock=True)
        said = _rules.Said(Verb.CORRECT, permit.account.name, of)
        said.check_copy(source.standing(), annotation, job=permit.job)
    submission = _rules.submitted(
        annotation,
        base=base,
        standing=work.standing(),
        case=case_of(work.case),
        job=permit.job,
        of=of,
    )
    work.make()
    work.add_submission(submission)
    _audit(work, "submit", f"number {submission.number} {submission.digest}")
    work.tell("submitted", str(submission.number))
    return submission


def judge(
    connection: Connection,
    permit: Permit,
    key: str,
    verb: Verb,
    *,
    person: str | None = None,
    number: int | None = None,
    comments: Sequence[Comment] = (),
    corrected: bool = False,
) -> Verdict:
    """Answer a person's last submission; see :meth:`JobStore.judge`."""
    name = permit.account.name
    author = person or name
    work = find_work(connection, permit, key, person=author, lock=True)
    copies: Sequence[Submission] = ()
    if corrected:
        copies = find_work(connection, permit, key, of=author).submissions()
    said = _rules.Said(
        verb,
        name,
        author,
        number,
        tuple(comments),
        corrected=corrected,
        copy=copies[-1] if copies else None,
    )
    standing = work.standing()
    said.check(standing, job=permit.job, where=key)
    last = work.last_submission()
    assert last is not None
    verdict = said.verdict(
        standing, last, work.annotation({}), work.entries(), job=permit.job, where=key
    )
    work.add_verdict(verdict)
    _audit(work, verb.value, f"number {last.number} {verdict.digest}")
    work.tell("judged", f"{last.number}.{verdict.number}")
    return verdict


def _audit(work: PersonWork, action: str, more: str) -> None:
    subject = f"{work.case['key']} of {work.author}: {more}"
    record(work.connection, work.permit.id, work.permit.account.name, action, subject)


# ------------------------------------------------------------------------ threads
def discuss(
    connection: Connection,
    permit: Permit,
    key: str,
    *,
    person: str | None = None,
    comment: Comment | None = None,
    thread: str | None = None,
    resolved: bool | None = None,
) -> Thread:
    """Say something in a thread; see :meth:`JobStore.discuss`."""
    work = find_work(connection, permit, key, person=person, lock=True)
    entry = _rules.entry(
        work.entries(),
        work.threads(),
        person=permit.account.name,
        author=work.author,
        comment=comment,
        thread=thread,
        resolved=resolved,
        standing=work.standing(),
        job=permit.job,
        where=key,
    )
    work.add_entry(entry)
    work.tell("said", str(entry.number))
    return next(found for found in work.threads() if found.id == entry.thread)


def mark_read(
    connection: Connection,
    permit: Permit,
    key: str,
    *,
    person: str | None = None,
    threads: Collection[str] | None = None,
) -> None:
    """Mark threads as read by who asks; see :meth:`JobStore.mark_read`."""
    work = find_work(connection, permit, key, person=person, lock=True)
    for thread in work.threads():
        if not thread.unread or not (threads is None or thread.id in threads):
            continue
        where = {
            "annotation_id": work.id,
            "account_id": permit.account.id,
            "thread": thread.id,
        }
        count = len(thread.comments)
        done = connection.execute(
            update(reads)
            .where(*(reads.c[name] == value for name, value in where.items()))
            .values(count=count)
        )
        if not done.rowcount:
            connection.execute(insert(reads).values(**where, count=count))


# ------------------------------------------------------------------------- images
def note_case(
    connection: Connection,
    permit: Permit,
    key: str,
    *,
    n_slices: int | None,
    size: tuple[int, int] | None,
    warnings: Sequence[str],
) -> Case:
    """Keep what opening the images told; see :meth:`JobStore.note_case`."""
    permit.require_part()
    row = find_case(connection, permit, key)
    _rules.noted(case_of(row), n_slices)
    if size is not None and min(size) < 1:
        raise InvalidValueError(
            f"a slice cannot have {size[0]} x {size[1]} pixels", where=key
        )
    values: dict[str, Any] = {"warnings": json.dumps(list(warnings))}
    if n_slices is not None:
        values["n_slices"] = n_slices
    if size is not None:
        values |= {"rows": size[0], "columns": size[1]}
    if any(row[name] != value for name, value in values.items()):
        connection.execute(
            update(cases).where(cases.c.id == row["id"]).values(**values)
        )
        row = find_case(connection, permit, key)
    return case_of(row, sized=False)

"""Work that was kept elsewhere, given out and taken in as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError
from napari_annotate_jobs.model import AnnotationChange, check_change, now
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._moved_work import RecordName, WorkRecord

from ._accounts import add_account, find_account
from ._audit import record as note
from ._case_acts import check_keys, fields_now
from ._case_masks import add_uses, check_pixels
from ._drafts import count_labels, dumped, find_case, find_work, insert_or_ignore
from ._flags import bring_flag, flag_of
from ._schema import accounts, cases, members, slices, works

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ._drafts import PersonWork
    from ._permits import Permit

__all__ = ["bring_record", "list_records", "read_record"]


def list_records(
    connection: Connection, permit: Permit, offset: int, limit: int
) -> list[RecordName]:
    """Return whose work on which case is kept, in an order that stays."""
    permit.require_owner()
    of = accounts.alias("corrected")
    found = connection.execute(
        select(cases.c.key, accounts.c.name, of.c.name)
        .select_from(works)
        .join(cases, cases.c.id == works.c.case_id)
        .join(accounts, accounts.c.id == works.c.account_id)
        .outerjoin(of, of.c.id == works.c.of_id)
        .where(works.c.project_id == permit.id)
        .order_by(works.c.id)
        .offset(offset)
        .limit(limit)
    )
    return [RecordName(case=row[0], person=row[1], of=row[2]) for row in found]


def read_record(connection: Connection, permit: Permit, name: RecordName) -> WorkRecord:
    """Return all that is kept of somebody's work on a case."""
    permit.require_owner()
    work = find_work(connection, permit, name.case, person=name.person, of=name.of)
    return _record_of(work)


def _record_of(work: PersonWork) -> WorkRecord:
    return WorkRecord(
        annotation=work.annotation(),
        submissions=tuple(work.submissions()),
        verdicts=tuple(work.verdicts()),
        entries=tuple(work.entries()),
        flag=flag_of(work),
    )


def bring_record(
    connection: Connection, permit: Permit, name: RecordName, record: WorkRecord
) -> None:
    """Keep what another store kept, as it is; what is there already is left.

    Raises
    ------
    RoleError
        If who brings it is no owner of the project.
    InvalidValueError
        If it does not fit together, or names masks that are not here.
    ExistsError
        If what is there is anything else.
    """
    permit.require_owner()
    find_case(connection, permit, name.case)
    record.check(name)
    if record.is_blank:
        return
    _let_in(connection, permit, name.person)
    work = find_work(
        connection, permit, name.case, person=name.person, of=name.of, lock=True
    )
    work.make()
    left = record.missing_from(_record_of(work), name)
    digests = record.blobs()
    for annotation in record.annotations:
        change = AnnotationChange(
            slices=dict(annotation.slices),
            case_attributes={
                label_id: answers
                for label_id, answers in annotation.case_attributes.items()
                if label_id in permit.job.project.label_set.by_id
            },
        )
        check_keys(change, name.case)
        check_change(change, permit.job.project.label_set)
        check_pixels(work, change)
    add_uses(connection, work, digests)
    if left.annotation.revision:
        _write_draft(connection, work, record)
    for submission in left.submissions:
        work.add_submission(submission)
    for verdict in left.verdicts:
        work.add_verdict(verdict)
    for entry in left.entries:
        work.add_entry(entry)
    if left.flag is not None:
        bring_flag(work, left.flag)
    if left.is_blank:
        return
    last = f" {record.submissions[-1].digest}" if record.submissions else ""
    subject = f"{name.case} of {name.person}: {len(record.submissions)} submitted{last}"
    note(connection, permit.id, permit.account.name, "bring", subject)
    work.tell("saved")
    if left.submissions:
        work.tell("submitted", str(left.submissions[-1].number))


def _let_in(connection: Connection, permit: Permit, person: str) -> None:
    """See that whose work it is has an account, and can go on with it."""
    by = permit.account
    try:
        account = find_account(connection, person)
    except NotFoundError:
        if not by.admin:
            raise InvalidValueError(
                f"{person} has no account on this server",
                where=permit.job.name,
                remedy="Have an owner of the server add them, or push it",
            ) from None
        account = add_account(connection, person, by=by.name)
    if permit.project["open_annotation"]:
        connection.execute(
            insert_or_ignore(connection, members).values(
                project_id=permit.id,
                account_id=account.id,
                state="active",
                joined=now(),
            )
        )


def _write_draft(connection: Connection, work: PersonWork, record: WorkRecord) -> None:
    draft = record.annotation
    rows = [
        {
            "annotation_id": work.id,
            "key": key,
            "revision": draft.revision,
            "stream": "",
            "document": dumped(content),
        }
        for key, content in draft.slices.items()
    ]
    if rows:
        connection.execute(insert(slices), rows)
    work.set(
        revision=draft.revision,
        whole=work.set_whole(draft),
        whole_revisions=json.dumps(fields_now(draft.revision)),
        decided=_rules.count_decided(draft),
        touched=draft.modified,
        label_counts=json.dumps(count_labels(draft.slices.values(), draft.case_labels)),
    )
    work.read()

"""What is new for a person since a time; runs over all stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from napari_annotate_jobs.model import CaseOrder, Comment, Verb
from napari_annotate_jobs.stores import FolderStore, _what_is_new, news_of

JOB = "job-1"
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


def submit(store, kit, case_id):
    revision = store.load(JOB, case_id).annotation.revision
    revision = store.save(JOB, case_id, kit.labelled(0, 1), {}, base=revision)
    return store.submit(JOB, case_id, base=revision)


def after(time):
    """Let the clock go on: times are told to the millisecond."""
    while datetime.now(UTC) - time < timedelta(milliseconds=2):
        pass
    return time


def remark(person, text="look again"):
    return Comment(person=person, text=text)


def ids(news):
    return [case for case, _ in news.cases]


@pytest.mark.served
def test_returns_and_comments_of_others_are_new(world, store, kit):
    eve = world.store("eve")
    for case in ("case-0", "case-1", "case-2", "case-3"):
        submit(store, kit, case)
    since = after(store.submissions(JOB, "case-3")[-1].time)
    assert news_of(store, JOB, since).text == ""
    eve.return_case(JOB, "case-1", [remark("eve")], person="ana")
    after(datetime.now(UTC))
    eve.discuss(JOB, "case-0", person="ana", comment=remark("eve", "well seen"))
    found = news_of(store, JOB, since)
    assert found.text == "1 returned, 1 new comment"
    assert ids(found) == ["case-0", "case-1"]
    # What one says oneself is not new, what others said before is not, either.
    store.discuss(JOB, "case-3", comment=remark("ana", "a question"))
    assert news_of(store, JOB, since) == found
    late = store.threads(JOB, "case-3")[-1].comments[-1].time
    assert news_of(store, JOB, late).text == ""


@pytest.mark.served
def test_what_was_read_or_worked_on_is_not_new(world, store, kit):
    eve = world.store("eve")
    for case in ("case-0", "case-1"):
        submit(store, kit, case)
    eve.return_case(JOB, "case-0", [remark("eve")], person="ana")
    eve.discuss(JOB, "case-1", person="ana", comment=remark("eve"))
    assert news_of(store, JOB, BEFORE).text == "1 returned, 1 new comment"
    store.mark_read(JOB, "case-1")
    assert news_of(store, JOB, BEFORE).text == "1 returned"
    revision = store.load(JOB, "case-0").annotation.revision
    store.save(JOB, "case-0", kit.labelled(1, 1), {}, base=revision)
    assert news_of(store, JOB, BEFORE).text == ""


def test_a_return_before_is_not_new_for_a_comment_after_it(world, store, kit):
    eve = world.store("eve")
    submit(store, kit, "case-0")
    answer = eve.return_case(JOB, "case-0", [remark("eve")], person="ana")
    since = after(answer.time)
    eve.discuss(JOB, "case-0", person="ana", comment=remark("eve", "and there"))
    assert news_of(store, JOB, since).text == "1 new comment"


@pytest.mark.served
def test_for_a_reviewer_what_others_submitted_is_new(world, store, kit):
    eve = world.store("eve")
    first = after(submit(store, kit, "case-0").time)
    submit(store, kit, "case-1")
    found = news_of(eve, JOB, first, review=True)
    assert found.text == "1 submitted"
    assert found.cases == (("case-1", "ana"),)
    eve.judge(JOB, "case-1", Verb.PASS, person="ana")
    assert news_of(eve, JOB, first, review=True).text == ""


@pytest.mark.served
def test_a_comment_puts_a_case_first_among_those_touched_last(world, store, kit):
    for case in ("case-0", "case-1"):
        submit(store, kit, case)
    after(datetime.now(UTC))
    eve = world.store("eve")
    thread = eve.discuss(JOB, "case-0", person="ana", comment=remark("eve"))
    rows = store.cases(JOB, order=CaseOrder.TOUCHED, limit=2).rows
    assert [row.case.id for row in rows] == ["case-0", "case-1"]
    assert rows[0].touched >= thread.first.time
    assert store.case(JOB, "case-0").touched == rows[0].touched


def test_a_comment_is_found_by_an_index_made_anew(job_folder, kit):
    with FolderStore(job_folder, "ana") as store, FolderStore(job_folder, "eve") as eve:
        for case in ("case-0", "case-1"):
            submit(store, kit, case)
        after(datetime.now(UTC))
        eve.discuss(JOB, "case-0", person="ana", comment=remark("eve"))
        (job_folder / "events.jsonl").unlink()
        store.checker.check()
        rows = store.cases(JOB, order=CaseOrder.TOUCHED, limit=2).rows
        assert [row.case.id for row in rows] == ["case-0", "case-1"]


def test_more_than_is_looked_at_is_said(world, store, kit, monkeypatch):
    monkeypatch.setattr(_what_is_new, "MOST", 2)
    eve = world.store("eve")
    for case in ("case-0", "case-1", "case-2"):
        submit(store, kit, case)
        eve.return_case(JOB, case, [remark("eve")], person="ana")
    assert news_of(store, JOB, BEFORE).text == "2 returned, and more"


def test_many_cases_cost_what_is_new_in_them(kit, tmp_path, monkeypatch):
    from napari_annotate_jobs.stores import create_job

    cases = kit.cases(300)
    with create_job(tmp_path / "job", kit.job(), cases, person="ana") as store:
        submit(store, kit, "case-7")
        since = after(store.submissions(JOB, "case-7")[-1].time)
        with FolderStore(tmp_path / "job", "eve") as eve:
            eve.return_case(JOB, "case-7", [remark("eve")], person="ana")
        asked = []
        monkeypatch.setattr(
            FolderStore,
            "threads",
            lambda self, job, case, **_: asked.append(case) or (),
        )
        assert news_of(store, JOB, since).text == "1 returned"
        assert asked == ["case-7"]

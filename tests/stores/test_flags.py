"""Flags on cases, and the orders of lists; runs over all stores."""

from __future__ import annotations

from itertools import product

import pytest

from napari_annotate_jobs.errors import (
    CorruptError,
    InvalidValueError,
    NotFoundError,
    RoleError,
)
from napari_annotate_jobs.model import (
    CaseName,
    CaseOrder,
    Comment,
    JobEdit,
    Status,
    Verb,
)
from napari_annotate_jobs.stores import FolderStore
from napari_annotate_jobs.stores._flags import ordered

JOB = "job-1"
REMARK = Comment(person="eve", text="look again", slice_key="index:3", index=3)


def submit(store, kit, case_id):
    revision = store.load(JOB, case_id).annotation.revision
    revision = store.save(JOB, case_id, kit.labelled(0, 1), {}, base=revision)
    return store.submit(JOB, case_id, base=revision)


def reasons(row):
    return [(flag.person, flag.reason) for flag in row.flags]


@pytest.mark.served
def test_a_flag_is_seen_in_lists_by_others_too_and_counted(world, store):
    eve = world.store("eve")
    assert eve.cases(JOB, flagged=True).total == store.counts(JOB).flagged == 0
    (mine,) = store.flag(JOB, "case-2", "  mirrored,\n it seems ")
    assert (mine.person, mine.reason) == ("ana", "mirrored, it seems")
    for each in (store, eve, world.store("ana")):
        assert each.case(JOB, "case-2").flags == (mine,)
        page = each.cases(JOB, flagged=True)
        assert (page.total, [row.case.id for row in page.rows]) == (1, ["case-2"])
        assert each.cases(JOB).rows[2].flags == (mine,)
        assert each.neighbour(JOB, "case-1").flags == (mine,)
        assert each.counts(JOB).flagged == 1
    assert store.counts("job-2").flagged == 0

    eve.flag(JOB, "case-2", "motion")
    assert reasons(store.case(JOB, "case-2")) == [
        ("eve", "motion"),
        ("ana", "mirrored, it seems"),
    ]
    assert store.counts(JOB).flagged == 1
    assert store.flag(JOB, "case-2", None)[0].person == "eve"
    assert store.flag(JOB, "case-2", None)[0].person == "eve"  # twice does no harm
    assert eve.flag(JOB, "case-2", None) == ()
    assert store.cases(JOB, flagged=True).total == store.counts(JOB).flagged == 0


def test_another_reason_takes_the_place_of_the_first(store):
    store.flag(JOB, "case-0", "first")
    store.flag(JOB, "case-0", "second")
    assert reasons(store.case(JOB, "case-0")) == [("ana", "second")]


def test_a_flag_is_no_part_of_what_is_submitted(world, store, kit):
    digest = submit(store, kit, "case-0").digest
    revision = store.load(JOB, "case-0").annotation.revision
    store.flag(JOB, "case-0", "is this the right study?")  # it is finished
    assert store.load(JOB, "case-0").annotation.revision == revision
    assert store.submissions(JOB, "case-0")[-1].digest == digest
    assert not store.case(JOB, "case-0").draft

    store.flag(JOB, "case-1", "motion")
    submit(store, kit, "case-1")
    assert reasons(store.case(JOB, "case-1")) == [("ana", "motion")]
    eve = world.store("eve")
    rows = eve.reviews(JOB, flagged=True)
    assert (rows.total, eve.review_counts(JOB).flagged) == (2, 2)
    assert [reasons(row)[0][1] for row in rows.rows] == [
        "is this the right study?",
        "motion",
    ]
    assert eve.review(JOB, "case-1", person="ana").flags == rows.rows[1].flags
    assert eve.next_review(JOB).flags == rows.rows[0].flags
    eve.return_case(JOB, "case-1", [REMARK], person="ana")
    assert reasons(store.case(JOB, "case-1")) == [("ana", "motion")]


def test_a_reviewer_takes_a_flag_of_somebody_else_away(world, store):
    store.flag(JOB, "case-0", "wrong study")
    eve = world.store("eve")
    with pytest.raises(RoleError, match="the flag is ana's"):
        eve.flag(JOB, "case-0", "in the name of ana", person="ana")
    assert eve.flag(JOB, "case-0", None, person="ana") == ()
    assert store.case(JOB, "case-0").flags == ()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_flag_needs_a_reason_in_a_few_words(store, reason):
    with pytest.raises(InvalidValueError, match="reason"):
        store.flag(JOB, "case-0", reason)
    assert store.case(JOB, "case-0").flags == ()


def test_an_unknown_case_is_not_flagged(store):
    with pytest.raises(NotFoundError):
        store.flag(JOB, "nowhere", "x")


def test_who_annotates_sees_their_own_flags_alone(worlds, kit, tmp_path):
    job = kit.job().model_copy(
        update={"annotators": ("ana", "bob"), "reviewers": ("eve",)}
    )
    for name, kind in worlds.items():
        world = kind(tmp_path / name, [(job, kit.cases())])
        ana, bob, eve = map(world.store, ("ana", "bob", "eve"))
        ana.flag(JOB, "case-0", "by ana")
        bob.flag(JOB, "case-1", "by bob")
        for mine, case, other in ((ana, "case-0", "case-1"), (bob, "case-1", "case-0")):
            assert [r.case.id for r in mine.cases(JOB, flagged=True).rows] == [case]
            assert mine.case(JOB, other).flags == ()
            assert mine.counts(JOB).flagged == 1
            by_flag = mine.cases(JOB, order=CaseOrder.FLAG)
            assert (by_flag.rows[0].case.id, by_flag.total) == (case, 5)
        assert eve.counts(JOB).flagged == 2
        with pytest.raises(RoleError, match="Ask a reviewer"):
            ana.flag(JOB, "case-1", None, person="bob")
        with pytest.raises(RoleError, match="looks on"):
            world.store("mallory").flag(JOB, "case-0", "hello")
        world.close()


def test_on_a_server_a_blind_annotator_sees_their_own_flags_alone(
    kind_of_server, kit, tmp_path
):
    from napari_annotate_jobs.server import NewProject

    class Blind(kind_of_server):
        def __init__(self, path, jobs):
            self.jobs = jobs
            super().__init__(path, [])
            for job, cases in jobs:
                self.people.add_job(
                    NewProject(job=job, cases=tuple(cases)), base=str(path)
                )
                self._jobs.append(job.id)

    world = Blind(tmp_path, [(kit.job(), kit.cases())])
    ana, bob = world.store("ana"), world.store("bob")
    ana.flag(JOB, "case-0", "by ana")
    assert bob.case(JOB, "case-0").flags == ()
    assert bob.counts(JOB).flagged == bob.cases(JOB, flagged=True).total == 0
    assert ana.counts(JOB).flagged == 1
    world.close()


def test_a_case_that_is_taken_away_takes_its_flags_along(world, store, kit):
    store.flag(JOB, "case-4", "wrong study")
    case = store.case(JOB, "case-4").case
    owner = store if store.may_edit(JOB) else world.store("owner")
    owner.edit_job(JOB, JobEdit(remove_cases=("case-4",)))
    assert store.counts(JOB).flagged == 0
    owner.edit_job(JOB, JobEdit(add_cases=(case,)))
    assert store.case(JOB, "case-4").flags == ()


# ------------------------------------------------------------------------- orders
@pytest.fixture
def busy(world, store, kit):
    """A job in which something was done with most cases, in another order."""
    eve = world.store("eve")
    names = {"case-0": "Case 10", "case-1": "case 9", "case-3": "Äpfel", "case-4": "B"}
    owner = store if store.may_edit(JOB) else world.store("owner")
    owner.edit_job(
        JOB,
        JobEdit(
            rename_cases=tuple(CaseName(id=k, name=n) for k, n in names.items()),
        ),
    )
    for case, n in (("case-3", 7), ("case-1", 300), ("case-2", 1)):
        store.note_case(JOB, case, n_slices=n)
    submit(store, kit, "case-4")
    submit(store, kit, "case-1")
    eve.judge(JOB, "case-4", Verb.PASS, person="ana")
    eve.return_case(JOB, "case-1", [REMARK], person="ana")
    store.save(JOB, "case-2", kit.labelled(0, 1), {}, base=0)
    store.flag(JOB, "case-2", "first")
    store.flag(JOB, "case-0", "second")
    return store


def ids(rows):
    return [row.case.id.removeprefix("case-") for row in rows]


@pytest.mark.slow
@pytest.mark.served
@pytest.mark.parametrize(
    ("order", "found"),
    [
        (CaseOrder.JOB, "01234"),
        (CaseOrder.NAME, "42103"),  # B, Case 2 of Graz, case 9, Case 10, Äpfel
        (CaseOrder.STATUS, "10234"),
        (CaseOrder.SLICES, "04231"),
        (CaseOrder.FLAG, "02134"),
    ],
)
def test_cases_are_sorted_and_the_order_turned_round(busy, order, found):
    assert "".join(ids(busy.cases(JOB, order=order).rows)) == found
    back = busy.cases(JOB, order=order, backwards=True).rows
    assert "".join(ids(back)) == found[::-1]


@pytest.mark.slow
def test_every_filter_order_and_page_agrees_with_sorting_by_hand(busy):
    every = list(busy.cases(JOB).rows)
    for status, text, flagged, order, backwards in product(
        (None, Status.REMAINING, Status.FINISHED, Status.RETURNED),
        ("", "case"),
        (False, True),
        CaseOrder,
        (False, True),
    ):
        wanted = ordered(
            [
                row
                for row in every
                if status in (None, row.status)
                and text in row.case.name.casefold()
                and (row.flags or not flagged)
            ],
            order,
            backwards=backwards,
        )
        asked = {
            "status": status,
            "text": text,
            "flagged": flagged,
            "order": order,
            "backwards": backwards,
        }
        for offset, limit in ((0, 100), (1, 2), (3, 5)):
            page = busy.cases(JOB, **asked, offset=offset, limit=limit)
            here = wanted[offset : offset + limit]
            assert (page.total, ids(page.rows)) == (len(wanted), ids(here)), asked


def test_what_was_submitted_is_sorted_alike(busy, world):
    eve = world.store("eve")
    every = list(eve.reviews(JOB).rows)
    assert len(every) == 2
    for order, backwards, flagged in product(CaseOrder, (False, True), (False, True)):
        wanted = ordered(
            [r for r in every if r.flags or not flagged], order, backwards=backwards
        )
        page = eve.reviews(JOB, order=order, backwards=backwards, flagged=flagged)
        assert (page.total, ids(page.rows)) == (len(wanted), ids(wanted)), order
        assert ids(eve.reviews(JOB, order=order, text="B", limit=1).rows) == ["4"]


def test_what_was_touched_last_comes_first_whoever_touched_it(busy, world):
    rows = busy.cases(JOB, order=CaseOrder.TOUCHED).rows
    assert sorted(ids(rows[:3])) == ["1", "2", "4"]
    assert ids(rows[3:]) == ["0", "3"]
    assert [row.touched for row in rows[3:]] == [None, None]
    times = [row.touched for row in rows[:3]]
    assert times == sorted(times, reverse=True)
    eve = world.store("eve")
    assert times[-1] <= busy.case(JOB, "case-4").touched
    eve.judge(JOB, "case-4", Verb.WITHDRAW, person="ana")
    answer = eve.return_case(JOB, "case-4", [REMARK], person="ana")
    assert busy.case(JOB, "case-4").touched == answer.time
    draft = busy.load(JOB, "case-2").annotation
    assert busy.case(JOB, "case-2").touched == draft.modified


# ------------------------------------------------------------------------- folders
def test_flags_and_orders_outlive_the_index(job_folder, kit):
    with FolderStore(job_folder, "ana") as store:
        store.flag(JOB, "case-3", "mirrored")
        submit(store, kit, "case-1")
        (before,) = store.case(JOB, "case-3").flags
        (job_folder / "events.jsonl").unlink()
        store.checker.check()  # which makes the index anew
        assert store.case(JOB, "case-3").flags == (before,)
        assert ids(store.cases(JOB, order=CaseOrder.TOUCHED).rows)[0] == "1"
        assert ids(store.cases(JOB, order=CaseOrder.FLAG).rows)[0] == "3"


def test_a_flag_that_cannot_be_written_is_not_told_as_kept(job_folder, monkeypatch):
    from napari_annotate_jobs.errors import StoreAccessError
    from napari_annotate_jobs.stores.folder import _flag_files

    def full(*_: object, **__: object) -> None:
        raise StoreAccessError("there is no room", where=job_folder)

    with FolderStore(job_folder, "ana") as store:
        store.flag(JOB, "case-3", "mirrored")
        monkeypatch.setattr(_flag_files, "write_document", full)
        with pytest.raises(StoreAccessError):
            store.flag(JOB, "case-3", "not mirrored")
        assert reasons(store.case(JOB, "case-3")) == [("ana", "mirrored")]


def test_a_damaged_flag_is_named_by_the_check_and_harms_no_list(job_folder):
    with FolderStore(job_folder, "ana") as store:
        store.flag(JOB, "case-3", "mirrored")
        path = job_folder / "flags" / "case-3" / "ana.json"
        path.write_text('{"format": "no flag"}')
        store.checker.check()
        faults = [fault.where for fault in store.checker.check()]
        assert str(path) in faults
        assert store.case(JOB, "case-3").flags == ()
        with pytest.raises(CorruptError):
            store._folder(JOB).flags.read(path)
        store.flag(JOB, "case-3", "again")  # and is written over
        assert reasons(store.case(JOB, "case-3")) == [("ana", "again")]


def test_a_flag_goes_into_the_trash_with_its_job(job_folder):
    with FolderStore(job_folder, "ana") as store:
        store.flag(JOB, "case-3", "mirrored")
        store.delete_job(JOB)
    assert not (job_folder / "flags").exists()

"""Editing a job that exists, in every store: its owners, and nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest

from napari_annotate_jobs.errors import (
    ExistsError,
    InvalidValueError,
    JobChangedError,
    NotFoundError,
    RoleError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    Case,
    CaseName,
    JobEdit,
    Label,
    LabelChange,
    Method,
    Priority,
    ReviewStatus,
    SeriesRef,
    SliceAnnotation,
)

JOB = "job-1"
PEOPLE = {
    "annotators": ("ana", "ben"),
    "reviewers": ("eve",),
    "owners": ("ola", "olga"),
}


@pytest.fixture(params=["folder", "memory", "server"])
def make(request, tmp_path, kit, worlds):
    """Return a maker of worlds with one job that has owners."""
    made = []

    def world(**options):
        job = kit.job(JOB, **options).model_copy(update=PEOPLE)
        if request.param == "server":
            kind = request.getfixturevalue("kind_of_server")
        else:
            kind = worlds[request.param]
        made.append(kind(tmp_path / str(len(made)), [(job, kit.cases())]))
        return made[-1]

    yield world
    for each in made:
        each.close()


@pytest.fixture
def owned(make):
    return make()


@pytest.fixture
def olga(owned):
    return owned.same("olga")


def label(name, label_id=1, method=Method.SEGMENTATION, **fields):
    fields = {"color": "#112233", **fields}
    return Label(id=label_id, name=name, method=method, **fields)


def labels_of(store):
    return {
        each.id: (each.name, each.retired)
        for each in store.job(JOB).project.label_set.labels
    }


def names(store):
    return {row.case.id: row.case.name for row in store.cases(JOB).rows}


def case(case_id, name=None):
    series = (SeriesRef(path=f"images/{case_id}"),)
    return Case(id=case_id, name=name or case_id, series=series)


# ------------------------------------------------------------------- the job itself
def test_an_owner_changes_what_the_job_says_of_itself(owned, olga):
    ana = owned.same("ana")
    before = ana.job(JOB)
    edit = JobEdit(
        name="Livers, again",
        instructions="Paint **all** of it.",
        start=date(2030, 1, 1),
        due=date(2030, 2, 1),
        priority=Priority.HIGH,
        archived=True,
        seen=olga.job(JOB),
    )
    done = olga.edit_job(JOB, edit)
    for store in (olga, ana, owned.store("ben")):
        job = store.job(JOB)
        assert job == done
        assert (job.name, job.project.instructions) == (
            "Livers, again",
            "Paint **all** of it.",
        )
        assert (job.start, job.due) == (date(2030, 1, 1), date(2030, 2, 1))
        assert (job.priority, job.archived) == (Priority.HIGH, True)
        assert store.jobs()[0].job == job
    # What was not given stayed, and None takes a date away.
    assert done.project.label_set == before.project.label_set
    assert (done.id, done.published, done.annotators) == (
        before.id,
        before.published,
        before.annotators,
    )
    assert olga.edit_job(JOB, JobEdit(due=None)).due is None
    assert olga.job(JOB).start == date(2030, 1, 1)


@pytest.mark.parametrize("person", ["ana", "eve"])
def test_others_change_nothing(owned, person):
    store = owned.same(person)
    before = store.job(JOB)
    assert not store.may_edit(JOB)
    with pytest.raises(RoleError, match="not an owner"):
        store.edit_job(JOB, JobEdit(name="Mine"))
    with pytest.raises(RoleError, match="not an owner"):
        store.delete_job(JOB)
    assert store.job(JOB) == before
    assert owned.same("olga").may_edit(JOB)


def test_a_job_can_be_handed_to_another_owner(owned, olga):
    owned.same("ben")
    olga.edit_job(JOB, JobEdit(owners=("ola", "ben"), seen=olga.job(JOB)))
    assert set(owned.same("ben").job(JOB).owners) == {"ola", "ben"}
    assert "ben" in owned.same("ben").job(JOB).annotators
    owned.same("ben").edit_job(JOB, JobEdit(name="Ben's"))
    assert not owned.same("ana").may_edit(JOB)
    with pytest.raises((RoleError, NotFoundError)):
        olga.edit_job(JOB, JobEdit(name="Olga's"))


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (JobEdit(name=""), "name"),
        (JobEdit(name=None), "nothing"),
        (JobEdit(start=date(2030, 2, 1), due=date(2030, 1, 1)), "comes after"),
        (JobEdit(add_labels=(label("LIVER"),)), "two segmentation labels"),
        (JobEdit(change_labels=(LabelChange(id=6, name=" x"),)), "blank"),
        (JobEdit(change_labels=(LabelChange(id=6, color="red"),)), "RRGGBB"),
        (JobEdit(change_labels=(LabelChange(id=99, name="x"),)), "no label 99"),
        (JobEdit(rename_cases=(CaseName(id="none", name="x"),)), "no case"),
    ],
)
def test_what_makes_no_job_is_refused_whole(olga, edit, match):
    before, rows = olga.job(JOB), olga.cases(JOB)
    given = {name: getattr(edit, name) for name in edit.model_fields_set}
    more = {"instructions": "new", "add_cases": (case("more"),)}
    with pytest.raises((InvalidValueError, NotFoundError), match=match):
        olga.edit_job(JOB, JobEdit(**given, **more))
    assert olga.job(JOB) == before
    assert olga.cases(JOB) == rows


# ------------------------------------------------------------------ two owners at once
def test_two_owners_who_change_different_things_both_succeed(owned, olga):
    ola = owned.same("ola")
    seen = olga.job(JOB)
    assert ola.job(JOB) == seen
    olga.edit_job(JOB, JobEdit(due=date(2030, 1, 1), seen=seen))
    olga.edit_job(
        JOB, JobEdit(change_labels=(LabelChange(id=6, name="hepar"),), seen=seen)
    )
    ola.edit_job(JOB, JobEdit(name="Ola's", seen=seen))
    ola.edit_job(
        JOB,
        JobEdit(
            change_labels=(LabelChange(id=6, color="#000001"),),
            add_labels=(label("spleen"),),
            seen=seen,
        ),
    )
    ola.edit_job(JOB, JobEdit(rename_cases=(CaseName(id="case-1", name="B"),)))
    job = olga.job(JOB)
    liver = job.project.label_set[6]
    assert (job.due, job.name) == (date(2030, 1, 1), "Ola's")
    assert (liver.name, liver.color) == ("hepar", "#000001")
    assert job.project.label_set.named("spleen").id == 2 + 699


def test_of_two_who_change_the_same_the_second_is_told(owned, olga):
    ola, seen = owned.same("ola"), olga.job(JOB)
    owned.same("ana")
    olga.edit_job(
        JOB,
        JobEdit(
            name="Olga's",
            owners=("olga", "ola", "ana"),
            change_labels=(LabelChange(id=6, key="K"),),
            order_labels=(700, 6),
            rename_cases=(CaseName(id="case-0", name="A"),),
            seen=seen,
        ),
    )
    after = ola.job(JOB)
    old = names(ola)["case-0"]
    renamed = CaseName(id="case-0", name="B", was="Case 0 of Graz")
    now, are = "as it is now", "as they are"
    for edit, look in (
        (JobEdit(name="Ola's", seen=seen), now),
        (JobEdit(owners=("ola",), seen=seen), now),
        (JobEdit(change_labels=(LabelChange(id=6, key="L"),), seen=seen), now),
        (JobEdit(remove_labels=(6,), seen=seen), are),
        (JobEdit(order_labels=(8, 6, 700), seen=seen), are),
        (JobEdit(rename_cases=(renamed,)), now),
    ):
        with pytest.raises(JobChangedError, match="since") as caught:
            ola.edit_job(JOB, edit)
        assert look in str(caught.value)
        assert ola.job(JOB) == after
    assert old == "A"
    # The same is no conflict, nor is what was looked at anew.
    ola.edit_job(JOB, JobEdit(name="Olga's", seen=seen))
    assert ola.edit_job(JOB, JobEdit(name="Ola's", seen=after)).name == "Ola's"


def test_of_many_who_edit_at_once_no_change_is_lost(owned):
    number = 6
    seen = owned.same("olga").job(JOB)
    stores = [owned.store("olga" if n % 2 else "ola") for n in range(number)]
    barrier = Barrier(number)

    def edit(n):
        barrier.wait()
        stores[n].edit_job(
            JOB,
            JobEdit(
                add_labels=(label(f"new {n}", 9),),
                add_cases=(case(f"new-{n}"),),
                seen=seen,
            ),
        )

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(edit, range(number)))
    store = owned.store("ana")
    found = labels_of(store)
    assert {f"new {n}" for n in range(number)} <= {name for name, _ in found.values()}
    assert len(found) == 8 + number
    assert {f"new-{n}" for n in range(number)} <= names(store).keys()
    assert store.counts(JOB).total == 5 + number


# -------------------------------------------------------------------------- labels
def test_labels_keep_their_ids_and_none_is_given_twice(owned, olga):
    done = olga.edit_job(
        JOB,
        JobEdit(
            add_labels=(label("spleen", 6), label("node", 5, Method.DETECTION)),
            change_labels=(LabelChange(id=6, name="hepar", color="#010203", key="K"),),
            seen=olga.job(JOB),
        ),
    ).project.label_set
    assert (done[6].name, done[6].color, done[6].key) == ("hepar", "#010203", "K")
    assert (done.named("spleen").id, done.named("node").id) == (701, 702)
    olga.edit_job(JOB, JobEdit(remove_labels=(702,)))
    done = olga.edit_job(JOB, JobEdit(add_labels=(label("late", 702),)))
    assert done.project.label_set.named("late").id == 703
    order = (703, 6, 1)
    done = olga.edit_job(JOB, JobEdit(order_labels=order)).project.label_set
    assert tuple(done.by_id)[:3] == order
    assert len(done.labels) == 10
    assert owned.same("ana").job(JOB).project.label_set == done


def test_a_method_comes_and_goes_with_its_labels(olga):
    done = olga.edit_job(JOB, JobEdit(remove_labels=(5,)))
    assert Method.DETECTION not in done.project.methods
    done = olga.edit_job(JOB, JobEdit(add_labels=(label("box", 5, Method.DETECTION),)))
    assert done.project.methods[-1] is Method.DETECTION
    assert done.project.label_set.named("box").id == 701


@pytest.mark.parametrize("how", ["draft", "proposal", "submission", "case", "copy"])
def test_a_label_in_use_is_retired_and_not_taken_away(owned, olga, kit, how):
    ana, used = owned.same("ana"), 6
    if how == "proposal":
        ref, data = kit.mask(6)
        change = kit.change(SliceAnnotation(index=0, proposals={"": ref}))
        ana.save(JOB, "case-0", change, {ref.digest: data}, base=0)
    elif how == "case":
        used = 4
        ana.save(JOB, "case-0", kit.change(case_labels=(4,)), {}, base=0)
    else:
        ana.save(JOB, "case-0", *kit.painted(0), base=0)
    if how in ("submission", "copy"):
        ana.submit(JOB, "case-0", base=1)
        ana.reopen(JOB, "case-0")
        ana.save(JOB, "case-0", kit.change(SliceAnnotation(index=0)), {}, base=1)
    before = olga.job(JOB)
    with pytest.raises(TransitionError, match=r"is used .*by ana") as caught:
        olga.edit_job(JOB, JobEdit(remove_labels=(used, 700), name="X"))
    assert "Retire it" in str(caught.value)
    assert olga.job(JOB) == before
    olga.edit_job(JOB, JobEdit(change_labels=(LabelChange(id=used, retired=True),)))
    assert labels_of(ana)[used][1]
    olga.edit_job(JOB, JobEdit(remove_labels=(700,)))
    assert 700 not in labels_of(ana)
    olga.edit_job(JOB, JobEdit(change_labels=(LabelChange(id=used, retired=False),)))
    assert not labels_of(ana)[used][1]


def test_what_was_drawn_before_a_label_was_retired_is_saved_all_the_same(
    owned, olga, kit
):
    ana = owned.same("ana")
    ana.save(JOB, "case-0", *kit.painted(0), base=0)
    olga.edit_job(
        JOB, JobEdit(change_labels=(LabelChange(id=6, retired=True, name="old"),))
    )
    ana.save(JOB, "case-0", *kit.painted(1, seed=3), base=1)
    assert ana.submit(JOB, "case-0", base=2).number == 1
    assert set(ana.load(JOB, "case-0").annotation.slices) == {"index:0", "index:1"}


def test_the_key_of_a_retired_label_can_be_given_to_another(olga):
    olga.edit_job(JOB, JobEdit(change_labels=(LabelChange(id=6, key="G"),)))
    with pytest.raises(InvalidValueError, match="key g"):
        olga.edit_job(JOB, JobEdit(change_labels=(LabelChange(id=700, key="g"),)))
    retire = LabelChange(id=6, retired=True)
    olga.edit_job(JOB, JobEdit(change_labels=(retire, LabelChange(id=700, key="g"))))
    found = olga.job(JOB).project.label_set
    assert (found[6].key, found[700].key) == (None, "g")


# --------------------------------------------------------------------------- cases
def test_cases_come_and_are_renamed(owned, olga, kit):
    ana = owned.same("ana")
    ana.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    edit = JobEdit(
        add_cases=(case("more", "One more"),),
        rename_cases=(CaseName(id="case-0", name="First", was="Case 0 of Graz"),),
        seen=olga.job(JOB),
    )
    olga.edit_job(JOB, edit)
    for store in (olga, ana, owned.store("ben")):
        assert next(iter(names(store).items())) == ("case-0", "First")
        assert list(names(store).items())[-1] == ("more", "One more")
        assert store.counts(JOB).total == 6
        assert [row.ordinal for row in store.cases(JOB).rows] == list(range(6))
    assert ana.load(JOB, "case-0").annotation.revision == 1
    assert ana.save(JOB, "more", kit.labelled(0, 1), {}, base=0) == 1
    assert [row.case.id for row in ana.cases(JOB, text="one MORE").rows] == ["more"]
    with pytest.raises(ExistsError, match="there is a case"):
        olga.edit_job(JOB, JobEdit(add_cases=(case("CASE-0"),)))


def test_cases_nobody_annotated_can_be_taken_away(owned, olga, kit):
    ana = owned.same("ana")
    ana.load(JOB, "case-1")
    ana.save(JOB, "case-3", kit.labelled(0, 1), {}, base=0)
    ana.note_case(JOB, "case-1", n_slices=4)
    olga.edit_job(JOB, JobEdit(remove_cases=("case-1", "case-4")))
    for store in (ana, olga):
        assert list(names(store)) == ["case-0", "case-2", "case-3"]
        assert [row.ordinal for row in store.cases(JOB).rows] == [0, 1, 2]
        with pytest.raises(NotFoundError, match="case-1"):
            store.case(JOB, "case-1")
    assert ana.case(JOB, "case-3").draft
    before = olga.cases(JOB)
    with pytest.raises(TransitionError, match="annotated by ana"):
        olga.edit_job(JOB, JobEdit(remove_cases=("case-0", "case-3")))
    assert olga.cases(JOB) == before
    # Taken away by somebody else already: that is as it should be.
    olga.edit_job(JOB, JobEdit(remove_cases=("case-1",)))
    olga.edit_job(JOB, JobEdit(add_cases=(case("case-1"),)))
    assert list(names(ana))[-1] == "case-1"
    assert not ana.case(JOB, "case-1").draft


def test_who_is_drawn_to_be_reviewed_stays_so_when_cases_go(make, kit):
    owned = make(review_sample=40, review_seed=3)
    ana, olga = owned.same("ana"), owned.same("olga")
    for number in range(1, 5):
        ana.save(JOB, f"case-{number}", kit.labelled(0, 1), {}, base=0)
        ana.submit(JOB, f"case-{number}", base=1)

    def drawn():
        rows = olga.reviews(JOB).rows
        return {row.case.id: row.status for row in rows}

    before = drawn()
    assert set(before.values()) == {ReviewStatus.WAITING, ReviewStatus.NOT_SELECTED}
    olga.edit_job(JOB, JobEdit(remove_cases=("case-0",)))
    olga.edit_job(JOB, JobEdit(add_cases=(case("new"),)))
    assert drawn() == before
    rows = {row.case.id: row for row in ana.cases(JOB).rows}
    assert {key: row.review for key, row in rows.items() if key in before} == before


# -------------------------------------------------------------------------- deleting
def test_what_is_in_a_job_is_told_before_it_is_deleted(owned, olga, kit):
    ana, ben = owned.same("ana"), owned.same("ben")
    assert olga.contents(JOB).text == "5 cases; nobody has begun"
    ana.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    ana.submit(JOB, "case-0", base=1)
    ana.save(JOB, "case-1", kit.labelled(0, 1), {}, base=0)
    ben.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    found = olga.contents(JOB)
    assert [p.model_dump() for p in found.people] == [
        {"person": "ana", "drafts": 1, "submissions": 1},
        {"person": "ben", "drafts": 1, "submissions": 0},
    ]
    assert found.text == "5 cases; ana: 1 submission, 1 draft; ben: 1 draft"


def test_a_deleted_job_is_not_there_any_more(owned, olga, kit):
    ana = owned.same("ana")
    ana.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    ben = owned.same("ben")
    assert olga.delete_job(JOB)
    assert olga.jobs() == ana.jobs() == []
    for store in (olga, ana, ben):
        with pytest.raises(NotFoundError):
            store.job(JOB)
    with pytest.raises((NotFoundError, OSError)):
        ana.save(JOB, "case-0", kit.labelled(1, 1), {}, base=1)

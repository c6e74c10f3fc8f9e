"""Reviewing, in every store: who may do what, and what comes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from napari_annotate_jobs.errors import (
    InvalidValueError,
    JudgedError,
    LockedError,
    NotFoundError,
    RoleError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Comment,
    Correction,
    JobKind,
    Outcome,
    Pin,
    ReviewCounts,
    ReviewStatus,
    Status,
    Verb,
    history_of,
    is_selected,
)

JOB = "job-1"
CASE = "case-0"
WAITING, PASSED, FAILED, RETURNED, NOT_SELECTED = ReviewStatus
STAGES = (None, WAITING, PASSED, FAILED, RETURNED)
PEOPLE = {
    "annotator": "ana",
    "another annotator": "ben",
    "reviewer": "eve",
    "owner": "olga",
    "stranger": "sam",
}
LEGAL = {
    ("annotator", None): {Verb.SAVE, Verb.SUBMIT},
    ("annotator", WAITING): {Verb.REOPEN, Verb.COMMENT},
    ("annotator", PASSED): {Verb.COMMENT},
    ("annotator", FAILED): {Verb.COMMENT},
    ("annotator", RETURNED): {Verb.SAVE, Verb.SUBMIT, Verb.COMMENT},
    **{
        (role, stage): {Verb.WITHDRAW, Verb.COMMENT}
        if stage in (PASSED, FAILED, RETURNED)
        else {Verb.PASS, Verb.FAIL, Verb.RETURN, Verb.CORRECT, Verb.COMMENT}
        if stage is WAITING
        else set()
        for role in ("reviewer", "owner")
        for stage in STAGES
    },
}
AFTER = {
    Verb.SAVE: None,
    Verb.SUBMIT: WAITING,
    Verb.REOPEN: None,
    Verb.PASS: PASSED,
    Verb.FAIL: FAILED,
    Verb.RETURN: RETURNED,
    Verb.WITHDRAW: WAITING,
    Verb.CORRECT: PASSED,
}
TO = {PASSED: Verb.PASS, FAILED: Verb.FAIL, RETURNED: Verb.RETURN}


def say(person, text="look again", **pin):
    return Comment(person=person, text=text, **pin)


@pytest.fixture
def make(tmp_path, kit, worlds, request):
    """Return a maker of worlds with one job, whose people can be named."""
    made = []

    def world(name, *, n=5, kind=JobKind.ANNOTATION, people=(), **options):
        job = kit.job(JOB, **options)
        fields = {"kind": kind, **dict(people)}
        job = type(job)(**{**dict(job), **fields})
        path = tmp_path / f"{name}-{len(made)}"
        if name == "server":
            kind_of_world = request.getfixturevalue("kind_of_server")
        else:
            kind_of_world = worlds[name]
        made.append(kind_of_world(path, [(job, kit.cases(n))]))
        return made[-1]

    yield world
    for each in made:
        each.close()


@pytest.fixture(params=["folder", "memory"])
def of_kind(request, make):
    return lambda **options: make(request.param, **options)


NAMED = {
    "annotators": ("ana", "ben"),
    "reviewers": ("eve",),
    "owners": ("olga",),
}


def submit(store, kit, case=CASE, label=1):
    base = store.load(JOB, case).annotation.revision
    base = store.save(JOB, case, kit.labelled(base, label), {}, base=base)
    return store.submit(JOB, case, base=base)


def bring(world, kit, stage, case=CASE, reviewer="eve"):
    """Bring ana's case to a stage."""
    ana, eve = world.same("ana"), world.same(reviewer)
    if stage is None:
        base = ana.load(JOB, case).annotation.revision
        ana.save(JOB, case, kit.labelled(0, 1), {}, base=base)
        return
    submit(ana, kit, case)
    if stage is not WAITING:
        eve.judge(JOB, case, TO[stage], person="ana", comments=[say(reviewer)])


def stage_of(world, case=CASE):
    return world.same("ana").load(JOB, case).review


def do(store, kit, verb, case=CASE):
    """Do it to ana's case, as whoever the store is opened for."""
    if verb in (Verb.SAVE, Verb.SUBMIT):
        if store.person != "ana":
            if store.person != "ben":
                # They would save their own: that is refused as well.
                if verb is Verb.SAVE:
                    store.save(JOB, case, kit.labelled(7, 1), {}, base=0)
                else:
                    store.submit(JOB, case, base=0)
            # Nobody can name another annotator when they save: not even try.
            draft = store.load(JOB, case, person="ana")
            job = store.job(JOB)
            draft.check(verb, job=job, person=store.person)
            raise AssertionError("not refused")
        base = store.load(JOB, case).annotation.revision
        if verb is Verb.SAVE:
            return store.save(JOB, case, kit.labelled(7, 1), {}, base=base)
        return store.submit(JOB, case, base=base)
    if verb is Verb.COMMENT:
        return store.discuss(JOB, case, person="ana", comment=say(store.person))
    if verb is Verb.CORRECT:
        last = store.submissions(JOB, case, person="ana")
        of = Correction(person="ana", number=1, digest="0" * 64)
        if last:
            of = Correction(person="ana", number=len(last), digest=last[-1].digest)
        copy = kit.labelled(3, 2).model_copy(update={"corrects": of})
        base = store.load(JOB, case, of="ana").annotation.revision
        base = store.save(JOB, case, copy, {}, base=base, of="ana")
        store.submit(JOB, case, base=base, of="ana")
        return store.judge(JOB, case, Verb.PASS, person="ana", corrected=True)
    comments = [say(store.person)]
    return store.judge(JOB, case, verb, person="ana", comments=comments)


@pytest.mark.parametrize("stage", STAGES, ids=str)
@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize(
    "where", ["memory", pytest.param("server", marks=pytest.mark.slow)]
)
def test_who_may_do_what_when(make, kit, where, role, stage):
    # What is refused alters nothing, so that one case does for all of it.
    cases = dict.fromkeys(Verb, "case-0")
    for number, verb in enumerate(sorted(LEGAL.get((role, stage), ())), 1):
        cases[verb] = f"case-{number}"
    world = make(where, n=len(Verb) + 1, people=NAMED)
    store = world.store(PEOPLE[role])
    for case in sorted(set(cases.values())):
        bring(world, kit, stage, case)
    for verb, case in cases.items():
        before = world.same("ana").load(JOB, case)
        assert before.review is stage
        sent = list(store.submissions(JOB, case, person="ana"))
        if case != "case-0":
            do(store, kit, verb, case)
            expected = AFTER.get(verb, stage)
            if verb is Verb.SAVE:
                expected = stage
            assert stage_of(world, case) is expected, verb
        else:
            with pytest.raises(TransitionError) as caught:
                do(store, kit, verb, case)
            error = caught.value
            assert error.remedy and error.where == case
            after = world.same("ana").load(JOB, case)
            assert after.review is stage
            assert after.annotation == before.annotation
            if role in ("stranger", "another annotator"):
                assert isinstance(error, RoleError)
            elif stage in TO and verb in (Verb.PASS, Verb.FAIL, Verb.RETURN):
                right = RoleError if role == "annotator" else JudgedError
                assert isinstance(error, right)
            elif role == "annotator" and verb in (Verb.SAVE, Verb.SUBMIT):
                assert isinstance(error, LockedError)
        # Whatever was tried: nothing that was submitted is altered.
        assert list(store.submissions(JOB, case, person="ana"))[: len(sent)] == sent


@pytest.mark.parametrize(("role", "stage"), LEGAL, ids=str)
def test_a_folder_does_what_is_legal(make, kit, role, stage):
    verbs = sorted(LEGAL[role, stage])
    world = make("folder", n=max(len(verbs), 1), people=NAMED)
    for number, verb in enumerate(verbs):
        case = f"case-{number}"
        bring(world, kit, stage, case)
        do(world.store(PEOPLE[role]), kit, verb, case)
        expected = stage if verb is Verb.SAVE else AFTER.get(verb, stage)
        assert stage_of(world, case) is expected, verb
    faults = world.store("ana").check()
    assert all("images" in fault.what for fault in faults)


def test_what_is_refused_says_who_when_and_what_to_do(of_kind, kit):
    world = of_kind(people=NAMED)
    bring(world, kit, PASSED)
    time = world.store("ana").load(JOB, CASE).verdict.time.astimezone()
    eve, olga, ana = (world.store(name) for name in ("eve", "olga", "ana"))
    with pytest.raises(JudgedError, match="eve has passed it already") as caught:
        olga.judge(JOB, CASE, Verb.FAIL, person="ana", comments=[say("olga")])
    assert time.strftime("%Y-%m-%d %H:%M") in caught.value.what
    assert caught.value.verdict.person == "eve"
    with pytest.raises(JudgedError, match="eve has passed it already"):
        ana.reopen(JOB, CASE)
    with pytest.raises(RoleError, match="ben is not among the reviewers"):
        world.store("ben").judge(JOB, CASE, Verb.PASS, person="ana")
    with pytest.raises(RoleError, match="sam is not among the annotators"):
        world.store("sam").save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    eve.judge(JOB, CASE, Verb.WITHDRAW, person="ana")
    with pytest.raises(TransitionError, match="reason"):
        eve.judge(JOB, CASE, Verb.FAIL, person="ana")
    with pytest.raises(TransitionError, match="comment"):
        eve.judge(JOB, CASE, Verb.RETURN, person="ana", comments=[say("eve", "  ")])


def test_only_who_gave_a_verdict_or_an_owner_takes_it_back(of_kind, kit):
    people = {**NAMED, "reviewers": ("eve", "eric")}
    world = of_kind(people=people)
    bring(world, kit, PASSED)
    with pytest.raises(RoleError, match="the verdict is eve's"):
        world.store("eric").judge(JOB, CASE, Verb.WITHDRAW, person="ana")
    world.store("olga").judge(JOB, CASE, Verb.WITHDRAW, person="ana")
    assert stage_of(world) is WAITING
    outcomes = [v.outcome for v in world.store("ana").verdicts(JOB, CASE)]
    assert outcomes == [Outcome.PASSED, Outcome.WITHDRAWN]


def test_a_return_is_not_taken_back_once_it_is_worked_on(of_kind, kit):
    world = of_kind()
    bring(world, kit, RETURNED)
    ana, eve = world.store("ana"), world.store("eve")
    ana.save(JOB, CASE, kit.labelled(4, 1), {}, base=1)
    with pytest.raises(TransitionError, match="begun to work on it"):
        eve.judge(JOB, CASE, Verb.WITHDRAW, person="ana")
    assert stage_of(world) is RETURNED


def test_nobody_reviews_their_own_unless_the_job_allows_it(of_kind, kit):
    world = of_kind()
    ana = world.store("ana")
    submit(ana, kit)
    with pytest.raises(RoleError, match="nobody reviews what they submitted"):
        ana.judge(JOB, CASE, Verb.PASS)
    assert ana.next_review(JOB) is None
    assert world.store("eve").next_review(JOB).person == "ana"
    allowed = of_kind(review_own=True)
    ana = allowed.store("ana")
    submit(ana, kit)
    assert ana.next_review(JOB).case.id == CASE
    assert ana.judge(JOB, CASE, Verb.PASS).person == "ana"


def test_who_submitted_takes_it_back_and_begins_from_it(of_kind, kit):
    world = of_kind()
    ana = world.store("ana")
    sent = submit(ana, kit)
    ana.reopen(JOB, CASE)
    draft = ana.load(JOB, CASE)
    assert (draft.status, draft.submissions) == (Status.REMAINING, 1)
    assert draft.annotation == sent.annotation
    assert list(ana.submissions(JOB, CASE)) == [sent]
    assert ana.counts(JOB).remaining == 5
    assert world.store("eve").reviews(JOB).total == 0
    again = submit(ana, kit, label=2)
    assert again.number == 2
    row = world.store("eve").review(JOB, CASE, person="ana")
    assert (row.number, row.revised, row.time) == (2, True, again.time)
    forbidden = of_kind(reopen=False)
    ana = forbidden.store("ana")
    submit(ana, kit)
    with pytest.raises(RoleError, match="does not let"):
        ana.reopen(JOB, CASE)


def test_the_verdict_is_on_the_submission_that_was_looked_at(of_kind, kit):
    world = of_kind()
    ana, eve = world.store("ana"), world.store("eve")
    submit(ana, kit)
    ana.reopen(JOB, CASE)
    submit(ana, kit, label=2)
    with pytest.raises(TransitionError, match=r"submitted the case again.*number 2"):
        eve.judge(JOB, CASE, Verb.PASS, person="ana", number=1)
    verdict = eve.judge(JOB, CASE, Verb.PASS, person="ana", number=2)
    assert verdict.answers == ana.submissions(JOB, CASE)[1].digest


def test_of_two_reviewers_at_once_one_is_told(of_kind, kit):
    world = of_kind(n=8)
    people = ("eve", "eric")
    stores = {name: world.store(name) for name in people}
    together = Barrier(2)

    def judge(name, case):
        together.wait(30)
        verb = Verb.PASS if name == "eve" else Verb.FAIL
        try:
            return stores[name].judge(
                JOB, case, verb, person="ana", comments=[say(name)]
            )
        except JudgedError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        for number in range(8):
            case = f"case-{number}"
            submit(world.store("ana"), kit, case)
            found = list(pool.map(judge, people, (case, case)))
            (lost,) = [f for f in found if isinstance(f, JudgedError)]
            (won,) = [f for f in found if f is not lost]
            assert lost.verdict == won
            assert f"{won.person} has {won.outcome}" in lost.what
            assert list(world.store("ana").verdicts(JOB, case)) == [won]


def test_a_reviewer_and_an_annotator_at_once(of_kind, kit):
    world = of_kind(n=8)
    ana, eve = world.store("ana"), world.store("eve")
    together = Barrier(2)

    def act(action):
        together.wait(30)
        try:
            return action()
        except TransitionError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        for number in range(8):
            case = f"case-{number}"
            submit(ana, kit, case)
            actions = [
                lambda c=case: eve.judge(JOB, c, Verb.PASS, person="ana"),
                lambda c=case: ana.reopen(JOB, c),
            ]
            found = list(pool.map(act, actions))
            assert sum(isinstance(f, TransitionError) for f in found) == 1
            assert len(ana.verdicts(JOB, case)) == 1


# ----------------------------------------------------------------------- the list
def test_submitted_cases_are_listed_counted_and_found(of_kind, kit):
    world = of_kind()
    ana, ben, eve = (world.store(name) for name in ("ana", "ben", "eve"))
    for number in range(4):
        submit(ana, kit, f"case-{number}")
    submit(ben, kit, "case-1")
    eve.judge(JOB, "case-0", Verb.PASS, person="ana")
    eve.judge(JOB, "case-2", Verb.FAIL, person="ana", comments=[say("eve", "blurred")])
    eve.return_case(JOB, "case-3", [say("eve")], person="ana")
    counts = ReviewCounts(waiting=2, passed=1, failed=1, returned=1)
    for store in (ana, ben, eve, world.store("new")):
        assert store.review_counts(JOB) == counts

    def keys(**query):
        page = eve.reviews(JOB, **query)
        return [(row.case.id, row.person) for row in page.rows], page.total

    everything = [
        ("case-0", "ana"),
        ("case-1", "ana"),
        ("case-1", "ben"),
        ("case-2", "ana"),
        ("case-3", "ana"),
    ]
    assert keys() == (everything, 5)
    assert keys(offset=1, limit=2) == (everything[1:3], 5)
    assert keys(status=WAITING) == (everything[1:3], 2)
    assert keys(status=WAITING, person="ben") == (everything[2:3], 1)
    assert keys(person="ben") == (everything[2:3], 1)
    assert keys(text="ZÜR") == ([*everything[1:3], everything[4]], 3)
    assert keys(text="zür", status=WAITING, offset=1) == (everything[2:3], 2)
    assert keys(status=NOT_SELECTED) == ([], 0)
    assert keys(revised=True) == ([], 0)
    row = eve.review(JOB, "case-2", person="ana")
    assert (row.status, row.reviewer, row.comment) == (FAILED, "eve", "blurred")
    assert row.judged == ana.load(JOB, "case-2").verdict.time
    assert row.time == ana.submissions(JOB, "case-2")[0].time
    with pytest.raises(NotFoundError, match="ben has not submitted"):
        eve.review(JOB, "case-2", person="ben")
    submit(ana, kit, "case-3", label=2)
    assert keys(revised=True) == (everything[4:], 1)
    assert eve.review_counts(JOB).revised == 1
    progress = {found.person: found for found in eve.review_progress(JOB)}
    assert progress["ana"].submitted == ReviewCounts(
        waiting=2, passed=1, failed=1, revised=1
    )
    assert progress["ben"].submitted == ReviewCounts(waiting=1)
    assert progress["eve"].given == ReviewCounts(passed=1, failed=1)
    assert ana.case(JOB, "case-2").review is FAILED
    assert ana.case(JOB, "case-4").review is None


def test_the_next_waiting_case(of_kind, kit):
    world = of_kind()
    ana, ben, eve = (world.store(name) for name in ("ana", "ben", "eve"))
    for store, numbers in ((ana, (0, 1, 3)), (ben, (1, 4)), (eve, (2,))):
        for number in numbers:
            submit(store, kit, f"case-{number}")

    def near(*after, **options):
        options.setdefault("statuses", [WAITING])
        row = eve.next_review(JOB, after or None, **options)
        return row and (row.case.id, row.person)

    assert near() == ("case-0", "ana")
    assert near("case-0", "ana") == ("case-1", "ana")
    assert near("case-1", "ana") == ("case-1", "ben")
    assert near("case-1", "ben") == ("case-3", "ana")  # not her own
    assert near("case-4", "ben") is None
    assert near("case-4", "ben", wrap=True) == ("case-0", "ana")
    assert near(step=-1) == ("case-4", "ben")
    assert near("case-1", "ben", step=-1) == ("case-1", "ana")
    assert near("case-0", "ana", step=-1, wrap=True) == ("case-4", "ben")
    eve.judge(JOB, "case-1", Verb.PASS, person="ben")
    assert near("case-1", "ana") == ("case-3", "ana")
    assert near(statuses=[PASSED]) == ("case-1", "ben")
    assert near("case-1", "ben", statuses=[PASSED], wrap=True) is None
    assert near("case-0", "ana", statuses=()) == ("case-1", "ana")
    with pytest.raises(InvalidValueError):
        near(step=2)


@pytest.mark.slow
def test_a_sample_is_reviewed(of_kind, kit):
    world = of_kind(n=40, review_sample=10, review_seed=3)
    ana, eve = world.store("ana"), world.store("eve")
    for number in range(40):
        submit(ana, kit, f"case-{number}")
    counts = eve.review_counts(JOB)
    assert (counts.waiting, counts.not_selected) == (4, 36)
    assert {row.review for row in ana.cases(JOB).rows} == {WAITING, NOT_SELECTED}
    other = eve.reviews(JOB, status=NOT_SELECTED, limit=1).rows[0].case.id
    # Who wants to review more than the sample may.
    eve.judge(JOB, other, Verb.PASS, person="ana")
    assert eve.review(JOB, other, person="ana").status is PASSED


def test_a_sample_is_as_large_as_it_should_be_and_stays_the_same(kit):
    def drawn(percent, seed, n):
        job = kit.job(JOB, review_sample=percent, review_seed=seed)
        return [place for place in range(n) if is_selected(job, place)]

    for percent in (0, 1, 5, 10, 33, 50, 99, 100):
        for seed in range(4):
            assert abs(len(drawn(percent, seed, 2000)) - 20 * percent) <= 1
            assert drawn(percent, seed, 100) == [
                place for place in drawn(percent, seed, 400) if place < 100
            ]
    assert len(drawn(5, 0, 100)) == 5
    assert drawn(50, 1, 100) != drawn(50, 2, 100)
    # At every place of a block, as often as at another: it is drawn, not counted off.
    often = [0] * 20
    for place in drawn(50, 7, 20_000):
        often[place % 20] += 1
    assert 400 < min(often) <= max(often) < 600


def test_a_review_job_tells_what_waits(of_kind, kit):
    world = of_kind(kind=JobKind.REVIEW)
    submit(world.store("ana"), kit)
    (summary,) = world.store("eve").jobs()
    assert summary.reviews == ReviewCounts(waiting=1)
    assert of_kind().store("eve").jobs()[0].reviews is None


def test_who_may_only_review_has_a_review_job(of_kind, kit):
    world = of_kind(people=NAMED.items())
    submit(world.store("ana"), kit)
    for person, expected in (
        ("eve", ReviewCounts(waiting=1)),
        ("olga", ReviewCounts(waiting=1)),
        ("ana", None),
        ("zoe", None),  # who may do neither
    ):
        (summary,) = world.store(person).jobs()
        assert summary.reviews == expected
    both = of_kind(people={"annotators": ("ana", "eve"), "reviewers": ("eve",)}.items())
    assert both.store("eve").jobs()[0].reviews is None


# ------------------------------------------------------------------------ threads
def test_comments_wherever_they_began_are_threads(of_kind, kit):
    world = of_kind()
    ana, eve = world.store("ana"), world.store("eve")
    own = say("ana", "artefact?", slice_key="index:2", index=2)
    change = kit.labelled(0, 1).model_copy(update={"comments": (own,)})
    ana.save(JOB, CASE, change, {}, base=0)
    assert [t.id for t in ana.threads(JOB, CASE)] == [own.id]
    # Nobody sees what is in a draft.
    assert list(eve.threads(JOB, CASE, person="ana")) == []
    ana.submit(JOB, CASE, base=1)
    here = say("eve", "the vessel", slice_key="index:3", index=3, label=6, at=(4.5, 6))
    eve.discuss(JOB, CASE, person="ana", comment=here)
    asked = say("eve", "and the other one?")
    eve.return_case(JOB, CASE, [asked], person="ana")
    threads = {t.id: t for t in ana.threads(JOB, CASE)}
    assert set(threads) == {own.id, here.id, asked.id}
    assert [threads[c.id].unread for c in (own, here, asked)] == [0, 1, 1]
    pins = [threads[c.id].first.pin for c in (own, here, asked)]
    assert pins == [Pin.SLICE, Pin.OBJECT, Pin.CASE]
    assert threads[here.id].first.at == (4.5, 6)
    assert all(t.is_open for t in threads.values())

    ana.discuss(JOB, CASE, comment=say("ana", "done"), thread=here.id, resolved=True)
    found = {t.id: t for t in eve.threads(JOB, CASE, person="ana")}[here.id]
    assert [c.text for c in found.comments] == ["the vessel", "done"]
    assert (found.resolved_by, found.unread) == ("ana", 1)
    eve.mark_read(JOB, CASE, person="ana", threads=[here.id])
    eve.discuss(JOB, CASE, person="ana", thread=here.id, resolved=False)
    found = {t.id: t for t in eve.threads(JOB, CASE, person="ana")}
    assert (found[here.id].is_open, found[here.id].unread) == (True, 0)
    assert found[own.id].unread == 1
    eve.mark_read(JOB, CASE, person="ana")
    assert not any(t.unread for t in eve.threads(JOB, CASE, person="ana"))
    # What the one has read, the other has not.
    assert {t.id: t.unread for t in ana.threads(JOB, CASE)}[asked.id] == 1


def test_what_cannot_be_said(of_kind, kit):
    world = of_kind(people=NAMED)
    ana, eve = world.store("ana"), world.store("eve")
    with pytest.raises(TransitionError, match="has not submitted"):
        eve.discuss(JOB, CASE, person="ana", comment=say("eve"))
    assert eve.people(JOB, CASE) == []
    submit(ana, kit)
    first = eve.discuss(JOB, CASE, person="ana", comment=say("eve"))
    with pytest.raises(NotFoundError, match="no thread"):
        ana.discuss(JOB, CASE, comment=say("ana"), thread="none")
    with pytest.raises(InvalidValueError, match="cannot comment as"):
        ana.discuss(JOB, CASE, comment=say("eve"))
    with pytest.raises(InvalidValueError, match="nothing was said"):
        ana.discuss(JOB, CASE, thread=first.id)
    with pytest.raises(InvalidValueError, match="already"):
        eve.discuss(JOB, CASE, person="ana", comment=first.first)
    with pytest.raises(RoleError):
        world.store("sam").discuss(JOB, CASE, person="ana", comment=say("sam"))
    assert len(ana.threads(JOB, CASE)) == 1


def test_what_was_pinned_while_looking_is_reason_enough_to_return(of_kind, kit):
    world = of_kind()
    ana, eve = world.store("ana"), world.store("eve")
    submit(ana, kit)
    eve.discuss(JOB, CASE, person="ana", comment=say("eve", "here"))
    eve.return_case(JOB, CASE, [], person="ana")
    submit(ana, kit, label=2)
    # But not that of the round before.
    with pytest.raises(TransitionError, match="comment"):
        eve.return_case(JOB, CASE, [], person="ana")


def test_what_came_with_a_return_that_is_taken_back_is_said_no_more(of_kind, kit):
    world = of_kind()
    ana, eve = world.store("ana"), world.store("eve")
    submit(ana, kit)
    eve.return_case(JOB, CASE, [say("eve", "wrong case")], person="ana")
    (thread,) = ana.threads(JOB, CASE)
    eve.judge(JOB, CASE, Verb.WITHDRAW, person="ana")
    for store in (ana, eve):
        assert not store.threads(JOB, CASE, person="ana")
    assert [
        e.text for e in history_of(ana.submissions(JOB, CASE), ana.verdicts(JOB, CASE))
    ][1] == "wrong case"
    # What somebody has answered stays, but is settled with it.
    kept = say("eve", "the vessel")
    eve.return_case(JOB, CASE, [kept], person="ana")
    ana.discuss(JOB, CASE, comment=say("ana", "which?"), thread=kept.id)
    eve.judge(JOB, CASE, Verb.WITHDRAW, person="ana")
    (thread,) = ana.threads(JOB, CASE)
    assert [c.text for c in thread.comments] == ["the vessel", "which?"]
    assert thread.resolved_by == "eve"


def test_all_talk_at_once_is_kept(of_kind, kit):
    world = of_kind()
    submit(world.store("ana"), kit)
    people = ("eve", "eric", "emil", "ana")

    def talk(person):
        store = world.store(person)
        for number in range(5):
            store.discuss(JOB, CASE, person="ana", comment=say(person, f"{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(talk, people))
    threads = world.store("eve").threads(JOB, CASE, person="ana")
    said = sorted((t.first.person, t.first.text) for t in threads)
    assert said == sorted((p, str(n)) for p in people for n in range(5))


# ---------------------------------------------------------------- correct and pass
def test_a_corrected_copy_is_a_submission_of_its_own(of_kind, kit):
    world = of_kind(people=NAMED)
    ana, eve = world.store("ana"), world.store("eve")
    change, blobs = kit.painted(0)
    ana.save(JOB, CASE, change, blobs, base=0)
    first = ana.submit(JOB, CASE, base=1)
    with pytest.raises(TransitionError, match="no corrected copy"):
        eve.judge(JOB, CASE, Verb.PASS, person="ana", corrected=True)
    copy = AnnotationChange(
        slices={**first.annotation.slices, **kit.labelled(5, 1).slices},
        corrects=Correction(person="ana", number=1, digest=first.digest),
    )
    # The mask need not be given: it is there, in what ana painted.
    base = eve.save(JOB, CASE, copy, {}, base=0, of="ana")
    mine = eve.submit(JOB, CASE, base=base, of="ana")
    assert (mine.author, mine.annotation.corrects.person) == ("eve", "ana")
    verdict = eve.judge(JOB, CASE, Verb.PASS, person="ana", corrected=True)
    assert verdict.correction == Correction(person="eve", number=1, digest=mine.digest)
    assert list(ana.submissions(JOB, CASE)) == [first]
    assert list(eve.submissions(JOB, CASE, of="ana")) == [mine]
    # It is no annotation of eve's.
    assert list(eve.people(JOB, CASE)) == ["ana"]
    assert eve.load(JOB, CASE).annotation == Annotation(case_id=CASE, person="eve")
    assert eve.reviews(JOB).total == 1
    events = history_of(ana.submissions(JOB, CASE), ana.verdicts(JOB, CASE))
    assert [(e.person, e.what, e.corrected) for e in events] == [
        ("ana", "submitted", False),
        ("eve", "passed", True),
    ]


def test_a_damaged_copy_is_told_by_a_check(make, kit):
    world = make("folder", people=NAMED)
    ana, eve = world.store("ana"), world.store("eve")
    first = submit(ana, kit)
    copy = kit.labelled(5, 1).model_copy(
        update={"corrects": Correction(person="ana", number=1, digest=first.digest)}
    )
    base = eve.save(JOB, CASE, copy, {}, base=0, of="ana")
    eve.submit(JOB, CASE, base=base, of="ana")
    assert all("images" in fault.what for fault in ana.check())  # there are none
    copies = Path(ana.location).rglob("corrections/eve/submissions/*0001*.json")
    (frozen,) = (path for path in copies if "ana" in path.parts)
    frozen.write_bytes(frozen.read_bytes().replace(b'"class_labels"', b'"klass"'))
    assert str(frozen) in {fault.where for fault in ana.check()}


def test_a_copy_can_be_begun_again_and_is_no_way_round_the_rules(of_kind, kit):
    world = of_kind(people=NAMED)
    ana, eve = world.store("ana"), world.store("eve")
    first = submit(ana, kit)
    copy = kit.labelled(5, 1).model_copy(
        update={"corrects": Correction(person="ana", number=1, digest=first.digest)}
    )
    for number in (1, 2):
        base = eve.load(JOB, CASE, of="ana").annotation.revision
        base = eve.save(JOB, CASE, copy, {}, base=base, of="ana")
        assert eve.load(JOB, CASE, of="ana").status is Status.REMAINING
        assert eve.submit(JOB, CASE, base=base, of="ana").number == number
    with pytest.raises(InvalidValueError, match="names the submission it is of"):
        eve.save(JOB, "case-1", kit.labelled(5, 1), {}, base=0, of="ana")
    with pytest.raises((InvalidValueError, RoleError)):
        eve.save(JOB, CASE, copy, {}, base=0)
    with pytest.raises(LockedError):
        ana.save(JOB, CASE, copy, {}, base=1)
    with pytest.raises(InvalidValueError, match="names the submission it is of"):
        world.store("ben").save(JOB, CASE, copy, {}, base=0)


def test_a_copy_of_what_is_submitted_no_more_is_refused(of_kind, kit):
    world = of_kind()
    ana, eve = world.store("ana"), world.store("eve")
    first = submit(ana, kit)
    copy = kit.labelled(5, 1).model_copy(
        update={"corrects": Correction(person="ana", number=1, digest=first.digest)}
    )
    eve.save(JOB, CASE, copy, {}, base=0, of="ana")
    ana.reopen(JOB, CASE)
    submit(ana, kit, label=2)
    with pytest.raises(TransitionError, match="submitted the case again"):
        eve.submit(JOB, CASE, base=1, of="ana")
    with pytest.raises(TransitionError, match="no corrected copy"):
        eve.judge(JOB, CASE, Verb.PASS, person="ana", corrected=True)


# ------------------------------------------------------------------------- rounds
def test_the_history_of_all_rounds(of_kind, kit):
    world = of_kind()
    ana, eve = world.store("ana"), world.store("eve")
    submit(ana, kit)
    ana.reopen(JOB, CASE)
    submit(ana, kit, label=2)
    eve.return_case(JOB, CASE, [say("eve", "more")], person="ana")
    submit(ana, kit, label=3)
    eve.judge(JOB, CASE, Verb.PASS, person="ana")
    events = history_of(ana.submissions(JOB, CASE), ana.verdicts(JOB, CASE))
    assert [(e.number, e.person, e.what, e.text) for e in events] == [
        (1, "ana", "submitted", ""),
        (1, "ana", "reopened", ""),
        (2, "ana", "submitted", ""),
        (2, "eve", "returned", "more"),
        (3, "ana", "submitted", ""),
        (3, "eve", "passed", ""),
    ]

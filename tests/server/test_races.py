"""Several clients at the same moment: one wins, the others are told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from napari_annotate_jobs.errors import (
    ConflictError,
    JudgedError,
    LockedError,
    TransitionError,
)
from napari_annotate_jobs.model import Verb
from napari_annotate_jobs.server import broken_links
from napari_annotate_jobs.stores.wire import SliceResult

pytestmark = pytest.mark.served

JOB, CASE = "job", "case-0"
CLIENTS = 4


def at_once(*acts):
    """Do several things at the same moment; return what came of each."""
    barrier = Barrier(len(acts))

    def done(act):
        barrier.wait(30)
        try:
            return act()
        except TransitionError as error:
            return error
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(done, acts))


def test_of_writers_of_one_slice_one_wins_and_the_others_see_what_is_there(bench, kit):
    stores = [bench.store("ana") for _ in range(CLIENTS)]
    for turn in range(3):
        base = stores[0].load(JOB, CASE).annotation.revision
        batches = [
            kit.batch(
                kit.labelled(turn, 1), kit.labelled(10 + 4 * turn + i, 1), base=base
            )
            for i in range(CLIENTS)
        ]
        found = at_once(
            *(
                lambda store=store, batch=batch: store.sending.send_operations(
                    JOB, CASE, batch
                )
                for store, batch in zip(stores, batches, strict=True)
            )
        )
        shared = [answers[0].slices[f"index:{turn}"].result for answers in found]
        assert shared.count(SliceResult.APPLIED) == 1
        assert shared.count(SliceResult.CONFLICT) == CLIENTS - 1
        for i, answers in enumerate(found):
            own = answers[1].slices[f"index:{10 + CLIENTS * turn + i}"]
            assert own.result is SliceResult.APPLIED
    draft = stores[0].load(JOB, CASE).annotation
    assert len(draft.slices) == draft.revision == 3 * (1 + CLIENTS)


def test_of_submits_and_saves_at_once_nothing_is_half_done(bench, kit):
    one, two = bench.store("ana"), bench.store("ana")
    one.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    found = at_once(
        lambda: one.submit(JOB, CASE, base=1),
        lambda: two.submit(JOB, CASE, base=1),
        lambda: two.save(JOB, CASE, kit.labelled(1, 1), {}, base=1),
    )
    submissions, draft = one.submissions(JOB, CASE), one.load(JOB, CASE).annotation
    if isinstance(found[2], Exception):  # a submit came first
        assert isinstance(found[2], LockedError | ConflictError)
        assert draft.revision == 1
        assert [each.annotation for each in submissions] == [draft]
    else:
        assert all(isinstance(each, ConflictError) for each in found[:2])
        assert draft.revision == 2
        assert not submissions
    with bench.service.database.reading() as connection:
        assert list(broken_links(connection)) == []


def test_of_verdicts_at_once_one_counts(bench, kit):
    ana = bench.store("ana")
    ana.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    ana.submit(JOB, CASE, base=1)
    reviewers = [bench.store("eve"), bench.store("olga")]
    verbs = [Verb.PASS, Verb.FAIL]
    found = at_once(
        *(
            lambda store=store, verb=verb: store.judge(
                JOB, CASE, verb, person="ana", number=1, comments=[]
            )
            for store, verb in zip(reviewers, verbs, strict=True)
        )
    )
    refused = [each for each in found if isinstance(each, Exception)]
    assert len(refused) == 1
    assert isinstance(refused[0], JudgedError | TransitionError)
    assert len(ana.verdicts(JOB, CASE, person="ana")) == 1

"""What is saved at once goes to the disk at once, and is done or refused by itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.exc import OperationalError

from napari_annotate_jobs.errors import (
    InvalidValueError,
    StoreAccessError,
)
from napari_annotate_jobs.model import now
from napari_annotate_jobs.server._database import CollisionError
from napari_annotate_jobs.server._schema import log_in_failures, projects
from napari_annotate_jobs.server._together import Together

JOB = "job"
PATIENCE = 20


@pytest.fixture
def commits(bench):
    """Count the transactions that were kept."""
    found, engine = [], bench.service.database.engine

    def note(connection):
        found.append(connection)

    event.listen(engine, "commit", note)
    yield found
    event.remove(engine, "commit", note)


@pytest.fixture
def together(bench):
    found = Together(bench.service.database)
    yield found
    found.close()


def held(together):
    """Keep it busy until the event that is returned is set; wait until it is."""
    begun, go = threading.Event(), threading.Event()

    def waits(connection):
        begun.set()
        assert go.wait(PATIENCE)

    together.do(waits)
    assert begun.wait(PATIENCE)
    return go


def noting(address):
    def note(connection):
        row = {"address": address, "time": now()}
        connection.execute(insert(log_in_failures).values(**row))
        return address

    return note


def noted(bench):
    with bench.service.database.reading() as connection:
        return sorted(connection.scalars(select(log_in_failures.c.address)))


def test_what_waits_is_kept_at_once_and_in_its_order(bench, together, commits):
    order = []

    def said(number):
        def say(connection):
            order.append(number)
            return noting(f"{number}")(connection)

        return say

    go = held(together)
    waiting = [together.do(said(number)) for number in range(5)]
    assert not any(each.done() for each in waiting)
    before = len(commits)
    go.set()
    assert [each.result(PATIENCE) for each in waiting] == list("01234")
    assert len(commits) - before == 2  # the one that was waited for, and all others
    assert order == list(range(5))
    assert noted(bench) == list("01234")


def test_what_is_wrong_with_one_is_no_harm_to_the_others(bench, together):
    def wrong(connection):
        noting("wrong")(connection)
        raise InvalidValueError("no")

    def collides(connection):
        noting("collides")(connection)
        row = connection.execute(select(projects)).mappings().first()
        connection.execute(insert(projects).values(**{**row, "id": None}))

    def too_large(connection):
        noting("too large")(connection)
        connection.execute(select(projects).where(projects.c.id == 1 << 70)).all()

    go = held(together)
    works = (noting("a"), wrong, noting("b"), collides, noting("c"), too_large)
    found = [together.do(work) for work in works]
    go.set()
    assert [found[place].result(PATIENCE) for place in (0, 2, 4)] == ["a", "b", "c"]
    with pytest.raises(InvalidValueError):
        found[1].result(PATIENCE)
    with pytest.raises(InvalidValueError):
        found[5].result(PATIENCE)
    with pytest.raises(CollisionError):
        found[3].result(PATIENCE)
    assert noted(bench) == ["a", "b", "c"]


def test_what_cannot_be_kept_at_once_is_kept_one_by_one(bench, together):
    engine, failures = bench.service.database.engine, []

    def fails(connection, name):
        failures.append(name)
        raise OperationalError("SAVEPOINT", None, Exception("disk I/O error"))

    go = held(together)
    found = [together.do(noting(name)) for name in "abc"]
    event.listen(engine, "savepoint", fails)
    try:
        go.set()
        assert [each.result(PATIENCE) for each in found] == list("abc")
    finally:
        event.remove(engine, "savepoint", fails)
    assert len(failures) == 1
    assert noted(bench) == list("abc")


def test_nobody_is_told_of_what_the_disk_does_not_take(bench, together):
    engine = bench.service.database.engine

    def fails(connection):
        raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    go = held(together)
    found = [together.do(noting(name)) for name in "ab"]
    event.listen(engine, "commit", fails)
    try:
        go.set()
        for each in found:
            with pytest.raises(StoreAccessError):
                each.result(PATIENCE)
    finally:
        event.remove(engine, "commit", fails)
    assert noted(bench) == []
    assert together.do(noting("c")).result(PATIENCE) == "c"


def test_what_is_elsewhere_is_done_apart_where_that_can_be(
    bench, together, commits, monkeypatch
):
    for sqlite, expected in ((True, 1), (False, 2)):
        go = held(together)
        monkeypatch.setattr(together._database, "is_sqlite", sqlite)
        places = ["one", "two", "one", "two"]
        found = [
            together.do(noting(f"{sqlite} {number}"), place)
            for number, place in enumerate(places)
        ]
        before = len(commits)
        go.set()
        for each in found:
            each.result(PATIENCE)
        monkeypatch.undo()
        assert len(commits) - before == 1 + expected
    assert len(noted(bench)) == 8


def test_who_has_gone_before_it_was_done_is_left_out(bench, together):
    go = held(together)
    gone, stays = together.do(noting("gone")), together.do(noting("stays"))
    assert gone.cancel()
    go.set()
    assert stays.result(PATIENCE) == "stays"
    assert noted(bench) == ["stays"]


def test_what_waits_is_done_before_it_closes_and_it_can_be_used_again(bench, together):
    go = held(together)
    found = [together.do(noting(name)) for name in "ab"]
    closing = threading.Thread(target=together.close)
    closing.start()
    go.set()
    closing.join(PATIENCE)
    assert not closing.is_alive() and all(each.done() for each in found)
    assert together.do(noting("c")).result(PATIENCE) == "c"
    assert noted(bench) == ["a", "b", "c"]


def test_many_save_at_once_and_each_hears_of_its_own(bench, kit):
    stores = [bench.store("ana" if number % 2 else "ben") for number in range(8)]
    go = held(bench.service.together)
    with ThreadPoolExecutor(8) as pool:

        def saves(number):
            change, digest, data = kit.painted(number)
            case = f"case-{number // 2}"
            return stores[number].save(JOB, case, change, {digest: data}, base=0)

        asked = [pool.submit(saves, number) for number in range(8)]
        go.set()
        assert [each.result(PATIENCE) for each in asked] == [1] * 8
    for number, store in enumerate(stores):
        draft = store.load(JOB, f"case-{number // 2}").annotation
        assert (draft.revision, sorted(draft.slices)) == (1, [f"index:{number}"])

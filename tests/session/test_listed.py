"""One goes on in the order of the list that a case was opened from."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.model import CaseOrder, Status
from napari_annotate_jobs.session import Listed, _listed

LESION = 1


class Names:
    """A list of names that is read by parts, and changes."""

    def __init__(self, names):
        self.names = list(names)
        self.asked = []

    def __call__(self, offset, limit):
        self.asked.append((offset, limit))
        return self.names[offset : offset + limit]


def uncounted():
    return 0, 0


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(_listed, "AROUND", 10)
    monkeypatch.setattr(_listed, "OVERLAP", 4)


def test_of_a_long_list_what_lies_around_is_read(few):
    names = Names(range(1000))
    listed = Listed(names, 500, uncounted)
    beyond = listed.beyond(500, 1)
    assert [next(beyond) for _ in range(3)] == [501, 502, 503]
    assert names.asked == [(490, 20)]
    assert [next(beyond) for _ in range(10)] == list(range(504, 514))
    assert names.asked[1:] == [(506, 14)]


@pytest.mark.parametrize(("step", "end"), [(1, range(38, 61)), (-1, range(36, -1, -1))])
def test_each_case_comes_once_up_to_the_end(few, step, end):
    listed = Listed(Names(range(61)), 37, uncounted)
    assert list(listed.beyond(37, step)) == list(end)
    assert list(listed.beyond(37, step)) == list(end)


def test_what_leaves_the_list_meanwhile_makes_none_pass_over(few):
    names = Names(range(100))
    listed = Listed(names, 0, uncounted)
    walked, here = [], 0
    for _ in range(99):
        here = next(listed.beyond(here, 1))
        walked.append(here)
        if here % 5 == 0:
            names.names.remove(here)
    assert walked == list(range(1, 100))
    assert next(listed.beyond(here, 1), None) is None
    assert next(listed.beyond(50, -1)) == 49


def test_a_case_that_is_not_there_has_no_neighbours():
    assert Listed(Names("abc"), 1, uncounted).beyond("z", 1) is None


def test_a_case_has_a_place_in_a_list_of_which_a_part_is_read(few):
    listed = Listed(Names(range(61)), 37, lambda: (61, 20))
    assert listed.place(37) is None  # nothing is read yet
    listed.note()
    assert listed.place(37) == (38, 61, 20)
    assert listed.place(26) is None  # too far away
    for _ in listed.beyond(37, -1):
        pass
    assert [listed.place(n).number for n in range(38)] == list(range(1, 39))
    listed.note_left(37, -1)
    listed.note_left(99, -1)
    assert listed.place(0) == (1, 61, 19)


def listed_in(session, row, **asked):
    def read(offset, limit):
        page = session.store.cases("job", **asked, offset=offset, limit=limit)
        return [each.case.id for each in page.rows]

    def count():
        rows = session.store.cases("job", **asked).rows
        return len(rows), sum(each.status is not Status.FINISHED for each in rows)

    return Listed(read, row, count)


def here(session):
    return session.case.row.case.id


def test_next_and_previous_follow_the_list(desk):
    session = desk.session()
    by_name = {"order": CaseOrder.NAME}  # One, Three, Two
    session.open_case("one", listed=listed_in(session, 0, **by_name))
    session.go(1)
    assert here(session) == "three"
    session.go(1)
    assert here(session) == "two"
    session.go(1)
    assert here(session) == "two"
    assert desk.told[-1] == "This is the last case of the list."
    session.go(-1)
    session.go(-1)
    assert here(session) == "one"
    session.open_case("one")
    session.go(1)
    assert here(session) == "two"


def test_a_case_that_left_the_list_is_still_gone_on_from(desk):
    session = desk.session()
    session.open_next = True
    remaining = {"order": CaseOrder.NAME, "status": Status.REMAINING}
    session.open_case("one", listed=listed_in(session, 0, **remaining))
    session.editor.set_class([1], LESION, True)
    session.submit()
    assert here(session) == "three"  # by the list, where the job has two
    session.go(-1)
    assert here(session) == "one"
    session.go(1)
    session.editor.set_class([1], LESION, True)
    session.submit()
    assert here(session) == "two"


def test_after_the_list_comes_what_is_left_in_the_job(desk):
    session = desk.session()
    session.open_next = True
    session.open_case("three", listed=listed_in(session, 0, text="three"))
    session.editor.set_class([1], LESION, True)
    session.submit()
    assert here(session) == "one"


def test_a_case_that_is_not_in_the_list_goes_by_the_job(desk):
    session = desk.session()
    session.open_case("one", listed=listed_in(session, 0, text="three"))
    session.go(1)
    assert here(session) == "two"


def test_what_is_left_of_the_list_follows_submitting_and_taking_back(desk):
    session = desk.session()
    session.open_next = False
    named = {"order": CaseOrder.NAME, "text": "t"}  # Three, Two
    session.open_case("three", listed=listed_in(session, 0, **named))
    assert session.listed.place("three") == (1, 2, 2)
    assert session.listed.place("one") is None
    session.editor.set_class([1], LESION, True)
    session.submit()
    assert session.listed.place("three") == (1, 2, 1)
    session.reopen()
    assert session.listed.place("three") == (1, 2, 2)
    session.go(1)
    assert here(session) == "two"

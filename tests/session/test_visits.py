"""When a person last looked at their jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from napari_annotate_jobs.session import Visits, _kept_file

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HERE = ("/jobs/livers", "job", "ana")


def test_a_visit_is_known_by_place_and_person(tmp_path):
    visits = Visits(tmp_path / "new" / "visits.json")
    assert visits.last(HERE) is None
    visits.note([HERE], NOON)
    later = NOON + timedelta(hours=1, microseconds=3)
    visits.note([("/jobs/livers", "job", "bo")], later)
    again = Visits(tmp_path / "new" / "visits.json")
    assert again.last(HERE) == NOON
    assert again.last(("/jobs/livers", "job", "bo")) == later
    assert again.last(("/jobs/livers", "other", "ana")) is None
    text = (tmp_path / "new" / "visits.json").read_text()
    assert "ana" not in text and "livers" not in text


@pytest.mark.parametrize("text", ["", "[]", '{"x": 1', '{"%s": true}', '{"%s": "y"}'])
def test_what_cannot_be_understood_is_no_visit(tmp_path, text):
    path = tmp_path / "visits.json"
    path.write_text(text.replace("%s", _kept_file.unreadable(*HERE)))
    visits = Visits(path)
    assert visits.last(HERE) is None
    visits.note([HERE], NOON)
    assert visits.last(HERE) == NOON


def test_a_time_beyond_all_calendars_is_no_visit(tmp_path):
    path = tmp_path / "visits.json"
    path.write_text(f'{{"{_kept_file.unreadable(*HERE)}": {10**30}}}')
    assert Visits(path).last(HERE) is None


def test_the_latest_jobs_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(_kept_file, "LIMIT", 2)
    visits = Visits(tmp_path / "visits.json")
    for job in ("a", "b", "a", "c"):
        visits.note([("/", job, "ana")], NOON)
    found = [visits.last(("/", job, "ana")) is not None for job in "abc"]
    assert found == [True, False, True]

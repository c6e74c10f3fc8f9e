"""Saving on a server: several windows of one person, log-ins that lapse."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.errors import LogInError, StoreAccessError
from napari_annotate_jobs.session import SaveKind
from napari_annotate_jobs.session import _saver as saver


@pytest.fixture
def remote(desk, monkeypatch):
    monkeypatch.setattr(type(desk.store), "is_remote", True)
    return desk


def elsewhere(desk, executor=None):
    return desk.session(store=desk.other(), executor=executor, recovery=False)


def labels(annotation):
    return {key: content.class_labels for key, content in annotation.slices.items()}


def test_where_it_was_saved_is_said(remote):
    session = remote.session()
    session.editor.set_class([0], 1, True)
    assert session.saving.state.text.startswith("saved on the server at ")


def test_other_slices_of_another_window_are_no_conflict(remote):
    here, there = remote.session(), elsewhere(remote)
    there.editor.set_class([3], 1, True)
    here.editor.set_class([0], 2, True)
    assert here.saving.state.kind is SaveKind.SAVED
    assert sorted(labels(remote.draft()).values()) == [(1,), (2,)]
    assert labels(here.editor.annotation) == labels(remote.draft())
    assert any("another window" in text for text in remote.told)
    # What came from there is not taken for unseen: editing it goes through.
    here.editor.set_class([3], 1, False)
    assert here.saving.state.kind is SaveKind.SAVED
    assert list(labels(remote.draft()).values()) == [(2,)]


def test_only_slices_that_both_changed_are_asked_about(remote, slow):
    here, there = remote.session(executor=slow, case=None), elsewhere(remote)
    here.open_case("one", slice=0)
    slow.drain()
    there.editor.set_class([3], 1, True)
    here.editor.set_class([0], 2, True)
    here.editor.set_class([3], 2, True)
    here.editor.set_class([5], 2, True)
    slow.drain()
    assert here.saving.state.kind is SaveKind.CONFLICT
    conflict = here.saving.conflict
    assert [difference.index for difference in conflict.differences] == [3]
    assert sorted(labels(remote.draft()).values()) == [(1,), (2,), (2,)]
    here.saving.resolve_conflict(keep_mine=True)
    slow.drain()
    assert here.saving.state.kind is SaveKind.SAVED
    assert list(labels(remote.draft()).values()) == [(2,), (2,), (2,)]


def test_a_folder_asks_about_everything(desk):
    here, there = desk.session(), elsewhere(desk)
    there.editor.set_class([3], 1, True)
    here.editor.set_class([0], 2, True)
    assert here.saving.state.kind is SaveKind.CONFLICT


def test_nothing_to_label_of_the_case_is_settled_by_hand(remote):
    here, there = remote.session(), elsewhere(remote)
    there.editor.set_case_nothing_to_label(True)
    here.editor.set_class([0], 2, True)
    assert here.saving.state.kind is SaveKind.CONFLICT


def test_a_log_in_that_lapsed_pauses_and_drops_nothing(remote):
    session = remote.session()
    remote.store.fault = LogInError("the token is no longer good")
    session.editor.set_class([0], 1, True)
    session.editor.set_class([1], 1, True)
    state = session.saving.state
    assert state.kind is SaveKind.LOG_IN
    assert state.text == "log in again · 2 changes kept on this computer"
    saves = remote.store.saves
    session.executor.tick()
    assert remote.store.saves == saves
    remote.store.fault = None
    session.saving.retry()
    assert session.saving.state.kind is SaveKind.SAVED
    assert len(remote.draft().slices) == 2


def test_a_lapsed_log_in_survives_a_restart(remote):
    session = remote.session()
    remote.store.fault = LogInError("the token is no longer good")
    session.editor.set_class([0], 1, True)
    session.close()
    remote.store.fault = None
    remote.session()
    assert len(remote.draft().slices) == 1


def test_what_was_kept_goes_beside_what_another_window_saved(remote):
    session = remote.session()
    remote.store.fault = StoreAccessError("the server does not answer")
    session.editor.set_class([0], 2, True)
    session.close()
    elsewhere(remote).editor.set_class([3], 1, True)
    remote.store.fault = None
    again = remote.session()
    assert again.saving.state.kind is SaveKind.SAVED
    assert sorted(labels(remote.draft()).values()) == [(1,), (2,)]
    assert labels(again.editor.annotation) == labels(remote.draft())


@pytest.mark.parametrize(("asked", "waited"), [(60.0, 60.0), (None, 2.0)])
def test_a_server_says_when_to_come_back(remote, monkeypatch, asked, waited):
    session = remote.session()
    waits = []
    monkeypatch.setattr(session.executor, "later", lambda s, call: waits.append(s))
    fault = StoreAccessError("too many requests")
    fault.retry_after = asked
    remote.store.fault = fault
    session.editor.set_class([0], 1, True)
    assert [wait for wait in waits if wait != saver.SLOW_SECONDS] == [waited]

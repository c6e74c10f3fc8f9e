"""Acts on slices: one way for all who ask."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_annotate_jobs.app.controllers import SliceController, Workbench
from napari_annotate_jobs.errors import LockedError


class Editor:
    locked = False

    def __init__(self, log):
        self.log = log

    def confirm(self, indices):
        self.log.append(("confirm", list(indices)))

    def reject(self, indices):
        self.log.append(("reject", list(indices)))


@pytest.fixture
def desk():
    """A session that logs, with a stroke to be taken and proposals to be renewed."""
    log = []
    session = SimpleNamespace(
        is_open=True, is_moving=False, editor=Editor(log), case=object()
    )
    session.toggle_excluded = lambda indices: log.append(("exclude", list(indices)))
    waiting = []
    bench = Workbench(
        session,
        window=lambda: None,
        show_error=lambda error: log.append(error),
        take=lambda: log.append("take"),
    )
    slices = SliceController(bench, waiting.append)
    return SimpleNamespace(session=session, slices=slices, log=log, waiting=waiting)


@pytest.mark.parametrize("verb", ["confirm", "reject"])
def test_pending_strokes_and_proposals_that_are_due_come_first(desk, verb):
    getattr(desk.slices, verb)(range(3, 6))
    # What was painted was told, and nothing is settled before it is renewed.
    assert desk.log == ["take"]
    (settle,) = desk.waiting
    settle()
    assert desk.log[-1] == (verb, [3, 4, 5])


def test_what_was_asked_of_one_case_is_not_done_to_another(desk):
    desk.slices.confirm([1])
    desk.session.editor = Editor(desk.log)
    desk.waiting[0]()
    assert desk.log == ["take"]


def test_nothing_is_done_while_a_case_opens(desk):
    desk.session.is_moving = True
    desk.slices.confirm([1])
    desk.slices.exclude([1])
    assert not desk.log
    assert not desk.waiting


def test_a_refusal_is_told(desk):
    def refuse(indices):
        raise LockedError("the case is submitted")

    desk.session.toggle_excluded = refuse
    desk.slices.exclude([1])
    assert isinstance(desk.log[-1], LockedError)

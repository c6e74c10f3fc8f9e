from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_annotate_jobs.app._qt_executor import QtExecutor

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def executor(qapp: object) -> Iterator[QtExecutor]:
    made = QtExecutor()
    yield made
    made.close()


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    found: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda t, e, tb: found.append(e))
    return found


def refuse(error: Exception) -> None:
    raise AssertionError("this task does not fail") from error


def test_runs_elsewhere_and_delivers_here(executor, qtbot) -> None:
    threads = {}
    here = threading.get_ident()

    def task() -> int:
        threads["task"] = threading.get_ident()
        return 42

    def done(result: int) -> None:
        threads["done"] = threading.get_ident()
        threads["result"] = result

    executor.run(task, done, refuse)
    assert not executor.is_idle
    qtbot.waitUntil(lambda: "done" in threads)
    assert threads["task"] != here
    assert threads["done"] == here
    assert threads["result"] == 42
    assert executor.is_idle


def test_nothing_arrives_amid_a_delivery(executor, qtbot) -> None:
    """A receiver that lets the event loop run is done before the next begins."""
    other, log = QtExecutor(), []

    def slow(_: object) -> None:
        log.append("begin")
        executor.run(lambda: None, lambda _: log.append("next"), refuse)
        other.run(lambda: None, lambda _: log.append("other"), refuse)
        qtbot.waitUntil(lambda: executor._outcomes.qsize() == 1)
        qtbot.waitUntil(lambda: other._outcomes.qsize() == 1)
        QCoreApplication.processEvents()
        log.append("end")

    executor.run(lambda: None, slow, refuse)
    qtbot.waitUntil(lambda: len(log) == 4)
    assert log[:2] == ["begin", "end"]
    assert sorted(log[2:]) == ["next", "other"]
    assert executor.is_idle
    assert other.is_idle
    other.close()


def test_order_is_kept(executor) -> None:
    ran: list[int] = []
    delivered: list[int] = []
    for i in range(200):
        executor.run(lambda i=i: ran.append(i) or i, delivered.append, refuse)
    assert executor.drain()
    assert ran == delivered == list(range(200))


def test_failure_arrives(executor) -> None:
    found: list[Exception] = []

    def task() -> None:
        raise ValueError("broken")

    executor.run(task, lambda _: pytest.fail("it failed"), found.append)
    assert executor.drain()
    assert [str(error) for error in found] == ["broken"]


def test_drain_waits_for_what_follows(executor) -> None:
    found: list[str] = []

    def then(text: str) -> None:
        found.append(text)
        if len(text) < 5:
            executor.run(lambda: text + "x", then, refuse)

    executor.run(lambda: "x", then, refuse)
    assert executor.drain()
    assert found == ["x", "xx", "xxx", "xxxx", "xxxxx"]


def test_drain_within_a_callback(executor) -> None:
    found: list[int] = []

    def first(result: int) -> None:
        executor.drain()
        found.append(result)

    executor.run(lambda: 1, first, refuse)
    executor.run(lambda: 2, found.append, refuse)
    assert executor.drain()
    assert found == [2, 1]


def test_drain_is_bounded(executor) -> None:
    gate = threading.Event()
    found: list[bool] = []
    executor.run(gate.wait, found.append, refuse)
    assert not executor.drain(timeout=0.05)
    gate.set()
    assert executor.drain()
    assert found == [True]


def test_drain_repaints_when_it_takes_long(executor, monkeypatch) -> None:
    from napari_annotate_jobs.app import _qt_executor as _executor

    monkeypatch.setattr(_executor, "QUIET", 0.0)
    gate = threading.Event()
    QTimer.singleShot(0, gate.set)  # comes only if events are processed
    executor.run(gate.wait, lambda _: None, refuse)
    assert executor.drain()
    assert gate.is_set()


@pytest.mark.parametrize("broken", ["done", "failed"])
def test_errors_of_callbacks_are_shown(executor, hooked, broken) -> None:
    def task() -> None:
        if broken == "failed":
            raise ValueError("of the task")

    def callback(_: object) -> None:
        raise LookupError("of the callback")

    found: list[int] = []
    executor.run(task, callback, callback)
    executor.run(lambda: 1, found.append, refuse)
    assert executor.drain()
    assert [type(error) for error in hooked] == [LookupError]
    assert found == [1]


def test_exit_in_a_task_is_shown(executor, hooked) -> None:
    def task() -> None:
        raise SystemExit(3)

    executor.run(task, lambda _: None, refuse)
    assert executor.drain()
    assert [type(error) for error in hooked] == [SystemExit]


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[object] = []

    def receive(self, result: object) -> None:
        self.found.append(result)


def delete(thing: QObject, qtbot) -> None:
    with qtbot.waitSignal(thing.destroyed):
        thing.deleteLater()


def test_receiver_that_is_gone_gets_nothing(executor, qtbot, hooked) -> None:
    receiver, gate, ran = Receiver(), threading.Event(), []
    executor.run(gate.wait, receiver.receive, receiver.receive)
    executor.run(lambda: ran.append(1), receiver.receive, receiver.receive)
    delete(receiver, qtbot)
    gate.set()
    assert executor.drain()
    assert receiver.found == []
    assert ran == [1], "a task of its own right is carried out"
    assert hooked == []


def test_task_of_an_owner_that_is_gone_is_not_run(executor, qtbot) -> None:
    owner, gate, ran = QObject(), threading.Event(), []
    executor.run(gate.wait, lambda _: None, refuse)
    executor.run(lambda: ran.append(1), ran.append, refuse, owner=owner)
    delete(owner, qtbot)
    gate.set()
    assert executor.drain()
    assert ran == []


def test_a_button_without_a_place_is_no_window(executor, qtbot) -> None:
    """As napari's progress bars make them, which are made by `later`."""
    holder, made = QWidget(), []

    def make() -> None:
        button = QPushButton("Cancel")
        button.setVisible(True)
        made.append(button.windowHandle().isVisible())
        QVBoxLayout(holder).addWidget(button)

    make_now = QPushButton("Cancel")
    make_now.setVisible(True)
    assert make_now.windowHandle().isVisible()  # what Qt does else
    make_now.close()
    executor.later(0.0, make)
    qtbot.waitUntil(lambda: bool(made))
    assert made == [False]
    holder.show()
    button = holder.findChild(QPushButton)
    assert button.isVisible()
    assert not button.testAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    holder.close()


def test_later(executor, qtbot, hooked) -> None:
    found: list[int] = []

    def broken() -> None:
        raise LookupError

    executor.later(0.0, lambda: found.append(threading.get_ident()))
    executor.later(0.001, broken)
    qtbot.waitUntil(lambda: bool(found and hooked))
    assert found == [threading.get_ident()]


def test_close_drops_what_waits(qapp, qtbot) -> None:
    executor = QtExecutor()
    gate, began, found = threading.Event(), threading.Event(), []

    def slow() -> int:
        began.set()
        gate.wait()
        return 1

    executor.run(slow, found.append, refuse)
    executor.run(lambda: found.append(2), found.append, refuse)
    executor.later(0.0, lambda: found.append(3))
    assert began.wait(10)
    threading.Timer(0.01, gate.set).start()
    executor.close()
    executor.close()
    executor.run(lambda: found.append(4), found.append, refuse)
    executor.later(0.0, lambda: found.append(5))
    assert executor.drain()
    assert executor.is_closed and executor.is_idle
    assert not executor._thread.is_alive()
    qapp.processEvents()
    assert found == []


def test_close_does_not_wait_for_ever(qapp, monkeypatch) -> None:
    from napari_annotate_jobs.app import _qt_executor as _executor

    monkeypatch.setattr(_executor, "FAREWELL", 0.01)
    executor, gate = QtExecutor(), threading.Event()
    executor.run(gate.wait, lambda _: None, refuse)
    executor.close()
    gate.set()
    executor._thread.join(10)
    assert not executor._thread.is_alive()


def test_the_process_waits_for_the_running_task_at_its_end(tmp_path) -> None:
    path = tmp_path / "written"
    code = f"""
import pathlib, threading
from qtpy.QtCore import QCoreApplication
from napari_annotate_jobs.app._qt_executor import QtExecutor

application = QCoreApplication([])
executor, began = QtExecutor(), threading.Event()

def task():
    began.set()
    threading.Event().wait(0.2)
    pathlib.Path({str(path)!r}).write_text("whole")

executor.run(task, print, print)
began.wait()
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert path.read_text() == "whole"


def test_parent_takes_it_along(qtbot) -> None:
    parent = QObject()
    executor = QtExecutor(parent)
    executor.run(lambda: 1, lambda _: None, refuse)
    executor.drain()
    delete(parent, qtbot)
    executor._thread.join(10)
    assert not executor._thread.is_alive()


def test_is_collected(qapp) -> None:
    executor = QtExecutor()
    executor.run(lambda: 1, lambda _: None, refuse)
    executor.drain()
    thread, alive = executor._thread, weakref.ref(executor)
    del executor
    gc.collect()
    thread.join(10)
    assert alive() is None
    assert not thread.is_alive()


def test_is_collected_on_another_thread() -> None:
    code = """
import gc, threading
from qtpy.QtCore import QCoreApplication, QEvent, QObject
from napari_annotate_jobs.app._qt_executor import QtExecutor

application = QCoreApplication([])
gc.disable()
parent = QObject()
parent.executor, parent.itself = QtExecutor(parent), parent
thread = parent.executor._thread
del parent
collector = threading.Thread(target=gc.collect)
collector.start()
collector.join()
# Qt's part of it was left to this thread.
QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
thread.join(10)
assert not thread.is_alive()
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_destroyed_while_the_worker_reports(qapp) -> None:
    for n in range(300):
        parent = QObject()
        executor = QtExecutor(parent)
        executor.run(lambda: None, lambda _: None, refuse)
        # The outcome is there a moment before the worker says so.
        executor.drain()
        thread = executor._thread
        if n % 2:
            del executor
        parent.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        thread.join(10)
        assert not thread.is_alive()


def test_what_was_not_begun_is_let_go_of(qapp) -> None:
    """Also while the task that is under way still hangs."""

    class Wanted:
        def found(self, _: object) -> None: ...

    made, go_on, begun = QtExecutor(), threading.Event(), threading.Event()
    wanted = Wanted()
    held = weakref.ref(wanted)

    def hang() -> None:
        begun.set()
        go_on.wait(10)

    made.run(hang, lambda _: None, refuse)
    assert begun.wait(5)
    made.run(lambda: None, wanted.found, refuse)
    del wanted
    timer = threading.Timer(0.2, go_on.set)
    timer.start()
    made.close()
    gc.collect()
    assert held() is None
    go_on.set()
    timer.join()


def test_what_waits_for_the_picture_keeps_its_place(executor, qtbot) -> None:
    log: list[object] = []
    began = threading.Event()

    def task() -> str:
        began.set()
        return "saved"

    executor.run_after_paint(task, log.append, refuse)
    assert not executor.is_idle
    assert not began.wait(0.01), "nothing begins before the interface goes on"
    qtbot.waitUntil(lambda: log == ["saved"])
    # What comes after it waits for it, or brings it on.
    executor.run_after_paint(task, log.append, refuse)
    executor.run(lambda: "loaded", log.append, refuse)
    qtbot.waitUntil(lambda: executor.is_idle)
    assert log == ["saved", "saved", "loaded"]
    executor.run_after_paint(task, log.append, refuse)
    assert executor.drain()
    assert log[-1] == "saved"
    executor.run_after_paint(task, log.append, refuse)
    executor.close()
    assert executor.is_idle

"""Gets slow things done off the interface thread, with Qt."""

from __future__ import annotations

import atexit
import queue
import sys
import threading
import weakref
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEventLoop, QObject, Qt, QTimer, Signal

from ._homeless import Homeless

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["QtExecutor"]

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds :meth:`QtExecutor.drain` waits at most."""
QUIET = 0.5
"""Seconds it waits before it lets the windows repaint."""
PAINTED = 20
"""Milliseconds after which what an edit changed has been painted."""
FAREWELL = 2.0
"""Seconds :meth:`QtExecutor.close` waits for the task that is running."""


class _Task(NamedTuple):
    call: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    owner: weakref.ref[QObject] | None


class _Outcome(NamedTuple):
    task: _Task
    result: Any
    error: BaseException | None
    dropped: bool = False


class _Stop(threading.Event):
    """Tells the worker to stop.

    Set under its lock, so that the executor is not destroyed while the worker
    sends a signal of it: Qt holds still in ``destroyed`` until that is over.
    """

    def __init__(self, tasks: queue.SimpleQueue[_Task | None]) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self._tasks = tasks

    def tell(self, *_: object) -> None:
        """Tell it, and wake it up."""
        with self.lock:
            self.set()
        self._tasks.put(None)


class QtExecutor(QObject):
    """One worker thread; what it finds out arrives on the interface thread.

    Tasks run in the order they were given, and their outcomes arrive in it. An
    outcome whose receiver is a widget that is gone is dropped. What a receiver
    raises goes to ``sys.excepthook``, where napari shows it, and stops nothing.
    Where a receiver lets the event loop run, outcomes wait until it has returned,
    those of other executors as well: nothing arrives amid what another began.
    All methods are to be called on the thread the executor lives on.

    Parameters
    ----------
    parent : QObject, optional
        Closes the executor when it is destroyed.
    """

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._stopped = _Stop(self._tasks)
        self._waiting = 0
        self._held: list[_Task] = []
        self._painted = QTimer(self)
        self._painted.setSingleShot(True)
        self._painted.setInterval(PAINTED)
        self._painted.timeout.connect(self._begin_held)
        self._timers: set[QTimer] = set()
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        stop, tasks = self._stopped, self._tasks
        self._stop = weakref.finalize(self, stop.tell)
        # The method of what the thread keeps alive. A function, or a partial one, may
        # have been taken apart by the garbage collector when it is called.
        self.destroyed.connect(stop.tell)
        # A daemon: a network share that hangs must not keep the program open.
        self._thread = threading.Thread(
            target=_work,
            args=(tasks, self._outcomes, stop, weakref.ref(self)),
            name="annotate-jobs",
            daemon=True,
        )
        self._thread.start()
        _AT_WORK[self._thread] = stop

    @property
    def is_idle(self) -> bool:
        """True if every task is finished and its outcome delivered."""
        return not self._waiting

    @property
    def is_closed(self) -> bool:
        """True after :meth:`close`."""
        return self._stopped.is_set()

    def run(
        self,
        task: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        *,
        owner: QObject | None = None,
    ) -> None:
        """Run `task` on the worker, then one of `done` and `failed` here.

        Parameters
        ----------
        task : callable
            Runs on the worker thread.
        done, failed : callable
            Take its result, or the exception it raised, on this thread.
        owner : QObject, optional
            For tasks that are of no use without it, as reading a thumbnail: if
            it is gone before the task begins, the task is not run.

        Notes
        -----
        Nothing happens once the executor is closed.
        """
        if self.is_closed:
            return
        self._begin_held()
        self._waiting += 1
        of = None if owner is None else weakref.ref(owner)
        self._tasks.put(_Task(task, done, failed, of))

    def run_after_paint(
        self,
        task: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run `task` as :meth:`run` does, but let what is to be painted come first.

        A thread at work takes turns with the interface's: what it does at the end of a
        stroke, the hand would wait for.
        """
        if self.is_closed:
            return
        self._waiting += 1
        self._held.append(_Task(task, done, failed, None))
        if not self._painted.isActive():
            self._painted.start()

    def _begin_held(self) -> None:
        held, self._held = self._held, []
        for task in held:
            self._tasks.put(task)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` here after some time, unless the executor is closed before.

        napari's progress bars are made so: their buttons are no windows meanwhile.
        """
        if self.is_closed:
            return
        timer = QTimer(self)
        timer.setSingleShot(True)
        self._timers.add(timer)

        def fire() -> None:
            self._timers.discard(timer)
            timer.deleteLater()
            with Homeless():
                _shielded(call)

        timer.timeout.connect(fire)
        timer.start(max(round(seconds * 1000), 0))

    def drain(self, timeout: float = PATIENCE) -> bool:
        """Wait until every task, and what it led to, is finished and delivered.

        Outcomes are delivered right here. If it takes long, windows repaint
        meanwhile, but take no mouse and no keys.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.

        Returns
        -------
        bool
            False if tasks are still waiting: something hangs.
        """
        start = monotonic()
        while self._waiting:
            self._begin_held()
            waited = monotonic() - start
            if waited >= timeout or self.is_closed:
                return False
            try:
                outcome = self._outcomes.get(timeout=min(0.02, timeout - waited))
            except queue.Empty:
                if waited > QUIET:
                    QCoreApplication.processEvents(
                        QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents
                    )
            else:
                self._hand_over(outcome)
        return True

    def close(self) -> None:
        """Stop: what has not begun is dropped, and so is what is not delivered.

        Call :meth:`drain` before to get everything done. The running task is
        waited for, though not for long. Calling it twice does no harm.
        """
        if self._stop.detach() is None:
            return
        self._stopped.tell()
        # What will not be done any more would keep all that it was to be done for.
        with suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()
        self._tasks.put(None)
        for timer in self._timers:
            timer.stop()
            timer.timeout.disconnect()
            timer.deleteLater()
        self._timers.clear()
        self._painted.stop()
        self._held.clear()
        self._waiting = 0
        if self._thread is not threading.current_thread():
            self._thread.join(FAREWELL)

    def _deliver(self) -> None:
        _RINGING.append(self)
        if len(_RINGING) > 1:  # within a delivery, which goes on with this one
            return
        try:
            while _RINGING:
                _RINGING[0]._hand_over_all()
                del _RINGING[0]
        finally:
            _RINGING.clear()

    def _hand_over_all(self) -> None:
        while True:
            try:
                outcome = self._outcomes.get_nowait()
            except queue.Empty:
                return
            self._hand_over(outcome)

    def _hand_over(self, outcome: _Outcome) -> None:
        if self.is_closed:
            return
        self._waiting -= 1
        task, error = outcome.task, outcome.error
        if outcome.dropped or (task.owner is not None and _is_gone(task.owner())):
            return
        if error is None:
            if not _is_gone(_receiver(task.done)):
                _shielded(task.done, outcome.result)
        elif not isinstance(error, Exception):
            sys.excepthook(type(error), error, error.__traceback__)
        elif not _is_gone(_receiver(task.failed)):
            _shielded(task.failed, error)


def _work(
    tasks: queue.SimpleQueue[_Task | None],
    outcomes: queue.SimpleQueue[_Outcome],
    stopped: _Stop,
    executor: weakref.ref[QtExecutor],
) -> None:
    """Run tasks until told to stop; holds no reference to the executor."""
    while True:
        task = tasks.get()
        if task is None or stopped.is_set():
            return
        if task.owner is not None and _is_gone(task.owner()):
            outcome = _Outcome(task, None, None, dropped=True)
        else:
            try:
                outcome = _Outcome(task, task.call(), None)
            except BaseException as error:
                outcome = _Outcome(task, None, error)
        if stopped.is_set():
            return
        outcomes.put(outcome)
        # Whatever is not needed may die now, not with the next task.
        del task, outcome
        if not _ring(executor(), stopped):
            return


def _ring(executor: QtExecutor | None, stopped: _Stop) -> bool:
    """Tell the executor that an outcome is there; False if it is gone."""
    with stopped.lock:
        if executor is None or stopped.is_set():
            return False
        try:
            executor._arrived.emit()
        except RuntimeError:  # destroyed in this very moment
            return False
        return True


_RINGING: list[QtExecutor] = []
"""Those with outcomes to deliver; the first one is at it."""

_AT_WORK: weakref.WeakKeyDictionary[threading.Thread, _Stop] = (
    weakref.WeakKeyDictionary()
)
"""What tells each worker to stop."""


@atexit.register
def _wait_for_workers() -> None:
    """Let no task run into a Python that is being taken apart."""
    at_work = list(_AT_WORK.items())
    for _, stop in at_work:
        stop.tell()
    until = monotonic() + FAREWELL
    for thread, _ in at_work:
        thread.join(max(until - monotonic(), 0))


def _receiver(call: Callable[..., None]) -> object:
    """Return the object whose method `call` is."""
    return getattr(call, "__self__", call)


def _is_gone(receiver: object) -> bool:
    """Tell whether a receiver is a Qt object that was deleted, or None."""
    if receiver is None:
        return True
    return isinstance(receiver, QObject) and not isalive(receiver)


def _shielded(call: Callable[..., None], *args: Any) -> None:
    try:
        call(*args)
    except Exception:
        sys.excepthook(*sys.exc_info())

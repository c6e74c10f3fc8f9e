"""Changes that come at once, in one transaction: the disk is waited for once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from ._database import Database

    Item = tuple[str, Callable[[Connection], Any], Future[Any]]

__all__ = ["Together"]

T = TypeVar("T")
_MOST = 32


class Together:
    """Does one thing after the other, and keeps those that wait meanwhile at once.

    Who saves in a project has all others wait who save there, with SQLite anywhere,
    until the disk has it. For those that came meanwhile it is waited for once. Each is
    done or refused by itself, as in a transaction of its own, and nobody is told of it
    before the disk has it.

    Parameters
    ----------
    database : Database
        Where to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[Connection], T], where: str = "") -> Future[T]:
        """Return what will be the outcome of something that writes.

        Parameters
        ----------
        work : callable
            Does it with the connection it is given.
        where : str
            What it keeps others from writing to. What is elsewhere is done apart where
            that can be: who held two places would wait for who holds them the other
            way round.
        """
        done: Future[T] = Future()
        with self._guard:
            # In a process that was forked there is no thread but the one that asks.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="saves", daemon=True
                )
                self._thread.start()
            place = "" if self._database.is_sqlite else where
            self._queue.put((place, work, done))
        return done

    def close(self) -> None:
        """Do what waits, and end the thread; whoever asks again starts another."""
        with self._guard:
            thread, self._thread = self._thread, None
            if thread is None or not thread.is_alive():
                return
            self._queue.put(None)
        thread.join()

    def _run(self) -> None:
        waiting: list[Item] = []
        ending = False
        while waiting or not ending:
            ending = self._gather(waiting) or ending
            # What is next, and what can be done with it.
            some = [item for item in waiting if item[0] == waiting[0][0]][:_MOST]
            waiting = [item for item in waiting if item not in some]
            left = self._try_at_once(some) if len(some) > 1 else some
            for _, work, done in left:
                self._do_alone(work, done)

    def _gather(self, waiting: list[Item]) -> bool:
        """Add all that has come, or wait for some; return whether it is to end."""
        with suppress(Empty):
            while True:
                item = self._queue.get(block=not waiting)
                if item is None:
                    return True
                # Who has gone meanwhile was told nothing: it is not done.
                if item[2].set_running_or_notify_cancel():
                    waiting.append(item)
        return False

    def _try_at_once(self, some: list[Item]) -> list[Item]:
        """Do several in one transaction; return those that have to be done alone."""
        alone: list[Item] = []
        values: list[tuple[Future[Any], Any]] = []
        faults: list[tuple[Future[Any], Exception]] = []
        try:
            with self._database.writing() as connection:
                for place, work, done in some:
                    try:
                        with connection.begin_nested():
                            values.append((done, work(connection)))
                    except OperationalError:
                        raise  # what it was done in may be gone
                    except (DBAPIError, OverflowError):
                        alone.append((place, work, done))
                    except Exception as error:
                        faults.append((done, error))
        except Exception:
            return some
        for done, value in values:
            done.set_result(value)
        for done, fault in faults:
            done.set_exception(fault)
        return alone

    def _do_alone(self, work: Callable[[Connection], Any], done: Future[Any]) -> None:
        try:
            with self._database.writing() as connection:
                value = work(connection)
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(value)

"""The job servers of My Jobs: listed without waiting, logged in to, forgotten."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from platformdirs import user_state_path
from qtpy.QtCore import QObject, Signal

from napari_annotate_jobs.errors import AnnotateJobsError, LogInError, StoreError
from napari_annotate_jobs.files import read_if_there, write_durably
from napari_annotate_jobs.widgets import LogInDialog, ServerLine

from ._asks import ask, brief, notify
from ._qt_executor import QtExecutor
from ._settings import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.model import JobSummary
    from napari_annotate_jobs.widgets import Colors

__all__ = ["Servers", "full_address", "is_server"]

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_HERE = re.compile(r"(localhost|127\.|\[::1\])", re.IGNORECASE)


def is_server(location: str) -> bool:
    """Return True for the address of a server, or of a job on one."""
    return _ADDRESS.match(location) is not None


def full_address(text: str) -> str:
    """Return an address as typed, with how to get there, and without a job."""
    from napari_annotate_jobs.stores.http import server_and_job

    text = text.strip()
    if "://" not in text:
        text = f"{'http' if _HERE.match(text) else 'https'}://{text}"
    return server_and_job(text)[0]


@dataclass
class _Known:
    """What is known of one server."""

    person: str = ""
    jobs: tuple[JobSummary, ...] = ()
    fault: Exception | None = None


class Servers(QObject):
    """Asks each server for its jobs on a thread of its own.

    Parameters
    ----------
    parent : QObject
        Goes with it.
    """

    changed = Signal()
    """Jobs, or what there is to say, are other ones now."""
    logged_in = Signal(str, str)
    """A server, and the token that is good there from now on."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._known: dict[str, _Known] = {}
        self._threads: dict[str, QtExecutor] = {}
        self._reading: set[str] = set()

    # ----------------------------------------------------------------- listing
    @property
    def is_reading(self) -> bool:
        """True while a server of which nothing is known was asked and is silent."""
        return any(
            not self._known[server].jobs and self._known[server].fault is None
            for server in self._reading & self._known.keys()
        )

    @property
    def summaries(self) -> list[JobSummary]:
        """Jobs of all servers, as last seen."""
        return [job for known in self._known.values() for job in known.jobs]

    @staticmethod
    def address(location: str) -> str:
        """Return the address of the server that a job is on."""
        return full_address(location)

    def person(self, location: str) -> str:
        """Return who is logged in where a job is; empty if that is not known."""
        found = (k.person for s, k in self._known.items() if location.startswith(s))
        return next(found, "")

    def lines(self) -> list[ServerLine]:
        """Return what there is to say of servers."""
        found = []
        for server, known in self._known.items():
            name = server.partition("://")[2]
            seen = " Its jobs are shown as last seen." if known.jobs else ""
            if isinstance(known.fault, LogInError):
                text = f"{name} wants you to log in.{seen}"
                found.append(ServerLine(server, text, str(known.fault), log_in=True))
            elif known.fault is not None:
                what = getattr(known.fault, "what", str(known.fault))
                text = f"{name}: {what}.{seen}"
                found.append(ServerLine(server, text, str(known.fault)))
            elif known.person and not known.jobs and server not in self._reading:
                text = f"{name} has no job for {known.person}."
                found.append(ServerLine(server, text))
        return found

    def refresh(self, locations: list[str]) -> None:
        """Ask these servers, and no others from now on."""
        last = self._last_seen() if locations and not self._known else {}
        self._known = {
            each: self._known.get(each) or last.get(each) or _Known()
            for each in locations
        }
        for server in locations:
            self._ask(server)
        self.changed.emit()

    def beside(self) -> QtExecutor:
        """Return a thread that waits for no server."""
        return self._thread("")

    def _thread(self, server: str) -> QtExecutor:
        if server not in self._threads:
            self._threads[server] = QtExecutor(self)
        return self._threads[server]

    def _ask(self, server: str) -> None:
        if server in self._reading:
            return
        self._reading.add(server)

        def task() -> _Known:
            from napari_annotate_jobs.stores.http import HttpStore

            with HttpStore(server, patient=False, at_hand=False) as store:
                return _Known(store.person, tuple(store.jobs()))

        def done(found: _Known) -> None:
            self._reading.discard(server)
            if server in self._known:
                self._known[server] = found
                self._remember()
                self.changed.emit()

        def failed(error: Exception) -> None:
            self._reading.discard(server)
            if server in self._known:
                self._known[server].fault = error
                self.changed.emit()

        self._thread(server).run(task, done, failed)

    # ---------------------------------------------------------------- logging in
    def log_in(
        self,
        parent: QWidget,
        colors: Colors,
        server: str = "",
        then: Callable[[str], None] | None = None,
    ) -> LogInDialog:
        """Let the user log in.

        Parameters
        ----------
        parent : QWidget
            Above which the dialog is shown.
        colors : Colors
            Of the theme.
        server : str
            Where, if that is known already.
        then : callable, optional
            Takes the address, once it has gone well.
        """
        known = self._known.get(server)
        dialog = LogInDialog(
            parent,
            server=server,
            person="" if known is None else known.person,
            colors=colors,
        )

        def wanted(address: str, name: str, secret: str) -> None:
            # Who has closed the dialog has thought better of it: nothing is kept.
            run = partial(self._thread(address).run, owner=dialog)

            def failed(error: Exception) -> None:
                dialog.show_fault(brief(error))

            def checked(found: tuple[str, str, str]) -> None:
                run(lambda: _keep(*found), lambda safe: done(*found, safe), failed)

            def done(root: str, person: str, token: str, safe: bool) -> None:
                self._known.setdefault(root, _Known()).fault = None
                self._known[root].person = person
                self.logged_in.emit(root, token)
                if not safe:
                    notify(
                        "This computer has no keyring: the log-in is kept in a file "
                        "that only you can read."
                    )
                dialog.accept()
                if then is not None:
                    then(root)

            run(lambda: _check(address, name, secret), checked, failed)

        dialog.wanted.connect(wanted)
        dialog.open()
        return dialog

    def forget(self, parent: QWidget, server: str, then: Callable[[], None]) -> None:
        """Take a server off the list, and its log-in off this computer, if agreed."""
        known = self._known.get(server, _Known())

        def task() -> None:
            from napari_annotate_jobs.stores.http import forget_token

            from ._places import forget_location, recent_locations

            for location in recent_locations():
                if is_server(location) and location.startswith(server):
                    forget_location(location)
            if known.person:
                forget_token(server, known.person)

        def done(_: None) -> None:
            self._known.pop(server, None)
            self._remember()
            then()

        who = f" as {known.person}" if known.person else ""
        ask(
            parent,
            f"Forget {server}?",
            {
                "Forget it": lambda: self._thread(server).run(
                    task, done, lambda error: notify(brief(error))
                )
            },
            detail=f"Its jobs go off this list, and your log-in there{who} off this "
            "computer. On the server nothing changes; what is not saved yet stays on "
            "this computer until you log in again.",
        )

    # ------------------------------------------------------------ as last seen
    def _remember(self) -> None:
        document = {
            server: {
                "person": known.person,
                "jobs": [job.model_dump(mode="json") for job in known.jobs],
            }
            for server, known in self._known.items()
        }
        with suppress(StoreError, OSError):  # a help and no more
            _file().parent.mkdir(parents=True, exist_ok=True)
            write_durably(_file(), json.dumps(document).encode())

    @staticmethod
    def _last_seen() -> dict[str, _Known]:
        from napari_annotate_jobs.model import JobSummary

        try:
            found = json.loads(read_if_there(_file()) or b"{}")
            return {
                str(server): _Known(
                    str(known["person"]),
                    tuple(JobSummary.model_validate(job) for job in known["jobs"]),
                )
                for server, known in found.items()
            }
        except (StoreError, ValueError, LookupError, TypeError, AttributeError):
            return {}

    def close(self) -> None:
        """Stop asking."""
        for thread in self._threads.values():
            thread.close()


def _file() -> Path:
    return user_state_path(PLUGIN, appauthor=False) / "servers-seen.json"


def _check(address: str, name: str, secret: str) -> tuple[str, str, str]:
    """Return address, person and token, which the server has taken."""
    from napari_annotate_jobs.stores.http import HttpStore, log_in

    server = full_address(address)
    token = log_in(server, name, secret, label="napari") if name else secret
    try:
        with HttpStore(server, token=token, patient=False, at_hand=False) as store:
            return server, store.person, token
    except LogInError as error:
        raise LogInError(
            "this token is not good here, or no longer",
            where=server,
            remedy="Ask the owner of the server for another one",
        ) from error
    except UnicodeError as error:
        raise AnnotateJobsError("a token has plain letters and digits only") from error


def _keep(server: str, person: str, token: str) -> bool:
    """Keep a log-in for the next time; return whether a keyring has it."""
    from napari_annotate_jobs.stores.http import keep_token

    from ._places import remember_location

    safe = keep_token(server, person, token)
    remember_location(server)
    return safe

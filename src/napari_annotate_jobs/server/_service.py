"""What all requests share: database, masks, settings, numbers."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import URL

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.files import accessing

from ._accounts import add_account, list_accounts, make_token
from ._blobs import open_blobs
from ._database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ._blobs import BlobShelf

__all__ = ["LogInLimit", "ServerSettings", "Service", "open_service"]


@dataclass(frozen=True)
class ServerSettings:
    """How a server is set up.

    Parameters
    ----------
    home : Path
        Its folder: the database and the masks, unless they are elsewhere, and what
        is noted of images.
    database : str, optional
        URL of a database.
    blobs : str, optional
        URL of a store of objects for the masks.
    images : tuple of Path
        Folders that images may lie in, apart from those of the jobs.
    most_body : int
        Bytes of a request at most.
    """

    home: Path
    database: str | None = None
    blobs: str | None = None
    images: tuple[Path, ...] = ()
    most_body: int = 32 << 20


class LogInLimit:
    """Slows down who guesses passwords, by the address they come from.

    Parameters
    ----------
    most : int
        Failures that are let through within `seconds`.
    seconds : float
        How long failures count.
    """

    def __init__(self, most: int = 20, seconds: float = 300) -> None:
        self._most, self._seconds = most, seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._guard = threading.Lock()

    def check(self, address: str) -> None:
        """Raise StoreAccessError if too many log-ins from there failed lately."""
        now = time.monotonic()
        with self._guard:
            recent = [t for t in self._failures.get(address, ()) if t > now]
            if len(recent) >= self._most:
                wait = int(recent[0] - now) + 1
                error = StoreAccessError(
                    "too many failed log-ins", remedy=f"Try again in {wait} seconds"
                )
                error.retry_after = wait
                raise error

    def note(self, address: str) -> None:
        """Count a failure."""
        now = time.monotonic()
        with self._guard:
            recent = [t for t in self._failures.pop(address, ()) if t > now]
            self._failures[address] = [*recent, now + self._seconds]
            while len(self._failures) > 10_000:
                self._failures.popitem(last=False)


@dataclass
class Service:
    """A server's parts.

    Parameters
    ----------
    settings : ServerSettings
        How it is set up.
    database : Database
        Its database.
    shelf : BlobShelf
        Where masks are.
    """

    settings: ServerSettings
    database: Database
    shelf: BlobShelf
    limit: LogInLimit = field(default_factory=LogInLimit)
    stopping: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        """Release what it holds."""
        self.stopping.set()
        self.database.close()

    def owner_token(self, name: str = "owner") -> str | None:
        """Make the first account, and return its token; None if there is one."""
        with self.database.writing() as connection:
            if list_accounts(connection):
                return None
            account = add_account(connection, name, admin=True)
            return make_token(
                connection, account, scope="admin", days=None, label="made at the start"
            )


@contextmanager
def open_service(
    settings: ServerSettings, *, upgrade: bool = False
) -> Iterator[Service]:
    """Open database and masks; a new folder, or an empty database, is set up.

    Raises
    ------
    DocumentVersionError
        If the database has another version.
    StoreAccessError
        If something cannot be reached.
    """
    home = settings.home
    with accessing(home, "made"):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = URL.create("sqlite", database=str(home.absolute() / "jobs.sqlite"))
    database = Database(settings.database or own)
    service = None
    try:
        database.prepare(upgrade=upgrade)
        service = Service(
            settings, database, open_blobs(settings.blobs or home / "blobs")
        )
        yield service
    finally:
        if service is not None:
            service.close()
        else:
            database.close()

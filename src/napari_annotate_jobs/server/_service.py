"""What all requests share: database, masks, settings, numbers."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import URL

from napari_annotate_jobs.files import accessing

from ._accounts import add_account, list_accounts, make_token
from ._blobs import open_blobs
from ._database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ._blobs import BlobShelf

__all__ = ["ServerSettings", "Service", "open_service"]


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

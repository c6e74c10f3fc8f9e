"""What all requests share: database, masks, settings, numbers."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import URL

from napari_annotate_jobs.files import accessing

from ._accounts import add_account, list_accounts, make_token
from ._blobs import open_blobs
from ._database import Database
from ._oidc import OidcProvider
from ._together import Together

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ._blobs import BlobShelf
    from ._oidc import OidcSettings

__all__ = ["MaskFit", "ServerSettings", "Service", "open_service"]


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
    oidc : OidcSettings, optional
        Who says who people are, beside passwords and tokens.
    """

    home: Path
    database: str | None = None
    blobs: str | None = None
    images: tuple[Path, ...] = ()
    most_body: int = 32 << 20
    oidc: OidcSettings | None = None


@dataclass(frozen=True)
class MaskFit:
    """What masks of a case are looked at for, as it was a moment ago.

    Parameters
    ----------
    case : str
        Its id.
    size : (int, int), optional
        Rows and columns of its slices.
    labels : frozenset of int
        The ids of the declared labels.
    """

    case: str
    size: tuple[int, int] | None
    labels: frozenset[int]


class SeenTokens:
    """Tokens that were good a moment ago, by their digests, and what for.

    Of who sent one the body of a request may be read, and the masks of a case be
    looked at that they could bring masks to; whether it is still good, and may still
    be done, is looked up all the same, with what is done.

    Parameters
    ----------
    seconds : float
        How long they count.
    most : int
        How many are remembered.
    """

    def __init__(self, seconds: float = 60, most: int = 10_000) -> None:
        self._seconds, self._most = seconds, most
        self._until: dict[bytes, float] = {}
        self._fits: dict[tuple[bytes, str, str], tuple[float, MaskFit]] = {}
        self._guard = threading.Lock()

    def note(self, token: str) -> None:
        """Remember one that was good."""
        with self._guard:
            if len(self._until) >= self._most:
                self._until.clear()
            self._until[_digest(token)] = time.monotonic() + self._seconds

    def knows(self, token: str) -> bool:
        """Return whether one was good a moment ago."""
        with self._guard:
            return self._until.get(_digest(token), 0.0) > time.monotonic()

    def note_case(self, token: str, job: str, fit: MaskFit) -> None:
        """Remember a case that masks may be brought to with a token."""
        with self._guard:
            if len(self._fits) >= self._most:
                self._fits.clear()
            until = time.monotonic() + self._seconds
            self._fits[_digest(token), job, fit.case] = until, fit

    def case(self, token: str, job: str, case: str) -> MaskFit | None:
        """Return what was known of such a case a moment ago."""
        with self._guard:
            until, fit = self._fits.get((_digest(token), job, case), (0.0, None))
            return fit if until > time.monotonic() else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


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
    provider : OidcProvider, optional
        Who says who people are, beside passwords and tokens.
    """

    settings: ServerSettings
    database: Database
    shelf: BlobShelf
    seen: SeenTokens = field(default_factory=SeenTokens)
    provider: OidcProvider | None = None
    together: Together = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    # Set when an export was asked for here.
    asked: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.together = Together(self.database)

    def close(self) -> None:
        """Release what it holds."""
        self.stop()
        if self.provider is not None:
            self.provider.close()
        self.together.close()
        self.database.close()

    def stop(self) -> None:
        """Have what goes on in the background end."""
        self.stopping.set()
        self.asked.set()

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
        shelf = open_blobs(settings.blobs or home / "blobs")
        provider = None if settings.oidc is None else OidcProvider(settings.oidc)
        service = Service(settings, database, shelf, provider=provider)
        yield service
    finally:
        if service is not None:
            service.close()
        else:
            database.close()

"""The database: connections, transactions, and its version."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
)

from napari_annotate_jobs.errors import (
    DocumentVersionError,
    InvalidValueError,
    MissingExtraError,
    StoreAccessError,
)

from ._schema import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from sqlalchemy import URL, Connection, Engine

    T = TypeVar("T")

__all__ = ["ATTEMPTS", "CollisionError", "Database", "retried"]

ATTEMPTS = 8
"""So often what collided is done again before somebody is told."""

_UNDONE = {"40001", "40P01"}
"""What PostgreSQL says to one of two that wait for each other."""
_UPGRADE = "Back it up, then bring it up to date with: napari-annotate-jobs serve "
_UPGRADE += "... --upgrade"


class CollisionError(StoreAccessError):
    """Two did the same at once, and of one nothing was done: it looks again."""


class Database:
    """A database of jobs.

    Parameters
    ----------
    url : str or URL
        As SQLAlchemy takes it: ``sqlite:///FILE`` or ``postgresql+psycopg://...``.

    Raises
    ------
    InvalidValueError
        If it is no such URL.
    """

    def __init__(self, url: str | URL) -> None:
        try:
            parsed = make_url(url)
            self.engine = _engine(url)
        except (ArgumentError, NoSuchModuleError) as error:
            raise InvalidValueError(
                "the URL of the database cannot be used",
                where=str(url).split("@")[-1],
                remedy="Use sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME",
            ) from error
        except ImportError as error:
            raise MissingExtraError(
                str(error.name or "a driver"), extra="server", purpose="the database"
            ) from error
        self.name = parsed.render_as_string(hide_password=True)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        # SQLite has one writer: whoever waits here is next at once, where SQLite
        # itself would look again and again whether it is free.
        self._turn: Any = threading.Lock() if self.is_sqlite else nullcontext()
        self._writer = self.engine.execution_options(naj_write=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment."""
        with _told(self.name), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are all there afterwards, or none."""
        with _told(self.name), self._turn, self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()

    # ----------------------------------------------------------------- version
    def prepare(self, *, upgrade: bool = False) -> None:
        """See that the database has the tables of this version.

        An empty one is set up at once.

        Parameters
        ----------
        upgrade : bool
            Bring an older one up to date.

        Raises
        ------
        DocumentVersionError
            If it is older and not to be upgraded, or newer than this program.
        StoreAccessError
            If it cannot be reached.
        """
        script = _script()
        newest = script.get_current_head()
        with self.writing() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            if found == newest:
                return
            known = {revision.revision for revision in script.walk_revisions()}
            if found is None:
                tables = set(inspect(connection).get_table_names())
                if tables & set(METADATA.tables):
                    raise DocumentVersionError(
                        "the database has tables of these names, and no version",
                        where=self.name,
                        remedy="Name an empty database",
                    )
            elif found not in known:
                raise DocumentVersionError(
                    f"the database has version {found}, this program knows {newest}",
                    where=self.name,
                    remedy="Update napari-annotate-jobs: a newer version wrote it",
                )
            elif not upgrade:
                raise DocumentVersionError(
                    f"the database has version {found}, this program needs {newest}",
                    where=self.name,
                    remedy=_UPGRADE,
                )
            _migrate(connection, script)

    def version(self) -> str | None:
        """Return the version that the database has; None if it is empty."""
        with self.reading() as connection:
            return MigrationContext.configure(connection).get_current_revision()


def retried(action: Callable[[], T]) -> T:
    """Do something in a transaction of its own; again, if it collided with another."""
    for _ in range(ATTEMPTS - 1):
        with suppress(CollisionError):
            return action()
    return action()


def _script() -> ScriptDirectory:
    config = Config()
    here = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(here).replace("%", "%%"))
    config.set_main_option("version_locations", str(here).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return ScriptDirectory.from_config(config)


def _migrate(connection: Connection, script: ScriptDirectory) -> None:
    def upgrade(revision: Any, context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), script, fn=upgrade) as environment:
        environment.configure(
            connection=connection, target_metadata=METADATA, render_as_batch=True
        )
        environment.run_migrations()


def _engine(url: str | URL) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_size=10,
            max_overflow=20,
            pool_pre_ping=True,
            pool_timeout=30,
            hide_parameters=True,
        )
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": 30},
        # One for each thread that answers requests, and some for work beside them:
        # those beyond the size would be opened and closed again with each request.
        pool_size=40,
        max_overflow=10,
        # What is asked for may be a secret, and errors go to the log.
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        # Transactions are begun below, not by the driver as it sees fit.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("naj_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (DataError, OverflowError) as error:
        raise InvalidValueError(
            "a number or a text cannot be kept: it is too large",
            remedy="Send what the description of the interface says",
        ) from error
    except (IntegrityError, OperationalError) as error:
        undone = getattr(error.orig, "sqlstate", None) in _UNDONE
        if undone or isinstance(error, IntegrityError):
            raise CollisionError(
                "others did the same at this moment",
                where=name,
                remedy="Try again in a moment",
            ) from error
        raise StoreAccessError(
            f"the database does not answer ({_short(error)})",
            where=name,
            remedy="Try again in a moment; the owner of the server sees to it",
        ) from error


def _short(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0][:200] if error.orig else "no reason"

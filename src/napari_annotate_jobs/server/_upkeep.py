"""What is to be done in the background: a table says what, and who has taken it."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import now

from ._asking import forget_answers
from ._collecting import collect_blobs
from ._drafts import insert_or_ignore
from ._exports import forget_exports
from ._passwords import forget_failures
from ._schema import chores
from ._tasks import lapse_claims

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from ._service import Service

__all__ = ["Upkeep", "do_chores"]

_LOG = logging.getLogger("napari_annotate_jobs.server")
_PERIOD = timedelta(minutes=1)
_TAKEN = timedelta(minutes=5)
"""Who has taken one and does not come back within this time, has lost it."""

_KINDS: dict[str, Callable[[Connection, Service], object]] = {
    "lapse claims": lambda connection, service: lapse_claims(connection),
    "forget failed log-ins": lambda connection, service: forget_failures(connection),
    "forget answers": lambda connection, service: forget_answers(connection),
    "forget exports": forget_exports,
    "collect masks": collect_blobs,
}


def do_chores(service: Service) -> list[str]:
    """Do what is due and nobody else is doing; return what was done."""
    done = []
    for kind, action in _KINDS.items():
        with service.database.writing() as connection:
            time = now()
            connection.execute(
                insert_or_ignore(connection, chores).values(kind=kind, due=time)
            )
            due = select(chores.c.id).where(
                chores.c.kind == kind,
                chores.c.due <= time,
                or_(chores.c.taken_until.is_(None), chores.c.taken_until <= time),
            )
            found = connection.scalar(due.with_for_update(skip_locked=True))
            if found is None:
                continue
            here = chores.c.id == found
            connection.execute(
                update(chores).where(here).values(taken_until=time + _TAKEN)
            )
        with service.database.writing() as connection:
            action(connection, service)
            connection.execute(
                update(chores).where(here).values(due=now() + _PERIOD, taken_until=None)
            )
        done.append(kind)
    return done


class Upkeep(threading.Thread):
    """Does the chores of a server until it stops.

    Parameters
    ----------
    service : Service
        The server's parts.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(name="chores", daemon=True)
        self._service = service

    def run(self) -> None:
        """Look for chores now and then."""
        while True:
            try:
                do_chores(self._service)
            except AnnotateJobsError as error:
                _LOG.warning("a chore has to wait: %s", error)
            except Exception:
                _LOG.exception("a chore failed")
            if self._service.stopping.wait(_PERIOD.total_seconds() / 4):
                return

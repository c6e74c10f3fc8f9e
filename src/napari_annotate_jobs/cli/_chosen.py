"""What verbs are told to act on: a job, cases of it, and whether they may."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from napari_annotate_jobs.stores import JobStore

__all__ = ["agreed", "case_named", "opened_job", "who_annotates"]


@contextmanager
def opened_job(options: argparse.Namespace) -> Iterator[tuple[JobStore, str]]:
    """Open a store, and say which is its only job."""
    from napari_annotate_jobs.stores import open_store

    store = open_store(options.job, person=options.person)
    try:
        jobs = store.jobs()
        if len(jobs) != 1:
            raise NotFoundError(
                f"there are {len(jobs)} jobs",
                where=options.job,
                remedy="Name one job's folder",
            )
        yield store, jobs[0].job.id
    finally:
        store.close()


def who_annotates(options: argparse.Namespace, location: str) -> str | None:
    """Return for whom is counted: who was named, else who annotates in napari.

    On a server it is who logged in there, which its store knows.
    """
    from napari_annotate_jobs.app._places import annotating_person

    if options.person or location.startswith(("http:", "https:", "memory:")):
        return options.person or None
    return annotating_person()


def agreed(question: str) -> bool:
    """Ask, and return whether the answer is yes.

    Raises
    ------
    InvalidValueError
        If nobody is there to be asked.
    """
    if not sys.stdin.isatty():
        raise InvalidValueError(
            "nobody is there to be asked", remedy="Say --yes to do it unasked"
        )
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def case_named(store: JobStore, job_id: str, name: str) -> tuple[str, str]:
    """Return id and name of a case by either."""
    try:
        row = store.case(job_id, name)
    except NotFoundError:
        page = store.cases(job_id, text=name, limit=1000)
        found = [row for row in page.rows if row.case.name == name]
        if len(found) != 1:
            raise NotFoundError(
                f"there are {len(found)} cases {name!r}"
                if found
                else f"there is no case {name!r}",
                where=store.job(job_id).name,
                remedy="Name cases by their ids or names, as review --json lists them",
            ) from None
        row = found[0]
    return row.case.id, row.case.name

"""The demo on a job server of its own, which lives as long as the demo does."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ._jobs import DEMO_JOBS, make_demo_jobs

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from napari_annotate_jobs.server import Service

__all__ = ["DEMO_PEOPLE", "demo_server", "run_headless_server", "run_server_demo"]

DEMO_PEOPLE = {"ana": "annotator", "ben": "annotator", "eve": "reviewer"}
"""Who works on the demo's jobs; their passwords are their names, with ``-at-demo``."""


@contextmanager
def demo_server(folder: Path) -> Iterator[Service]:
    """Give a server's parts, with the demo's jobs and people.

    Parameters
    ----------
    folder : Path
        Becomes a folder of the jobs, and one of the server.
    """
    from napari_annotate_jobs.server import (
        NewProject,
        ServerSettings,
        add_account,
        open_service,
    )
    from napari_annotate_jobs.stores import FolderStore, only_job
    from napari_annotate_jobs.testing._serving import JobPeople

    make_demo_jobs(folder / "jobs")
    with open_service(ServerSettings(folder / "server")) as service:
        people = JobPeople(service)
        with service.database.writing() as connection:
            for name in DEMO_PEOPLE:
                add_account(connection, name, password=f"{name}-at-demo")
        of = {
            role: tuple(name for name, is_a in DEMO_PEOPLE.items() if is_a == role)
            for role in ("annotator", "reviewer")
        }
        for name in DEMO_JOBS:
            place = folder / "jobs" / name
            with FolderStore(place) as store:
                job = only_job(store)
                rows = store.cases(job.id, limit=100).rows
            job = job.model_copy(
                update={"annotators": of["annotator"], "reviewers": of["reviewer"]}
            )
            cases = tuple(row.case for row in rows)
            people.add_job(NewProject(job=job, cases=cases), base=str(place))
        yield service


def run_server_demo() -> int:
    """Start a server in a temporary folder, and napari logged in there.

    A process of its own does it, with settings of its own: nothing of it stays.

    Returns
    -------
    int
        0, the exit code.
    """
    from ._run import own_settings

    with tempfile.TemporaryDirectory(prefix="annotate-jobs-demo-") as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "napari_annotate_jobs.demo._server", folder]
        # The log-in is not left in the user's keyring.
        keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        environment = own_settings(home) | keyring
        return subprocess.run(command, env=environment, check=False).returncode


def run_headless_server(
    folder: str | os.PathLike[str],
    *,
    database: str | None = None,
    blobs: str | None = None,
    servers: int = 1,
) -> int:
    """Walk through a job on a server without a person, then verify what came out.

    An owner, two annotators and a reviewer are processes of their own, with settings of
    their own; the annotators each have a napari window, and in the middle of their
    work the network is cut.

    Parameters
    ----------
    folder : path-like
        The server's folder, jobs and pictures go there; it must be empty, or not be
        there.
    database, blobs : str, optional
        URLs, as ``serve`` takes them; SQLite and a folder by default.
    servers : int
        How many processes serve; more than one take turns.

    Returns
    -------
    int
        0 if everything went as it should and is as it was drawn, else 1.

    Raises
    ------
    AnnotateJobsError
        If the folder cannot be used, or there is neither a display nor Xvfb.
    """
    from ._run import unused_folder
    from ._server_walk import walk_server

    place = unused_folder(folder)
    with tempfile.TemporaryDirectory(prefix="annotate-jobs-demo-") as home:
        return walk_server(
            place, Path(home), database=database, blobs=blobs, servers=servers
        )


def _serve(folder: Path) -> None:
    from napari_annotate_jobs._manifest import open_napari
    from napari_annotate_jobs.server import create_app
    from napari_annotate_jobs.stores.http import HttpStore, keep_token, log_in
    from napari_annotate_jobs.testing._serving import listening

    with demo_server(folder) as service, listening(create_app(service)) as address:
        token = log_in(address, "ana", "ana-at-demo", label="demo")
        with HttpStore(address, token=token) as store:
            keep_token(address, store.person, token)
        print(f"The demo's server is at {address}; it goes when napari is closed.")
        for name, role in DEMO_PEOPLE.items():
            print(f"  {role} {name}, password {name}-at-demo")
        print("You are logged in as ana.", flush=True)
        open_napari(address)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))

"""The verbs that bring jobs and cases from one place to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, counted

from ._arguments import add_switch
from ._serve import add_sharing_arguments, sharing
from ._show import clear_progress, complain, progress, say

if TYPE_CHECKING:
    import argparse

    from napari_annotate_jobs.stores.http import Moved

__all__ = [
    "MOVE_EPILOG",
    "add_pull_arguments",
    "add_push_arguments",
    "add_take_along_arguments",
    "pull_job_to",
    "push_job_to",
    "take_cases_along",
]

MOVE_EPILOG = """\
Cases, drafts, submissions, verdicts and comments come along as they are, of everybody;
submissions keep their digests. What is there already is left; what is there otherwise
is never changed: then it says so. After an interruption, do the same again.

Images stay where they are.

  napari-annotate-jobs push lung https://jobs.example.org --images /data/lung
  napari-annotate-jobs pull https://jobs.example.org/jobs/ID lung-2
"""


def add_push_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what ``push`` takes."""
    verb.add_argument("job", metavar="JOB", help="a job folder; it is only read")
    verb.add_argument("server", metavar="SERVER", help="as https://jobs.example.org")
    verb.add_argument(
        "--images",
        metavar="FOLDER",
        help="the job's folder as the server sees it; the same path by default",
    )
    add_sharing_arguments(verb)


def add_pull_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what ``pull`` takes."""
    verb.add_argument(
        "job", metavar="JOB", help="the address of a job, as the list of jobs shows it"
    )
    verb.add_argument("folder", metavar="DIR", help="a new folder, or that of the job")
    verb.add_argument(
        "--images",
        metavar="FOLDER",
        help="that images lie in, where the cases do not say it; DIR by default",
    )


def add_take_along_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what ``take-along`` takes."""
    verb.add_argument(
        "job", metavar="JOB", help="the address of a job, as the list of jobs shows it"
    )
    verb.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help="ids of cases; all that are left to do by default",
    )
    add_switch(
        verb,
        "--put-back",
        "do not hold them here any longer; what is not saved yet stays",
    )


def take_cases_along(options: argparse.Namespace) -> int:
    """Bring cases of a server to this computer; return the exit code."""
    from napari_annotate_jobs.model import Status
    from napari_annotate_jobs.stores import open_store
    from napari_annotate_jobs.stores._registry import only_job
    from napari_annotate_jobs.stores.http import HttpStore

    with open_store(options.job) as store:
        if not isinstance(store, HttpStore):
            raise InvalidValueError(
                "its cases are on this computer already",
                where=options.job,
                remedy="Use the address of a job on a server",
            )
        job = only_job(store)
        cases = list(options.cases) or [row.case.id for row in store.every_case(job.id)]
        tell, done = progress("taking along"), 0
        for case in cases:
            row = store.case(job.id, case)
            if not options.cases and row.status is Status.FINISHED:
                continue
            done += 1
            if options.put_back:
                store.put_back(job.id, case)
                continue
            for here, whole in store.take_along(job.id, case):
                if tell is not None:
                    tell(row.case.name, here, whole)
    clear_progress()
    what = "put back" if options.put_back else "on this computer"
    verb = "is" if done == 1 else "are"
    say(f"{counted(done, 'case')} of {job.name} {verb} {what}.")
    return 0


def push_job_to(options: argparse.Namespace) -> int:
    """Bring a folder's job to a server; return the exit code."""
    from napari_annotate_jobs.stores import FolderStore, open_store
    from napari_annotate_jobs.stores.http import HttpStore, push_job

    with FolderStore(Path(options.job)) as source, open_store(options.server) as target:
        if not isinstance(target, HttpStore):
            raise InvalidValueError(
                "it is no address of a job server",
                where=options.server,
                remedy="Use an address such as https://jobs.example.org",
            )
        moved = push_job(
            source,
            target,
            images=options.images,
            how=sharing(options),
            progress=progress("pushing"),
        )
    _tell(moved, options.server)
    if moved.images:
        complain(
            f"the server does not give out the images: {moved.images}\nHave its owner "
            "name their folder with serve --images FOLDER, or add the job there with "
            "server DIR add-job and push again"
        )
    return 0


def pull_job_to(options: argparse.Namespace) -> int:
    """Bring a job into a folder; return the exit code."""
    from napari_annotate_jobs.stores import FolderStore, open_store
    from napari_annotate_jobs.stores.http import HttpStore, pull_job

    with open_store(options.job) as source:
        if not isinstance(source, HttpStore | FolderStore):
            raise InvalidValueError(
                "jobs there cannot be pulled",
                where=options.job,
                remedy="Use the address of a job on a server",
            )
        images = options.images
        if images is not None:
            images = str(Path(images).expanduser().absolute())
        moved = pull_job(
            source, options.folder, images=images, progress=progress("pulling")
        )
    _tell(moved, options.folder)
    return 0


def _tell(moved: Moved, where: str) -> None:
    clear_progress()
    said = ", ".join(
        (
            counted(moved.cases, "case"),
            counted(moved.works, "annotation"),
            counted(moved.submissions, "submission"),
        )
    )
    say(f"{moved.name} ({moved.job}) is at {where}: {said}.")

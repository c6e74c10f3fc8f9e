"""The command line: ``napari-annotate-jobs``.

Nothing here loads Qt or napari, but for the verbs that open a window.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    InvalidValueError,
    StoreAccessError,
    StoreError,
    counted,
)

from ._arguments import add_switch
from ._edit import EDIT_EPILOG, add_edit_arguments, edit_job
from ._export import add_export_arguments, export_epilog, export_job
from ._flag import FLAG_EPILOG, add_flag_arguments, flag_cases
from ._import import (
    add_import_arguments,
    add_propose_arguments,
    import_epilog,
    import_job,
    propose_epilog,
    propose_job,
)
from ._move import (
    MOVE_EPILOG,
    add_pull_arguments,
    add_push_arguments,
    add_take_along_arguments,
    pull_job_to,
    push_job_to,
    take_cases_along,
)
from ._new import EPILOG, add_arguments, new_job
from ._review import (
    add_judge_arguments,
    add_reopen_arguments,
    add_review_arguments,
    judge_case,
    list_reviews,
    reopen_case,
    review_epilog,
)
from ._serve import (
    SERVE_EPILOG,
    add_login_arguments,
    add_serve_arguments,
    add_server_arguments,
    log_in_to,
    manage_server,
    serve_jobs,
)
from ._show import clear_progress, complain, progress, say
from ._statistics import add_statistics_arguments, count_job, statistics_epilog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_annotate_jobs.model import JobSummary
    from napari_annotate_jobs.stores import Fault, JobStore, PersonProgress

__all__ = ["build_parser", "main"]

_EPILOG = """\
examples:
  napari-annotate-jobs new lung --images ct-studies/ \\
      --method segmentation --labels liver tumour=orchid
  napari-annotate-jobs new chest --images xrays/*.dcm --method classification \\
      --labels pneumonia effusion quality/good quality/bad --exclusive quality
  napari-annotate-jobs open lung
  napari-annotate-jobs check lung

exit codes:
  0  all is well
  1  check found faults
  2  it could not be done: the message says why, and what to do
"""


_CHECK = """\
what is verified:
  every document, journal, submission and mask, and that every series of every
  case is there, can be opened and has its number of slices. Of images only the
  headers are read: that finds files that are missing, of another kind or, in
  most formats, cut off, but not damage in compressed pixels. --pixels finds
  that too, and takes as long as reading all images does.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser, with all verbs."""
    parser = argparse.ArgumentParser(
        prog="napari-annotate-jobs",
        description="Annotate medical images in napari, job by job.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = _add(verbs, "new", new_job, "make a job folder of images", epilog=EPILOG)
    add_arguments(verb)

    text = "change a job that exists: its dates, cases, labels; archive or delete it"
    verb = _add(verbs, "edit", edit_job, text, epilog=EDIT_EPILOG)
    add_edit_arguments(verb)

    verb = _add(verbs, "list", _list, "list jobs with what is left of them")
    verb.add_argument(
        "locations",
        nargs="*",
        metavar="LOCATION",
        help="job folders, or folders of them; those used last by default",
    )
    add_switch(verb, "--archived", "list those in the archive too")
    _add_common(verb)

    verb = _add(verbs, "show", _show, "show one job: counts, labels, instructions")
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    add_switch(verb, "--cases", "list its cases too")
    verb.add_argument(
        "--status",
        choices=("remaining", "finished", "returned"),
        help="list the cases with this status",
    )
    add_switch(verb, "--review", "tell what each person submitted and judged")
    add_switch(
        verb, "--seen", "list what was submitted, with how many slices were never shown"
    )
    _add_common(verb)
    _add_review_verbs(verbs)

    verb = _add(
        verbs,
        "check",
        _check,
        "verify every file of a job; exit code 1 if any is bad",
        epilog=_CHECK,
    )
    verb.add_argument("job", metavar="JOB", help="a job folder, or a folder of them")
    add_switch(verb, "--pixels", "read every slice of the images too")
    add_switch(
        verb,
        "--mend",
        "go on with the saves that are whole where a journal is damaged; what is "
        "not goes into a file beside it",
    )
    add_switch(verb, "--json", "print JSON")

    verb = _add(
        verbs,
        "export",
        export_job,
        "export what was annotated, in a format of the field",
        epilog=export_epilog(),
    )
    add_export_arguments(verb)

    verb = _add(
        verbs,
        "import",
        import_job,
        "bring annotations from files into a job",
        epilog=import_epilog(),
    )
    add_import_arguments(verb)
    verb = _add(
        verbs,
        "propose",
        propose_job,
        "enter what a model made as proposals, or run the model",
        epilog=propose_epilog(),
    )
    add_propose_arguments(verb)

    verb = _add(
        verbs,
        "statistics",
        count_job,
        "count what was annotated, by person and label",
        epilog=statistics_epilog(),
    )
    add_statistics_arguments(verb)

    verb = _add(
        verbs, "inspect", _inspect, "say what the reader makes of a file or folder"
    )
    verb.add_argument("path", metavar="PATH", help="a file or folder of images")
    add_switch(verb, "--json", "print JSON")

    verb = _add(verbs, "open", _open, "open napari at a job's page, or at My Jobs")
    verb.add_argument(
        "job",
        nargs="?",
        metavar="JOB",
        help="a job folder, or a folder of them, to add to My Jobs; a job that is "
        "alone there is opened",
    )

    verb = _add(verbs, "serve", serve_jobs, "run a job server", epilog=SERVE_EPILOG)
    add_serve_arguments(verb)
    verb = _add(
        verbs, "server", manage_server, "see to the people and jobs of a server"
    )
    add_server_arguments(verb)
    verb = _add(verbs, "login", log_in_to, "log in to a job server")
    add_login_arguments(verb)

    text = "bring a job folder to a server, with all that was done in it"
    verb = _add(verbs, "push", push_job_to, text, epilog=MOVE_EPILOG)
    add_push_arguments(verb)
    text = "bring a job of a server into a folder, with all that was done in it"
    verb = _add(verbs, "pull", pull_job_to, text, epilog=MOVE_EPILOG)
    add_pull_arguments(verb)
    text = "bring cases of a server to this computer, to work without a connection"
    verb = _add(verbs, "take-along", take_cases_along, text)
    add_take_along_arguments(verb)

    verb = _add(verbs, "demo", _demo, "make jobs of sample images and open them")
    where = verb.add_mutually_exclusive_group()
    where.add_argument(
        "folder",
        nargs="?",
        metavar="DIR",
        help="where to keep the demo's jobs, an empty or new folder; in your own data "
        "folder by default",
    )
    where.add_argument(
        "--headless",
        metavar="DIR",
        help="walk through them without a person; jobs and pictures go to DIR, which "
        "must be empty",
    )
    add_switch(
        verb,
        "--server",
        "with a job server of their own, which goes when napari is closed; with "
        "--headless, an owner, two annotators and a reviewer take a job from the start "
        "to its end, and the network is cut in between",
    )
    return parser


def _add_review_verbs(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    from napari_annotate_jobs.model import Verb

    epilog = review_epilog()
    text = "list submitted cases, and what became of them"
    verb = _add(verbs, "review", list_reviews, text, epilog=epilog)
    add_review_arguments(verb)
    for name, what, text in (
        ("pass", Verb.PASS, "say that submitted cases are fit for training"),
        ("fail", Verb.FAIL, "keep submitted cases out of every export, with a reason"),
        ("return", Verb.RETURN, "send submitted cases back, with what to change"),
        ("withdraw", Verb.WITHDRAW, "take verdicts back: the cases wait again"),
    ):
        verb = _add(verbs, name, judge_case, text, epilog=epilog)
        add_judge_arguments(verb, what)
    text = "take back cases of your own that have no verdict yet, to edit them again"
    verb = _add(verbs, "reopen", reopen_case, text)
    add_reopen_arguments(verb)
    text = "flag cases with a reason for others to look at, or take flags away"
    verb = _add(verbs, "flag", flag_cases, text, epilog=FLAG_EPILOG)
    add_flag_arguments(verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        The exit code: 0 if all is well, 1 if a check found faults, 2 if
        something could not be done.
    """
    for stream in (sys.stdout, sys.stderr):
        # Names of files need not be text, and a console need not know all letters.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = build_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        code = run(options)
        sys.stdout.flush()
    except AnnotateJobsError as error:
        complain(str(error))
        return 2
    except BrokenPipeError:
        # As with "| head": who reads has seen enough. Python would complain when
        # it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        complain("stopped")
        return 130
    return code


# ------------------------------------------------------------------------- verbs
def _list(options: argparse.Namespace) -> int:
    from napari_annotate_jobs.app._places import recent_locations

    from ._chosen import who_annotates
    from ._show import dump, fault_text, job_data, jobs_text

    locations = options.locations or recent_locations()
    found: list[tuple[JobSummary, str]] = []
    code = 0
    for location in locations:
        try:
            with _opened(location, who_annotates(options, location)) as store:
                found += [(summary, store.person) for summary in store.jobs()]
                for fault in store.faults:
                    complain(fault_text(fault))
                    code = 2
        except StoreError as error:
            complain(str(error))
            # A job used earlier may be gone; one that was named should be there.
            code = 2 if options.locations else code
    if not options.archived:
        found = [(summary, who) for summary, who in found if not summary.job.archived]
    if options.json:
        say(dump([job_data(summary, who) for summary, who in found]))
    elif found:
        say(jobs_text(found))
    elif not code:
        say("There are no jobs yet. Make one with: napari-annotate-jobs new --help")
    return code


def _show(options: argparse.Namespace) -> int:
    from napari_annotate_jobs.model import ReviewCounts, Status

    from ._chosen import who_annotates
    from ._review import people_data, people_text, seen_data, seen_text
    from ._show import case_data, cases_text, dump, job_data, job_text

    status = Status(options.status) if options.status else None
    with _opened(options.job, who_annotates(options, options.job)) as store:
        shown = []
        for summary in store.jobs():
            rows = []
            if options.cases or status:
                rows = list(store.every_case(summary.job.id, status))
            people: Sequence[PersonProgress] = ()
            totals = ReviewCounts()
            if options.review:
                people = store.review_progress(summary.job.id)
                totals = store.review_counts(summary.job.id)
            seen = seen_data(store, summary.job.id) if options.seen else []
            if options.json:
                data = job_data(summary, store.person)
                if options.seen:
                    data["seen"] = seen
                if options.review:
                    data["reviews"] = totals.model_dump()
                    data["people"] = people_data(people)
                if options.cases or status:
                    data["cases"] = [case_data(row) for row in rows]
                shown.append(data)
                continue
            say(job_text(summary, store.person))
            if rows:
                say("\n" + cases_text(rows))
            if options.review:
                say("\n" + people_text(people, totals))
            if options.seen:
                say("\n" + seen_text(seen))
            say("")
        if not shown and not store.jobs():
            raise _no_job(options.job)
    if options.json:
        say(dump(shown[0] if len(shown) == 1 else shown))
    return 0


def _check(options: argparse.Namespace) -> int:
    from napari_annotate_jobs.stores import FolderStore

    from ._show import dump, fault_text

    def found(fault: Fault) -> None:
        if not options.json:
            clear_progress()
            say(fault_text(fault))

    with _opened(options.job, None) as store:
        if options.mend and isinstance(store, FolderStore):
            for path in store.mend():
                complain(f"mended; the damaged journal is kept as {path}")
        tell = progress("checking")
        if store.checker is None:
            raise StoreAccessError(
                "what is kept there is verified by who keeps it",
                where=options.job,
                remedy="Ask the owner of the server",
            )
        faults = store.checker.check(pixels=options.pixels, progress=tell, found=found)
        if not faults and not store.jobs():
            raise _no_job(options.job)
    if options.json:
        say(dump([fault.model_dump() for fault in faults]))
    else:
        say(f"{counted(len(faults), 'fault')}." if faults else "All is well.")
    return 1 if faults else 0


def _inspect(options: argparse.Namespace) -> int:
    from napari_annotate_jobs.imaging import inspect

    from ._show import dump, inspection_text

    tell = progress()
    name = Path(options.path).name
    found = inspect(
        options.path, progress=tell and (lambda done, total: tell(name, done, total))
    )
    say(dump(found) if options.json else inspection_text(found))
    return 0


def _open(options: argparse.Namespace) -> int:
    from napari_annotate_jobs._manifest import open_napari

    from ._window import require_window

    require_window()
    if options.job:
        with _opened(options.job, None):
            pass  # what cannot be opened is told here, before a window comes up
    open_napari(options.job)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from napari_annotate_jobs.demo import (
        run_demo,
        run_headless,
        run_headless_server,
        run_server_demo,
    )

    from ._window import require_qt, require_window

    if options.server:
        from ._serve import require_server

        if options.folder:
            raise InvalidValueError(
                "the demo with a server keeps nothing",
                where=options.folder,
                remedy="Leave the folder out, or name one with --headless",
            )
        if not options.headless:
            require_window()
            require_server()
            return run_server_demo()
        require_qt()
        require_server()
        return run_headless_server(options.headless)
    if options.headless:
        require_qt()
        return run_headless(options.headless)
    require_window()
    return run_demo(options.folder)


# ----------------------------------------------------------------------- helpers
def _add(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    epilog: str | None = None,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.set_defaults(run=run)
    return verb


def _add_common(verb: argparse.ArgumentParser) -> None:
    add_switch(verb, "--json", "print JSON")
    verb.add_argument(
        "--person",
        help="whose progress; by default the name you annotate with in napari",
    )


class _Version(argparse.Action):
    """Prints the version; looked up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from napari_annotate_jobs import __version__

        print(f"{parser.prog} {__version__}")
        parser.exit()


@contextmanager
def _opened(location: str, person: str | None) -> Iterator[JobStore]:
    """Open a store for the length of a block."""
    from napari_annotate_jobs.stores import open_store

    store = open_store(location, person=person)
    try:
        yield store
    finally:
        store.close()


def _no_job(location: str) -> StoreError:
    return StoreError(
        "there is no job here",
        where=location,
        remedy="Make one with: napari-annotate-jobs new",
    )

"""The verb that flags cases for others to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._arguments import add_switch
from ._chosen import case_named, opened_job
from ._show import dump, say

if TYPE_CHECKING:
    import argparse

__all__ = ["FLAG_EPILOG", "add_flag_arguments", "flag_cases"]

FLAG_EPILOG = """\
examples:
  napari-annotate-jobs flag lung "Case 7" --reason "left and right?"
  napari-annotate-jobs flag lung "Case 7" --clear
  napari-annotate-jobs flag lung "Case 7" --clear --of ana
  napari-annotate-jobs show lung --cases
"""


def add_flag_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `flag_cases` asks for."""
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    verb.add_argument("cases", nargs="+", metavar="CASE", help="ids or names")
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--reason",
        metavar="TEXT",
        help="why, in a few words; another reason takes the place of the former one",
    )
    add_switch(which, "--clear", "take the flag away")
    verb.add_argument(
        "--of", metavar="NAME", help="whose flag is taken away; for who reviews"
    )
    add_switch(verb, "--json", "print JSON")
    verb.add_argument(
        "--person", help="who does it; the name of the system's user by default"
    )


def flag_cases(options: argparse.Namespace) -> int:
    """Flag cases with a reason, or take flags away."""
    from napari_annotate_jobs.model import flags_text

    with opened_job(options) as (store, job_id):
        chosen = [case_named(store, job_id, name) for name in options.cases]
        told = []
        for case_id, name in chosen:
            reason = None if options.clear else options.reason
            flags = store.flag(job_id, case_id, reason, person=options.of)
            told.append(
                {
                    "case": case_id,
                    "name": name,
                    "flags": [flag.model_dump(mode="json") for flag in flags],
                }
            )
            if not options.json:
                is_now = f"flagged: {flags_text(flags)}" if flags else "not flagged"
                say(f"{name}: {is_now}.")
    if options.json:
        say(dump(told))
    return 0

"""The verb that counts what was annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import counted

from ._arguments import add_names, add_switch
from ._show import (
    clear_progress,
    dump,
    progress,
    say,
    table,
)

if TYPE_CHECKING:
    import argparse

    from napari_annotate_jobs.metrics import LabelStatistics, Statistics

__all__ = ["add_statistics_arguments", "count_job", "statistics_epilog"]


def statistics_epilog() -> str:
    """Return what stands below the help."""
    return """\
what is counted:
  confirmed content; excluded slices and proposals count nowhere. share is the part
  of the decided slices that carry a label (of labels of a case: of the annotated
  cases). Boxes of one object followed over slices are one object. A case that two
  people annotated counts twice in the sums of all.

examples:
  napari-annotate-jobs statistics lung
  napari-annotate-jobs statistics lung --only finished --objects --csv lung-numbers
"""


def add_statistics_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `count_job` asks for."""
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    add_names(verb, "--cases", "CASE", "ids or names; all cases by default")
    add_names(verb, "--person", "NAME", "whose annotations; everybody's by default")
    verb.add_argument(
        "--only",
        choices=("finished", "all"),
        default="all",
        help="submitted cases, or drafts too; all by default",
    )
    add_switch(
        verb, "--objects", "count the connected parts of masks too: reads every mask"
    )
    verb.add_argument(
        "--csv", metavar="DIR", help="write labels.csv and people.csv there"
    )
    add_switch(verb, "--json", "print JSON")


def count_job(options: argparse.Namespace) -> int:
    """Print the numbers of a job."""
    from napari_annotate_jobs.metrics import statistics_tables, write_statistics
    from napari_annotate_jobs.session import job_statistics
    from napari_annotate_jobs.stores import only_job, open_store

    with open_store(options.job) as store:
        tell = progress("counting")
        try:
            found = job_statistics(
                store,
                only_job(store).id,
                people=options.person,
                cases=options.cases,
                only=options.only,
                objects=options.objects,
                progress=tell and (lambda done, total, name: tell(name, done, total)),
            )
        finally:
            clear_progress()
    written = [] if options.csv is None else write_statistics(found, options.csv)
    if options.json:
        numbers = {"job": found.job, "cases": found.cases, "annotated": found.annotated}
        print(dump({**numbers, **statistics_tables(found)}))
        return 0
    say(_text(found))
    for path in written:
        say(str(path))
    return 0


def _text(found: Statistics) -> str:
    from napari_annotate_jobs.model import Decision, Status

    tables = [
        f"{found.job}: {found.annotated} of {counted(found.cases, 'case')} annotated"
    ]
    statuses = (Status.FINISHED, Status.RETURNED, Status.REMAINING)
    decisions = (
        Decision.LABELLED,
        Decision.NOTHING_TO_LABEL,
        Decision.EXCLUDED,
        Decision.UNDECIDED,
    )
    every = [found.everybody, *found.people]
    if len(found.people) == 1:
        del every[0]  # the same numbers twice
    tables.append(
        table(
            (
                "PERSON",
                "FINISHED",
                "RETURNED",
                "DRAFTS",
                "SLICES",
                "LABELLED",
                "NOTHING",
                "EXCLUDED",
                "UNDECIDED",
            ),
            (
                (
                    each.person or "all",
                    *(each.statuses[status] for status in statuses),
                    each.slices,
                    *(each.decisions[decision] for decision in decisions),
                )
                for each in every
            ),
        )
    )
    for each in every:
        rows = [_row(count) for count in each.labels]
        head = ("LABEL", "CASES", "SLICES", "SHARE", "OBJECTS", "ML", "HOW MADE")
        title = each.person or "all"
        tables.append(f"{title}\n{table(head, rows)}" if rows else title)
    unmeasured = sum(count.unmeasured for count in found.everybody.labels)
    if unmeasured:
        tables.append(
            "The size of voxels is not known everywhere: ML leaves out masks of "
            f"{counted(unmeasured, 'annotated case')}."
        )
    return "\n\n".join(tables)


def _row(count: LabelStatistics) -> tuple[object, ...]:
    made = ", ".join(f"{number} {how}" for how, number in count.provenance.items())
    return (
        count.label.name,
        count.cases,
        count.slices,
        "" if count.share is None else f"{count.share:.1%}",
        "" if count.objects is None else count.objects,
        "" if count.volume is None else f"{count.volume:.4g}",
        made,
    )

"""The verb that makes a job."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    NoImageError,
    StoreAccessError,
    counted,
)

from ._arguments import add_names, add_switch
from ._show import complain, grouped_text, progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.owning import FoundCases


__all__ = ["EPILOG", "add_arguments", "date_of", "new_job", "tell_found", "text_of"]

EPILOG = """\
what becomes a case:
  each file given to --images (files of one DICOM series are one case), and for
  each folder given: each direct sub-folder that holds images (a study with all
  its series; the acquisition with the most slices is annotated), and each series
  that lies in the folder itself. --case-per folder makes one case of each folder
  given, --case-per series a case of every series.

labels:
  [METHOD:][GROUP/]NAME[=COLOUR]; the method may be left out if there is one.
  TABLE:NAME,NAME,... takes names, colours and codes (SNOMED CT) from a table that is
  ready-made: totalsegmentator:liver,spleen or totalsegmentator:kidney_*; they are for
  segmentation, unless a method stands before it (detection:totalsegmentator:liver).
  A colour is a name of CSS (red, darkorange), #RGB or #RRGGBB.
  A labels file is YAML (a list labels: of names, or of fields as name, method,
  id, color, key, scope, group, overlap_group, concept; and a list groups: with
  name and exclusive) or CSV with such columns and, if wanted, one called
  exclusive.

examples:
  napari-annotate-jobs new lung --images ct-studies/ \\
      --method segmentation --labels lung tumour --every-slice
  napari-annotate-jobs new abdomen --images ct-studies/ \\
      --labels totalsegmentator:liver,spleen,kidney_*
  napari-annotate-jobs new mixed --images ct-studies/ \\
      --method classification detection \\
      --labels classification:lesion detection:nodule --case-labels contrast
  napari-annotate-jobs new brain --images brain/ --case-per folder \\
      --labels-file labels.yaml --instructions-file how-to.md --due 2030-01-31
"""


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `new_job` asks for."""
    verb.add_argument("job", metavar="JOB_DIR", help="the folder to make")
    group = verb.add_argument_group("cases")
    group.add_argument(
        "--images", nargs="+", required=True, metavar="PATH", help="files and folders"
    )
    group.add_argument(
        "--case-per",
        choices=("auto", "folder", "series"),
        default="auto",
        help="what becomes a case (see below)",
    )
    names = group.add_mutually_exclusive_group()
    names.add_argument(
        "--case-names",
        metavar="FILE",
        help="text, one name a line, in the order in which the cases are found; by "
        "default a case has the name of its folder or file",
    )
    add_switch(names, "--anonymous", "name them Case 1, Case 2 ...")
    add_switch(
        group,
        "--descriptions",
        "keep the Series Descriptions in the job: free text, which may name a patient",
    )
    add_switch(group, "--copy", "copy the images into the job folder")
    add_switch(
        group, "--relative", "write relative paths even to images that lie elsewhere"
    )
    group = verb.add_argument_group("what is to be done")
    group.add_argument(
        "--method",
        nargs="+",
        action="extend",
        default=[],
        choices=("classification", "detection", "segmentation"),
        help="one or more; those that the labels name by default",
    )
    group.add_argument(
        "--labels", nargs="+", action="extend", default=[], metavar="LABEL"
    )
    group.add_argument("--labels-file", metavar="FILE", help="YAML or CSV")
    group.add_argument(
        "--case-labels",
        nargs="+",
        action="extend",
        default=[],
        metavar="LABEL",
        help="class labels for the whole case",
    )
    group.add_argument(
        "--exclusive",
        nargs="?",
        action="append",
        const="",
        default=[],
        metavar="GROUP",
        help="only one label of GROUP can be chosen; without GROUP: of those in none",
    )
    add_switch(group, "--every-slice", "refuse to submit a case with undecided slices")
    group.add_argument("--instructions", metavar="TEXT", help="Markdown")
    group.add_argument("--instructions-file", metavar="FILE", help="Markdown")
    group = verb.add_argument_group("the job")
    group.add_argument("--name", help="as shown; the folder's name by default")
    group.add_argument("--kind", choices=("annotation", "review"), default="annotation")
    group.add_argument("--due", type=date_of, metavar="YYYY-MM-DD", help="the last day")
    group.add_argument(
        "--published", type=date_of, metavar="YYYY-MM-DD", help="today by default"
    )
    group.add_argument(
        "--assignee", metavar="PERSON", help="anyone who opens it by default"
    )
    group = verb.add_argument_group("who does what")
    for name, may in (
        ("annotators", "may annotate"),
        ("reviewers", "may pass, fail and return what others submitted"),
    ):
        add_names(group, f"--{name}", "PERSON", f"who {may}; anyone by default")
    add_names(
        group,
        "--owners",
        "PERSON",
        "who may always review, and take back a verdict of somebody else",
    )
    add_switch(
        group, "--review-own", "let reviewers pass what they submitted themselves"
    )
    group.add_argument(
        "--review-sample",
        type=_percent,
        default=100,
        metavar="PERCENT",
        help="how many cases of a hundred are selected to be reviewed",
    )
    group.add_argument(
        "--review-seed",
        type=int,
        default=0,
        metavar="N",
        help="which ones: the same seed selects the same",
    )
    add_switch(
        group, "--hold-back", "do not export what was not selected to be reviewed"
    )
    add_switch(
        group,
        "--no-reopen",
        "do not let a submission be taken back by who submitted it",
    )


def new_job(options: argparse.Namespace) -> int:
    """Make a job folder; return the exit code."""
    from napari_annotate_jobs.app._places import remember_location
    from napari_annotate_jobs.model import Job, Method, Options, Project, validated
    from napari_annotate_jobs.owning import (
        Unit,
        check_free,
        check_methods,
        find_cases,
        make_job,
        name_cases,
        read_labels,
    )
    from napari_annotate_jobs.stores import check_person

    from ._labels import given_labels

    folder = Path(options.job).expanduser()
    check_free(folder)
    given = given_labels(
        options.labels,
        options.case_labels,
        options.exclusive,
        read_labels(Path(options.labels_file)) if options.labels_file else None,
    )
    methods = [Method(name) for name in dict.fromkeys(options.method)]
    methods += [method for method in given.methods() if method not in methods]
    labels = given.label_set(methods)
    check_methods(methods, labels, "--method and --labels")
    instructions = options.instructions or ""
    if options.instructions_file:
        instructions = text_of(Path(options.instructions_file))
    project = validated(
        Project,
        {
            "name": options.name or folder.absolute().name,
            "methods": methods,
            "label_set": labels,
            "instructions": instructions,
            "options": Options(
                every_slice=options.every_slice,
                reopen=not options.no_reopen,
                review_own=options.review_own,
                review_sample=options.review_sample,
                review_seed=options.review_seed,
                export_not_selected=not options.hold_back,
            ),
        },
        where="--name",
    )
    if options.due and options.due < date.today():
        complain(f"the due date {options.due} is in the past")
    fields = {"kind": options.kind, "due": options.due, "assignee": options.assignee}
    for name in ("annotators", "reviewers", "owners"):
        people = getattr(options, name)
        fields[name] = tuple(dict.fromkeys(check_person(p) for p in people))
    if options.published:
        fields["published"] = datetime.combine(options.published, time(), UTC)
    job = validated(Job, {"project": project, **fields})

    names = None
    if options.case_names:
        lines = text_of(Path(options.case_names)).splitlines()
        names = [line.strip() for line in lines if line.strip()]
    found = find_cases(
        map(Path, options.images),
        unit=Unit(options.case_per),
        describe=options.descriptions,
        progress=progress(),
    )
    if names is not None or options.anonymous:
        name_cases(found, names, "--case-names")
    tell_found(found, options.images)
    if not found.cases:
        raise NoImageError(
            "there are no images to make cases of",
            where=", ".join(options.images),
            remedy="See what the reader makes of them with: napari-annotate-jobs "
            "inspect PATH",
        )
    make_job(folder, job, found, copy=options.copy, relative=options.relative)
    remember_location(folder.absolute())
    say(
        f"Made {folder}: {counted(len(found.cases), 'case')}, "
        f"{counted(len(labels.labels), 'label')}."
    )
    say(f"Open it with: napari-annotate-jobs open {folder}")
    return 0


def tell_found(found: FoundCases, given: Sequence[str]) -> None:
    """Say what was left out, and what the annotators will be told of the cases."""
    blocks = []
    if faults := dict.fromkeys(found.faults):
        count = counted(len({path for path, _ in faults}), "file")
        blocks.append(
            grouped_text(
                f"Left out, {count}:",
                ((_short(path, given), what) for path, what in faults),
                "napari-annotate-jobs inspect PATH tells all",
            )
        )
    if results := dict.fromkeys(found.results):
        blocks.append(
            grouped_text(
                f"No images, but made of them, {counted(len(results), 'file')}:",
                ((_short(path, given), kind) for path, kind in results),
                "they are left as they are",
            )
        )
    if found.warnings:
        names = {case.id: case.name for case in found.cases}
        blocks.append(
            grouped_text(
                f"Findings about {counted(len(found.warnings), 'case')}:",
                ((names[c], text) for c, ws in found.warnings.items() for text in ws),
                "napari-annotate-jobs show --cases tells all",
            )
        )
    for block in blocks:
        say(block + "\n", sys.stderr)


def _short(path: Path, given: Sequence[str]) -> str:
    """Return a path as it goes on from what was given to --images."""
    for text in given:
        root = Path(os.path.abspath(text))
        if path != root and path.is_relative_to(root):
            return str(Path(text) / path.relative_to(root))
        if path == root:
            return text
    return str(path)


def date_of(text: str) -> date:
    """Return a day that was typed; argparse says what is wrong with another text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date such as 2030-01-31"
        ) from None


def _percent(text: str) -> int:
    if not text.isdecimal() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 100")
    return int(text)


def text_of(path: Path) -> str:
    """Return what a text file holds.

    Raises
    ------
    StoreAccessError
        If it cannot be read, or is no text in UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreAccessError(
            f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})",
            where=path,
            remedy="Check the name of the file, and that it is text in UTF-8",
        ) from error

"""The verb that changes a job which exists."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError, counted

from ._arguments import add_names, add_switch
from ._chosen import agreed, case_named, opened_job
from ._new import date_of, tell_found, text_of
from ._show import complain, dump, job_data, progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Job, JobEdit, Label
    from napari_annotate_jobs.owning import FoundCases
    from napari_annotate_jobs.stores import JobStore

__all__ = ["EDIT_EPILOG", "add_edit_arguments", "edit_job"]

EDIT_EPILOG = """\
what can be changed:
  Labels are named by their names, as METHOD:NAME where two methods have one of the
  same name, or by their ids. Ids stay: what is annotated keeps its meaning, and who has
  a case open goes on. A label that is used cannot be taken away, but retired: it is
  shown where it is used, and offered no more. Cases are named by their ids or names;
  those that somebody has annotated cannot be taken away.
  All that is said at once is done as a whole, or not at all; what another owner has
  changed since is never replaced.

examples:
  napari-annotate-jobs edit lung --due 2030-02-28 --priority high
  napari-annotate-jobs edit lung --add-labels cyst=teal --retire-labels scar
  napari-annotate-jobs edit lung --rename-label tumor tumour --key tumour T
  napari-annotate-jobs edit lung --add-images more-studies/
  napari-annotate-jobs edit lung --remove-cases "Case 7" --rename-case p12 "Case 12"
  napari-annotate-jobs edit lung --archive
  napari-annotate-jobs edit lung --delete
"""


def add_edit_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `edit_job` asks for."""
    verb.add_argument(
        "job", metavar="JOB", help="the job's folder, or its address on a server"
    )
    group = verb.add_argument_group("the job")
    group.add_argument("--name", help="as shown")
    text = group.add_mutually_exclusive_group()
    text.add_argument("--instructions", metavar="TEXT", help="Markdown")
    text.add_argument("--instructions-file", metavar="FILE", help="Markdown")
    for name, what in (("start", "first"), ("due", "last")):
        group.add_argument(
            f"--{name}",
            type=_date_or_none,
            metavar="YYYY-MM-DD",
            default=argparse.SUPPRESS,
            help=f"the {what} day; none takes it away",
        )
    group.add_argument("--priority", choices=("high", "normal", "low"))
    group.add_argument(
        "--owners", nargs="+", metavar="PERSON", help="who owns it from now on"
    )
    ending = group.add_mutually_exclusive_group()
    add_switch(ending, "--archive", "list it among the others no more")
    add_switch(ending, "--unarchive", "list it again")
    add_switch(
        ending,
        "--delete",
        "put it into the trash, with all that was annotated; asks, unless --yes",
    )
    add_switch(verb, "--yes", "do not ask")
    group = verb.add_argument_group("cases")
    add_names(
        group,
        "--add-images",
        "PATH",
        "files and folders that become cases, as new --images takes them",
    )
    group.add_argument(
        "--case-per",
        choices=("auto", "folder", "series"),
        default="auto",
        help="what becomes a case",
    )
    add_switch(group, "--anonymous", "name new ones Case 8, Case 9 ...")
    add_switch(group, "--copy", "copy the images into the job folder")
    add_names(group, "--remove-cases", "CASE", "cases that nobody has annotated")
    group.add_argument(
        "--rename-case",
        nargs=2,
        action="append",
        default=[],
        metavar=("CASE", "NAME"),
        help="may be given several times",
    )
    _add_label_arguments(verb.add_argument_group("labels"))
    add_switch(verb, "--json", "print JSON")
    verb.add_argument(
        "--person", help="who does it; the name of the system's user by default"
    )


def _add_label_arguments(group: Any) -> None:
    add_names(group, "--add-labels", "LABEL", "as new --labels takes them")
    group.add_argument(
        "--labels-file", metavar="FILE", help="more of them, YAML or CSV"
    )
    for name, second, text in (
        ("rename-label", "NAME", "another name"),
        ("color", "COLOUR", "another colour"),
        ("key", "KEY", "the key that chooses it; none takes it away"),
    ):
        group.add_argument(
            f"--{name}",
            nargs=2,
            action="append",
            default=[],
            metavar=("LABEL", second),
            help=f"{text}; may be given several times",
        )
    for name, text in (
        ("retire-labels", "show them where they are used, and offer them no more"),
        ("offer-labels", "offer retired ones again"),
        ("remove-labels", "take away labels that are used nowhere"),
        ("order-labels", "put these first, in this order"),
    ):
        add_names(group, f"--{name}", "LABEL", text)


def edit_job(options: argparse.Namespace) -> int:
    """Change a job, or put it into the trash; return the exit code."""
    from napari_annotate_jobs.owning import add_found

    with opened_job(options) as (store, job_id):
        job = store.job(job_id)
        if options.delete:
            return _delete(options, store, job)
        edit = _asked(options, store, job)
        said = list(edit.said)
        if edit.is_empty and not options.add_images:
            raise InvalidValueError(
                "nothing is to be changed",
                where=job.name,
                remedy="Say what, as in: --due 2030-02-28; edit --help has the list",
            )
        if options.add_images:
            found = _found(options, store, job_id)
            done = add_found(
                store, job_id, edit, found, copy=options.copy, progress=progress()
            )
            said.append(f"{counted(len(found.cases), 'case')} added")
        else:
            done = store.edit_job(job_id, edit)
        if options.json:
            summary = next(s for s in store.jobs() if s.job.id == job_id)
            labels = [
                {
                    "id": label.id,
                    "name": label.name,
                    "method": label.method.value,
                    "color": label.color,
                    "key": label.key,
                    "retired": label.retired,
                }
                for label in done.project.label_set.labels
            ]
            data = job_data(summary, store.person)
            say(dump({**data, "done": said, "labels": labels}))
        else:
            say(f"{done.name}: {', '.join(said)}.")
    return 0


def _delete(options: argparse.Namespace, store: JobStore, job: Job) -> int:
    contents = store.contents(job.id)
    if not options.yes and not agreed(
        f"Put {job.name} into the trash ({contents.text})? Images stay."
    ):
        return 1
    place = store.delete_job(job.id)
    if options.json:
        say(dump({"id": job.id, "name": job.name, "trash": place}))
    else:
        say(f"{job.name} is in {place}.")
    return 0


def _asked(options: argparse.Namespace, store: JobStore, job: Job) -> JobEdit:
    """Return the edit that was asked for."""
    from napari_annotate_jobs.model import CaseName, JobEdit

    given: dict[str, Any] = {
        name: value
        for name in ("name", "priority", "instructions")
        if (value := getattr(options, name)) is not None
    }
    if options.instructions_file:
        given["instructions"] = text_of(Path(options.instructions_file))
    for name in ("start", "due"):
        if hasattr(options, name):
            given[name] = getattr(options, name)
    if options.owners:
        given["owners"] = tuple(options.owners)
    if options.archive or options.unarchive:
        given["archived"] = options.archive
    if options.remove_cases:
        ids = [case_named(store, job.id, name)[0] for name in options.remove_cases]
        given["remove_cases"] = tuple(dict.fromkeys(ids))
    if options.rename_case:
        found = [(*case_named(store, job.id, c), new) for c, new in options.rename_case]
        given["rename_cases"] = tuple(
            CaseName(id=case_id, name=new, was=old) for case_id, old, new in found
        )
    return JobEdit(**given, **_asked_labels(options, job), seen=job)


# ------------------------------------------------------------------------- labels
def _asked_labels(options: argparse.Namespace, job: Job) -> dict[str, Any]:
    from napari_annotate_jobs.model import Group, LabelChange, color_code
    from napari_annotate_jobs.owning import read_labels

    from ._labels import given_labels

    changes: dict[int, dict[str, Any]] = {}

    def change(name: str, field: str, value: object) -> None:
        changes.setdefault(label_named(job, name).id, {})[field] = value

    for name, new in options.rename_label:
        change(name, "name", new)
    for name, color in options.color:
        change(name, "color", color_code(color, f"label {name!r} of --color"))
    for name, key in options.key:
        change(name, "key", None if key.lower() in {"", "none"} else key)
    for name in options.retire_labels:
        change(name, "retired", True)
    for name in options.offer_labels:
        change(name, "retired", False)
    given: dict[str, Any] = {}
    if changes:
        given["change_labels"] = tuple(
            LabelChange(id=label_id, **fields) for label_id, fields in changes.items()
        )
    for field in ("remove_labels", "order_labels"):
        if named := getattr(options, field):
            given[field] = tuple(label_named(job, name).id for name in named)
    if options.add_labels or options.labels_file:
        file = options.labels_file
        found = given_labels(
            options.add_labels, (), (), read_labels(Path(file)) if file else None
        )
        new = found.label_set(job.project.methods)
        given["add_labels"] = _with_free_colours(new.labels, job)
        there = {group.name for group in job.project.label_set.groups}
        given["add_groups"] = tuple(
            Group(name=group.name, exclusive=group.exclusive)
            for group in new.groups
            if group.name not in there
        )
    return given


def _with_free_colours(labels: Sequence[Label], job: Job) -> tuple[Label, ...]:
    """Give labels that brought the colour of another one a colour of their own."""
    from napari_annotate_jobs.model import COLORS

    taken = {label.color.upper() for label in job.project.label_set.labels}
    found = []
    for label in labels:
        if label.color.upper() in taken:
            free = next((color for color in COLORS if color not in taken), label.color)
            label = label.model_copy(update={"color": free})
        taken.add(label.color.upper())
        found.append(label)
    return tuple(found)


def label_named(job: Job, name: str) -> Label:
    """Return a label by its name, METHOD:NAME or id.

    Raises
    ------
    InvalidValueError
        If there is none, or several.
    """
    from napari_annotate_jobs.model import Method

    labels = job.project.label_set
    method, colon, rest = name.partition(":")
    if colon and method.strip().lower() in set(Method):
        return labels.named(rest.strip(), Method(method.strip().lower()))
    if name.isdecimal() and int(name) in labels.by_id:
        return labels[int(name)]
    return labels.named(name)


# -------------------------------------------------------------------------- cases
def _found(options: argparse.Namespace, store: JobStore, job_id: str) -> FoundCases:
    """Return cases of images, but for those that are in the job already."""
    from napari_annotate_jobs.owning import Unit, find_cases, more_cases

    found = find_cases(
        map(Path, options.add_images),
        unit=Unit(options.case_per),
        progress=progress(),
    )
    tell_found(found, options.add_images)
    new = more_cases(store, job_id, found, anonymous=options.anonymous)
    if left := len(found.cases) - len(new.cases):
        complain(f"{counted(left, 'case')} of these images are in the job already")
    if not new.cases:
        raise NotFoundError(
            "there are no images that are not in the job already",
            where=", ".join(options.add_images),
            remedy="See what the reader makes of them with: napari-annotate-jobs "
            "inspect PATH",
        )
    return new


def _date_or_none(text: str) -> Any:
    return None if text.strip().lower() == "none" else date_of(text)

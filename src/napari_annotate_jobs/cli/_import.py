"""The verbs that bring annotations in: import, and propose."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, counted

from ._arguments import add_names, add_switch
from ._show import clear_progress, complain, dump, grouped_text, progress

if TYPE_CHECKING:
    import argparse

    from napari_annotate_jobs.editing import EnterAs, Entered
    from napari_annotate_jobs.session import Importing, ImportReport

__all__ = [
    "add_import_arguments",
    "add_propose_arguments",
    "import_epilog",
    "import_job",
    "propose_epilog",
    "propose_job",
]


def import_epilog() -> str:
    """Return what stands below the help of import."""
    from napari_annotate_jobs.formats import IMPORT_FORMATS

    lines = ["formats:"]
    lines += [f"  {row.name:<13} {row.summary}" for row in IMPORT_FORMATS.values()]
    lines += [
        "",
        "Cases are found by UIDs where files have them, else by the names of files and",
        "of the folders they lie in; --match says it where names are others.",
        "",
        "examples:",
        "  napari-annotate-jobs import lung --from masks/ --format nifti",
        "  napari-annotate-jobs import lung --from out/ --format nifti \\",
        '      --match "{case}/{label}.nii.gz" --map lung_left="left lung"',
        "  napari-annotate-jobs import lung --from scene.seg.nrrd --format nrrd \\",
        "      --as proposals --mode add",
    ]
    return "\n".join(lines)


def propose_epilog() -> str:
    """Return what stands below the help of propose."""
    return """\
what the command is given:
  {image}          the reference series of a case as NIfTI, CASE_0000.nii.gz
  {out}            the file of labels to write, CASE.nii.gz
  {image_folder}   the folder the image lies in, for programs that take folders
  {out_folder}     the folder to write files into
No shell reads the command. A case that fails is told, and the others go on. Cases
done are noted: the same command started again does the others; --again does all.

examples:
  napari-annotate-jobs propose lung --from predictions/ --model lungnet \\
      --model-version 1.2
  napari-annotate-jobs propose lung --command "mymodel {image} {out}" --map 1=tumour
  napari-annotate-jobs propose lung --model "nnU-Net 012" --command \\
      "nnUNetv2_predict -i {image_folder} -o {out_folder} -d 12 -c 3d_fullres"
  napari-annotate-jobs propose lung --match "{label}.nii.gz" --command \\
      "TotalSegmentator -i {image} -o {out_folder}"
"""


def add_import_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `import_job` asks for."""
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    verb.add_argument(
        "--from", dest="path", required=True, metavar="PATH", help="a file or folder"
    )
    verb.add_argument("--format", required=True, metavar="NAME", help="see below")
    group = _add_shared(verb)
    group.add_argument(
        "--as",
        dest="enter_as",
        choices=("draft", "proposals"),
        default="draft",
        help="as part of the draft, or as proposals to be confirmed",
    )
    group.add_argument(
        "--mode",
        choices=("keep", "replace", "add"),
        default="keep",
        help="slices that hold something keep it, or it is replaced, or added to",
    )
    _add_model(group)


def add_propose_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `propose_job` asks for."""
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    where = verb.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--from", dest="path", metavar="PATH", help="a file, or a folder of them"
    )
    where.add_argument("--command", metavar="TEXT", help="a program, run case by case")
    verb.add_argument(
        "--format", default="nifti", metavar="NAME", help="of the files; nifti"
    )
    group = _add_shared(verb)
    group.add_argument(
        "--mode",
        choices=("keep", "add"),
        default="keep",
        help="slices with labels get no proposals, or get them beside these",
    )
    _add_model(group)
    group = verb.add_argument_group("the command")
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long a case may take"
    )
    add_switch(group, "--again", "do cases that were done before, too")


def _add_shared(verb: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = verb.add_argument_group("what belongs to what")
    group.add_argument(
        "--match", metavar="PATTERN", help='of files, as "{case}.nii.gz"'
    )
    group.add_argument(
        "--map",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=LABEL",
        help="label of the project by name or number in the files; NAME= leaves it out",
    )
    add_names(group, "--cases", "CASE", "ids or names; all cases by default")
    group.add_argument(
        "--person", help="whose draft; the name of the system's user by default"
    )
    group = verb.add_argument_group("how")
    add_switch(
        group,
        "--empty-is-nothing",
        "slices of a label volume without any label have nothing to label; else "
        "they stay undecided",
    )
    add_switch(
        group, "--resample", "take masks on another grid too, by the nearest voxel"
    )
    add_switch(group, "--preview", "tell what would come in, save nothing")
    add_switch(verb, "--json", "print JSON")
    return group


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", default="", help="name of the model that made them")
    group.add_argument("--model-version", default="", metavar="V", help="its version")


def import_job(options: argparse.Namespace) -> int:
    """Bring annotations from files into a job."""
    from napari_annotate_jobs.editing import EnterAs
    from napari_annotate_jobs.session import import_annotations
    from napari_annotate_jobs.stores import only_job, open_store

    how = _how(options, EnterAs(options.enter_as))
    with open_store(options.job, person=options.person) as store:
        tell = progress("importing")
        try:
            report = import_annotations(
                store,
                only_job(store).id,
                options.path,
                how,
                match=options.match,
                cases=options.cases,
                progress=tell and (lambda done, total, name: tell(name, done, total)),
            )
        finally:
            clear_progress()
    return _told(options, how, report)


def propose_job(options: argparse.Namespace) -> int:
    """Enter what a model made as proposals."""
    from napari_annotate_jobs.editing import EnterAs
    from napari_annotate_jobs.session import Command, propose_by_command
    from napari_annotate_jobs.stores import only_job, open_store

    if options.path is not None:
        options.enter_as = "proposals"
        return import_job(options)
    command = Command(options.command, timeout=options.timeout)
    options.model = options.model or command.program
    how = _how(options, EnterAs.PROPOSALS)
    with open_store(options.job, person=options.person) as store:
        tell = progress("predicting")
        try:
            report = propose_by_command(
                store,
                only_job(store).id,
                command,
                how,
                match=options.match,
                cases=options.cases,
                again=options.again,
                progress=tell and (lambda done, total, name: tell(name, done, total)),
            )
        finally:
            clear_progress()
    return _told(options, how, report)


def _how(options: argparse.Namespace, enter_as: EnterAs) -> Importing:
    from napari_annotate_jobs.editing import Mode
    from napari_annotate_jobs.formats import import_format, parse_map
    from napari_annotate_jobs.session import Importing

    if options.model_version and not options.model:
        raise InvalidValueError(
            "a version says nothing without the model", remedy="Give --model too"
        )
    return Importing(
        row=import_format(options.format),
        mapping=parse_map(options.map),
        enter_as=enter_as,
        mode=Mode(options.mode),
        model=f"{options.model} {options.model_version}".strip(),
        resample=options.resample,
        preview=options.preview,
        empty_is_nothing=options.empty_is_nothing,
    )


def _told(options: argparse.Namespace, how: Importing, report: ImportReport) -> int:
    """Print what came in; 2 if anything could not."""
    code = 2 if report.failed or report.broken else 0
    if not (report.cases or report.done_before):
        code = 2
    if options.json:
        print(dump(_data(report)))
        return code
    good = [outcome for outcome in report.cases if outcome.error is None]
    verb = "would come in" if how.preview else "came in"
    print(
        f"{counted(len(good), 'case')}: {_counts_text(report.counts)} {verb} as "
        f"{'proposals' if how.enter_as == 'proposals' else 'draft'}."
    )
    if report.done_before:
        print(
            f"{counted(report.done_before, 'case')} done before by the same command "
            "(--again does them again)."
        )
    counts = report.counts
    if counts.kept:
        more = "" if how.mode != "keep" else " (--mode says otherwise)"
        print(f"{counted(counts.kept, 'slice')} held something and keep it{more}.")
    if counts.excluded:
        print(f"{counted(counts.excluded, 'excluded slice')} left alone.")
    if counts.left_out:
        print(
            f"{counted(counts.left_out, 'class label')} left out: only masks and boxes "
            "can be proposals (--as draft takes them)."
        )
    notes = [(outcome.name, note) for outcome in report.cases for note in outcome.notes]
    if notes:
        print(grouped_text("To be known:", notes, "see --json"))
    if report.unmatched:
        belong = [(name, "belongs to no case") for name in report.unmatched]
        print(grouped_text("Passed over:", belong, "see --json"))
    if not report.cases and not report.done_before:
        complain(
            "nothing was found for any case. Say how files are named with --match "
            '"{case}.nii.gz"'
        )
    for outcome in report.failed:
        complain(f"{outcome.name}: {outcome.error}")
    for error in report.broken:
        complain(str(error))
    return code


def _counts_text(counts: Entered) -> str:
    parts = [
        counted(counts.masks, "mask"),
        f"{counts.boxes} {'box' if counts.boxes == 1 else 'boxes'}",
        counted(counts.classes, "class label"),
    ]
    found = [part for part in parts if not part.startswith("0 ")]
    return f"{', '.join(found) or 'nothing'} on {counted(counts.entered, 'slice')}"


def _data(report: ImportReport) -> dict[str, Any]:
    return {
        "counts": asdict(report.counts),
        "cases": [
            {
                "case": outcome.case_id,
                "name": outcome.name,
                "counts": asdict(outcome.counts),
                "notes": list(outcome.notes),
                "error": None if outcome.error is None else str(outcome.error),
            }
            for outcome in report.cases
        ],
        "unmatched": list(report.unmatched),
        "broken": [str(error) for error in report.broken],
        "done before": report.done_before,
    }

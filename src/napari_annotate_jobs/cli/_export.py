"""The verb that exports a job."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, counted

from ._arguments import add_names, add_switch
from ._show import clear_progress, dump, grouped_text, progress, say, table

if TYPE_CHECKING:
    import argparse

    from napari_annotate_jobs.formats import (
        CaseTransform,
        Exporter,
        ExportJob,
    )
    from napari_annotate_jobs.stores import StoreSource

__all__ = ["add_export_arguments", "export_epilog", "export_job"]


def export_epilog() -> str:
    """Return what stands below the help: the formats and their options."""
    from napari_annotate_jobs.formats import EXPORT_FORMATS

    lines = ["formats:"]
    for row in EXPORT_FORMATS.values():
        lines.append(f"  {row.name:<13} {row.summary}")
    lines += [
        "",
        "  --format NAME --preview tells what a format cannot hold, and its options.",
        "",
        "examples:",
        "  napari-annotate-jobs export lung --format nifti --out lung-nifti",
        "  napari-annotate-jobs export lung --format nifti --out lesions \\",
        "      --combine lesions.yaml --priority tumour lung",
    ]
    return "\n".join(lines)


def add_export_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what `export_job` asks for."""
    verb.add_argument("job", metavar="JOB", help="the job's folder")
    verb.add_argument("--format", required=True, metavar="NAME", help="see below")
    where = verb.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", metavar="DIR", help="a new folder, or an empty one")
    add_switch(
        where,
        "--preview",
        "tell what would be exported, and what the format cannot hold",
    )
    group = verb.add_argument_group("what is exported")
    add_names(group, "--cases", "CASE", "ids or names; all cases by default")
    group.add_argument(
        "--only",
        choices=("passed", "finished", "all"),
        default="finished",
        help="what reviewers passed; all that was submitted and neither failed nor was "
        "returned; or drafts too",
    )
    add_names(group, "--person", "NAME", "whose annotations; everybody's by default")
    group = verb.add_argument_group("what becomes of the labels")
    add_names(
        group,
        "--labels",
        "LABEL",
        "those that are exported, by name or id; all by default",
    )
    group.add_argument(
        "--convert",
        action="append",
        default=[],
        metavar="WHAT",
        help="components-to-boxes, labels-to-boxes, masks-to-classes or "
        "boxes-to-classes; before combining",
    )
    group.add_argument(
        "--combine",
        metavar="FILE",
        help="YAML: below combine:, lines such as  A: [A1, A2]; or the name of one "
        "that is kept with the job",
    )
    add_names(
        group,
        "--priority",
        "LABEL",
        "which label wins where masks overlap, the first one first",
    )
    group = verb.add_argument_group("how")
    group.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="OPTION=VALUE",
        help="options of the format",
    )
    add_switch(
        group,
        "--anonymous",
        "DICOM files carry the name of the case in place of patient and study, "
        "as --set patient=case does; other formats never carry these",
    )
    group.add_argument(
        "--warn-below",
        type=int,
        default=50,
        metavar="N",
        help="warn of classes with fewer images; 50 by default, 0 for none",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="processes; one a core by default"
    )
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a dask.distributed cluster that sees the same folders",
    )
    add_switch(verb, "--json", "print JSON")


def export_job(options: argparse.Namespace) -> int:
    """Export a job, or tell what an export would hold."""
    from napari_annotate_jobs.formats import (
        MANIFEST,
        export,
        exporter,
        few_images,
        plan_export,
        wanted_options,
        wanted_priority,
    )
    from napari_annotate_jobs.stores import StoreSource

    source = StoreSource(
        options.job,
        people=options.person,
        cases=options.cases,
        only=options.only,
    )
    try:
        labels = source.job.project.label_set
        transforms = _transforms(options, source)
        for transform in transforms:
            labels = transform.labels(labels)
        choices = wanted_options(
            options.format, _options(options.set), anonymous=options.anonymous
        )
        priority = wanted_priority(labels, options.priority)
        writer = exporter(options.format, choices, priority=priority)
        if options.preview:
            plan = plan_export(source, writer, transforms)
            if not writer.is_incompatible(plan):
                writer = writer.prepared(plan, source)
            return _preview(options, writer, plan, transforms)
        tell = progress("exporting")
        try:
            report = export(
                source,
                writer,
                options.out,
                transforms=transforms,
                workers=options.workers,
                scheduler=options.scheduler,
                progress=tell and (lambda done, total, name: tell(name, done, total)),
            )
        finally:
            clear_progress()
    finally:
        source.close()
    if options.json:
        print(dump(report.manifest))
    else:
        again = f", {report.resumed} of them before" if report.resumed else ""
        print(
            f"{counted(report.cases, 'case')} exported as {writer.title}{again}, read "
            f"again and found the same:\n{report.folder}"
        )
        told = [
            (c["file"], n) for c in report.manifest["cases"] for n in c.get("notes", ())
        ]
        if told:
            print(grouped_text("\nto be known:", told, f"see {MANIFEST}"))
    if few := few_images(report.classes, options.warn_below):
        say(few, sys.stderr)
    return 0


def _options(pairs: list[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidValueError(
                f"--set {pair} is no option",
                remedy="Write OPTION=VALUE",
            )
        out[name] = value
    return out


def _transforms(
    options: argparse.Namespace, source: StoreSource
) -> list[CaseTransform]:
    from napari_annotate_jobs.formats import (
        parse_combination,
        read_combination,
        wanted_transforms,
    )

    labels = source.job.project.label_set
    found = wanted_transforms(labels, options.labels, options.convert)
    if options.combine:
        kept = source.combinations()
        if options.combine in kept and not os.path.exists(options.combine):
            text = kept[options.combine]
            found.append(parse_combination(text, where=options.combine))
        else:
            found.append(read_combination(options.combine))
    return found


def _preview(
    options: argparse.Namespace,
    writer: Exporter,
    plan: ExportJob,
    transforms: list[CaseTransform],
) -> int:
    """Print what would be exported; 1 if the format cannot hold it."""
    from napari_annotate_jobs.formats import count_classes, few_images

    reasons, losses = writer.is_incompatible(plan), writer.losses(plan)
    remarks = writer.remarks(plan)
    labels = plan.job.project.label_set
    counts = count_classes(plan.cases, labels, transforms, writer.methods)
    choices = {
        name: {"default": field.default, "description": field.description}
        for name, field in writer.Options.model_fields.items()
    }
    if options.json:
        data = {
            "format": writer.title,
            "cases": [str(summary) for summary in plan.cases],
            "refused": reasons,
            "left out": losses,
            "to be known": remarks,
            "few": few_images(counts, options.warn_below),
            "labels": [
                {**c.model_dump(exclude={"label"}), "label": c.label.name}
                for c in counts
            ],
            "options": choices,
        }
        print(dump(data))
        return 1 if reasons else 0
    print(f"{writer.title}: {counted(len(plan.cases), 'case')}\n")
    rows = [
        (c.label.name, c.label.method, c.cases, c.slices, c.objects, c.voxels)
        for c in counts
    ]
    print(table(("label", "method", "cases", "slices", "objects", "voxels"), rows))
    for title, texts in (
        ("it cannot", reasons),
        ("left out", losses),
        ("to be known", remarks),
    ):
        for text in texts:
            print(f"\n{title}: {text}")
    if few := few_images(counts, options.warn_below):
        say(f"\n{few}")
    if choices:
        print("\noptions:")
        for name, choice in choices.items():
            print(f"  {name}={choice['default']}  {choice['description']}")
    return 1 if reasons else 0

"""What the command line prints of jobs, cases, faults and images."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING, Any, TextIO

from napari_annotate_jobs.errors import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from napari_annotate_jobs.model import CaseRow, Job, JobSummary
    from napari_annotate_jobs.stores import Fault

__all__ = [
    "case_data",
    "cases_text",
    "clear_progress",
    "complain",
    "dump",
    "fault_text",
    "grouped_text",
    "harmless",
    "inspection_text",
    "job_data",
    "job_text",
    "jobs_text",
    "progress",
    "say",
    "table",
    "terminal_width",
]

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
"""What a terminal obeys instead of showing it, or what turns a text round."""

_SHOWN = 12
"""How many kinds of findings are told at once."""


def say(text: str, file: TextIO | None = None) -> None:
    """Print text; what others wrote in it cannot command the terminal.

    Parameters
    ----------
    text : str
        One line or several.
    file : file, optional
        Where to; stdout by default.
    """
    print(harmless(text), file=file, flush=True)


def harmless(text: str) -> str:
    """Return text with its control characters as JSON writes them, to be seen."""
    return _UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def dump(data: object) -> str:
    """Return JSON for other programs."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], room: int | None = None
) -> str:
    """Return lines of aligned columns; numbers to the right.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    rows : iterable of sequence
        What they hold.
    room : int, optional
        The columns of a terminal: the last column is folded to fit into them.
    """
    # A line break in a name would begin a row of its own.
    cells = [[harmless(" ".join(str(c).split())) for c in row] for row in rows]
    widths = [
        max(_width(text) for text in column)
        for column in zip(head, *cells, strict=True)
    ]
    right = [
        all(row[i].lstrip("-").isdecimal() for row in cells) and bool(cells)
        for i in range(len(head))
    ]
    lines = []
    for row in (list(head), *cells):
        parts = []
        for text, width, number in zip(row, widths, right, strict=True):
            blank = " " * (width - _width(text))
            parts.append(blank + text if number else text + blank)
        line = "  ".join(parts).rstrip()
        if room is not None and _width(line) > room and row[-1]:
            lines += _folded("  ".join(parts[:-1]) + "  ", row[-1], room)
        else:
            lines.append(line)
    return "\n".join(lines)


def _folded(begin: str, text: str, width: int) -> list[str]:
    """Fold a text behind what begins its line, or below it if there is no room."""
    indent = _width(begin)
    if width - indent >= 30:
        blank = " " * indent
        return textwrap.wrap(text, width, initial_indent=begin, subsequent_indent=blank)
    blank = " " * 6
    below = textwrap.wrap(
        text, max(width, 40), initial_indent=blank, subsequent_indent=blank
    )
    return [begin.rstrip(), *below]


def terminal_width() -> int | None:
    """Return the columns of the terminal that is printed to, None if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def grouped_text(title: str, found: Iterable[tuple[str, str]], rest: str) -> str:
    """Return what was found of files or cases, those of one kind together.

    Parameters
    ----------
    title : str
        The line above.
    found : iterable of (str, str)
        A name, and what is said of it.
    rest : str
        Where to look for what is left out, if there is a lot.

    Returns
    -------
    str
        A block of lines that fit into a terminal.
    """
    names: dict[str, list[str]] = {}
    for name, text in found:
        names.setdefault(text, []).append(name)
    width = max(40, min(shutil.get_terminal_size().columns, 100))
    lines = [title]
    for text, of in list(names.items())[:_SHOWN]:
        shown = ", ".join(of[:3]) + (f" and {len(of) - 3} more" if len(of) > 3 else "")
        for part, indent in ((shown, "  "), (text, "      ")):
            lines += textwrap.wrap(
                part,
                width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
    if len(names) > _SHOWN:
        lines.append(f"  ... and {len(names) - _SHOWN} more: {rest}")
    return "\n".join(lines)


def job_data(summary: JobSummary, person: str) -> dict[str, Any]:
    """Return a job with its counts, fit for JSON."""
    job, counts = summary.job, summary.counts
    return {
        "id": job.id,
        "name": job.name,
        "kind": job.kind.value,
        "location": summary.location,
        "person": person,
        "published": job.published.isoformat(),
        "start": job.start.isoformat() if job.start else None,
        "due": job.due.isoformat() if job.due else None,
        "priority": job.priority.value,
        "archived": job.archived,
        "assignee": job.assignee,
        "methods": [method.value for method in job.project.methods],
        "counts": {
            "total": counts.total,
            "remaining": counts.remaining,
            "finished": counts.finished,
            "returned": counts.returned,
            "left": counts.left,
            "flagged": counts.flagged,
        },
        "progress": round(counts.progress, 4),
        "annotators": list(job.annotators),
        "reviewers": list(job.reviewers),
        "owners": list(job.owners),
    }


def case_data(row: CaseRow) -> dict[str, Any]:
    """Return a case with its status, fit for JSON."""
    return {
        "id": row.case.id,
        "name": row.case.name,
        "status": row.status.value,
        "draft": row.draft,
        "decided": row.decided,
        "slices": row.case.n_slices,
        "returned_comment": row.returned_comment or None,
        "review": row.review and row.review.value,
        "warnings": list(row.warnings),
        "flags": [
            {"person": f.person, "reason": f.reason, "time": f.time.isoformat()}
            for f in row.flags
        ],
        "series": [ref.path for ref in row.case.series],
    }


def jobs_text(found: Sequence[tuple[JobSummary, str]]) -> str:
    """Return jobs, each with for whom it is counted, as a table."""
    rows = []
    for summary, person in found:
        job, counts = summary.job, summary.counts
        rows.append(
            (
                job.name,
                job.kind.value,
                f"{counts.progress:.0%}",
                counts.left,
                counts.finished,
                person,
                job.due.isoformat() if job.due else "",
                summary.location,
            )
        )
    head = ("NAME", "KIND", "DONE", "LEFT", "FINISHED", "FOR", "DUE", "LOCATION")
    return table(head, rows)


def job_text(summary: JobSummary, person: str) -> str:
    """Return all about a job but its cases."""
    job, counts = summary.job, summary.counts
    lines = [
        job.name,
        f"  kind            {job.kind.value}",
        f"  location        {summary.location}",
        f"  published       {job.published.date().isoformat()}",
    ]
    for name in ("start", "due"):
        if day := getattr(job, name):
            lines.append(f"  {name:<15} {day.isoformat()}")
    if job.priority.value != "normal":
        lines.append(f"  priority        {job.priority.value}")
    if job.archived:
        lines.append("  archived        yes")
    if job.assignee:
        lines.append(f"  assigned        {job.assignee}")
    verb = "review" if job.kind.value == "review" else "annotate"
    lines += [
        f"  cases           {counts.total}: {counts.remaining} remaining, "
        f"{counts.finished} finished, {counts.returned} returned"
        + (f", {counts.flagged} flagged" if counts.flagged else ""),
        f"  progress        {counts.progress:.0%}, {counts.left} left to {verb} "
        f"for {person}",
        *_label_lines(job),
    ]
    for name in ("annotators", "reviewers", "owners"):
        if getattr(job, name):
            lines.append(f"  {name:<15} {', '.join(getattr(job, name))}")
    if job.project.options.review_sample < 100:
        lines.append(
            f"  reviewed        {job.project.options.review_sample} % of the cases"
        )
    if job.project.options.every_slice:
        lines.append("  demands         a decision for every slice")
    if job.project.instructions.strip():
        lines.append("")
        lines += [f"  {line}" for line in job.project.instructions.splitlines()]
    return "\n".join(lines)


def _label_lines(job: Job) -> list[str]:
    lines = []
    for method in job.project.methods:
        names = []
        for label in job.project.label_set.of(method):
            group = f"{label.group}/" if label.group else ""
            of_case = " (case)" if label.scope.value == "case" else ""
            retired = " (retired)" if label.retired else ""
            names.append(f"{label.id} {group}{label.name}{of_case}{retired}")
        lines.append(f"  {method.value:<15} {', '.join(names)}")
    return lines


def cases_text(rows: Sequence[CaseRow]) -> str:
    """Return cases as a table."""
    from napari_annotate_jobs.model import flags_text

    return table(
        ("CASE", "SLICES", "DECIDED", "STATUS", "REMARKS"),
        (
            (
                row.case.name,
                "" if row.case.n_slices is None else row.case.n_slices,
                row.decided,
                row.status.value + (", draft" if row.draft else ""),
                " · ".join(
                    [
                        *filter(None, [" ".join(row.returned_comment.split())]),
                        *(f"flagged: {flags_text([flag])}" for flag in row.flags),
                        *row.warnings,
                    ]
                ),
            )
            for row in rows
        ),
        terminal_width(),
    )


def fault_text(fault: Fault) -> str:
    """Return a fault as a line."""
    remedy = f" {fault.remedy}." if fault.remedy else ""
    return " ".join(f"{fault.where}: {fault.what}.{remedy}".splitlines())


def inspection_text(found: Mapping[str, Any]) -> str:
    """Return what the reader makes of images, for people."""
    head = f"{found['path']}: {len(found['series'])} series"
    if found["faults"]:
        head += f", {counted(len(found['faults']), 'file')} left out"
    lines = [head]
    for number, series in enumerate(found["series"], 1):
        lines += ["", f"{number}. {series['name']}", *_series_lines(series)]
    if found["results"]:
        lines += ["", "No images, but made of them:"]
        for result in found["results"]:
            lines.append(f"  {result['file']}: {result['kind']}")
    if found["faults"]:
        lines += ["", "Left out:"]
        for fault in found["faults"]:
            remedy = f" {fault['remedy']}." if fault.get("remedy") else ""
            lines.append(f"  {fault['file']}: {fault['what']}.{remedy}")
    return "\n".join(lines)


def _series_lines(series: Mapping[str, Any]) -> list[str]:
    shape = " x ".join(map(str, series["shape"]))
    spacing = series["spacing"]
    facts = {
        "size": f"{shape} {series['dtype']}, {series['megabytes']} MB, "
        f"{counted(series['files'], 'file')}",
        "kind": " ".join(filter(None, [series["format"], series["modality"]])),
        "spacing": "unknown"
        if spacing is None
        else " x ".join(f"{value:.4g}" for value in spacing) + " mm",
        "volumes": ""
        if series["volumes"] is None
        else f"{len(series['volumes']['values'])} along {series['volumes']['by']}, "
        "a slider of their own",
        "orientation": series["orientation"],
        "encoding": series["transfer_syntax"],
        "unit": series["unit"],
        "windows": ", ".join(
            f"{w['center']:g}/{w['width']:g}"
            + (f" {w['explanation']}" if w["explanation"] else "")
            for w in series["windows"]
        ),
        "shown": "inverted" if series["inverted"] else "",
        "localiser": "yes" if series["localizer"] else "",
    }
    lines = [f"   {name:<12}{value}" for name, value in facts.items() if value]
    lines += [f"   because     {reason}" for reason in series["reasons"]]
    lines += [f"   warning     {warning['text']}" for warning in series["warnings"]]
    return lines


def _width(text: str) -> int:
    """Return the columns a text takes in a terminal."""
    return sum(
        0
        if unicodedata.combining(char)
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def progress(verb: str = "reading") -> Callable[[str, int, int], None] | None:
    """Return what tells the progress on a terminal, None if there is none."""
    if not sys.stderr.isatty():
        return None

    def tell(name: str, done: int, total: int) -> None:
        end = "\r" if done < total else "\r\x1b[K"
        print(
            f"\x1b[K{verb} {harmless(name)}: {done} of {total}",
            end=end,
            file=sys.stderr,
        )

    return tell


def clear_progress() -> None:
    """Take the progress off the line that is about to be printed."""
    if sys.stderr.isatty():
        print("\x1b[K", end="", file=sys.stderr, flush=True)


def complain(text: str) -> None:
    """Tell the user on stderr."""
    say(f"napari-annotate-jobs: {text}", sys.stderr)

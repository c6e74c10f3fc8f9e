"""The label set of a new job, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import GivenLabels, Method, Scope
from napari_annotate_jobs.owning import parse_label, parse_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["given_labels"]


def given_labels(
    labels: Sequence[str],
    case_labels: Sequence[str],
    exclusive: Sequence[str] = (),
    given: GivenLabels | None = None,
) -> GivenLabels:
    """Read the labels of the command line.

    Parameters
    ----------
    labels : sequence of str
        ``[METHOD:][GROUP/]NAME[=COLOUR]`` or ``[METHOD:]TABLE:NAME,...`` each.
    case_labels : sequence of str
        ``[GROUP/]NAME[=COLOUR]`` each: class labels for the whole case.
    exclusive : sequence of str
        Groups of which one label can be chosen; ``""`` for labels in none.
    given : GivenLabels, optional
        Labels to begin with.

    Returns
    -------
    GivenLabels
        All of them.

    Raises
    ------
    InvalidValueError
        If a label cannot be understood, or no label is in a group.
    """
    found = given or GivenLabels()
    for text in (*labels, *case_labels):
        if text.casefold().endswith((".yaml", ".yml", ".csv")) and Path(text).is_file():
            raise InvalidValueError(
                "that is a file, and no label",
                where=text,
                remedy="Give it by --labels-file",
            )
    for text in labels:
        found.entries += parse_labels(text, "--labels")
    for text in case_labels:
        entry = parse_label(text, "--case-labels")
        method = entry.fields.setdefault("method", Method.CLASSIFICATION)
        if method is not Method.CLASSIFICATION:
            raise InvalidValueError(
                "only class labels can be said of a whole case",
                where=entry.where,
                remedy="Leave out its method, or name it with --labels",
            )
        entry.fields["scope"] = Scope.CASE
        found.entries.append(entry)
    found.groups.update(dict.fromkeys(exclusive, True))
    named = {str(entry.fields.get("group") or "") for entry in found.entries}
    for group in exclusive:
        if group not in named:
            raise InvalidValueError(
                f"no label is in the group {group!r}"
                if group
                else "all labels are in groups",
                where="--exclusive",
                remedy="Name groups as in: --labels quality/good quality/bad "
                "--exclusive quality",
            )
    return found

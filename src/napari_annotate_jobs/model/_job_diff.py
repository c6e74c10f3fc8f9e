"""Edits made of two states: of a table that was written in, and to take one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError

from ._job_edit import CaseName, JobEdit, LabelChange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._labels import LabelSet
    from ._project import Job

__all__ = ["edit_back", "label_edit"]

_LOOKS = ("name", "color", "key", "concept", "retired")
_MEANING = ("method", "scope", "group", "overlap_group", "attributes")


def label_edit(before: LabelSet, after: LabelSet) -> JobEdit:
    """Return the edit that makes one label set of another.

    A label that means something else comes in the place of what it was, with an id of
    its own.

    Raises
    ------
    InvalidValueError
        If the choice in a group that exists would change.
    """
    exclusive = {group.name: group.exclusive for group in before.groups}
    for group in after.groups:
        if group.exclusive != exclusive.get(group.name, False) and any(
            label.group == group.name for label in before.labels
        ):
            raise InvalidValueError(
                f"the choice in group {group.name!r} would change",
                remedy="What is annotated relies on it: make a new group",
            )
    changes, new, gone = [], [], []
    for label in after.labels:
        old = before.by_id.get(label.id)
        if old is not None and all(
            getattr(old, n) == getattr(label, n) for n in _MEANING
        ):
            fields = {
                name: getattr(label, name)
                for name in _LOOKS
                if getattr(label, name) != getattr(old, name)
            }
            if fields:
                changes.append(LabelChange(id=label.id, **fields))
            continue
        if old is not None:
            gone.append(old.id)
        new.append(label)
    gone += [label_id for label_id in before.by_id if label_id not in after.by_id]
    given: dict[str, Any] = {
        "change_labels": tuple(changes),
        "add_labels": tuple(new),
        "remove_labels": tuple(gone),
        "add_groups": tuple(g for g in after.groups if g.name not in exclusive),
    }
    kept = [label_id for label_id in before.by_id if label_id not in gone]
    order = [label.id for label in after.labels]
    if order[: len(kept)] != kept:
        given["order_labels"] = tuple(order)
    return JobEdit(**{name: value for name, value in given.items() if value})


def edit_back(
    edit: JobEdit, before: Job, after: Job, names: Mapping[str, str]
) -> JobEdit | None:
    """Return the edit that takes another one back; None if nothing does as a whole.

    Parameters
    ----------
    edit : JobEdit
        What was done.
    before, after : Job
        The job then, and now.
    names : mapping of str to str
        The names of the cases before, by their ids.
    """
    if edit.remove_labels or edit.remove_cases or edit.add_groups:
        return None
    given: dict[str, Any] = {
        name: getattr(
            before.project if name in {"name", "instructions"} else before, name
        )
        for name in edit.fields
    }
    old, now = before.project.label_set, after.project.label_set
    new = tuple(label_id for label_id in now.by_id if label_id not in old.by_id)
    if edit.add_labels:
        given["remove_labels"] = new
    if edit.change_labels:
        given["change_labels"] = tuple(
            LabelChange(
                id=change.id,
                **{name: getattr(old[change.id], name) for name in change.changes},
            )
            for change in edit.change_labels
        )
    if edit.order_labels:
        given["order_labels"] = tuple(old.by_id)
    if edit.rename_cases:
        given["rename_cases"] = tuple(
            CaseName(id=case.id, name=names[case.id], was=case.name)
            for case in edit.rename_cases
        )
    if edit.add_cases:
        given["remove_cases"] = tuple(case.id for case in edit.add_cases)
    return JobEdit(**given, seen=after) if given else None

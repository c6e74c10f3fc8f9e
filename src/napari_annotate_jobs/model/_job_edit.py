"""What an owner changes of a job that exists, as values that any store applies."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from napari_annotate_jobs.errors import (
    InvalidValueError,
    JobChangedError,
    NotFoundError,
    TransitionError,
)

from ._base import Value, document_json, validated
from ._labels import Concept, Group, Label, LabelSet
from ._project import Case, Job, Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["CaseName", "JobEdit", "LabelChange", "edited_job"]

_FIELDS = {
    "name": "name",
    "instructions": "instructions",
    "start": "start date",
    "due": "due date",
    "priority": "priority",
    "owners": "owners",
    "archived": "archive",
}
"""What an edit sets of a job, and what people call it."""
_OF_PROJECT = frozenset({"name", "instructions"})
_OF_LABEL = {
    "name": "name",
    "color": "colour",
    "key": "key",
    "concept": "concept",
    "retired": "place",
}


class _Given(Value):
    """A value of which only those fields count that were given; None may be given."""

    @model_serializer(mode="wrap")
    def _only_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        given = self.model_fields_set
        return {name: v for name, v in handler(self).items() if name in given}


class LabelChange(_Given):
    """What is changed of a label; what is not given stays as it is.

    Parameters
    ----------
    id : int
        The label; its id never changes.
    name, color, key, concept
        As in :class:`Label`; None takes the key, or the concept, away.
    retired : bool
        True to offer it no more, False to offer it again.
    """

    id: int
    name: str | None = None
    color: str | None = None
    key: str | None = None
    concept: Concept | None = None
    retired: bool | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that were given, by their names."""
        return {n: getattr(self, n) for n in _OF_LABEL if n in self.model_fields_set}


class CaseName(Value):
    """Another name for a case.

    Parameters
    ----------
    id : str
        The case; its id never changes.
    name : str
        The new name.
    was : str, optional
        The name that was seen: if it is another by now, nothing is done.
    """

    id: str
    name: str = Field(min_length=1)
    was: str | None = None


class JobEdit(_Given):
    """What an owner changes of a job; what is not given stays as it is.

    Whoever edits says what they saw: what somebody else has changed since is never
    replaced unseen. Two who change different things both succeed.

    Parameters
    ----------
    name, instructions : str
        Of the project.
    start, due : date, optional
        The first and the last day; None takes it away.
    priority : Priority
        Whether it comes before other jobs.
    owners : tuple of str
        Who may edit the job; in a folder nobody means anybody.
    archived : bool
        Whether it is done with, and not listed among the others.
    add_cases : tuple of Case
        Come behind those that are there.
    remove_cases : tuple of str
        Ids of cases that nobody has annotated.
    rename_cases : tuple of CaseName
        Other names for cases.
    add_labels : tuple of Label
        Come behind those that are there. An id that a label has, or ever had, is
        replaced by the next free one.
    add_groups : tuple of Group
        Groups of class labels that are not there yet.
    change_labels : tuple of LabelChange
        What is changed of labels.
    remove_labels : tuple of int
        Ids of labels that are used nowhere.
    order_labels : tuple of int
        Ids in the order in which labels are shown; those left out come behind.
    seen : Job, optional
        The job as it was seen; None replaces whatever there is.
    """

    name: str | None = None
    instructions: str | None = None
    start: date | None = None
    due: date | None = None
    priority: Priority | None = None
    owners: tuple[str, ...] | None = Field(default=None, max_length=1000)
    archived: bool | None = None
    add_cases: tuple[Case, ...] = ()
    remove_cases: tuple[str, ...] = ()
    rename_cases: tuple[CaseName, ...] = ()
    add_labels: tuple[Label, ...] = ()
    add_groups: tuple[Group, ...] = ()
    change_labels: tuple[LabelChange, ...] = ()
    remove_labels: tuple[int, ...] = ()
    order_labels: tuple[int, ...] = ()
    seen: Job | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What is set of the job itself, by the names of the fields."""
        return {n: getattr(self, n) for n in _FIELDS if n in self.model_fields_set}

    @property
    def is_empty(self) -> bool:
        """True if it changes nothing."""
        return not (self.fields or self.touches_labels or self.touches_cases)

    @property
    def touches_labels(self) -> bool:
        """True if it changes the label set."""
        return bool(
            self.add_labels
            or self.add_groups
            or self.change_labels
            or self.remove_labels
            or self.order_labels
        )

    @property
    def touches_cases(self) -> bool:
        """True if it adds, renames or takes away cases."""
        return bool(self.add_cases or self.remove_cases or self.rename_cases)

    @property
    def said(self) -> tuple[str, ...]:
        """What it does, one thing each, in the past tense."""
        found = [
            f"{_FIELDS[name]} set" if name != "archived" else _archived(value)
            for name, value in self.fields.items()
        ]
        found += [
            f"{n} {word}{'s' * (n != 1)} {what}"
            for n, word, what in (
                (len(self.add_cases), "case", "added"),
                (len(self.remove_cases), "case", "taken away"),
                (len(self.rename_cases), "case", "renamed"),
                (len(self.add_labels), "label", "added"),
                (len(self.remove_labels), "label", "taken away"),
            )
            if n
        ]
        retired = [c.retired for c in self.change_labels if c.retired is not None]
        other = [c for c in self.change_labels if c.changes.keys() - {"retired"}]
        found += [
            f"{n} label{'s' * (n != 1)} {what}"
            for n, what in (
                (retired.count(True), "retired"),
                (retired.count(False), "offered again"),
                (len(other), "changed"),
            )
            if n
        ]
        if self.order_labels:
            found.append("labels put in another order")
        return tuple(found)


def _archived(archived: object) -> str:
    return "archived" if archived else "taken out of the archive"


def edited_job(
    job: Job,
    edit: JobEdit,
    *,
    used: Callable[[Collection[int]], Mapping[int, str]],
) -> Job:
    """Return a job as it is after an edit; its cases are for others to see to.

    Parameters
    ----------
    job : Job
        As it is now.
    edit : JobEdit
        What to change.
    used : callable
        Takes ids of labels; returns where those are used that are.

    Raises
    ------
    JobChangedError
        If somebody else has changed the same since.
    InvalidValueError, NotFoundError
        If it makes no job.
    TransitionError
        If a label is to be taken away that is used.
    """
    project, seen = job.project, edit.seen
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for name, value in edit.fields.items():
        if value is None and name not in {"start", "due"}:
            raise InvalidValueError(f"the {_FIELDS[name]} cannot be nothing")
        here = project if name in _OF_PROJECT else job
        if seen is not None:
            before = seen.project if name in _OF_PROJECT else seen
            _check(
                f"the {_FIELDS[name]} was changed",
                getattr(before, name),
                getattr(here, name),
                value,
                job.name,
            )
        (ours if name in _OF_PROJECT else theirs)[name] = value
    if edit.touches_labels:
        labels = _edited_labels(job, edit, used)
        methods = [label.method for label in labels.labels]
        kept = [method for method in project.methods if method in methods]
        ours["label_set"] = labels
        ours["methods"] = tuple(dict.fromkeys([*kept, *methods]))
    if ours:
        fields = {**_held(project), **ours}
        theirs["project"] = validated(type(project), fields, where=job.name)
    done = validated(Job, {**_held(job), **theirs}, where=job.name)
    if done.start and done.due and done.start > done.due:
        raise InvalidValueError(
            f"the first day ({done.start}) comes after the last ({done.due})",
            where=done.name,
            remedy="Choose an earlier start date, or a later due date",
        )
    return done


def _held(value: Any) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in type(value).model_fields}
    return {**fields, **(value.model_extra or {})}


def _check(what: str, seen: object, now: object, new: object, where: str) -> None:
    """Raise an error if what is to be replaced is not what was seen."""
    if now not in (seen, new):
        raise JobChangedError(
            f"{what} by somebody else since, to {_shown(now)}",
            where=where,
            remedy="Look at it as it is now, and change it again if that is right",
        )


def _shown(value: object) -> str:
    if value is None or value in ("", ()):
        return "nothing"
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


# ------------------------------------------------------------------------- labels
def _edited_labels(
    job: Job, edit: JobEdit, used: Callable[[Collection[int]], Mapping[int, str]]
) -> LabelSet:
    old = job.project.label_set
    seen = None if edit.seen is None else edit.seen.project.label_set
    labels = dict(old.by_id)
    for change in edit.change_labels:
        _change_label(labels, change, seen, job.name)
    last = _remove_labels(labels, edit, seen, old, used, job.name)
    for label in edit.add_labels:
        # An id that was taken away stays taken.
        if label.id in labels or label.id <= last:
            free = max(last, *labels) + 1 if labels else last + 1
            label = label.model_copy(update={"id": free})
        labels[label.id] = label
    _free_keys(labels, edit)
    ordered = _ordered(labels, edit, seen, old, job.name)
    groups = (*old.groups, *edit.add_groups)
    return validated(
        LabelSet,
        {
            **_held(old),
            "labels": [document_json(label) for label in ordered],
            "groups": groups,
            "last_id": last,
        },
        where=job.name,
    )


def _change_label(
    labels: dict[int, Label], change: LabelChange, seen: LabelSet | None, where: str
) -> None:
    now = labels.get(change.id)
    if now is None:
        raise NotFoundError(
            f"there is no label {change.id}",
            where=where,
            remedy="Look at the labels as they are now",
        )
    before = None if seen is None else seen.by_id.get(change.id)
    for name, value in change.changes.items():
        if value is None and name not in {"key", "concept"}:
            raise InvalidValueError(
                f"the {_OF_LABEL[name]} of label {now.name!r} cannot be nothing",
                where=where,
            )
        if before is not None:
            what = f"the {_OF_LABEL[name]} of label {before.name!r} was changed"
            _check(what, getattr(before, name), getattr(now, name), value, where)
    labels[change.id] = validated(
        Label,
        {**_held(now), **change.changes},
        where=f"{where}, label {now.name}",
    )


def _remove_labels(
    labels: dict[int, Label],
    edit: JobEdit,
    seen: LabelSet | None,
    old: LabelSet,
    used: Callable[[Collection[int]], Mapping[int, str]],
    where: str,
) -> int:
    """Take labels away that are used nowhere; return the largest id ever given."""
    going = [label_id for label_id in edit.remove_labels if label_id in labels]
    for label_id, place in used(going).items() if going else ():
        raise TransitionError(
            f"label {labels[label_id].name!r} is used ({place})",
            where=where,
            remedy="Retire it instead: it is then shown where it is used, and not "
            "offered any more",
        )
    for label_id in going:
        label = labels.pop(label_id)
        before = None if seen is None else seen.by_id.get(label_id)
        if before is not None and old.by_id[label_id] != before:
            raise JobChangedError(
                f"label {label.name!r} was changed by somebody else since",
                where=where,
                remedy="Look at the labels as they are now",
            )
    return max((old.last_id, *going)) if going else old.last_id


def _free_keys(labels: dict[int, Label], edit: JobEdit) -> None:
    """Take from retired labels the keys that others are given."""
    given = {
        (labels[c.id].key or "").casefold()
        for c in edit.change_labels
        if c.changes.get("key") and not labels[c.id].retired
    } | {(label.key or "").casefold() for label in edit.add_labels}
    for label in list(labels.values()):
        if label.retired and label.key and label.key.casefold() in given:
            labels[label.id] = label.model_copy(update={"key": None})


def _ordered(
    labels: dict[int, Label],
    edit: JobEdit,
    seen: LabelSet | None,
    old: LabelSet,
    where: str,
) -> Sequence[Label]:
    if not edit.order_labels:
        return list(labels.values())
    wanted = [label_id for label_id in edit.order_labels if label_id in labels]
    if seen is not None:
        both = [label_id for label_id in seen.by_id if label_id in old.by_id]
        now = [label_id for label_id in old.by_id if label_id in both]
        new = [label_id for label_id in wanted if label_id in both]
        if now not in (both, new):
            raise JobChangedError(
                "the labels were put in another order by somebody else since",
                where=where,
                remedy="Look at them as they are now, and order them again",
            )
    rest = [label_id for label_id in labels if label_id not in wanted]
    return [labels[label_id] for label_id in dict.fromkeys([*wanted, *rest])]

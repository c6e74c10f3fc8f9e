"""Check what is said of a case against the project's label set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError

from ._labels import Attribute, LabelSet, Method, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._annotation import Annotation, AnnotationChange
    from ._content import SliceAnnotation
    from ._labels import Label

__all__ = ["check_change", "check_retired"]

_NOTED = Attribute(name="noted elsewhere")


def check_change(
    change: AnnotationChange,
    labels: LabelSet,
    *,
    name: Callable[[str], str] = str,
) -> None:
    """Refuse a change that the label set does not allow.

    Parameters
    ----------
    change : AnnotationChange
        What is about to be saved.
    labels : LabelSet
        The project's closed label set.
    name : callable, optional
        Takes the key of a slice; returns what people call it.

    Raises
    ------
    InvalidValueError
        If a label is not declared, is used with another method, scope or overlap
        group than its own, or stands beside one that it excludes; if an attribute is
        answered that is not asked there, or in another way than it offers.
    """
    for key, content in change.slices.items():
        if content is not None:
            _check_slice(content, labels, name(key))
    if change.case_labels:
        _check_classes(change.case_labels, labels, Scope.CASE, "the case")
    for label_id, answers in (change.case_attributes or {}).items():
        _check_answers(labels[label_id], answers, Scope.CASE, "the case")
    for span in change.ranges or ():
        _check_classes(span.labels, labels, Scope.SLICE, f"range {span.id}")


def check_retired(
    change: AnnotationChange,
    before: Annotation,
    labels: LabelSet,
    *,
    name: Callable[[str], str] = str,
) -> None:
    """Refuse a change that puts a retired label where it is not yet.

    Parameters
    ----------
    change : AnnotationChange
        What somebody is about to say.
    before : Annotation
        What is said so far.
    labels : LabelSet
        The project's label set.
    name : callable, optional
        Takes the key of a slice; returns what people call it.

    Raises
    ------
    InvalidValueError
        If a slice, or the case, gets a retired label that it has not got.
    """
    if not labels.retired:
        return
    for key, content in change.slices.items():
        if content is not None:
            old = before.slices.get(key)
            had = frozenset() if old is None else all_ids(old)
            _refuse_retired(all_ids(content) - had, labels, name(key))
    if change.case_labels:
        new = frozenset(change.case_labels) - set(before.case_labels)
        _refuse_retired(new, labels, "the case")


def all_ids(content: SliceAnnotation) -> frozenset[int]:
    """Return the ids of all labels that a slice has, proposals included."""
    found = set(content.class_labels)
    found.update(box.label for box in content.boxes)
    for masks in (content.masks, content.proposals):
        for mask in masks.values():
            found.update(mask.pixels)
    return frozenset(found)


def _refuse_retired(new: frozenset[int], labels: LabelSet, where: str) -> None:
    for label_id in sorted(new & labels.retired):
        raise InvalidValueError(
            f"{labels[label_id].name} is retired: it stays where it is used, and is "
            "not offered for anything new",
            where=where,
            remedy="Choose another label",
        )


def _check_slice(content: SliceAnnotation, labels: LabelSet, where: str) -> None:
    _check_classes(content.class_labels, labels, Scope.SLICE, where)
    _check_method((b.label for b in content.boxes), labels, Method.DETECTION, where)
    for masks in (content.masks, content.proposals):
        for group, mask in masks.items():
            _check_method(mask.pixels, labels, Method.SEGMENTATION, where)
            for label_id in mask.pixels:
                if labels[label_id].overlap_group != group:
                    raise InvalidValueError(
                        f"label {labels[label_id].name!r} belongs to the overlap "
                        f"group {labels[label_id].overlap_group!r}, not {group!r}",
                        where=where,
                    )

    for label_id, answers in content.attributes.items():
        _check_answers(labels[label_id], answers, Scope.SLICE, where)
    for box in content.boxes:
        _check_answers(labels[box.label], box.attributes, None, where)


def _check_answers(
    label: Label, answers: Mapping[str, str], of: Scope | None, where: str
) -> None:
    if not answers:
        return
    asked = {attribute.name: attribute for attribute in label.asked(of)}
    for name, answer in answers.items():
        attribute = asked.get(name)
        if attribute is None and of is None:
            attribute = _NOTED  # boxes may carry what another tool noted
        if attribute is None:
            raise InvalidValueError(
                f"{label.name} has no attribute {name[:80]!r} that is asked of "
                f"{'a slice' if of is Scope.SLICE else 'the whole case'}",
                where=where,
                remedy=f"It asks for {', '.join(asked)}" if asked else "Leave it out",
            )
        refused = attribute.refuses(answer) if answer or of is not None else ""
        if refused:
            raise InvalidValueError(
                f"{answer[:80]!r} is no answer to {name[:80]!r} of {label.name}: "
                f"{refused}",
                where=where,
                remedy=f"Choose one of {', '.join(attribute.choices)}"
                if attribute.choices
                else "Shorten it to one line",
            )


def _check_method(
    ids: Iterable[int], labels: LabelSet, method: Method, where: str
) -> None:
    for label_id in ids:
        label = labels[label_id]
        if label.method is not method:
            raise InvalidValueError(
                f"label {label.name!r} is for {label.method}, not for {method}",
                where=where,
            )


def _check_classes(
    ids: tuple[int, ...], labels: LabelSet, scope: Scope, where: str
) -> None:
    _check_method(ids, labels, Method.CLASSIFICATION, where)
    for label_id in ids:
        label = labels[label_id]
        if label.scope is not scope:
            raise InvalidValueError(
                f"label {label.name!r} is of scope {label.scope}, not {scope}",
                where=where,
            )
        clash = labels.exclusive_with(label).intersection(ids)
        if clash:
            other = labels[min(clash)]
            raise InvalidValueError(
                f"{label.name!r} and {other.name!r} exclude one another", where=where
            )

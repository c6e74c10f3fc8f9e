"""What is asked of labels on slices and of the case, and how it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, TransitionError
from napari_annotate_jobs.model import Scope

from ._asked import Question, answers_text, asked_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from napari_annotate_jobs.model import Label

    from ._editor import CaseEditor
    from ._view import CaseView

__all__ = ["answer", "answered_text", "questions"]


def questions(view: CaseView, indices: Sequence[int]) -> tuple[Question, ...]:
    """Return what is asked of labels on some slices, and in the whole case.

    Parameters
    ----------
    view : CaseView
        The case.
    indices : sequence of int
        The slices.
    """
    return tuple(_questions(view, indices))


def _questions(view: CaseView, indices: Sequence[int]) -> Iterator[Question]:
    contents = [view.content(index) for index in indices]
    once = any(label.asked(Scope.CASE) for label in view.labels.labels)
    there = view.label_ids() if once else frozenset()
    for label in view.labels.labels:
        if label.asked(Scope.SLICE):
            having = [c.answers(label.id) for c in contents if label.id in c.label_ids]
            for attribute in label.asked(Scope.SLICE) if having else ():
                said = {answers.get(attribute.name, "") for answers in having}
                text = said.pop() if len(said) == 1 else ""
                yield Question(label, attribute, Scope.SLICE, text, bool(said))
        if label.id in there:
            answers = view.case_answers(label.id)
            for attribute in label.asked(Scope.CASE):
                text = answers.get(attribute.name, "")
                yield Question(label, attribute, Scope.CASE, text)


def answered_text(view: CaseView, index: int) -> str:
    """Say in one line what was answered on a slice, of its objects and of the case."""
    parts = [
        f"{question.label.name} · {question.attribute.name}: {question.answer}"
        for question in questions(view, [index])
        if question.answer
    ]
    for box in view.content(index).boxes:
        text = "" if box.proposal else answers_text(box.attributes)
        label = view.labels.by_id.get(box.label)
        if text and label is not None:
            parts.append(f"{label.name} · {text}")
    return "; ".join(parts)


def answer(
    editor: CaseEditor, label_id: int, indices: Iterable[int], name: str, text: str
) -> bool:
    """Answer an attribute of a label on slices, or for the case, as one undo step.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    label_id : int
        The label.
    indices : iterable of int
        The slices; those that do not have the label are left alone. What is asked once
        for the case is answered for all.
    name, text : str
        The attribute and its answer; no text takes the answer back.

    Raises
    ------
    InvalidValueError
        If the label asks no such thing, or offers other answers.
    TransitionError
        If the label is not there to be asked about.
    """
    label = editor.labels[label_id]
    of = label.asked_of(asked_attribute(label, name, text))
    if of is None:
        raise InvalidValueError(
            f"{name!r} is asked of each object {label.name}",
            remedy="Answer it for one of the boxes",
        )
    said = f"{label.name}, {name}: {text or 'no answer'}"
    if of is Scope.CASE:
        if label_id not in editor.label_ids():
            raise _not_there(label, "in this case")
        new = _with(editor.case_answers(label_id), name, text)
        whole = {
            known: answers
            for known, answers in editor.annotation.case_attributes.items()
            if known != label_id and known in editor.labels.by_id
        }
        return editor.say_of_case(said, whole | ({label_id: new} if new else {}))
    contents = {
        index: content.evolve(
            attributes={
                **content.attributes,
                label_id: _with(content.answers(label_id), name, text),
            }
        ).settled()
        for index in indices
        if label_id in (content := editor.content(index)).label_ids
    }
    if not contents:
        raise _not_there(label, "on this slice")
    return editor.edit(said, contents)


def _not_there(label: Label, where: str) -> TransitionError:
    return TransitionError(
        f"there is no {label.name} {where} to say that of",
        remedy="Put the label there first",
    )


def _with(answers: Mapping[str, str], name: str, text: str) -> dict[str, str]:
    found = {known: said for known, said in answers.items() if known != name}
    return {**found, name: text} if text else found

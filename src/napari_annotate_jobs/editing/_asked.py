"""What is asked of a label, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_annotate_jobs.model import Attribute, Label, Scope

__all__ = ["Question", "answers_text", "asked_attribute"]


@dataclass(frozen=True)
class Question:
    """What is asked of a label here, and what was answered.

    Parameters
    ----------
    label : Label
        The label.
    attribute : Attribute
        What is asked.
    of : Scope or None
        Of a slice, or of the case; None for an object.
    answer : str
        What was answered; empty for nothing, or if slices differ.
    differs : bool
        True if several slices are asked about, and they say different things.
    track : str
        Id of the object.
    """

    label: Label
    attribute: Attribute
    of: Scope | None
    answer: str = ""
    differs: bool = False
    track: str = ""

    @property
    def key(self) -> tuple[int, str, str]:
        """Tells it from other questions: label id, name of the attribute, object."""
        return self.label.id, self.attribute.name, self.track

    @property
    def is_wanting(self) -> bool:
        """True if it has to be answered before the case is submitted."""
        return self.attribute.required and not self.answer


def answers_text(answers: Mapping[str, str]) -> str:
    """Say answers in one line, as ``margin: sharp, shape: round``."""
    return ", ".join(
        f"{name}: {text}" for name, text in sorted(answers.items()) if text
    )


def asked_attribute(label: Label, name: str, answer: str) -> Attribute:
    """Return an attribute of a label, if a text is an answer to it, or takes it back.

    Raises
    ------
    InvalidValueError
        If its label asks no such thing, or offers other answers.
    """
    asked = next((a for a in label.attributes if a.name == name), None)
    if asked is None:
        raise InvalidValueError(f"{label.name} has no attribute {name!r}")
    refused = asked.refuses(answer) if answer else ""
    if refused:
        raise InvalidValueError(
            f"{answer[:80]!r} is no answer to {name!r}: {refused}",
            remedy=f"Choose one of {', '.join(asked.choices)}"
            if asked.choices
            else "Write one short line",
        )
    return asked

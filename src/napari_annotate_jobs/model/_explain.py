"""Say in this package's words what does not fit a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError

__all__ = ["explained"]

_DATE = "must be a date such as 2030-01-31"
_TIME = "must be a time with a time zone, such as 2030-01-31T08:00:00Z"
_SHOWN = (int, float, bool)
# Beginnings of the names that pydantic gives to kinds of faults; the first that
# fits is taken.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "frozen": "cannot be changed",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "is not written as it should be",
    "string": "must be text",
    "int": "must be a whole number",
    "float": "must be a number",
    "decimal": "must be a number",
    "finite_number": "must be a finite number",
    "bool": "must be true or false",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "too_short": "must not be empty",
    "too_long": "holds too many entries",
    "datetime": _TIME,
    "timezone": _TIME,
    "time": _TIME,
    "date": _DATE,
    "list": "must be a list",
    "tuple": "must be a list",
    "set": "must be a list",
    "frozen_set": "must be a list",
    "dict": "must hold fields with names",
    "mapping": "must hold fields with names",
    "model": "must hold fields with names",
}


def explained(error: ValidationError) -> InvalidValueError:
    """Return an error that a person can act on.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.

    Returns
    -------
    InvalidValueError
        Names the first three fields that do not fit; the remedy is the first that
        a rule of the model brings.
    """
    texts: list[str] = []
    remedy: str | None = None
    for fault in error.errors(include_url=False)[:3]:
        place = ".".join(str(part) for part in fault["loc"])
        reason = fault.get("ctx", {}).get("error")
        if fault["type"] == "value_error":
            text = reason.what if isinstance(reason, InvalidValueError) else str(reason)
            texts.append(f"{place}: {text}" if place else text)
            if isinstance(reason, InvalidValueError):
                remedy = remedy or reason.remedy
        else:
            texts.append(f"{place or 'it'} {_words(fault)}")
    return InvalidValueError("; ".join(texts), remedy=remedy)


def _words(fault: Mapping[str, Any]) -> str:
    kind = fault["type"]
    name = next((n for n in _WORDS if kind == n or kind.startswith(f"{n}_")), "")
    text = _WORDS.get(name, "is not as it should be").format(**fault.get("ctx", {}))
    value = fault["input"]
    # Text is shown only where there is a choice of words: it may be a comment.
    if isinstance(value, _SHOWN) or (name == "enum" and isinstance(value, str)):
        text += f", not {value!r}"
    return text

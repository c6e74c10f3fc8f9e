"""What all values of the model share."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import to_jsonable_python

from napari_annotate_jobs.errors import InvalidValueError

from ._explain import explained

__all__ = [
    "Document",
    "Identifier",
    "Sealed",
    "Value",
    "canonical_digest",
    "document_json",
    "new_id",
    "now",
    "validated",
]


_M = TypeVar("_M", bound=BaseModel)


def new_id() -> str:
    """Return a fresh random identifier of 16 hexadecimal digits."""
    return secrets.token_hex(8)


def now() -> datetime:
    """Return the current time in UTC, to the millisecond."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _check_identifier(text: str) -> str:
    if not text or len(text) > 120 or text != text.strip():
        raise ValueError("must have 1 to 120 characters and no blanks at its ends")
    if text in {".", ".."} or any(c in '/\\:*?"<>|' or ord(c) < 32 for c in text):
        raise ValueError(f'{text!r} cannot name a folder: leave out / \\ : * ? " < > |')
    return text


Identifier = Annotated[str, AfterValidator(_check_identifier)]
"""Text that is safe as the name of a file or folder on every system."""


class Value(BaseModel):
    """A frozen value that cannot be built invalid; unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(BaseModel):
    """A frozen value that is written to files; unknown fields are carried along.

    So that a document written by a newer version survives being rewritten by
    this one.
    """

    model_config = ConfigDict(frozen=True, extra="allow")


def document_json(value: object) -> Any:
    """Return a document as it is written: JSON values, without default values.

    So that documents are short, and that those written before a field with a
    default existed keep their digest. Only defaults that are the same every time
    are left out; a time or a random id never is: pydantic's own ``exclude_defaults``
    leaves out the time of what was made within this millisecond.
    """
    kind = type(value)
    if kind in _LEAVES:
        return value
    if isinstance(value, Document):
        # Not by iteration: that yields what cached properties hold, too.
        held = value.__dict__
        found = {
            name: item if type(item) in _LEAVES else document_json(item)
            for name, default in _fields(type(value))
            if (item := held[name]) is not default and item != default
        }
        if value.model_extra:
            found |= {k: document_json(item) for k, item in value.model_extra.items()}
        return found
    if isinstance(value, dict):
        return {str(key): document_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [document_json(item) for item in value]
    return to_jsonable_python(value)


def canonical_digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON.

    Canonical is :func:`document_json` with sorted keys and no blanks, in UTF-8.
    """
    text = json.dumps(
        document_json(value),
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()


class Sealed(Document):
    """A document that is never changed, and carries the digest of its content.

    Parameters
    ----------
    digest : str
        :func:`canonical_digest` of all its other fields.
    """

    digest: str

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        if info.context is not _SEAL and self.digest != self._content_digest():
            raise ValueError("the digest does not fit the content: it was altered")
        return self

    def _content_digest(self) -> str:
        content = document_json(self)
        del content["digest"]
        return canonical_digest(content)

    @classmethod
    def seal(cls, **fields: Any) -> Self:
        """Return a document with these fields and their digest.

        Raises
        ------
        pydantic.ValidationError
            If a field does not fit.
        """
        open_ = cls.model_validate({**fields, "digest": ""}, context=_SEAL)
        return open_.model_copy(update={"digest": open_._content_digest()})


_SEAL = object()
"""The context in which a document is validated whose digest is yet to be made."""

_NONE = object()
_LEAVES = frozenset({str, int, float, bool, type(None)})


@cache
def _fields(model: type[Document]) -> tuple[tuple[str, Any], ...]:
    """Return the fields with the defaults that are left out, `_NONE` for the others."""
    return tuple(
        (
            name,
            field.get_default(call_default_factory=True)
            if not field.is_required() and field.default_factory in {None, dict}
            else _NONE,
        )
        for name, field in model.model_fields.items()
    )


def validated(model: type[_M], data: Any, *, where: object = None) -> _M:
    """Build `model` from parsed data, with an error a person can act on.

    Raises
    ------
    InvalidValueError
        Names the first fields that do not fit.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = explained(error)
        raise InvalidValueError(found.what, where=where, remedy=found.remedy) from error

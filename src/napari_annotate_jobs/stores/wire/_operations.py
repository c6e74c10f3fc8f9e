"""Operations: changes of a draft on their way to the server, and its answers."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Value, new_id, now
from napari_annotate_jobs.stores.folder._documents import version_of
from napari_annotate_jobs.stores.folder._journal import (
    Entry,
    encode_entry,
    scan_journal,
)

from ._forms import Masks, Trouble

if TYPE_CHECKING:
    from napari_annotate_jobs.model import AnnotationChange

__all__ = [
    "Operation",
    "OperationBatch",
    "OperationResult",
    "SliceAnswer",
    "SliceResult",
    "operation_of",
]


class Operation(Value):
    """One change of a draft.

    Parameters
    ----------
    id : str
        Unique; the same operation can be sent again, and is applied once.
    line : str
        The line that a job folder's journal has for it, with its checksum. The
        revision it was made on is the one before that of the line.
    stream : str
        The same for all operations that one client made one after the other, each
        on what the one before had left: they are no conflict for each other.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")
    line: str = Field(min_length=2, max_length=8 << 20)
    stream: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")

    def entry(self) -> Entry:
        """Return what the line says.

        Raises
        ------
        InvalidValueError
            If it is no whole line.
        """
        data = self.line.encode("utf-8", "surrogatepass").rstrip(b"\n") + b"\n"
        found = scan_journal(data, where=f"operation {self.id}")
        if len(found.entries) != 1 or found.damaged:
            raise InvalidValueError(
                "it is not one whole line of a journal",
                where=f"operation {self.id}",
                remedy="Send the line as a job folder's journal has it",
            )
        return found.entries[0]


def operation_of(
    change: AnnotationChange, *, base: int, stream: str = "", id: str | None = None
) -> Operation:
    """Return the operation of a change that was made on a revision."""
    entry = Entry(
        revision=base + 1, time=now(), change=change, version=version_of("annotation")
    )
    line = encode_entry(entry).decode("utf-8")
    return Operation(id=id or new_id() + new_id(), line=line, stream=stream)


class OperationBatch(Value):
    """Operations on one draft, in their order.

    Parameters
    ----------
    operations : tuple of Operation
        One or more.
    strict : bool
        If True, there is one operation, and it is applied as a whole or refused:
        any other revision than the one it was made on is a conflict.
    masks : dict of str to str
        Encoded masks that the operations name, by their digests, each as base64:
        those that the server does not have, or is not known to have.
    """

    operations: tuple[Operation, ...] = Field(min_length=1, max_length=1000)
    strict: bool = False
    masks: Masks = Field(default_factory=dict)


class SliceResult(StrEnum):
    """What became of one slice of an operation."""

    APPLIED = "applied"
    ALREADY = "already"
    """The same operation was applied before."""
    CONFLICT = "conflict"
    """Somebody else changed the slice since."""


class SliceAnswer(Value):
    """What became of one slice, or of one field of the whole case.

    Parameters
    ----------
    result : SliceResult
        For a conflict the other two say what is there now.
    revision : int
        At which the slice last changed.
    document : dict, optional
        What is said of it, None for nothing.
    """

    result: SliceResult
    revision: int = Field(ge=0)
    document: Any = None


class OperationResult(Value):
    """What became of an operation.

    Parameters
    ----------
    id : str
        Of the operation.
    revision : int
        Of the draft afterwards.
    slices : dict of str to SliceAnswer
        By slice key.
    fields : dict of str to SliceAnswer
        By the name of a field of the whole case, as ``case_labels``.
    trouble : Trouble, optional
        Why nothing of it was applied.
    """

    id: str
    revision: int = Field(ge=0)
    slices: dict[str, SliceAnswer] = Field(default_factory=dict)
    fields: dict[str, SliceAnswer] = Field(default_factory=dict)
    trouble: Trouble | None = None

"""Bodies of requests and answers, apart from the values of the model."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Comment, Value, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MOST_MASKS",
    "MOST_PIXELS",
    "BlobList",
    "CommentForm",
    "Digest",
    "FlagForm",
    "ImageFile",
    "JudgeForm",
    "MaskBatch",
    "Masks",
    "NoteForm",
    "ReadForm",
    "SeriesIndex",
    "SubmitForm",
    "TextForm",
    "Trouble",
    "packed",
    "unpacked",
]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal digits."""


MOST_MASKS = 1000
"""In one request."""
MOST_PIXELS = 1 << 28
"""Of the masks of one request together: who proves them takes a second or so."""

Masks = Annotated[
    dict[
        Digest,
        Annotated[
            str,
            Field(
                json_schema_extra={
                    "contentEncoding": "base64",
                    "contentMediaType": "image/png",
                }
            ),
        ],
    ],
    Field(max_length=MOST_MASKS),
]
"""Encoded masks by their digests, each as base64."""


def packed(masks: Mapping[str, bytes]) -> dict[str, str]:
    """Return encoded masks as they go in a body of JSON."""
    return {
        digest: base64.b64encode(data).decode("ascii") for digest, data in masks.items()
    }


def unpacked(masks: Mapping[str, str]) -> dict[str, bytes]:
    """Return the encoded masks of a body; what they are is not looked at.

    Raises
    ------
    InvalidValueError
        If one is no base64.
    """
    try:
        return {
            digest: base64.b64decode(text, validate=True)
            for digest, text in masks.items()
        }
    except (binascii.Error, ValueError) as error:
        raise InvalidValueError(
            "a mask is not written in base64",
            remedy="Send what the description of the interface says",
        ) from error


class Trouble(Value):
    """Why something was not done; the body of every answer that is an error.

    Parameters
    ----------
    code : str
        Names the class of the error; one of :data:`FAULTS`.
    what, where, remedy : str, optional
        As in :class:`~napari_annotate_jobs.errors.AnnotateJobsError`.
    more : dict
        What the class has beside: ``base`` and ``current`` revision of a conflict,
        the ``verdict`` that holds.
    """

    code: str
    what: str
    where: str | None = None
    remedy: str | None = None
    more: dict[str, Any] = Field(default_factory=dict)


class BlobList(Value):
    """Digests of encoded masks.

    Parameters
    ----------
    digests : tuple of str
        At most 10,000.
    """

    digests: tuple[Digest, ...] = Field(max_length=10_000)


class MaskBatch(Value):
    """Several encoded masks of one case.

    Parameters
    ----------
    masks : dict of str to str
        By their digests, each as base64; 1 to 1,000.
    """

    masks: Annotated[Masks, Field(min_length=1)]


class SubmitForm(Value):
    """What is to be submitted.

    Parameters
    ----------
    base : int
        The revision of the draft that was looked at.
    """

    base: int = Field(ge=0, le=1 << 53)


class JudgeForm(Value):
    """What is said of a submission; see :meth:`JobStore.judge`."""

    verb: Verb
    number: int | None = Field(default=None, ge=1, le=1 << 53)
    comments: tuple[Comment, ...] = Field(default=(), max_length=10_000)
    corrected: bool = False


class CommentForm(Value):
    """What is said in a thread; see :meth:`JobStore.discuss`."""

    comment: Comment | None = None
    thread: str | None = Field(default=None, max_length=200)
    resolved: bool | None = None


class FlagForm(Value):
    """What is to be looked at in a case; see :meth:`JobStore.flag`."""

    reason: str | None = Field(default=None, max_length=10_000)
    person: str | None = Field(default=None, max_length=200)


class ReadForm(Value):
    """Which threads were read; None for all."""

    threads: tuple[str, ...] | None = Field(default=None, max_length=100_000)


Side = Annotated[int, Field(le=2**31 - 1)]


class NoteForm(Value):
    """What opening the images told; see :meth:`JobStore.note_case`."""

    n_slices: int | None = Field(default=None, le=1_000_000_000)
    size: tuple[Side, Side] | None = None
    warnings: tuple[str, ...] = Field(default=(), max_length=1000)


class TextForm(Value):
    """A text that is kept under a name."""

    text: str = Field(max_length=1_000_000)


class ImageFile(Value):
    """A file of a series.

    Parameters
    ----------
    name : str
        Relative to the folder of the series, with ``/``.
    size : int
        Bytes.
    tag : str
        Another one for other bytes.
    """

    name: str
    size: int = Field(ge=0)
    tag: str


class SeriesIndex(Value):
    """What a client needs to read the slices of a series one by one.

    Parameters
    ----------
    header : str
        The header of the series, as :meth:`SeriesHeader.from_json` reads it.
    single : bool
        True if the series is one file that was named itself.
    files : tuple of ImageFile
        In the order of the header.
    """

    header: str
    single: bool
    files: tuple[ImageFile, ...]

"""What a person changes, on its way to a server: masks first, then what names them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.model import mask_size
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.wire import (
    MOST_MASKS,
    MOST_PIXELS,
    BlobList,
    MaskBatch,
    Operation,
    OperationBatch,
    OperationResult,
    operation_of,
    packed,
)

from ._case_rows import MOST
from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from napari_annotate_jobs.model import AnnotationChange

    from ._at_hand import Answers
    from ._wire import Wire

__all__ = ["Sending"]

_ALONG = 1 << 20
"""Bytes of masks that go along with what names them: one request brings both."""
_PART = 4 << 20
"""Bytes of masks in one request: so much is sent again at most if it is cut off."""


class Sending:
    """Brings changes of a draft, and each mask once.

    Parameters
    ----------
    wire : Wire
        Leads to the server.
    answers : Answers
        Remember what was saved since the server was asked for a draft.
    """

    def __init__(self, wire: Wire, answers: Answers) -> None:
        self._wire, self._answers = wire, answers
        self._guard = threading.Lock()
        self._sent: dict[tuple[str, str], set[str]] = {}

    def save(
        self,
        job_id: str,
        case_id: str,
        change: AnnotationChange,
        blobs: Mapping[str, bytes],
        *,
        base: int,
        of: str | None = None,
    ) -> int:
        """Save a change, and return the new revision; see :meth:`JobStore.save`."""
        needed = {d: blobs[d] for d in _rules.referenced(change) if d in blobs}
        new = self._unsent(job_id, case_id, needed)
        operation = operation_of(change, base=base)
        try:
            done = self._save(job_id, case_id, operation, new, of)
        except InvalidValueError:
            if len(new) == len(needed):
                raise
            # The server may have dropped a mask that nothing named for a while.
            with self._guard:
                self._sent.pop((job_id, case_id), None)
            done = self._save(job_id, case_id, operation, needed, of)
        self._note_saved(job_id, case_id, operation, done, needed, of)
        return done

    def _save(
        self,
        job_id: str,
        case_id: str,
        operation: Operation,
        masks: Mapping[str, bytes],
        of: str | None,
    ) -> int:
        """Bring an operation with masks; with it, unless they are many."""
        if sum(map(len, masks.values())) > _ALONG or len(list(_parts(masks))) > 1:
            self.send_blobs(job_id, case_id, masks)
            masks = {}
        batch = OperationBatch(
            operations=(operation,), strict=True, masks=packed(masks)
        )
        done = self.send_operations(job_id, case_id, batch, of=of)[0].revision
        self._note_sent(job_id, case_id, masks)
        return done

    def _unsent(
        self, job_id: str, case_id: str, blobs: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        with self._guard:
            sent = self._sent.get((job_id, case_id), set())
            return {d: bytes(data) for d, data in blobs.items() if d not in sent}

    def _note_sent(self, job_id: str, case_id: str, digests: Iterable[str]) -> None:
        with self._guard:
            self._sent.setdefault((job_id, case_id), set()).update(digests)

    def _note_saved(
        self,
        job_id: str,
        case_id: str,
        operation: Operation,
        revision: int,
        blobs: Mapping[str, bytes],
        of: str | None,
    ) -> None:
        kept, here = self._answers.kept, quoted("jobs", job_id, "cases", case_id)
        if kept is None or not kept.has(f"{here}/draft", {"of": of}):
            return
        kept.note(f"{here}/draft", {"of": of}, revision, operation)
        for digest, data in blobs.items():
            kept.keep(f"{here}/blobs/{digest}", {}, bytes(data))

    def send_blobs(self, job_id: str, case_id: str, blobs: Mapping[str, bytes]) -> None:
        """Bring encoded masks that the server does not have, many in one request."""
        new = self._unsent(job_id, case_id, blobs)
        if sum(map(len, new.values())) > _ALONG:
            # To send them takes longer than to ask which are there.
            missing = set(self.missing_blobs(job_id, case_id, new))
            here = [digest for digest in new if digest not in missing]
            self._note_sent(job_id, case_id, here)
            new = {digest: data for digest, data in new.items() if digest in missing}
        path = ("jobs", job_id, "cases", case_id, "blobs")
        for part in _parts(new):
            if len(part) == 1:
                ((digest, data),) = part.items()
                self._wire.request("PUT", quoted(*path, digest), body=data)
            else:
                form = MaskBatch(masks=packed(part))
                self._wire.request("POST", quoted(*path), body=form, repeat=True)
            # What is there need not be sent again, should the next not arrive.
            self._note_sent(job_id, case_id, part)

    def missing_blobs(
        self, job_id: str, case_id: str, digests: Collection[str]
    ) -> list[str]:
        """Return which masks the server does not have."""
        left: list[str] = []
        every = list(digests)
        path = quoted("jobs", job_id, "cases", case_id) + "/blobs:missing"
        for start in range(0, len(every), 10 * MOST):
            form = BlobList(digests=tuple(every[start : start + 10 * MOST]))
            answer = self._wire.request("POST", path, body=form, repeat=True)
            left += self._wire.value(answer, BlobList).digests
        return left

    def send_operations(
        self,
        job_id: str,
        case_id: str,
        batch: OperationBatch,
        *,
        of: str | None = None,
    ) -> list[OperationResult]:
        """Bring operations on this person's draft; the same again does no harm."""
        path = quoted("jobs", job_id, "cases", case_id, "ops")
        answer = self._wire.request(
            "POST", path, query={"of": of}, body=batch, repeat=True
        )
        return self._wire.value(answer, list[OperationResult])


def _parts(masks: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Give masks in parts that go in one request."""
    part: dict[str, bytes] = {}
    size = pixels = 0
    for digest, data in masks.items():
        more = _pixels_of(data)
        size, pixels = size + len(data), pixels + more
        if part and (size > _PART or pixels > MOST_PIXELS or len(part) == MOST_MASKS):
            yield part
            part, size, pixels = {}, len(data), more
        part[digest] = data
    if part:
        yield part


def _pixels_of(data: bytes) -> int:
    try:
        rows, columns = mask_size(data)
    except CorruptError:
        return 0  # the server says what is wrong with it
    return rows * columns

"""What a person changes, on its way to a server: masks first, then what names them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.wire import (
    BlobList,
    Operation,
    OperationBatch,
    OperationResult,
    operation_of,
)

from ._case_rows import MOST
from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from napari_annotate_jobs.model import AnnotationChange

    from ._at_hand import Answers
    from ._wire import Wire

__all__ = ["Sending"]

_FEW = 4
"""So many masks are sent without asking first which are there."""


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
        skipped = self.send_blobs(job_id, case_id, needed)
        batch = OperationBatch(
            operations=(operation_of(change, base=base),), strict=True
        )
        try:
            done = self.send_operations(job_id, case_id, batch, of=of)[0].revision
        except InvalidValueError:
            if not skipped:
                raise
            # The server may have dropped a mask that nothing named for a while.
            with self._guard:
                self._sent.pop((job_id, case_id), None)
            self.send_blobs(job_id, case_id, needed)
            done = self.send_operations(job_id, case_id, batch, of=of)[0].revision
        self._note_saved(job_id, case_id, batch.operations[0], done, needed, of)
        return done

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

    def send_blobs(self, job_id: str, case_id: str, blobs: Mapping[str, bytes]) -> bool:
        """Bring encoded masks that the server does not have.

        Returns
        -------
        bool
            True if some were left out, since they had been brought before.
        """
        place = job_id, case_id
        with self._guard:
            sent = self._sent.setdefault(place, set())
            new = [digest for digest in blobs if digest not in sent]
        skipped = len(new) < len(blobs)
        if len(new) > _FEW:
            new = self.missing_blobs(job_id, case_id, new)
        for digest in new:
            path = quoted("jobs", job_id, "cases", case_id, "blobs", digest)
            self._wire.request("PUT", path, body=bytes(blobs[digest]))
        with self._guard:
            sent.update(blobs)
        return skipped

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

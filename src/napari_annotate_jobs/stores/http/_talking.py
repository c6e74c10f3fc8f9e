"""What is said of cases on a server: threads, and flags."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import StoreError
from napari_annotate_jobs.model import Comment, Flag, Thread
from napari_annotate_jobs.stores.wire import CommentForm, FlagForm, ReadForm

from ._owning import OwnedJobs
from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["DiscussedJobs"]


class DiscussedJobs(OwnedJobs):
    """The part of a store that says something of cases on a server."""

    def threads(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Thread]:
        found: list[Thread] = self._get(
            list[Thread], job_id, "cases", case_id, "threads", person=person
        )
        return tuple(found)

    def discuss(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        comment: Comment | None = None,
        thread: str | None = None,
        resolved: bool | None = None,
    ) -> Thread:
        form = CommentForm(comment=comment, thread=thread, resolved=resolved)
        found: Thread = self._post(
            Thread, job_id, "cases", case_id, "threads", body=form, person=person
        )
        return found

    def mark_read(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        threads: Collection[str] | None = None,
    ) -> None:
        form = ReadForm(threads=None if threads is None else tuple(threads))
        path = quoted("jobs", job_id, "cases", case_id) + "/threads:read"
        self.wire.request(
            "POST", path, query={"person": person}, body=form, repeat=True
        )

    def flag(
        self,
        job_id: str,
        case_id: str,
        reason: str | None,
        *,
        person: str | None = None,
    ) -> tuple[Flag, ...]:
        form = FlagForm(reason=reason, person=person)
        path = quoted("jobs", job_id, "cases", case_id, "flag")
        # Twice the same is once: it may be sent again.
        done = self.wire.request("PUT", path, body=form, repeat=True)
        found: list[Flag] = self.wire.value(done, list[Flag])
        with suppress(StoreError):
            self.case(job_id, case_id)  # as it is at hand offline
        return tuple(found)

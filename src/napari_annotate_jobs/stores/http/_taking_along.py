"""Cases of a server that are brought to this computer, to be worked on without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, StoreAccessError

from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_annotate_jobs.stores._contract import JobStore

    from ._at_hand import Answers
    from ._remote_images import RemoteImages

__all__ = ["TakingAlong"]


class TakingAlong:
    """Keeps all of a case here, for as long as it is wanted.

    Parameters
    ----------
    store : JobStore
        What is asked of it, is kept.
    answers, images : Answers, RemoteImages
        Keep it.
    """

    def __init__(self, store: JobStore, answers: Answers, images: RemoteImages) -> None:
        self._store, self._answers, self._images = store, answers, images

    def take(self, job_id: str, case_id: str) -> Iterator[tuple[int, int]]:
        """Bring all of a case; tells how much is here of how much.

        Raises
        ------
        StoreError
            If the server does not answer, or there is no room.
        """
        store, kept = self._store, self._answers.kept
        if kept is None:
            raise InvalidValueError("this store keeps nothing", where=store.location)
        yield 0, 1
        store.jobs()
        store.job(job_id)
        store.counts(job_id)
        store.cases(job_id)
        case = store.case(job_id, case_id).case
        draft = store.load(job_id, case_id)
        store.threads(job_id, case_id)
        store.verdicts(job_id, case_id)
        digests = set(draft.annotation.blobs())
        for submission in store.submissions(job_id, case_id):
            digests |= set(submission.annotation.blobs())
        for digest in sorted(digests):
            store.read_blob(job_id, case_id, digest)
        here = quoted("jobs", job_id, "cases", case_id)
        for path in ("/jobs", here, f"{here}/draft"):
            folder = kept.folder(path)
            if not folder.is_dir():
                raise StoreAccessError(
                    "there is no room for the case",
                    where=folder,
                    remedy="Free some space there, or make the folder writable",
                )
            kept.cache.take_along(folder)
        yield from self._images.take_along(job_id, case)

    def put_back(self, job_id: str, case_id: str) -> None:
        """Let what was taken along go, when there is no room for it any more."""
        kept = self._answers.kept
        if kept is None:
            return
        case = self._store.case(job_id, case_id).case
        path = quoted("jobs", job_id, "cases", case_id, "draft")
        kept.cache.take_along(kept.folder(path), along=False)
        self._images.put_back(job_id, case)

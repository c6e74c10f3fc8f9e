"""Proposes masks while a person works, and keeps the proposals up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_annotate_jobs.editing._enter_proposals import INTERPOLATE, enter_proposals
from napari_annotate_jobs.editing._following import FOLLOW, Followed, plan_following
from napari_annotate_jobs.editing._interpolation import (
    label_keys,
    plan_interpolation,
    rejected_labels,
)
from napari_annotate_jobs.editing._refresh import KeyWatch, Refresh
from napari_annotate_jobs.errors import AnnotateJobsError, Cancelled, TransitionError
from napari_annotate_jobs.model import Method, Provenance

from ._background_work import Work
from ._connections import Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_annotate_jobs.editing._editor import CaseEditor
    from napari_annotate_jobs.editing._interpolation import InterpolationPlan, Proposed

    from ._background_work import Worker
    from ._session import AnnotationSession

    Found = dict[str, dict[int, Proposed]]

__all__ = ["Proposer"]

PAUSE = 0.25
"""Seconds without an edit before proposals are brought up to date."""

FAR = 64
"""Slices followed either way in a series that is too large to be read whole."""


class Proposer:
    """Interpolates masks, follows the image, and refreshes what was proposed.

    Proposals that were interpolated are refreshed in the background when a key
    slice near them changes: as no undo step, and only where they still wait to be
    confirmed.

    Parameters
    ----------
    session : AnnotationSession
        Whose open case is worked on.
    worker : Worker
        Does the slow things.
    voxels : callable
        Returns the voxels of the open case, (slices, rows, columns[, channels]),
        or None while they are not there.
    lazy : callable, optional
        Tells whether reading all voxels would take more memory than there is:
        then only those that are needed are read.
    """

    told = Signal(str)
    """What came of it."""
    failed = Signal(Exception)
    """Something went wrong."""

    def __init__(
        self,
        session: AnnotationSession,
        worker: Worker,
        *,
        voxels: Callable[[], Any],
        lazy: Callable[[], bool] = lambda: False,
    ) -> None:
        self.session, self.worker = session, worker
        self._voxels, self._lazy = voxels, lazy
        self._work: Work | None = None
        self._watch = KeyWatch()
        self._scheduled = self._entering = False
        self._waiting: list[Callable[[], None]] = []
        self._connections = Connections(
            [
                (session.opened, self._on_opened),
                (session.closed, self._on_closed),
                (session.slices_changed, self._on_slices_changed),
            ]
        )
        if session.is_open:
            self._look()

    @property
    def is_idle(self) -> bool:
        """True if nothing is under way, and every proposal is up to date."""
        return self._work is None and not self._watch.dirty

    def when_settled(self, call: Callable[[], None]) -> None:
        """Call `call` once every proposal is up to date."""
        if self.is_idle:
            call()
            return
        self._waiting.append(call)
        if self._work is None:
            self._refresh()

    def cancel(self) -> None:
        """Stop what is under way."""
        if self._work is not None:
            self._work.cancel()

    def close(self) -> None:
        """Stop, and follow the session no more."""
        self._on_closed()
        self._connections.release()

    # ------------------------------------------------------------ interpolating
    def interpolate(self, span: tuple[int, int] | None = None) -> None:
        """Propose masks between all neighbouring key slices; one undo step.

        Parameters
        ----------
        span : (int, int), optional
            First and last slice to propose on; by default all. What was rejected
            is proposed again only if slices are named here.

        Raises
        ------
        TransitionError
            If nothing is between key slices, or something is under way.
        """
        editor = self._editor()
        wanted = None if span is None else range(span[0], span[1] + 1)
        plans = []
        for group in editor.labels.overlap_groups:
            left_out = rejected_labels(editor, group) if span is None else None
            plan = plan_interpolation(editor, group, wanted, left_out=left_out)
            if plan is not None:
                plans.append(plan)
        if not plans:
            raise TransitionError(
                "there is nothing between key slices"
                + ("" if span is None else " in this range"),
                remedy="Paint the same label on two slices or more, with others "
                "between them",
            )
        state = self._state_of(plans, editor)

        def done(found: Found) -> None:
            if not self._is_current(editor):
                return
            if self._state_of(plans, editor) != state:
                self.interpolate(span)  # a key slice was changed meanwhile
                return
            if self._enter(editor, found, Provenance.INTERPOLATED):
                self.told.emit(_proposed_on(editor, found))
            else:
                self.told.emit("Nothing new to propose between the key slices.")

        work = Work("Interpolating masks")
        self._run(work, self._interpolating(plans), done, self._tell_stopped)

    def _interpolating(self, plans: list[InterpolationPlan]) -> Callable[[Work], Found]:
        # A series too large for the memory is not read for its hints.
        image = None if self._lazy() else self._voxels()
        spacing = self._spacing()

        def task(work: Work) -> Found:
            return {
                plan.group: plan.run(
                    image, spacing, progress=work.report, cancelled=work.cancelled
                )
                for plan in plans
            }

        return task

    # ---------------------------------------------------------------- following
    def follow(
        self, backward: bool, forward: bool, span: tuple[int, int] | None = None
    ) -> None:
        """Follow the masks of the current slice into its neighbours.

        The chosen label is followed if the slice carries it, else all of them.

        Parameters
        ----------
        backward, forward : bool
            Where to.
        span : (int, int), optional
            First and last slice to go to; by default all.

        Raises
        ------
        TransitionError
            If there is nothing to follow, or something is under way.
        """
        editor, origin = self._editor(), self.session.slice
        voxels = self._voxels()
        if voxels is None:
            raise TransitionError(
                "the images are still being read", remedy="Try again in a moment"
            )
        low, high = (0, editor.n_slices - 1) if span is None else span
        if self._lazy():
            low, high = max(low, origin - FAR), min(high, origin + FAR)
        start, stop = (low if backward else origin), (high if forward else origin)
        label = self.session.label
        groups = [g for g in editor.labels.overlap_groups if self._has(g, origin)]
        if label is not None and label.method is Method.SEGMENTATION:
            own = label.overlap_group
            groups = [own] if own in groups or not groups else groups
        plans = [
            plan_following(
                editor,
                group,
                origin,
                start=start,
                stop=stop,
                label_id=None if label is None else label.id,
            )
            for group in groups or editor.labels.overlap_groups[:1]
        ]
        state = [editor.content(origin).masks.get(plan.group) for plan in plans]
        spacing = self._spacing()

        def task(work: Work) -> list[Followed]:
            return [
                plan.run(voxels, spacing, cancelled=work.cancelled) for plan in plans
            ]

        def done(results: list[Followed]) -> None:
            if not self._is_current(editor):
                return
            now = [editor.content(origin).masks.get(plan.group) for plan in plans]
            if now != state:
                self.told.emit("The slice was changed meanwhile: nothing was proposed.")
                return
            found = {
                plan.group: result.found
                for plan, result in zip(plans, results, strict=True)
            }
            self._enter(editor, found, Provenance.TRACKED, text=FOLLOW)
            self.told.emit("\n".join(result.text for result in results))

        self._run(Work("Following the image"), task, done, self._tell_stopped)

    def _has(self, group: str, index: int) -> bool:
        return group in self.session.editor.content(index).masks

    # --------------------------------------------------------------- refreshing
    def _on_opened(self, case: object) -> None:
        self._look()

    def _on_closed(self) -> None:
        self.cancel()
        self._work = None
        self._forget()

    def _forget(self) -> None:
        self._watch.forget()
        self._waiting.clear()

    def _look(self) -> None:
        self._forget()
        self._watch.look(self.session.editor)

    def _on_slices_changed(self, indices: tuple[int, ...]) -> None:
        self._watch.look_again(self.session.editor, indices, ours=self._entering)
        if self._watch.dirty and not self._scheduled:
            self._scheduled = True
            self.worker.executor.later(PAUSE, self._on_time)

    def _on_time(self) -> None:
        self._scheduled = False
        self._refresh()

    def _refresh(self) -> None:
        """Bring the proposals near changed key slices up to date."""
        if self._work is not None:  # goes on when that has ended
            return
        dirty = dict(self._watch.dirty)
        self._watch.dirty.clear()
        if not dirty or self.session.locked:
            self._settle()
            return
        editor = self.session.editor
        refresh = Refresh(editor, dirty)
        plans = refresh.plans
        state = self._state_of(plans, editor)

        def again() -> None:
            if self._is_current(editor):
                self._watch.add(dirty)

        def done(found: Found) -> None:
            if not self._is_current(editor):
                return
            if self._state_of(plans, editor) != state:
                again()
                return
            fresh = refresh.merged(found)
            self._enter(editor, fresh, Provenance.INTERPOLATED, amend=True)

        work = Work("Refreshing proposals", quiet=True)
        self._run(work, self._interpolating(plans), done, again)

    # ---------------------------------------------------------------- internals
    def _editor(self) -> CaseEditor:
        editor = self.session.editor
        if self._work is not None and not self._work.quiet:
            raise TransitionError(
                "masks are being proposed already",
                remedy="Wait until that is done, or cancel it in the activity dock",
            )
        editor.check_unlocked()
        return editor

    def _is_current(self, editor: CaseEditor) -> bool:
        """Tell whether a result still has a place to go to."""
        session = self.session
        return session.is_open and session.editor is editor and not editor.is_fixed

    def _spacing(self) -> tuple[float, ...] | None:
        case = self.session.case
        if case is None or not case.series.header.has_spacing:
            return None
        return tuple(float(x) for x in case.series.header.spacing)

    def _state_of(
        self, plans: Iterable[InterpolationPlan], editor: CaseEditor
    ) -> list[Any]:
        """Return what the plans were made from."""
        return [
            (plan.group, label_keys(editor, plan.group), nothing, refs)
            for plan in plans
            for contents in [editor.contents()]
            for nothing in [{i for i, c in contents.items() if c.nothing_to_label}]
            for refs in [
                {
                    i: contents[i].masks[plan.group].digest
                    for i in plan.blobs
                    if i in contents and plan.group in contents[i].masks
                }
            ]
        ]

    def _enter(
        self,
        editor: CaseEditor,
        found: Found,
        provenance: Provenance,
        *,
        text: str = INTERPOLATE,
        amend: bool = False,
    ) -> bool:
        self._entering = True
        try:
            return enter_proposals(
                editor, found, provenance=provenance, text=text, amend=amend
            )
        finally:
            self._entering = False

    def _run(
        self,
        work: Work,
        task: Callable[[Work], Any],
        done: Callable[[Any], None],
        stopped: Callable[[], None],
    ) -> None:
        if self._work is not None:  # a refresh: what is asked for goes first
            self._work.cancel()
        self._work = work

        def succeeded(result: Any) -> None:
            if self._work is work:
                self._work = None
            try:
                done(result)
            except AnnotateJobsError as error:
                self.failed.emit(error)
            self._go_on()

        def broke(error: Exception) -> None:
            if self._work is work:
                self._work = None
            if isinstance(error, Cancelled):
                stopped()
            else:
                self.failed.emit(error)
            self._go_on()

        self.worker.run(work, task, succeeded, broke)

    def _tell_stopped(self) -> None:
        if self.session.is_open:
            self.told.emit("It was stopped: nothing was changed.")

    def _go_on(self) -> None:
        if self._work is None and self._watch.dirty and not self._scheduled:
            self._refresh()
        else:
            self._settle()

    def _settle(self) -> None:
        if self.is_idle:
            calls, self._waiting = self._waiting, []
            for call in calls:
                call()


def _proposed_on(editor: CaseEditor, found: Found) -> str:
    slices = {i for by_slice in found.values() for i in by_slice}
    n = sum(1 for i in slices if editor.content(i).proposals)
    return (
        f"{n} slice{' holds' if n == 1 else 's hold'} proposals now. Look through "
        "them, then confirm them: one by one, or all at once."
    )

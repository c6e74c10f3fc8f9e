"""What proposes masks and settles proposals, from the dock, the panel and by key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import Connections, Proposer, Worker
from napari_annotate_jobs.viewer import WorkProgress

from ._slices import SliceController

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.session import Executor
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import MaskSection, PropagatePanel

    from ._workbench import Workbench

__all__ = ["MaskActions"]

PANEL = (
    (
        "interpolate",
        "Interpolate",
        "Proposes masks between the slices you painted, one outline a slice for you "
        "to confirm. Nothing confirmed is touched.",
    ),
    (
        "follow",
        "Follow image",
        "Proposes what you painted on the current slice on the slices beside it, as "
        "far as the image shows it. Nothing confirmed is touched.",
    ),
)
"""Kind, entry and explanation, for the Propagate panel."""


class MaskActions:
    """Actions that propose masks, and those on all proposals of the case.

    Parameters
    ----------
    bench : Workbench
        Whose session is acted on.
    bridge : ViewerBridge
        Shows the case, and has its voxels.
    images : Executor
        Does the slow things.
    section : MaskSection
        The section of the dock.
    panel : PropagatePanel
        Offers what proposes masks over slices.

    Attributes
    ----------
    slices : SliceController
        Settles proposals, once those that are due have been renewed.
    """

    def __init__(
        self,
        bench: Workbench,
        bridge: ViewerBridge,
        images: Executor,
        section: MaskSection,
        panel: PropagatePanel,
    ) -> None:
        self._bench = bench
        self._session, self._bridge = bench.session, bridge
        self._section = section
        self._waiting = frozenset[int]()
        self.worker = Worker(images)
        self.progress = WorkProgress(self.worker)
        self.proposer = Proposer(
            self._session,
            self.worker,
            voxels=self._voxels,
            lazy=lambda: self._bridge.is_lazy,
        )
        self.slices = SliceController(bench, self.proposer.when_settled)
        session = self._session
        self._connections = Connections(
            [
                (self.proposer.told, self._tell),
                (self.proposer.failed, bench.show_error),
                (session.opened, self._recount),
                (session.closed, self._recount),
                (session.busy, self._recount),
                (session.slices_changed, self._recount),
                (session.status_changed, self._recount),
                (session.slice_changed, self.show_selection),
                (session.label_changed, self.show_selection),
            ]
        )
        self._section.requested.connect(self._do)
        panel.add_mask_actions(PANEL)
        panel.masks_requested.connect(self._from_panel)

    def close(self) -> None:
        """Let go of the session."""
        self.proposer.close()
        self.progress.close()
        self._connections.release()

    def _voxels(self) -> Any:
        return None if self._bridge.is_loading else self._bridge.voxels

    def _tell(self, text: str) -> None:
        self._session.told.emit(text)

    # --------------------------------------------------------------- showing
    def _recount(self, *_: object) -> None:
        session = self._session
        self._waiting = frozenset[int]()
        if not session.locked:
            contents = session.editor.contents().items()
            self._waiting = frozenset(i for i, c in contents if c.has_proposals)
        self.show_selection()

    def show_selection(self, *_: object) -> None:
        """Show what can be proposed, and on how many of the slices at hand."""
        session = self._session
        editable = not session.locked
        if session.is_open:  # while a case is read, nothing moves
            several = session.editor.n_slices > 1
            labels = session.job.project.label_set
            masks = labels.method_at(session.label) is Method.SEGMENTATION
            self._section.offer(
                masks=masks and several and editable, proposals=bool(self._waiting)
            )
        self._section.set_state(
            editable=editable,
            slices=len(self._waiting),
            chosen=len(self._waiting.intersection(self._bench.chosen())),
        )

    @property
    def are_waiting(self) -> bool:
        """True if a slice of the case holds proposals."""
        return bool(self._waiting)

    # ---------------------------------------------------------------- acting
    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        calls: dict[str, Callable[[], object]] = {
            "next_proposal": partial(self._go, 1),
            "previous_proposal": partial(self._go, -1),
        }
        if self._session.job.project.label_set.of(Method.SEGMENTATION):
            calls["interpolate"] = self._interpolate
            calls["follow"] = partial(self._follow, True, True)
            calls["follow_back"] = partial(self._follow, True, False)
            calls["follow_on"] = partial(self._follow, False, True)
        calls["confirm"] = lambda: self.slices.confirm(self._bench.targets())
        calls["reject"] = lambda: self.slices.reject(self._bench.targets())
        calls["confirm_all"] = partial(self._settle_all, True)
        calls["reject_all"] = partial(self._settle_all, False)
        return {name: partial(self._bench.act, call) for name, call in calls.items()}

    def _do(self, name: str) -> None:
        self.by_id()[name]()

    def _interpolate(self) -> None:
        self.proposer.interpolate(self._selection())

    def _follow(self, back: bool, on: bool) -> None:
        span = self._selection()
        if span is None:
            self._bench.check_shown()
        elif not span[0] <= self._session.slice <= span[1]:
            span = None  # a selection elsewhere says nothing about this slice
        self.proposer.follow(back, on, span)

    def _selection(self) -> tuple[int, int] | None:
        """Return the selected slices; one alone is just where the user is."""
        selection = self._bench.selection()
        if selection is None or selection[0] == selection[1]:
            return None
        return selection

    def _from_panel(self, start: int, stop: int, kind: str) -> None:
        if kind == "interpolate":
            self._bench.act(partial(self._interpolate_over, (start, stop)))
        elif kind == "follow":
            self._bench.act(partial(self._follow_over, (start, stop)))

    def _interpolate_over(self, span: tuple[int, int]) -> None:
        self.proposer.interpolate(span)

    def _follow_over(self, span: tuple[int, int]) -> None:
        here = self._session.slice
        first, last = min(span[0], here), max(span[1], here)
        self.proposer.follow(True, True, (first, last))

    # -------------------------------------------------------------- settling
    def _settle_all(self, confirm: bool) -> None:
        if self._waiting:
            slices = self.slices
            (slices.confirm if confirm else slices.reject)(sorted(self._waiting))
        else:
            self._tell("Nothing in this case waits to be confirmed.")

    def _go(self, step: int) -> None:
        session, editor = self._session, self._session.editor
        index = editor.next_where(session.slice, step, self._waiting.__contains__)
        if index < 0:
            self._tell("Nothing in this case waits to be confirmed.")
        else:
            session.slice = index
            self._bridge.show_acquired()

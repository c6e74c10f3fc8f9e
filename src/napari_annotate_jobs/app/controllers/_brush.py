"""Switches how the brush paints, and keeps the dock true to it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import Connected, Connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import BrushSection

    from ._workbench import Workbench

__all__ = ["BrushController"]


class BrushController(Connected):
    """The options of the brush, from the dock and by key.

    Parameters
    ----------
    bench : Workbench
        Whose session is acted on.
    bridge : ViewerBridge
        Has the brush.
    section : BrushSection
        The section of the dock.
    """

    def __init__(
        self, bench: Workbench, bridge: ViewerBridge, section: BrushSection
    ) -> None:
        self._bench, self._session = bench, bench.session
        self._options, self._section = bridge.brush, section
        session = self._session
        self._connections = Connections(
            [
                (self._options.changed, self.refresh),
                (session.opened, self.refresh),
                (session.closed, self.refresh),
                (session.label_changed, self.refresh),
                (session.status_changed, self.refresh),
            ]
        )
        section.requested.connect(self._do)
        section.range_changed.connect(self._set_range)
        section.window_requested.connect(partial(bench.act, self._take_window))
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show how the brush paints, while a label for masks is chosen."""
        session, options = self._session, self._options
        labels = session.job.project.label_set
        armed = labels.method_at(session.label) is Method.SEGMENTATION
        self._section.setVisible(armed and session.is_open and not session.locked)
        header = None if session.case is None else session.case.series.header
        self._section.set_state(
            trace=options.trace,
            erase_chosen=options.erase_chosen,
            limits=options.limits,
            unit="" if header is None else header.unit or "",
            has_values=header is None or not header.is_color,
        )

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        calls: dict[str, Callable[[], object]] = {
            "trace": partial(self._switch, "trace"),
            "erase_chosen": partial(self._switch, "erase_chosen"),
            "paint_range": self._switch_range,
        }
        return {name: partial(self._bench.act, call) for name, call in calls.items()}

    def _do(self, name: str) -> None:
        self.by_id()[name]()

    def _switch(self, name: str) -> None:
        self._options.set(**{name: not getattr(self._options, name)})

    def _switch_range(self) -> None:
        if self._options.limits is None:
            self._take_window()
        else:
            self._options.set(limits=None)

    def _take_window(self) -> None:
        window, case = self._session.window, self._session.case
        if window is None or case is None or case.series.header.is_color:
            raise TransitionError(
                "an image in colour has no values to paint within",
                remedy="Paint without a range",
            )
        low, high = window.limits
        self._options.set(limits=(float(low), float(high)))

    def _set_range(self, low: float, high: float) -> None:
        self._options.set(limits=(min(low, high), max(low, high)))

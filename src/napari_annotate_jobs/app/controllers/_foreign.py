"""Layers that are not the open case's: whether they stay shown at a change of case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.app._asks import take_back
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets import listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QMessageBox

    from napari_annotate_jobs.viewer import ForeignLayers
    from napari_annotate_jobs.widgets import AsideLine

    from ._workbench import Workbench

__all__ = ["ForeignController"]

HIDE, KEEP = "Hide them (kept in the layer list)", "Keep them shown"
BEFORE = "Until you answer they are hidden: no two patients lie over each other."


class ForeignController:
    """Asks once what becomes of foreign layers, and says what became of them.

    Parameters
    ----------
    line : AsideLine
        Says which there are.
    foreign : ForeignLayers
        The layers.
    bench : Workbench
        Whose session it is.
    """

    def __init__(
        self, line: AsideLine, foreign: ForeignLayers, bench: Workbench
    ) -> None:
        self._line, self._foreign, self._bench = line, foreign, bench
        self._box: QMessageBox | None = None
        session = bench.session
        self._connections = Connections(
            [
                (session.opened, self._opened),
                (session.closed, self._update),
                (foreign.aside_changed, self._update),
                (line.change_requested, self.ask),
            ]
        )
        self._update()

    def close(self) -> None:
        """Let go of both; a question that is open is taken back."""
        self._connections.release()
        self._take_back()

    @property
    def _has_some(self) -> bool:
        return bool(self._foreign.hidden or self._foreign.shown)

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id: none without such layers."""
        return {"other_layers": self.ask} if self._has_some else {}

    def _update(self) -> None:
        foreign = self._foreign
        self._line.set_layers(
            [layer.name for layer in foreign.hidden],
            [layer.name for layer in foreign.shown],
        )
        if not self._has_some:
            self._take_back()  # there is nothing to ask about any more

    def _opened(self) -> None:
        self._update()
        if self._foreign.is_asked_for and self._bench.session.is_open:
            self.ask()
        else:
            self._take_back()

    def ask(self) -> None:
        """Ask whether foreign layers are to be hidden."""
        foreign = self._foreign
        names = [layer.name for layer in (*foreign.hidden, *foreign.shown)]
        be = "is" if len(names) == 1 else "are"
        detail = (
            "The answer holds until napari is closed; the line under the name of the "
            "case changes it. With the eye in the layer list a single layer is shown "
            "beside this case."
        )
        is_first = foreign.keep is None
        if is_first:
            detail = f"{BEFORE} {detail}"
        self._take_back()
        # Asked for the first time, Esc is the safe answer; later, it changes nothing.
        self._box = box = self._bench.ask_at_large(
            f"{listed(names)} {be} not of this case. What becomes of layers that are "
            "not of the open case?",
            {HIDE: lambda: self._settle(False), KEEP: lambda: self._settle(True)},
            detail,
            cancel="" if is_first else "Cancel",
        )
        box.finished.connect(self._answered)

    def _settle(self, keep: bool) -> None:
        self._foreign.keep = keep

    def _answered(self) -> None:
        self._box = None

    def _take_back(self) -> None:
        box, self._box = self._box, None
        take_back(box)

"""What is done with jobs as a whole, whoever asks: key, button, command palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_annotate_jobs.widgets import OF_JOBS

from ._key_router import KeyRouter
from ._owner_windows import the_one
from ._palette import Palette
from ._settings import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from ._workstation import Workstation

__all__ = ["JobActions"]

PANELS = {
    "export_job": "Export",
    "import_job": "Import",
    "statistics_job": "Statistics",
    "combine_labels": "Combine Labels",
}
"""Actions that show a panel, with the name that the manifest gives it."""


class JobActions(QObject):
    """The actions that need no open case, and all of ours in the command palette.

    Parameters
    ----------
    station : Workstation
        Whose viewer it is.
    """

    def __init__(self, station: Workstation) -> None:
        super().__init__(station)
        self._station = station
        self._offers: Callable[[], dict[str, Callable[[], None]]] | None = None
        self._keys: KeyRouter | None = None
        self._palette = Palette(station.viewer, self.do, self.applies)
        station.keymap_changed.connect(self._set_keys)
        station.closing.connect(self.close)

    @classmethod
    def of(cls, station: Workstation) -> JobActions:
        """Return the actions of a workstation; there is one for each."""
        return the_one(cls, station)

    def watch(
        self, offers: Callable[[], dict[str, Callable[[], None]]], window: QWidget
    ) -> None:
        """Do what a dock of My Jobs offers, by keys in its window, too."""
        self._offers = offers
        if self._keys is None:
            self._keys = KeyRouter(window)
            self._set_keys()

    def _set_keys(self, *_: object) -> None:
        if self._keys is not None:
            key = self._station.keymap.key
            calls = {key(name): partial(self.do, name) for name in OF_JOBS if key(name)}
            self._keys.set_keys(calls)

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return what can be done now, by its id; what the open case offers is not in.

        See :meth:`OpenJob.by_id` for that.
        """
        station = self._station
        if self._offers is None:
            return {}
        calls = self._offers()
        if station.current_job is not None:
            for name, panel in PANELS.items():
                calls[name] = partial(station.panel_requested.emit, panel)
        return calls

    def do(self, action_id: str) -> None:
        """Do an action.

        Parameters
        ----------
        action_id : str
            One of :data:`ACTIONS`; nothing happens where it does not apply.
        """
        open_job = self._station.current_job
        if open_job is not None and action_id in open_job.by_id():
            open_job.focus_canvas()  # the palette had the keyboard, and is gone
            open_job.do(action_id)
            return
        call = self.by_id().get(action_id)
        if call is not None:
            if action_id not in PANELS:
                self._come_forward()
            call()

    def _come_forward(self) -> None:
        """Show My Jobs, where the answer will be."""
        dock, _ = self._station.viewer.window.add_plugin_dock_widget(PLUGIN, "My Jobs")
        dock.show()
        dock.raise_()

    def applies(self, action_id: str) -> bool:
        """Return True if an action can be done now.

        Parameters
        ----------
        action_id : str
            One of :data:`ACTIONS`.
        """
        open_job = self._station.current_job
        if open_job is not None and action_id in open_job.by_id():
            return open_job.applies(action_id)
        return action_id in self.by_id()

    def close(self) -> None:
        """Offer nothing any more."""
        self._palette.close()
        self._offers = None
        if self._keys is not None:
            self._keys.clear()
            self._keys = None

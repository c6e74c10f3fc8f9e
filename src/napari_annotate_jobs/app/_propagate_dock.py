"""The dock that propagates what a slice says: shown when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import napari
    from qtpy.QtWidgets import QDockWidget

    from napari_annotate_jobs.widgets import PropagatePanel

__all__ = ["PropagateDock"]


class PropagateDock:
    """Shows the panel beside the image, as a tab with the Annotate dock.

    Parameters
    ----------
    viewer : napari.Viewer
        Its window gets the dock.
    panel : PropagatePanel
        What is docked.
    """

    def __init__(self, viewer: napari.Viewer, panel: PropagatePanel) -> None:
        self._viewer, self._panel = viewer, panel
        self._dock: QDockWidget | None = None

    def show(self, selection: tuple[int, int] | None) -> None:
        """Begin to propagate, over slices that are selected or others."""
        if self._panel.parent() is None:
            self._dock = self._viewer.window.add_dock_widget(
                self._panel,
                name="Propagate",
                area="right",
                tabify=True,
                add_vertical_stretch=False,
            )
        assert self._dock is not None
        self._dock.show()
        self._dock.raise_()
        self._panel.begin(selection)

    def hide(self) -> bool:
        """Go out of sight; return True if it was in sight."""
        if self._panel.parent() is None or self._dock is None or self._dock.isHidden():
            return False
        self._dock.hide()
        return True

    def close(self) -> None:
        """Take the dock away."""
        if self._panel.parent() is not None:
            self._viewer.window.remove_dock_widget(self._panel)

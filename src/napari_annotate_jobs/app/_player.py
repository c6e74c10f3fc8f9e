"""Playing the stack, and the Space bar that napari has other uses for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.widgets import KeyMap

__all__ = ["Player"]

PACE = 100
"""Milliseconds that each slice is shown."""


class Player(QObject):
    """Plays the slices of the open case in a round.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose active layer has the Space bar.
    session : AnnotationSession
        Whose slices are shown.
    keymap : callable
        Returns the keys in use.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        session: AnnotationSession,
        keymap: Callable[[], KeyMap],
    ) -> None:
        super().__init__()
        self._viewer, self._session, self._keymap = viewer, session, keymap
        self._timer = QTimer(self)
        self._timer.setInterval(PACE)
        self._timer.timeout.connect(self._go_on)
        self._layer: Any = None

    @property
    def is_on(self) -> bool:
        """True while it plays."""
        return self._timer.isActive()

    def toggle(self) -> None:
        """Play the stack, or stop."""
        if self._timer.isActive():
            self.stop()
        elif self._session.is_open and self._session.editor.n_slices > 1:
            self._timer.start()

    def stop(self) -> None:
        """Stop playing."""
        self._timer.stop()

    def _go_on(self) -> None:
        session = self._session
        if session.is_open:
            session.slice = (session.slice + 1) % session.editor.n_slices

    def bind_space(self) -> None:
        """Let Space play where napari has no use for it, or where it is to anyway."""
        self.unbind_space()
        keymap, active = self._keymap(), self._viewer.layers.selection.active
        if active is None or not self._session.is_open:
            return
        idle = str(getattr(active, "mode", "")) == "pan_zoom"
        if keymap.key("play") == "Space" and (idle or keymap.ways.space_plays):
            self._layer = active
            active.bind_key("Space", lambda layer: self.toggle(), overwrite=True)

    def unbind_space(self) -> None:
        """Give Space back to napari."""
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.bind_key("Space", None)

    def close(self) -> None:
        """Stop, and give the Space bar back."""
        self.stop()
        self.unbind_space()

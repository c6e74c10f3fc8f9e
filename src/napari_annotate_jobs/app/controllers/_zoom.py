"""Keeps the zoom and the navigator in the corner of the canvas true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets import ZoomBar
from napari_annotate_jobs.widgets.parts._made import timer_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import KeyMap

__all__ = ["ZoomController"]

LATER = 200
"""Milliseconds that a slice is shown before the navigator's picture is of it."""


class ZoomController:
    """Shows how large the open case is shown, and lets it be chosen.

    Parameters
    ----------
    session : AnnotationSession
        The job.
    bridge : ViewerBridge
        Shows the case.
    canvas : QWidget
        What the image is drawn on.
    draw : callable
        Draws a slice small: takes its index, and what takes the picture.
    keymap : KeyMap
        The keys of the actions.
    navigator : bool
        Whether the navigator is shown.
    """

    def __init__(
        self,
        session: AnnotationSession,
        bridge: ViewerBridge,
        canvas: QWidget,
        draw: Callable[[int, Callable[[Any], None]], None],
        *,
        keymap: KeyMap,
        navigator: bool,
    ) -> None:
        self._session, self._bridge = session, bridge
        self._canvas, self._draw = canvas, draw
        self._asked: object = None
        self._is_pictured = False
        self._due = timer_once(canvas, self._ask_picture, LATER)
        self.bar = ZoomBar(canvas)
        self.bar.set_navigator(navigator)
        self.bar.fit_requested.connect(bridge.zoom.fit)
        self.bar.full_requested.connect(self.show_full)
        self.bar.picture_wanted.connect(self._ask_picture)
        self.bar.navigator.place_requested.connect(bridge.zoom.look_at)
        self.set_keymap(keymap)
        self._connections = Connections(
            [
                (bridge.zoom.changed, self._show),
                (bridge.plane_changed, self._show),
                (session.opened, self._begin),
                (session.closed, self._begin),
                (session.slice_changed, self._renew),
                (session.slices_changed, self._renew),
                (session.window_changed, self._renew),
            ]
        )
        self._begin()

    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys in the tooltips."""
        self.bar.set_full_key(keymap.hint("zoom_full"))

    def set_navigator(self, on: bool) -> None:
        """Show the navigator, or never."""
        self.bar.set_navigator(on)
        self._show()

    def show_full(self) -> None:
        """Show one pixel of the image on one of the screen."""
        self._bridge.zoom.set_percent(100)

    def _show(self, *_: object) -> None:
        zoom = self._bridge.zoom
        zoom.ratio = float(self._canvas.devicePixelRatioF())
        self.bar.set_zoom(zoom.percent, zoom.part)

    def _begin(self, *_: object) -> None:
        """Show how large another case is shown; the picture of the former one goes."""
        self._asked, self._is_pictured = None, False
        self._due.stop()
        self.bar.set_picture(None)
        self._show()

    def _renew(self, *_: object) -> None:
        """Draw another picture once one rests on a slice, if it can be seen at all."""
        self._asked = None
        if self.bar.shows_part:
            self._due.start()
        elif self._is_pictured:
            self._is_pictured = False
            self.bar.set_picture(None)

    def _ask_picture(self) -> None:
        session = self._session
        asked = session.case, session.slice
        if not session.is_open or self._asked == asked:
            return
        self._asked = asked

        def show(picture: Any) -> None:
            if self._asked == asked and picture is not None:
                self._is_pictured = True
                self.bar.set_picture(picture)

        self._draw(session.slice, show)

    def close(self) -> None:
        """Leave the canvas."""
        self._asked = None
        self._due.stop()
        self._connections.release()
        self.bar.close()

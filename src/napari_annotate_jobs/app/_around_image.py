"""What is shown around and over the image while a case is open."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QSize, Signal

from napari_annotate_jobs.widgets import ReadOutLabel

from .controllers import Peek, RoomForImage, SurroundingsController, ZoomController

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import CanvasEdges, KeyMap

    from ._settings import Settings
    from ._slice_pictures import SlicePictures

__all__ = ["AroundImage"]

LEAST = QSize(1120, 600)
"""What the image needs beside napari's own panels and ours, in Qt's pixels."""


class AroundImage(QObject):
    """Sides of the patient, scale bar, hair lines, zoom, read-out, and room for them.

    What can be switched on and off is remembered in the settings. On a screen that is
    too small for napari's own panels the image has the room as long as nobody says
    otherwise: the window would outgrow it.

    Parameters
    ----------
    session : AnnotationSession
        Whose open case is shown.
    bridge : ViewerBridge
        The image.
    pictures : SlicePictures
        Draw the navigator.
    settings : Settings
        The user's choices.
    window : callable
        Returns the viewer's window.
    framed : bool
        Whether the image says which case it is.
    """

    setting_changed = Signal(str, bool)
    """The user chose something that is remembered: its name in the settings."""

    def __init__(
        self,
        session: AnnotationSession,
        bridge: ViewerBridge,
        pictures: SlicePictures,
        settings: Settings,
        window: Callable[[], QWidget],
        *,
        framed: bool,
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._pictures = session, bridge, pictures
        self._settings, self._framed = settings, framed
        self.read_out = ReadOutLabel()
        self.peek = Peek(bridge)
        self.room = RoomForImage(window)
        self._cramped = False
        self.surroundings: SurroundingsController | None = None
        self.zoom: ZoomController | None = None

    def make_room(self, window: QWidget) -> None:
        """Give the image its room before layers and docks come.

        napari's controls of some layers are higher than a small screen, and a window
        that grew stays so.
        """
        self._cramped = _is_cramped(window)
        self.room.set_made(self._has_room)

    def lay_over(self, window: QWidget, canvas: Any, keymap: KeyMap) -> CanvasEdges:
        """Show it over the canvas of a window, and return the buttons at its edges."""
        settings = self._settings
        self.read_out.lay_over(window, canvas)
        self.surroundings = SurroundingsController(
            self._session,
            self._bridge,
            canvas,
            keymap=keymap,
            letters=settings.letters,
            scale_bar=settings.scale_bar,
            hair_lines=settings.hair_lines,
            framed=self._framed,
        )
        self.zoom = ZoomController(
            self._session,
            self._bridge,
            canvas,
            self._pictures.draw,
            keymap=keymap,
            navigator=settings.navigator,
        )
        edges = self.surroundings.edges
        edges.peek.clicked.connect(self.peek.toggle)
        edges.room.clicked.connect(partial(self.switch, "room"))
        self.use(settings)
        return edges

    def take_off(self) -> None:
        """Show the image alone again."""
        if self.surroundings is not None:
            self.surroundings.close()
            self.surroundings = None
        if self.zoom is not None:
            self.zoom.close()
            self.zoom = None
        self.peek.close()
        self.room.set_made(False)

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        calls: dict[str, Callable[[], None]] = {
            name: partial(self.switch, name)
            for name in ("letters", "scale_bar", "hair_lines", "navigator", "room")
        }
        return calls | {
            "peek": self.peek.toggle,
            "zoom_full": partial(self._bridge.zoom.set_percent, 100),
            "zoom_fit": self._bridge.zoom.fit,
        }

    def switch(self, name: str) -> None:
        """Switch something on or off that is remembered."""
        if name == "room":
            on, self._cramped = not self._has_room, False
        else:
            on = not getattr(self._settings, name)
        changed: dict[str, Any] = {name: on}
        self.use(replace(self._settings, **changed))
        self.setting_changed.emit(name, on)

    @property
    def _has_room(self) -> bool:
        return self._settings.room or self._cramped

    def use(self, settings: Settings) -> None:
        """Follow the user's choices."""
        self._settings = settings
        if self.surroundings is not None:
            self.surroundings.set_shown(
                letters=settings.letters,
                scale_bar=settings.scale_bar,
                hair_lines=settings.hair_lines,
            )
            self.room.set_made(self._has_room)
            self.surroundings.edges.room.setChecked(self._has_room)
        if self.zoom is not None:
            self.zoom.set_navigator(settings.navigator)

    def set_keymap(self, keymap: KeyMap) -> None:
        """Name other keys from now on."""
        if self.surroundings is not None:
            self.surroundings.edges.set_keymap(keymap)
        if self.zoom is not None:
            self.zoom.set_keymap(keymap)


def _is_cramped(window: QWidget) -> bool:
    """Return True if the screen is too small for a window with all panels."""
    screen = window.screen()
    # Smaller in one direction is too small.
    return screen is not None and (
        screen.availableSize().expandedTo(LEAST) != screen.availableSize()
    )

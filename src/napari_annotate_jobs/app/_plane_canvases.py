"""The canvases of the other two planes, beside the main one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari.qt import QtViewer
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QAbstractButton, QBoxLayout, QMainWindow, QSplitter, QWidget

from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.viewer import PLANE_COLORS, canvas_place
from napari_annotate_jobs.widgets import CanvasEdges, PlaneMarks
from napari_annotate_jobs.widgets.parts._made import timer_once

from ._canvas import CanvasMouse, DrawingContext, canvas_of
from ._on_screen import PRESSES
from .controllers._slice_numbers import hide_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QPaintEvent

    from napari_annotate_jobs.viewer import PlaneView, ViewerBridge

__all__ = ["PlaneCanvases"]

MAIN, OTHERS = 3, 2
"""How the main canvas and the other two share the room."""
NARROWEST = 120
"""Pixels of the width of each of the other two, at least."""


class _Cover(QWidget):
    """Lies over a whole canvas, in its colour.

    Parameters
    ----------
    canvas : QWidget
        The canvas.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.color = ""
        self.hide()

    # Painted, not a style: Qt would not draw a canvas below what it knows to hide it.
    def paintEvent(self, event: QPaintEvent) -> None:
        """Hide what is below."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.color))
        painter.end()


class _PlaneCanvas(QObject):
    """One more canvas of napari's, with what stands on it.

    A canvas may show what was drawn on it last until it is drawn anew. Between two
    cases it is covered, until the picture of the new one has been drawn: nobody sees
    another patient's.

    Parameters
    ----------
    view : PlaneView
        What it shows.
    is_there : callable
        Returns True once the case has been painted: what was pressed before that was
        meant for another one.
    """

    def __init__(self, view: PlaneView, is_there: Callable[[], bool]) -> None:
        super().__init__()
        self.view, self._is_there = view, is_there
        self.widget = QtViewer(view.model)
        # The names of axes below it would else make the window wider than the screen.
        self.widget.setMinimumWidth(NARROWEST)
        self.canvas = canvas_of(self.widget)
        self._drawing = DrawingContext(view.model, self.canvas)
        self._mouse = CanvasMouse(self.canvas)
        self._edges = CanvasEdges(self.canvas)
        self._marks = PlaneMarks(self.canvas, PLANE_COLORS[view.across])
        self._cover = _Cover(self.canvas)
        self._drawn: object = None
        self._numbered: object = None
        self._uncovers = timer_once(self, self._uncover)
        self.canvas.installEventFilter(self)

    @property
    def is_covered(self) -> bool:
        """True from one case to the first picture of the next one."""
        return not self._cover.isHidden()

    def cover(self) -> None:
        """Show nothing until another image has been drawn."""
        self._uncovers.stop()
        self._drawn = None
        self._cover.color = get_theme(self.view.model.theme).canvas.as_hex()
        self._cover.setGeometry(self.canvas.rect())
        self._cover.raise_()
        self._cover.show()

    def _uncover(self) -> None:
        if self._drawn is not None and self._drawn is self.view.image:
            self._cover.hide()

    def show(self, place: Sequence[float]) -> None:
        """Show what is true now of the plane."""
        view, image = self.view, self.view.image
        if self.is_covered:
            self.canvas.update()
        if image is None:
            self._marks.cross_at(None)
            self._marks.set_title("")
            self._edges.set_letters(())
            return
        if image is not self._numbered:
            self._numbered = image
            hide_numbers(self.widget)
        self._edges.set_letters(view.letters or ())
        self._marks.set_title(view.plane.text.replace(" plane", "", 1))
        self._marks.set_colors(*_line_colors(view.model.dims.displayed))
        self._marks.cross_at(canvas_place(view.model, image, place))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take presses of the mouse that come before the case is seen."""
        if self.is_covered:
            if event.type() == QEvent.Type.Paint:
                self._drawn = self.view.image
                self._uncovers.start(0)  # when that has been drawn
            elif event.type() == QEvent.Type.Resize:
                self._cover.setGeometry(self.canvas.rect())
        return event.type() in PRESSES and not self._is_there()

    def close(self) -> None:
        """Let the canvas go; its layers have gone before."""
        self._uncovers.stop()
        self.canvas.removeEventFilter(self)
        self._drawing.close()
        self._mouse.close()
        self._edges.close()
        self._marks.close()
        self.widget.close()
        self.deleteLater()


def _line_colors(displayed: Sequence[int]) -> tuple[str, str]:
    """Return the colours of the lines from left to right, and from top to bottom."""
    down, right = displayed[-2:]
    return PLANE_COLORS[down], PLANE_COLORS[right]


class PlaneCanvases(QObject):
    """Shows the other planes beside the main canvas while they are wanted.

    Parameters
    ----------
    bridge : ViewerBridge
        Shows the case.
    window : callable
        Returns napari's window.
    is_there : callable
        Returns True once the case has been painted.
    tell : callable
        Tells the user something.
    """

    toggled = Signal(bool)
    """Whether the planes are wanted; told also if they cannot be shown."""

    def __init__(
        self,
        bridge: ViewerBridge,
        window: Callable[[], QWidget],
        is_there: Callable[[], bool],
        tell: Callable[[str], object],
    ) -> None:
        super().__init__()
        self._bridge, self._planes = bridge, bridge.planes
        self._window, self._is_there, self._tell = window, is_there, tell
        self._panel: QSplitter | None = None
        self._canvases: tuple[_PlaneCanvas, ...] = ()
        self._marks: PlaneMarks | None = None
        self._main: QWidget | None = None
        self._connections = Connections()
        self._again = False

    @property
    def is_on(self) -> bool:
        """True while the planes are wanted."""
        return self._panel is not None

    @property
    def panel(self) -> QWidget | None:
        """What the canvases stand in; None while they are not wanted."""
        return self._panel

    def offer(self, switch: QAbstractButton) -> None:
        """Let a switch toggle them, and show whether they are wanted."""
        switch.clicked.connect(self.toggle)
        self.toggled.connect(switch.setChecked)

    def toggle(self) -> None:
        """Show the other planes, or take them away."""
        self.set_on(not self.is_on)

    def set_on(self, on: bool) -> None:
        """Show the other planes, of this case and those that follow, or none."""
        self._again = False
        if on == self.is_on:
            return
        if not on:
            self._take_away()
        elif self._planes.refusal:
            self._tell(self._planes.refusal)
        else:
            self._put_there()
        self.toggled.emit(self.is_on)

    def leave(self) -> None:
        """Leave a case: another one is shown on the same canvases, or they go.

        New ones for each case would take longer than all else that is done for it.
        """
        for canvas in self._canvases:
            canvas.cover()
        self._bridge.session.when_shown(self._go_unless_shown)

    def _go_unless_shown(self) -> None:
        if self.is_on and not self._planes.is_shown:
            self._go()

    def _go(self) -> None:
        """Take the canvases away until there is a case again that has planes."""
        if self.is_on:
            self.set_on(False)
            self._again = True

    def come_back(self) -> None:
        """Show the planes of the case that has come, if they were wanted before."""
        if self._again:
            self._bridge.session.when_shown(self._put_again)

    def _put_there(self) -> None:
        window = self._window()
        centre = window.centralWidget() if isinstance(window, QMainWindow) else None
        layout = None if centre is None else centre.layout()
        if centre is None or layout is None:
            return
        # Before others stand beside it: it is known by its class alone.
        self._main = canvas_of(window)
        # The other two stand beside the acquired one: turned, one were there twice.
        self._bridge.show_acquired()
        self._planes.show()
        self._panel = QSplitter(Qt.Orientation.Vertical, centre)
        self._panel.setChildrenCollapsible(False)
        self._canvases = tuple(
            _PlaneCanvas(view, self._is_there) for view in self._planes.views
        )
        for canvas in self._canvases:
            self._panel.addWidget(canvas.widget)
        layout.addWidget(self._panel)
        if isinstance(layout, QBoxLayout):
            layout.setStretch(0, MAIN)
            layout.setStretch(layout.indexOf(self._panel), OTHERS)
        self._marks = PlaneMarks(self._main, PLANE_COLORS[0])
        window.installEventFilter(self)
        self._main.installEventFilter(self)
        self._connections = Connections(
            [(self._planes.moved, self._show), (self._planes.changed, self._on_changed)]
        )
        self._on_changed()

    def _take_away(self) -> None:
        self._connections.release()
        panel, self._panel = self._panel, None
        canvases, self._canvases = self._canvases, ()
        # The layers first, as long as there is something to draw them on.
        self._planes.hide()
        for canvas in canvases:
            canvas.close()
        if self._marks is not None:
            self._marks.close()
            self._marks = None
        if panel is not None:
            panel.hide()
            panel.setParent(None)
            panel.deleteLater()
        if self._main is not None:
            self._main.removeEventFilter(self)
            self._main = None
        with suppress(RuntimeError):  # Qt has deleted the window by now
            self._window().removeEventFilter(self)

    def _on_changed(self) -> None:
        if self._panel is not None:
            self._show()

    def _show(self) -> None:
        planes, model = self._planes, self._bridge.viewer
        for canvas in self._canvases:
            canvas.show(planes.place)
        image: Any = self._bridge.image_layer
        if self._marks is None:
            return
        if not planes.is_shown or image is None or not self._bridge.plane.is_acquired:
            self._marks.cross_at(None)
            return
        self._marks.set_colors(*_line_colors((1, 2)))
        self._marks.cross_at(canvas_place(model, image, planes.place))

    def cross_here(self) -> None:
        """Let the planes cross where the mouse is."""
        if not self._planes.is_shown:
            return
        for canvas in self._canvases:
            if canvas.canvas.underMouse():
                place = canvas.view.pointed_at()
                if place is not None:
                    self._planes.go(*place)
                return
        if self._main is not None and self._main.underMouse():
            here = self._bridge.pointed_at()
            if here is not None:
                self._planes.go(self._bridge.session.slice, *here)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take them away before the window closes, and follow the main canvas."""
        if watched is self._main:
            if event.type() == QEvent.Type.Resize:
                self._show()
        elif event.type() == QEvent.Type.Close and self.is_on:
            self._go()
            QTimer.singleShot(0, self._put_again)
        return False

    def _put_again(self) -> None:
        with suppress(RuntimeError):  # Qt has deleted the window by now
            if self._again and self._window().isVisible() and not self._planes.refusal:
                self.set_on(True)

    def close(self) -> None:
        """Take all away."""
        self.set_on(False)

"""The slice strip clicked, dragged and walked by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, QRect, Qt, Signal

from napari_annotate_jobs.widgets.keys._held import acts_once

from ._canvas import LANES, StripCanvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QWheelEvent
    from qtpy.QtWidgets import QWidget

    from ._ranges import Hit, Segment

__all__ = ["StripTrack"]

DRAG = 4
"""The mouse drags when it moved so many pixels."""
NOTCH = 120
"""What a wheel turns at a step, in eighths of a degree."""


class StripTrack(StripCanvas):
    """Turns the mouse and the keys into requests.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    lanes : int
        Room for the ranges, in pixels; 0 leaves them out.
    """

    slice_requested = Signal(int)
    selection_made = Signal(int, int)
    range_resized = Signal(str, int, int)
    range_delete_requested = Signal(str)
    propagate_requested = Signal(int, int)
    menu_requested = Signal(QPoint, int, str)
    hovered = Signal(int, str, QRect)
    left = Signal()

    def __init__(self, parent: QWidget | None = None, *, lanes: int = LANES) -> None:
        super().__init__(parent, lanes=lanes)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._press: tuple[int, Qt.MouseButton] | None = None
        self._dragging = False
        self._held: Hit | None = None
        self._turned = 0

    def set_segments(self, segments: Sequence[Segment], lanes: int) -> None:
        """Show ranges; a drag of one of them is given up."""
        super().set_segments(segments, lanes)
        self._held = None

    # ----------------------------------------------------------------- mouse
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of a cell, of an end of a range, or of the strip."""
        if not self._cells:
            return
        place = event.position().toPoint()
        self.left.emit()
        self._press, self._dragging = (place.x(), event.button()), False
        if event.button() != Qt.MouseButton.LeftButton:
            return
        found = self._hit(place)
        if found is not None:
            self._chosen = found.segment.id
            self._held = None if self.locked or found.part == "body" else found
            self.update()
            return
        self._chosen = ""
        index = self.scale.index_at(place.x())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            anchor = self._current if self._selection is None else self._anchor
            self.select(anchor, index)
            self._dragging = True
        else:
            self._anchor = index
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, or show what the mouse is over."""
        place = event.position().toPoint()
        if self._press is None:
            self._hover(place)
            return
        from_x, button = self._press
        if button == Qt.MouseButton.MiddleButton:
            self._set_scale(self.scale.panned(from_x - place.x()))
            self._press = (place.x(), button)
            return
        if button != Qt.MouseButton.LeftButton:
            return
        if abs(place.x() - from_x) < DRAG and not self._dragging:
            return
        self._dragging = True
        if place.x() < 0 or place.x() > self.width():
            self._set_scale(
                self.scale.panned(self.scale.cell * (3 if place.x() > 0 else -3))
            )
        index = self.scale.index_at(min(max(place.x(), 0), self.width() - 1))
        if self._held is not None:
            self._preview = self._held.moved(index)
            self.hovered.emit(-1, self._preview.text, self._global(place))
            self.update()
        elif not self._chosen:
            self.select(self._anchor, index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Do what was clicked or dragged."""
        if self._press is None or event.button() != self._press[1]:
            return
        self._press = None
        if event.button() != Qt.MouseButton.LeftButton or not self._cells:
            return
        if self._held is not None:
            held, preview = self._held.segment, self._preview
            self._let_go()
            if preview is not None and (preview.start, preview.stop) != (
                held.start,
                held.stop,
            ):
                self.range_resized.emit(preview.id, preview.start, preview.stop)
        elif self._dragging and self._selection is not None:
            self.selection_made.emit(*self._selection)
        elif not self._chosen:
            self.clear_selection()
            self.slice_requested.emit(
                self.scale.index_at(event.position().toPoint().x())
            )
        self._dragging = False
        self.update()

    def _let_go(self) -> None:
        self._held = self._preview = None
        self.left.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """Forget what the mouse was over."""
        self.left.emit()
        super().leaveEvent(event)

    def _global(self, place: QPoint) -> QRect:
        top = self.mapToGlobal(QPoint(place.x(), 0))
        return QRect(top.x() - 2, top.y(), 4, self.height())

    def _hover(self, place: QPoint) -> None:
        if not self._cells:
            return
        found = self._hit(place)
        on_handle = found is not None and found.part != "body" and not self.locked
        self.setCursor(
            Qt.CursorShape.SizeHorCursor if on_handle else Qt.CursorShape.ArrowCursor
        )
        if found is not None:
            self.hovered.emit(-1, found.segment.text, self._global(place))
        elif (
            self.scale.left(len(self._cells)) > place.x()
            and place.y() < self._lanes_top
        ):
            index = self.scale.index_at(place.x())
            self.hovered.emit(index, self._cells[index].text, self._global(place))
        else:
            self.left.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step through slices; with Ctrl zoom, with Shift move the strip."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        keys = event.modifiers()
        if keys & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.25 ** (turn / 120), event.position().x())
        elif keys & Qt.KeyboardModifier.ShiftModifier or event.angleDelta().x():
            self._set_scale(self.scale.panned(-turn / 2))
        else:
            self._turned += turn
            steps = int(self._turned / NOTCH)
            self._turned -= steps * NOTCH
            if steps:
                self.clear_selection()
                self.slice_requested.emit(self._inside(self._current - steps))
        self.left.emit()
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the slice, the selection or the range."""
        if not self._cells:
            return
        self.left.emit()
        if event.reason() == event.Reason.Keyboard:
            place = self.cell_rect(self._current).bottomLeft()
            self.menu_requested.emit(
                self.mapToGlobal(place), self._current, self._chosen
            )
            return
        found = self._hit(event.pos())
        self.menu_requested.emit(
            event.globalPos(),
            self.scale.index_at(event.pos().x()),
            found.segment.id if found else "",
        )

    # -------------------------------------------------------------- keyboard
    def _inside(self, index: int) -> int:
        return min(max(index, 0), max(len(self._cells) - 1, 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk, select, zoom; what is not ours is left to others."""
        key, keys = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_PageUp: -10,
            Qt.Key.Key_PageDown: 10,
            Qt.Key.Key_Home: -len(self._cells),
            Qt.Key.Key_End: len(self._cells),
        }
        shift = keys == Qt.KeyboardModifier.ShiftModifier
        plain = keys == Qt.KeyboardModifier.NoModifier
        page = key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
        if not self._cells:
            event.ignore()
        elif key in steps and (plain or (shift and not page)):
            self._walk(steps[Qt.Key(key)], extend=shift)
        elif key == Qt.Key.Key_Escape and plain and self.let_go():
            pass
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and plain and self._selection:
            if acts_once(event):
                self.propagate_requested.emit(*self._selection)
        elif (
            key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and plain and self._chosen
        ):
            if not self.locked and acts_once(event):
                self.range_delete_requested.emit(self._chosen)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self.zoom(1.5 if key == Qt.Key.Key_Plus else 1 / 1.5)
        elif key == Qt.Key.Key_A and keys == Qt.KeyboardModifier.ControlModifier:
            self.select(0, len(self._cells) - 1)
            self.selection_made.emit(0, len(self._cells) - 1)
        else:
            event.ignore()

    def _walk(self, step: int, *, extend: bool) -> None:
        target = self._inside(self._current + step)
        if extend:
            anchor = self._current if self._selection is None else self._anchor
            self.select(anchor, target)
            assert self._selection is not None
            self.selection_made.emit(*self._selection)
        else:
            self.clear_selection()
        self.slice_requested.emit(target)

    def let_go(self) -> bool:
        """Give up a drag, a selection or a chosen range; return False if none."""
        if self._held is not None:
            self._let_go()
        elif self._selection is not None:
            self.clear_selection()
            self._dragging = False
        elif self._chosen:
            self._chosen = ""
        else:
            return False
        self._press = None
        self.update()
        return True

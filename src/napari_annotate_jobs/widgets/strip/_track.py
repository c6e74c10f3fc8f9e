"""The slice strip's cells and ranges: painted, clicked, dragged and walked by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._theme import Colors, mixed

from ._paint import Tiles, look_of, paint_pointer, paint_seen
from ._ranges import Hit, Segment, hit, paint_segments
from ._scale import Column, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qtpy.QtCore import QEvent
    from qtpy.QtGui import (
        QContextMenuEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
        QWheelEvent,
    )

    from napari_annotate_jobs.editing import Cell

__all__ = ["StripTrack"]

TOP = 8
"""Room above the cells, for the pointer and the comments."""
LANES = 14
"""Room below the cells, for the ranges."""
DRAG = 4
"""The mouse drags when it moved so many pixels."""
NOTCH = 120
"""What a wheel turns at a step, in eighths of a degree."""


class StripTrack(QWidget):
    """Shows one cell a slice and the ranges below; mouse and keys become requests.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    lanes : int
        Room for the ranges, in pixels; 0 leaves them out.
    """

    selection_changed = Signal()
    view_changed = Signal()
    slice_requested = Signal(int)
    selection_made = Signal(int, int)
    range_resized = Signal(str, int, int)
    range_delete_requested = Signal(str)
    propagate_requested = Signal(int, int)
    menu_requested = Signal(QPoint, int, str)
    hovered = Signal(int, str, QRect)
    left = Signal()

    def __init__(self, parent: QWidget | None = None, *, lanes: int = LANES) -> None:
        super().__init__(parent)
        self._room = lanes
        self.setMinimumHeight(TOP + 18 + lanes + 2)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setSizePolicy(policy)
        self.setAccessibleName("Slice strip")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.colors = Colors.dark()
        self.scale = Scale()
        self.locked = False
        self._cells: tuple[Cell, ...] = ()
        self._comments: set[int] = set()
        self._seen: frozenset[int] | None = None
        self._seen_at: tuple[Scale, frozenset[int]] | None = None
        self._seen_lines: list[tuple[int, int]] = []
        self._segments: tuple[Segment, ...] = ()
        self._lanes = 0
        self._current = 0
        self._selection: tuple[int, int] | None = None
        self._anchor = 0
        self._chosen = ""
        self._tiles = Tiles(self.colors)
        self._painted: QPixmap | None = None
        self._dirty: set[int] = set()
        self._preview: Segment | None = None
        self._press: tuple[int, Qt.MouseButton] | None = None
        self._dragging = False
        self._held: Hit | None = None
        self._turned = 0

    def sizeHint(self) -> QSize:
        """Return the size it likes best."""
        return QSize(480, TOP + 24 + self._room + 2)

    # --------------------------------------------------------------- setters
    @property
    def cells(self) -> tuple[Cell, ...]:
        """What is shown of each slice."""
        return self._cells

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The ranges shown."""
        return self._segments

    @property
    def current(self) -> int:
        """Index of the current slice."""
        return self._current

    def set_cells(self, cells: Iterable[Cell]) -> None:
        """Show a series; a selection that does not fit any more is dropped."""
        self._cells = tuple(cells)
        self._comments = {c.index for c in self._cells if c.comment}
        n = len(self._cells)
        if n != self.scale.n:
            self._selection = None
            self.selection_changed.emit()
        self._current = min(self._current, max(n - 1, 0))
        self.scale = self.scale.resized(n, self.width())
        self._repaint_all()

    def update_cells(self, cells: Iterable[Cell]) -> None:
        """Show some slices anew."""
        shown = list(self._cells)
        for cell in cells:
            if shown[cell.index] != cell:
                shown[cell.index] = cell
                self._dirty.add(cell.index)
                (self._comments.add if cell.comment else self._comments.discard)(
                    cell.index
                )
        self._cells = tuple(shown)
        if len(self._dirty) > len(shown) // 2:
            self._painted = None
        self.update()

    def set_seen(self, seen: frozenset[int] | None) -> None:
        """Mark slices that were seen; None if that is not known."""
        if seen != self._seen:
            self._seen = seen
            self.update()

    def text(self, index: int) -> str:
        """Return one line about a slice."""
        unseen = self._seen is not None and index not in self._seen
        return self._cells[index].text + (" · never shown" if unseen else "")

    def set_current(self, index: int) -> None:
        """Mark the current slice and move the strip so that it is seen."""
        self._current = min(max(index, 0), max(len(self._cells) - 1, 0))
        self._set_scale(self.scale.showing(self._current))
        if self._cells:
            self.setAccessibleDescription(self._cells[self._current].text)
        self.update()

    def set_segments(self, segments: Sequence[Segment], lanes: int) -> None:
        """Show ranges; a drag of one of them is given up."""
        self._segments, self._lanes = tuple(segments), lanes
        if self._chosen not in {s.id for s in segments}:
            self._chosen = ""
        self._held = self._preview = None
        self.update()

    def set_colors(self, colors: Colors) -> None:
        """Paint with the colours of a theme."""
        self.colors = colors
        self._tiles = Tiles(colors)
        self._repaint_all()

    def selection(self) -> tuple[int, int] | None:
        """Return the first and last selected slice; None if none is."""
        return self._selection

    def select(self, start: int, stop: int) -> None:
        """Select slices, both ends included; `start` stays when it is extended."""
        last = len(self._cells) - 1
        if last < 0:
            return
        start, stop = min(max(start, 0), last), min(max(stop, 0), last)
        self._anchor = start
        chosen = (min(start, stop), max(start, stop))
        if chosen != self._selection:
            self._selection = chosen
            self.selection_changed.emit()
            self.update()

    def clear_selection(self) -> None:
        """Select nothing."""
        if self._selection is not None:
            self._selection = None
            self.selection_changed.emit()
            self.update()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Zoom by a factor about a pixel, by default about the current slice."""
        if x is None:
            x = self.scale.left(self._current + 0.5)
            x = x if 0 <= x <= self.scale.width else self.scale.width / 2
        self._set_scale(self.scale.zoomed(factor, x))

    def fit(self) -> None:
        """Show the whole series."""
        self._set_scale(Scale().resized(self.scale.n, self.width()))

    def _set_scale(self, scale: Scale) -> None:
        if scale != self.scale:
            self.scale = scale
            self._repaint_all()
            self.view_changed.emit()

    def _repaint_all(self) -> None:
        self._painted = None
        self._dirty.clear()
        self.update()

    # --------------------------------------------------------------- placing
    @property
    def _cells_height(self) -> int:
        return max(self.height() - TOP - self._room - 2, 4)

    @property
    def _lanes_top(self) -> int:
        return TOP + self._cells_height + 2

    def cell_rect(self, index: int) -> QRect:
        """Return where the cell of a slice is painted."""
        low, high = self.scale.span(index, index, 1)
        return QRectF(low, TOP, high - low, self._cells_height).toAlignedRect()

    def segment_end(self, range_id: str, part: str) -> QPoint:
        """Return where to take hold of a range: its start, stop or body."""
        segment = next(s for s in self._segments if s.id == range_id)
        low, high = self.scale.span(segment.start, segment.stop, 12)
        x = {"start": low + 1, "stop": high - 2, "body": (low + high) / 2}[part]
        lane = (self._room - 1) / max(self._lanes, 1)
        return QPoint(round(x), round(self._lanes_top + lane * (segment.lane + 0.4)))

    def _hit(self, place: QPoint) -> Hit | None:
        return hit(
            self._segments,
            self.scale,
            place.x(),
            place.y(),
            top=self._lanes_top,
            height=self._room,
            lanes=self._lanes,
        )

    # -------------------------------------------------------------- painting
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the series into the new width."""
        self.scale = self.scale.resized(self.scale.n, self.width())
        if self._cells:
            self.scale = self.scale.showing(self._current)
        self._repaint_all()
        self.view_changed.emit()
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what changed, and put the cells, marks and ranges together."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.colors.background))
        if self._cells:
            painter.drawPixmap(0, TOP, self._picture())
            self._paint_seen(painter)
            self._paint_selection(painter)
            self._paint_comments(painter)
            self._paint_current(painter)
            shown = [
                self._preview if self._preview and s.id == self._preview.id else s
                for s in self._segments
            ]
            font = painter.font()
            font.setPixelSize(10)
            painter.setFont(font)
            paint_segments(
                painter,
                shown,
                self.scale,
                self.colors,
                top=self._lanes_top,
                height=self._room,
                lanes=self._lanes,
                chosen=self._chosen,
            )
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self.colors.text), 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _picture(self) -> QPixmap:
        """Return the painted cells; only those that changed are painted anew."""
        ratio = self.devicePixelRatioF()
        height = self._cells_height
        if self._painted is None or self._painted.devicePixelRatio() != ratio:
            picture = QPixmap(round(self.width() * ratio), round(height * ratio))
            picture.setDevicePixelRatio(ratio)
            picture.fill(QColor(self.colors.background))
            self._paint_columns(picture, self.scale.columns(), height, ratio)
            self._painted = picture
        elif self._dirty:
            each = self.scale.per_column
            starts = {index // each * each for index in self._dirty}
            columns = [c for c in self.scale.columns() if c.start in starts]
            self._paint_columns(self._painted, columns, height, ratio)
        self._dirty.clear()
        return self._painted

    def _paint_columns(
        self, picture: QPixmap, columns: Sequence[Column], height: int, ratio: float
    ) -> None:
        painter = QPainter(picture)
        for column in columns:
            look = look_of(self._cells[column.start : column.stop])
            tile = self._tiles.tile(look, column.left, column.width, height, ratio)
            painter.drawPixmap(column.left, 0, tile)
        painter.end()

    def _paint_seen(self, painter: QPainter) -> None:
        """Draw a line over the columns all of whose slices were seen."""
        if not self._seen:
            return
        if self._seen_at != (self.scale, self._seen):
            self._seen_at = self.scale, self._seen
            self._seen_lines = self.seen_lines()
        for left, right in self._seen_lines:
            paint_seen(painter, left, TOP - 3, right - left, self.colors)

    def seen_lines(self) -> list[tuple[int, int]]:
        """Return from where to where the line over seen slices runs, in pixels."""
        lines: list[tuple[int, int]] = []
        seen = self._seen or frozenset()
        for column in self.scale.columns():
            if seen.issuperset(range(column.start, column.stop)):
                right = column.left + column.width
                if lines and lines[-1][1] == column.left:
                    lines[-1] = lines[-1][0], right
                else:
                    lines.append((column.left, right))
        return lines

    def _paint_selection(self, painter: QPainter) -> None:
        if self._selection is None:
            return
        low, high = self.scale.span(*self._selection, 3)
        area = QRectF(low, 2, high - low, self._cells_height + TOP)
        wash = QColor(self.colors.current)
        wash.setAlpha(90)
        painter.fillRect(area, wash)
        painter.setPen(QPen(QColor(self.colors.text), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0.5, 0, -1, -1))

    def _paint_comments(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        ink = QColor(self.colors.warning_text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        for index in self._comments:
            x = self.scale.left(index + 0.5)
            if -3 <= x <= self.width() + 3:  # a speech bubble
                painter.drawRoundedRect(QRectF(x - 3.5, 0, 7, 4.5), 1.5, 1.5)
                painter.drawRect(QRectF(x - 0.8, 4, 1.6, 3))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_current(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        ink, halo = QColor(self.colors.text), QColor(self.colors.background)
        if not self.scale.is_visible(self._current):
            self._paint_aside(painter, ink)
            return
        low, high = self.scale.span(self._current, self._current, 5)
        if self.scale.cell >= 8:
            high -= 1
        area = QRectF(low, TOP - 1, high - low, self._cells_height + 2)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(halo, 4))
        painter.drawRect(area)
        painter.setPen(QPen(ink, 2))
        painter.drawRect(area)
        if self._current not in self._comments:
            paint_pointer(painter, (low + high) / 2, 1, ink)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_aside(self, painter: QPainter, ink: QColor) -> None:
        """Point to the current slice where the strip was moved away from it."""
        leftwards = self.scale.left(self._current) < 0
        x = 8 if leftwards else self.width() - 8
        area = QRectF(x - 8, TOP, 16, self._cells_height)
        wash = QColor(mixed(self.colors.background, self.colors.current, 0.6))
        painter.fillRect(area, wash)
        painter.setPen(QPen(ink, 2))
        y, step = area.center().y(), -4 if leftwards else 4
        for turn in (-1, 1):
            painter.drawLine(
                QPoint(x - step // 2, round(y + turn * 6)),
                QPoint(x + step // 2, round(y)),
            )

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
            self.hovered.emit(index, self.text(index), self._global(place))
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

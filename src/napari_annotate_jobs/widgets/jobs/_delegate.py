"""How a case looks in the case table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QToolTip

from napari_annotate_jobs.model import Status, flags_text
from napari_annotate_jobs.widgets.parts._theme import Colors, mixed, readable

from ._model import ROW, facts_text, note_of, row_key, warnings_of
from ._paint import (
    ALIGN_LEFT,
    draw_elided,
    draw_flag,
    draw_picture,
    draw_picture_frame,
    draw_status,
    draw_warning,
    status_color,
)

if TYPE_CHECKING:
    from qtpy.QtCore import QModelIndex, QPoint
    from qtpy.QtGui import QHelpEvent
    from qtpy.QtWidgets import QAbstractItemView, QStyleOptionViewItem

    from ._model import AnyRow, CaseModel

__all__ = ["CaseDelegate"]

PAD = 4
GAP = 6
WIDE = 560
"""From this width on the facts stand in columns beside the name."""


@dataclass(frozen=True)
class _Layout:
    """Where the parts of a row are; empty where there is nothing to show."""

    picture: QRect
    name: QRect
    facts: QRect
    comment: QRect
    warning: QRect
    flag: QRect
    symbol: QRect
    status: QRect


class CaseDelegate(QStyledItemDelegate):
    """Paints the rows of the case table."""

    def __init__(self, view: QAbstractItemView, model: CaseModel) -> None:
        super().__init__(view)
        self._view = view
        self._model = model
        self._colors = Colors.dark()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors

    def row_height(self) -> int:
        """Height of every row in pixels: three lines of text."""
        return max(3 * self._view.fontMetrics().height() + 2 * PAD + 6, 56)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(160, self.row_height())

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        fill = self._background(painter, option)
        row: AnyRow | None = index.data(ROW)
        at = self._layout(option.rect, row)
        colors = self._colors
        text, faint = colors.text, readable(mixed(colors.text, fill, 0.3), fill)
        painter.save()
        if row is None:
            draw_picture_frame(painter, at.picture, colors)
            painter.setPen(QColor(faint))
            painter.drawText(at.name, ALIGN_LEFT, "…")
            painter.restore()
            return
        self._picture(painter, at.picture, row)
        painter.setFont(self._bold())
        painter.setPen(QColor(readable(text, fill)))
        draw_elided(painter, at.name, row.case.name)
        painter.setFont(self._view.font())
        color = status_color(row.status, colors, fill)
        draw_status(painter, at.symbol, row.status, color)
        painter.setPen(QColor(color))
        draw_elided(painter, at.status, _status_text(row))
        painter.setPen(QColor(faint))
        facts, said = facts_text(row), self._model.said(row_key(row))
        if at.comment == at.facts or note_of(row):  # no line of its own for it
            facts = " · ".join(filter(None, [facts, said]))
        else:
            draw_elided(painter, at.comment, said)
        draw_elided(painter, at.facts, facts)
        if row.flags:
            draw_flag(painter, at.flag, readable(colors.warning, fill, 3))
        if warnings_of(row):
            draw_warning(painter, at.warning, readable(colors.warning, fill, 3))
        if note_of(row):
            painter.setPen(QColor(readable(text, fill)))
            draw_elided(painter, at.comment, _quoted(note_of(row)))
        painter.restore()

    def _bold(self) -> QFont:
        font = QFont(self._view.font())
        font.setBold(True)
        return font

    def _background(self, painter: QPainter, option: QStyleOptionViewItem) -> str:
        """Fill the row; return its colour."""
        colors, state = self._colors, option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        fill = colors.foreground
        if selected:
            fill = mixed(colors.foreground, colors.current, 0.35)
        elif state & QStyle.StateFlag.State_MouseOver:
            fill = mixed(colors.foreground, colors.highlight, 0.35)
        rect = option.rect.adjusted(0, 0, -1, -2)
        painter.fillRect(rect, QColor(fill))
        if selected:
            focused = self._view.hasFocus()
            painter.save()
            painter.setPen(QPen(QColor(colors.text if focused else colors.current)))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
            painter.restore()
        return fill

    def _picture(self, painter: QPainter, rect: QRect, row: AnyRow) -> None:
        picture = self._model.picture(row_key(row))
        if picture is None:
            draw_picture_frame(painter, rect, self._colors)
            return
        draw_picture(painter, rect, picture)

    def _layout(self, rect: QRect, row: AnyRow | None) -> _Layout:
        metrics = QFontMetrics(self._view.font())
        line = metrics.height()
        side = rect.height() - 2 - 2 * PAD
        picture = QRect(rect.left() + PAD, rect.top() + PAD, side, side)
        left = picture.right() + 1 + GAP + 2
        right = rect.right() - PAD - 1
        gap = (side - 3 * line) // 2
        lines = [
            QRect(left, picture.top() + n * (line + gap), right - left, line)
            for n in range(3)
        ]
        # Wide enough for the longest word of any status, so that columns align.
        statuses = Status if row is None else type(row.status)
        width = max(metrics.horizontalAdvance(str(s).capitalize()) for s in statuses)
        warning = QRect()
        if row is not None and warnings_of(row):
            warning = QRect(right - line, lines[1].top(), line, line)
        name, flag = QRect(lines[0]), QRect()
        if row is not None and row.flags:
            flag = QRect(left, lines[0].top(), line, line)
            name.setLeft(flag.right() + 4)
        if rect.width() >= WIDE:
            # Status, facts and name side by side; the comment has the next line.
            status = QRect(right - width, lines[0].top(), width, line)
            symbol = QRect(status.left() - line - 3, status.top(), line, line)
            facts = QRect(0, name.top(), metrics.horizontalAdvance(_LONGEST), line)
            facts.moveRight(symbol.left() - GAP)
            name.setRight(facts.left() - GAP)
            comment = lines[1].adjusted(0, 0, -line - GAP, 0)
            return _Layout(picture, name, facts, comment, warning, flag, symbol, status)
        # The name has a line of its own; the facts have one if there is no comment.
        symbol = QRect(left, lines[1].top(), line, line)
        status = QRect(symbol.right() + 4, symbol.top(), width, line)
        facts, comment = QRect(lines[2]), QRect(lines[2])
        if row is not None and note_of(row):
            facts = QRect(lines[1])
            facts.setLeft(status.right() + GAP)
            if not warning.isNull():
                facts.setRight(warning.left() - GAP)
        return _Layout(picture, name, facts, comment, warning, flag, symbol, status)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex,
    ) -> bool:
        if event.type() != QEvent.Type.ToolTip or not index.isValid():
            return bool(super().helpEvent(event, view, option, index))
        text = self.tool_tip(event.pos(), view.visualRect(index), index)
        QToolTip.showText(event.globalPos(), text, view)
        return True

    def tool_tip(self, position: QPoint, rect: QRect, index: QModelIndex) -> str:
        """Return what there is to say about a place in a row."""
        row: AnyRow | None = index.data(ROW)
        if row is None:
            return "This case is being read."
        at = self._layout(rect, row)
        if at.warning.contains(position):
            return "\n".join(["The images say:", *warnings_of(row), _DETAILS])
        if at.flag.contains(position):
            return f"Flagged: {flags_text(row.flags)}"
        if note_of(row) and at.comment.contains(position):
            return f"{_status_text(row)}: {note_of(row)}"
        return str(index.data(Qt.ItemDataRole.ToolTipRole))

    def is_warning(self, position: QPoint, rect: QRect, row: Any) -> bool:
        """Tell whether a place in a row is its warning symbol."""
        return self._layout(rect, row).warning.contains(position)


_LONGEST = "2,000 slices · draft: 1,000 of 2,000 decided"
_DETAILS = "Click for details."


def _status_text(row: AnyRow) -> str:
    return str(row.status).capitalize()


def _quoted(comment: str) -> str:
    return f"“{' '.join(comment.split())}”"

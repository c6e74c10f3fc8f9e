"""The methods of a job, each with its labels as chips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_annotate_jobs.model import Scope
from napari_annotate_jobs.widgets.parts._qt_events import event_as
from napari_annotate_jobs.widgets.parts._theme import Colors

from ._paint import ALIGN_LEFT, draw_elided, draw_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtCore import QPoint
    from qtpy.QtGui import QPaintEvent, QResizeEvent

    from napari_annotate_jobs.model import Label, Method, Project

__all__ = ["LabelOverview"]

GAP = 5
PAD = 5


@dataclass(frozen=True)
class _Part:
    """A method, a group's caption, or a label, and where it stands."""

    rect: QRect
    text: str
    method: Method | None = None
    label: Label | None = None
    key: str = ""


class LabelOverview(QWidget):
    """Shows methods, groups and labels with colour and key; as high as it takes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = Colors.dark()
        self._project: Project | None = None
        self._keys: Mapping[int, str] = {}
        self._parts: list[_Part] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_project(self, project: Project, keys: Mapping[int, str]) -> None:
        """Show the labels of a project, and the key of each by its id."""
        self._project, self._keys = project, keys
        self.setAccessibleName("Labels")
        self.setAccessibleDescription(
            "; ".join(
                f"{method}: " + ", ".join(x.name for x in project.label_set.of(method))
                for method in project.methods
            )
        )
        self._parts = self._arranged(self.width())
        self.updateGeometry()
        self.update()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.update()

    # ----------------------------------------------------------------- layout
    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        parts = self._arranged(width)
        return parts[-1].rect.bottom() + 1 + 2 if parts else 0

    def sizeHint(self) -> QSize:
        width = max(self.width(), 200)
        return QSize(200, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._parts = self._arranged(self.width())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_parts"):
            self._parts = self._arranged(self.width())
            self.updateGeometry()

    def _arranged(self, width: int) -> list[_Part]:
        if self._project is None:
            return []
        line = self.fontMetrics().height()
        parts: list[_Part] = []
        y = 0
        for method in self._project.methods:
            title = QRect(0, y, width, line + 2)
            parts.append(_Part(title, str(method).capitalize(), method=method))
            y += line + 2 + GAP
            for caption, labels in self._groups(method):
                if caption:
                    parts.append(_Part(QRect(0, y, width, line), caption))
                    y += line + 3
                y = self._flow(parts, labels, width, y)
        return parts

    def _groups(self, method: Method) -> list[tuple[str, list[Label]]]:
        """Return the labels of a method by group, each with its caption."""
        assert self._project is not None
        label_set = self._project.label_set
        # Those of no group come first: under a group's caption they would be its own.
        groups: dict[str, list[Label]] = {"": []}
        for label in label_set.of(method):
            groups.setdefault(label.group, []).append(label)
        exclusive = {group.name: group.exclusive for group in label_set.groups}
        found = []
        for name, labels in groups.items():
            if not labels:
                continue
            many = len(labels) > 1
            rule = "choose one" if many and exclusive.get(name) else ""
            caption = f"{name} ({rule})" if name and rule else name or rule
            found.append((caption, labels))
        return found

    def _flow(self, parts: list[_Part], labels: list[Label], width: int, y: int) -> int:
        """Put chips one after the other in lines; return where the next may begin."""
        metrics = self.fontMetrics()
        height = metrics.height() + 6
        x = 0
        for label in labels:
            text = f"{label.name} (case)" if label.scope is Scope.CASE else label.name
            key = self._keys.get(label.id) or label.key or ""
            chip = height + metrics.horizontalAdvance(text) + PAD + 2
            if key:
                chip += self._key_width(metrics, key) + PAD + 2
            chip = min(chip, width)
            if x and x + chip > width:
                x, y = 0, y + height + GAP
            parts.append(_Part(QRect(x, y, chip, height), text, label=label, key=key))
            x += chip + GAP
        return y + height + GAP

    @staticmethod
    def _key_width(metrics: QFontMetrics, key: str) -> int:
        return max(metrics.horizontalAdvance(key) + 8, metrics.height())

    # --------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for part in self._parts:
            if not part.rect.intersects(event.rect()):
                continue
            if part.label is not None:
                self._chip(painter, part, part.label)
            elif part.method is not None:
                self._title(painter, part, part.method)
            else:
                painter.setPen(QColor(self._colors.faint_text))
                draw_elided(painter, part.rect, part.text)

    def _title(self, painter: QPainter, part: _Part, method: Method) -> None:
        side = part.rect.height() - 2
        icon = QRect(part.rect.left(), part.rect.top() + 1, side, side)
        draw_method(painter, icon, method, self._colors.text)
        bold = QFont(self.font())
        bold.setBold(True)
        painter.setFont(bold)
        painter.setPen(QColor(self._colors.text))
        painter.drawText(part.rect.adjusted(side + 5, 0, 0, 0), ALIGN_LEFT, part.text)
        painter.setFont(self.font())

    def _chip(self, painter: QPainter, part: _Part, label: Label) -> None:
        rect, colors = part.rect, self._colors
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.secondary), 1))
        painter.setBrush(QColor(colors.foreground))
        painter.drawRoundedRect(rect.adjusted(0, 0, -1, -1), 4, 4)
        side = rect.height() - 10
        swatch = QRect(rect.left() + 5, rect.top() + 5, side, side)
        painter.setBrush(QColor(label.color))
        painter.drawRoundedRect(swatch, 3, 3)
        room = rect.adjusted(rect.height(), 0, -PAD, 0)
        if part.key:
            width = self._key_width(painter.fontMetrics(), part.key)
            cap = QRect(rect.right() - PAD - width, rect.top() + 3, width, 0)
            cap.setHeight(rect.height() - 7)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cap, 3, 3)
            painter.setPen(QColor(colors.faint_text))
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, part.key)
            room.setRight(cap.left() - PAD)
        painter.setPen(QColor(colors.text))
        draw_elided(painter, room, part.text)
        painter.restore()

    # --------------------------------------------------------------- tool tips
    def event(self, event: QEvent) -> bool:
        asked = event_as(event, QHelpEvent)
        if asked is None:
            return bool(super().event(event))
        text = self.tool_tip(asked.pos())
        if text:
            QToolTip.showText(asked.globalPos(), text, self)
        else:
            QToolTip.hideText()
        return True

    def tool_tip(self, position: QPoint) -> str:
        """Return what there is to say about the label at a place."""
        for part in self._parts:
            if part.label is not None and part.rect.contains(position):
                return _about(part.label, part.key)
        return ""


def _about(label: Label, key: str) -> str:
    lines = [label.name]
    if label.scope is Scope.CASE:
        lines.append("Said once of the whole case")
    if key:
        lines.append(f"Key: {key}")
    if label.concept is not None:
        lines.append(str(label.concept))
    lines.extend(f"Asks for: {attribute.name}" for attribute in label.attributes)
    return "\n".join(lines)

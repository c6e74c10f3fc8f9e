"""Parts of a page that fold, and that are as high as what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, Qt, QUrl, Signal
from qtpy.QtGui import QColor, QTextCharFormat, QTextCursor
from qtpy.QtWidgets import (
    QFrame,
    QScrollArea,
    QSizePolicy,
    QTextBrowser,
    QToolButton,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._layouts import column_of

from ._theme import Colors, readable

if TYPE_CHECKING:
    from qtpy.QtCore import QObject
    from qtpy.QtGui import QKeyEvent, QResizeEvent

__all__ = ["Instructions", "Section", "Shelf"]

LEAST = 40
"""Height to which a part can be squeezed before others have to give way."""


class Section(QWidget):
    """A heading that folds what stands below it.

    Parameters
    ----------
    title : str
        The heading.
    content : QWidget
        What is shown while it is unfolded.
    parent : QWidget, optional
        Owns the section.
    """

    folded = Signal(bool)

    def __init__(
        self, title: str, content: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._content = content
        self._head = QToolButton(self)
        self._head.setText(title)
        self._head.setCheckable(True)
        self._head.setChecked(True)
        self._head.setAutoRaise(True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setToolTip(f"Show or hide: {title}")
        # Else it is as wide as its first title, and others are cut.
        self._head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        font = self._head.font()
        font.setBold(True)
        self._head.setFont(font)
        self._head.toggled.connect(self._on_toggled)
        column_of(self._head, content, parent=self, spacing=2, margins=0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._show_arrow()

    @property
    def head(self) -> QToolButton:
        """What is clicked to fold and unfold it."""
        return self._head

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self._head.setText(title)

    @property
    def is_folded(self) -> bool:
        """True if only the heading is shown."""
        return not self._head.isChecked()

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold it; tells nobody."""
        blocked = self._head.blockSignals(True)
        self._head.setChecked(not folded)
        self._head.blockSignals(blocked)
        self._content.setVisible(not folded)
        self._show_arrow()

    def _on_toggled(self, unfolded: bool) -> None:
        self._content.setVisible(unfolded)
        self._show_arrow()
        self.folded.emit(not unfolded)

    def _show_arrow(self) -> None:
        self._head.setArrowType(
            Qt.ArrowType.RightArrow if self.is_folded else Qt.ArrowType.DownArrow
        )


class Shelf(QScrollArea):
    """Holds a widget whose height depends on its width; scrolls above a limit.

    Parameters
    ----------
    widget : QWidget
        What it holds.
    most : int
        Greatest height in pixels.
    parent : QWidget, optional
        Owns the shelf.
    """

    def __init__(
        self, widget: QWidget, most: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._most = most
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(widget)

    def fit(self) -> None:
        """Take the height that the widget needs now."""
        widget = self.widget()
        needed = widget.heightForWidth(max(self.viewport().width(), 80))
        if needed < 0:  # it has the same height at any width
            needed = widget.sizeHint().height()
        needed = min(needed, self._most)
        if needed != self.maximumHeight():
            self.setMaximumHeight(needed)
            self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget when what it holds changes."""
        done = super().eventFilter(watched, event)
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.fit()
        return bool(done)

    def sizeHint(self) -> QSize:
        return QSize(200, self.maximumHeight())

    def minimumSizeHint(self) -> QSize:
        return QSize(120, min(LEAST, self.maximumHeight()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.fit()


class Instructions(QTextBrowser):
    """Markdown as high as it is long, up to a limit.

    Links open in the web browser; pictures are not loaded, since a job folder that
    comes from elsewhere must not make this computer fetch anything.

    Parameters
    ----------
    most : int
        Greatest height in pixels.
    parent : QWidget, optional
        Owns it.
    """

    def __init__(self, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most
        self._colors = Colors.dark()
        self.setOpenExternalLinks(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setTabChangesFocus(True)
        self.setAccessibleName("Instructions")
        self.document().setDocumentMargin(2)

    def set_markdown(self, text: str) -> None:
        """Show a text."""
        self.setMarkdown(text)
        self._color_links()
        self.fit()

    def set_colors(self, colors: Colors) -> None:
        """Show the text in the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(
            f"QTextBrowser {{ background: {colors.foreground}; color: {colors.text}; }}"
        )
        self._color_links()

    def _color_links(self) -> None:
        """Make links readable; Qt gives them the colour of no theme of napari."""
        color = QColor(readable(self._colors.current, self._colors.foreground))
        look = QTextCharFormat()
        look.setForeground(color)
        cursor = QTextCursor(self.document())
        block = self.document().begin()
        while block.isValid():
            place = block.begin()
            while not place.atEnd():
                piece = place.fragment()
                if piece.charFormat().isAnchor():
                    cursor.setPosition(piece.position())
                    cursor.setPosition(
                        piece.position() + piece.length(),
                        QTextCursor.MoveMode.KeepAnchor,
                    )
                    cursor.mergeCharFormat(look)
                place += 1  # type: ignore[operator]
            block = block.next()

    def fit(self) -> None:
        """Take the height that the text needs now."""
        document = self.document()
        document.setTextWidth(max(self.viewport().width(), 80))
        around = self.height() - self.viewport().height()
        needed = round(document.size().height()) + max(around, 0) + 2
        needed = min(needed, self._most)
        if needed != self.maximumHeight():
            self.setMaximumHeight(needed)
            self.updateGeometry()

    def loadResource(self, kind: int, name: QUrl) -> Any:
        return None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            event.ignore()  # there is no page to go back to in here
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(200, self.maximumHeight())

    def minimumSizeHint(self) -> QSize:
        return QSize(120, min(LEAST, self.maximumHeight()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.fit()

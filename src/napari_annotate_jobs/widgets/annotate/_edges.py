"""What stands at the edges of the image: sides of the patient, tools, a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QLabel, QToolButton, QWidget

from napari_annotate_jobs.widgets.parts._theme import Colors
from napari_annotate_jobs.widgets.strip._bar import SIDE, strip_icon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

__all__ = ["CanvasEdges"]

MARGIN = 6
"""Distance of the letters from the edge, in pixels."""
WIDTH = 4
"""Width of the frame, in pixels."""


class CanvasEdges(QObject):
    """Letters in the middle of the canvas's edges, two tools, and a coloured frame.

    Small widgets that the mouse does not feel, since one over the whole canvas would
    have to be blended with every picture of it.

    Parameters
    ----------
    canvas : QWidget
        What the image is drawn on.
    keymap : KeyMap, optional
        The keys of the tools; without it there are none.

    Attributes
    ----------
    peek, room, planes, ruler : QToolButton
        Hides the annotation, gives the image the room of napari's own panels, shows
        three planes, and measures.
    """

    def __init__(self, canvas: QWidget, keymap: KeyMap | None = None) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._color = ""
        self.letters = tuple(QLabel(canvas) for _ in range(4))
        for label, name in zip(
            self.letters, ("Left", "Right", "Top", "Bottom"), strict=True
        ):
            label.setAccessibleName(f"{name} edge of the image")
            # On an image neither theme has a say.
            label.setStyleSheet(
                "QLabel { background: rgba(0, 0, 0, 110); color: white;"
                " padding: 0px 4px; border-radius: 3px; font-size: 13pt;"
                " font-weight: 600; }"
            )
        self.frame = tuple(QFrame(canvas) for _ in range(4))
        for part in (*self.letters, *self.frame):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            part.hide()
        self.peek = _tool(canvas, "eye", "Annotation hidden", "peek")
        self.room = _tool(canvas, "room", "Room for the image", "room")
        self.planes = _tool(canvas, "planes", "Three planes", "three_planes")
        self.ruler = _tool(canvas, "ruler", "Measure", "ruler")
        self._tools = (self.room, self.planes, self.ruler, self.peek)
        for tool in self._tools:
            tool.setVisible(keymap is not None)
        # napari's notices lie on the canvas, too: nothing covers what they say.
        for widget in (*self.letters, *self.frame, *self._tools):
            widget.lower()
        if keymap is not None:
            self.set_keymap(keymap)
        canvas.installEventFilter(self)

    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys in the tooltips."""
        self.peek.setToolTip(keymap.tip("peek"))
        self.room.setToolTip(keymap.tip("room"))
        self.planes.setToolTip(keymap.tip("three_planes"))
        self.ruler.setToolTip(keymap.tip("ruler"))

    def set_letters(self, letters: Sequence[str]) -> None:
        """Show letters at the left, right, top and bottom edge; none hides them."""
        for label, text in zip(self.letters, letters or ("",) * 4, strict=True):
            label.setText(text)
            label.adjustSize()
            label.setVisible(bool(text))
        self._place()

    def set_frame(self, color: str) -> None:
        """Show a frame of a colour, as Qt writes it; none takes it away."""
        if color == self._color:
            return
        self._color = color
        for part in self.frame:
            part.setStyleSheet(f"background: {color};" if color else "")
            part.setVisible(bool(color))
        self._place()

    def _place(self) -> None:
        w, h = self._canvas.width(), self._canvas.height()
        left, right, top, bottom = self.letters
        inner = WIDTH + MARGIN
        for label, across, down in (
            (left, inner, (h - left.height()) // 2),
            (right, w - right.width() - inner, (h - right.height()) // 2),
            (top, (w - top.width()) // 2, inner),
            (bottom, (w - bottom.width()) // 2, h - bottom.height() - inner),
        ):
            label.move(across, down)
        step = self.room.width() + 2
        for n, tool in enumerate(self._tools, start=1):
            tool.move(w - WIDTH - MARGIN - n * step, inner)
        for part, box in zip(
            self.frame,
            (
                (0, 0, WIDTH, h),
                (w - WIDTH, 0, WIDTH, h),
                (0, 0, w, WIDTH),
                (0, h - WIDTH, w, WIDTH),
            ),
            strict=True,
        ):
            part.setGeometry(*box)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the canvas."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place()
        return False

    def close(self) -> None:
        """Go, and let the canvas go."""
        self._canvas.removeEventFilter(self)
        for part in (*self.letters, *self.frame, *self._tools):
            part.hide()
            part.deleteLater()
        self.deleteLater()


def _tool(below: QWidget, icon: str, name: str, action: str) -> QToolButton:
    """Return a switch that lies on the image and leaves it the keyboard."""
    tool = QToolButton(below)
    tool.setObjectName(action)
    tool.setCheckable(True)
    tool.setAccessibleName(name)
    tool.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    tool.setFixedSize(28, 26)
    tool.setIconSize(QSize(SIDE, SIDE))
    colors = Colors.dark()
    tool.setIcon(strip_icon(icon, colors))
    tool.setStyleSheet(
        "QToolButton { background: rgba(0, 0, 0, 110); border: none;"
        " border-radius: 3px; }"
        "QToolButton:hover { background: rgba(90, 90, 90, 200); }"
        f"QToolButton:checked {{ background: {colors.current}; }}"
    )
    tool.show()
    return tool

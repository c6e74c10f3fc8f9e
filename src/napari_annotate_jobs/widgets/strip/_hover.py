"""The card that shows a slice while the mouse rests on its cell."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QFrame, QLabel, QWidget
from superqt.utils import QSignalDebouncer

from napari_annotate_jobs.widgets.parts._layouts import column_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from numpy.typing import NDArray

__all__ = ["HoverCard", "PictureSource", "Pictures", "pixmap_of"]

if TYPE_CHECKING:
    PictureSource: TypeAlias = Callable[
        [int, Callable[[NDArray[np.uint8] | None], None]], None
    ]
else:
    PictureSource = object


def pixmap_of(picture: NDArray[np.uint8], side: int) -> QPixmap:
    """Return a picture no larger than `side` pixels.

    Parameters
    ----------
    picture : ndarray of uint8, shape (rows, columns) or (rows, columns, 3)
        Grey or RGB.
    side : int
        Longest side of the result, in pixels.
    """
    data = np.ascontiguousarray(picture, dtype=np.uint8)
    rows, columns = data.shape[:2]
    kind = (
        QImage.Format.Format_Grayscale8
        if data.ndim == 2
        else QImage.Format.Format_RGB888
    )
    image = QImage(data.data, columns, rows, data.strides[0], kind).copy()
    return QPixmap.fromImage(image).scaled(
        side,
        side,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


class Pictures:
    """Asks a source for pictures of slices and keeps the last ones.

    Parameters
    ----------
    source : callable, optional
        Takes a slice index and a function to hand the picture to, at once or
        later; None in place of a picture if there is none.
    """

    LIMIT = 64

    def __init__(self, source: PictureSource | None = None) -> None:
        self._source = source
        self._kept: OrderedDict[int, NDArray[np.uint8] | None] = OrderedDict()
        self._generation = 0

    def set_source(self, source: PictureSource | None) -> None:
        """Ask somebody else from now on."""
        self._source = source
        self.forget()

    def forget(self, indices: Iterable[int] | None = None) -> None:
        """Forget the pictures of slices that changed, or all."""
        if indices is None:
            self._kept.clear()
            self._generation += 1
            return
        for index in indices:
            self._kept.pop(index, None)

    def get(
        self, index: int, reply: Callable[[int, NDArray[np.uint8] | None], None]
    ) -> None:
        """Hand the picture of a slice to `reply`, with its index."""
        if index in self._kept:
            self._kept.move_to_end(index)
            reply(index, self._kept[index])
            return
        if self._source is None:
            reply(index, None)
            return
        generation = self._generation

        def take(picture: NDArray[np.uint8] | None) -> None:
            if generation != self._generation:
                return
            self._kept[index] = picture
            while len(self._kept) > self.LIMIT:
                self._kept.popitem(last=False)
            reply(index, picture)

        self._source(index, take)


class HoverCard(QFrame):
    """A small window with a picture and a few words, which takes no input.

    Parameters
    ----------
    parent : QWidget
        Whose cells it tells about.
    """

    DELAY = 250
    SIDE = 144

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFrameShape(QFrame.Shape.Box)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setMaximumWidth(260)
        column_of(self.picture, self.text, parent=self, margins=6)
        self.pictures = Pictures()
        self._index = -1
        self._place = QRect()
        self._pause = QSignalDebouncer(parent=self)
        self._pause.setTimeout(self.DELAY)
        self._pause.triggered.connect(self._appear)

    def tell(self, index: int, text: str, place: QRect) -> None:
        """Tell about a slice after a moment, or at once if already shown.

        Parameters
        ----------
        index : int
            The slice, for its picture; -1 for words alone.
        text : str
            What is said of it.
        place : QRect
            What it is about, in global coordinates; the card keeps clear of it.
        """
        if index == self._index and text == self.text.text():
            self._place = place
            return
        self._index, self._place = index, place
        self.text.setText(text)
        if self.isVisible():
            self._appear()
        else:
            self._pause.throttle()

    def leave(self) -> None:
        """Hide, and forget what was to be told."""
        self._pause.cancel()
        self._index = -1
        self.hide()

    def _appear(self) -> None:
        self.picture.hide()
        if self._index >= 0:
            self.pictures.get(self._index, self._show_picture)
        self._move()
        self.show()

    def _show_picture(self, index: int, picture: NDArray[np.uint8] | None) -> None:
        if index != self._index or picture is None:
            return
        self.picture.setPixmap(pixmap_of(picture, self.SIDE))
        self.picture.show()
        if self.isVisible():
            self._move()

    def _move(self) -> None:
        self.adjustSize()
        screen = self.parentWidget().screen().availableGeometry()
        x = self._place.center().x() - self.width() // 2
        y = self._place.top() - self.height() - 6
        if y < screen.top():
            y = self._place.bottom() + 6
        x = min(max(x, screen.left()), screen.right() - self.width())
        self.move(QPoint(x, y))

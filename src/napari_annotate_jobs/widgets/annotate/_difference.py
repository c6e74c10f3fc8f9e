"""Two versions of some slices side by side, in words and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QWidget

from napari_annotate_jobs.widgets.strip._hover import pixmap_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.session import Difference

    Reply = Callable[[NDArray[np.uint8] | None], None]
    PictureSource = Callable[[int, bool, Reply], None]

__all__ = ["DifferenceView"]


class DifferenceView(QScrollArea):
    """A row for each slice on which two versions differ.

    Parameters
    ----------
    rows : sequence of Difference
        What to show.
    mine, theirs : str
        What the columns are called.
    source : callable, optional
        Takes a slice index, whether it is mine, and a function to hand the picture
        to, at once or later.
    """

    SIDE = 72
    MOST = 40
    """Rows that are shown; more are counted."""
    HEIGHT = 260

    def __init__(
        self,
        rows: Sequence[Difference],
        mine: str,
        theirs: str,
        source: PictureSource | None = None,
    ) -> None:
        super().__init__()
        self.setAccessibleName("Differences")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(12)
        for column, title in ((1, mine), (3, theirs)):
            grid.addWidget(QLabel(f"<b>{title}</b>"), 0, column, 1, 2)
        for place, row in enumerate(rows[: self.MOST], 1):
            name = row.name + ("\n(both changed)" if row.both else "")
            grid.addWidget(QLabel(name), place, 0)
            for column, is_mine in ((1, True), (3, False)):
                picture = QLabel()
                if row.index is not None and source is not None:
                    picture.setFixedSize(self.SIDE, self.SIDE)
                    picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
                    source(row.index, is_mine, _Show(picture, self.SIDE))
                grid.addWidget(picture, place, column)
                text = QLabel(row.mine if is_mine else row.theirs)
                text.setWordWrap(True)
                text.setFixedWidth(140)
                grid.addWidget(text, place, column + 1)
        if len(rows) > self.MOST:
            more = QLabel(f"and {len(rows) - self.MOST} more")
            grid.addWidget(more, self.MOST + 1, 0, 1, 5)
        grid.setRowStretch(grid.rowCount(), 1)
        self.setWidget(body)
        self.setWidgetResizable(True)
        size = body.sizeHint()
        self.setMinimumSize(size.width() + 20, min(size.height() + 4, self.HEIGHT))


class _Show:
    """Shows a picture in a label, unless that is gone by then."""

    def __init__(self, label: QLabel, side: int) -> None:
        self._label, self._side = label, side

    def __call__(self, picture: NDArray[np.uint8] | None) -> None:
        if picture is None:
            return
        try:
            self._label.setPixmap(pixmap_of(picture, self._side))
        except RuntimeError:  # the question was answered meanwhile
            pass

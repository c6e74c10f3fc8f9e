"""Two versions of some slices side by side, in words and pictures."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QLabel,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._layouts import column_of
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
    between : callable, optional
        Takes a slice index, and a function to hand a picture to of what is on one of
        the two alone.
    choose : bool
        Let one of the two be chosen in each row; mine at first.
    """

    SIDE = 96
    MOST = 40
    """Rows that are shown; more are counted."""
    HEIGHT = 260

    def __init__(
        self,
        rows: Sequence[Difference],
        mine: str,
        theirs: str,
        source: PictureSource | None = None,
        *,
        between: Callable[[int, Reply], None] | None = None,
        choose: bool = False,
    ) -> None:
        super().__init__()
        self._rows = tuple(rows)
        self.choices: list[QButtonGroup] = []
        """For each row that is shown: button 0 keeps mine, 1 takes theirs."""
        names = (mine, theirs)
        self.setAccessibleName("Differences")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(12)
        for column, title in ((1, mine), (3, theirs)):
            grid.addWidget(QLabel(f"<b>{escape(title)}</b>"), 0, column, 1, 2)
        if between is not None:
            sides = f"blue: {escape(mine)}<br>orange: {escape(theirs)}"
            grid.addWidget(QLabel(f"<b>Differs</b><br>{sides}"), 0, 5)
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
                cell = column_of(text)
                grid.addLayout(cell, place, column + 1)
                if choose:
                    self._offer(cell, row.name, is_mine, names)
            if between is not None and row.index is not None:
                picture = QLabel()
                picture.setFixedSize(self.SIDE, self.SIDE)
                grid.addWidget(picture, place, 5)
                between(row.index, _Show(picture, self.SIDE))
        if len(rows) > self.MOST:
            name = f"and {len(rows) - self.MOST} more"
            grid.addWidget(QLabel(name), self.MOST + 1, 0)
            for column, is_mine in ((1, True), (3, False)) if choose else ():
                cell = QVBoxLayout()
                grid.addLayout(cell, self.MOST + 1, column + 1)
                self._offer(cell, name, is_mine, names)
        grid.setRowStretch(grid.rowCount(), 1)
        self.setWidget(body)
        self.setWidgetResizable(True)
        size = body.sizeHint()
        self.setMinimumSize(size.width() + 20, min(size.height() + 4, self.HEIGHT))

    def _offer(
        self, cell: QVBoxLayout, row: str, is_mine: bool, names: tuple[str, str]
    ) -> None:
        """Let one version of a row be chosen; mine comes first."""
        button = QRadioButton("Keep" if is_mine else "Take")
        button.setAccessibleName(f"{row}: {names[0] if is_mine else names[1]}")
        if is_mine:
            group = QButtonGroup(self)
            self.choices.append(group)
            button.setChecked(True)
        self.choices[-1].addButton(button, 0 if is_mine else 1)
        cell.addWidget(button)

    def taken(self) -> tuple[int | None, ...]:
        """Return of which slices theirs was chosen; None for the case as a whole."""
        found = []
        for place, row in enumerate(self._rows):
            group = self.choices[min(place, len(self.choices) - 1)]
            if group.checkedId() == 1:
                found.append(row.index)
        return tuple(found)


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

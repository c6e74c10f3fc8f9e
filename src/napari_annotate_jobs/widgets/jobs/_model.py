"""The cases of a job as a list that is read page by page."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from qtpy.compat import isalive
from qtpy.QtCore import QAbstractListModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QPixmap

from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.model import CaseOrder, ReviewRow, flags_text

from ._paint import to_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtCore import QObject

    from napari_annotate_jobs.model import CaseRow, ReviewStatus, Status

    AnyRow = CaseRow | ReviewRow
    """A case of whoever annotates, or what somebody submitted of one."""
    AnyStatus = Status | ReviewStatus
    RowsReply = Callable[[Sequence[AnyRow] | None, int], None]
    PictureReply = Callable[..., None]

__all__ = [
    "AnyRow",
    "CaseModel",
    "CaseQuery",
    "CaseRows",
    "case_text",
    "facts_text",
    "named_row",
    "note_of",
    "row_key",
    "split_row_key",
    "warnings_of",
]

ROW = Qt.ItemDataRole.UserRole
"""Role of a row's CaseRow; None while it is being read."""

PAGE = 100
"""Rows asked for at once."""
KEPT_PAGES = 60
KEPT_PICTURES = 600


@dataclass(frozen=True)
class CaseQuery:
    """Which cases are listed, and in which order.

    Parameters
    ----------
    status : Status or ReviewStatus, optional
        None for all.
    text : str
        Part of the name.
    flagged : bool
        True for flagged cases alone.
    order : CaseOrder
        What they are sorted by.
    backwards : bool
        True to turn the order round.
    label : int, optional
        Id of a label: those cases alone of which it was said.
    only : tuple of str
        The :func:`row_key` of each row that is listed, in this order, whatever else
        is asked; empty for all.
    """

    status: AnyStatus | None = None
    text: str = ""
    flagged: bool = False
    order: CaseOrder = CaseOrder.JOB
    backwards: bool = False
    label: int | None = None
    only: tuple[str, ...] = ()


class CaseRows(Protocol):
    """Where the case table gets its rows and pictures from.

    Both methods may answer at once or later, on the interface thread, and answer
    once. One question of each kind is asked at a time; the answer to a question
    that is no longer of interest is ignored.
    """

    def fetch(
        self, query: CaseQuery, offset: int, limit: int, reply: RowsReply
    ) -> None:
        """Read a page of the cases.

        Parameters
        ----------
        query : CaseQuery
            Which of them, and in which order.
        offset, limit : int
            Rows to leave out, and rows to return at most.
        reply : callable
            Takes the rows, and how many cases the query finds; None for the rows if
            they could not be read.
        """

    def thumbnail(self, case_id: str, reply: PictureReply) -> None:
        """Draw a case small, with its annotation.

        Parameters
        ----------
        case_id : str
            The case; of a submission its :func:`row_key`.
        reply : callable
            Takes an array of uint8, shape (h, w) or (h, w, 3), or None if there
            is no picture; and, if it is known, what was said of the case in words.
        """


def row_key(row: AnyRow) -> str:
    """Return what names a row: the case, and who submitted it where that is listed."""
    return named_row(row.case.id, getattr(row, "person", None))


def named_row(case_id: str, person: str | None) -> str:
    """Return what names the row of a case, and of who submitted it."""
    return case_id if person is None else f"{case_id}\n{person}"


def split_row_key(key: str) -> tuple[str, str | None]:
    """Return case and person of what names a row; None if it names a case alone."""
    case_id, _, person = key.partition("\n")
    return case_id, person or None


def note_of(row: AnyRow) -> str:
    """Return what a reviewer wrote of a row, else why it is flagged."""
    note = row.comment if isinstance(row, ReviewRow) else row.returned_comment
    return note or flags_text(row.flags)


def warnings_of(row: AnyRow) -> tuple[str, ...]:
    """Return what the reader of the images complained of."""
    return () if isinstance(row, ReviewRow) else row.warnings


def facts_text(row: AnyRow) -> str:
    """Say who did how much of a case, and when."""
    parts = []
    if isinstance(row, ReviewRow):
        parts.append(row.person)
        if row.time is not None:
            parts.append(f"{row.time.astimezone():%d %b %H:%M}")
        parts.append("first" if row.number == 1 else f"revised ({row.number})")
        return " · ".join(parts)
    if row.case.n_slices:
        parts.append(counted(row.case.n_slices, "slice"))
    if row.draft:
        parts.append(draft_text(row))
    return " · ".join(parts)


def case_text(row: AnyRow) -> str:
    """Say in one line what is known of a case."""
    parts = [row.case.name, str(row.status), facts_text(row)]
    if isinstance(row, ReviewRow):
        if row.reviewer:
            parts.append(f"by {row.reviewer}")
        parts.append(row.comment)
    elif row.returned_comment:
        parts.append(f"returned: {row.returned_comment}")
    if row.flags:
        parts.append(f"flagged: {flags_text(row.flags)}")
    parts.extend(warnings_of(row))
    return " · ".join(part for part in parts if part)


def draft_text(row: CaseRow) -> str:
    """Say how far the draft of a case is."""
    if not row.decided or not row.case.n_slices:
        return "draft"
    return f"draft: {row.decided:,} of {row.case.n_slices:,} decided"


class CaseModel(QAbstractListModel):
    """The cases that pass a filter, of which only the visible ones are read.

    Parameters
    ----------
    visible : callable
        Returns the first and last visible row.
    parent : QObject, optional
        Owns the model.

    Attributes
    ----------
    is_moving : bool
        True while rows come or go whose content is not known yet.
    """

    page_loaded = Signal(int, int)
    """First and last row that were read."""
    state_changed = Signal()
    """Reading began, ended or failed, or the number of rows changed."""

    def __init__(
        self, visible: Callable[[], tuple[int, int]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._visible = visible
        self._source: CaseRows | None = None
        self._query = CaseQuery()
        self._total = 0
        self._pages: OrderedDict[int, tuple[AnyRow, ...]] = OrderedDict()
        self._stale: set[int] = set()
        self._pictures: OrderedDict[str, QPixmap | None] = OrderedDict()
        self._stale_pictures: set[str] = set()
        self._said: dict[str, str] = {}
        # Counts the questions, so that late answers are known as such.
        self._question = 0
        self._asked_page: tuple[int, int] | None = None
        self._asked_picture: tuple[int, str] | None = None
        self.is_moving = False
        self._is_new = False
        self._failed = False
        self._busy = self._again = False

    # ---------------------------------------------------------------- asking
    def look_at(self, visible: Callable[[], tuple[int, int]]) -> None:
        """Read from now on what another view shows of the cases."""
        self._visible = visible

    def set_source(self, source: CaseRows | None) -> None:
        """Show the cases of another source, from the beginning."""
        self._source = source
        self._pictures.clear()
        self._said.clear()
        self._stale_pictures.clear()
        self._asked_picture = None
        if source is None or self._total:
            self._reset(0)
        self._begin()

    def set_query(self, query: CaseQuery) -> None:
        """Show other cases, or in another order.

        Those shown now stay until the first of the new ones are there, but where
        another label is looked for, which may take long.
        """
        if query != self._query:
            if query.label != self._query.label and self._total:
                self._reset(0)
            self._query = query
            self._begin()

    def refresh(self) -> None:
        """Read the visible rows again, and the others when they come to sight."""
        if self._is_new or self._failed:
            self._begin()
            return
        self._stale = set(self._pages)
        self._asked_page = None
        self.load()

    def refresh_case(self, case_id: str) -> None:
        """Read a case again, and draw its picture anew."""
        if case_id in self._pictures:
            self._stale_pictures.add(case_id)
        if self._asked_picture is not None and self._asked_picture[1] == case_id:
            self._asked_picture = None
        row = self.row_of(case_id)
        if row >= 0:
            self._stale.add(row // PAGE)
            if self._asked_page is not None and self._asked_page[1] == row // PAGE:
                self._asked_page = None
        self.load()

    def load(self) -> None:
        """Ask for what is visible and not there yet."""
        # An answer may come within the question: no recursion then.
        self._again = True
        if self._busy:
            return
        self._busy = True
        try:
            while self._again:
                self._again = False
                self._ask()
        finally:
            self._busy = False

    def _begin(self) -> None:
        self._is_new, self._failed = True, False
        self._asked_page = None
        self.load()
        self.state_changed.emit()

    def _ask(self) -> None:
        if self._source is None or self._failed:
            return
        if self._asked_page is None:
            page = self._next_page()
            if page is not None:
                self._question += 1
                self._asked_page = asked = (self._question, page)
                reply = self._answer(CaseModel._on_rows, asked)
                self._source.fetch(self._query, page * PAGE, PAGE, reply)
        # Rows first: a picture may take long.
        if self._asked_picture is None and self._asked_page is None:
            case_id = self._next_picture()
            if case_id is not None:
                self._question += 1
                self._asked_picture = wanted = (self._question, case_id)
                reply = self._answer(CaseModel._on_picture, wanted)
                self._source.thumbnail(case_id, reply)

    def _answer(self, method: Callable[..., None], asked: object) -> Any:
        """Return a reply that does not keep the model alive."""
        alive = weakref.ref(self)

        def reply(*answer: Any) -> None:
            model = alive()
            if model is not None and isalive(model):
                method(model, asked, *answer)

        return reply

    def _next_page(self) -> int | None:
        if self._is_new:
            return 0
        if not self._total:
            return 0 if self._stale else None
        first, last = self._visible()
        pages = range(max(first, 0) // PAGE, min(last, self._total - 1) // PAGE + 1)
        for page in pages:
            if page not in self._pages:
                return page
        for page in pages:
            if page in self._stale:
                return page
        return None

    def _next_picture(self) -> str | None:
        rows = [row for row in self._visible_rows() if row is not None]
        for row in rows:
            if row_key(row) not in self._pictures:
                return row_key(row)
        for row in rows:
            if row_key(row) in self._stale_pictures:
                return row_key(row)
        return None

    def _visible_rows(self) -> Iterator[AnyRow | None]:
        first, last = self._visible()
        for row in range(max(first, 0), min(last, self._total - 1) + 1):
            yield self.case_row(row)

    # --------------------------------------------------------------- answers
    def _on_rows(
        self, asked: tuple[int, int], rows: Sequence[AnyRow] | None, total: int
    ) -> None:
        if asked != self._asked_page:
            return
        self._asked_page = None
        page = asked[1]
        if rows is None:
            self._failed = True
            self.state_changed.emit()
            return
        if self._is_new:
            self._reset(total)
            self._is_new = False
        elif total != self._total:
            self._resize(total)
        self._note_changes(page, rows)
        self._stale.discard(page)
        self._pages[page] = tuple(rows)
        self._pages.move_to_end(page)
        while len(self._pages) > KEPT_PAGES:
            self._stale.discard(self._pages.popitem(last=False)[0])
        first = page * PAGE
        last = min(first + max(len(rows), 1), max(total, 1)) - 1
        if rows:
            self.dataChanged.emit(self.index(first, 0), self.index(last, 0))
        self.page_loaded.emit(first, last)
        self.state_changed.emit()
        self.load()

    def _on_picture(
        self,
        asked: tuple[int, str],
        picture: NDArray[np.uint8] | None,
        said: str = "",
    ) -> None:
        if asked != self._asked_picture:
            return
        self._asked_picture = None
        case_id = asked[1]
        pixmap = None if picture is None else QPixmap.fromImage(to_image(picture))
        self._pictures[case_id] = pixmap
        self._said[case_id] = said
        self._pictures.move_to_end(case_id)
        self._stale_pictures.discard(case_id)
        while len(self._pictures) > KEPT_PICTURES:
            gone, _ = self._pictures.popitem(last=False)
            self._stale_pictures.discard(gone)
            self._said.pop(gone, None)
        row = self.row_of(case_id)
        if row >= 0:
            self.dataChanged.emit(self.index(row, 0), self.index(row, 0))
        self.load()

    def _note_changes(self, page: int, rows: Sequence[AnyRow]) -> None:
        """Draw the pictures of cases that changed anew."""
        before = {row_key(row): row for row in self._pages.get(page, ())}
        for row in rows:
            old = before.get(row_key(row))
            if old is not None and old != row and row_key(row) in self._pictures:
                self._stale_pictures.add(row_key(row))

    def _reset(self, total: int) -> None:
        self.beginResetModel()
        self._pages.clear()
        self._stale.clear()
        self._total = total
        self.endResetModel()

    def _resize(self, total: int) -> None:
        """Change the number of rows; whatever is kept may have moved."""
        none = QModelIndex()
        self.is_moving = True
        if total > self._total:
            self.beginInsertRows(none, self._total, total - 1)
            self._total = total
            self.endInsertRows()
        else:
            self.beginRemoveRows(none, total, self._total - 1)
            self._total = total
            for page in [p for p in self._pages if p * PAGE >= total]:
                del self._pages[page]
            self.endRemoveRows()
        self.is_moving = False
        self._stale = set(self._pages)

    # ----------------------------------------------------------------- state
    @property
    def query(self) -> CaseQuery:
        """Which cases are listed."""
        return self._query

    @property
    def total(self) -> int:
        """How many cases there are."""
        return self._total

    @property
    def is_reading(self) -> bool:
        """True until the first rows are there."""
        return self._is_new and not self._failed and self._source is not None

    @property
    def has_failed(self) -> bool:
        """True if the rows could not be read."""
        return self._failed

    def case_row(self, row: int) -> AnyRow | None:
        """Return the case in a row; None while it is not read."""
        rows = self._pages.get(row // PAGE, ())
        at = row % PAGE
        return rows[at] if 0 <= row < self._total and at < len(rows) else None

    def row_of(self, case_id: str) -> int:
        """Return the row of a case among those that were read, or -1."""
        for page, rows in self._pages.items():
            for at, row in enumerate(rows):
                if row_key(row) == case_id:
                    return page * PAGE + at
        return -1

    def picture(self, case_id: str) -> QPixmap | None:
        """Return the picture of a case, if there is one."""
        return self._pictures.get(case_id)

    def said(self, case_id: str) -> str:
        """Return what was said of a case, known with its picture; empty for nothing."""
        return self._said.get(case_id, "")

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self._total

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.case_row(index.row()) if index.isValid() else None
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return "" if row is None else row.case.name
        if role in (
            Qt.ItemDataRole.AccessibleTextRole,
            Qt.ItemDataRole.ToolTipRole,
        ):
            return "" if row is None else case_text(row)
        return None

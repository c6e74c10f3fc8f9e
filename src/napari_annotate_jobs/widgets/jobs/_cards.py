"""The cards of My Jobs: which are listed, in what order, and how they look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import (
    QAbstractListModel,
    QDate,
    QEvent,
    QLocale,
    QModelIndex,
    QRect,
    QSize,
    Qt,
)
from qtpy.QtGui import QColor, QCursor, QFont, QFontMetrics, QPainter, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QToolTip

from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    contrast_text,
    mixed,
    readable,
)

from ._card_pictures import CardPictures, identity
from ._paint import (
    ALIGN_RIGHT,
    badge_width,
    counts_text,
    draw_badge,
    draw_bar,
    draw_elided,
    draw_method,
    draw_picture,
    draw_picture_frame,
    number,
    percent,
    reviewed_part,
    reviews_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtCore import QObject, QPoint
    from qtpy.QtGui import QHelpEvent
    from qtpy.QtWidgets import QAbstractItemView, QStyleOptionViewItem

    from napari_annotate_jobs.model import Job, JobSummary, News

__all__ = [
    "JobDelegate",
    "JobFilter",
    "JobModel",
    "JobOrder",
    "date_text",
    "due_text",
    "is_late",
]

SUMMARY = Qt.ItemDataRole.UserRole
"""Role of a row's JobSummary."""

LATE, NEW = "late", "New"
NEW_DAYS = 7
"""Days for which a job of which nothing is submitted yet is new."""
SOON = 14
"""Days before the last one that are counted."""
REVIEW = "#8e5bb5"
"""The colour of the badge of review jobs."""
LINES = 5
PICTURE, PICTURES = 48, 3
"""Pixels of the side of a picture of a case, and how many there are at most."""
PAD = 8
GAP = 5


class JobFilter(StrEnum):
    """Which jobs are listed."""

    ALL = "All"
    LEFT = "Left"
    FINISHED = "Finished"


class JobOrder(StrEnum):
    """In what order they are listed."""

    DUE = "Due first"
    NEWEST = "Newest"
    NAME = "Name"
    LEFT = "Most left"


def date_text(day: date) -> str:
    """Write a day so that day and month cannot be mistaken."""
    return QLocale().toString(QDate(day.year, day.month, day.day), "d MMM yyyy")


def is_late(summary: JobSummary, today: date) -> bool:
    """Tell whether cases are left after the last day."""
    due = summary.job.due
    return due is not None and due < today and _left(summary) > 0


def due_text(summary: JobSummary, today: date) -> str:
    """Write when a job is due; empty if it has no last day."""
    due = summary.job.due
    if due is None:
        return ""
    if not _left(summary):
        return f"due {date_text(due)}"
    days = (due - today).days
    near = {0: "due today", 1: "due tomorrow"}
    if 1 < days < SOON:
        return f"due in {days} days"
    return near.get(days, f"due {date_text(due)}")


def is_new(summary: JobSummary, today: date) -> bool:
    """Tell whether a job came in the last days, and nothing of it is submitted."""
    days = (today - summary.job.published.astimezone().date()).days
    counts = summary.counts
    return (
        summary.reviews is None
        and days < NEW_DAYS
        and counts.left > 0
        and not (counts.finished or counts.returned)
    )


def begin_text(job: Job, today: date) -> str:
    """Write from when on a job is to be done, or else when it was published."""
    if job.start is None:
        return f"published {published_text(job)}"
    return f"{'starts' if job.start > today else 'since'} {date_text(job.start)}"


def owners_text(job: Job) -> str:
    """Write whose a job is; empty if it does not say."""
    if not job.owners:
        return ""
    more = f" +{len(job.owners) - 1}" if len(job.owners) > 1 else ""
    return f"owner {job.owners[0]}{more}"


def news_text(news: str) -> str:
    """Write what is new in a job, and since when; empty if nothing is.

    What is new comes first: the rest may not fit.
    """
    return f"{news} since your last visit" if news else ""


def published_text(job: Job) -> str:
    """Write when a job was published, as seen from here."""
    return date_text(job.published.astimezone().date())


class JobModel(QAbstractListModel):
    """The jobs that pass the filter, in order.

    Parameters
    ----------
    parent : QObject, optional
        Owns the model.
    today : callable
        Returns the day from which "late" is counted.
    """

    def __init__(
        self, parent: QObject | None = None, today: Callable[[], date] = date.today
    ) -> None:
        super().__init__(parent)
        self.today = today
        self.text = ""
        self.filter = JobFilter.ALL
        self.order = JobOrder.DUE
        self._all: tuple[JobSummary, ...] = ()
        self._shown: list[JobSummary] = []
        self._news: Mapping[tuple[str, str], News] = {}

    @property
    def has_news(self) -> bool:
        """True if something is new in any of the jobs."""
        return bool(self._news)

    def set_news(self, news: Mapping[tuple[str, str], News]) -> None:
        """Say what is new in jobs, by location and id."""
        if news == self._news:
            return
        self.beginResetModel()
        self._news = news
        self.endResetModel()

    def news(self, summary: JobSummary) -> str:
        """Return what is new in a job; empty if nothing is."""
        found = self._news.get(identity(summary))
        return "" if found is None else found.text

    def set_jobs(self, jobs: Sequence[JobSummary]) -> None:
        """Replace all jobs."""
        self._all = tuple(jobs)
        self.update()

    def update(self) -> None:
        """Filter and sort anew."""
        self.beginResetModel()
        self._shown = sorted(
            (job for job in self._all if self._passes(job, self.filter)), key=self._key
        )
        self.endResetModel()

    def count(self, wanted: JobFilter) -> int:
        """Return how many jobs a filter lets through, whatever is searched for."""
        return sum(self._is(job, wanted) for job in self._all)

    def progress_text(self) -> str:
        """Return how far all jobs to annotate are; empty for fewer than two."""
        counts = [job.counts for job in self._all if job.reviews is None]
        if len(counts) < 2:
            return ""
        total, left = sum(c.total for c in counts), sum(c.left for c in counts)
        finished = sum(c.finished for c in counts)
        return (
            f"{number(finished)} of {number(total)} cases finished · "
            f"{number(left)} left"
        )

    def row_of(self, summary: JobSummary) -> int:
        """Return the row of the same job, or -1 if it is not listed."""
        for row, shown in enumerate(self._shown):
            if identity(shown) == identity(summary):
                return row
        return -1

    def summary(self, row: int) -> JobSummary:
        """Return the job in a row."""
        return self._shown[row]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        summary = self._shown[index.row()]
        if role == SUMMARY:
            return summary
        if role == Qt.ItemDataRole.DisplayRole:
            return summary.job.name
        if role in (
            Qt.ItemDataRole.AccessibleTextRole,
            Qt.ItemDataRole.AccessibleDescriptionRole,
        ):
            return self._description(summary)
        return None

    def _description(self, summary: JobSummary) -> str:
        job = summary.job
        parts = [
            job.name,
            _kind(summary).casefold(),
            ", ".join(job.project.methods),
            f"published {published_text(job)}",
            _mark(summary, self.today()),
            begin_text(job, self.today()) if job.start else "",
            f"due {date_text(job.due)}" if job.due else "",
            owners_text(job),
            f"{percent(_part(summary))} finished",
            _text(summary),
            news_text(self.news(summary)),
        ]
        return " · ".join(part for part in parts if part)

    def _is(self, summary: JobSummary, wanted: JobFilter) -> bool:
        if wanted is JobFilter.ALL:
            return True
        return (_left(summary) > 0) == (wanted is JobFilter.LEFT)

    def _passes(self, summary: JobSummary, wanted: JobFilter) -> bool:
        job = summary.job
        words = " ".join([job.name, _kind(summary), *job.project.methods]).casefold()
        return self._is(summary, wanted) and all(
            word in words for word in self.text.casefold().split()
        )

    def _key(self, summary: JobSummary) -> tuple[Any, ...]:
        job, left = summary.job, _left(summary)
        name = job.name.casefold()
        newest = -job.published.timestamp()
        if self.order is JobOrder.NEWEST:
            return newest, name
        if self.order is JobOrder.NAME:
            return name, newest
        if self.order is JobOrder.LEFT:
            return -left, name
        return not left, job.due or date.max, newest, name


@dataclass(frozen=True)
class _Layout:
    """Where the parts of a card are."""

    card: QRect
    name: QRect
    late: QRect
    methods: tuple[QRect, ...]
    words: QRect
    badge: QRect
    dates: QRect
    bar: QRect
    percent: QRect
    counts: QRect
    news: QRect
    pictures: tuple[QRect, ...]
    button: QRect
    owner: QRect


class JobDelegate(QStyledItemDelegate):
    """Paints the cards."""

    def __init__(
        self, view: QAbstractItemView, model: JobModel, pictures: CardPictures
    ) -> None:
        super().__init__(view)
        self._view = view
        self._model = model
        self._pictures = pictures
        self._colors = Colors.dark()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        height = self._view.fontMetrics().height()
        lines = LINES + self._model.has_news
        return QSize(220, lines * (height + GAP) + 2 * PAD + PICTURE + GAP)

    def _fonts(self) -> tuple[QFont, QFont]:
        font = QFont(self._view.font())
        bold = QFont(font)
        bold.setBold(True)
        return font, bold

    def _layout(self, rect: QRect, summary: JobSummary) -> _Layout:
        font, bold = self._fonts()
        metrics = QFontMetrics(font)
        line = metrics.height()
        card = rect.adjusted(1, 1, -2, 1 - GAP)
        inner = card.adjusted(PAD, PAD, -PAD, -PAD)
        rows = [
            QRect(inner.left(), inner.top() + n * (line + GAP), inner.width(), line)
            for n in range(LINES + self._model.has_news)
        ]
        mark = _mark(summary, self._model.today())
        late = _at_end(rows[0], badge_width(metrics, mark) if mark else 0)
        name = rows[0].adjusted(0, 0, -late.width() - GAP, 0)
        badge = _at_end(rows[1], badge_width(metrics, _kind(summary)))
        methods = tuple(
            QRect(inner.left() + n * (line + 4), rows[1].top(), line, line)
            for n in range(len(summary.job.project.methods))
        )
        words = QRect(rows[1])
        words.setLeft(methods[-1].right() + GAP)
        words.setRight(badge.left() - GAP)
        part = _at_end(rows[3], metrics.horizontalAdvance("100 %"))
        bar = QRect(rows[3].left(), rows[3].center().y() - 3, 0, 7)
        bar.setRight(part.left() - GAP)
        news = QRect(rows[-1])
        text = news_text(self._model.news(summary))
        news.setWidth(
            min(QFontMetrics(bold).horizontalAdvance(text), news.width()) if text else 0
        )
        last = QRect(inner.left(), rows[-1].bottom() + 1 + GAP, inner.width(), PICTURE)
        pictures = tuple(
            QRect(last.left() + n * (PICTURE + 4), last.top(), PICTURE, PICTURE)
            for n in range(min(PICTURES, summary.counts.total))
        )
        beside = QRect(last)
        beside.setLeft(last.left() + PICTURES * (PICTURE + 4) + GAP)
        verb = _verb(summary)
        button = _at_end(beside, metrics.horizontalAdvance(verb) + 22 if verb else 0)
        button.setHeight(line + 8)
        owner = QRect(beside)
        owner.setTop(beside.bottom() + 1 - line)
        dates, counts = rows[2], rows[4]
        return _Layout(
            card, name, late, methods, words, badge, dates, bar, part, counts,
            news, pictures, button, owner,
        )  # fmt: skip

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        summary = index.data(SUMMARY)
        if summary is None:
            return
        colors = self._colors
        at = self._layout(option.rect, summary)
        fill = self._card(painter, option, at.card)
        font, bold = self._fonts()
        faint = QColor(readable(mixed(colors.text, fill, 0.3), fill))
        text = readable(colors.text, fill)
        project, part = summary.job.project, _part(summary)
        painter.save()
        painter.setFont(bold)
        painter.setPen(QColor(text))
        draw_elided(painter, at.name, summary.job.name)
        painter.setFont(font)
        mark = _mark(summary, self._model.today())
        if mark:
            color = colors.error if mark == LATE else colors.current
            draw_badge(painter, at.late, mark, color)
        is_review = _is_review(summary)
        color = REVIEW if is_review else colors.highlight
        draw_badge(painter, at.badge, _kind(summary), color)
        for rect, method in zip(at.methods, project.methods, strict=True):
            draw_method(painter, rect, method, text)
        painter.setPen(faint)
        draw_elided(painter, at.words, ", ".join(project.methods))
        self._dates(painter, at.dates, summary, fill)
        draw_bar(painter, at.bar, part, colors)
        painter.setPen(QColor(text))
        painter.drawText(at.percent, ALIGN_RIGHT, percent(part))
        draw_elided(painter, at.counts, _text(summary))
        self._draw_news(painter, at.news, summary, fill)
        self._draw_pictures(painter, at, summary)
        self._draw_button(painter, at.button, summary, option)
        painter.setPen(faint)
        owner = painter.fontMetrics().elidedText(
            owners_text(summary.job), Qt.TextElideMode.ElideMiddle, at.owner.width()
        )
        painter.drawText(at.owner, ALIGN_RIGHT, owner)
        painter.restore()

    def _draw_news(
        self, painter: QPainter, rect: QRect, summary: JobSummary, fill: str
    ) -> None:
        """Draw what is new as a link to the cases it is about."""
        news = self._model.news(summary)
        if not news:
            return
        painter.save()
        font = QFont(painter.font())
        font.setBold(True)
        mouse = self._view.viewport().mapFromGlobal(QCursor.pos())
        font.setUnderline(rect.contains(mouse))
        painter.setFont(font)
        painter.setPen(QColor(readable(self._colors.current, fill)))
        text = news_text(news)
        is_narrow = painter.fontMetrics().horizontalAdvance(text) > rect.width()
        draw_elided(painter, rect, news if is_narrow else text)
        painter.restore()

    def _draw_pictures(
        self, painter: QPainter, at: _Layout, summary: JobSummary
    ) -> None:
        found = self._pictures.of(summary)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for place, rect in enumerate(at.pictures):
            if found is None:
                draw_picture_frame(painter, rect, self._colors)
            elif place < len(found):
                draw_picture(painter, rect, found[place])

    def _draw_button(
        self,
        painter: QPainter,
        rect: QRect,
        summary: JobSummary,
        option: QStyleOptionViewItem,
    ) -> None:
        if not _verb(summary):
            return
        colors = self._colors
        mouse = self._view.viewport().mapFromGlobal(QCursor.pos())
        is_under = bool(option.state & QStyle.StateFlag.State_MouseOver)
        is_under = is_under and rect.contains(mouse)
        fill = mixed(colors.current, colors.text, 0.2) if is_under else colors.current
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(fill))
        painter.drawRoundedRect(rect, 4, 4)
        painter.setPen(QColor(contrast_text(fill)))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, _verb(summary))
        painter.restore()

    def is_button(self, position: QPoint, rect: QRect, summary: JobSummary) -> bool:
        """Return whether a place on a card is on its button."""
        at = self._layout(rect, summary)
        return bool(_verb(summary)) and at.button.contains(position)

    def is_news(self, position: QPoint, rect: QRect, summary: JobSummary) -> bool:
        """Return whether a place on a card is on what is new."""
        return self._layout(rect, summary).news.contains(position)

    def _card(
        self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect
    ) -> str:
        """Draw the card; return its colour."""
        colors, state = self._colors, option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        fill = colors.foreground
        if selected:
            fill = mixed(colors.foreground, colors.current, 0.35)
        elif hovered:
            fill = mixed(colors.foreground, colors.highlight, 0.35)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(fill))
        focused = selected and self._view.hasFocus()
        edge = colors.text if focused else colors.current if selected else fill
        painter.setPen(QPen(QColor(edge), 1.5))
        painter.drawRoundedRect(rect, 5, 5)
        painter.restore()
        return fill

    def _dates(
        self, painter: QPainter, rect: QRect, summary: JobSummary, fill: str
    ) -> None:
        today = self._model.today()
        due = due_text(summary, today)
        width = painter.fontMetrics().horizontalAdvance(due)
        published = begin_text(summary.job, today)
        # The due date matters more: it is never cut for the other.
        if due:
            published = published.removeprefix("published ")
        draw_elided(painter, rect.adjusted(0, 0, -width - GAP, 0), published)
        painter.save()
        if is_late(summary, today):
            painter.setPen(QColor(readable(self._colors.error, fill)))
        painter.drawText(rect, ALIGN_RIGHT, due)
        painter.restore()

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

    def tool_tip(self, position: Any, rect: QRect, index: QModelIndex) -> str:
        """Return what there is to say about a place on a card."""
        summary: JobSummary = index.data(SUMMARY)
        at = self._layout(rect, summary)
        for part, method in zip(at.methods, summary.job.project.methods, strict=True):
            if part.contains(position):
                labels = summary.job.project.label_set.of(method)
                names = ", ".join(label.name for label in labels[:20])
                more = ", …" if len(labels) > 20 else ""
                return f"{method.capitalize()}: {names}{more}"
        if at.badge.contains(position):
            return f"{_kind(summary)} job"
        if self.is_button(position, rect, summary):
            return f"{_verb(summary)} the first case that is left (Ctrl+Enter)"
        if at.news.contains(position):
            return f"{news_text(self._model.news(summary))}\nClick to list these cases"
        return f"{index.data(Qt.ItemDataRole.AccessibleTextRole)}\n{summary.location}"


def _left(summary: JobSummary) -> int:
    """Return how much there is to do: cases left, or those that wait for a verdict."""
    reviews = summary.reviews
    return summary.counts.left if reviews is None else reviews.waiting


def _part(summary: JobSummary) -> float:
    reviews = summary.reviews
    return summary.counts.progress if reviews is None else reviewed_part(reviews)


def _text(summary: JobSummary) -> str:
    reviews = summary.reviews
    return counts_text(summary.counts) if reviews is None else reviews_text(reviews)


def _is_review(summary: JobSummary) -> bool:
    return summary.reviews is not None or summary.job.kind == "review"


def _kind(summary: JobSummary) -> str:
    return "Review" if _is_review(summary) else summary.job.kind.capitalize()


def _verb(summary: JobSummary) -> str:
    """Return what is to be done with the cases that are left; empty if none is."""
    if not _left(summary):
        return ""
    return "Annotate" if summary.reviews is None else "Review"


def _mark(summary: JobSummary, today: date) -> str:
    """Return what a card says of its job beside the name; empty for nothing."""
    if is_late(summary, today):
        return LATE
    return NEW if is_new(summary, today) else ""


def _at_end(row: QRect, width: int) -> QRect:
    """Return the last pixels of a row."""
    return QRect(row.right() + 1 - width, row.top(), width, row.height())

"""My Jobs: everything a person was asked to do."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListView,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QWidget,
)

from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.keys._local import LocalKeys
from napari_annotate_jobs.widgets.owner._dropping import dropped_paths
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._made import search_field
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    focus_style,
    main_button_style,
    paint_in,
)

from ._card_pictures import CardPictures
from ._cards import SUMMARY, JobDelegate, JobFilter, JobModel, JobOrder
from ._paint import number
from ._server_lines import ServerLines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtCore import QEvent, QModelIndex
    from qtpy.QtGui import (
        QDragEnterEvent,
        QDropEvent,
        QHideEvent,
        QKeyEvent,
        QMouseEvent,
        QResizeEvent,
        QShowEvent,
    )

    from napari_annotate_jobs.model import JobSummary, News

__all__ = ["MyJobsView"]


class _Cards(QListView):
    """The list of cards; Enter opens, Delete takes off the list."""

    entered_pressed = Signal()
    delete_pressed = Signal()
    begin_pressed = Signal()
    """What is left of the chosen job is to be done, at once."""
    news_pressed = Signal()
    """The cases of the chosen job with something new are to be listed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        # The cards stand on the background of the dock.
        self.setStyleSheet("QListView { background: transparent; border: none; }")
        self._began: tuple[QModelIndex, str] | None = None

    def _button_at(self, event: QMouseEvent) -> tuple[QModelIndex, str] | None:
        """Return the card, and what a click there asks for."""
        place = event.position().toPoint()
        index, delegate = self.indexAt(place), self.itemDelegate()
        summary = index.data(SUMMARY) if index.isValid() else None
        if summary is None or not isinstance(delegate, JobDelegate):
            return None
        rect = self.visualRect(index)
        if delegate.is_button(place, rect, summary):
            return index, "begin"
        return (index, "news") if delegate.is_news(place, rect, summary) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        is_left = event.button() == Qt.MouseButton.LeftButton
        self._began = self._button_at(event) if is_left else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        began, self._began = self._began, None
        if began is not None and began == self._button_at(event):
            index, wanted = began
            self.setCurrentIndex(index)
            (self.begin_pressed if wanted == "begin" else self.news_pressed).emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._button_at(event) is None:  # else its first click has done it
            super().mouseDoubleClickEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        self.viewport().update(self.visualRect(index))
        hand = self._button_at(event) is not None
        shape = (
            Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor
        )
        if self.viewport().cursor().shape() != shape:
            self.viewport().setCursor(shape)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not acts_once(event):
                return
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self.begin_pressed.emit()
            else:
                self.entered_pressed.emit()
        elif event.key() == Qt.Key.Key_Delete:
            if acts_once(event):
                self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


class MyJobsView(QWidget):
    """The jobs of a person as cards, to search, sort and open.

    Setters emit nothing; what the user does is asked for by signals.

    Parameters
    ----------
    parent : QWidget, optional
        Owns the view.
    today : callable, optional
        Returns the day from which "late" is counted.
    """

    _keys = LocalKeys({})  # Qt sends events while the view is still being built

    job_requested = Signal(object)
    """A JobSummary is to be opened."""
    new_job_requested = Signal()
    """A job is to be made."""
    paths_dropped = Signal(list)
    """Folders and files were dropped: images for a job, or a job."""
    open_folder_requested = Signal()
    """A job folder is to be chosen."""
    choice_changed = Signal(object)
    """Another JobSummary is chosen; None if there is none."""
    add_server_requested = Signal()
    """A server is to be logged in to, and its jobs listed."""
    demo_requested = Signal()
    """The demo is to be made and listed."""
    refresh_requested = Signal()
    """The jobs are to be read again."""
    begin_requested = Signal(object)
    """The JobSummary of a job whose first case that is left is to be opened."""
    news_requested = Signal(object)
    """The JobSummary of a job whose cases with something new are to be listed."""
    edit_requested = Signal(object)
    """The JobSummary of a job that is to be edited."""
    forget_requested = Signal(object)
    """A JobSummary is to be taken off the list; its files stay."""

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        today: Callable[[], date] = date.today,
    ) -> None:
        super().__init__(parent)
        self._may_edit: Callable[[JobSummary], bool] = lambda summary: False
        self.setObjectName("my_jobs")
        self.setAcceptDrops(True)
        self._busy = False
        self._listed = 0
        self._model = JobModel(self, today)
        self._build()
        self._keys = LocalKeys.with_enter(
            self,
            {
                "Ctrl+F": self._search.setFocus,
                "F5": self._refresh.click,
                "Ctrl+Return": self._request_begin,  # from the search, too
            },
        )
        paint_in(self, Colors.dark())
        self._show_state()
        # The name of a button is the id of what it does.
        for name, buttons in {
            "make_job": (self._new, self._empty_new),
            "open_folder": (self._open_folder, self._empty_open),
            "add_server": (self._add_server, self._empty_server),
            "refresh_jobs": (self._refresh,),
            "demo": (self._empty_demo,),
            "open_job": (self._open,),
        }.items():
            for button in buttons:
                button.setObjectName(name)

    # ---------------------------------------------------------------- setters
    def set_may_edit(self, may_edit: Callable[[JobSummary], bool]) -> None:
        """Offer to edit those jobs of which `may_edit` says that one may."""
        self._may_edit = may_edit

    def set_jobs(self, jobs: Sequence[JobSummary]) -> None:
        """Show jobs; the chosen one stays chosen if it is still there."""
        self._listed = len(jobs)
        self._keeping_choice(lambda: self._model.set_jobs(jobs))

    def set_news(self, news: Mapping[tuple[str, str], News]) -> None:
        """Say what others did in jobs since the last visit, by location and id."""
        self._keeping_choice(lambda: self._model.set_news(news))

    def set_error(self, text: str) -> None:
        """Show what went wrong and what to do; empty hides it."""
        self._error.setText(text)
        self._error.setVisible(bool(text))

    def set_busy(self, busy: bool) -> None:
        """Show that jobs are being read."""
        self._busy = busy
        self._refresh.setEnabled(not busy)
        self._refresh.setText("Reading…" if busy else "Refresh")
        self._show_state()

    def take_keyboard(self) -> None:
        """Let arrows choose a job, and Enter open it."""
        self._go_to_cards()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self.setStyleSheet(focus_style(colors))
        self._error.setStyleSheet(
            f"QLabel {{ color: {colors.error_text}; font-weight: bold; }}"
        )
        self._hint.setStyleSheet(f"QLabel {{ color: {colors.faint_text}; }}")
        self._empty_new.setStyleSheet(main_button_style(colors))
        self._cards.viewport().update()

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return what can be asked for now, by the id of its action."""
        calls: dict[str, Callable[[], None]] = {
            "make_job": self.new_job_requested.emit,
            "open_folder": self.open_folder_requested.emit,
            "add_server": self.add_server_requested.emit,
            "refresh_jobs": self.refresh_requested.emit,
            "demo": self.demo_requested.emit,
        }
        chosen = self.selected()
        if chosen is not None:
            calls |= {"open_job": self._request_job, "forget_job": self._request_forget}
            if self._model.news(chosen):
                calls["show_news"] = self._request_news
            if self._may_edit(chosen):
                calls["edit_chosen"] = partial(self.edit_requested.emit, chosen)
        return calls

    def selected(self) -> JobSummary | None:
        """Return the chosen job."""
        index = self._cards.currentIndex()
        return self._model.summary(index.row()) if index.isValid() else None

    # --------------------------------------------------------------- building
    def _build(self) -> None:
        layout = column_of(self._build_head(), parent=self, spacing=6, margins=8)
        self._error = QLabel(self)
        self._error.setWordWrap(True)
        self._error.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
        )
        self._error.setVisible(False)
        layout.addWidget(self._error)
        self.servers = ServerLines(self)
        layout.addWidget(self.servers)
        self._tools = self._build_tools()
        layout.addWidget(self._tools)
        self._cards = self._build_cards()
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._cards)
        self._pages.addWidget(self._build_empty())
        layout.addWidget(self._pages, 1)
        self._foot = self._build_foot()
        layout.addWidget(self._foot)

    def _build_head(self) -> QHBoxLayout:
        title = QLabel("My Jobs", self)
        title.setStyleSheet("QLabel { font-size: 15pt; font-weight: bold; }")
        self._refresh = QPushButton("Refresh", self)
        self._refresh.setToolTip("Read the jobs again (F5)")
        self._refresh.clicked.connect(self.refresh_requested)
        self._new = QPushButton("&New job…", self)
        self._new.setToolTip("Make a job of a folder of images; or drop one here")
        self._new.clicked.connect(self.new_job_requested)
        return row_of((title, 1), self._new, self._refresh)

    def _build_tools(self) -> QWidget:
        tools = QWidget(self)
        self._search = search_field(
            "Search by name, method or kind",
            "Search jobs",
            tools,
            go_to_found=self._go_to_cards,
        )
        self._search.textChanged.connect(self._on_text)
        row = row_of(spacing=4)
        self._filters = QButtonGroup(tools)
        for wanted in JobFilter:
            button = QPushButton(wanted.value, tools)
            button.setCheckable(True)
            button.setProperty("filter", wanted.value)
            button.setToolTip(_FILTER_TIPS[wanted])
            self._filters.addButton(button)
            row.addWidget(button, 1)
        self._filters.buttons()[0].setChecked(True)
        self._filters.buttonClicked.connect(self._on_filter)
        self._order = QComboBox(tools)
        self._order.addItems([order.value for order in JobOrder])
        self._order.setAccessibleName("Order of the jobs")
        self._order.setToolTip("Order of the jobs")
        self._order.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._order.currentTextChanged.connect(self._on_order)
        row.addWidget(self._order)
        self._sum = QLabel(tools)
        self._sum.setToolTip("Of the jobs that you annotate")
        column_of(self._search, row, self._sum, parent=tools, spacing=6, margins=0)
        return tools

    def _build_cards(self) -> _Cards:
        cards = _Cards(self)
        cards.setModel(self._model)
        cards.setAccessibleName("Jobs")
        self.pictures = CardPictures(self)
        self.pictures.changed.connect(cards.viewport().update)
        self._delegate = JobDelegate(cards, self._model, self.pictures)
        cards.setItemDelegate(self._delegate)
        cards.doubleClicked.connect(self._on_double_click)
        cards.entered_pressed.connect(self._request_job)
        cards.delete_pressed.connect(self._request_forget)
        cards.begin_pressed.connect(self._request_begin)
        cards.news_pressed.connect(self._request_news)
        cards.verticalScrollBar().valueChanged.connect(self._want_pictures)
        cards.verticalScrollBar().rangeChanged.connect(self._want_pictures)
        cards.customContextMenuRequested.connect(self._show_menu)
        cards.selectionModel().currentChanged.connect(self._show_choice)
        return cards

    def _build_empty(self) -> QWidget:
        page = QWidget(self)
        self._headline = QLabel(page)
        self._headline.setStyleSheet("QLabel { font-size: 12pt; font-weight: bold; }")
        self._hint = QLabel(page)
        for label in (self._headline, self._hint):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        self._empty_new = QPushButton("&New job…", page)
        self._empty_new.setToolTip("Make a job of a folder of images; or drop one here")
        self._empty_new.clicked.connect(self.new_job_requested)
        self._empty_open = QPushButton("&Open a job folder…", page)
        self._empty_open.clicked.connect(self.open_folder_requested)
        self._empty_server = QPushButton("Add a &server…", page)
        self._empty_server.clicked.connect(self.add_server_requested)
        self._empty_demo = QPushButton("Try the &demo", page)
        self._empty_demo.clicked.connect(self.demo_requested)
        self._show_all = QPushButton("Show &all jobs", page)
        self._show_all.setObjectName("show_all")
        self._show_all.clicked.connect(self._clear_filters)
        column = column_of(1, self._headline, self._hint, parent=page)
        column.addSpacing(8)
        for button in (
            self._empty_new,
            self._empty_open,
            self._empty_server,
            self._empty_demo,
            self._show_all,
        ):
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        return page

    def _build_foot(self) -> QWidget:
        foot = QWidget(self)
        self._open = QPushButton("Open", foot)
        self._open.setToolTip("Open the chosen job (Enter or double click)")
        self._open.clicked.connect(self._request_job)
        self._open_folder = QPushButton("&Open a job folder…", foot)
        self._open_folder.setToolTip("List the jobs of another folder, and open one")
        self._open_folder.clicked.connect(self.open_folder_requested)
        self._add_server = QPushButton("Add a &server…", foot)
        self._add_server.setToolTip("Log in to a job server, and list your jobs there")
        self._add_server.clicked.connect(self.add_server_requested)
        row = row_of((self._open_folder, 1), (self._add_server, 1))
        column_of(self._open, row, parent=foot, margins=0)
        return foot

    # ---------------------------------------------------------------- actions
    def _request_job(self) -> None:
        summary = self.selected()
        if summary is not None:
            self.job_requested.emit(summary)

    def _request_begin(self) -> None:
        summary = self.selected()
        if summary is not None:
            self.begin_requested.emit(summary)

    def _request_news(self) -> None:
        summary = self.selected()
        if summary is not None:
            self.news_requested.emit(summary)

    def _want_pictures(self, *_: object) -> None:
        """Have pictures drawn for the cards that are seen."""
        if not self.isVisible():
            return
        seen = self._cards.viewport().rect()
        found = []
        for row in range(self._model.rowCount()):
            place = self._cards.visualRect(self._model.index(row, 0))
            if place.top() > seen.bottom():
                break
            if place.bottom() >= seen.top():
                found.append(self._model.summary(row))
        self.pictures.want(found)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._want_pictures()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.pictures.want(())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._want_pictures()

    def _request_forget(self) -> None:
        summary = self.selected()
        if summary is not None:
            self.forget_requested.emit(summary)

    def _on_double_click(self, index: QModelIndex) -> None:
        self.job_requested.emit(self._model.summary(index.row()))

    def _show_menu(self, position: QPoint) -> None:
        menu = self._make_menu(self._cards.indexAt(position))
        if menu is not None:
            menu.popup(self._cards.viewport().mapToGlobal(position))

    def _make_menu(self, index: QModelIndex) -> QMenu | None:
        if not index.isValid():
            return None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open", self._request_job)
        menu.addAction("Do what is left (Ctrl+Enter)", self._request_begin)
        summary = self._model.summary(index.row())
        if self._model.news(summary):
            menu.addAction("List what is new", self._request_news)
        if self._may_edit(summary):
            menu.addAction("Edit job…", lambda: self.edit_requested.emit(summary))
        place = summary.location
        forget = "Take off this list (its files stay)"
        if "://" in place:
            forget = "Forget this server…"
        menu.addAction(forget, self._request_forget)
        return menu

    def _on_text(self, text: str) -> None:
        self._model.text = text
        self._keeping_choice(self._model.update)

    def _on_filter(self) -> None:
        self._model.filter = JobFilter(self._filters.checkedButton().property("filter"))
        self._keeping_choice(self._model.update)

    def _on_order(self, text: str) -> None:
        self._model.order = JobOrder(text)
        self._keeping_choice(self._model.update)

    def _clear_filters(self) -> None:
        self._filters.buttons()[0].setChecked(True)
        self._model.filter = JobFilter.ALL
        self._search.clear()
        self._keeping_choice(self._model.update)
        self._search.setFocus()

    def _go_to_cards(self) -> None:
        if self._model.rowCount():
            self._cards.setFocus()

    # ------------------------------------------------------------------ state
    def _keeping_choice(self, change: Callable[[], None]) -> None:
        chosen = self.selected()
        offset = self._cards.verticalScrollBar().value()
        change()
        row = -1 if chosen is None else self._model.row_of(chosen)
        if row < 0 and self._model.rowCount():
            row = 0
        self._cards.setCurrentIndex(self._model.index(row, 0))
        self._cards.verticalScrollBar().setValue(offset)
        self._show_state()
        self._want_pictures()

    def _show_state(self) -> None:
        for button in self._filters.buttons():
            wanted = JobFilter(button.property("filter"))
            button.setText(f"{wanted.value} {number(self._model.count(wanted))}")
        self._sum.setText(self._model.progress_text())
        self._sum.setVisible(bool(self._sum.text()))
        listed = bool(self._listed)
        self._tools.setVisible(listed)
        self._foot.setVisible(listed)
        for button in (
            self._empty_new,
            self._empty_open,
            self._empty_server,
            self._empty_demo,
        ):
            button.setVisible(not listed and not self._busy)
        self._new.setVisible(listed)
        self._show_all.setVisible(listed)
        if self._busy and not listed:
            self._headline.setText("Reading your jobs…")
            self._hint.setText("")
        elif not listed:
            self._headline.setText("No jobs yet")
            self._hint.setText(
                "Make a job of your images: press New job…, or drop a folder here.\n\n"
                "Or open a job folder that was given to you, log in to a job server, "
                "or try the demo: three jobs on real images."
            )
        else:
            self._headline.setText("No job matches")
            self._hint.setText("No job fits what you search for and the filter.")
        self._pages.setCurrentIndex(0 if self._model.rowCount() else 1)
        self._show_choice()

    def _show_choice(self) -> None:
        chosen = self.selected()
        self._open.setEnabled(chosen is not None)
        self.choice_changed.emit(chosen)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take folders and files."""
        if dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Ask for what was dropped to become a job, or to be opened."""
        paths = dropped_paths(event)
        if paths:
            event.acceptProposedAction()
            self.paths_dropped.emit(paths)

    def event(self, event: QEvent) -> bool:
        return self._keys.claim(event) or bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._keys.act(event):
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == event.Type.FontChange and hasattr(self, "_cards"):
            self._cards.doItemsLayout()


_FILTER_TIPS = {
    JobFilter.ALL: "All jobs",
    JobFilter.LEFT: "Jobs with cases left to work on",
    JobFilter.FINISHED: "Jobs whose cases are all finished",
}

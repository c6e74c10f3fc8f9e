"""The widgets that the manifest contributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.errors import AnnotateJobsError, NotFoundError
from napari_annotate_jobs.widgets import (
    MyJobsView,
    PersonButton,
    paint_in,
    text_has_focus,
)
from napari_annotate_jobs.widgets.parts._made import timer_once

from ._asks import choose_folder, notify, tell_error
from ._chores import JobPlace
from ._edit_jobs import EditJobs
from ._job_actions import JobActions
from ._job_news import JobNews
from ._job_pictures import JobPictures
from ._new_jobs import NewJobs
from ._qt_executor import QtExecutor
from ._settings import PLUGIN
from ._study_grid import GridOfStudies
from ._titles import JoinsOthers, dock_of, shorten_title, take_all_room
from ._workstation import Workstation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari
    from qtpy.QtGui import QPaintEvent, QShowEvent
    from qtpy.QtWidgets import QMenu

    from napari_annotate_jobs.model import CaseRow, JobSummary, News, ReviewRow
    from napari_annotate_jobs.stores import PersonProgress
    from napari_annotate_jobs.widgets import Colors, JobPageView

    from ._open_job import OpenJob

__all__ = ["KeysAndMouse", "MyJobs", "add_images", "ask_for_images", "show_my_jobs"]


class MyJobs(QWidget):
    """My Jobs, and the page of the job that is open.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Where to work.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.station = station = Workstation.of(napari_viewer)
        self.setObjectName("my_jobs")
        self.jobs = MyJobsView()
        self._page: JobPageView | None = None
        self._stack = QStackedWidget()
        self._stack.addWidget(self.jobs)
        take_all_room(self)
        self._joins = JoinsOthers(self, napari_viewer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self._person = PersonButton()
        self._person.named.connect(station.set_person)
        self._person.log_in_requested.connect(self._log_in)
        station.person_changed.connect(self._person.set_person)
        layout.addWidget(self._person)

        self.jobs.job_requested.connect(station.open_job)
        self.jobs.new_job_requested.connect(self._new_job)
        self.jobs.set_may_edit(station.may_edit)
        self.jobs.edit_requested.connect(self._edit_job)
        self.jobs.paths_dropped.connect(self._take)
        self.jobs.open_folder_requested.connect(self._choose_folder)
        self.jobs.demo_requested.connect(station.add_demo)
        self.jobs.refresh_requested.connect(self.refresh)
        self.jobs.forget_requested.connect(lambda job: station.forget(job, self))
        self.jobs.choice_changed.connect(station.look_at)
        self.jobs.add_server_requested.connect(self._log_in)
        lines = self.jobs.servers
        lines.log_in_requested.connect(self._log_in)
        lines.retry_requested.connect(self.refresh)
        lines.forget_requested.connect(
            lambda server: station.forget_server(server, self)
        )
        station.servers_changed.connect(lines.set_lines)
        station.log_in_requested.connect(self._log_in)
        station.jobs_changed.connect(self._on_jobs)
        station.jobs_failed.connect(self.jobs.set_error)
        station.job_opened.connect(self._on_job_opened)
        station.job_closed.connect(self.show_jobs)
        station.colors_changed.connect(self._set_colors)
        station.keymap_changed.connect(self._on_keymap)
        station.keys_requested.connect(self._show_keys)
        station.panel_requested.connect(self.show_panel)
        self._pictures = QtExecutor(self)
        # Who opens a job at once waits for no picture.
        self._draws = timer_once(self, self._draw_jobs, 500)
        station.closing.connect(self._pictures.close)
        station.case_changed.connect(self._redraw)
        self.jobs.begin_requested.connect(self._begin)
        self.jobs.news_requested.connect(self._show_news)
        self._begins: JobSummary | None = None
        self._news = JobNews(station)
        self._news.changed.connect(self.jobs.set_news)
        self._tells: tuple[JobSummary, News] | None = None
        self._grid = GridOfStudies(station, self)
        self._grid.details_requested.connect(self._show_details)
        self._grid.flag_requested.connect(self._flag)
        self._grid.menu_offered.connect(self._offer)
        self._set_colors(station.colors)
        if station.current_job is not None:
            self._on_job_opened(station.current_job)
        # napari reads every plugin's manifest for the first look at the settings:
        # the window is painted before that.
        self.jobs.set_busy(True)
        self._first = timer_once(self, self.refresh)
        self._first.start(1000)  # if it is not painted at all
        self._painted = self._hears = False
        self._greets = True  # the first jobs listed get the keyboard

    @property
    def page(self) -> JobPageView:
        """The page of a job; made when the first one is opened."""
        if self._page is None:
            from napari_annotate_jobs.widgets import JobPageView

            self._page = page = JobPageView()
            self._stack.addWidget(page)
            page.back_requested.connect(self.show_jobs)
            page.annotate_requested.connect(self._annotate)
            page.case_requested.connect(self._open_case)
            page.details_requested.connect(self._show_details)
            page.flag_requested.connect(self._flag)
            page.menu_offered.connect(self._offer)
            page.order_chosen.connect(self.station.keep_order)
            page.review_requested.connect(self.station.review_job)
            page.pass_all_requested.connect(self._pass_all)
            page.panel_requested.connect(self.station.panel_requested)
            page.edit_requested.connect(self._edit_open_job)
            paint_in(page, self.station.colors)
            self.station.counts_changed.connect(page.set_counts)
            self.station.review_counts_changed.connect(page.set_review_counts)
            self.station.reviews_changed.connect(page.refresh)
            self.station.review_counts_changed.connect(self._read_people)
            self.station.case_changed.connect(page.refresh_case)
            self.station.busy_changed.connect(self._on_busy)
        return self._page

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return what can be done now, by the id of its action."""
        calls = self.jobs.by_id()
        calls |= {"show_jobs": self.show_jobs, "help": self._show_keys}
        if self._person.isEnabled():
            calls["person"] = self._person.click
        if self.station.current_job is not None:
            calls |= self.page.by_id()
        return calls

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the window this widget is shown in."""
        super().showEvent(event)
        shorten_title(self)
        window = self.window()
        if window is not None:
            self.station.watch(window)
            NewJobs.of(self.station).watch(window)
            if not self._first.isActive():
                self._hear_keys()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Read the jobs once there is something to see."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            if self._first.isActive():
                self._first.start(30)

    def refresh(self, *_: object) -> None:
        """Read the jobs again."""
        self._first.stop()
        self._hear_keys()
        self.jobs.set_busy(True)
        self.station.refresh_jobs()

    def _hear_keys(self) -> None:
        """Act on keys in the window this is shown in, which the settings name."""
        window = self.window()
        if window not in (None, self) and not self._hears:
            self._hears = True
            JobActions.of(self.station).watch(self.by_id, window)

    def show_jobs(self) -> None:
        """Show My Jobs; an open case stays open."""
        self._stack.setCurrentWidget(self.jobs)
        self._take_keyboard(self.jobs)
        self.refresh()

    def _log_in(self, server: str = "") -> None:
        self.station.log_in(self, server)

    def _on_jobs(self, summaries: list[JobSummary]) -> None:
        self._hear_keys()  # whoever sees a job may press a key
        self.jobs.set_busy(self.station.servers.is_reading)
        self.jobs.set_jobs(summaries)
        if summaries and self._greets:
            self._greets = False
            self._draws.start()
            self._take_keyboard(self.jobs)

    def _draw_jobs(self) -> None:
        """Draw cases of the jobs that are seen, from now on."""
        self.jobs.pictures.set_source(JobPictures(self._pictures).draw)

    def _redraw(self, *_: object) -> None:
        """Draw the cases of the open job anew on its card."""
        if self.station.current_job is not None:
            self.jobs.pictures.drop(self.station.current_job.session.job.id)

    def _begin(self, summary: JobSummary) -> None:
        """Open a job, and the first of its cases that is left."""
        self._begins = summary
        self.station.open_job(summary)

    def _show_news(self, summary: JobSummary) -> None:
        """Open a job, and list those of its cases with something new."""
        news = self._news.of(summary)
        if news is not None:
            self._tells = summary, news
            self.station.open_job(summary)

    def _list_news(self, open_job: OpenJob) -> None:
        tells, self._tells = self._tells, None
        if tells is None or tells[0].job.id != open_job.session.job.id:
            return
        summary, news = tells
        self.page.list_only(f"Since your last visit: {news.text}", news.cases)
        self._news.look_at(summary)

    def _take_keyboard(self, view: MyJobsView | JobPageView) -> None:
        """Give a view that has just come the keyboard, but not while somebody types."""
        if view.isVisible() and not text_has_focus():
            view.take_keyboard()

    def _on_job_opened(self, open_job: OpenJob) -> None:
        session = open_job.session
        counts = next(
            (s.counts for s in self.station.summaries if s.job.id == session.job.id),
            session.store.counts(session.job.id),
        )
        self.page.set_job(session.job, counts, open_job.label_keys)
        review, person = open_job.review, session.store.person
        # What a reviewer looks at says of itself that anyone may edit it.
        job = session.job if review is None else review.job
        self.page.set_reviews(
            None if review is None else review.counts(),
            may_switch=job.may_review(person)
            and (review is None or job.kind_for(person) != "review"),
        )
        self.page.set_may_edit(session.job.may_edit(person))
        order, backwards = self.station.order_of_cases()
        self.page.set_order(order, backwards=backwards)
        self.page.set_source(self.station.case_source())
        self.page.set_people(())
        self._read_people()
        self._stack.setCurrentWidget(self.page)
        self._take_keyboard(self.page)
        open_job.jobs_requested.connect(self._come_forward)
        open_job.edit_requested.connect(self._edit_open_job)
        session.job_changed.connect(self._on_keymap)
        if (window := self.window()) is not None:
            open_job.veil.lay_over(window)  # for the first case, too
        self._grid.follow(open_job, window)
        self._list_news(open_job)
        begins, self._begins = self._begins, None
        if begins is not None and begins.job.id == session.job.id:
            open_job.open_first()

    def _come_forward(self) -> None:
        """Show the list of cases, where another dock lies over it."""
        self._stack.setCurrentWidget(self.page)
        dock = dock_of(self)
        if dock is not None:
            dock.show()
            dock.raise_()

    def _read_people(self, *_: object) -> None:
        """Show who did how much, to whoever may review."""
        open_job = self.station.current_job
        if open_job is None or not open_job.session.job.may_review(
            open_job.session.store.person
        ):
            return
        store, job_id = open_job.session.store, open_job.session.job.id

        def show(people: Sequence[PersonProgress]) -> None:
            if self.station.current_job is open_job:
                self.page.set_people([(p.person, p.submitted, p.given) for p in people])

        self.station.tables.run(
            lambda: store.review_progress(job_id), show, self.station.show_error
        )

    def _on_busy(self, text: str) -> None:
        self.page.set_busy(text)
        window = self.window()
        if window is not None:
            if text:
                window.setCursor(Qt.CursorShape.BusyCursor)
            else:
                window.unsetCursor()

    def _annotate(self) -> None:
        if self.station.current_job is not None:
            self.station.current_job.open_first()

    def _open_case(self, key: str) -> None:
        if self.station.current_job is not None:
            listed = self.station.case_source().listed(*self.page.where())
            self.station.current_job.open_row(key, listed)

    def _pass_all(self, text: str) -> None:
        from napari_annotate_jobs.session import ReviewFilter

        from ._open_review import OpenJobReview

        open_job = self.station.current_job
        if isinstance(open_job, OpenJobReview):
            open_job.pass_all(ReviewFilter(text=text), self.window() or self)

    def _show_details(self, key: str) -> None:
        from napari_annotate_jobs.widgets import split_row_key

        from ._asks import tell

        open_job = self.station.current_job
        if open_job is not None:
            case_id, _ = split_row_key(key)
            row = open_job.session.store.case(open_job.session.job.id, case_id)
            tell(self, f"Findings about {row.case.name}", "\n".join(row.warnings))

    def _flag(self, key: str) -> None:
        from napari_annotate_jobs.widgets import split_row_key

        open_job = self.station.current_job
        if open_job is not None:
            case_id, _ = split_row_key(key)
            open_job.flags.ask(case_id, self.window() or self)

    def _offer(self, menu: QMenu, row: CaseRow | ReviewRow) -> None:
        """Add to the menu of a case what can be done with it here."""
        from napari_annotate_jobs.model import CaseRow

        from .controllers import TakeAlongController

        station = self.station
        if station.current_job is None or not isinstance(row, CaseRow):
            return
        along = TakeAlongController(
            lambda: station.chores,
            JobPlace.of(station.current_job.session),
            show_error=station.show_error,
            tell=notify,
        )
        along.offer(menu, row)

    def _on_keymap(self) -> None:
        open_job = self.station.current_job
        if open_job is not None:
            self.page.set_job(
                open_job.session.job,
                open_job.session.store.counts(open_job.session.job.id),
                open_job.label_keys,
            )

    def _show_keys(self) -> None:
        """Show the list of keys; take it away where it is shown."""
        window = self.station.viewer.window
        dock, keys = window.add_plugin_dock_widget(
            PLUGIN, "Keys and Mouse", tabify=True
        )
        if keys.is_in_sight:
            keys.leave()
            return
        dock.show()
        dock.raise_()
        keys.come()

    def show_panel(self, name: str) -> None:
        """Show a panel about the open job, by the name the manifest gives it."""
        window = self.station.viewer.window
        dock, panel = window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
        dock.show()
        dock.raise_()
        panel.begin()

    def _edit_job(self, summary: JobSummary) -> None:
        EditJobs.of(self.station).show_summary(self.window() or self, summary)

    def _edit_open_job(self) -> None:
        open_job = self.station.current_job
        if open_job is not None:
            session = open_job.session
            place = session.store.location
            EditJobs.of(self.station).show(self.window() or self, place, session.job.id)

    def _new_job(self) -> None:
        NewJobs.of(self.station).show(self.window() or self)

    def _take(self, paths: list[str]) -> None:
        NewJobs.of(self.station).take(self.window() or self, paths)

    def _choose_folder(self) -> None:
        choose_folder(
            self,
            "Open a job folder, or a folder of job folders",
            self.station.add_location,
        )

    def _set_colors(self, colors: Colors) -> None:
        paint_in(self, colors)


def ask_for_images() -> None:
    """Ask for a folder and add a layer for each series in it.

    napari cannot offer a reader by what a folder holds, hence an entry of its menu.
    """
    from napari import current_viewer

    viewer = current_viewer()
    if viewer is None:
        return
    # The dialog lives as long as a window does; napari's is not named in its API.
    windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMainWindow)]
    window = QApplication.activeWindow() or next(iter(windows), None)
    choose_folder(
        window,
        "Open a folder of DICOM or NIfTI",
        lambda folder: add_images(viewer, folder),
    )


def add_images(viewer: napari.Viewer, folder: str) -> None:
    """Add a layer for each series of a folder; say so where there is none."""
    from napari_annotate_jobs.imaging import read_layers

    try:
        layers = read_layers(folder)
    except AnnotateJobsError as error:
        tell_error(error)
        return
    if not layers:
        tell_error(
            NotFoundError("there is no image in it that could be opened", where=folder)
        )
    for data, arguments, _ in layers:
        viewer.add_image(data, **arguments)


class KeysAndMouse(QWidget):
    """All keys and gestures, to look up and to change.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose keys they are.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        from napari_annotate_jobs.widgets import HelpPanel

        super().__init__()
        self.station = Workstation.of(napari_viewer)
        self._came = False
        self.panel = HelpPanel()
        take_all_room(self)
        self._joins = JoinsOthers(self, napari_viewer)
        self.panel.set_keymap(self.station.keymap)
        paint_in(self.panel, self.station.colors)
        self.panel.keymap_changed.connect(self.station.set_keymap)
        self.station.keymap_changed.connect(self.panel.set_keymap)
        self.station.colors_changed.connect(self._set_colors)
        self.station.job_opened.connect(self._on_job)
        self.station.job_closed.connect(self._on_job)
        self.panel.close_requested.connect(self.leave)
        self._on_job()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.panel)

    def _set_colors(self, colors: Colors) -> None:
        paint_in(self.panel, colors)

    def _on_job(self, *_: object) -> None:
        open_job = self.station.current_job
        labels = None if open_job is None else open_job.session.job.project.label_set
        self.panel.set_labels(labels)

    @property
    def is_in_sight(self) -> bool:
        """True if it is shown, and no other dock lies over it."""
        return self._came and self.isVisible() and not self.visibleRegion().isEmpty()

    def come(self) -> None:
        """Let one type what is looked for."""
        self._came = True
        self.panel.search.setFocus()

    def leave(self) -> None:
        """Go out of sight; the labels come back, and the image has the keyboard."""
        dock = dock_of(self)
        if dock is not None:
            dock.hide()
        open_job = self.station.current_job
        if open_job is not None:
            open_job.raise_annotate()
            open_job.focus_canvas()

    def showEvent(self, event: QShowEvent) -> None:
        """Say no more than needed on the tab."""
        super().showEvent(event)
        shorten_title(self)


def show_my_jobs(
    viewer: napari.Viewer, location: str | None = None, *, open_it: bool = False
) -> MyJobs:
    """Dock My Jobs in a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to.
    location : str, optional
        A job folder, or a folder of them, to add first.
    open_it : bool
        Show the page of its job, if it holds only one.

    Returns
    -------
    MyJobs
        The widget.
    """
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "My Jobs")
    if location is not None:
        widget.station.add_location(str(location), open_it=open_it)
    return widget

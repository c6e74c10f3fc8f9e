"""The composition root: from My Jobs to an open job, in one viewer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

from napari.utils.notifications import NotificationSeverity
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    LogInError,
    NotFoundError,
    counted,
)
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets import Colors, KeyMap

from ._asks import notify, tell_error, unsay
from ._kept_here import habits_of, kept_here
from ._load_ahead import LAYERS, OPEN_JOB, load_ahead
from ._next_job import next_job
from ._qt_executor import QtExecutor
from ._servers import Servers, is_server
from ._settings import keys_to_text, read_settings, settings_model
from ._still_heap import StillHeap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import napari

    from napari_annotate_jobs.model import CaseOrder, JobSummary
    from napari_annotate_jobs.session import (
        Habits,
    )
    from napari_annotate_jobs.stores import JobStore

    from ._case_source import StoreCaseSource
    from ._chores import Chores
    from ._open_job import OpenJob
    from ._open_review import OpenJobReview
    from ._settings import Settings

__all__ = ["Workstation"]

_STATIONS: dict[int, Workstation] = {}
WARM_UP_AFTER = 0.3
"""Seconds; the job's page is filled before that."""


class Workstation(QObject):
    """What one viewer has of the plugin; My Jobs and the job's page look at it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to work.
    """

    jobs_changed = Signal(object)
    """The job summaries, as a list."""
    person_changed = Signal(str, str)
    """Whose annotations are read and written, and the server where that counts."""
    servers_changed = Signal(object)
    """What there is to say of servers, as a list of ServerLine."""
    log_in_requested = Signal(str)
    """The user is to log in to a server, so that saving goes on."""
    jobs_failed = Signal(str)
    """What could not be read, and what to do."""
    job_opened = Signal(object)
    """The job that was opened, as :class:`OpenJob`."""
    job_closed = Signal()
    """No job is open any more."""
    case_changed = Signal(str)
    """Id of a case whose row may look different now."""
    counts_changed = Signal(object)
    """Counts of the open job."""
    review_counts_changed = Signal(object)
    """Counts of what was submitted in the job that is reviewed."""
    reviews_changed = Signal()
    """Where submitted cases stand."""
    colors_changed = Signal(object)
    """Colors of the theme."""
    keymap_changed = Signal(object)
    """The KeyMap in use."""
    busy_changed = Signal(str)
    """What is being done in the open job; empty when it is finished."""
    panel_requested = Signal(str)
    """A panel about the open job is to be shown, by its name in the manifest."""
    combination_saved = Signal(str)
    """Name of a combination that was kept with the open job; empty: one is gone."""
    keys_requested = Signal()
    """The list of keys is to be shown."""
    closing = Signal()
    """Everything is let go of now."""

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.tables = QtExecutor(self)
        self.images = QtExecutor(self)
        self.servers = Servers(self)
        self.servers.changed.connect(self._tell_jobs)
        self.servers.logged_in.connect(self._on_logged_in)
        self._listed: list[JobSummary] = []
        self._name = ""
        self._looked_at: JobSummary | None = None
        self._chores: Chores | None = None
        self.current_job: OpenJob | None = None
        self.summaries: list[JobSummary] = []
        self._wanted: JobSummary | None = None
        self._keymap: KeyMap | None = None
        self._settings: Any = None
        self._known: Settings | None = None
        # Only that there is one: held, napari's window would never go.
        self._watching = False
        self._keep_foreign: bool | None = None
        self._closed = False
        self._still = StillHeap(viewer)
        self._followed = Connections()
        self._connections = Connections([(viewer.events.theme, self._on_theme)])

    @classmethod
    def of(cls, viewer: napari.Viewer) -> Workstation:
        """Return the workstation of a viewer; there is one for each."""
        # Plugins are given a guarded view of the viewer; two of those are not equal.
        viewer = getattr(viewer, "__wrapped__", viewer)
        station = _STATIONS.get(id(viewer))
        if station is None:
            station = _STATIONS[id(viewer)] = cls(viewer)
        return station

    def watch(self, window: QWidget) -> None:
        """Notice when the viewer's window is closed."""
        if not self._watching:
            self._watching = True
            window.installEventFilter(self)
            window.destroyed.connect(self._on_window_gone)

    def _on_window_gone(self) -> None:
        if self.current_job is not None:
            self.current_job.save_and_leave()
            self.current_job = None
        self.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Save everything before napari may close; stay if work would be lost."""
        if not isinstance(watched, QWidget) or event.type() != QEvent.Type.Close:
            return False
        if self.current_job is not None:
            if self.current_job.session.is_showing:
                event.ignore()
                QTimer.singleShot(0, watched.close)
                return True
            return self._keep_window(watched, event)
        return False

    def _keep_window(self, window: QWidget, event: QEvent) -> bool:
        """Return True if the window is not to be closed: the user is asked first."""
        assert self.current_job is not None
        self.current_job.flush()
        if self.current_job.bridge.is_cleared:
            # A script closes the viewer, and has taken all layers away by now: the
            # window cannot stay, and what is unsaved is rescued.
            return False
        may_close, is_answered = False, False

        def close() -> None:
            nonlocal may_close
            may_close = True
            if is_answered:
                window.close()

        self.current_job.saving.leave(close)
        is_answered = True
        if not may_close:
            event.ignore()
        return not may_close

    @property
    def keymap(self) -> KeyMap:
        """The keys in use."""
        if self._keymap is None:
            settings = read_settings()
            self._keymap = KeyMap.from_dict(settings.keys, settings.key_set)
        return self._keymap

    @property
    def colors(self) -> Colors:
        """Colours of napari's theme."""
        theme = get_theme(self.viewer.theme)
        names = [field.name for field in fields(Colors)]
        return Colors.from_theme({n: getattr(theme, n).as_hex("long") for n in names})

    def _on_theme(self) -> None:
        self.colors_changed.emit(self.colors)
        if self.current_job is not None:
            self.current_job.set_colors(self.colors)

    # --------------------------------------------------------------- my jobs
    def refresh_jobs(self) -> None:
        """Read all jobs of all known places again."""
        person = read_settings().person or None
        self._watch_settings()

        def task() -> tuple[list[JobSummary], list[str], str, list[str]]:
            # On the worker: My Jobs is shown meanwhile.
            from napari_annotate_jobs.stores import default_person, open_store

            from ._places import recent_locations, remember_person

            found: list[JobSummary] = []
            faults: list[str] = []
            locations = recent_locations()
            for location in locations:
                if is_server(location):
                    continue
                try:
                    store = open_store(location, person=person)
                    try:
                        found.extend(store.jobs())
                        # A folder of jobs may hold some that cannot be read.
                        faults.extend(
                            f"{fault.where}: {fault.what}. {fault.remedy}"
                            for fault in store.faults
                        )
                    finally:
                        store.close()
                except AnnotateJobsError as error:
                    faults.append(str(error))
            seen: dict[tuple[str, str], JobSummary] = {}
            for summary in found:
                seen.setdefault((summary.location, summary.job.id), summary)
            servers = [server for server in locations if is_server(server)]
            name = person or default_person()
            with suppress(AnnotateJobsError):  # the command line counts for them, too
                remember_person(name)
            return list(seen.values()), faults, name, servers

        def done(result: tuple[list[JobSummary], list[str], str, list[str]]) -> None:
            self._listed, faults, self._name, servers = result
            self._tell_person()
            self.jobs_failed.emit("\n".join(faults))
            self.servers.refresh(servers)
            if self.current_job is None:
                load_ahead(self.tables, OPEN_JOB)

        # What is saved on a server may wait for it; folders do not.
        thread = self.servers.beside() if self.server else self.tables
        thread.run(task, done, lambda error: self.jobs_failed.emit(str(error)))

    def _tell_jobs(self) -> None:
        self.summaries = [*self._listed, *self.servers.summaries]
        self.jobs_changed.emit(self.summaries)
        self.servers_changed.emit(self.servers.lines())

    def may_edit(self, summary: JobSummary) -> bool:
        """Return whether the person at work owns a job that My Jobs lists."""
        place = summary.location
        name = self.servers.person(place) if is_server(place) else self._name
        return summary.job.may_edit(name)

    def look_at(self, summary: JobSummary | None) -> None:
        """Say who annotates in a job that is chosen, and not open yet."""
        self._looked_at = summary
        self._tell_person()

    def _tell_person(self) -> None:
        name, server = self._name, ""
        chosen = self._looked_at
        if self.current_job is not None:
            store = self.current_job.session.store
            name, server = store.person, self.server
        elif chosen is not None and is_server(chosen.location):
            server = self.servers.address(chosen.location)
            name = self.servers.person(chosen.location)
        self.person_changed.emit(name, server)

    @property
    def server(self) -> str:
        """The address of the server of the open job; empty if there is none."""
        if self.current_job is None or not self.current_job.session.store.is_remote:
            return ""
        return self.servers.address(self.current_job.session.store.location)

    def log_in(self, parent: QWidget, server: str = "") -> None:
        """Let the user log in to a server, and list its jobs."""
        self.servers.log_in(parent, self.colors, server, lambda _: self.refresh_jobs())

    def _on_logged_in(self, server: str, token: str) -> None:
        """Go on in the open job; for somebody else it has to be opened again."""
        open_job = self.current_job
        if open_job is None or server != self.server:
            return
        from napari_annotate_jobs.stores.http import HttpStore

        store = open_job.session.store
        store = getattr(store, "wrapped", store)
        if not isinstance(store, HttpStore):
            return
        if self.servers.person(server) == store.person:
            store.use_token(token)
            open_job.session.saving.retry()
        elif self._wanted is not None:
            notify(
                f"You are logged in as {self.servers.person(server)} now: the open job "
                f"stays that of {store.person} until it is opened again."
            )

    def add_location(self, location: str, *, open_it: bool = False) -> None:
        """Add a job folder, or a folder of them, to My Jobs.

        Parameters
        ----------
        location : str
            The folder.
        open_it : bool
            Open the job, if it is the only one there.
        """
        person = None if is_server(location) else read_settings().person or None

        def task() -> list[JobSummary]:
            from napari_annotate_jobs.stores import open_store

            from ._places import remember_location

            store = open_store(location, person=person)
            try:
                found = list(store.jobs())
                if not found:
                    raise NotFoundError(
                        "there is no job for you"
                        if is_server(location)
                        else "there is no job in this folder",
                        where=location,
                        remedy="Ask the owner of a job to add you"
                        if is_server(location)
                        else "Make one with New job…",
                    )
            finally:
                store.close()
            remember_location(location)
            return found

        def done(found: list[JobSummary]) -> None:
            self.refresh_jobs()
            if open_it and len(found) == 1:
                self.open_job(found[0])

        self.tables.run(task, done, self.show_error)

    def forget(self, summary: JobSummary, parent: QWidget) -> None:
        """Take a job's place off My Jobs; its files are left alone."""
        if is_server(summary.location):
            self.forget_server(self.servers.address(summary.location), parent)
            return

        def task() -> None:
            from ._places import forget_location, recent_locations

            place = Path(summary.location)
            for location in recent_locations():
                if not is_server(location) and Path(location) in (place, place.parent):
                    forget_location(location)

        self.tables.run(task, lambda _: self.refresh_jobs(), self.show_error)

    def forget_server(self, server: str, parent: QWidget) -> None:
        """Take a server off My Jobs, and its log-in off this computer, if agreed."""
        self.servers.forget(parent, server, self.refresh_jobs)

    def add_demo(self) -> None:
        """Make the demo jobs in the user's data folder, and list them."""
        from napari_annotate_jobs.demo._jobs import demo_location, make_demo_jobs

        self.tables.run(
            lambda: make_demo_jobs(demo_location()),
            lambda folder: self.add_location(str(folder)),
            self.show_error,
        )

    # --------------------------------------------------------------- one job
    def open_job(self, summary: JobSummary, *, review: bool | None = None) -> None:
        """Open a job; the one that was open is closed, with everything saved.

        Parameters
        ----------
        summary : JobSummary
            Which one.
        review : bool, optional
            Whether to review what was submitted; by default in review jobs, and for
            whoever may review and not annotate.
        """
        if review is None:
            review = summary.reviews is not None
        person = read_settings().person or None
        if is_server(summary.location):  # there it is who is logged in
            person = None
        job_id = summary.job.id
        self._wanted = summary

        def task() -> JobStore:
            from napari_annotate_jobs.stores import open_store

            store = open_store(summary.location, person=person)
            store.job(job_id)
            return store

        def start(store: JobStore) -> None:
            if self._wanted is not summary:  # another one was asked for meanwhile
                store.close()
                return
            try:
                self._start(store, job_id, review)
            except AnnotateJobsError as error:
                self.show_error(error)

        def leave(store: JobStore) -> None:
            if self.current_job is None:
                start(store)
            else:
                self.current_job.saving.leave(lambda: start(store), store.close)

        def done(store: JobStore) -> None:
            if self.current_job is None:
                start(store)
            else:
                self.current_job.session.when_shown(partial(leave, store))

        def failed(error: Exception) -> None:
            self.show_error(error)
            if isinstance(error, LogInError) and is_server(summary.location):
                self.log_in_requested.emit(self.servers.address(summary.location))

        self.tables.run(task, done, failed)

    def review_job(self, on: bool) -> None:
        """Review what was submitted in the open job, or go back to annotating."""
        if self.current_job is not None and self._wanted is not None:
            self.open_job(self._wanted, review=on)

    def _make_open_job(
        self, store: JobStore, job_id: str, settings: Settings
    ) -> OpenJob:
        # My Jobs comes up without all that annotating takes.
        from napari_annotate_jobs.session import AnnotationSession

        from ._open_job import OpenJob

        recovery, windows, seen = kept_here()
        session = AnnotationSession(
            store,
            job_id,
            executor=self.tables,
            recovery=recovery,
            windows=windows,
            seen=seen,
            habits=habits_of(store, job_id),
        )
        session.open_next = settings.open_next
        return OpenJob(
            self.viewer, session, self.images, settings, self.keymap, self.colors
        )

    def _make_review(
        self, store: JobStore, job_id: str, settings: Settings
    ) -> OpenJobReview:
        from napari_annotate_jobs.session import (
            AnnotationSession,
            FrozenStore,
            ReviewSession,
        )

        from ._open_review import OpenJobReview

        recovery, windows, seen = kept_here()
        review = ReviewSession(store, job_id, executor=self.tables)
        review.open_next = settings.open_next
        frozen = FrozenStore(store)
        reading = AnnotationSession(
            frozen,
            job_id,
            executor=self.tables,
            windows=windows,
            seen=seen,
        )
        reading.open_next = False  # the reviewer's list says what comes next
        return OpenJobReview(
            self.viewer,
            review,
            reading,
            frozen,
            self.images,
            settings,
            self.keymap,
            self.colors,
            recovery=recovery,
        )

    def _start(self, store: JobStore, job_id: str, review: bool) -> None:
        from napari_annotate_jobs.session import ALL_FINISHED

        if self._closed:
            store.close()
            return
        self.close_job()
        unsay(ALL_FINISHED)  # which offers a job
        settings = read_settings()
        make = self._make_review if review else self._make_open_job
        self.current_job = make(store, job_id, settings)
        session = self.current_job.session
        self.current_job.bridge.foreign.keep = self._keep_foreign
        self.current_job.help_requested.connect(self.keys_requested)
        self.current_job.saving.log_in_requested.connect(
            lambda: self.log_in_requested.emit(self.server)
        )
        self.current_job.around.setting_changed.connect(self._remember)
        self.current_job.finished.connect(self._offer_next)
        self.current_job.flags.changed.connect(self._on_flagged)
        self.counts_changed.connect(self.current_job.annotate.set_counts)
        self._followed = Connections(
            [
                (session.counts_changed, self._on_counts),
                (session.opened, self._on_opened),
                (session.closed, self._on_case_closed),
                (session.status_changed, self._on_case_closed),
                (session.marked, self._on_marked),
                (session.busy, self._on_busy),
            ]
        )
        if (judging := self.current_job.review) is not None:
            self._followed.connect(judging.counts_changed, self._on_review_counts)
            self._followed.connect(judging.judged, self._on_judged)
            self._followed.connect(judging.passed_all, self._on_judged)
            self._followed.connect(judging.busy, self._on_busy)
        self._case_id = ""
        self._tell_person()
        self.job_opened.emit(self.current_job)
        self.tables.later(WARM_UP_AFTER, self._warm_up)
        count, tell = (
            (store.review_counts, self.review_counts_changed)
            if review
            else (store.counts, self.counts_changed)
        )
        self.tables.run(lambda: count(job_id), tell.emit, self.show_error)

    def _warm_up(self) -> None:
        """Load what napari's layers need while the user looks at the job's page."""
        if not self._closed:
            load_ahead(self.tables, LAYERS, self._still.begin)

    def _watch_settings(self) -> None:
        """Follow napari's preferences from now on."""
        if self._settings is None:
            with suppress(KeyError, AttributeError):
                self._settings = settings_model()
                self._known = read_settings()
                self._connections.connect(self._settings.events, self._on_settings)

    def _on_settings(self, *_: object) -> None:
        # The preferences tell of no setting in particular, whatever was changed.
        settings = read_settings()
        before, self._known = self._known or settings, settings
        if settings.person != before.person:
            if self.current_job is not None:
                notify("The new name counts for jobs that are opened from now on.")
            self.refresh_jobs()
        keymap = KeyMap.from_dict(settings.keys, settings.key_set)
        if keymap != self.keymap:
            self._use_keymap(keymap)
        if self.current_job is not None:
            if settings.open_next != before.open_next:
                (
                    self.current_job.review or self.current_job.session
                ).open_next = settings.open_next
            self.current_job.use(settings)
            if settings.image_memory != before.image_memory:
                from napari_annotate_jobs.imaging import default_budget

                memory = settings.image_memory or default_budget()
                self.current_job.bridge.budget = memory

    @staticmethod
    def _remember(name: str, on: bool) -> None:
        """Keep what the user chose while a case was open."""
        with suppress(KeyError, AttributeError):  # not installed as a plugin
            setattr(settings_model(), name, on)

    def _on_counts(self, counts: Any) -> None:
        self.counts_changed.emit(counts)

    def _offer_next(self) -> None:
        """Say that every case of the job is submitted, and offer the next job."""
        from napari_annotate_jobs.session import ALL_FINISHED

        following = next_job(self.summaries, self._wanted)
        if following is None:
            notify(ALL_FINISHED)
            return
        left = counted(following.counts.left, "case")
        held = ref(self)  # napari remembers its notifications after the viewer is gone

        def open_it() -> None:
            station = held()
            if station is not None:
                station.open_job(following)

        notify(
            f"{ALL_FINISHED} {following.job.name} has {left} left.",
            actions=(("Open it", open_it),),
            about=ALL_FINISHED,
        )

    def _on_flagged(self, case_id: str) -> None:
        self.refresh_cases([case_id])
        if (
            self.current_job is not None
            and (review := self.current_job.review) is not None
        ):
            self.reviews_changed.emit()
            self.tables.run(
                review.counts, self.review_counts_changed.emit, self.show_error
            )

    def order_of_cases(self) -> tuple[CaseOrder, bool]:
        """Return how the cases of the open job were sorted before, by this person."""
        from napari_annotate_jobs.model import CaseOrder

        kept = self._sorting().numbers("order")
        orders = tuple(CaseOrder)
        if len(kept) != 2 or not 0 <= kept[0] < len(orders):
            return CaseOrder.JOB, False
        return orders[kept[0]], bool(kept[1])

    def keep_order(self, order: CaseOrder, backwards: bool) -> None:
        """Sort the cases of the open job so the next time, too."""
        place = tuple(type(order)).index(order)
        self._sorting().keep("order", [place, int(backwards)])

    def _sorting(self) -> Habits:
        assert self.current_job is not None
        session = self.current_job.session
        return habits_of(session.store, session.job.id)

    def _on_review_counts(self, counts: Any) -> None:
        self.review_counts_changed.emit(counts)

    def _on_judged(self, _: Any) -> None:
        self.reviews_changed.emit()

    def _on_opened(self, case: Any) -> None:
        self._case_id = case.row.case.id
        self.case_changed.emit(self._case_id)

    def _on_busy(self, text: str) -> None:
        self.busy_changed.emit(text)

    def _on_marked(self, case_id: str) -> None:
        self.case_changed.emit(case_id)

    def _on_case_closed(self, *_: object) -> None:
        if self._case_id:
            self.case_changed.emit(self._case_id)

    def case_source(self) -> StoreCaseSource:
        """Return where the open job's case table reads from."""
        from ._case_source import StoreCaseSource, StoreReviewSource

        assert self.current_job is not None
        session = self.current_job.session
        parts = (session.job, self.tables, self.images, self.show_error)
        review = self.current_job.review
        if review is not None:
            return StoreReviewSource(review.store, *parts)
        return StoreCaseSource(session.store, *parts)

    def leave_case(self, go_on: Callable[[], None]) -> None:
        """Close the open case with everything saved, then go on; ask if that fails."""
        open_job = self.current_job
        if open_job is None or open_job.session.case is None:
            go_on()
            return

        def leave() -> None:
            if self.current_job is open_job:
                open_job.session.close_case()
            go_on()

        open_job.session.when_shown(lambda: open_job.saving.leave(leave))

    def is_open(self, case_id: str) -> bool:
        """Return True if a case of the open job is in the window; from any thread."""
        open_job = self.current_job
        case = None if open_job is None else open_job.session.case
        return case is not None and case.row.case.id == case_id

    def refresh_cases(self, case_ids: Sequence[str]) -> None:
        """Show the cases of the open job as they are now."""
        open_job = self.current_job
        if open_job is None:
            return
        for case_id in case_ids:
            self.case_changed.emit(case_id)
        store, job_id = open_job.session.store, open_job.session.job.id
        self.tables.run(
            lambda: store.counts(job_id), self.counts_changed.emit, self.show_error
        )

    def close_job(self) -> None:
        """Close the open job; everything is saved."""
        if self.current_job is None:
            return
        open_job, self.current_job = self.current_job, None
        self._followed.release()
        self._keep_foreign = open_job.bridge.foreign.keep
        open_job.close()
        self.busy_changed.emit("")
        self.job_closed.emit()

    def set_person(self, name: str) -> None:
        """Annotate under another name from now on."""
        from napari_annotate_jobs.stores import check_person

        try:
            check_person(name)
        except AnnotateJobsError as error:
            self.show_error(error)
            return
        try:
            settings_model().person = name.strip()
        except (KeyError, AttributeError):
            self._warn("The name could not be kept: the plugin is not installed.")

    @property
    def chores(self) -> Chores:
        """What is done for jobs as a whole; made when it is first asked for."""
        if self._chores is None:
            from napari_annotate_jobs.app._chores import Chores

            self._chores = Chores(self)
        return self._chores

    # ------------------------------------------------------------------ keys
    def set_keymap(self, keymap: KeyMap) -> None:
        """Use other keys, now and from now on."""
        self._use_keymap(keymap)
        try:
            settings_model().keys = keys_to_text(keymap.to_dict())
        except (KeyError, AttributeError):
            self._warn("The keys could not be kept: the plugin is not installed.")

    def _use_keymap(self, keymap: KeyMap) -> None:
        self._keymap = keymap
        if self.current_job is not None:
            self.current_job.set_keymap(keymap)
        self.keymap_changed.emit(keymap)

    # --------------------------------------------------------------- telling
    def show_error(self, error: Exception) -> None:
        """Tell the user what went wrong and what to do."""
        tell_error(error)

    def _warn(self, text: str) -> None:
        notify(text, NotificationSeverity.WARNING)

    def close(self) -> None:
        """Save everything and release the viewer."""
        if self._closed:
            return
        self._closed = True
        self.closing.emit()
        if self._chores is not None:
            self._chores.close()
        self.close_job()
        self._connections.release()
        _STATIONS.pop(id(self.viewer), None)
        self.servers.close()
        self.tables.close()
        self.images.close()
        self._still.end()

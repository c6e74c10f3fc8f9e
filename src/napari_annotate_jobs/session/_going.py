"""On the way from one case to another."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ._cases import Found, open_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor
    from ._listed import Listed
    from ._saving import Saving
    from ._wish import Wish

__all__ = ["Going"]


class Going:
    """Makes wishes to go to a case true: the last one counts, one is loaded at a time.

    Parameters
    ----------
    store : JobStore
        Where the cases are.
    job_id : str
        Whose cases.
    executor : Executor
        Loads cases.
    saving : Saving
        Says whether the open case may be left.
    hold : callable
        Told what is being done, and what was before: nothing edits the open case
        while there is something.
    arrive : callable
        Given a wish, and what was found of it.
    tell_broken : callable
        Given what was found, before: the cases that could not be opened.
    failed : callable
        Told what went wrong.

    Attributes
    ----------
    wish : Wish or None
        Where to; None to stay.
    listed : Listed or None
        The list by whose order steps are counted; None for the job's.
    is_showing : bool
        True while a case is being put where the former one was.
    is_submitting : bool
        True while the open case is submitted.
    is_ending : bool
        True while no wish is heard any more.
    """

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        executor: Executor,
        saving: Saving,
        *,
        hold: Callable[[str, str], None],
        arrive: Callable[[Wish, Found], None],
        tell_broken: Callable[[Found], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._store, self._job_id = store, job_id
        self._executor, self._saving = executor, saving
        self._hold, self._arrive = hold, arrive
        self._tell_broken, self._failed = tell_broken, failed
        self.wish: Wish | None = None
        self.listed: Listed[str] | None = None
        self.is_showing = self.is_submitting = self.is_ending = False
        self._is_loading = False
        self._told_doing = ""
        self._when_shown: list[Callable[[], None]] = []
        self._broken: set[str] = set()

    @property
    def doing(self) -> str:
        """What is being done, such as opening a case; empty if nothing is."""
        if self.is_submitting:
            return "Submitting"
        return "" if self.wish is None else self.wish.doing

    def go(self, wish: Wish) -> None:
        """Go there, instead of where one was going."""
        if self.is_ending or wish == self.wish:
            return
        self.wish = None if wish.is_stay else wish
        self.tell_doing()
        self.go_on()

    def tell_doing(self) -> None:
        """Hold the open case while something is done, and say what."""
        doing, before = self.doing, self._told_doing
        self._told_doing = doing
        self._hold(doing, before)

    def go_on(self) -> None:
        """Begin to make the wish true, unless something else must end before."""
        if (
            self.wish is None
            or self._is_loading
            or self.is_showing
            or self.is_submitting
        ):
            return
        self._is_loading = True
        if self._saving.saver is None:
            self._load()
        else:
            self._saving.saver.when_settled(self._load)

    def _load(self) -> None:
        wish, store, job_id, known = self.wish, self._store, self._job_id, self._broken
        listed = self.listed
        case = self._saving.case
        here = None if case is None else case.row.case.id
        if wish is None or self.must_stay(wish):  # or given up meanwhile
            self._is_loading = False
            return

        def task() -> Found:
            rows = wish.rows(store, job_id, here, known, listed)
            return open_one(store, job_id, rows, known)

        def done(found: Found) -> None:
            self._is_loading = False
            if self.wish is wish:
                self._tell_broken(found)
            if self.wish is wish:  # else another one came, or none is left
                self._arrive(wish, found)
            self.go_on()

        def failed(error: Exception) -> None:
            self._is_loading = False
            if self.wish is wish:
                self.give_up()
                self._failed(error)
            self.go_on()

        self._executor.run(task, done, failed)

    def give_up(self) -> None:
        """Go nowhere: the open case stays open, and what is in it is not let go."""
        self.wish = None
        self._saving.stayed()
        self.tell_doing()

    def must_stay(self, wish: Wish) -> bool:
        """Return True if the case cannot be left: whoever listens is asked."""
        if self._saving.unsaved() is None:
            return False
        self.wish = None
        self.tell_doing()
        return not self._saving.may_leave(partial(self.go, wish))

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Let wishes, and whoever would close what is half there, wait meanwhile."""
        self.is_showing = True
        try:
            yield
        finally:
            self.is_showing = False
            self.tell_doing()
            waiting, self._when_shown = self._when_shown, []
            for call in waiting:
                call()

    def when_shown(self, call: Callable[[], None]) -> None:
        """Call `call` now, or once the case that is just being shown stands there."""
        if self.is_showing:
            self._when_shown.append(call)
        else:
            call()

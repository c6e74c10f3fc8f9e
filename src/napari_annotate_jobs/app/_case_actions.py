"""What the user's requests do, with the questions they raise."""

from __future__ import annotations

from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_annotate_jobs.editing import drop_twins
from napari_annotate_jobs.errors import LockedError, TransitionError
from napari_annotate_jobs.model import Method, Scope, Status
from napari_annotate_jobs.session import Protection

from ._asks import tell
from ._settings import read_settings, settings_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_annotate_jobs.editing import SubmitCheck, Unanswered
    from napari_annotate_jobs.model import Label, Thread
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import AnnotateDock

    from .controllers import SliceController, Workbench

__all__ = ["CaseController"]

BACK = "Back to the image"
"""Where there is no other slice to go to."""


def _told(method: Callable[..., Any]) -> Callable[..., None]:
    """Let an action go the way that all acts go; see :meth:`Workbench.act`."""

    @wraps(method)
    def wrapper(self: CaseController, *args: Any) -> None:
        self._bench.act(lambda: method(self, *args))

    return wrapper


class CaseController:
    """Actions on the open case.

    What is decided applies to the slices selected on the strip, else to the
    current one.

    Parameters
    ----------
    bench : Workbench
        Whose session is acted on.
    slices : SliceController
        Decides on slices.
    bridge : ViewerBridge
        Shows the case.
    press : callable
        Returns True if a press is meant for the case that is on the screen.
    settle : callable
        Tries again to save, saves elsewhere, or settles a conflict.
    unsaid : callable
        Takes back the words of a comment that could not be kept.
    open_threads : callable
        Returns the threads that are open, and that a submission is to tell of.
    go_thread : callable
        Shows the thread with an id where it is pinned.
    begin_line : callable
        Lets a comment be written on an object that is named in words.
    ask_for : callable
        Lets what is missing be answered; what it is given besides is called then.
    """

    def __init__(
        self,
        bench: Workbench,
        slices: SliceController,
        bridge: ViewerBridge,
        *,
        press: Callable[[], bool] = lambda: True,
        settle: Callable[[], None] = lambda: None,
        unsaid: Callable[..., object] = lambda text, case=None: None,
        open_threads: Callable[[], Sequence[Thread]] = tuple,
        go_thread: Callable[[str], object] = lambda thread: None,
        begin_line: Callable[[str], object] = lambda words: None,
        ask_for: Callable[[Unanswered, Callable[[], None]], object] = (
            lambda missing, then: None
        ),
    ) -> None:
        self.session = bench.session
        self._bench, self._slices, self._bridge = bench, slices, bridge
        self._press, self._settle, self._unsaid = press, settle, unsaid
        self._open_threads, self._go_thread = open_threads, go_thread
        self._begin_line, self._ask_for = begin_line, ask_for
        self._pin: tuple[object, int, dict[str, Any]] = (None, 0, {})
        self._asks = True

    def serve(self, dock: AnnotateDock) -> None:
        """Do what is asked for in the dock of labels."""
        dock.label_requested.connect(self.use_label)
        dock.protect_requested.connect(self.protect)
        dock.nothing_requested.connect(self.nothing_to_label)
        dock.case_nothing_requested.connect(self.case_nothing)
        dock.exclude_requested.connect(self.exclude)
        dock.comment_requested.connect(self.comment)
        dock.comment_pinned.connect(self.comment_pinned)
        dock.comment_removed.connect(self.remove_comment)
        dock.go_requested.connect(self.go_case)
        dock.submit_requested.connect(self.submit)
        dock.take_back_requested.connect(self.take_back)
        dock.undo_requested.connect(self.undo)
        dock.redo_requested.connect(self.redo)
        dock.retry_requested.connect(self.settle_save)

    @_told
    def go_undecided(self, step: int) -> None:
        """Go to the next or previous slice that is undecided."""
        self.session.go_undecided(step)
        self._bridge.show_acquired()

    @_told
    def go_change(self, step: int) -> None:
        """Go to the next or previous slice that says something else."""
        self.session.go_change(step)
        self._bridge.show_acquired()

    # -------------------------------------------------------------- deciding
    @_told
    def use_label(self, label: Label) -> None:
        """Put a class label on, or take it off; ready the tool of the others."""
        if label.scope is Scope.CASE:
            self.session.toggle(label)
        elif label.method is Method.CLASSIFICATION:
            self._slices.label(label, self._bench.targets())
        else:
            self.session.label = label
            # Masks are painted in any plane, boxes drawn on slices alone.
            if label.method is Method.DETECTION or not self._bridge.plane.is_flat:
                self._bench.check_shown()

    def arm(self, how: str) -> None:
        """Ready a label for drawing as a case opens, unless one is chosen.

        Parameters
        ----------
        how : str
            ``last`` for the one used last in this job, ``first`` for its first one;
            anything else for none.
        """
        session = self.session
        if how not in ("first", "last") or session.label or session.locked:
            return
        labels = session.job.project.label_set.labels
        drawn = [x for x in labels if Protection.fits(x) and not x.retired]
        last = session.protection.last if how == "last" else None
        if drawn:
            session.label = next((x for x in drawn if x.id == last), drawn[0])

    @_told
    def protect(self, label: Label | None = None) -> None:
        """Protect a label, by default the chosen one, or open its lock."""
        self.session.protection.toggle(label or self.session.label)

    @_told
    def nothing_to_label(self) -> None:
        """Mark the slices as verified negatives, asking before labels go."""
        self._slices.nothing_to_label(self._bench.targets())

    @_told
    def case_nothing(self) -> None:
        """Say there is nothing to label in the whole case, or lift that.

        It asks before labels of the case, or proposals, go.
        """
        editor = self.session.editor
        on = not editor.annotation.case_nothing_to_label
        try:
            editor.set_case_nothing_to_label(on)
        except LockedError:
            raise
        except TransitionError as error:
            self._bench.ask(
                f"{error.what[:1].upper()}{error.what[1:]}. Clear that and mark "
                "Nothing to Label?",
                {
                    "Clear and mark": lambda: editor.set_case_nothing_to_label(
                        clear=True
                    )
                },
                detail="One Undo brings it back.",
            )

    @_told
    def exclude(self) -> None:
        """Exclude the slices, or bring them back."""
        self._slices.exclude(self._bench.targets())

    @_told
    def confirm(self) -> None:
        """Confirm what is proposed on the slices."""
        self._slices.confirm(self._bench.targets())

    @_told
    def reject(self) -> None:
        """Drop what is proposed on the slices."""
        self._slices.reject(self._bench.targets())

    @_told
    def copy(self) -> None:
        """Remember what the slice holds."""
        self._bench.check_shown()
        self.session.copy_slice()

    @_told
    def paste(self) -> None:
        """Add what was copied to the slices."""
        self._slices.paste(self._bench.targets())

    def comment(self, text: str, on_slice: bool) -> None:
        """Write a comment: in the draft, or on what is submitted."""
        self._write(text, self.session.slice if on_slice else None)

    def begin_pinned(self, words: str, index: int, pin: dict[str, Any]) -> None:
        """Let a comment be written on an object.

        Parameters
        ----------
        words : str
            What it is about.
        index : int
            The slice.
        pin : dict
            Label, object and place, as in a Comment.
        """
        self._pin = self.session.case, index, pin
        self._begin_line(words)

    def comment_pinned(self, text: str) -> None:
        """Write the comment on the object that was pointed at."""
        case, index, pin = self._pin
        if case is self.session.case:
            self._write(text, index, pin)
        else:  # another case was opened meanwhile
            self._unsaid(text)

    def _write(
        self, text: str, index: int | None, pin: dict[str, Any] | None = None
    ) -> None:
        session = self.session
        done: list[str] = []

        def say() -> None:
            if self._is_discussed:
                self._say(text, index, pin or {})
            else:
                session.editor.add_comment(text, index, **(pin or {}))
            done.append(text)

        self._bench.act(say)
        if not done:
            self._unsaid(text)

    @property
    def _is_discussed(self) -> bool:
        """True for a submitted case: what is said of it is no part of the draft."""
        session = self.session
        return session.status is Status.FINISHED and session.discussion is not None

    def _say(self, text: str, index: int | None, pin: dict[str, Any]) -> None:
        session = self.session
        case, discussion = session.case, session.discussion
        assert case is not None and discussion is not None
        discussion.say(
            text,
            slice_key=None if index is None else session.editor.key(index),
            index=index,
            unsaid=partial(self._unsaid, text, case.row.case.id),
            **pin,
        )

    @_told
    def remove_comment(self, comment_id: str) -> None:
        """Delete a comment."""
        self.session.editor.remove_comment(comment_id)

    @_told
    def undo(self) -> None:
        """Undo the last edit, or that of a layer that is not ours."""
        self._history("undo")

    @_told
    def redo(self) -> None:
        """Redo what was undone."""
        self._history("redo")

    def _history(self, verb: str) -> None:
        active = self._bridge.viewer.layers.selection.active
        own = getattr(active, verb, None)
        if own is not None and not self._bridge.owns(active):
            own()
        else:
            getattr(self.session, verb)()

    # ------------------------------------------------------------------ going
    @_told
    def go_slice(self, index: int) -> None:
        """Show a slice."""
        self.session.slice = index
        self._bridge.show_acquired()

    def go_case(self, step: int) -> None:
        """Go to the next or previous case; the draft is kept."""
        if self.session.is_open or self.session.is_moving:
            self.session.go(step)

    @_told
    def nothing_submit_next(self) -> None:
        """Mark all undecided slices Nothing to Label, submit, and go on.

        It asks when that is more than the slice that is shown, unless the user said
        that it need not, and when threads are open.
        """
        if not self._is_seen():
            return
        session, threads = self.session, self._open_threads()
        undecided: tuple[int, ...] = ()
        if not session.locked:
            check = session.editor.submit_check()
            if check.unanswered:
                self._ask_unanswered(check)
                return
            undecided = check.undecided
        asks = self._asks and read_settings().ask_rest
        if asks and undecided not in ((), (session.slice,)):
            self._ask_rest(len(undecided), threads)
        elif threads and not session.locked:
            self._ask_open(threads, self._mark_and_submit)
        elif asks:
            self._ask_unseen(self._mark_and_submit)
        else:
            self._mark_and_submit()

    def _ask_rest(self, n: int, threads: Sequence[Thread]) -> None:
        slices = "undecided slice" if n == 1 else f"{n} undecided slices"
        self._bench.ask(
            f"Mark the {slices} of this case Nothing to Label, and submit?",
            {
                "Mark and submit": self._mark_and_submit,
                "Mark and submit, do not ask again": self._ask_no_more,
            },
            detail=_sentences(self._unseen_text, _open_text(threads)),
        )

    def _ask_no_more(self) -> None:
        self._asks = False
        with suppress(KeyError, AttributeError):
            settings_model().ask_rest = False
        self._mark_and_submit()

    def _ask_open(self, threads: Sequence[Thread], submit: Callable[[], None]) -> None:
        first = threads[0].id
        self._bench.ask(
            _open_text(threads),
            {
                "Go to the first": lambda: self._go_thread(first),
                "Submit anyway": submit,
            },
            detail=self._unseen_text,
        )

    @property
    def _unseen_text(self) -> str:
        """How many slices were never shown; empty if none, or if it is submitted."""
        return "" if self.session.locked else self.session.seen.text

    def _ask_unseen(self, submit: Callable[[], None]) -> None:
        """Submit; ask before if slices were never shown, and that is to be asked."""
        if not self._unseen_text or not read_settings().ask_seen:
            submit()
            return
        first = self.session.seen.unseen()[0]

        def ask_no_more() -> None:
            with suppress(KeyError, AttributeError):
                settings_model().ask_seen = False
            submit()

        self._bench.ask(
            self._unseen_text,
            {
                f"Go to slice {first + 1}": lambda: self.go_slice(first),
                "Submit anyway": submit,
                "Submit anyway, do not ask again": ask_no_more,
            },
        )

    def _is_seen(self) -> bool:
        """Return True if a press is meant for the case that is on the screen."""
        case = self.session.case
        if self._press():
            return True
        if case is not None and not self.session.locked:
            self.session.told.emit(
                f"{case.row.case.name} was not submitted: it has only just been "
                "opened. Look at it, and submit it then."
            )
        return False

    def _mark_rest(self) -> None:
        editor = self.session.editor
        contents = editor.annotation.slices.values()
        if editor.annotation.case_labels or any(c.has_labels for c in contents):
            editor.set_nothing_to_label(editor.undecided())
        else:
            editor.set_case_nothing_to_label()

    @_told
    def submit(self) -> None:
        """Submit the case, asking about what is still open."""
        if not self._is_seen():
            return
        check = self.session.editor.submit_check()
        if check.twins and not check.proposals and not self.session.locked:
            self._ask_twins(check)
        else:
            self._go_on_submitting(check)

    def _ask_twins(self, check: SubmitCheck) -> None:
        index, label_id = check.twins[0]
        name = self.session.editor.labels[label_id].name
        n = len(check.twins)
        more = "" if n == 1 else f" There are {n} such boxes in this case."
        where = "T" if check.single else f"On slice {index + 1} t"
        self._ask_of(
            check,
            f"{where}wo boxes {name} lie exactly on top of each other.{more}",
            {
                **self._way_to(index, check),
                "Delete the upper ones, and submit": self._drop_twins,
                "Submit all": lambda: self._go_on_submitting(
                    self.session.editor.submit_check()
                ),
            },
        )

    def _way_to(
        self, index: int, check: SubmitCheck
    ) -> dict[str, Callable[[], object]]:
        """Return the first answer, which Enter gives: it leads to where one looks."""
        if check.single:
            return {BACK: lambda: None}
        return {f"Go to slice {index + 1}": lambda: self.go_slice(index)}

    def _ask_of(
        self,
        check: SubmitCheck,
        text: str,
        answers: Mapping[str, Callable[[], object]],
        detail: str = "",
    ) -> None:
        cancel = "" if check.single else "Cancel"
        self._bench.ask(text, answers, detail, cancel=cancel)

    def _drop_twins(self) -> None:
        drop_twins(self.session.editor)
        self._go_on_submitting(self.session.editor.submit_check())

    def _go_on_submitting(self, check: SubmitCheck) -> None:
        threads = () if self.session.locked else self._open_threads()
        if check.proposals and not check.single:
            first = check.proposals[0]
            self._bench.ask(check.refused or "", self._way_to(first, check))
        elif check.unanswered and not check.proposals:
            self._ask_unanswered(check)
        elif check.proposals or check.blank or not check.undecided:
            if check.refused:
                box = tell(self._bench.window, check.refused)
                box.finished.connect(self._bench.release_keyboard)
            elif threads:
                self._ask_open(threads, self.session.submit)
            else:
                self._ask_unseen(self.session.submit)
        else:
            self._ask_undecided(check, threads)

    def _ask_unanswered(self, check: SubmitCheck) -> None:
        """Lead to the first answer that is missing."""
        missing = check.unanswered[0]
        self._bench.ask(
            check.refused or "",
            {_there(missing): lambda: self._go_to_answer(missing)},
        )

    def _go_to_answer(self, missing: Unanswered) -> None:
        """Show where an answer is missing, and what asks for it."""
        if missing.index is not None:
            self.go_slice(missing.index)
        # The question that led here gives the keyboard back to the image first.
        ask_for = partial(self._ask_for, missing, self._go_on_answering)
        QTimer.singleShot(0, ask_for)

    def _go_on_answering(self) -> None:
        """Go where the next answer is missing, until none is."""
        if self.session.locked:
            return
        missing = self.session.editor.submit_check().unanswered
        if missing:
            self._go_to_answer(missing[0])
        else:
            self.session.told.emit("Every answer that is needed is given.")

    def _ask_undecided(self, check: SubmitCheck, threads: Sequence[Thread]) -> None:
        them = "it" if len(check.undecided) == 1 else "them"
        answers = self._way_to(check.undecided[0], check)
        answers[f"Mark {them} Nothing to Label and submit"] = self._mark_and_submit
        if not check.every_slice:
            answers["Submit anyway"] = self.session.submit
        must = "This project wants a decision on every slice."
        if check.single:
            must = "This project wants a decision."
        self._ask_of(
            check,
            check.open_text,
            answers,
            detail=_sentences(
                must if check.every_slice else "",
                self._unseen_text,
                _open_text(threads),
            ),
        )

    def _mark_and_submit(self) -> None:
        self._mark_rest()
        self.session.submit()

    @_told
    def take_back(self) -> None:
        """Take the submission back, to edit the case again."""
        self.session.reopen()

    @_told
    def settle_save(self) -> None:
        """Try again to save, save elsewhere, or settle a conflict."""
        self._settle()


def _there(missing: Unanswered) -> str:
    """Return the words of the button that leads to where an answer is missing."""
    if missing.index is None or missing.single:
        return "Answer it"
    return f"Go to slice {missing.index + 1}"


def _sentences(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _open_text(threads: Sequence[Thread]) -> str:
    """Say how many threads are open; nothing if none is."""
    n = len(threads)
    if not n:
        return ""
    return f"{n} thread{' is' if n == 1 else 's are'} still open."

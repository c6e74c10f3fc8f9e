"""What the user's requests do, with the questions they raise."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    LockedError,
    TransitionError,
)
from napari_annotate_jobs.model import Method, Scope

from ._asks import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import Label

    from ._open_job import Desk

__all__ = ["DeskActions"]


def _told(method: Callable[..., Any]) -> Callable[..., None]:
    """Let an action go the way that all acts go; see :meth:`Workbench.act`."""

    @wraps(method)
    def wrapper(self: DeskActions, *args: Any) -> None:
        self._desk.bench.act(lambda: method(self, *args))

    return wrapper


class DeskActions:
    """Actions on the open case.

    What is decided applies to the slices selected on the strip, else to the
    current one.

    Parameters
    ----------
    desk : Desk
        Whose session is acted on.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.session = desk.session
        self._thread: str | None = None

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        session, desk = self.session, self._desk
        calls: dict[str, Callable[[], None]] = {
            "nothing_to_label": self.nothing_to_label,
            "exclude": self.exclude,
            "propagate": desk.show_propagate,
            "confirm": self.confirm,
            "reject": self.reject,
            "copy": self.copy,
            "paste": self.paste,
            "undo": self.undo,
            "redo": self.redo,
            "next_undecided": lambda: self._going(session.go_undecided, 1),
            "previous_undecided": lambda: self._going(session.go_undecided, -1),
            "next_change": lambda: self._going(session.go_change, 1),
            "previous_change": lambda: self._going(session.go_change, -1),
            "play": desk.toggle_play,
            "submit": self.submit,
            "nothing_submit_next": self.nothing_submit_next,
            "next_thread": self.next_thread,
            "next_case": lambda: self.go_case(1),
            "previous_case": lambda: self.go_case(-1),
            "zoom_tool": desk.toggle_zoom_tool,
            "help": desk.help_requested.emit,
        }
        calls |= desk.boxes.by_id()
        calls |= desk.fill.by_id()
        calls |= desk.masks.by_id()
        for number in range(1, 8):
            calls[f"preset_{number}"] = partial(
                desk.window_control.choose_preset, number
            )
        return calls

    @_told
    def _going(self, call: Callable[[int], None], step: int) -> None:
        call(step)
        self._desk.bridge.show_acquired()

    def targets(self) -> list[int]:
        """Return the slices that are acted on.

        Raises
        ------
        TransitionError
            If that is the current one, and another plane is shown.
        """
        if self._desk.strip.selection() is None:
            self.check_shown()
        return self.chosen()

    def check_shown(self) -> None:
        """Do nothing if the current slice is on the screen.

        Raises
        ------
        TransitionError
            If another plane, or the volume, is shown.
        """
        plane = self._desk.bridge.plane
        if not plane.is_acquired:
            raise TransitionError(
                f"this waits: the {plane.name} is shown, not slice "
                f"{self.session.slice + 1}",
                remedy="Click a slice on the strip to see the slices as acquired, or "
                "select several there to act on these",
            )

    def chosen(self) -> list[int]:
        """Return the slices selected on the strip, else the current one."""
        selection = self._desk.strip.selection()
        if selection is None:
            return [self.session.slice]
        return list(range(selection[0], selection[1] + 1))

    # -------------------------------------------------------------- deciding
    @_told
    def use_label(self, label: Label) -> None:
        """Put a class label on, or take it off; ready the tool of the others."""
        if label.scope is Scope.CASE:
            self.session.toggle(label)
        elif label.method is Method.CLASSIFICATION:
            self._desk.slices.label(label, self.targets())
        else:
            self.session.label = label
            # Masks are painted in any plane, boxes drawn on slices alone.
            if label.method is Method.DETECTION or not self._desk.bridge.plane.is_flat:
                self.check_shown()

    @_told
    def nothing_to_label(self) -> None:
        """Mark the slices as verified negatives, asking before labels go."""
        self._desk.slices.nothing_to_label(self.targets())

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
            self._desk.bench.ask(
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
        self._desk.slices.exclude(self.targets())

    @_told
    def confirm(self) -> None:
        """Confirm what is proposed on the slices."""
        self._desk.slices.confirm(self.targets())

    @_told
    def reject(self) -> None:
        """Drop what is proposed on the slices."""
        self._desk.slices.reject(self.targets())

    @_told
    def copy(self) -> None:
        """Remember what the slice holds."""
        self.check_shown()
        self.session.copy_slice()

    @_told
    def paste(self) -> None:
        """Add what was copied to the slices."""
        self._desk.slices.paste(self.targets())

    @_told
    def comment(self, text: str, on_slice: bool) -> None:
        """Write a comment."""
        self.session.editor.add_comment(text, self.session.slice if on_slice else None)

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
        active = self._desk.viewer.layers.selection.active
        own = getattr(active, verb, None)
        if own is not None and not self._desk.bridge.owns(active):
            own()
        else:
            getattr(self.session, verb)()

    # ------------------------------------------------------------------ going
    @_told
    def go_slice(self, index: int) -> None:
        """Show a slice."""
        self.session.slice = index
        self._desk.bridge.show_acquired()

    def go_case(self, step: int) -> None:
        """Go to the next or previous case; the draft is kept."""
        if self.session.is_open or self.session.is_moving:
            self.session.go(step)

    @_told
    def nothing_submit_next(self) -> None:
        """Mark all undecided slices Nothing to Label, submit, and go on."""
        if not self._is_seen():
            return
        self._mark_rest()
        self.session.submit()

    def _is_seen(self) -> bool:
        """Return True if a press is meant for the case that is on the screen."""
        screen, case = self._desk.on_screen, self.session.case
        if screen is not None and screen.press():
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
        window = self._desk.main_window
        if check.proposals:
            first = check.proposals[0]
            self._desk.bench.ask(
                check.refused or "",
                {f"Go to slice {first + 1}": lambda: self.go_slice(first)},
            )
        elif check.blank or not check.undecided:
            if check.refused:
                tell(window, check.refused).finished.connect(self._desk.focus_canvas)
            else:
                self.session.submit()
        else:
            self._ask_undecided(check.undecided, must=check.every_slice)

    def _ask_undecided(self, undecided: tuple[int, ...], *, must: bool) -> None:
        n, first = len(undecided), undecided[0]
        answers: dict[str, Callable[[], object]] = {
            f"Go to slice {first + 1}": lambda: self.go_slice(first),
            "Mark them Nothing to Label": self._mark_and_submit,
        }
        if not must:
            answers["Submit anyway"] = self.session.submit
        self._desk.bench.ask(
            f"{n} slice{' is' if n == 1 else 's are'} still undecided.",
            answers,
            detail="This project wants a decision on every slice." if must else "",
        )

    def _mark_and_submit(self) -> None:
        self._mark_rest()
        self.session.submit()

    @_told
    def take_back(self) -> None:
        """Take the submission back, to edit the case again."""
        self.session.reopen()

    @_told
    def next_thread(self) -> None:
        """Go to the next open thread of the case."""
        discussion = self.session.discussion
        found = None if discussion is None else discussion.next_open(self._thread)
        if found is None:
            self.session.told.emit("No thread is open.")
            return
        self._thread = found.id
        index = self.session.editor.index_of(found.first)
        if index is not None:
            self.go_slice(index)

    @_told
    def settle_save(self) -> None:
        """Try again to save, save elsewhere, or settle a conflict."""
        self._desk.saving.settle()

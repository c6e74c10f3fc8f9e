"""What the controllers of an open job share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_annotate_jobs.app._asks import ask
from napari_annotate_jobs.errors import AnnotateJobsError, TransitionError
from napari_annotate_jobs.viewer import ACQUIRED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QMessageBox, QWidget

    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.viewer import Plane

__all__ = ["Workbench"]


class Workbench:
    """How one acts on the open case of a session, asks, and tells what went wrong.

    Parameters
    ----------
    session : AnnotationSession
        Whose case is acted on.
    window : callable
        Gives the window that questions belong to.
    show_error : callable
        Tells the user of an error.
    take : callable
        Brings into the editor what was painted or drawn and not told yet.
    is_there : callable
        Returns True if the open case has been painted on the screen.
    after : callable
        Called when a question is gone: gives the keyboard back.
    selection : callable
        Returns the first and last of the slices selected on the strip, or None.
    plane : callable
        Returns which plane of the volume is shown.
    """

    def __init__(
        self,
        session: AnnotationSession,
        *,
        window: Callable[[], QWidget],
        show_error: Callable[[Exception], None],
        take: Callable[[], object] = lambda: None,
        is_there: Callable[[], bool] = lambda: True,
        after: Callable[[], object] = lambda: None,
        selection: Callable[[], tuple[int, int] | None] = lambda: None,
        plane: Callable[[], Plane] = lambda: ACQUIRED,
    ) -> None:
        self.session = session
        self.show_error = show_error
        self._window, self._take, self._after = window, take, after
        self.is_there = is_there
        self.selection, self._plane = selection, plane

    @property
    def window(self) -> QWidget:
        """The window that questions belong to."""
        return self._window()

    def release_keyboard(self) -> None:
        """Give the keyboard back to the image."""
        self._after()

    def take(self) -> None:
        """Bring what was painted or drawn into the editor."""
        self._take()

    # ------------------------------------------------------ what is acted on
    def chosen(self) -> list[int]:
        """Return the slices selected on the strip, else the current one."""
        selection = self.selection()
        if selection is None:
            return [self.session.slice]
        return list(range(selection[0], selection[1] + 1))

    def targets(self) -> list[int]:
        """Return the slices that are acted on.

        Raises
        ------
        TransitionError
            If that is the current one, and another plane is shown.
        """
        if self.selection() is None:
            self.check_shown()
        return self.chosen()

    def check_shown(self) -> None:
        """Do nothing if the current slice is on the screen.

        Raises
        ------
        TransitionError
            If another plane, or the volume, is shown.
        """
        plane = self._plane()
        if not plane.is_acquired:
            raise TransitionError(
                f"this waits: the {plane.name} is shown, not slice "
                f"{self.session.slice + 1}",
                remedy="Click a slice on the strip to see the slices as acquired, or "
                "select several there to act on these",
            )

    # ---------------------------------------------------------------- acting

    def act(self, call: Callable[[], object]) -> None:
        """Do something to the open case, and tell what is wrong with it.

        Strokes that are not told yet come first, so that what is done is done to
        what is seen. Nothing is done while a case is opened or submitted, nor before
        it is on the screen: what was pressed may be meant for the former one.
        """
        if not self.session.is_open or self.session.is_moving or not self.is_there():
            return
        try:
            self._take()
            call()
        except AnnotateJobsError as error:
            self.show_error(error)

    def ask(
        self,
        text: str,
        answers: Mapping[str, Callable[[], object]],
        detail: str = "",
        *,
        cancel: str = "Cancel",
    ) -> QMessageBox:
        """Ask without waiting; what was asked of one case is not done to another.

        Parameters
        ----------
        text : str
            The question.
        answers : mapping of str to callable
            What each button does; Cancel does nothing.
        detail : str
            What stands below it.
        cancel : str
            What the button says that does nothing; if empty, there is none, and Escape
            is the first answer.
        """
        case = self.session.case

        def answer(call: Callable[[], object]) -> None:
            if self.session.case is case:
                self.act(call)

        own: dict[str, Callable[[], None]] = {
            name: partial(answer, call) for name, call in answers.items()
        }
        return self.ask_at_large(text, own, detail, cancel=cancel)

    def ask_at_large(
        self,
        text: str,
        answers: Mapping[str, Callable[[], None]],
        detail: str = "",
        *,
        cancel: str = "Cancel",
    ) -> QMessageBox:
        """Ask without waiting what is not about the open case alone.

        Parameters
        ----------
        text : str
            The question.
        answers : mapping of str to callable
            What each button does.
        detail : str
            What stands below it.
        cancel : str
            What the button says that does nothing; if empty, there is none, and Escape
            is the first answer.
        """
        box = ask(self._window(), text, answers, detail=detail, cancel=cancel)
        box.finished.connect(lambda result: self._after())
        return box

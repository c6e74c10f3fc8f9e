"""What the controllers of an open job share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_annotate_jobs.app._asks import ask
from napari_annotate_jobs.errors import AnnotateJobsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QMessageBox, QWidget

    from napari_annotate_jobs.session import AnnotationSession

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
    """

    def __init__(
        self,
        session: AnnotationSession,
        *,
        window: Callable[[], QWidget],
        show_error: Callable[[Exception], object],
        take: Callable[[], object] = lambda: None,
        is_there: Callable[[], bool] = lambda: True,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        self.session = session
        self.show_error = show_error
        self._window, self._take, self._after = window, take, after
        self._is_there = is_there

    def act(self, call: Callable[[], object]) -> None:
        """Do something to the open case, and tell what is wrong with it.

        Strokes that are not told yet come first, so that what is done is done to
        what is seen. Nothing is done while a case is opened or submitted, nor before
        it is on the screen: what was pressed may be meant for the former one.
        """
        if not self.session.is_open or self.session.is_moving or not self._is_there():
            return
        try:
            self._take()
            call()
        except AnnotateJobsError as error:
            self.show_error(error)

    def ask(
        self, text: str, answers: Mapping[str, Callable[[], object]], detail: str = ""
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
        """
        case = self.session.case

        def answer(call: Callable[[], object]) -> None:
            if self.session.case is case:
                self.act(call)

        own: dict[str, Callable[[], None]] = {
            name: partial(answer, call) for name, call in answers.items()
        }
        return self.ask_at_large(text, own, detail)

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

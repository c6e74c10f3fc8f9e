"""The session as the layers of one case see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import TransitionError

if TYPE_CHECKING:
    from psygnal import SignalInstance

    from napari_annotate_jobs.editing import CaseEditor
    from napari_annotate_jobs.model import Job, Label, Window
    from napari_annotate_jobs.session import AnnotationSession, OpenCase

__all__ = ["OwnCase"]


class OwnCase:
    """A session for as long as the case is open that is open now.

    Layers are given this instead of the session. One that outlives its case, whatever
    the reason, can then neither read nor change the case that was opened after it.

    Parameters
    ----------
    session : AnnotationSession
        With an open case.
    """

    def __init__(self, session: AnnotationSession) -> None:
        self._session = session
        self.case: OpenCase | None = session.case

    @property
    def is_open(self) -> bool:
        """True while the case is open."""
        return self._session.is_open and self._session.case is self.case

    @property
    def job(self) -> Job:
        """The job of the case."""
        return self._session.job

    @property
    def locked(self) -> bool:
        """True if the case cannot be edited now, or is not open any more."""
        return not self.is_open or self._session.locked

    @property
    def editor(self) -> CaseEditor:
        """The annotation of the case.

        Raises
        ------
        TransitionError
            If the case is not open any more.
        """
        if not self.is_open:
            name = "" if self.case is None else self.case.row.case.name
            raise TransitionError(
                "the case is not open any more, and what is drawn in its layers is "
                "not taken",
                where=name,
                remedy="Open it again from the job's page",
            )
        return self._session.editor

    def close_case(self) -> None:
        """Close the case, if it is the one that is open."""
        if self.is_open:
            self._session.close_case()

    def undo(self) -> None:
        """Take back the last edit of the case, if it is the one that is open."""
        if self.is_open:
            self._session.undo()

    def redo(self) -> None:
        """Do again what was undone in the case, if it is the one that is open."""
        if self.is_open:
            self._session.redo()

    @property
    def told(self) -> SignalInstance | Any:
        """Tells the user something."""
        return self._session.told

    @property
    def slice(self) -> int:
        """The current slice."""
        return self._session.slice

    @slice.setter
    def slice(self, index: int) -> None:
        if self.is_open:
            self._session.slice = index

    @property
    def label(self) -> Label | None:
        """The chosen label."""
        return self._session.label

    @label.setter
    def label(self, label: Label | None) -> None:
        if self.is_open:
            self._session.label = label

    @property
    def window(self) -> Window | None:
        """The window the image is shown in."""
        return self._session.window

    @window.setter
    def window(self, window: Window) -> None:
        if self.is_open:
            self._session.window = window

    @property
    def inverted(self) -> bool:
        """Whether high values are shown dark."""
        return self._session.inverted

    @property
    def window_changed(self) -> SignalInstance | Any:
        """Told of another window."""
        return self._session.window_changed

    @property
    def inverted_changed(self) -> SignalInstance | Any:
        """Told when the greys are turned round."""
        return self._session.inverted_changed

"""The threads on what is seen: gone through, answered, resolved, shown in the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import Comment, Thread
    from napari_annotate_jobs.session import AnnotationSession, Discussion
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import AnnotateDock

__all__ = ["ThreadController", "list_threads", "show_places"]


class ThreadController:
    """Goes from thread to thread, and says something in them.

    Parameters
    ----------
    session : AnnotationSession
        Shows the case.
    show : callable
        Called when there is something else to show: threads, or the one at hand.
    go_slice : callable
        Shows a slice.
    show_error : callable
        Tells the user of an error.
    tell : callable
        Tells the user something.
    """

    def __init__(
        self,
        session: AnnotationSession,
        *,
        show: Callable[[], object],
        go_slice: Callable[[int], object],
        show_error: Callable[[Exception], object],
        tell: Callable[[str], object],
    ) -> None:
        self._session, self._show, self._go_slice = session, show, go_slice
        self._show_error, self._tell = show_error, tell
        self._heard = Connections()
        self.discussion: Discussion | None = None
        self.current = ""

    def follow(self, discussion: Discussion | None) -> None:
        """Turn to another discussion; what is unread in it counts as read once seen."""
        self._heard.release()
        self.discussion, self.current = discussion, ""
        if discussion is not None:
            self._heard.connect(discussion.changed, self._on_changed)
        self._show()

    def close(self) -> None:
        """Let go of all."""
        self._heard.release()
        self.discussion = None

    def _on_changed(self) -> None:
        self._show()

    # ----------------------------------------------------------------- looking
    @property
    def threads(self) -> tuple[Thread, ...]:
        """All threads."""
        return () if self.discussion is None else self.discussion.threads

    def find(self, thread: str) -> Thread | None:
        """Return a thread by its id."""
        return next((t for t in self.threads if t.id == thread), None)

    def take(self, thread: Thread | None) -> None:
        """Let a thread be the one at hand, without going anywhere."""
        self.current = "" if thread is None else thread.id
        if self.discussion is not None and thread is not None:
            self.discussion.visit(thread.id)
        self._show()

    def take_here(self) -> None:
        """Let the first open thread of the slice that is seen be the one at hand."""
        here = self._session.slice
        index_of = self._session.editor.index_of
        opened = () if self.discussion is None else self.discussion.open_threads
        found = next((t for t in opened if index_of(t.first) == here), None)
        if found is not None:
            self.take(found)

    def go(self, thread: str) -> None:
        """Show a thread where it is pinned."""
        found = self.find(thread)
        if found is None or not self._session.is_open:
            return
        index = self._session.editor.index_of(found.first)
        if index is not None:
            self._go_slice(index)
        self.take(found)

    def next(self, step: int = 1) -> None:
        """Go to the next open thread, going on at the other end."""
        if self.discussion is None:
            return
        found = self.discussion.next_open(self.current or None, step)
        if found is None:
            self._tell("No thread is open.")
        else:
            self.go(found.id)

    # ------------------------------------------------------------------ saying
    def resolve(self, thread: str, resolved: bool) -> None:
        """Resolve a thread, or open it again."""
        discussion = self.discussion
        if discussion is not None:
            discussion.visit(thread)
            self._do(lambda: discussion.resolve(thread, resolved))

    def resolve_and_go_on(self) -> None:
        """Resolve the thread at hand, and go to the next open one."""
        found, discussion = self.find(self.current), self.discussion
        if discussion is None:
            return
        if found is None or not found.is_open:
            self.next()
            return
        beyond = discussion.next_open(found.id)
        self.resolve(found.id, True)
        if beyond is None or beyond.id == found.id:
            self._tell("That was the last open thread.")
        else:
            self.go(beyond.id)

    def reply(
        self,
        thread: str,
        text: str,
        *,
        unsaid: Callable[[], object] = lambda: None,
    ) -> None:
        """Reply in a thread.

        Parameters
        ----------
        thread : str
            Id of the thread.
        text : str
            What to say.
        unsaid : callable
            Called if it cannot be kept.
        """
        discussion = self.discussion
        if discussion is None:
            unsaid()
            return
        discussion.visit(thread)
        self._do(lambda: discussion.say(text, thread=thread, unsaid=unsaid))

    def _do(self, call: Callable[[], object]) -> None:
        try:
            call()
        except AnnotateJobsError as error:
            self._show_error(error)


def show_places(
    bridge: ViewerBridge,
    session: AnnotationSession,
    threads: ThreadController,
    clicked: tuple[int, float, float] | None = None,
) -> None:
    """Show in the image where open threads, and the one at hand, are pinned to.

    A place that was clicked stands out instead of the latter.
    """
    image = bridge.image_layer
    if image is None or not session.is_open:
        return

    def place(comment: Comment) -> tuple[int, float, float] | None:
        index = session.editor.index_of(comment)
        return None if comment.at is None or index is None else (index, *comment.at)

    current = threads.find(threads.current)
    here = None if current is None else place(current.first)
    opened = [place(t.first) for t in threads.threads if t.is_open]
    bridge.pins.show(image, [p for p in opened if p is not None], clicked or here)
    if here is not None and current is not None and bridge.boxes is not None:
        bridge.boxes.point_out(current.first.object)


def list_threads(
    dock: AnnotateDock, session: AnnotationSession, threads: ThreadController
) -> None:
    """List in the dock what is said of the open case; nothing while none is open."""
    if not session.is_open or session.case is None:
        dock.set_threads((), may_write=False)
        return
    discussion = threads.discussion
    submitted = session.status is Status.FINISHED or session.case.draft.submissions
    mine = session.editor.annotation.comments
    dock.set_threads(
        threads.threads,
        threads.current,
        new=() if discussion is None else discussion.new,
        removable=() if session.locked else [comment.id for comment in mine],
        may_answer=bool(submitted),
        may_write=not session.locked or session.status is Status.FINISHED,
    )

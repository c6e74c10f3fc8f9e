"""What is done with one box, or one piece of a mask: by its menu, or by key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint

from napari_annotate_jobs.editing import (
    Copied,
    confirm_boxes,
    copied_box,
    copied_mask,
    copy_pointed,
    delete_pointed,
    delete_track,
    relabel_pointed,
    track_of,
)
from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Method, Status
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets import ObjectMenu, pointed_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.editing import Pointed
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import KeyMap

    from ._workbench import Workbench

__all__ = ["PointedController"]


class PointedController:
    """Shows the menu of what was clicked, and does what is chosen there.

    Parameters
    ----------
    bench : Workbench
        Whose session is acted on.
    bridge : ViewerBridge
        Tells what was clicked.
    canvas : callable
        Returns what the image is drawn on.
    keymap : callable
        Returns the keys of the actions.
    comment : callable, optional
        Lets a comment be written: takes what it is about, in words, its slice, and
        what it is pinned to. None where comments are written elsewhere.
    """

    def __init__(
        self,
        bench: Workbench,
        bridge: ViewerBridge,
        *,
        canvas: Callable[[], QWidget],
        keymap: Callable[[], KeyMap],
        comment: Callable[[str, int, dict[str, Any]], object] | None,
    ) -> None:
        self._bench, self._bridge = bench, bridge
        self._session = bench.session
        self._canvas, self._keymap, self._comment = canvas, keymap, comment
        self._pointed: Pointed | None = None
        self._acts: dict[str, Callable[[Pointed], None]] = {
            "comment": self._comment_on,
            "confirm": self._confirm,
            "copy": self._copy,
            "cut": self._cut,
            "delete": self._delete,
            "delete_all": self._delete_all,
            "delete_object": self._delete_object,
        }
        self.menu: ObjectMenu | None = None
        self._connections = Connections(
            [(bridge.asked, self._on_asked), (self._session.closed, self._hide)]
        )

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        return {"copy_one": partial(self._bench.act, self._copy_at_hand)}

    # --------------------------------------------------------------- the menu
    def _on_asked(self, pointed: Pointed | None, pos: tuple[float, ...]) -> None:
        session = self._session
        copied = session.clipboard.what
        if session.is_moving or (pointed is None and not copied):
            return
        self._pointed = pointed
        if pointed is not None and pointed.box is not None and self._bridge.boxes:
            self._bridge.boxes.point_out(pointed.box.id)
        labels = session.job.project.label_set
        canvas = self._canvas()
        if self.menu is None:
            self.menu = ObjectMenu(canvas)
            self.menu.requested.connect(self._do)
            self.menu.relabel_requested.connect(self._relabel)
        finished = session.status is Status.FINISHED
        self.menu.show_for(
            pointed,
            () if pointed is None else labels.of(pointed.label.method),
            copied=copied,
            editable=not session.locked,
            may_write=self._comment is not None and (not session.locked or finished),
            keymap=self._keymap(),
        )
        self.menu.popup(canvas.mapToGlobal(QPoint(round(pos[0]), round(pos[1]))))

    def _hide(self) -> None:
        self._pointed = None
        if self.menu is not None:
            self.menu.hide()

    def _do(self, name: str) -> None:
        if name == "paste":
            self._bench.act(lambda: self._session.paste_slice(self._bench.targets()))
        elif self._pointed is not None:
            self._bench.act(partial(self._acts[name], self._pointed))

    def _relabel(self, label_id: int) -> None:
        pointed, editor = self._pointed, self._session.editor
        if pointed is not None:
            self._bench.act(lambda: relabel_pointed(editor, pointed, label_id))

    def _copy(self, pointed: Pointed) -> None:
        self._take(copy_pointed(self._session.editor, pointed))

    def _take(self, copied: Copied | None) -> None:
        if copied is None:
            raise TransitionError(
                "there is nothing to copy here", remedy="Point at what is drawn"
            )
        self._session.clipboard.copy(copied)

    def _cut(self, pointed: Pointed) -> None:
        self._copy(pointed)
        self._delete(pointed)

    def _delete(self, pointed: Pointed) -> None:
        delete_pointed(self._session.editor, pointed)

    def _delete_all(self, pointed: Pointed) -> None:
        delete_pointed(self._session.editor, pointed, every=True)

    def _delete_object(self, pointed: Pointed) -> None:
        editor = self._session.editor
        track = None if pointed.box is None else track_of(editor, pointed.box.id)
        if track is not None:
            delete_track(editor, track.id)

    def _confirm(self, pointed: Pointed) -> None:
        if pointed.box is not None:
            confirm_boxes(self._session.editor, [pointed.box.id])

    def _comment_on(self, pointed: Pointed) -> None:
        if self._comment is not None:
            self._comment(pointed_text(pointed), pointed.index, pointed.pin)

    # ---------------------------------------------------------------- by key
    def _copy_at_hand(self) -> None:
        """Copy the box at hand, or what is painted of the chosen label here."""
        self._bench.check_shown()
        session, boxes = self._session, self._bridge.boxes
        editor, label = session.editor, session.label
        if label is not None and label.method is Method.SEGMENTATION:
            self._take(copied_mask(editor, label.id, session.slice))
            return
        box_id = None if boxes is None else boxes.current_box
        found = editor.content(session.slice).boxes
        box = next((b for b in found if b.id == box_id), None)
        self._take(None if box is None else copied_box(editor, box))

    def close(self) -> None:
        """Let go of the session."""
        self._connections.release()
        if self.menu is not None:
            self.menu.hide()
            self.menu.deleteLater()
            self.menu = None

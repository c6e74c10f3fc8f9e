"""Small pictures of the open case's slices, for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._pictures import draw_slice

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.session import AnnotationSession, Executor
    from napari_annotate_jobs.viewer import ViewerBridge

__all__ = ["SlicePictures"]

SIZE = 128
"""Pixels of the longest side."""


class SlicePictures:
    """Draws slices with what is annotated on them, as the window is now.

    Parameters
    ----------
    session : AnnotationSession
        What was said, and the window.
    bridge : ViewerBridge
        Knows the series.
    images : Executor
        Reads and draws.
    """

    def __init__(
        self, session: AnnotationSession, bridge: ViewerBridge, images: Executor
    ) -> None:
        self._session, self._bridge, self._images = session, bridge, images

    def draw(self, index: int, reply: Callable[[Any], None]) -> None:
        """Draw a slice; the reply is None if there is none, or it cannot be read."""
        series, window = self._bridge.series, self._session.window
        if series is None or window is None:
            reply(None)
            return
        view = self._session.editor
        self._images.run(
            lambda: draw_slice(
                series.read_slice(index), series, view, index, window, SIZE
            ),
            reply,
            lambda error: reply(None),
        )

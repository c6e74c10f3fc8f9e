"""What is dropped: folders and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtpy.QtGui import QDropEvent

__all__ = ["dropped_paths"]


def dropped_paths(event: QDropEvent) -> list[str]:
    """Return the folders and files of this computer that a drag brings."""
    mime = event.mimeData()
    if mime is None or not mime.hasUrls():
        return []
    return [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]

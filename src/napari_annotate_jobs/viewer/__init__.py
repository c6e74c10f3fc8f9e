"""The bridge to napari: the only code that adds or reads layers."""

from __future__ import annotations

from ._bridge import ViewerBridge
from ._connections import Connections

__all__ = ["Connections", "ViewerBridge"]

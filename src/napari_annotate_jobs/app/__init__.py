"""The workstation in napari: store, session, layers and docks put together."""

from __future__ import annotations

__all__: list[str] = []

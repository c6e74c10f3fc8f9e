"""The panel of Propagate."""

from __future__ import annotations

__all__: list[str] = []

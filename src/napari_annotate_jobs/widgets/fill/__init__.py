"""The panel of Smart fill."""

from __future__ import annotations

__all__: list[str] = []

"""What stands beside the image while a case is annotated."""

from __future__ import annotations

__all__: list[str] = []

"""The dock of a reviewer, and threads."""

from __future__ import annotations

__all__: list[str] = []

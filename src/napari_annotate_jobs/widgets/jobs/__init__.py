"""My Jobs and the page of a job."""

from __future__ import annotations

__all__: list[str] = []

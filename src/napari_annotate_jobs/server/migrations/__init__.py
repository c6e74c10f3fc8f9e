"""Steps from one version of the database to the next; never changed once released."""

from __future__ import annotations

__all__: list[str] = []

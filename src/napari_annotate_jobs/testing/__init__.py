"""What tests and benches of this package, and of what extends it, are made with."""

from __future__ import annotations

__all__: list[str] = []

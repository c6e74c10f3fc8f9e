"""Everyday images: PNG, JPEG, TIFF and their like."""

from __future__ import annotations

__all__: list[str] = []

"""Annotations as label volumes: NIfTI, NRRD, and the training sets made of them."""

from __future__ import annotations

__all__: list[str] = []

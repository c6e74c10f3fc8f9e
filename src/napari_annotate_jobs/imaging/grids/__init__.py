"""NIfTI, NRRD and MetaImage: one file, one grid with an affine."""

from __future__ import annotations

__all__: list[str] = []

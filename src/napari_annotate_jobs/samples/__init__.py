"""Small, real, de-identified medical images to try things on."""

from __future__ import annotations

from ._samples import SAMPLES, Sample, sample_paths

__all__ = ["SAMPLES", "Sample", "sample_paths"]

"""The demo: jobs of sample images, and a walk through the interface."""

from __future__ import annotations

from ._run import run_demo, run_headless

__all__ = ["run_demo", "run_headless"]

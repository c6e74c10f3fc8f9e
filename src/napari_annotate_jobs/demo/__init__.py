"""The demo: jobs of sample images, and a walk through the interface."""

from __future__ import annotations

from ._run import run_demo, run_headless
from ._server import run_headless_server, run_server_demo

__all__ = ["run_demo", "run_headless", "run_headless_server", "run_server_demo"]

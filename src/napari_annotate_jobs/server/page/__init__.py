"""The owner's page, served as plain HTML without a build step."""

from __future__ import annotations

from ._provider import ROUTER as PROVIDER
from ._routes import ROUTER

__all__ = ["PROVIDER", "ROUTER"]

"""The owner's page, served as plain HTML without a build step."""

from __future__ import annotations

from ._routes import ROUTER

__all__ = ["ROUTER"]

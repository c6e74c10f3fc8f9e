"""The other two planes of the open case, each in a viewer model of its own."""

from __future__ import annotations

from ._on_canvas import canvas_place
from ._plane_view import PlaneView
from ._three_planes import PLANE_COLORS, ThreePlanes

__all__ = ["PLANE_COLORS", "PlaneView", "ThreePlanes", "canvas_place"]

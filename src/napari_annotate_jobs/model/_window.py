"""The window: which stored values are shown from black to white."""

from __future__ import annotations

import math
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, field_validator

__all__ = ["PRESETS", "VoiFunction", "Window"]

WIDEST = 1e6
"""Width and level, to either side, that a drag reaches at most: PET in Bq/ml goes so
far, and nothing is seen beyond."""


class VoiFunction(StrEnum):
    """VOI LUT Function, DICOM (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


class Window(BaseModel):
    """Window centre (WL) and width (WW) in modality units (HU for CT).

    Parameters
    ----------
    center : float
        Window Center (0028,1050), in modality units.
    width : float
        Window Width (0028,1051), > 0; for LINEAR >= 1.
    function : VoiFunction
        How values are mapped between the two ends.
    explanation : str
        Window Center & Width Explanation (0028,1055), or a preset's name.
    curve : tuple of float
        Grey, from 0 (black) to 1 (white), at evenly spaced values from the lower to
        the upper end: the VOI LUT of an image. Empty where `function` says it all.

    Raises
    ------
    pydantic.ValidationError
        If a number is not finite, or the width is not positive.

    Notes
    -----
    LINEAR maps ``center - 0.5 - (width - 1) / 2`` to black and
    ``center - 0.5 + (width - 1) / 2`` to white; LINEAR_EXACT maps
    ``center -/+ width / 2`` (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3). SIGMOID is
    ``1 / (1 + exp(-4 (x - center) / width))`` (C.11.2.1.3.1); it has no ends, and is
    cut off at ``center -/+ width``, where it is 2 % from black and white.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR_EXACT
    explanation: str = ""
    curve: tuple[float, ...] = ()

    @field_validator("curve")
    @classmethod
    def _grey(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) == 1 or not all(0 <= grey <= 1 for grey in value):
            raise ValueError("must be greys from 0 to 1, at least two")
        return value

    @field_validator("center", "width")
    @classmethod
    def _finite(cls, value: float) -> float:
        if not math.isfinite(value):
            raise ValueError("must be a finite number")
        return value

    @field_validator("width")
    @classmethod
    def _positive(cls, value: float) -> float:
        if value <= 0:
            raise ValueError("must be greater than 0")
        return value

    @property
    def limits(self) -> tuple[float, float]:
        """Lower and upper end, in modality units: napari's contrast limits.

        A LINEAR window of width 1 is a step; its ends are set one part in a
        thousand apart, since contrast limits must differ.
        """
        if self.function is VoiFunction.LINEAR:
            half = max((self.width - 1) / 2, 5e-4)
            return self.center - 0.5 - half, self.center - 0.5 + half
        if self.function is VoiFunction.SIGMOID:
            return self.center - self.width, self.center + self.width
        return self.center - self.width / 2, self.center + self.width / 2

    @classmethod
    def from_limits(
        cls,
        low: float,
        high: float,
        function: VoiFunction = VoiFunction.LINEAR_EXACT,
        explanation: str = "",
    ) -> Window:
        """Make the window whose :attr:`limits` are `low` and `high`."""
        if function is VoiFunction.LINEAR:
            center, width = (low + high) / 2 + 0.5, high - low + 1
        elif function is VoiFunction.SIGMOID:
            center, width = (low + high) / 2, (high - low) / 2
        else:
            center, width = (low + high) / 2, high - low
        return cls(
            center=center, width=width, function=function, explanation=explanation
        )

    def between(self, low: float, high: float) -> Window:
        """Return the window with other limits, and greys between them as here."""
        moved = Window.from_limits(low, high, self.function)
        return moved.model_copy(update={"curve": self.curve})

    @property
    def greys(self) -> tuple[float, ...]:
        """Grey at evenly spaced values between the limits; empty if a straight line.

        Of a SIGMOID 129 values, so that its middle is one of them.
        """
        if self.curve or self.function is not VoiFunction.SIGMOID:
            return self.curve
        return tuple(1 / (1 + math.exp(-(step - 64) / 16)) for step in range(129))

    def dragged(self, right: float, down: float) -> Window:
        """Return the window after a drag, both in screen pixels.

        Right widens, down raises the level, so that the image gets darker.
        A pixel is one unit at a width of 400 and scales with the width, so
        that the gesture feels alike on CT (hundreds) and on float maps. No drag
        goes on without end.
        """
        step = max(self.width, 1e-12) / 400.0
        widest = max(self.width, WIDEST)
        width = min(max(self.width * math.exp(right / 250.0), 1e-9), widest)
        if self.function is VoiFunction.LINEAR:
            width = max(width, 1.0)
        farthest = max(abs(self.center), WIDEST)
        center = min(max(self.center + down * step, -farthest), farthest)
        return self.model_copy(
            update={
                "center": float(center),
                "width": float(width),
                "explanation": "",
            }
        )


def _preset(name: str, level: float, width: float) -> Window:
    return Window(center=level, width=width, explanation=name)


PRESETS: tuple[Window, ...] = (
    _preset("Abdomen", 60, 400),
    _preset("Angio", 300, 600),
    _preset("Bone", 300, 1500),
    _preset("Brain", 40, 80),
    _preset("Chest", 40, 400),
    _preset("Lungs", -400, 1500),
)
"""CT presets, offered in this order after the image's own windows."""

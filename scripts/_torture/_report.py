"""What was tried, how often, and what came of it."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar


class Enough(Exception):
    """The time is up; its argument is the report so far."""


@dataclass
class Report:
    """The result of one way to torture.

    Parameters
    ----------
    name : str
        Of the way.
    what : str
        What is counted, as ``"kills"``.
    count : int
        How often it was tried.
    bad : Counter
        What was wrong, by kind.
    facts : dict
        What else is worth a figure.
    """

    deadline: ClassVar[float] = math.inf
    """When, by the monotonic clock, to end whatever is left to try."""

    name: str
    what: str
    count: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    facts: dict[str, int] = field(default_factory=dict)

    def tried(self, found: list[str], where: str) -> None:
        """Count one try; say at once what is wrong, once for each kind."""
        self.count += 1
        for text in found:
            kind = text[:80]
            if kind not in self.bad:
                print(f"{self.name}: {where}: {text}", file=sys.stderr, flush=True)
            self.bad[kind] += 1
        if time.monotonic() > self.deadline:
            raise Enough(self)

    def document(self) -> dict[str, object]:
        """Return it as what can be JSON."""
        return {
            "way": self.name,
            self.what: self.count,
            **self.facts,
            "wrong": sum(self.bad.values()),
            "kinds": dict(self.bad),
        }


def few_lines() -> None:
    """Have journals written into the snapshot after 4 lines, not hundreds."""
    for name, module in list(sys.modules.items()):
        if name.startswith("napari_annotate_jobs.stores") and hasattr(
            module, "_LONG_LINES"
        ):
            module._LONG_LINES = 4

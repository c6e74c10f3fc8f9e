"""What an action of the user is: a row of the one table of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["UserAction", "When"]

When = Literal[
    "always",
    "chosen",
    "job",
    "case",
    "slices",
    "edit",
    "edit slices",
    "object",
    "proposals",
    "submitted",
]
"""When an action applies: at any time; a job is chosen in My Jobs; a job is open; a
case; one of several slices; one that may be changed; with several slices; with an
object at hand; with proposals; one that was submitted and has no verdict."""


@dataclass(frozen=True)
class UserAction:
    """Something the user does, by key, button, menu or the command palette.

    Parameters
    ----------
    id : str
        Names it in settings.
    text : str
        What it does.
    group : str
        The heading it is listed under.
    key : str
        Its default key, in Qt's portable notation; empty for none.
    steps : bool
        True if it goes on while its key is held down; all else acts once a press.
    when : When
        What must be open for it to do anything.
    tip : str
        More words about it, for tooltips; by default `text` says enough.
    """

    id: str
    text: str
    group: str
    key: str = ""
    steps: bool = False
    when: When = "edit"
    tip: str = ""

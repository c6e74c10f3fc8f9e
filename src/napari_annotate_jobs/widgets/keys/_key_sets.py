"""Sets of keys to choose from: what differs from the keys of the actions' table."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY_SETS", "OWN_KEYS", "KeySet"]

OWN_KEYS = "napari"
"""Name of the set that changes nothing."""


@dataclass(frozen=True)
class KeySet:
    """Keys, and what the wheel and the Space bar do, for a way of working.

    Parameters
    ----------
    keys : mapping of str to str
        Keys by action, in Qt's portable notation, where they are other ones.
    wheel_steps : bool
        The wheel steps through slices, whatever the preferences say.
    wheel_cases : bool
        Alt+wheel goes to the next and previous case.
    space_plays : bool
        Space plays the stack while a drawing tool is on, too.
    gestures : mapping of str to str
        What the list of keys says of a gesture in the image, where it does another
        thing.
    """

    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    wheel_steps: bool = False
    wheel_cases: bool = False
    space_plays: bool = False
    gestures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


KEY_SETS: Mapping[str, KeySet] = MappingProxyType(
    {
        OWN_KEYS: KeySet(),
        "DeepCap": KeySet(
            keys=MappingProxyType(
                {
                    "next_case": "Alt+Right",
                    "previous_case": "Alt+Left",
                    "next_change": "Ctrl+Right",
                    "previous_change": "Ctrl+Left",
                    "submit": "Ctrl+Return",
                }
            ),
            wheel_steps=True,
            wheel_cases=True,
            space_plays=True,
            gestures=MappingProxyType(
                {
                    "Wheel": "Step through slices",
                    "Alt + wheel": "Next or previous case; drafts are kept",
                }
            ),
        ),
    }
)
"""The sets by the name that the preferences offer; another row is another set."""

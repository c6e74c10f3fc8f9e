"""Names of folders that are still to be made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["folder_name", "free_folder"]


def folder_name(text: str) -> str:
    """Return the name of a folder, safe on every system; empty if nothing is left."""
    name = re.sub(r'[/\\:*?"<>|\s]+', "-", text.strip()).strip("-. ")
    return "".join(c for c in name if c.isprintable())[:80]


def free_folder(parent: Path, name: str) -> Path:
    """Return a folder that is not there yet: the name, with a number if it is taken."""
    place, number = parent / name, 2
    while place.exists():
        place = parent / f"{name}-{number}"
        number += 1
    return place

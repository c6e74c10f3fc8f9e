"""Small things that this computer remembers, and can do without."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import MALFORMED
from napari_annotate_jobs.files import write_privately

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["KeptFile", "unreadable"]

DIGITS = 32
LIMIT = 500
"""Entries that are remembered, the latest ones."""


def unreadable(*parts: str) -> str:
    """Return a name for what texts tell of, from which they cannot be read."""
    text = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.sha256(text).hexdigest()[:DIGITS]


class KeptFile:
    """A JSON object in a file; one that cannot be read or written costs no more.

    Parameters
    ----------
    path : Path
        The file; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, object]:
        """Return what the file holds; nothing if it cannot be understood."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, *MALFORMED):
            return {}
        return found if isinstance(found, dict) else {}

    def keep(self, new: Mapping[str, object]) -> None:
        """Put entries behind all others, by their :func:`unreadable` names.

        The first ones go where there are too many, and what has no such name.
        """
        every = {k: v for k, v in self.read().items() if len(k) == DIGITS}
        for name in new:
            every.pop(name, None)
        values = dict(list({**every, **new}.items())[-LIMIT:])
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_privately(self._path, json.dumps(values, indent=1).encode())

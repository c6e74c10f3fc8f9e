"""Small things that this computer remembers, and can do without."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import MALFORMED
from napari_annotate_jobs.files import write_privately

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KeptFile"]


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

    def write(self, values: dict[str, object]) -> None:
        """Replace what the file holds, if it can be written."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_privately(self._path, json.dumps(values, indent=1).encode())

"""Small things that this computer remembers, and can do without."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import MALFORMED

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
            handle, name = tempfile.mkstemp(dir=self._path.parent, suffix=".tmp")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(values, file, indent=1)
            os.replace(name, self._path)

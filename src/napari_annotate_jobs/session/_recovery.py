"""Changes that could not be saved, kept on this computer."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from napari_annotate_jobs.model import AnnotationChange, now, validated

__all__ = ["Kept", "Recovery"]


@dataclass(frozen=True)
class Kept:
    """A change that waits to be saved.

    Parameters
    ----------
    change : AnnotationChange
        What changed.
    blobs : dict of str to bytes
        The masks it needs, by digest.
    base : int
        The revision it was made on.
    count : int
        Number of edits it is made of.
    """

    change: AnnotationChange
    blobs: dict[str, bytes]
    base: int
    count: int


class Recovery:
    """A folder with one file for each case that has unsaved changes.

    Parameters
    ----------
    folder : Path
        On this computer; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, *place: str) -> Path:
        name = hashlib.sha256("\0".join(place).encode()).hexdigest()[:32]
        return self._folder / f"{name}.json"

    def keep(self, kept: Kept, *place: str) -> None:
        """Write a change; it is durable on return.

        Parameters
        ----------
        kept : Kept
            What could not be saved.
        *place : str
            Store location, job, case and person.
        """
        path = self._path(*place)
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "format": "napari-annotate-jobs/unsaved",
            "version": 1,
            "place": place,
            "time": now().isoformat(),
            "base": kept.base,
            "count": kept.count,
            "change": kept.change.model_dump(mode="json"),
            "blobs": {
                digest: base64.b64encode(data).decode()
                for digest, data in kept.blobs.items()
            },
        }
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def load(self, *place: str) -> Kept | None:
        """Return what was kept for this place, if anything.

        A file that cannot be read is moved aside, never deleted.
        """
        path = self._path(*place)
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return Kept(
                validated(AnnotationChange, document["change"], where=path),
                {
                    digest: base64.b64decode(text)
                    for digest, text in document["blobs"].items()
                },
                int(document["base"]),
                int(document["count"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self._aside(path, "damaged")
            return None

    def clear(self, *place: str) -> None:
        """Forget what was kept, once it is safe in the store."""
        self._path(*place).unlink(missing_ok=True)

    def set_aside(self, *place: str) -> Path | None:
        """Keep the file under another name, and return that name."""
        path = self._path(*place)
        return self._aside(path, "theirs-taken") if path.exists() else None

    def _aside(self, path: Path, why: str) -> Path | None:
        other = path.with_name(f"{path.stem}-{why}-{now():%Y%m%dT%H%M%S%f}.json")
        try:
            os.replace(path, other)
        except OSError:
            return None
        return other

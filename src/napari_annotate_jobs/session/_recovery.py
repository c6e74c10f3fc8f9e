"""Changes that could not be saved, kept on this computer."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.model import AnnotationChange, now, validated

__all__ = ["Kept", "Recovery"]

FORMAT, VERSION = "napari-annotate-jobs/unsaved", 1


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
        name = hashlib.sha256(
            "\0".join(place).encode("utf-8", "surrogateescape")
        ).hexdigest()[:32]
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
            "format": FORMAT,
            "version": VERSION,
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
        _sync_folder(path.parent)

    def load(self, *place: str) -> Kept | None:
        """Return what was kept for this place, if anything.

        Raises
        ------
        CorruptError
            If the file cannot be read: it was moved aside, never deleted.
        """
        path = self._path(*place)
        try:
            return _parse(path.read_bytes(), path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            aside = self._aside(path, "damaged")
            raise CorruptError(
                "changes of the last time that were not saved cannot be read "
                f"({error})",
                where=aside or path,
                remedy="The file is left there: it may still be put right by hand",
            ) from error

    def clear(self, *place: str) -> None:
        """Forget what was kept, once it is safe in the store."""
        # One that cannot be deleted is found to be in the store the next time.
        with contextlib.suppress(OSError):
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


def _parse(data: bytes, path: Path) -> Kept:
    document = json.loads(data.decode())
    if (document["format"], document["version"]) != (FORMAT, VERSION):
        raise ValueError(
            f"it is of the kind {document['format']}, version {document['version']}"
        )
    blobs = {
        digest: base64.b64decode(text, validate=True)
        for digest, text in document["blobs"].items()
    }
    for digest, blob in blobs.items():
        if hashlib.sha256(blob).hexdigest() != digest:
            raise ValueError(f"the mask {digest[:16]} in it is damaged")
    change = validated(AnnotationChange, document["change"], where=path)
    return Kept(change, blobs, int(document["base"]), int(document["count"]))


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

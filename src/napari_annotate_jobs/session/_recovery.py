"""Changes that could not be saved, kept on this computer or in a folder of choice."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import MALFORMED, CorruptError
from napari_annotate_jobs.files import write_privately
from napari_annotate_jobs.model import AnnotationChange, now, validated

from ._trail import Trail

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Kept", "Recovery"]

FORMAT, VERSION = "napari-annotate-jobs/unsaved", 2
READABLE = (1, 2)
"""Those of version 1 may name slices by index, as annotations of version 1 do."""
ELSEWHERE = "unsaved-annotation-"
"""Beginning of the names of files in folders that hold other things, too."""
RESERVED = 4096
"""Bytes the list of other folders has from the start: a full disk can take it."""
TRIES = 3
"""Another program may clear away a file that is just being written."""


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
    trail : Trail, optional
        Tells later revisions that hold some of it from those of somebody else.
    """

    change: AnnotationChange
    blobs: dict[str, bytes]
    base: int
    count: int
    trail: Trail | None = None


class Recovery:
    """A folder with one file for each case that has unsaved changes.

    Where it cannot be written, as on a full disk, files go to other folders that the
    user named; a list beside the folder says which, so that they are found again.

    Parameters
    ----------
    folder : Path
        On this computer; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._list = folder.with_name(f"{folder.name}-elsewhere.json")
        self._prepared = False
        self._chosen: dict[str, Path] = {}

    # --------------------------------------------------------------- keeping
    def keep(self, kept: Kept, *place: str) -> Path:
        """Write a change, and return the folder it is in; it is durable then.

        Parameters
        ----------
        kept : Kept
            What could not be saved.
        *place : str
            Store location, job, case and person.

        Raises
        ------
        OSError
            If it can be written neither here nor in the folder named before.
        """
        name = _name(place)
        self._prepare()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.folder / f"{name}.json", _document(kept, place))
            return self.folder
        except OSError:
            # Full here, it goes where the user sent it the last time, without asking.
            other = self._elsewhere().get(name)
            if other is None:
                raise
            _write(other / f"{ELSEWHERE}{name}.json", _document(kept, place))
            return other

    def keep_in(self, folder: Path, kept: Kept, *place: str) -> tuple[Path, bool]:
        """Write a change into another folder, and remember that folder.

        Returns
        -------
        (Path, bool)
            The file, and whether the folder could be remembered: if not, the file
            is found again once it is moved into :attr:`folder`.
        """
        name = _name(place)
        path = folder / f"{ELSEWHERE}{name}.json"
        _write(path, _document(kept, place))
        self._chosen[name] = folder
        return path, self._remember(self._elsewhere())

    def load(self, *place: str) -> Kept | None:
        """Return what was kept for this place, if anything: the latest.

        Raises
        ------
        CorruptError
            If the file cannot be read: it was moved aside, never deleted.
        """
        self._prepare()
        return self._latest(self._paths(place))

    def away(self, *place: str) -> Path | None:
        """Return the folder that changes were saved in, if it is not there now."""
        other = self._elsewhere().get(_name(place))
        return other if other is not None and not other.is_dir() else None

    def clear(self, *place: str) -> None:
        """Forget what was kept, once it is safe in the store."""
        # One that cannot be deleted is found to be in the store the next time.
        for path in self._paths(place):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        name = _name(place)
        self._chosen.pop(name, None)
        others = self._elsewhere()
        # A folder that is away, as a stick that was pulled out, may still hold some.
        if name in others and others[name].is_dir():
            del others[name]
            self._remember(others)

    def set_aside(self, *place: str) -> Path | None:
        """Keep the file under another name, and return that name."""
        aside = None
        for path in self._paths(place):
            if path.exists():
                aside = self._aside(path, "theirs-taken") or aside
        return aside

    # ---------------------------------------------------------------- drafts
    def shelve(self, *place: str) -> Path | None:
        """Make a draft of what was kept: it is offered when the case can be edited."""
        aside = None
        for path in self._paths(place):
            if path.exists():
                aside = self._aside(path, "draft") or aside
        return aside

    def draft(self, *place: str) -> Kept | None:
        """Return the latest draft, if there is one.

        Raises
        ------
        CorruptError
            If it cannot be read: it was moved aside, never deleted.
        """
        return self._latest(self._drafts(place))

    def drop_draft(self, *place: str) -> None:
        """Delete the drafts: they were taken, or given up."""
        for path in self._drafts(place):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _drafts(self, place: tuple[str, ...]) -> list[Path]:
        found: list[Path] = []
        for path in self._paths(place):
            with contextlib.suppress(OSError):
                found += path.parent.glob(f"{path.stem}-draft-*.json")
        return found

    # ---------------------------------------------------------------- places
    def _paths(self, place: tuple[str, ...]) -> list[Path]:
        """Return where changes of a place may be."""
        name = _name(place)
        paths = [self.folder / f"{name}.json", self.folder / f"{ELSEWHERE}{name}.json"]
        other = self._elsewhere().get(name)
        return paths if other is None else [*paths, other / f"{ELSEWHERE}{name}.json"]

    def _latest(self, paths: list[Path]) -> Kept | None:
        found: list[tuple[str, Kept]] = []
        fault: CorruptError | None = None
        for path in paths:
            try:
                found.append(_parse(path.read_bytes(), path))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, *MALFORMED) as error:
                # Out of the way, or the next change would be written over it.
                aside = self._aside(path, "damaged")
                fault = CorruptError(
                    "changes of the last time that were not saved cannot be read "
                    f"({error})",
                    where=aside or path,
                    remedy="The file is left there: it may still be put right by hand",
                )
                fault.__cause__ = error
        # Of several, the others may hold what the damaged one did, and more.
        if fault is not None and not found:
            raise fault
        return max(found, key=lambda item: item[0])[1] if found else None

    def _aside(self, path: Path, why: str) -> Path | None:
        other = path.with_name(f"{path.stem}-{why}-{now():%Y%m%dT%H%M%S%f}.json")
        try:
            os.replace(path, other)
        except OSError:
            return None
        return other

    def _prepare(self) -> None:
        """Clear away what killed programs left, and reserve room for the list."""
        if self._prepared:
            return
        self._prepared = True
        for path in _leftovers(self.folder):
            with contextlib.suppress(OSError):
                path.unlink()
        if not self._list.exists():
            self._remember({})

    def _elsewhere(self) -> dict[str, Path]:
        """Return the other folders, by the names of places."""
        try:
            found = json.loads(self._list.read_text(encoding="utf-8"))
            others = {str(name): Path(folder) for name, folder in found.items()}
        except (OSError, *MALFORMED):
            others = {}
        return others | self._chosen

    def _remember(self, others: dict[str, Path]) -> bool:
        text = json.dumps({name: str(folder) for name, folder in others.items()})
        data = text.encode().ljust(RESERVED)
        try:
            self._list.parent.mkdir(parents=True, exist_ok=True)
            # In place: on a full disk there is room for nothing but what is there.
            handle = os.open(
                self._list, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600
            )
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return False
        _sync_folder(self._list.parent)
        return True


def _name(place: tuple[str, ...]) -> str:
    text = "\0".join(place).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:32]


def _leftovers(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from folder.glob("*.tmp")


def _document(kept: Kept, place: tuple[str, ...]) -> dict[str, Any]:
    document: dict[str, Any] = {
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
    if kept.trail is not None:
        document["trail"] = {"rest": kept.trail.rest, "known": kept.trail.known}
    return document


def _write(path: Path, document: dict[str, Any]) -> None:
    data = json.dumps(document, ensure_ascii=False).encode()
    for left in reversed(range(TRIES)):
        try:
            write_privately(path, data, durably=True)
            break
        except FileNotFoundError:
            if not left or not path.parent.is_dir():
                raise


def _parse(data: bytes, path: Path) -> tuple[str, Kept]:
    """Return when it was kept, and what."""
    document = json.loads(data.decode())
    if document["format"] != FORMAT or document["version"] not in READABLE:
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
    trail = None
    if (found := document.get("trail")) is not None:
        known = {str(part): tuple(held) for part, held in found["known"].items()}
        trail = Trail(str(found["rest"]), known)
    base, count = int(document["base"]), int(document["count"])
    return str(document.get("time", "")), Kept(change, blobs, base, count, trail)


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

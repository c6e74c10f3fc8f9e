"""Files of a folder that may come from anybody: what may be opened, and how.

Nothing here follows a link below a folder that was given to :func:`confine`, nor
waits for what is no regular file.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from napari_annotate_jobs.errors import (
    CorruptError,
    StoreAccessError,
    StoreError,
    access_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = [
    "MOST_BYTES",
    "TEMPORARY",
    "accessing",
    "check_links",
    "confine",
    "is_there",
    "list_folder",
    "open_if_there",
    "open_regular",
    "read_if_there",
    "require_regular",
    "signature",
    "touch",
]

TEMPORARY = ".tmp-"
"""Beginning of the names of files that are still being written."""

MOST_BYTES = 256 << 20
"""A file that is longer is not read: ``job.json`` of 100,000 cases has 30 MB."""

_CONFINED: set[str] = set()
"""Folders that no path below them may lead out of; what is here once, stays."""

# Windows has none of the last two: there, what was looked at before must do.
_FLAGS = (
    getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
)

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def accessing(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError into a StoreAccessError that names file and remedy.

    Parameters
    ----------
    path : Path
        What is being accessed.
    doing : str
        As ``"read"``, ``"written"``.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreAccessError(
            f"cannot be {doing} ({reason})",
            where=error.filename or path,
            remedy=access_words(error).remedy,
        ) from error


def confine(root: Path) -> None:
    """Follow no link below `root` any more; `root` itself may be one.

    Everything in this module asks for it at each call, so that nobody who names a
    path has to think of it.

    Parameters
    ----------
    root : Path
        A job folder.
    """
    _CONFINED.add(str(root))
    _way.cache_clear()


def check_links(path: Path) -> None:
    """Refuse a path that leads out of the confined folder that it is in.

    Raises
    ------
    CorruptError
        If it, or a folder above it, is a link. What is missing is not refused.
    """
    _refuse_links(_below_root(path) or ())


def _refuse_links(steps: Iterable[str]) -> None:
    for step in steps:
        try:
            found = os.lstat(step)
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISLNK(found.st_mode) or _is_junction(found):
            raise CorruptError(
                "it is a link, and below a job folder no link is followed",
                where=step,
                remedy="Put what it leads to in its place, if you trust it",
            )


def _below_root(path: Path) -> tuple[str, ...] | None:
    """Return the way from a confined folder to a path; None if it is in none.

    As text: this is asked for every file, and paths are slow.
    """
    text = str(path)
    if text in _CONFINED:
        return ()
    above = os.path.dirname(text) or "."
    way = None if above == text else _way(above)
    return None if way is None else (*way, text)


@lru_cache(maxsize=1024)
def _way(folder: str) -> tuple[str, ...] | None:
    """Return the same of a folder; only its names, which are looked at each time."""
    below: list[str] = []
    step = folder
    while step not in _CONFINED:
        below.append(step)
        above = os.path.dirname(step) or "."
        if above == step:
            return None
        step = above
    return tuple(reversed(below))


def signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does: size, time and inode; None if missing."""
    try:
        with accessing(path, "read"):
            found = path.lstat() if _is_confined(path) else path.stat()
    except StoreAccessError as error:
        if _is_missing(error):
            return None
        raise
    return found.st_size, found.st_mtime_ns, found.st_ino


def is_there(path: Path) -> bool:
    """Return whether there is something of that name, be it a link to nowhere."""
    return signature(path) is not None


def list_folder(path: Path) -> list[str]:
    """Return the names in a folder in their order, none if there is no such folder."""
    try:
        with accessing(path, "read"):
            check_links(path)
            return sorted(os.listdir(path))
    except StoreAccessError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        raise


def open_if_there(path: Path) -> BinaryIO | None:
    """Open a file to read it, None if there is no such file.

    Raises
    ------
    CorruptError
        If it is no regular file, or a link leads to it.
    """
    try:
        with accessing(path, "read"):
            return os.fdopen(open_regular(path, os.O_RDONLY), "rb")
    except StoreAccessError as error:
        if _is_missing(error):
            return None
        raise


def read_if_there(path: Path) -> bytes | None:
    """Return the content of a file, None if there is no such file.

    Raises
    ------
    CorruptError
        If it is no regular file, a link leads to it, or no document is so long.
    """
    file = open_if_there(path)
    if file is None:
        return None
    with file, accessing(path, "read"):
        size = os.fstat(file.fileno()).st_size
        # More is not asked for than there is: room is made for all of it at once.
        data = file.read(size + 1) if size <= MOST_BYTES else b""
    if max(size, len(data)) > MOST_BYTES:
        raise CorruptError(
            f"it has {size / 1e6:,.0f} MB, more than any document of a job",
            where=path,
            remedy="Restore the file from a backup",
        )
    return data


def touch(path: Path) -> None:
    """Give a file the present time."""
    with accessing(path, "written"):
        check_links(path)
        os.utime(path)


def _is_confined(path: Path) -> bool:
    return bool(_below_root(path))


def _is_missing(error: StoreAccessError) -> bool:
    return isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)


def _is_junction(found: os.stat_result) -> bool:
    """Return whether it is what Windows calls a junction or mount point."""
    tag: int = getattr(found, "st_reparse_tag", 0)
    return tag != 0 and tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", 0)


def open_regular(path: Path, flags: int) -> int:
    """Open a regular file that no link leads to, and wait for no other kind."""
    below = _below_root(path)
    _refuse_links(below or ())
    confined = bool(below)
    with suppress(FileNotFoundError, NotADirectoryError):
        # Before it is opened, for even that makes some devices do something.
        require_regular(path.lstat() if confined else path.stat(), path)
    handle = os.open(path, flags | _FLAGS | (_NO_LINK if confined else 0), 0o666)
    try:
        require_regular(os.fstat(handle), path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def require_regular(found: os.stat_result, path: Path) -> None:
    """Refuse what is no regular file, as CorruptError."""
    if not stat.S_ISREG(found.st_mode):
        raise CorruptError(
            "it is no regular file",
            where=path,
            remedy="Take it away, or restore the file from a backup",
        )

"""Files that are either there, whole and durable, or not there at all."""

from __future__ import annotations

import errno
import os
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from napari_annotate_jobs.errors import StoreAccessError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "TEMPORARY",
    "accessing",
    "append_durably",
    "locked",
    "make_folders",
    "read_if_there",
    "remove_leftovers",
    "signature",
    "write_durably",
    "write_many_durably",
]

TEMPORARY = ".tmp-"
"""Beginning of the names of files that are still being written."""

_REMEDIES = {
    errno.ENOSPC: "Free some space there, then try again; nothing was lost",
    errno.EDQUOT: "Your quota is used up: free some space, then try again",
    errno.EROFS: "The disk is read-only: copy the job to where you may write",
    errno.EACCES: "Ask the owner of the folder for the right to do that",
    errno.EPERM: "Ask the owner of the folder for the right to do that",
    errno.ENOENT: "Check that the folder is still there and the share is connected",
    errno.ENOTDIR: "A file stands where a folder is expected",
    errno.ESTALE: "The network share was lost: connect it again",
    errno.EIO: "The disk or network share reports errors: check it",
}

_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF}
"""What file systems say that cannot, or need not, fsync a folder."""


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
            remedy=_REMEDIES.get(
                error.errno or 0, "Check the disk or network share, then try again"
            ),
        ) from error


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file `path`, against other processes and other stores.

    Raises
    ------
    StoreAccessError
        If somebody else holds it for more than `timeout` seconds.
    """
    lock = FileLock(path, timeout=timeout, thread_local=False, poll_interval=0.01)
    with accessing(path, "locked"):
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreAccessError(
                f"still locked after {timeout:g} s",
                where=path,
                remedy="Another program is writing there: wait for it, or close it",
            ) from error
        except NotImplementedError as error:
            raise StoreAccessError(
                "this file system cannot lock files",
                where=path,
                remedy="Keep the job on a disk or share that can",
            ) from error
    try:
        yield
    finally:
        lock.release()


def signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does: size, time and inode; None if missing."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def read_if_there(path: Path) -> bytes | None:
    """Return the content of a file, None if there is no such file."""
    try:
        with accessing(path, "read"):
            return path.read_bytes()
    except StoreAccessError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            return None
        raise


def write_durably(path: Path, data: bytes) -> None:
    """Write a file under another name, and put it in place once it is on disk."""
    with accessing(path, "written"):
        _place(path, data)
        _sync_folder(path.parent)


def write_many_durably(files: Mapping[Path, bytes]) -> None:
    """Write files of one folder as :func:`write_durably` does, but side by side."""
    if not files:
        return
    folder = next(iter(files)).parent
    with accessing(folder, "written"):
        if len(files) == 1:
            _place(*next(iter(files.items())))
        else:
            with ThreadPoolExecutor(min(8, len(files))) as pool:
                list(pool.map(_place, files, files.values()))
        _sync_folder(folder)


def append_durably(path: Path, data: bytes, *, at: int, sync: bool = True) -> None:
    """Append to a file whose content is good up to byte `at`; cut what follows.

    If that fails, the file is cut back to `at`, so that nothing half-written
    or unacknowledged remains.
    """
    with accessing(path, "written"):
        new = not path.exists()
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags, 0o666)
        try:
            if os.fstat(handle).st_size != at:
                os.ftruncate(handle, at)
            os.lseek(handle, at, os.SEEK_SET)
            try:
                _write_all(handle, data)
                if sync:
                    _sync(handle)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(handle, at)
                raise
        finally:
            os.close(handle)
        if new and sync:
            _sync_folder(path.parent)


def make_folders(path: Path, *, root: Path) -> None:
    """Make a folder and those above it, durably, but never `root` or beyond.

    If `root` is gone, a share was disconnected: what would be written in its
    place could not be found again.
    """
    missing = []
    while path != root and not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with accessing(folder, "made"):
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)


def remove_leftovers(folder: Path, *, older: float) -> None:
    """Remove files that some interrupted write left in `folder`, `older` s ago."""
    limit = time.time() - older
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(TEMPORARY) and entry.stat().st_mtime < limit:
                with suppress(OSError):
                    os.unlink(entry.path)


def _place(path: Path, data: bytes) -> None:
    """Put a file in place; its folder is still to be synced."""
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    # Not tempfile: what it makes, the other people on a share could not read.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(temporary, flags, 0o666)
        try:
            _write_all(handle, data)
            _sync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync(handle: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        # There, fsync leaves the data in the cache of the disk.
        with suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the system knows how."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)

"""Files that are either there, whole and durable, or not there at all.

A job folder may come from anybody. Nothing here follows a link below a folder that
was given to :func:`confine`, nor waits for what is no regular file.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock, Timeout

from napari_annotate_jobs.errors import CorruptError, StoreAccessError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "MOST_BYTES",
    "TEMPORARY",
    "accessing",
    "append_durably",
    "check_links",
    "confine",
    "is_there",
    "list_folder",
    "locked",
    "make_folders",
    "name_aside",
    "open_if_there",
    "read_if_there",
    "remove_leftovers",
    "require_regular",
    "set_aside",
    "signature",
    "touch",
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


def check_links(path: Path) -> None:
    """Refuse a path that leads out of the confined folder that it is in.

    Raises
    ------
    CorruptError
        If it, or a folder above it, is a link. What is missing is not refused.
    """
    below: list[Path] = []
    for step in (path, *path.parents):
        if str(step) in _CONFINED:
            break
        below.append(step)
    else:
        return
    for step in reversed(below):
        try:
            found = step.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        if stat.S_ISLNK(found.st_mode) or _is_junction(found):
            raise CorruptError(
                "it is a link, and below a job folder no link is followed",
                where=step,
                remedy="Put what it leads to in its place, if you trust it",
            )


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
        check_links(path)
        with suppress(FileNotFoundError):
            require_regular(path.stat(), path)
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
            return os.fdopen(_open(path, os.O_RDONLY), "rb")
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
        data = file.read(MOST_BYTES + 1) if size <= MOST_BYTES else b""
    if max(size, len(data)) > MOST_BYTES:
        raise CorruptError(
            f"it has {size / 1e6:,.0f} MB, more than any document of a job",
            where=path,
            remedy="Restore the file from a backup",
        )
    return data


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
    or unacknowledged remains. A file that has another name too, as backups made of
    hard links give it, is not changed: a copy takes the place of this name.
    """
    with accessing(path, "written"):
        new = not is_there(path)
        if not new and path.lstat().st_nlink > 1:
            with os.fdopen(_open(path, os.O_RDONLY), "rb") as file:
                good = file.read(at)
            write_durably(path, good + data)
            return
        handle = _open(path, os.O_WRONLY | os.O_CREAT)
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
    check_links(path)
    missing = []
    while path != root and not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with accessing(folder, "made"):
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)


def name_aside(path: Path) -> Path:
    """Return a new name beside a file, for what is taken out of it."""
    mark = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    return path.with_name(f"{path.stem}.aside-{mark}{path.suffix}")


def set_aside(path: Path) -> Path:
    """Give a file another name, durably, and return that."""
    other = name_aside(path)
    with accessing(path, "renamed"):
        check_links(path)
        os.replace(path, other)
        _sync_folder(path.parent)
    return other


def touch(path: Path) -> None:
    """Give a file the present time."""
    with accessing(path, "written"):
        check_links(path)
        os.utime(path)


def remove_leftovers(folder: Path, *, older: float) -> None:
    """Remove files that some interrupted write left in `folder`, `older` s ago."""
    limit = time.time() - older
    with suppress(OSError, StoreError):
        check_links(folder)
        for entry in os.scandir(folder):
            if (
                entry.name.startswith(TEMPORARY)
                and entry.stat(follow_symlinks=False).st_mtime < limit
            ):
                with suppress(OSError):
                    os.unlink(entry.path)


def _is_confined(path: Path) -> bool:
    return any(str(folder) in _CONFINED for folder in path.parents)


def _is_missing(error: StoreAccessError) -> bool:
    return isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)


def _is_junction(found: os.stat_result) -> bool:
    """Return whether it is what Windows calls a junction or mount point."""
    tag: int = getattr(found, "st_reparse_tag", 0)
    return tag != 0 and tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", 0)


def _open(path: Path, flags: int) -> int:
    """Open a regular file that no link leads to, and wait for no other kind."""
    check_links(path)
    confined = _is_confined(path)
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


def _place(path: Path, data: bytes) -> None:
    """Put a file in place; its folder is still to be synced."""
    check_links(path)
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    # Not tempfile: what it makes, the other people on a share could not read.
    try:
        handle = _open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
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

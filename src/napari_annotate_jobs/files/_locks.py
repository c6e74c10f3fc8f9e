"""One writer at a time, also among programs and computers."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from napari_annotate_jobs.errors import StoreAccessError, access_words

from ._access import TEMPORARY, accessing, check_links, require_regular
from ._durable import folder_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "locked",
]

_NO_LOCKS = {
    errno.ENOLCK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EINVAL,
}
"""What file systems say that cannot lock files."""

_EMPTY = 3.0
"""Seconds after which an empty lock file is one that nobody of this kind holds."""


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file `path`, against other processes and other stores.

    Its folder is never made: a share that was disconnected must not come back as
    a folder of this computer.

    Raises
    ------
    StoreAccessError
        If somebody else holds it for more than `timeout` seconds, the folder is
        gone, or files cannot be locked there.
    """
    if not path.parent.is_dir():
        gone = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        raise StoreAccessError(
            "the folder is not there any more",
            where=path.parent,
            remedy=access_words(gone).remedy,
        ) from gone
    lock = FileLock(path, timeout=timeout, thread_local=False, poll_interval=0.01)
    with accessing(path, "locked"):
        check_links(path)
        with suppress(FileNotFoundError):
            require_regular(path.stat(), path)
        _drop_foreign_lock(path, timeout)
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreAccessError(
                f"still locked after {timeout:g} s",
                where=path,
                remedy="Another program is writing there: wait for it, or close it",
            ) from error
        except NotImplementedError as error:
            raise _cannot_lock(path) from error
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise _cannot_lock(path) from error
            raise
    try:
        yield
    finally:
        lock.release()


def _cannot_lock(path: Path) -> StoreAccessError:
    return StoreAccessError(
        "this disk or share cannot lock files, and that does not pass by itself",
        where=path,
        remedy="Nothing can be saved there. Move the job folder to a disk or share "
        "that can lock files, or ask whoever runs the share to switch locks on (NFS: "
        "version 4, or lockd; SMB: without nobrl); what is not saved yet stays on "
        "this computer",
    )


def _drop_foreign_lock(path: Path, timeout: float) -> None:
    """Remove an empty lock file where a file that is there means: locked.

    On systems with ``flock`` the file stays behind, empty, and means nothing. On
    those without it, it would block for ever: a lock of their kind says at once
    whose it is.
    """
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            found = path.lstat()
        except OSError:
            return
        if found.st_size or not stat.S_ISREG(found.st_mode) or _can_flock(path):
            return
        now = folder_time(path.parent)
        if now is None:
            return
        if now - found.st_mtime > _EMPTY:
            _remove_same(path, found)
            return
        time.sleep(0.05)


def _remove_same(path: Path, seen: os.stat_result) -> None:
    """Remove a file if it is still the one that was seen: another may lock now."""
    aside = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    with suppress(OSError):
        path.rename(aside)
        if not os.path.samestat(aside.lstat(), seen):
            os.link(aside, path)
        aside.unlink()


def _can_flock(path: Path) -> bool:
    """Whether the system knows ``flock`` for a file; True where it has another way."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno != errno.ENOSYS
    finally:
        os.close(handle)
    return True

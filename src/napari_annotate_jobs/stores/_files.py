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

from napari_annotate_jobs.errors import (
    CorruptError,
    ExistsError,
    StoreAccessError,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = [
    "LEFT",
    "MOST_BYTES",
    "TEMPORARY",
    "accessing",
    "append_durably",
    "check_links",
    "confine",
    "folder_time",
    "is_empty",
    "is_there",
    "list_folder",
    "locked",
    "make_folders",
    "name_aside",
    "open_if_there",
    "place_new_durably",
    "read_if_there",
    "remove_leftovers",
    "set_aside",
    "settle_names",
    "signature",
    "strange_files",
    "touch",
    "write_durably",
    "write_many_durably",
]

TEMPORARY = ".tmp-"
"""Beginning of the names of files that are still being written."""

LEFT = 24 * 3600.0
"""Seconds after which such a file is one that an interrupted write left behind."""

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

_NO_LOCKS = {
    errno.ENOLCK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EINVAL,
}
"""What file systems say that cannot lock files."""

_NO_LINKS = {
    errno.EPERM,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EMLINK,
    errno.EXDEV,
}
"""What file systems say that cannot give a file a second name."""

_ABANDONED = 60.0
"""Seconds after which an empty file is taken for one that nobody will fill."""

_EMPTY = 3.0
"""Seconds after which an empty lock file is one that nobody of this kind holds."""

_settled: set[Path] = set()
"""Folders whose names this process knows to be on the disk."""


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

    Its folder is never made: a share that was disconnected must not come back as
    a folder of this computer.

    Raises
    ------
    StoreAccessError
        If somebody else holds it for more than `timeout` seconds, the folder is
        gone, or files cannot be locked there.
    """
    if not path.parent.is_dir():
        raise StoreAccessError(
            "the folder is not there any more",
            where=path.parent,
            remedy=_REMEDIES[errno.ENOENT],
        )
    lock = FileLock(path, timeout=timeout, thread_local=False, poll_interval=0.01)
    with accessing(path, "locked"):
        check_links(path)
        with suppress(FileNotFoundError):
            _require_regular(path.stat(), path)
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


def strange_files(root: Path, names: Iterable[str]) -> Iterator[CorruptError]:
    """Find what nothing here would open: links, devices and pipes.

    Parameters
    ----------
    root : Path
        A confined folder.
    names : iterable of str
        Files and folders in it that are looked through, however deep.

    Yields
    ------
    CorruptError
        Names a file and what to do about it.
    """
    pending = [root / name for name in names]
    while pending:
        path = pending.pop(0)
        try:
            check_links(path)
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode):
                pending += [path / name for name in list_folder(path)]
            else:
                _require_regular(found, path)
        except CorruptError as error:
            yield error
        except OSError:
            continue  # who reads it tells


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


def is_empty(path: Path) -> bool:
    """Return whether there is a file of that name with nothing in it."""
    found = signature(path)
    return found is not None and found[0] == 0


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


def place_new_durably(
    path: Path, data: bytes, *, meets: Callable[[bytes], bool] = lambda data: True
) -> None:
    """Write a file that is never written again, with a call that fails if it exists.

    It is read back before it gets its name; that is the one step by which it comes
    to be, and nothing after it raises.

    Parameters
    ----------
    path : Path
        The file.
    data : bytes
        Its content.
    meets : callable
        Says of the bytes that were read back whether they are what was meant.

    Raises
    ------
    ExistsError
        If there is such a file already; it stays as it is.
    CorruptError
        If what is read back is something else; nothing is left of it.
    StoreAccessError
        If it cannot be written.
    """
    with accessing(path, "written"):
        temporary = _written_aside(path, data)
        try:
            back = read_if_there(temporary)
            if back is None or back != data or not meets(back):
                raise CorruptError(
                    "what was written is not what is read back",
                    where=path,
                    remedy="Check the disk or network share, then try again",
                )
            _name_once(temporary, path)
        except FileExistsError as error:
            raise ExistsError(
                "somebody else has written it already",
                where=path,
                remedy="Open the case again to see what is there",
            ) from error
        finally:
            with suppress(OSError):
                temporary.unlink()
    # The file is there for everybody: that its name is not on the disk yet must not
    # be told as if it were not. The next write there syncs it.
    with suppress(OSError):
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
        if sync and not is_there(path):
            _settled.discard(path.parent)
        handle = _open(path, os.O_WRONLY | os.O_CREAT)
        try:
            if os.fstat(handle).st_size != at:
                os.ftruncate(handle, at)
            os.lseek(handle, at, os.SEEK_SET)
            try:
                _write_all(handle, data)
                if sync:
                    _sync(handle)
                    settle_names(path.parent)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(handle, at)
                raise
        finally:
            os.close(handle)


def settle_names(folder: Path) -> None:
    """Sync the names in a folder, unless this process knows them to be on the disk.

    What an earlier process, or a write that failed, left there may be in the
    system's memory only: nothing may be built on that.
    """
    if folder not in _settled:
        with accessing(folder, "written"):
            _sync_folder(folder)


def make_folders(path: Path, *, root: Path) -> None:
    """Make a folder and those above it, durably, but never `root` or beyond.

    If `root` is gone, a share was disconnected: what would be written in its
    place could not be found again.
    """
    check_links(path)
    below = []
    while path != root:
        below.append(path)
        path = path.parent
    for folder in reversed(below):
        with accessing(folder, "made"):
            if not folder.is_dir():
                _settled.discard(folder.parent)
                folder.mkdir(exist_ok=True)
            settle_names(folder.parent)


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


def folder_time(folder: Path) -> float | None:
    """Return the time by the clock of the disk or share, None if it cannot be asked.

    Files there carry its times, which may be hours off those of this computer.
    """
    probe = folder / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        handle = _open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except (OSError, StoreError):
        return None
    try:
        return os.fstat(handle).st_mtime
    except OSError:
        return None
    finally:
        os.close(handle)
        with suppress(OSError):
            probe.unlink()


def remove_leftovers(folder: Path, *, older: float = LEFT) -> None:
    """Remove files that some interrupted write left in `folder`, `older` s ago.

    Ages are measured against the folder's own clock; where that cannot be asked,
    everything stays.
    """
    with suppress(OSError, StoreError):
        check_links(folder)
        left = [e for e in os.scandir(folder) if e.name.startswith(TEMPORARY)]
        if not left or (now := folder_time(folder)) is None:
            return
        for entry in left:
            with suppress(OSError):
                if now - entry.stat(follow_symlinks=False).st_mtime > older:
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
        _require_regular(path.lstat() if confined else path.stat(), path)
    handle = os.open(path, flags | _FLAGS | (_NO_LINK if confined else 0), 0o666)
    try:
        _require_regular(os.fstat(handle), path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _require_regular(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise CorruptError(
            "it is no regular file",
            where=path,
            remedy="Take it away, or restore the file from a backup",
        )


def _place(path: Path, data: bytes) -> None:
    """Put a file in place; its folder is still to be synced."""
    temporary = _written_aside(path, data)
    try:
        _settled.discard(path.parent)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _written_aside(path: Path, data: bytes) -> Path:
    """Write a file beside `path`, and return it once it is on disk."""
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
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _name_once(temporary: Path, path: Path) -> None:
    """Give a file its name; FileExistsError if that is taken.

    Where files cannot have two names, an empty file takes the name first: whoever
    reads leaves that out, and one that stays empty is taken for abandoned.
    """
    _settled.discard(path.parent)
    if os.name == "nt":
        os.rename(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        # A share that lost its answer is asked again, and finds its own link.
        if not os.path.samefile(temporary, path):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _reserve(path)
        try:
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise


def _reserve(path: Path) -> None:
    try:
        os.close(_open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        found = path.lstat()
        now = folder_time(path.parent)
        if found.st_size or now is None or now - found.st_mtime < _ABANDONED:
            raise
        os.utime(path, follow_symlinks=False)


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
    if os.name != "nt":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise
        finally:
            os.close(handle)
    _settled.add(path)

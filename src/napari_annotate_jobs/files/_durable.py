"""Files that are either there, whole and durable, or not there at all."""

from __future__ import annotations

import errno
import os
import secrets
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, ExistsError, StoreError

from ._access import (
    TEMPORARY,
    accessing,
    check_links,
    is_there,
    open_regular,
    read_if_there,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = [
    "LEFT",
    "append_durably",
    "folder_time",
    "make_folders",
    "name_aside",
    "place_new_durably",
    "remove_leftovers",
    "set_aside",
    "settle_names",
    "write_durably",
    "write_many_durably",
    "write_privately",
]

LEFT = 24 * 3600.0
"""Seconds after which such a file is one that an interrupted write left behind."""

_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF}
"""What file systems say that cannot, or need not, fsync a folder."""

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
"""Seconds after which a claim to a name is one that nobody will make use of."""

_settled: set[Path] = set()
"""Folders whose names this process knows to be on the disk."""


def write_durably(path: Path, data: bytes, *, counts_at_once: bool = False) -> None:
    """Write a file under another name, and put it in place once it is on disk.

    Parameters
    ----------
    path : Path
        The file.
    data : bytes
        Its content.
    counts_at_once : bool
        Once the file has its name it counts, as with :func:`place_new_durably`: for
        what nothing else is built on, and what cannot be taken back.
    """
    with accessing(path, "written"):
        _place(path, data)
        with suppress(OSError) if counts_at_once else nullcontext():
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


def write_privately(path: Path, data: bytes, *, durably: bool = False) -> None:
    """Put a file in place, whole or not at all, that nobody else may read.

    For what a computer keeps of one person: errors of the system are raised as they
    are.

    Parameters
    ----------
    path : Path
        The file.
    data : bytes
        Its content.
    durably : bool
        Whether it has to be on disk when this returns.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durably:
                file.flush()
                _sync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if durably:
        with suppress(OSError):
            _sync_folder(path.parent)


def append_durably(path: Path, data: bytes, *, at: int, sync: bool = True) -> None:
    """Append to a file whose content is good up to byte `at`; cut what follows.

    If that fails, the file is cut back to `at`, so that nothing half-written
    or unacknowledged remains; where that fails too, as on a disk that takes nothing
    any more, what was appended may stay. A file that has another name too, as backups
    made of hard links give it, is not changed: a copy takes the place of this name.
    """
    with accessing(path, "written"):
        if not is_there(path):
            if sync:
                _settled.discard(path.parent)
        elif path.lstat().st_nlink > 1:
            with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
                good = file.read(at)
            write_durably(path, good + data)
            return
        handle = open_regular(path, os.O_WRONLY | os.O_CREAT)
        try:
            if sync:  # before anything is there that would be to be taken back
                settle_names(path.parent)
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


def folder_time(folder: Path) -> float | None:
    """Return the time by the clock of the disk or share, None if it cannot be asked.

    Files there carry its times, which may be hours off those of this computer.
    """
    probe = folder / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        handle = open_regular(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
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
        handle = open_regular(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
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

    Where files cannot have two names, only who has the claim to a name may look
    whether it is free, and take it.
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
        with _claimed(path):
            if is_there(path):
                raise FileExistsError(
                    errno.EEXIST, os.strerror(errno.EEXIST), str(path)
                ) from error
            os.replace(temporary, path)


@contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Be the only one who may take a name; FileExistsError if another is at it."""
    claim = path.with_name(f"{TEMPORARY}{path.name}")
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        os.close(open_regular(claim, new))
    except FileExistsError:
        now = folder_time(path.parent)
        if now is None or now - claim.lstat().st_mtime < _ABANDONED:
            raise
        claim.unlink()
        os.close(open_regular(claim, new))
    try:
        yield
    finally:
        with suppress(OSError):
            claim.unlink()


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

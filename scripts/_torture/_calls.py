"""Stands between the package and the system: sees each call that changes a folder."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = (
    "open",
    "write",
    "fsync",
    "ftruncate",
    "replace",
    "rename",
    "link",
    "unlink",
    "remove",
    "mkdir",
    "rmdir",
    "utime",
)
"""What is seen; ``open`` only where it may write, and folders that are synced."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@contextmanager
def watched(root: Path, seen: Callable[..., None]) -> Iterator[None]:
    """Call `seen` before each call that changes something below `root`.

    It is given the name of the call, the path, and what else there is by name:
    ``data`` of a write, ``size`` of a truncation, ``target`` of a rename, ``new`` of
    an open that would make the file, ``folder`` of an fsync. What it raises, the
    caller of the system gets. The lock files are left out: they hold nothing.
    """
    real = {name: getattr(os, name) for name in NAMES}
    close = os.close
    base = os.path.realpath(root)
    handles: dict[int, str] = {}

    def inside(path: Any, dir_fd: int | None = None) -> str:
        if not isinstance(path, str | bytes | os.PathLike):
            return handles.get(path, "")
        text = os.fsdecode(path)
        if dir_fd is not None and dir_fd in handles:
            text = os.path.join(handles[dir_fd], text)
        head, tail = os.path.split(os.path.abspath(text))
        text = os.path.join(os.path.realpath(head), tail)
        below = text == base or text.startswith(base + os.sep)
        return text if below and "lock" not in tail else ""

    def opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        place = inside(path, kwargs.get("dir_fd"))
        if place and flags & _WRITES:
            seen("open", place, new=not os.path.lexists(place), flags=flags)
        handle: int = real["open"](path, flags, *args, **kwargs)
        handles.pop(handle, None)
        if place:
            handles[handle] = place
        return handle

    def closed(handle: int) -> None:
        handles.pop(handle, None)
        close(handle)

    def wrote(handle: int, data: Any) -> int:
        if handle in handles:
            seen("write", handles[handle], data=bytes(data), handle=handle)
        written: int = real["write"](handle, data)
        return written

    def synced(handle: Any) -> None:
        number = handle if isinstance(handle, int) else handle.fileno()
        if number in handles:
            place = handles[number]
            seen("fsync", place, folder=os.path.isdir(place))
        real["fsync"](handle)

    def cut(handle: int, size: int) -> None:
        if handle in handles:
            seen("ftruncate", handles[handle], size=size)
        real["ftruncate"](handle, size)

    def moved(name: str) -> Callable[..., None]:
        def call(source: Any, target: Any, **kwargs: Any) -> None:
            a = inside(source, kwargs.get("src_dir_fd"))
            b = inside(target, kwargs.get("dst_dir_fd"))
            if b:
                seen(name, a, target=b)
            real[name](source, target, **kwargs)

        return call

    def one(name: str) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            place = inside(path, kwargs.get("dir_fd"))
            if place:
                seen(name, place)
            return real[name](path, *args, **kwargs)

        return call

    patched: dict[str, Any] = {
        "open": opened,
        "write": wrote,
        "fsync": synced,
        "ftruncate": cut,
        **{name: moved(name) for name in ("replace", "rename", "link")},
        **{name: one(name) for name in ("unlink", "remove", "mkdir", "rmdir", "utime")},
    }
    for name, function in patched.items():
        setattr(os, name, function)
    os.close = closed
    try:
        yield
    finally:
        os.close = close
        for name, function in real.items():
            setattr(os, name, function)

"""Folders on this computer for what a server gave, up to so many bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from napari_annotate_jobs.errors import StoreAccessError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderCache", "ImageCache"]

_ALONG = ".along"
"""In a folder that stays, whatever is over the budget."""


class FolderCache:
    """Folders that can be fetched again, named by what they hold.

    Parameters
    ----------
    path : Path
        Where.
    budget : int
        Bytes; what was not used the longest goes first. What is open, or was taken
        along, stays.
    """

    def __init__(self, path: Path, budget: int) -> None:
        self.path = path
        self.budget = budget
        self._guard = threading.Lock()
        self._used: set[str] = set()

    def place(self, key: str) -> Path:
        """Return where the folder of a key is, if it is there."""
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self.path / name

    def folder(self, key: str) -> Path:
        """Return the folder of a key, made if it is not there, and used from now on."""
        folder = self.place(key)
        with self._guard:
            self._used.add(folder.name)
        try:
            # Others on this computer need not see what somebody works on.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.utime(folder)
        except OSError as error:
            raise StoreAccessError(
                f"there is no room for what comes ({error.strerror or error})",
                where=folder,
                remedy="Free some space there, or make the folder writable",
            ) from error
        return folder

    def take_along(self, folder: Path, *, along: bool = True) -> None:
        """Have a folder stay, or not any more."""
        mark = folder / _ALONG
        if along:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)

    def tidy(self) -> int:
        """Remove what is over the budget; return how many bytes went."""
        sizes: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for folder in self.path.iterdir():
                with suppress(OSError):
                    files = [f.stat() for f in folder.rglob("*") if f.is_file()]
                    size = sum(f.st_size for f in files)
                    sizes.append((folder.stat().st_mtime, size, folder))
        total = sum(size for _, size, _ in sizes)
        gone = 0
        for _, size, folder in sorted(sizes, key=lambda row: row[0]):
            if total - gone <= self.budget:
                break
            with self._guard:
                used = folder.name in self._used
            if not used and not (folder / _ALONG).exists():
                shutil.rmtree(folder, ignore_errors=True)
                gone += size
        return gone

    def let_go(self) -> None:
        """Forget which folders are open."""
        with self._guard:
            self._used.clear()


class ImageCache(FolderCache):
    """Files of images on this computer.

    Parameters
    ----------
    path : Path, optional
        Where; in the user's cache by default.
    budget : int
        Bytes; see :class:`FolderCache`.
    """

    def __init__(self, path: Path | None = None, budget: int = 20 << 30) -> None:
        home = user_cache_path("napari-annotate-jobs", appauthor=False)
        super().__init__(path or home / "images", budget)

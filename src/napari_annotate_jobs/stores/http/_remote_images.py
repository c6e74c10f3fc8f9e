"""Images of a server: read slice by slice, and kept on this computer for a while."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from napari_annotate_jobs.errors import (
    InvalidValueError,
    StoreAccessError,
    UnreadableImageError,
)
from napari_annotate_jobs.imaging import Series, SeriesHeader, open_series
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.wire import SeriesIndex

from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import Case

    from ._wire import Wire

__all__ = ["ImageCache", "RemoteImages"]

_SHARED = "NAPARI_ANNOTATE_JOBS_IMAGES"
_BUDGET = 20 << 30


class ImageCache:
    """Files of images on this computer, up to so many bytes.

    Parameters
    ----------
    path : Path, optional
        Where; in the user's cache by default.
    budget : int
        Bytes; what was not used the longest goes first. A case that is open stays.
    """

    def __init__(self, path: Path | None = None, budget: int = _BUDGET) -> None:
        home = user_cache_path("napari-annotate-jobs", appauthor=False)
        self.path = path or home / "images"
        self.budget = budget
        self._guard = threading.Lock()
        self._used: set[str] = set()

    def folder(self, key: str) -> Path:
        """Return the folder of a series, made if it is not there."""
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        folder = self.path / name
        with self._guard:
            self._used.add(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
        except OSError as error:
            raise StoreAccessError(
                f"there is no room for images ({error.strerror or error})",
                where=folder,
                remedy="Free some space there, or make the folder writable",
            ) from error
        return folder

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
            if not used:
                shutil.rmtree(folder, ignore_errors=True)
                gone += size
        return gone

    def let_go(self) -> None:
        """Forget which cases are open."""
        with self._guard:
            self._used.clear()


class RemoteImages:
    """Opens the images of cases on a server.

    Parameters
    ----------
    wire : Wire
        Leads there.
    cache : ImageCache, optional
        Where files are kept.
    """

    def __init__(self, wire: Wire, cache: ImageCache | None = None) -> None:
        self._wire = wire
        self.cache = cache or ImageCache()

    def open(self, job_id: str, case: Case, series: int | None) -> Series:
        """Open a series; one request tells all that is not pixels.

        Where ``NAPARI_ANNOTATE_JOBS_IMAGES`` names a folder that has the images too,
        such as a network share, they are read from there.
        """
        ref = _rules.series_of(case, series)
        shared = os.environ.get(_SHARED)
        if shared:
            path = Path(os.path.abspath(Path(shared) / ref.path))
            if path.exists():
                return open_series(path, series_uid=ref.series_uid)
        place = str(case.series.index(ref))
        route = quoted("jobs", job_id, "cases", case.id, "series", place)
        index: SeriesIndex = self._wire.get(route, SeriesIndex)
        tags = "\n".join(f"{file.name} {file.tag}" for file in index.files)
        folder = self.cache.folder("\n".join((self._wire.server, route, tags)))
        self.cache.tidy()
        fetcher = _Fetcher(self._wire, route, index, folder)
        path = folder
        if index.single:
            fetcher.fetch(0)
            path = fetcher.files[0]
        header = SeriesHeader.from_json(index.header, path=path)
        known = {file: number for number, file in enumerate(fetcher.files)}
        if any(file.path not in known for file in header.all_files):
            raise _strange(route)
        return _RemoteSeries(header, lambda path: fetcher.fetch(known[path]))


def _strange(where: str) -> UnreadableImageError:
    return UnreadableImageError(
        "what the server says of the images does not fit together",
        where=where,
        remedy="Tell the owner of the server",
    )


class _Fetcher:
    """Downloads each file of a series once, whoever asks for it first."""

    def __init__(
        self, wire: Wire, route: str, index: SeriesIndex, folder: Path
    ) -> None:
        self._wire, self._route, self._index = wire, route, index
        self.files = [folder / _plain(file.name) for file in index.files]
        self._parts = folder
        self._locks = [threading.Lock() for _ in index.files]

    def fetch(self, number: int) -> None:
        path, size = self.files[number], self._index.files[number].size
        with self._locks[number]:
            with suppress(OSError):
                if path.stat().st_size == size:
                    return
            path.parent.mkdir(parents=True, exist_ok=True)
            part = self._parts / f".{number}-{os.getpid()}.part"
            route = f"{self._route}/files/{number}"
            self._wire.fetch(route, path, size=size, progress=part)


def _plain(name: str) -> Path:
    """Return a path that stays in the folder, whatever a server says."""
    path = PurePosixPath(name)
    odd = path.is_absolute() or ".." in path.parts or not path.parts
    if odd or any(c in name for c in '\\:\0<>"|?*') or path.parts[0].startswith("."):
        raise InvalidValueError(
            f"the server names a file {name[:80]!r}",
            remedy="Tell the owner of the server",
        )
    return Path(*path.parts)


class _RemoteSeries(Series):
    """A series whose files are fetched when a slice of them is read."""

    def __init__(self, header: SeriesHeader, fetch: Callable[[Path], None]) -> None:
        super().__init__(header)
        self._fetch = fetch
        self._siblings = {
            other.key: _RemoteSeries(other, fetch) for other in header.siblings
        }

    def _new_reader(self) -> Any:
        files = self.header.files
        if len(files) <= 1:
            for file in files:
                self._fetch(file.path)
            return super()._new_reader()
        return _Fetching(super()._new_reader(), self.header, self._fetch)


class _Fetching:
    """Reads a slice once its file is there."""

    def __init__(
        self, reader: Any, header: SeriesHeader, fetch: Callable[[Path], None]
    ) -> None:
        self._reader, self._header, self._fetch = reader, header, fetch

    def read_into(self, index: int, out: Any, *, saturate: bool) -> None:
        number = self._header.frames[index].file
        self._fetch(self._header.files[number].path)
        self._reader.read_into(index, out, saturate=saturate)

"""Images of a server: read slice by slice, and kept on this computer for a while."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, UnreadableImageError
from napari_annotate_jobs.imaging import Series, SeriesHeader, open_series
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.wire import SeriesIndex

from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_annotate_jobs.model import Case

    from ._cache import ImageCache
    from ._wire import Wire

__all__ = ["RemoteImages"]

_SHARED = "NAPARI_ANNOTATE_JOBS_IMAGES"


class RemoteImages:
    """Opens the images of cases on a server.

    Parameters
    ----------
    wire : Wire
        Leads there.
    cache : ImageCache
        Where files are kept.
    ask : callable
        Returns what the server says at a path; what it said last, if it is away.
    """

    def __init__(
        self, wire: Wire, cache: ImageCache, ask: Callable[[str, Any], Any]
    ) -> None:
        self._wire, self._ask = wire, ask
        self.cache = cache

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
        fetcher = self._fetcher(job_id, case, case.series.index(ref))
        self.cache.tidy()
        index, path = fetcher.index, fetcher.folder
        if index.single:
            fetcher.fetch(0)
            path = fetcher.files[0]
        header = SeriesHeader.from_json(index.header, path=path)
        known = {file: number for number, file in enumerate(fetcher.files)}
        if any(file.path not in known for file in header.all_files):
            raise _strange(fetcher.route)
        return _RemoteSeries(header, lambda path: fetcher.fetch(known[path]))

    def _fetcher(self, job_id: str, case: Case, place: int) -> _Fetcher:
        route = quoted("jobs", job_id, "cases", case.id, "series", str(place))
        index: SeriesIndex = self._ask(route, SeriesIndex)
        tags = "\n".join(f"{file.name} {file.tag}" for file in index.files)
        folder = self.cache.folder("\n".join((self._wire.server, route, tags)))
        return _Fetcher(self._wire, route, index, folder)

    def take_along(self, job_id: str, case: Case) -> Iterator[tuple[int, int]]:
        """Fetch all images of a case, to stay on this computer.

        Yields
        ------
        (int, int)
            Files that are here, and how many there are.
        """
        every = [self._fetcher(job_id, case, i) for i in range(len(case.series))]
        total, done = sum(len(each.files) for each in every), 0
        for fetcher in every:
            self.cache.take_along(fetcher.folder)
            for number in range(len(fetcher.files)):
                yield done, total
                fetcher.fetch(number)
                done += 1
        yield total, total

    def put_back(self, job_id: str, case: Case) -> None:
        """Let the images of a case go, when there is no room for them."""
        for place in range(len(case.series)):
            fetcher = self._fetcher(job_id, case, place)
            self.cache.take_along(fetcher.folder, along=False)


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
        self._wire, self.route, self.index = wire, route, index
        self.folder = folder
        self.files = [folder / _plain(file.name) for file in index.files]
        self._locks = [threading.Lock() for _ in index.files]

    def fetch(self, number: int) -> None:
        path, size = self.files[number], self.index.files[number].size
        with self._locks[number]:
            with suppress(OSError):
                if path.stat().st_size == size:
                    return
            path.parent.mkdir(parents=True, exist_ok=True)
            part = self.folder / f".{number}-{os.getpid()}.part"
            route = f"{self.route}/files/{number}"
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
        named = {frame.file for frame in self.header.frames}
        if len(files) <= 1 or len(named) < len(files):
            # One file, or one that says where in another the voxels are.
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

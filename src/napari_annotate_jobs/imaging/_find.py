"""Find and open what a file or a folder holds."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    Cancelled,
    NoImageError,
    UnreadableImageError,
    UnsupportedImageError,
    counted,
)
from napari_annotate_jobs.imaging.dicom._dicomdir import is_dicomdir, listed_files
from napari_annotate_jobs.imaging.dicom._results import (
    RESULT_MODALITIES,
    kind_of_result,
)
from napari_annotate_jobs.imaging.dicom._scan import Scanner, scan_file

from ._axis import along_axes
from ._formats import DICOM, IMAGE_FORMATS, NIFTI, format_by_name, format_of
from ._found import FoundFault, FoundResult, FoundSeries
from ._series import Series, path_of

if TYPE_CHECKING:
    from napari_annotate_jobs.imaging.dicom._frame import Frame

    from ._header import SeriesHeader
    from ._reading import Cancel, Progress
    from ._volume import Volume

__all__ = ["find_series", "is_image", "open_series", "read_series", "with_texts"]

# what never is an image: looked at only when it is named itself
_OTHER = frozenset(
    {".txt", ".json", ".csv", ".xml", ".html", ".pdf", ".zip", ".py", ".md", ".log"}
    | {".yaml", ".yml", ".toml", ".exe", ".dll", ".gz", ".tar", ".ini", ".raw"}
)
# parts of a series that differ in these are other images, not the same one again
_OTHER_IMAGES = {"", "size", "encoding", "orientation", "geometry"}
_TITLES = [title for row in IMAGE_FORMATS for title in row.titles]
_FORMATS = f"{', '.join(_TITLES[:-1])} and {_TITLES[-1]} can be opened"


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a file looks like one that can be opened; cheap, by its first bytes."""
    place = path_of(path)
    try:
        return place.is_file() and format_of(place) is not None
    except AnnotateJobsError:
        return False


def find_series(
    path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    cancelled: Cancel | None = None,
) -> FoundSeries:
    """Find every series a file or a folder holds, reading headers only.

    Parameters
    ----------
    path : path-like
        A file of any supported format, a ``DICOMDIR``, or a folder, which is
        searched with its sub-folders.
    progress : callable, optional
        Called with (files done, files in all).
    cancelled : callable, optional
        Asked between files.

    Returns
    -------
    FoundSeries
        A list of :class:`SeriesHeader`, localisers last; its ``faults`` name
        the files that could not be used, its ``results`` what was made of images
        and is none. Where there is nothing else, results with pixels are series.

    Raises
    ------
    NoImageError
        If there is nothing at `path`.
    Cancelled
        If `cancelled` returned True.
    """
    root = path_of(path)
    if not root.exists():
        raise NoImageError(
            "is not there", where=root, remedy="Check the name and the drive"
        )
    if not (root.is_file() or root.is_dir()):
        raise NoImageError(
            "is neither a file nor a folder",
            where=root,
            remedy="Name a file or a folder of images",
        )
    search = _Search(root, progress, cancelled)
    return search.run()


class _Search:
    """One walk over a folder or a file."""

    def __init__(
        self, root: Path, progress: Progress | None, cancelled: Cancel | None
    ) -> None:
        self._root = root
        self._progress = progress
        self._cancelled = cancelled
        self._scanner = Scanner()
        self._frames: list[Frame] = []
        self._headers: list[SeriesHeader] = []
        self._faults: list[FoundFault] = []
        self._results: list[FoundResult] = []

    def run(self) -> FoundSeries:
        named = self._root.is_file()
        if named and is_dicomdir(self._root):
            files, faults = listed_files(self._root)
            self._faults += faults
        elif named:
            files = [self._root]
        else:
            files = _walk(self._root)
        for done, file in enumerate(files):
            if self._cancelled is not None and self._cancelled():
                raise Cancelled("opening was stopped", where=self._root)
            self._look_at(file, named and len(files) == 1)
            if self._progress is not None:
                self._progress(done + 1, len(files))
        headers, faults = self._dicom_headers()
        headers = along_axes(headers + self._headers)
        headers = [_with_folders(header, self._root) for header in headers]
        headers.sort(key=lambda header: header.localizer)
        made = [header for header in headers if header.modality in RESULT_MODALITIES]
        if named or len(made) == len(headers):
            made = []
        self._results += [
            FoundResult(
                header.files[0].path, RESULT_MODALITIES[header.modality or ""], header
            )
            for header in made
        ]
        aside = {id(header) for header in made}
        headers = [header for header in headers if id(header) not in aside]
        return FoundSeries(headers, [*self._faults, *faults], self._results)

    def _dicom_headers(self) -> tuple[list[SeriesHeader], list[FoundFault]]:
        if not self._frames:
            return [], []  # pydicom takes a second to load: not for other images
        from napari_annotate_jobs.imaging.dicom._series import headers_of

        return headers_of(self._frames, self._root)

    def _look_at(self, file: Path, named: bool) -> None:
        try:
            odd = file.suffix.lower() in _OTHER and not NIFTI.has_ending(file)
            if odd and not named:
                return
            kind = format_by_name(file)
            if kind is None or kind is DICOM:
                self._dicom(file, named, doubted=kind is None)
            else:
                self._headers += kind.headers_of(file, self._root)
        except AnnotateJobsError as error:
            self._faults.append(FoundFault(file, error))

    def _dicom(self, file: Path, named: bool, *, doubted: bool) -> None:
        try:
            record = self._scanner.scan(file, doubted=doubted)
        except UnsupportedImageError:
            # reports and plans lie beside the images of every study
            if named:
                raise
            self._results.append(FoundResult(file, kind_of_result(file)))
            return
        if record is not None:
            from napari_annotate_jobs.imaging.dicom._frames import frames_of

            self._frames += frames_of(record)
        elif named:
            raise UnreadableImageError(
                "is not an image of a known format", where=file, remedy=_FORMATS
            )


def _walk(root: Path) -> list[Path]:
    """All regular files below a folder in a stable order, without hidden ones.

    Pipes and devices are left out: whoever opens one may wait for ever.
    """
    files: list[Path] = []
    pending = [root]
    while pending:
        place = pending.pop()
        names, folders = _entries(place)
        files += [
            place / name
            for name in sorted(names)
            if name.upper() not in ("DICOMDIR", "THUMBS.DB")
            and not _is_pair_data(name, names)
        ]
        pending += [place / name for name in sorted(folders, reverse=True)]
    return files


def _entries(place: Path) -> tuple[list[str], list[str]]:
    """Names of the regular files and of the folders in a folder, but hidden ones."""
    names, folders = [], []
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            with contextlib.suppress(OSError):
                if entry.is_file():
                    names.append(entry.name)
                elif entry.is_dir(follow_symlinks=False) and entry.name != "__MACOSX":
                    folders.append(entry.name)
    return names, folders


def _is_pair_data(name: str, names: list[str]) -> bool:
    """Whether it holds the voxels of a NIfTI header that is there as well."""
    lower = name.lower()
    if not lower.endswith((".img", ".img.gz")):
        return False
    stem = lower[: lower.rindex(".img")]
    return any(n.lower() in (stem + ".hdr", stem + ".hdr.gz") for n in names)


def _with_folders(header: SeriesHeader, root: Path) -> SeriesHeader:
    """Remember when the folders of a series last changed."""
    if header.format != "dicom" or not root.is_dir():
        return header
    places = (
        os.path.dirname(file.path)
        for each in (header, *header.siblings)
        for file in each.files
    )
    folders = []
    for folder in map(Path, dict.fromkeys([str(root), *places])):
        name = folder.relative_to(root).as_posix()
        folders.append((name, folder.stat().st_mtime_ns))
    return replace(header, folders=tuple(folders))


def open_series(
    path: str | os.PathLike[str],
    *,
    series_uid: str | None = None,
    cached: SeriesHeader | None = None,
    found: FoundSeries | None = None,
) -> Series:
    """Open one series, reading headers only.

    Parameters
    ----------
    path : path-like
        A file or a folder.
    series_uid : str, optional
        Which one, where there are several: a Series Instance UID, or the
        ``key`` of a header.
    cached : SeriesHeader, optional
        The header of an earlier opening: used, without reading any header,
        when ``cached.is_current()`` and it is of that series.
    found : FoundSeries, optional
        What :func:`find_series` gave for `path`, for opening several of it.

    Returns
    -------
    Series
        Ready to read.

    Raises
    ------
    NoImageError
        If there is no image, no such series, or several to choose from.
    UnreadableImageError
        If the file is damaged or not an image.
    """
    if cached is not None and _is_named(cached, series_uid) and cached.is_current():
        return Series(cached)
    if cached is not None and series_uid is None:
        series_uid = cached.key
    if found is None:
        found = find_series(path)
    return Series(_chosen(found, series_uid, path_of(path)))


def with_texts(series: Series) -> Series:
    """Return a DICOM series with what its images say in words, from one of them.

    Parameters
    ----------
    series : Series
        Whose header came from a note, which holds no free text.
    """
    header = series.header
    if header.format != "dicom" or header.description is not None:
        return series
    from napari_annotate_jobs.imaging.dicom._details import details_of
    from napari_annotate_jobs.imaging.dicom._frames import frames_of

    source = header.frames[len(header.frames) // 2]
    with contextlib.suppress(AnnotateJobsError, OSError, IndexError):
        details = details_of(
            frames_of(scan_file(header.files[source.file].path))[source.frame]
        )
        description, windows = details.description, details.windows

        def told(other: SeriesHeader) -> SeriesHeader:
            same = [(w.center, w.width, w.function) for w in windows] == [
                (w.center, w.width, w.function) for w in other.windows
            ]
            return replace(
                other,
                description=description,
                windows=windows if same else other.windows,
            )

        siblings = tuple(told(other) for other in header.siblings)
        return Series(replace(told(header), siblings=siblings))
    return series


def _is_named(header: SeriesHeader, wanted: str | None) -> bool:
    """Whether a header of an earlier opening is the one that is asked for now."""
    if wanted is None or wanted == header.key:
        return True
    by = header.split.by if header.split else None
    return wanted == header.series_uid and by not in _OTHER_IMAGES


def _chosen(found: FoundSeries, wanted: str | None, path: Path) -> SeriesHeader:
    if not found:
        if len(found.faults) == 1:
            raise found.faults[0].error
        if found.faults:
            first = found.faults[0].error
            # without the file's name, which may be a patient's
            what = first.what if isinstance(first, AnnotateJobsError) else first
            raise UnreadableImageError(
                f"none of its {len(found.faults)} images can be opened; "
                f"the first {what}",
                where=path,
            ) from first
        remedy = _FORMATS
        if found.results:
            made = ", ".join(dict.fromkeys(r.kind for r in found.results))
            remedy = f"It holds what was made of images ({made}), not the images"
        raise NoImageError("holds no image", where=path, remedy=remedy)
    if wanted is not None:
        every: list[SeriesHeader] = list(found)
        every += [result.header for result in found.results if result.header]
        for header in every:
            with contextlib.suppress(KeyError):
                return header.at(wanted)
        candidates = [h for h in found if h.series_uid == wanted]
        if not candidates:
            raise NoImageError(
                f"holds no series {wanted!r}",
                where=path,
                remedy=f"It holds {_listing(found)}",
            )
    else:
        candidates = [h for h in found if not h.localizer] or list(found)
    if len(candidates) == 1:
        return candidates[0]
    stems = {h.key.split("#")[0] for h in candidates}
    kinds = {h.split.by if h.split else "" for h in candidates}
    if len(stems) == 1 and len(kinds) == 1 and not kinds & _OTHER_IMAGES:
        # volumes of one series that differ in time or echo: start with the first
        return candidates[0]
    raise NoImageError(
        f"holds {len(candidates)} series",
        where=path,
        remedy=f"Name one of them: {_listing(candidates)}",
    )


def _listing(headers: list[SeriesHeader]) -> str:
    shown = [f"{h.key} ({h.name}, {counted(h.shape[0], 'slice')})" for h in headers[:8]]
    more = "" if len(headers) <= 8 else f" and {len(headers) - 8} more"
    return ", ".join(shown) + more


def read_series(
    path: str | os.PathLike[str],
    *,
    series_uid: str | None = None,
    progress: Progress | None = None,
    cancelled: Cancel | None = None,
) -> Volume:
    """Read one series into memory.

    Parameters
    ----------
    path : path-like
        A file or a folder.
    series_uid : str, optional
        Which one, where there are several; see :func:`open_series`.
    progress : callable, optional
        Called with (slices done, slices in all).
    cancelled : callable, optional
        Asked between slices.

    Returns
    -------
    Volume
        ``voxels`` of shape (slice, row, column[, channel]) in modality units.

    Raises
    ------
    NoImageError, UnreadableImageError, GeometryError, MissingExtraError
        See :func:`open_series`; the text names the file and the remedy.
    Cancelled
        If `cancelled` returned True.
    """
    if cancelled is not None and cancelled():
        raise Cancelled("opening was stopped", where=path_of(path))
    return open_series(path, series_uid=series_uid).volume(progress, cancelled)

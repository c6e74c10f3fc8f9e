"""The cases of a new job, from folders and files of images."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ImagingError,
    InvalidValueError,
    NoImageError,
    StoreAccessError,
)
from napari_annotate_jobs.model import Case, SeriesRef

from ._case_names import clean, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from napari_annotate_jobs.imaging import SeriesHeader

    Progress = Callable[[str, int, int], None]
    Cancel = Callable[[], bool]

__all__ = ["FoundCases", "Unit", "find_cases", "name_cases"]


class Unit(StrEnum):
    """What becomes a case."""

    AUTO = "auto"
    FOLDER = "folder"
    SERIES = "series"


@dataclass
class _Draft:
    """A case in the making."""

    name: str
    headers: list[SeriesHeader]
    root: Path
    many: bool


@dataclass
class FoundCases:
    """What is in the folders and files that were given.

    Parameters
    ----------
    cases : list of Case
        With absolute paths.
    warnings : dict of str to tuple of str
        What the reader complained of, by the id of the case.
    faults : list of (Path, str)
        Files that were left out, and why.
    results : list of (Path, str)
        Files that were made of images and are none, and their kind.
    headers : dict of str to SeriesHeader
        What was read of the series that is annotated, by the id of the case.
    """

    cases: list[Case] = field(default_factory=list)
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)
    results: list[tuple[Path, str]] = field(default_factory=list)
    headers: dict[str, SeriesHeader] = field(default_factory=dict)

    def only(self, ids: Collection[str]) -> FoundCases:
        """Return what was found, with these cases alone."""
        kept = [case for case in self.cases if case.id in ids]
        return replace(self, cases=kept)

    def add(self, other: FoundCases) -> list[str]:
        """Take in what was found elsewhere; images that are here already stay once.

        Parameters
        ----------
        other : FoundCases
            Its cases get other names and ids where these are taken.

        Returns
        -------
        list of str
            The ids of the cases that are new here.
        """
        ids = {case.id.casefold() for case in self.cases}
        known = {_images_of(case) for case in self.cases}
        new = []
        for case in other.cases:
            if _images_of(case) in known:
                continue
            name, case_id = unique(case.name, ids)
            self.cases.append(case.model_copy(update={"id": case_id, "name": name}))
            new.append(case_id)
            if case.id in other.warnings:
                self.warnings[case_id] = other.warnings[case.id]
            if case.id in other.headers:
                self.headers[case_id] = other.headers[case.id]
        self.faults += [each for each in other.faults if each not in self.faults]
        self.results += [each for each in other.results if each not in self.results]
        return new


def _images_of(case: Case) -> tuple[str, str | None]:
    """Name the series that is annotated in a case."""
    ref = case.series[case.reference]
    return ref.path, ref.series_uid


def find_cases(
    paths: Iterable[Path],
    *,
    unit: Unit = Unit.AUTO,
    describe: bool = False,
    progress: Progress | None = None,
    cancelled: Cancel | None = None,
) -> FoundCases:
    """Make cases of images.

    By default each file that is given is a case; of each folder that is given,
    each direct sub-folder that holds images is a case (a study: all its series,
    the acquisition with the most slices being annotated), and so is each series that
    lies in the folder itself.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders.
    unit : Unit
        ``FOLDER``: each folder that is given is one case with all its series.
        ``SERIES``: each series is a case, wherever it lies.
    describe : bool
        Keep the Series Descriptions: free text, which may name a patient.
    progress : callable, optional
        Called with a name, files done and files in all.
    cancelled : callable, optional
        Asked between files.

    Returns
    -------
    FoundCases
        In the order of `paths`, sub-folders in the order of their names.

    Raises
    ------
    NoImageError
        If a path does not exist.
    Cancelled
        If `cancelled` returned True.
    """
    found = FoundCases()
    search = _Search(found, progress, cancelled)
    ids: set[str] = set()
    given = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    for path in given:
        if not path.exists():
            raise NoImageError("is not there", where=path, remedy="Check its path")
        if not (path.is_file() or path.is_dir()):
            raise NoImageError(
                "is neither a file nor a folder",
                where=path,
                remedy="Check its path",
            )
    # The files of a folder belong together: they may be the slices of one series.
    files: dict[Path, list[Path]] = {}
    for path in given:
        if path.is_file():
            files.setdefault(path.parent, []).append(path)
    for path in given:
        if path.is_dir():
            drafts = search.in_folder(path, unit)
        else:
            drafts = search.loose(files.pop(path.parent, []), path.parent)
        for draft in drafts:
            if nameless := _nameless(draft):
                found.faults.append((nameless, "its name is not text: rename it"))
                continue
            case = _case(draft, ids, describe)
            found.cases.append(case)
            found.headers[case.id] = draft.headers[case.reference]
            texts = (w.text for header in draft.headers for w in header.warnings)
            if warnings := tuple(dict.fromkeys(texts)):
                found.warnings[case.id] = warnings
    return found


def name_cases(
    found: FoundCases, names: Sequence[str] | None, where: str = "the names"
) -> None:
    """Give the cases other names than those of their folders and files.

    Parameters
    ----------
    found : FoundCases
        Its cases, warnings and headers are changed.
    names : sequence of str, optional
        One a case, in their order; by default ``Case 1``, ``Case 2`` ...
    where : str
        How errors name where the names are from.

    Raises
    ------
    InvalidValueError
        If there are not as many, or one is empty.
    """
    if names is None:
        names = [f"Case {number}" for number in range(1, len(found.cases) + 1)]
    if len(names) != len(found.cases):
        raise InvalidValueError(
            f"there are {len(names)} names for {len(found.cases)} cases",
            where=where,
            remedy="Write one name a line, in the order in which the cases are found",
        )
    ids: set[str] = set()
    cases, warnings, headers = [], {}, {}
    for case, given in zip(found.cases, names, strict=True):
        name, case_id = unique(clean(given), ids)
        if name != clean(given):
            raise InvalidValueError(
                f"the name {given!r} is there twice, or too like another",
                where=where,
                remedy="Give each case a name of its own",
            )
        cases.append(case.model_copy(update={"id": case_id, "name": name}))
        if case.id in found.warnings:
            warnings[case_id] = found.warnings[case.id]
        if case.id in found.headers:
            headers[case_id] = found.headers[case.id]
    found.cases, found.warnings, found.headers = cases, warnings, headers


class _Search:
    """Looks for series, and keeps what else there is.

    Parameters
    ----------
    found : FoundCases
        Takes files that are left out, and results.
    progress, cancelled : callable, optional
        See :func:`find_cases`.
    """

    def __init__(
        self, found: FoundCases, progress: Progress | None, cancelled: Cancel | None
    ) -> None:
        self._found, self._progress, self._cancelled = found, progress, cancelled

    def in_folder(self, path: Path, unit: Unit) -> list[_Draft]:
        """Make cases of what lies in a folder."""
        if unit is Unit.FOLDER:
            return _together(self._headers(path), path)
        try:
            entries = sorted(
                (e for e in path.iterdir() if e.name[0] != "."), key=_by_name
            )
        except OSError as error:
            raise StoreAccessError(
                f"cannot be read ({error.strerror})",
                where=path,
                remedy="Check that you may read the folder",
            ) from error
        folders = [e for e in entries if e.is_dir() and not _leads_back(e)]
        loose = [entry for entry in entries if entry.is_file()]
        drafts = []
        for entry in folders:
            headers = self._headers(entry)
            if unit is Unit.SERIES:
                drafts += _each(headers, entry, entry.name)
            else:
                drafts += _together(headers, entry)
        if loose and not folders:
            return _each(self._headers(path), path, path.name)
        return drafts + self.loose(loose, path)

    def loose(self, files: Sequence[Path], folder: Path) -> list[_Draft]:
        """Make a case of each series in some of the files of a folder."""
        series: dict[str, list[SeriesHeader]] = {}
        for number, file in enumerate(files):
            if self._progress is not None:
                self._progress(folder.name, number, len(files))
            for header in self._headers(file, quiet=True):
                series.setdefault(_series_of(header), []).append(header)
        drafts = []
        whole: list[SeriesHeader] | None = None
        for uid, headers in series.items():
            first = {ref.path for header in headers for ref in header.all_files}
            if len(first) == 1:
                drafts += _each(headers, folder, _stem(next(iter(first))))
                continue
            if whole is None:
                # What is wrong was told of each file already.
                again = _Search(FoundCases(), self._progress, self._cancelled)
                whole = again._headers(folder)
            for header in (header for header in whole if _series_of(header) == uid):
                own = {ref.path for ref in header.all_files}
                alone = len(own) == 1 or header.series_uid is None
                name = _stem(own.pop()) if alone else folder.name
                drafts.append(_Draft(name, [header], folder, many=len(whole) > 1))
        return drafts

    def _headers(self, path: Path, *, quiet: bool = False) -> list[SeriesHeader]:
        from napari_annotate_jobs.imaging import find_series

        def tell(done: int, total: int) -> None:
            if self._progress is not None and not quiet:
                self._progress(path.name, done, total)

        found = self._found
        try:
            series = find_series(path, progress=tell, cancelled=self._cancelled)
        except ImagingError as error:
            found.faults.append((path, str(error)))
            return []
        found.results += [(result.path, result.kind) for result in series.results]
        for fault in series.faults:
            what = fault.error
            text = what.what if isinstance(what, AnnotateJobsError) else str(what)
            found.faults.append((fault.path, text))
        return list(series)


def _leads_back(folder: Path) -> bool:
    """Return whether a folder is a link to one that it lies in."""
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(
        folder.resolve()
    )


def _series_of(header: SeriesHeader) -> str:
    """Name the series; where the format has no names, by the last of its files.

    That is the one with the voxels, if a header lies beside it.
    """
    return header.series_uid or str(max(ref.path for ref in header.all_files))


def _together(headers: list[SeriesHeader], path: Path) -> list[_Draft]:
    if not headers:
        return []
    return [_Draft(path.name, headers, path, many=len(headers) > 1)]


def _each(headers: list[SeriesHeader], root: Path, name: str) -> list[_Draft]:
    if all(len(header.all_files) == 1 for header in headers):
        headers = sorted(headers, key=lambda header: _by_name(header.files[0].path))
    drafts = []
    for number, header in enumerate(headers, 1):
        if len(header.all_files) == 1 and len(headers) > 1:
            own = _stem(header.files[0].path)
        else:
            own = f"{name} {number}" if len(headers) > 1 else name
        drafts.append(_Draft(own, [header], root, many=len(headers) > 1))
    return drafts


def _case(draft: _Draft, ids: set[str], describe: bool) -> Case:
    # Annotated is what was acquired, rather than what was made of it; a localiser is
    # a plan of the others.
    reference = max(
        range(len(draft.headers)),
        key=lambda i: (
            not draft.headers[i].localizer,
            # a picture beside a scan is no scan
            -2 if draft.headers[i].format == "raster" else -draft.headers[i].derivation,
            draft.headers[i].shape[0],
            -i,
        ),
    )
    name, case_id = unique(clean(draft.name), ids)
    return Case(
        id=case_id,
        name=name,
        series=tuple(_ref(header, draft, describe) for header in draft.headers),
        reference=reference,
        n_slices=draft.headers[reference].shape[0],
        size=draft.headers[reference].shape[1:3],
    )


def _nameless(draft: _Draft) -> Path | None:
    """Return a path that cannot be written into a document, None if all can."""
    paths = [
        draft.root,
        *(h.files[0].path for h in draft.headers if len(h.all_files) == 1),
    ]
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            return path
    return None


def _ref(header: SeriesHeader, draft: _Draft, describe: bool) -> SeriesRef:
    files = {ref.path for ref in header.all_files}
    description = clean(header.description or "", empty="") if describe else ""
    path, key = draft.root, header.key if draft.many else None
    if len(files) == 1 and draft.root.is_dir():
        file = Path(os.path.abspath(next(iter(files))))
        alone, its_key = _alone(header, file)
        if alone:
            path, key = file, its_key
    return SeriesRef(path=str(path), series_uid=key, description=description)


def _alone(header: SeriesHeader, file: Path) -> tuple[bool, str | None]:
    """Return whether a file by itself gives a series, and which key names it there.

    Parts of a series are named by what sets them apart, such as ``#size=128x128``.
    Where the other parts are in other files, a file by itself has nothing to be
    set apart from, or counts its parts otherwise.
    """
    from napari_annotate_jobs.imaging import find_series

    if header.split is None and "#" not in header.key:
        return True, None
    found = find_series(file)
    for other in found:
        for volume in other.volumes:
            if _same_slices(volume, header):
                several = len(found) > 1 or len(other.volumes) > 1
                return True, volume.key if several else None
    return False, None


def _same_slices(one: SeriesHeader, other: SeriesHeader) -> bool:
    return (one.shape, one.slices) == (other.shape, other.slices) and [
        source.frame for source in one.frames
    ] == [source.frame for source in other.frames]


def _stem(path: Path) -> str:
    name = path.name
    for ending in (".nii.gz", ".nii", ".nrrd", ".mha"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return path.stem if not path.stem.replace(".", "").isdigit() else name


def _by_name(path: Path) -> list[tuple[int, str]]:
    """Sort ``case 9`` before ``case 10``."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]

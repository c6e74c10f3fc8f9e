"""Which case a file belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError

from ._naming import one_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.model import Case

    from ._import_table import ImportFormat
    from ._incoming import Incoming

__all__ = ["CaseFinder", "FoundCase", "NamePattern"]

SUFFIXES = re.compile(
    r"(_space-[a-z0-9]+)?(_desc-[a-z0-9]+)?[._-](dseg|seg|mask|label|labels|pred|prediction)$",
    re.IGNORECASE,
)
"""What names of label files carry behind the name of the case."""
CHANNEL = re.compile(r"_0000$")
"""What nnU-Net puts behind the name of a case in that of its image."""
SLICE = re.compile(r"(.+)__(\d{1,6})$")
"""The name of a case and the number of a slice, as exports of pictures have it."""


@dataclass(frozen=True)
class FoundCase:
    """Which case a file belongs to, and the label its name tells.

    Parameters
    ----------
    case_id : str
        The case.
    label : str, optional
        What ``{label}`` of the pattern stands for.
    index : int, optional
        The slice that the name tells, from 0.
    """

    case_id: str
    label: str | None = None
    index: int | None = None

    def told(self, incoming: Incoming) -> Incoming:
        """Return what came in, with what the name of its file tells of it.

        Raises
        ------
        InvalidValueError
            If the name tells a slice, and there are several.
        """
        if self.label is not None:
            incoming = one_label(incoming, self.label)
        if self.index is None:
            return incoming
        if len(incoming.slices) != 1:
            raise InvalidValueError(
                f"its name tells of slice {self.index + 1}, and it has "
                f"{len(incoming.slices)} slices",
                where=incoming.path,
                remedy='Say how files are named with --match "{case}.nii.gz"',
            )
        (one,) = incoming.slices
        if one.sop_instance_uid is not None or one.origin is not None:
            return incoming
        # The place in a file of one slice says nothing of its place in the case.
        return replace(incoming, slices=(replace(one, index=self.index),), affine=None)


class NamePattern:
    """A pattern of paths, as ``{case}.nii.gz`` or ``{case}/{label}.nii.gz``.

    ``{case}`` stands for a case's id or name, ``{label}`` for the name of a label, in
    files that hold one label each; ``*`` for anything in a name.

    Parameters
    ----------
    text : str
        Relative to the folder that is read.

    Raises
    ------
    InvalidValueError
        If there is no ``{case}`` in it, or a placeholder of another name.
    """

    def __init__(self, text: str, *, needs_case: bool = True) -> None:
        unknown = set(re.findall(r"\{(.*?)\}", text)) - {"case", "label"}
        if unknown or (needs_case and "{case}" not in text):
            raise InvalidValueError(
                f"{text!r} is no pattern of files",
                remedy="Write {case} where the name of the case stands, as "
                '"{case}.nii.gz", and {label} where that of a label does: '
                '"{case}/{label}.nii.gz"',
            )
        self.text = text
        pattern = re.escape(text.replace("\\", "/"))
        pattern = pattern.replace(r"\*", "[^/]*")
        for name in ("case", "label"):
            mark = re.escape(f"{{{name}}}")
            pattern = pattern.replace(mark, f"(?P<{name}>[^/]+?)", 1)
            pattern = pattern.replace(mark, f"(?P={name})")
        self._match = re.compile(pattern + "$", re.IGNORECASE).match

    def match(self, path: str) -> tuple[str, str | None] | None:
        """Return the names of case and label in a path; None if it is no such path."""
        found = self._match(path)
        if found is None:
            return None
        groups = found.groupdict()
        return groups.get("case") or "", groups.get("label")


class CaseFinder:
    """Finds the case that what comes in belongs to.

    By the pattern where one is given; else by UIDs, by the file of the images, by the
    name of the file or of a folder it lies in.

    Parameters
    ----------
    cases : iterable of Case
        The cases to choose from.
    names : mapping of str to str
        Further names of cases, such as those of exported files: id by name.
    headers : callable
        Returns the header of a case's reference series, or None.
    row : ImportFormat
        The format.
    root : Path
        The file or folder that is read.
    pattern : NamePattern, optional
        Of the paths.
    """

    def __init__(
        self,
        cases: Iterable[Case],
        names: Mapping[str, str],
        headers: Callable[[Case], SeriesHeader | None],
        *,
        row: ImportFormat,
        root: Path,
        pattern: NamePattern | None = None,
    ) -> None:
        self._cases = list(cases)
        self._headers, self._row = headers, row
        self._root = root if root.is_dir() else root.parent
        self._pattern = pattern
        self._names: dict[str, str | None] = {}
        for name, case_id in names.items():
            self._add(name, case_id)
        for case in self._cases:
            self._add(case.name, case.id)
        for case in self._cases:  # ids are unique, so they win
            self._names[case.id.casefold()] = case.id
        self._files: dict[str, str | None] = {}
        for case in self._cases:
            path = PurePosixPath(case.series[case.reference].path.replace("\\", "/"))
            for name in (path.name, path.name.split(".")[0]):
                known = self._files.setdefault(name.casefold(), case.id)
                if known != case.id:
                    self._files[name.casefold()] = None
        self._uids: dict[str, str | None] | None = None

    def _add(self, name: str, case_id: str) -> None:
        known = self._names.setdefault(name.casefold(), case_id)
        if known != case_id:
            self._names[name.casefold()] = None  # two cases go by it

    def by_path(self, path: Path) -> FoundCase | None:
        """Return the case that the pattern finds in a path."""
        if self._pattern is None:
            return None
        try:
            text = path.relative_to(self._root).as_posix()
        except ValueError:
            text = path.name
        names = self._pattern.match(text)
        case_id = None if names is None else self._names.get(names[0].casefold())
        return (
            None if case_id is None or names is None else FoundCase(case_id, names[1])
        )

    def before_reading(self, path: Path) -> FoundCase | None:
        """Return the case of a file as far as that can be told without reading it."""
        if self._pattern is not None:
            return self.by_path(path)
        if not (self._row.by_name or self._row.needs_images):
            return None
        case_id = self._of_uids(self._row.series_uids(path), ())
        if case_id is not None:
            return FoundCase(case_id)
        return self._by_names(self._of_path(path))

    def find(self, incoming: Incoming) -> FoundCase | None:
        """Return the case that what came in belongs to; None if there is none."""
        if self._pattern is not None:
            return self.by_path(incoming.path)
        ids = {case.id for case in self._cases}
        case_id = incoming.case if incoming.case in ids else self._by_uid(incoming)
        if case_id is not None:
            return FoundCase(case_id)
        return self._by_names(self._candidates(incoming))

    def _by_names(self, names: Iterable[str]) -> FoundCase | None:
        """Return the case of the first name that is one, else that of a slice of it."""
        tried = list(dict.fromkeys(names))
        for name in tried:
            case_id = self._named(name)
            if case_id is not None:
                return FoundCase(case_id)
        for name in tried:
            found = SLICE.match(name)
            case_id = None if found is None else self._named(found[1])
            if found is not None and case_id is not None and int(found[2]):
                return FoundCase(case_id, index=int(found[2]) - 1)
        return None

    def _named(self, name: str) -> str | None:
        key = name.casefold()
        return self._names.get(key) or self._files.get(key)

    def _candidates(self, incoming: Incoming) -> Iterable[str]:
        if incoming.image:
            image = PurePosixPath(incoming.image)
            yield from (incoming.image, image.name, image.stem)
            yield from reversed(image.parts[:-1])
            return
        yield from self._of_path(incoming.path)

    def _of_path(self, path: Path) -> Iterable[str]:
        stem = self._row.stem(path)
        yield stem
        yield SUFFIXES.sub("", stem)
        yield CHANNEL.sub("", stem)
        plain = re.sub(r"^sub-([A-Za-z0-9]+).*$", r"\1", stem)
        yield plain
        try:
            parts = path.relative_to(self._root).parts[:-1]
        except ValueError:
            parts = ()
        yield from reversed(parts)

    def _by_uid(self, incoming: Incoming) -> str | None:
        series = [] if incoming.series_uid is None else [incoming.series_uid]
        images = [s.sop_instance_uid for s in incoming.slices if s.sop_instance_uid]
        return self._of_uids(series, images)

    def _of_uids(self, series: Iterable[str], images: Iterable[str]) -> str | None:
        wanted = {f"series {uid}" for uid in series} | {f"image {u}" for u in images}
        if not wanted:
            return None
        if self._uids is None:
            self._uids = self._read_uids()
        found = {self._uids.get(uid) for uid in wanted} - {None}
        return found.pop() if len(found) == 1 else None

    def _read_uids(self) -> dict[str, str | None]:
        uids: dict[str, str | None] = {}
        for case in self._cases:
            header = self._headers(case)
            if header is None:
                continue
            own = {
                f"image {s.sop_instance_uid}"
                for s in header.slices
                if s.sop_instance_uid is not None
            }
            if header.series_uid is not None:
                own.add(f"series {header.series_uid}")
            for uid in own:
                if uids.setdefault(uid, case.id) != case.id:
                    uids[uid] = None
        return uids

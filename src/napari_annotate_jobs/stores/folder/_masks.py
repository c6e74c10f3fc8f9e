"""The folder of mask files, named by slice, overlap group and content."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, StoreError
from napari_annotate_jobs.files import (
    check_links,
    folder_time,
    list_folder,
    make_folders,
    read_if_there,
    settle_names,
    touch,
    write_many_durably,
)
from napari_annotate_jobs.model import mask_size

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from napari_annotate_jobs.model import (
        Annotation,
        AnnotationChange,
        SliceAnnotation,
    )

__all__ = ["MaskFolder", "mask_name"]

_DIGITS = 16
_NAME = re.compile(r"\d{4,}(?:-[\w-]+)?-([0-9a-f]{16})\.png\Z")

_KEPT = 24 * 3600.0
"""Seconds that a mask stays after the last slice let go of it: some window that
is still open may undo that."""


def mask_name(index: int, group: str, digest: str) -> str:
    """Return the name of a mask's file, as ``0012-3f2a9c81d07be654.png``.

    Parameters
    ----------
    index : int
        Of the slice, from 0.
    group : str
        Overlap group, empty for the common one.
    digest : str
        SHA-256 of the file.
    """
    parts = [f"{index:04d}", *([group] if group else []), digest[:_DIGITS]]
    return "-".join(parts) + ".png"


class MaskFolder:
    """Masks of one person's work on one case; files in it are never rewritten.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: dict[str, set[str]] = {}

    def read(self, digest: str) -> bytes | None:
        """Return a mask's bytes; None if there is no such mask.

        Raises
        ------
        CorruptError
            If the bytes do not have this digest.
        """
        prefix = digest[:_DIGITS]
        there, data = self._known(prefix, digest)
        if there is None:  # others may have written it since
            self._names.clear()
            for name in list_folder(self.path):
                self._remember(name)
            there, data = self._known(prefix, digest)
        if there is not None and data is None:
            raise CorruptError(
                "the mask is damaged",
                where=self.path / there,
                remedy="Restore the file from a backup, or paint the slice again",
            )
        return data

    def add(
        self, change: AnnotationChange, blobs: Mapping[str, bytes], *, root: Path
    ) -> None:
        """Write the masks of a change durably, those that are not there yet."""
        files = {
            self.path / mask_name(index, group, digest): blobs[digest]
            for content in change.slices.values()
            for index, group, digest in _masks_of(content)
        }
        if not files:
            return
        make_folders(self.path, root=root)
        # One that is there but damaged is written again.
        new = {p: data for p, data in files.items() if read_if_there(p) != data}
        write_many_durably(new)
        settle_names(self.path)
        for path in new:
            self._remember(path.name)

    def require(self, annotation: Annotation, size: tuple[int, int] | None) -> None:
        """Raise CorruptError unless every mask of an annotation is here, and fits.

        Parameters
        ----------
        annotation : Annotation
            Says which masks there are.
        size : (int, int), optional
            Rows and columns that they must have.
        """
        for key, content in annotation.slices.items():
            for mask in content.masks.values():
                data = self.read(mask.digest)
                if data is None:
                    raise CorruptError(
                        f"the mask {mask.digest[:16]} of slice {key} is missing",
                        where=self.path,
                        remedy="Paint the slice again, or restore the file",
                    )
                found = mask_size(data)
                if size is not None and found != size:
                    raise CorruptError(
                        f"the mask of slice {key} has {found[0]} x {found[1]} pixels, "
                        f"the slice {size[0]} x {size[1]}",
                        where=self.path,
                        remedy="Paint the slice again, or put the images back as they "
                        "were",
                    )

    def retire(self, old: Annotation, change: AnnotationChange) -> None:
        """Start the clock for masks that a change takes off a slice."""
        for key, content in change.slices.items():
            gone = set(_masks_of(old.slices.get(key))) - set(_masks_of(content))
            for mask in gone:
                with suppress(StoreError):
                    touch(self.path / mask_name(*mask))

    def collect(self, used: Collection[str]) -> None:
        """Remove masks without use for a day, by the clock of their disk or share."""
        prefixes = {digest[:_DIGITS] for digest in used}
        with suppress(OSError, StoreError):
            check_links(self.path)
            unused = [
                entry
                for entry in os.scandir(self.path)
                if (found := _NAME.match(entry.name)) and found[1] not in prefixes
            ]
            now = folder_time(self.path) if unused else None
            for entry in unused:
                with suppress(OSError):
                    if (
                        now is not None
                        and now - entry.stat(follow_symlinks=False).st_mtime > _KEPT
                    ):
                        os.unlink(entry.path)
        self._names.clear()

    def _known(self, prefix: str, digest: str) -> tuple[str | None, bytes | None]:
        """Return a file by a digest that begins so, and its bytes if they fit it."""
        damaged = None
        for name in sorted(self._names.get(prefix, ())):
            data = read_if_there(self.path / name)
            if data is None:
                continue
            if hashlib.sha256(data).hexdigest() == digest:
                return name, data
            damaged = name
        return damaged, None

    def _remember(self, name: str) -> None:
        found = _NAME.match(name)
        if found:
            self._names.setdefault(found[1], set()).add(name)


def _masks_of(content: SliceAnnotation | None) -> Iterator[tuple[int, str, str]]:
    if content is not None:
        for masks in (content.masks, content.proposals):
            for group, mask in masks.items():
                yield content.index, group, mask.digest

"""Where the images of a new job's cases lie, as its documents name them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import Cancelled, StoreAccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.model import Case

__all__ = ["ImageCopies", "place_images"]


class ImageCopies:
    """Copies images into a job folder, and takes the copies back if need be.

    Only regular files are copied, and no link to a folder is followed: a folder of
    images may come from anybody.

    Parameters
    ----------
    folder : Path
        The job folder.
    progress : callable, optional
        Called with a name, files done and files in all.
    cancelled : callable, optional
        Asked between files.
    """

    def __init__(
        self,
        folder: Path,
        progress: Callable[[str, int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self._folder = folder
        self._progress, self._cancelled = progress, cancelled
        self._made: list[Path] = []
        self._copied: dict[tuple[Path, Path], Path] = {}

    def copy(self, path: Path, name: str) -> Path:
        """Copy a file or a folder to ``images/NAME``; return where it lies now.

        Raises
        ------
        StoreAccessError
            If something cannot be copied.
        Cancelled
            If `cancelled` returned True.
        """
        place = self._folder / "images" / name
        if (path, place) in self._copied:  # several series of one folder
            return self._copied[path, place]
        target = place / path.name if path.is_file() else place
        try:
            pairs = self._pairs(path, target)
            for done, (source, copy) in enumerate(pairs):
                if self._cancelled is not None and self._cancelled():
                    raise Cancelled("making the job was stopped", where=self._folder)
                self._make_folder(copy.parent)
                if not copy.exists():
                    self._made.append(copy)
                shutil.copyfile(source, copy)
                if self._progress is not None:
                    self._progress(name, done + 1, len(pairs))
        except (OSError, shutil.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise StoreAccessError(
                f"cannot be copied to {place} ({reason})",
                where=path,
                remedy="Check the rights and the free space, or do not copy the images",
            ) from error
        self._copied[path, place] = target
        return target

    def _pairs(self, path: Path, target: Path) -> list[tuple[Path, Path]]:
        if path.is_file():
            return [(path, target)]
        found = []
        for place, folders, names in os.walk(path, onerror=_raise):
            folders[:] = [n for n in folders if Path(place, n) != self._folder]
            inner = target / Path(place).relative_to(path)
            found += [
                (Path(place, name), inner / name)
                for name in sorted(names)
                if Path(place, name).is_file()
            ]
        return found

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            self._made.append(each)

    def take_back(self) -> None:
        """Remove what was copied, and folders made for it that are empty then."""
        for path in reversed(self._made):
            with suppress(OSError):
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()
        self._made.clear()


def _raise(error: OSError) -> None:
    raise error


def place_images(
    cases: Sequence[Case],
    folder: Path,
    *,
    copies: ImageCopies | None = None,
    relative: bool = False,
) -> list[Case]:
    """Return the cases with the paths that are written into the job.

    Parameters
    ----------
    cases : sequence of Case
        With absolute paths.
    folder : Path
        The job folder.
    copies : ImageCopies, optional
        Copies the images to ``images/`` in the job folder, unless they lie in it.
    relative : bool
        Make all paths relative; otherwise only those in the job folder or in
        the folder that it is in, for these move together.

    Raises
    ------
    StoreAccessError
        If the images cannot be copied.
    """
    folder = Path(os.path.abspath(folder))
    placed = []
    for case in cases:
        refs = []
        for ref in case.series:
            path = Path(ref.path)
            if copies is not None and not path.is_relative_to(folder):
                path = copies.copy(path, case.id)
            near = path.is_relative_to(folder.parent) and folder.parent != Path(
                folder.anchor
            )
            if relative or near:
                text = Path(os.path.relpath(path, folder)).as_posix()
            else:
                text = str(path)
            refs.append(ref.model_copy(update={"path": text}))
        placed.append(case.model_copy(update={"series": tuple(refs)}))
    return placed

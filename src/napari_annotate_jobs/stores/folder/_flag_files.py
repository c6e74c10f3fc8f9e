"""The flags of a job folder: one small file for each person and case."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, StoreError
from napari_annotate_jobs.files import accessing, is_there, list_folder, make_folders
from napari_annotate_jobs.model import Flag, document_json
from napari_annotate_jobs.stores._names import case_folder, person_folder

from ._documents import Envelope, parsed, read_document, unwrap, write_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FOLDER", "FlagFiles"]

FOLDER = "flags"
"""Where they are in a job folder."""
_FIELDS = ("case", "flag")


class FlagFiles:
    """The flags on the cases of a job.

    They lie apart from what was annotated: few cases have one, and a list of cases
    looks at all of them.

    Parameters
    ----------
    root : Path
        The job's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.path = root / FOLDER

    def of_case(self, case_id: str) -> tuple[Flag, ...]:
        """Return the flags on a case; what cannot be read is left out."""
        folder = self.path / case_folder(case_id)
        found = []
        for path in _documents(folder):
            with suppress(StoreError):
                case, flag = self.read(path)
                if case == case_id:
                    found.append(flag)
        return tuple(found)

    def everything(self) -> Iterator[tuple[str, Flag]]:
        """Give the id of each flagged case, with a flag; damaged ones are left out."""
        names: list[str] = []
        with suppress(StoreError):
            names = list_folder(self.path)
        for name in names:
            for path in _documents(self.path / name):
                with suppress(StoreError):
                    yield self.read(path)

    def files(self) -> Iterator[Path]:
        """Give the files there are."""
        for name in list_folder(self.path):
            yield from _documents(self.path / name)

    def read(self, path: Path) -> tuple[str, Flag]:
        """Return the id of a case, and the flag on it.

        Raises
        ------
        CorruptError, DocumentVersionError
            If it is none, or lies in the place of another.
        """
        found = read_document(path, "flag") or {}
        body, _ = unwrap(found, "flag", _FIELDS, where=path)
        case, flag = body["case"], parsed(Flag, body["flag"], where=path)
        if (
            not isinstance(case, str)
            or case_folder(case) != path.parent.name
            or f"{person_folder(flag.person)}.json" != path.name
        ):
            raise CorruptError(
                f"it is {flag.person}'s flag on the case {case!r}",
                where=path,
                remedy="Put it where it belongs, or take it away",
            )
        return case, flag

    def write(self, case_id: str, person: str, flag: Flag | None) -> None:
        """Put a person's flag on a case, or take it away; durable on return."""
        path = self.path / case_folder(case_id) / f"{person_folder(person)}.json"
        if flag is not None:
            make_folders(path.parent, root=self._root)
            body = {"case": case_id, "flag": document_json(flag)}
            write_document(path, Envelope("flag"), body)
        elif is_there(path):
            with accessing(path, "removed"):
                path.unlink(missing_ok=True)

    def forget(self, case_id: str) -> None:
        """Take all flags off a case that is taken away."""
        for path in _documents(self.path / case_folder(case_id)):
            with suppress(OSError, StoreError), accessing(path, "removed"):
                path.unlink(missing_ok=True)


def _documents(folder: Path) -> list[Path]:
    names: list[str] = []
    with suppress(StoreError):
        names = list_folder(folder)
    return [folder / n for n in names if n.endswith(".json") and not n.startswith(".")]

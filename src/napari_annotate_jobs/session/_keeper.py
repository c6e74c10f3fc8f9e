"""Keeps what one case has not saved yet where it can be found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import StoreAccessError, access_words

if TYPE_CHECKING:
    from pathlib import Path

    from ._recovery import Kept, Recovery

__all__ = ["Keeper"]


class Keeper:
    """What the recovery folder has of one case.

    Parameters
    ----------
    recovery : Recovery or None
        None keeps nothing.
    place : tuple of str
        Names the case among all cases of all stores.

    Attributes
    ----------
    holds : bool
        What was given last is kept.
    elsewhere : Path or None
        The folder it is kept in, if that is another one than the usual.
    """

    def __init__(self, recovery: Recovery | None, place: tuple[str, ...]) -> None:
        self.holds = False
        self.elsewhere: Path | None = None
        self._recovery = recovery
        self._place = place

    @property
    def is_able(self) -> bool:
        """False if there is no folder to keep anything in."""
        return self._recovery is not None

    def load(self) -> Kept | None:
        """Return what was kept the last time; see :meth:`Recovery.load`."""
        if self._recovery is None:
            return None
        kept = self._recovery.load(*self._place)
        self.holds = kept is not None
        return kept

    def keep(self, kept: Kept) -> str:
        """Keep a change; say what went wrong with that."""
        if self._recovery is None:
            return ""
        try:
            folder = self._recovery.keep(kept, *self._place)
        except OSError as error:
            self.holds = False
            words = access_words(error)
            return (
                " They could not be kept on this computer either "
                f"({error.strerror or words.short}, in {self._recovery.folder}): leave "
                "this window open until they are saved."
            )
        self.holds = True
        self.elsewhere = folder if folder != self._recovery.folder else None
        return ""

    def keep_in(self, folder: Path, kept: Kept) -> tuple[Path, str]:
        """Keep a change in another folder.

        Returns
        -------
        (Path, str)
            The file, and what to do that it is found again; empty if nothing.

        Raises
        ------
        StoreAccessError
            If that folder cannot be written either.
        """
        if self._recovery is None:
            raise StoreAccessError(
                "nothing remembers where unsaved work is kept",
                remedy="Start the session with a folder for unsaved work",
            )
        try:
            path, remembered = self._recovery.keep_in(folder, kept, *self._place)
        except OSError as error:
            words = access_words(error)
            raise StoreAccessError(
                f"the changes cannot be saved there either ({words.short})",
                where=folder,
                remedy=f"{words.remedy}, or choose another folder",
            ) from error
        self.holds, self.elsewhere = True, folder
        if remembered:
            return path, ""
        return path, (
            f"The folder could not be noted down: later, move {path.name} into "
            f"{self._recovery.folder} before you open the case again."
        )

    def forget(self) -> None:
        """Forget what was kept: it is in the store."""
        self.holds = False
        if self._recovery is not None:
            self._recovery.clear(*self._place)

    def put_away(self, *, as_draft: bool) -> bool:
        """Put what is kept aside, or make a draft of it; False if that failed."""
        if self._recovery is None:
            return not as_draft
        put = self._recovery.shelve if as_draft else self._recovery.set_aside
        if put(*self._place) is None:
            return False
        self.holds = False
        return True

    def draft(self) -> Kept | None:
        """Return the draft, if there is one; see :meth:`Recovery.draft`."""
        return None if self._recovery is None else self._recovery.draft(*self._place)

    def drop_draft(self) -> None:
        """Delete the draft."""
        if self._recovery is not None:
            self._recovery.drop_draft(*self._place)

    def away(self) -> Path | None:
        """Return the folder that changes were saved in, if it is not there now."""
        return None if self._recovery is None else self._recovery.away(*self._place)

"""What was copied in the open case, until another one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.editing import Copied, copied_slice, paste
from napari_annotate_jobs.errors import TransitionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.editing import CaseEditor

__all__ = ["Clipboard"]


class Clipboard:
    """Holds a copied slice, label or box of one case."""

    told = Signal(str)
    """What was copied."""

    def __init__(self) -> None:
        self._copied: Copied | None = None

    @property
    def what(self) -> str:
        """What was copied, for the interface; empty if nothing was."""
        return "" if self._copied is None else self._copied.what

    def clear(self) -> None:
        """Forget what was copied: another case is open."""
        self._copied = None

    def copy(self, copied: Copied) -> None:
        """Remember something, to paste it elsewhere."""
        self._copied = copied
        self.told.emit(f"{copied.what} was copied.")

    def copy_slice(self, editor: CaseEditor, index: int) -> None:
        """Remember all that a slice holds."""
        self.copy(copied_slice(editor, index))

    def paste(self, editor: CaseEditor, indices: Sequence[int], here: int) -> bool:
        """Add what was copied to slices.

        On the current slice it is the user's word at once; on others, boxes and
        masks wait as proposals.

        Parameters
        ----------
        editor : CaseEditor
            The case that it was copied in.
        indices : sequence of int
            Where to.
        here : int
            The current slice.

        Raises
        ------
        TransitionError
            If nothing was copied.
        """
        if self._copied is None:
            raise TransitionError("nothing was copied yet", remedy="Copy a slice first")
        chosen = list(indices)
        return paste(editor, self._copied, chosen, confirmed=chosen == [here])

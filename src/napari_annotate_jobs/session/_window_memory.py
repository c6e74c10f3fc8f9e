"""The look an annotator chose for each kind of series."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from napari_annotate_jobs.model import PRESETS, Window

from ._kept_file import KeptFile, unreadable

if TYPE_CHECKING:
    from pathlib import Path

    class _Kind(Protocol):
        """What a kind of series is told by."""

        @property
        def modality(self) -> str | None: ...
        @property
        def description(self) -> str | None: ...
        @property
        def inverted(self) -> bool: ...


__all__ = ["WindowMemory"]


class WindowMemory:
    """Windows, and whether inverted, by modality and description, kept in a file.

    A file that cannot be read or written costs the memory and nothing else.

    Parameters
    ----------
    path : Path
        A JSON file on this computer; made when something is remembered.
    """

    def __init__(self, path: Path) -> None:
        self._file = KeptFile(path)

    @staticmethod
    def _key(header: _Kind) -> str:
        # A Series Description is free text: it tells kinds apart, and is not kept.
        kind = f"{header.modality or ''}|{(header.description or '').casefold()}"
        return unreadable(kind)

    def recall(self, header: _Kind) -> tuple[Window, bool] | None:
        """Return window and inversion last chosen for this kind of series."""
        found = self._file.read().get(self._key(header))
        with suppress(ValidationError, KeyError, TypeError):
            if isinstance(found, dict):
                window = Window.model_validate(found["window"])
                # what was chosen is to turn it over, whatever it was
                return window, (found["turned"] is True) != header.inverted
        return None

    def remember(self, header: _Kind, window: Window, inverted: bool) -> None:
        """Keep how this kind of series is shown."""
        named = window.explanation in {preset.explanation for preset in PRESETS}
        chosen = {
            "window": window.model_dump(
                mode="json", exclude=None if named else {"explanation"}
            ),
            "turned": inverted != header.inverted,
        }
        self._file.keep({self._key(header): chosen})

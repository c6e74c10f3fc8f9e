"""Names and ids of cases."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "unique"]


def clean(text: str, empty: str = "case") -> str:
    """Return printable text without blanks at its ends."""
    text = text.encode("utf-8", "replace").decode()
    text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split()) or empty


def _identifier(name: str) -> str:
    text = re.sub(r'[/\\:*?"<>|]', "_", unicodedata.normalize("NFC", name))
    return text.strip(" .")[:100].strip(" .") or "case"


def unique(name: str, ids: set[str]) -> tuple[str, str]:
    """Return a name and an id that no other case has, on any system."""
    own, number = name, 1
    while _identifier(own).casefold() in ids:
        number += 1
        own = f"{name[:90]} ({number})"
    ids.add(_identifier(own).casefold())
    return own, _identifier(own)

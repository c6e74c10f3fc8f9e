"""Names of cases as names of files."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["unique_stem"]


def unique_stem(name: str, taken: set[str]) -> str:
    """Return a name that is safe in files of every system, and not taken yet.

    Parameters
    ----------
    name : str
        As shown.
    taken : set of str
        The names given so far, in lower case; the new one is added.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_-")[:80] or "case"
    found, number = stem, 1
    while found.casefold() in taken:
        number += 1
        found = f"{stem}-{number}"
    taken.add(found.casefold())
    return found

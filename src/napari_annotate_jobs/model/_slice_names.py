"""How stored values name slices: by key, and in old documents by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["SliceName", "slice_namer"]

SliceName = Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=0)]
"""The key of a slice (:attr:`SliceId.key`).

Documents of version 1 say its index instead. These are read and kept as they are, so
that frozen ones keep their digest; whatever is written anew says keys only.
"""


class _Placed(Protocol):
    @property
    def index(self) -> int: ...


def slice_namer(
    keys: Sequence[str], *said: Mapping[str, _Placed | None]
) -> Callable[[int], str | None]:
    """Return what gives the key of a slice that an old document names by index.

    Parameters
    ----------
    keys : sequence of str
        The keys of the slices of the series, in their order.
    *said : mapping of str to SliceAnnotation or None
        What the document says of slices, by key.

    Returns
    -------
    callable
        Takes an index; returns the key, or None where there is no such slice.
    """
    # The series may have changed since the document was written: the contents in it
    # still tell which slice had which index then.
    claims: dict[int, set[str]] = {}
    for contents in said:
        for key, content in contents.items():
            if content is not None:
                claims.setdefault(content.index, set()).add(key)
    sure = {index: min(held) for index, held in claims.items() if len(held) == 1}
    here = {key: place for place, key in enumerate(keys)}
    known = {index: here[key] for index, key in sure.items() if key in here}

    def name(index: int) -> str | None:
        if index in sure:
            return sure[index]
        near = min(known, key=lambda i: (abs(i - index), i), default=None)
        place = index if near is None else index - near + known[near]
        return keys[place] if 0 <= place < len(keys) else None

    return name


def named(
    slices: Iterable[str | int], name: Callable[[int], str | None]
) -> tuple[str, ...]:
    """Return slices by their keys; those that are not there any more are left out."""
    found = (name(each) if isinstance(each, int) else each for each in slices)
    return tuple(dict.fromkeys(key for key in found if key is not None))

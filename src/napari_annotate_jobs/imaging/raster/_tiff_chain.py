"""The pages of a TIFF, followed before a library does."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import UnreadableImageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_chain"]

_AGAIN = "Copy or export the file again"


def check_chain(path: Path) -> None:
    """Follow the pages of a TIFF (TIFF 6.0 p. 13; BigTIFF): they must come to an end.

    Raises
    ------
    UnreadableImageError
        If one leads back to an earlier one, or out of the file.
    """
    size = path.stat().st_size
    with open(path, "rb") as handle:
        head = handle.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 16:
            return  # tifffile says what it is
        (magic,) = struct.unpack(order + "H", head[2:4])
        big = magic == 43
        count, entry, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
        (place,) = struct.unpack(order + pointer, head[8:16] if big else head[4:8])
        seen: set[int] = set()
        while place:
            if place in seen or place >= size:
                raise UnreadableImageError(
                    f"its page {len(seen) + 1} "
                    f"{'is an earlier one again' if place in seen else 'is cut off'}",
                    where=path,
                    remedy=_AGAIN,
                )
            seen.add(place)
            handle.seek(place)
            raw = handle.read(struct.calcsize(order + count))
            if len(raw) < struct.calcsize(order + count):
                return
            (entries,) = struct.unpack(order + count, raw)
            if entries * entry > size:
                raise UnreadableImageError(
                    f"its page {len(seen)} has {entries} entries",
                    where=path,
                    remedy=_AGAIN,
                )
            handle.seek(entries * entry, 1)
            raw = handle.read(struct.calcsize(order + pointer))
            if len(raw) < struct.calcsize(order + pointer):
                return
            (place,) = struct.unpack(order + pointer, raw)

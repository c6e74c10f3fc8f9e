"""What is asked of a DICOM file before it is believed, and how errors name it."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging._quiet import quiet

from ._record import DEFLATED, LONG_VRS, SHORT_VRS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_inflated", "looks_like_dicom", "reason", "uid_name"]

_MOST_INFLATED = 1 << 30


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a DICOM file.

    Parameters
    ----------
    head : bytes
        At least the first 132 bytes, where the file has so many.

    Returns
    -------
    bool
        True with the prefix of PS3.10, or, for files without preamble, when
        they start with an element of group 2 or 8.
    """
    if head[128:132] == b"DICM":
        return True
    if len(head) < 16:
        return False
    for order in ("<", ">"):
        group, element = struct.unpack_from(order + "HH", head)
        if group not in (0x0002, 0x0008) or element > 0x3000:
            continue
        if head[4:6] in SHORT_VRS or head[4:6] in LONG_VRS:
            return True
        if order == "<" and struct.unpack_from("<I", head, 4)[0] <= 256:
            return True
    return False


def check_inflated(path: Path) -> None:
    """Refuse a deflated file that would take more than 1 GiB.

    pydicom inflates such a file as a whole, whatever comes out of it.

    Raises
    ------
    UnreadableImageError
        If it inflates to more, or cannot be inflated.
    """
    with open(path, "rb") as handle:
        head = handle.read(1024)
        if DEFLATED.encode() not in head or head[128:132] != b"DICM":
            return
        # the first element of the meta header is its length, in 4 bytes
        handle.seek(144 + int.from_bytes(head[140:144], "little"))
        unpack, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        try:
            while chunk := handle.read(1 << 16):
                while chunk and size <= _MOST_INFLATED:
                    size += len(unpack.decompress(chunk, 1 << 22))
                    chunk = unpack.unconsumed_tail
        except zlib.error as error:
            raise UnreadableImageError(
                f"cannot be inflated ({error})",
                where=path,
                remedy="Copy or export the file again",
            ) from error
    if size > _MOST_INFLATED:
        raise UnreadableImageError(
            f"inflates to more than {_MOST_INFLATED} bytes",
            where=path,
            remedy="Export it with another transfer syntax",
        )


def reason(error: BaseException) -> str:
    """Return an error's text in one line of at most 160 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "..."


def uid_name(uid: str) -> str:
    """Return what the standard calls a UID, or the UID itself."""
    from pydicom.uid import UID

    with quiet():
        return str(UID(uid).name)

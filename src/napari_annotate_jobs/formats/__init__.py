"""What the package writes and reads beside its own documents."""

from __future__ import annotations

from ._mask_png import (
    MEDIA_TYPE,
    count_pixels,
    decode_mask,
    encode_mask,
    mask_ref,
    mask_size,
)

__all__ = [
    "MEDIA_TYPE",
    "count_pixels",
    "decode_mask",
    "encode_mask",
    "mask_ref",
    "mask_size",
]

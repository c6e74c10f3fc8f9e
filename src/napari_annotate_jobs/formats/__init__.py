"""What the package writes and reads beside its own documents."""

from __future__ import annotations

from ._mask_png import MEDIA_TYPE, decode_mask, encode_mask, mask_ref

__all__ = ["MEDIA_TYPE", "decode_mask", "encode_mask", "mask_ref"]

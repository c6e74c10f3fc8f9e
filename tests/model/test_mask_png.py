"""Masks as PNG files."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.model import Provenance, decode_mask, encode_mask, mask_ref
from napari_annotate_jobs.model._png import encode_png

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)
masks = st.one_of(
    hnp.arrays(np.uint8, shapes),
    hnp.arrays(np.uint16, shapes),
    hnp.arrays(np.int64, shapes, elements=st.integers(0, 65_535)),
    hnp.arrays(np.bool_, shapes),
)


@given(masks)
def test_what_is_encoded_is_decoded(mask):
    data = encode_mask(mask)
    decoded = decode_mask(data, shape=mask.shape)
    assert decoded.dtype == np.uint16
    assert (decoded == mask).all()
    decoded[:] = 0  # the caller's own
    assert encode_mask(mask) == data


@given(masks)
def test_any_program_can_read_it(mask):
    with Image.open(io.BytesIO(encode_mask(mask))) as image:
        image.load()
        assert image.format == "PNG"
        assert image.mode == ("L" if mask.max() < 256 else "I;16")
        assert (np.asarray(image) == mask).all()


@given(masks)
def test_the_bytes_depend_on_nothing_but_the_labels(mask):
    data = encode_mask(mask)
    for other in (
        mask.astype(np.uint32),
        np.asfortranarray(mask),
        mask.astype(">u2"),
        np.repeat(mask, 2, axis=1)[:, ::2],
    ):
        assert encode_mask(other) == data


@given(masks)
def test_a_reference_says_what_is_in_the_mask(mask):
    found = mask_ref(mask, provenance=Provenance.INTERPOLATED, keys=[3, 9])
    ids, counts = np.unique(mask, return_counts=True)
    expected = {
        int(i): int(n) for i, n in zip(ids.tolist(), counts.tolist(), strict=True) if i
    }
    if not expected:
        assert found is None
        return
    ref, data = found
    assert ref.pixels == expected
    assert ref.digest == hashlib.sha256(data).hexdigest()
    assert (ref.provenance, ref.keys) == (Provenance.INTERPOLATED, (3, 9))


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((2, 2, 2), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((2, 2)),
        np.full((2, 2), -1),
        np.full((2, 2), 65_536),
        [["a"]],
    ],
    ids=["3D", "1D", "empty", "float", "negative", "too large", "text"],
)
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(InvalidValueError):
        encode_mask(mask)
    with pytest.raises(InvalidValueError):
        mask_ref(mask)


DATA = encode_mask(np.arange(600, dtype=np.uint16).reshape(20, 30))


# The last chunk, of 12 bytes, says nothing but that the file ends.
@given(st.integers(0, len(DATA) - 13), st.integers(1, 255))
def test_a_changed_byte_is_seen(place, flip):
    data = bytearray(DATA)
    data[place] ^= flip
    with pytest.raises(CorruptError):
        decode_mask(bytes(data))


@given(st.integers(0, len(DATA) - 13))
def test_a_cut_file_is_seen(size):
    with pytest.raises(CorruptError):
        decode_mask(DATA[:size])


def _claims(columns, rows):
    body = b"IHDR" + struct.pack(">IIBBBBB", columns, rows, 16, 0, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return DATA[:8] + header + DATA[33:]


def test_a_header_that_claims_too_much_allocates_nothing():
    with pytest.raises(CorruptError, match="2147483647"):
        decode_mask(_claims(2**31 - 1, 2**31 - 1))


@pytest.mark.parametrize("mode", ["RGB", "P", "LA", "1"])
def test_colour_is_no_mask(mode):
    buffer = io.BytesIO()
    Image.new(mode, (4, 4)).save(buffer, "PNG")
    with pytest.raises(CorruptError, match=f"mode {mode}"):
        decode_mask(buffer.getvalue())


def test_a_mask_of_other_images_is_seen():
    with pytest.raises(CorruptError, match="20 x 30"):
        decode_mask(DATA, shape=(30, 20))


def test_types_that_cannot_hold_the_ids_are_refused():
    assert decode_mask(DATA, np.int32).dtype == np.int32
    with pytest.raises(InvalidValueError, match="599"):
        decode_mask(DATA, np.uint8)
    with pytest.raises(InvalidValueError, match="float"):
        decode_mask(DATA, np.float32)


@pytest.mark.parametrize("highest", [1, 255, 40000])
def test_masks_of_other_programs_are_read_the_same(highest: int) -> None:
    mask = np.zeros((23, 17), np.uint16 if highest > 255 else np.uint8)
    mask[3:9, 2:13] = highest
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    assert buffer.getvalue() != encode_mask(mask)
    for data in (buffer.getvalue(), encode_mask(mask)):
        assert np.array_equal(decode_mask(data), mask)


def test_lines_that_are_filtered_are_not_taken_as_they_stand() -> None:
    mask = np.repeat(np.arange(12, dtype=np.uint8)[:, None], 7, axis=1)
    assert np.array_equal(decode_mask(encode_png(mask, filtered=True)), mask)

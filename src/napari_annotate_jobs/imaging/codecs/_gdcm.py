"""Decode with GDCM, in processes of its own.

GDCM prints to the terminal, holds Python's lock, and can crash on damaged data:
none of that may happen to a window with unsaved work in it. This is a plug-in for
pydicom's decoders, of those that :func:`gdcm_decoder` makes and no others.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from pydicom.pixels.decoders.base import Decoder, DecodeRunner
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from napari_annotate_jobs.imaging._workers import Workers

__all__ = ["DECODER_DEPENDENCIES", "decode", "gdcm_decoder", "is_available"]

PATIENCE = 60.0
"""Seconds that one frame may take."""
WORKERS = Workers(Path(__file__).with_name("_gdcm_worker.py"), "GDCM")
_SYNTAXES = frozenset(
    {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes}
)
DECODER_DEPENDENCIES = {UID(syntax): ("python-gdcm>=3.0.24",) for syntax in _SYNTAXES}
"""What pydicom wants to know of a plug-in."""


@cache
def is_available(uid: str) -> bool:
    """Whether GDCM is installed and decodes a transfer syntax."""
    return uid in _SYNTAXES and importlib.util.find_spec("gdcm") is not None


@cache
def gdcm_decoder(syntax: str) -> Decoder:
    """Return a decoder of a transfer syntax that uses GDCM alone."""
    decoder = Decoder(UID(syntax))
    decoder.add_plugin("gdcm", (__name__, "decode"))
    return decoder


def decode(data: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame; called by pydicom.

    Parameters
    ----------
    data : bytes
        The codestream.
    runner : DecodeRunner
        What is known of it; learns what the decoded bytes are.

    Returns
    -------
    bytes
        The decoded frame.

    Raises
    ------
    ValueError
        If GDCM failed, or crashed.
    """
    syntax = runner.transfer_syntax
    stored, allocated = runner.bits_stored, runner.bits_allocated
    if syntax in JPEGLSTransferSyntaxes:
        stored = runner.get_option("jls_precision", stored)
        runner.set_option("planar_configuration", 0)
    elif syntax in JPEG2000TransferSyntaxes:
        stored = runner.get_option("j2k_precision", stored)
    if syntax not in JPEGTransferSyntaxes:
        # GDCM goes by the codestream, whatever the header says
        allocated = next((bits for bits in (8, 16, 32) if stored <= bits), 64)
        runner.set_option("bits_allocated", allocated)
    request = {
        "syntax": str.__str__(syntax),
        "rows": runner.rows,
        "columns": runner.columns,
        "samples": runner.samples_per_pixel,
        "photometric": str(runner.photometric_interpretation),
        "planar": runner.planar_configuration if runner.samples_per_pixel > 1 else 0,
        "allocated": allocated,
        "stored": stored,
        "signed": runner.pixel_representation,
        "length": len(data),
    }
    _, pixels = WORKERS.ask(request, data, patience=PATIENCE)
    wanted = runner.rows * runner.columns * runner.samples_per_pixel * allocated // 8
    if len(pixels) != wanted:
        raise ValueError(f"GDCM gave {len(pixels)} bytes instead of {wanted}")
    if syntax in JPEG2000TransferSyntaxes and str(
        runner.photometric_interpretation
    ) in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    return pixels

"""Decode with GDCM, in processes of its own.

GDCM prints to the terminal, holds Python's lock, and can crash on damaged data:
none of that may happen to a window with unsaved work in it. This is a plug-in for
pydicom's decoders, of those that :func:`gdcm_decoder` makes and no others.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import subprocess
import sys
import threading
import weakref
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.pixels.decoders.base import Decoder, DecodeRunner
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DECODER_DEPENDENCIES", "decode", "gdcm_decoder", "is_available"]

PATIENCE = 60.0
"""Seconds that one frame may take."""
KEPT = 4
"""Workers that are kept for the next frames."""
_WORKER = Path(__file__).with_name("_gdcm_worker.py")
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
    pixels = _asked(request, data)
    wanted = runner.rows * runner.columns * runner.samples_per_pixel * allocated // 8
    if len(pixels) != wanted:
        raise ValueError(f"GDCM gave {len(pixels)} bytes instead of {wanted}")
    if syntax in JPEG2000TransferSyntaxes and str(
        runner.photometric_interpretation
    ) in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    return pixels


def _asked(request: dict[str, Any], data: bytes) -> bytes:
    with _worker() as worker:
        assert worker.stdin is not None and worker.stdout is not None
        head: dict[str, Any] = {}
        pixels = b""
        # damaged data may keep it busy for ever
        deadline = threading.Timer(PATIENCE, worker.kill)
        deadline.daemon = True
        deadline.start()
        with contextlib.suppress(OSError, ValueError):
            worker.stdin.write(json.dumps(request).encode() + b"\n" + data)
            worker.stdin.flush()
            head = json.loads(worker.stdout.readline())
            pixels = worker.stdout.read(head.get("length", 0))
        deadline.cancel()
        if "error" in head:
            raise ValueError(head["error"])
        if len(pixels) != head.get("length", -1):
            _end(worker)
            raise ValueError("GDCM crashed, or gave no answer")
        return pixels


_LOCK = threading.Lock()
_IDLE: list[subprocess.Popen[bytes]] = []
_ALL: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()


@contextlib.contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """Lend a worker to one thread; those that still run are used again."""
    with _LOCK:
        worker = _IDLE.pop() if _IDLE else None
    if worker is not None and worker.poll() is not None:
        _end(worker)
        worker = None
    if worker is None:
        worker = subprocess.Popen(
            # -P: the modules that lie beside it are none of its business
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        _ALL.add(worker)
    try:
        yield worker
    except BaseException as error:
        # after Ctrl+C an answer may be left in the pipe
        if not isinstance(error, Exception):
            _end(worker)
        raise
    finally:
        if worker.returncode is None:
            with _LOCK:
                keep = len(_IDLE) < KEPT
                if keep:
                    _IDLE.append(worker)
            if not keep:
                _end(worker)


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.communicate()


@atexit.register
def _end_all() -> None:
    with _LOCK:
        _IDLE.clear()
    for worker in list(_ALL):
        if worker.poll() is None:
            worker.kill()
            worker.wait()

"""The other end of `_gdcm`: a program of its own that decodes with GDCM.

It is started by its path and imports nothing but GDCM, so that it is there in a
fraction of a second. A request is one line of JSON and the codestream; the answer
is one line of JSON and the decoded bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any, BinaryIO

__all__ = ["main"]


def main() -> None:
    """Answer requests until the other end hangs up."""
    # Ctrl+C is meant for the program that asks
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # what C code prints must not get between the answers
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    requests = sys.stdin.buffer
    with contextlib.suppress(BrokenPipeError):
        while line := requests.readline():
            _answer(json.loads(line), requests, answers)


def _answer(request: dict[str, Any], requests: BinaryIO, answers: BinaryIO) -> None:
    data = requests.read(request["length"])
    pixels = b""
    try:
        pixels = _decoded(data, request)
        head: dict[str, Any] = {"length": len(pixels)}
    except Exception as error:
        head = {"error": f"{type(error).__name__}: {error}"}
    answers.write(json.dumps(head).encode() + b"\n" + pixels)
    answers.flush()


def _decoded(data: bytes, request: dict[str, Any]) -> bytes:
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(data)
    sequence = gdcm.SequenceOfFragments.New()
    sequence.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(sequence.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((request["columns"], request["rows"], 1))
    image.SetDataElement(element)
    photometric = gdcm.PhotometricInterpretation
    image.SetPhotometricInterpretation(
        photometric(photometric.GetPIType(request["photometric"]))
    )
    if request["samples"] > 1:
        image.SetPlanarConfiguration(request["planar"])
    syntax = gdcm.TransferSyntax
    image.SetTransferSyntax(syntax(syntax.GetTSType(request["syntax"])))
    stored = request["stored"]
    image.SetPixelFormat(
        gdcm.PixelFormat(
            request["samples"],
            request["allocated"],
            stored,
            stored - 1,
            request["signed"],
        )
    )
    # the binding hands out bytes as text
    text: str = image.GetBuffer()
    return text.encode("utf-8", "surrogateescape")


if __name__ == "__main__":
    main()

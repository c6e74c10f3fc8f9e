"""The other end of `_itk`: a program of its own that reads with SimpleITK.

It is started by its path, and may die of a header that SimpleITK cannot bear. A
request is one line of JSON; the answer is one line of JSON and the voxels.
"""

from __future__ import annotations

import contextlib
import importlib
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
    with contextlib.suppress(BrokenPipeError):
        while line := sys.stdin.buffer.readline():
            _answer(json.loads(line), answers)


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    voxels = memoryview(b"")
    try:
        head, voxels = _read(request)
        head["length"] = voxels.nbytes
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        head = {"error": (lines or ["unknown reason"])[-1][:160]}
    answers.write(json.dumps(head).encode() + b"\n")
    answers.write(voxels)
    answers.flush()


def _read(request: dict[str, Any]) -> tuple[dict[str, Any], memoryview]:
    sitk: Any = importlib.import_module("SimpleITK")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    # no other of its many readers is asked whether it knows the file
    reader.SetImageIO(request["io"])
    reader.SetFileName(os.fsdecode(bytes.fromhex(request["path"])))
    if request["voxels"]:
        image = reader.Execute()
        # copied: the view would outlive the image
        array = sitk.GetArrayFromImage(image)
        head = {"shape": list(array.shape), "dtype": array.dtype.str}
        return head, memoryview(array.reshape(-1)).cast("B")
    reader.ReadImageInformation()
    return {
        "size": list(reader.GetSize()),
        "components": reader.GetNumberOfComponents(),
        "spacing": list(reader.GetSpacing()),
        "origin": list(reader.GetOrigin()),
        "direction": list(reader.GetDirection()),
        "pixel": sitk.GetPixelIDValueAsString(reader.GetPixelID()),
    }, memoryview(b"")


if __name__ == "__main__":
    main()

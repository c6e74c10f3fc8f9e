"""The other end of `_read_tables`: a program of its own that reads with pyarrow.

It is started by its path and imports nothing else. A request is one line of JSON; the
answer is one line of JSON, with the columns, and a line of JSON for each row: its
values as text, blank where there is none.
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
    with contextlib.suppress(BrokenPipeError):
        while line := sys.stdin.buffer.readline():
            _answer(json.loads(line), answers)


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    rows = b""
    try:
        path = os.fsdecode(bytes.fromhex(request["path"]))
        columns, rows = _read(path, request["most"])
        head: dict[str, Any] = {"length": len(rows), "columns": columns}
    except Exception as error:
        head = {"error": str(error) or type(error).__name__}
    answers.write(json.dumps(head).encode() + b"\n" + rows)
    answers.flush()


def _read(path: str, most: int) -> tuple[list[str], bytes]:
    import pyarrow
    from pyarrow import parquet

    plain = {"string", "large_string", "double", "float", "bool"}
    lines = bytearray()
    with parquet.ParquetFile(path, pre_buffer=False) as file:
        schema = file.schema_arrow
        if len(set(schema.names)) < len(schema.names):
            raise ValueError("two columns have the same name")
        for field in schema:
            kind = field.type
            if str(kind) not in plain and not pyarrow.types.is_integer(kind):
                raise ValueError(f"column {field.name!r} holds {kind}")
        unpacked = sum(
            file.metadata.row_group(n).total_byte_size
            for n in range(file.metadata.num_row_groups)
        )
        for batch in [] if unpacked > most else file.iter_batches(4096):
            for row in batch.to_pylist():
                values = ["" if v is None else str(v) for v in row.values()]
                # Not escaped: a line break within a value is, in JSON.
                lines += json.dumps(values).encode() + b"\n"
            if len(lines) > most:
                break
        if max(unpacked, len(lines)) > most:
            raise ValueError("it is larger than 2 GB")
    return schema.names, bytes(lines)


if __name__ == "__main__":
    main()

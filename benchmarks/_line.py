"""Requests over one connection, with as little as possible around them.

Hundreds of clients on the machine of the server take their part of its processors:
the less they do, the more of what is measured is the server. What they still take is
told beside the figures.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Line"]

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Line:
    """A connection to a server that is kept open.

    Parameters
    ----------
    address : str
        Of the server, as ``http://127.0.0.1:8765``.
    headers : mapping of str to str
        Of every request.

    Attributes
    ----------
    again : int
        How often the connection was closed, and made anew.
    """

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(address)
        self._place = parts.hostname, parts.port
        every = {"Host": parts.netloc, **headers}
        self._headers = "".join(f"{k}: {v}\r\n" for k, v in every.items())
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.again = 0

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return the body of an answer; SystemExit for one that is an error."""
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        sent = f"{head}\r\n".encode() + body
        for _ in range(3):
            try:
                status, answer = await self._once(sent)
            except (OSError, asyncio.IncompleteReadError):
                # Closed after a while without a request, as every client finds out.
                self.close()
                self.again += 1
                continue
            if status // 100 != 2:
                raise SystemExit(f"{method} {path}: {status} {answer[:500]!r}")
            return answer
        raise SystemExit("the server does not answer")

    async def _once(self, sent: bytes) -> tuple[int, bytes]:
        if self._open is None:
            self._open = await asyncio.open_connection(*self._place)
        reader, writer = self._open
        writer.write(sent)
        head = (await reader.readuntil(_END)).lower()
        start = head.find(_LENGTH)
        if start < 0:
            return int(head[9:12]), b""
        end = head.index(b"\r\n", start)
        length = int(head[start + len(_LENGTH) : end])
        return int(head[9:12]), await reader.readexactly(length)

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

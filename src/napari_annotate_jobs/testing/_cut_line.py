"""A line to job servers that can be cut, and mended."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

__all__ = ["CutLine"]

_PART = 1 << 16
_STOPS = 30.0


class CutLine:
    """Carries connections to one of several servers in turn, until it is cut.

    Cut, it ends what is under way wherever that is, and refuses what comes: as a
    network does whose cable is pulled, and like it without a word of HTTP.

    Parameters
    ----------
    servers : sequence of str
        Their addresses, as ``http://127.0.0.1:8765``.

    Attributes
    ----------
    address : str
        Where it listens, as of a server.
    port : int
        Of the address.
    ended : int
        How many connections it has cut.
    """

    def __init__(self, servers: Sequence[str]) -> None:
        parts = [urlsplit(server) for server in servers]
        self._servers = [(part.hostname or "", part.port or 80) for part in parts]
        self._turn = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self._asked = asyncio.Event()
        self.ended = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="line", daemon=True
        )
        self._thread.start()
        self.port = 0
        self.mend()
        self.address = f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End every connection, and refuse others."""
        self._do(self._cut())

    def cut_in_a_request(self, patience: float) -> None:
        """Cut it when next something is asked: it arrives, and its answer does not.

        Parameters
        ----------
        patience : float
            Seconds to wait for that.

        Raises
        ------
        TimeoutError
            If nothing was asked; it is not cut then.
        """
        self._do(self._cut_when_asked(patience), patience + _STOPS)

    def mend(self) -> None:
        """Carry connections again, at the same address."""
        self._do(self._listen())

    def close(self) -> None:
        """Cut it for good."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, what: Coroutine[Any, Any, None], patience: float = _STOPS) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(patience)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._carry, "127.0.0.1", self.port
            )
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _cut_when_asked(self, patience: float) -> None:
        self._asked.clear()
        await asyncio.wait_for(self._asked.wait(), patience)
        await self._cut()

    async def _cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        end = self._loop.time() + 10
        # Who was being let in at this moment comes only now.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for writer in list(self._open):
                self.ended += not writer.is_closing()
                writer.transport.abort()
            await asyncio.wait(others, timeout=0.1)
            if self._loop.time() > end:
                break
        await asyncio.sleep(0)  # for the connections to be told

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._listener is None:
            writer.transport.abort()
            return
        where = self._servers[self._turn % len(self._servers)]
        self._turn += 1
        self._open.add(writer)
        try:
            to_reader, to_writer = await asyncio.open_connection(*where)
            self._open.add(to_writer)
            try:
                await asyncio.gather(
                    _pump(reader, to_writer, self._asked), _pump(to_reader, writer)
                )
            finally:
                self._open.discard(to_writer)
                to_writer.transport.abort()
        except OSError:
            pass  # no server there: who asks sees that nobody answers
        finally:
            self._open.discard(writer)
            writer.transport.abort()


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    passed: asyncio.Event | None = None,
) -> None:
    with suppress(OSError):
        while part := await reader.read(_PART):
            writer.write(part)
            await writer.drain()
            if passed is not None:
                passed.set()
    # What was written arrives before the end does.
    writer.close()

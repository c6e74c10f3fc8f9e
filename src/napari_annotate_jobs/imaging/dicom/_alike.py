"""Walk many headers, of which each is nearly the same as one before.

The files of a series have the same elements in the same order; a dozen of their values
differ. Where a file has the very bytes of an earlier one between those values, the
short loop would find the same there, and it is enough to compare. What does not fit is
walked by the short loop.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from ._record import IMPLICIT, UNDEFINED
from ._walk_file import (
    BY_TAG,
    CONVERT,
    ODD,
    PIXEL_TAGS,
    NeedMore,
    finish,
    walk_file,
    walk_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.imaging._types import FileRef

    from ._record import Record
    from ._walk_file import Place

    _Step = tuple[bytes, int, bool, str, Callable[[bytes], Any] | None]
    """Bytes that are the same, how many, and what to make of the value that follows."""

__all__ = ["HeaderWalker"]

# behind the preamble, which nobody reads, and the prefix
_BEGIN = 132
# of series whose files lie among one another
_MOST_PATTERNS = 6
_WIDE = struct.Struct("<I").unpack_from
_NARROW = struct.Struct("<H").unpack_from


class HeaderWalker:
    """Walks the headers of many files, one after the other.

    What it returns is what :func:`walk_file` returns.
    """

    def __init__(self) -> None:
        self._patterns: list[_Pattern] = []

    def walk(self, descriptor: int, file: FileRef, data: bytes) -> Record | None:
        """Read a header; see :func:`walk_file`."""
        return walk_file(descriptor, file, data, self._walk)

    def _walk(self, data: bytes, file: FileRef) -> Record:
        for place, pattern in enumerate(self._patterns):
            record = pattern.read(data, file)
            if record is not None:
                if place:
                    self._patterns.insert(0, self._patterns.pop(place))
                return record
        layout: list[Place] = []
        record = walk_header(data, file, layout)
        if not record.groups:  # those differ from file to file, and are long
            self._learn(_Header(data, layout, record))
        return record

    def _learn(self, header: _Header) -> None:
        if not any(pattern.learn(header) for pattern in self._patterns):
            self._patterns.insert(0, _Pattern(header))
            del self._patterns[_MOST_PATTERNS:]


class _Header:
    """A header that was walked, element by element.

    Parameters
    ----------
    data : bytes
        The file's beginning.
    layout : list of (int, int, int)
        Of each element.
    record : Record
        What was found.
    """

    def __init__(self, data: bytes, layout: list[Place], record: Record) -> None:
        self.data, self.layout, self.record = data, layout, record
        implicit = record.transfer_syntax == IMPLICIT
        self.wide = [
            start - head == 12 or (implicit and data[head : head + 2] != b"\2\0")
            for head, start, _ in layout
        ]
        # tags and types, without the lengths behind them
        self.marks = [
            data[head : start - (4 if wide else 2)]
            for (head, start, _), wide in zip(layout, self.wide, strict=True)
        ]

    def content(self, number: int) -> bytes:
        """Return length and value of an element."""
        head, _, end = self.layout[number]
        return self.data[head + len(self.marks[number]) : end]

    def is_open(self, number: int) -> bool:
        """Whether an element is a sequence of undefined length."""
        start = self.layout[number][1]
        return self.wide[number] and _WIDE(self.data, start - 4)[0] == UNDEFINED


class _Pattern:
    """What headers with the same elements have in common.

    Parameters
    ----------
    first : _Header
        The first of them.
    """

    def __init__(self, first: _Header) -> None:
        self._first = first
        self._differing: set[int] = set()
        self._steps: list[_Step] = []
        self._compile()

    def learn(self, header: _Header) -> bool:
        """Take note of what differs in another header; False if it does not fit."""
        first = self._first
        if (
            header.marks != first.marks
            or header.record.transfer_syntax != first.record.transfer_syntax
        ):
            return False
        differing = {
            number
            for number in range(len(first.marks) - 1)
            if header.content(number) != first.content(number)
        }
        if any(first.is_open(n) or header.is_open(n) for n in differing):
            return False
        if not differing <= self._differing:
            self._differing |= differing
            self._compile()
        return True

    def _compile(self) -> None:
        """Make the steps: bytes to compare, then an element that may differ."""
        first = self._first
        # what differs keeps its place: a copy that grows costs as much as the rest
        self._values = dict(first.record.values)
        self._steps = []
        begin = _BEGIN
        for number in sorted(self._differing):
            head, _, end = first.layout[number]
            mark = first.marks[number]
            run = first.data[begin : head + len(mark)]
            begin = end
            name: str = ""
            convert: Callable[[bytes], Any] | None = None
            wanted = BY_TAG.get(_WIDE(mark)[0])
            if wanted is not None:
                name, convert = wanted[0], CONVERT[wanted[1]]
            step = (run, len(run), first.wide[number], name, convert)
            self._steps.append(step)
        head, _, _ = first.layout[-1]
        mark = first.marks[-1]
        self._last = first.data[begin : head + len(mark)]
        self._behind = len(self._last) - len(mark)
        self._element = PIXEL_TAGS[_WIDE(mark)[0]]
        self._last_is_wide = first.wide[-1]

    def read(self, data: bytes, file: FileRef) -> Record | None:
        """Read a header; None if it is not sure that it fits the pattern."""
        values = self._values.copy()
        pos, end = _BEGIN, len(data)
        try:
            for run, size, wide, name, convert in self._steps:
                if not data.startswith(run, pos):
                    return None
                pos += size
                if wide:
                    (length,) = _WIDE(data, pos)
                    if length == UNDEFINED:
                        return None
                    start = pos + 4
                else:
                    (length,) = _NARROW(data, pos)
                    start = pos + 2
                pos = start + length
                if pos > end:
                    return None
                if convert is not None:
                    value = convert(data[start:pos]) if length else None
                    if value is not None:
                        values[name] = value
                    else:
                        values.pop(name, None)
            # the short loop reads heads by twelve bytes
            if not data.startswith(self._last, pos) or pos + self._behind + 12 > end:
                return None
            pos += len(self._last)
            if self._last_is_wide:
                (length,) = _WIDE(data, pos)
                start = pos + 4
            else:
                (length,) = _NARROW(data, pos)
                start = pos + 2
            syntax = self._first.record.transfer_syntax
            return finish(data, file, values, syntax, self._element, start, length)
        except (NeedMore, *ODD):
            return None

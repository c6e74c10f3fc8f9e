"""Power cuts, by a model: of what was not synced, anything or nothing is there.

All calls that change the folder are written down while somebody works. For a cut
after any of them, states of the disk are made up that the rules of POSIX allow:

- a file's content is that of its last fsync, or of any moment since, or longer but
  with zeros in place of what was to follow;
- a folder's names are those of its last fsync, with any of the changes since, each
  whole (a rename is one), in their order or not all of them;
- nothing else: what was synced is there.

Each state is then opened as a job, and everything acknowledged before must be in it.
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _calls import watched
from _jobs import Acknowledged, Worker, losses, make_job
from _report import Report, few_lines


@dataclass
class _File:
    durable: bytes = b""
    now: bytes = b""
    since: list[bytes] = field(default_factory=list)


@dataclass
class _Folder:
    durable: dict[str, Any] = field(default_factory=dict)
    now: dict[str, Any] = field(default_factory=dict)
    since: list[dict[str, Any]] = field(default_factory=list)

    def change(self, entries: dict[str, Any]) -> None:
        self.since.append(entries)
        self.now = _with(self.now, entries)


def _with(names: dict[str, Any], entries: dict[str, Any]) -> dict[str, Any]:
    merged = {**names, **entries}
    return {name: thing for name, thing in merged.items() if thing is not None}


class Disk:
    """A folder as a disk keeps it, and what is on its way there."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._top = self._load(Path(self._root))

    def _load(self, path: Path) -> _Folder | _File:
        if path.is_dir():
            names = {p.name: self._load(p) for p in path.iterdir()}
            return _Folder(dict(names), dict(names))
        data = path.read_bytes()
        return _File(data, data)

    def _at(self, path: str) -> Any:
        thing: Any = self._top
        for part in Path(os.path.relpath(path, self._root)).parts:
            if part != ".":
                thing = thing.now[part]
        return thing

    def _in(self, path: str) -> tuple[_Folder, str]:
        head, tail = os.path.split(path)
        return self._at(head), tail

    def take(self, name: str, path: str, **more: Any) -> None:
        """Take up one call."""
        if name == "open":
            folder, tail = self._in(path)
            if more["new"]:
                folder.change({tail: _File()})
            elif more["flags"] & os.O_TRUNC:
                self._write(folder.now[tail], b"")
        elif name == "write":
            file, at = self._at(path), more["at"]
            data = file.now[:at].ljust(at, b"\0") + more["data"]
            self._write(file, data + file.now[len(data) :])
        elif name == "ftruncate":
            file, size = self._at(path), more["size"]
            self._write(file, file.now[:size].ljust(size, b"\0"))
        elif name == "fsync":
            thing = self._at(path)
            thing.durable = thing.now
            thing.since = []
        elif name in ("replace", "rename"):
            folder, source = self._in(path)
            target = os.path.basename(more["target"])
            folder.change({target: folder.now[source], source: None})
        elif name == "link":
            folder, target = self._in(more["target"])
            folder.change({target: self._at(path)})
        elif name in ("unlink", "remove", "rmdir"):
            folder, tail = self._in(path)
            if tail in folder.now:
                folder.change({tail: None})
        elif name == "mkdir" and path != self._root:
            folder, tail = self._in(path)
            if tail not in folder.now:
                folder.change({tail: _Folder()})

    @staticmethod
    def _write(file: _File, data: bytes) -> None:
        file.now = data
        file.since.append(data)

    def after_a_cut(self, target: Path, chance: random.Random) -> None:
        """Write one state that the disk may be in after a power cut."""
        self._dump(self._top, target, chance)

    def _dump(self, thing: Any, target: Path, chance: random.Random) -> None:
        if isinstance(thing, _File):
            target.write_bytes(_content(thing, chance))
            return
        target.mkdir()
        names = dict(thing.durable)
        way = chance.randrange(3)
        upto = chance.randrange(len(thing.since) + 1)
        for number, entries in enumerate(thing.since):
            there = chance.random() < 0.5 if way == 2 else number < upto
            if there:
                names = _with(names, entries)
        for name, inner in names.items():
            self._dump(inner, target / name, chance)


def _content(file: _File, chance: random.Random) -> bytes:
    if not file.since or chance.random() < 0.3:
        return file.durable
    last = chance.choice(file.since)
    way = chance.randrange(3)
    if way == 0:
        return last
    pairs = enumerate(zip(file.durable, last, strict=False))
    same = next(
        (n for n, (a, b) in pairs if a != b), min(map(len, (file.durable, last)))
    )
    upto = chance.randrange(same, len(last) + 1)
    return last[:upto] if way == 1 else last[:upto].ljust(len(last), b"\0")


def run(scratch: Path, *, seed: int, rounds: int) -> Report:
    """Work once, write down all calls, and try `rounds` states of the disk."""
    report = Report("power", "states")
    chance = random.Random(seed)
    folder = scratch / "job"
    make_job(folder)
    disk = Disk(folder)
    story: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def seen(name: str, path: str, **more: Any) -> None:
        if "handle" in more:
            more["at"] = os.lseek(more.pop("handle"), 0, os.SEEK_CUR)
        story.append((name, (path,), more))

    def say(word: str, number: int, value: int = 0) -> None:
        story.append(("", (word, number, value), {}))

    few_lines()
    with watched(folder, seen):
        for steps in (3, 9, 14):
            worker = Worker(folder, say)
            for _ in range(steps):
                worker.step()
            worker.close()
    report.facts.update(calls=sum(1 for name, *_ in story if name), told=0)
    wanted = sorted(chance.randrange(len(story)) for _ in range(rounds))
    said, done = Acknowledged(), 0
    for number, at in enumerate(wanted):
        for name, args, more in story[done : at + 1]:
            if name:
                disk.take(name, *args, **more)
            else:
                said.note(*args)
        done = max(done, at + 1)
        state = scratch / f"state-{number}"
        disk.after_a_cut(state, chance)
        found = losses(state, said)
        if found and all("of the journal is damaged" in text for text in found):
            # Zeros at the end may stand for what was acknowledged, for all that the
            # store can know: it says so. Without them, nothing may be missing.
            told = _cut_zeros(state)
            report.facts["told"] += told
            found = losses(state, said) if told else found
        report.tried(found, f"after call {at} ({story[at][0] or 'word'})")
        shutil.rmtree(state)
    return report


def _cut_zeros(state: Path) -> int:
    """Cut a journal before its first zeros; return 1 if there were any."""
    for path in state.rglob("changes.jsonl"):
        data = path.read_bytes()
        at = data.find(b"\0")
        if at >= 0:
            path.write_bytes(data[: data.rfind(b"\n", 0, at) + 1])
            return 1
    return 0

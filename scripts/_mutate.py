"""Puts faults into the code, one at a time, and tells which no test notices.

Each fault is a small change of the syntax tree: a lock that is not taken, an fsync
left out, a condition turned round, a number off by one, a call left out. The tests
that run the line it is on (found once by tracing them, and kept in the environment's
folder) are run against a copy of the code with the fault in it; those that fail
notice. Tests marked slow are left out, so that more may be noticed than is told.
Which faults are tried follows from the seed alone.

What changes nothing that anybody could see is listed in ``mutate_equivalents.txt``,
with the reason, and is not counted.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import copy
import hashlib
import importlib
import itertools
import json
import os
import py_compile
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "napari_annotate_jobs"
DEFAULT = ("files", "stores", "session", "editing", "viewer")
ALSO = {
    "files": ("stores",),
    "editing": ("session", "propagation/test_ranges.py", "widgets/fill"),
    "stores": (
        "server",
        "formats/test_export.py",
        "cli/test_export.py",
        "cli/test_check.py",
    ),
    "session": ("cli/test_import.py", "widgets/propagate/test_propagate.py"),
    "viewer": ("app",),
}
"""Tests outside of a package's own folder that are about it as well."""
SAFETY = ("lock", "sync")
"""Kinds of which every one is tried, whatever the number asked for."""

_GUARD = re.compile(r"lock|guard|_marks|\bwriting\b|_writing\(")
_SYNC = re.compile(r"(os\.)?_?f?(data)?sync(_\w+)?\Z")
_TRANSACTION = re.compile(r"BEGIN|COMMIT|ROLLBACK|\.(rollback|commit)\(")
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}


# ------------------------------------------------------------------- the faults
@dataclass
class Fault:
    """One change of one file.

    Parameters
    ----------
    path : Path
        The file, below the package's folder.
    number : int
        Its place among the faults of the file.
    kind : str
        As ``"lock"``.
    line : int
        Where it is.
    span : tuple of int
        First and last line of its statement, or of the head of that; zeros for what
        is run by importing the file.
    where : str
        The function it is in; empty outside of any.
    before, after : str
        The code, as it is and as it would be.
    """

    path: Path
    number: int
    kind: str
    line: int
    span: tuple[int, int]
    where: str
    before: str
    after: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line} {self.where or '(module)'}"
        return f"{place} [{self.kind}] {self.before}  ->  {self.after}"


_Found = tuple[str, ast.AST, str, str, str, "Callable[[], None]", tuple[int, int]]


class _Finder:
    """Finds what can be changed in a module, always in the same order."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[_Found] = []
        self._span = (0, 0)
        self._inside = False  # of a function
        self._block(tree.body, "")

    def _note(
        self,
        kind: str,
        node: ast.AST,
        where: str,
        before: str,
        after: str,
        do: Callable[[], None],
    ) -> None:
        found = (kind, node, where, _short(before), _short(after), do, self._span)
        self.found.append(found)

    def _add(
        self, kind: str, node: ast.AST, where: str, after: str, do: Callable[[], None]
    ) -> None:
        self._note(kind, node, where, ast.unparse(node), after, do)

    def _block(self, body: list[ast.stmt], where: str) -> None:
        for place, statement in enumerate(body):
            # Not the statement's line alone: of one that goes over several lines the
            # interpreter tells some, and of default values those of the function.
            inside: list[ast.stmt] = getattr(statement, "body", [])
            last = statement.end_lineno or statement.lineno
            if inside:
                last = max(statement.lineno, inside[0].lineno - 1)
            above: list[ast.expr] = getattr(statement, "decorator_list", [])
            first = min(node.lineno for node in (statement, *above))
            self._span = (first, last) if self._inside else (0, 0)
            self._statement(statement, body, place, where)

    def _statement(
        self, node: ast.stmt, body: list[ast.stmt], place: int, where: str
    ) -> None:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{where}.{node.name}".lstrip(".")
            is_class, before = isinstance(node, ast.ClassDef), self._inside
            if isinstance(node, ast.ClassDef) and "Protocol" in map(
                ast.unparse, node.bases
            ):
                return  # nobody runs that
            self._inside = not is_class
            self._block(node.body, inner)
            self._inside = before
            if not isinstance(node, ast.ClassDef):
                above = [one.lineno for one in node.decorator_list]
                # A call is told at the first line of them.
                self._span = min([node.lineno, *above]), node.body[0].lineno - 1
                for default in (*node.args.defaults, *node.args.kw_defaults):
                    if default is not None:
                        self._expressions(default, inner)
            return
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Raise | ast.Assert):
            return
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Expr):
            self._call(node, body, place, where)
        if isinstance(node, ast.With):
            self._with(node, where)
        if isinstance(node, ast.If | ast.While):
            self._negate(node, where)
        if isinstance(node, ast.Return) and not (
            node.value is None or isinstance(node.value, ast.Constant)
        ):
            self._add(
                "return",
                node,
                where,
                "return None",
                lambda: setattr(node, "value", ast.Constant(None)),
            )
        if isinstance(node, ast.AugAssign):
            self._operator(node, where)
        for name, value in ast.iter_fields(node):
            if name in ("body", "orelse", "finalbody"):
                self._block(value, where)
            elif name == "handlers":
                for handler in value:
                    self._block(handler.body, where)
            elif name == "cases":
                for case in value:
                    self._block(case.body, where)
            elif name in ("annotation", "type_comment", "targets", "target"):
                continue
            elif isinstance(value, ast.expr):
                self._expressions(value, where)
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.withitem):
                        self._expressions(item.context_expr, where)

    def _call(
        self, node: ast.Expr, body: list[ast.stmt], place: int, where: str
    ) -> None:
        if not isinstance(node.value, ast.Call):
            return
        text = ast.unparse(node.value)
        if _SYNC.match(text.partition("(")[0]):
            kind = "sync"
        elif _TRANSACTION.search(text):
            kind = "lock"
        else:
            kind = "call"

        def drop() -> None:
            body[place] = ast.Pass()

        self._add(kind, node, where, "pass", drop)

    def _with(self, node: ast.With, where: str) -> None:
        for item in node.items:
            text = ast.unparse(item.context_expr)
            if _GUARD.search(text.partition("'")[0]) and not item.optional_vars:

                def drop(item: ast.withitem = item) -> None:
                    null = ast.parse("__import__('contextlib').nullcontext()")
                    item.context_expr = null.body[0].value  # type: ignore[attr-defined]

                self._note("lock", node, where, f"with {text}:", "no lock", drop)

    def _negate(self, node: ast.If | ast.While | ast.IfExp, where: str) -> None:
        def turn() -> None:
            node.test = ast.UnaryOp(ast.Not(), node.test)

        if isinstance(node.test, ast.Constant):
            return
        test = ast.unparse(node.test)
        self._note("condition", node.test, where, f"if {test}", "if not", turn)

    def _operator(self, node: ast.BinOp | ast.AugAssign, where: str) -> None:
        other = _ARITHMETIC.get(type(node.op))
        text = isinstance(node, ast.BinOp) and any(
            isinstance(side, ast.JoinedStr)
            or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
            for side in (node.left, node.right)
        )
        if other is None or text:
            return
        changed = copy.deepcopy(node)
        changed.op = other()
        self._add(
            "arithmetic",
            node,
            where,
            ast.unparse(changed),
            lambda: setattr(node, "op", other()),
        )

    def _expressions(self, expression: ast.expr, where: str) -> None:
        for node in _walk(expression):
            if isinstance(node, ast.IfExp):
                self._negate(node, where)
            elif isinstance(node, ast.comprehension):
                for place, test in enumerate(node.ifs):

                    def turn(
                        node: ast.comprehension = node,
                        place: int = place,
                        test: ast.expr = test,
                    ) -> None:
                        node.ifs[place] = ast.UnaryOp(ast.Not(), test)

                    text = ast.unparse(test)
                    self._note("condition", test, where, f"if {text}", "if not", turn)
            elif isinstance(node, ast.BoolOp):
                other = ast.Or if isinstance(node.op, ast.And) else ast.And
                changed = copy.deepcopy(node)
                changed.op = other()
                self._add(
                    "condition",
                    node,
                    where,
                    ast.unparse(changed),
                    lambda node=node, other=other: setattr(node, "op", other()),
                )
            elif isinstance(node, ast.Compare):
                self._comparison(node, where)
            elif isinstance(node, ast.BinOp):
                self._operator(node, where)
            elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
                self._add(
                    "value",
                    node,
                    where,
                    str(not node.value),
                    lambda node=node: setattr(node, "value", not node.value),
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, int):
                self._add(
                    "number",
                    node,
                    where,
                    str(node.value + 1),
                    lambda node=node: setattr(node, "value", node.value + 1),
                )

    def _comparison(self, node: ast.Compare, where: str) -> None:
        for place, op in enumerate(node.ops):
            other = _COMPARISONS[type(op)]
            changed = copy.deepcopy(node)
            changed.ops[place] = other()

            def swap(
                node: ast.Compare = node,
                place: int = place,
                other: type[ast.cmpop] = other,
            ) -> None:
                node.ops[place] = other()

            self._add("comparison", node, where, ast.unparse(changed), swap)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Walk an expression, but not into texts, whose words do not matter."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.JoinedStr):
            yield from _walk(child)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:87] + "..."


def faults_of(path: Path) -> list[Fault]:
    """Return all faults that can be put into a file of the package."""
    found = _Finder(ast.parse(path.read_text("utf-8"))).found
    relative = path.relative_to(PACKAGE)
    return [
        Fault(relative, number, kind, node.lineno, span, where, before, after)  # type: ignore[attr-defined]
        for number, (kind, node, where, before, after, _, span) in enumerate(found)
    ]


def mutated(fault: Fault) -> str:
    """Return the text of the file with the fault in it."""
    tree = ast.parse((PACKAGE / fault.path).read_text("utf-8"))
    _Finder(tree).found[fault.number][5]()
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def equivalents() -> list[tuple[str, str, str, str]]:
    """Return the faults that change nothing: file, function, before, after."""
    found = []
    text = (Path(__file__).with_name("mutate_equivalents.txt")).read_text("utf-8")
    for line in text.splitlines():
        if line.strip() and not line.startswith(("#", " ")):
            name, where, change = (part.strip() for part in line.split(" | "))
            before, _, after = change.partition(" -> ")
            found.append((name, where, before.strip(), after.strip()))
    return found


# ------------------------------------------------------ which test runs what line
class Tracer:
    """A plugin of pytest that notes which lines of the package each test runs."""

    def __init__(self) -> None:
        from coverage import Coverage

        self._coverage = Coverage(
            data_file=None, config_file=False, source=[str(PACKAGE)], messages=False
        )
        self._coverage.set_option("run:disable_warnings", _NO_MATTER)
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    def pytest_sessionstart(self) -> None:
        """Begin before the package is imported."""
        self._coverage.start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Remember tests that do not pass: they notice nothing."""
        if not report.passed:
            self._failed.add(report.nodeid)

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> None:
        """Begin with a test."""
        self._start = time.monotonic()
        self._coverage.switch_context(item.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        """End with a test."""
        self._coverage.switch_context("")
        self._seconds[nodeid] = time.monotonic() - self._start

    def tests(self) -> dict[str, dict[str, Any]]:
        """Return what was noted: how long each test took, its lines by file."""
        self._coverage.stop()
        data = self._coverage.get_data()
        found: dict[str, dict[str, Any]] = {
            name: {"seconds": seconds, "lines": defaultdict(list)}
            for name, seconds in self._seconds.items()
            if name not in self._failed
        }
        for path in sorted(data.measured_files()):
            file = os.path.relpath(path, PACKAGE)
            for line, names in sorted(data.contexts_by_lineno(path).items()):
                for name in found.keys() & set(names):
                    found[name]["lines"][file].append(line)
        return found


_NO_MATTER = ["module-not-imported", "no-data-collected", "no-ctracer"]


def coverage(folders: list[Path], keep: Path) -> dict[str, Any]:
    """Return what lines each test runs.

    A file of tests is run again only if it, what it is set up by, or code that it
    ran has changed since. What is found is kept in a file of its own in `keep`, so
    that several programs can trace at once.
    """
    keep.mkdir(exist_ok=True)
    wanted = [
        path
        for folder in folders
        for path in (sorted(folder.rglob("test_*.py")) if folder.is_dir() else [folder])
    ]
    chosen: dict[str, Any] = {}
    for path in wanted:
        name = str(path.relative_to(ROOT))
        kept = keep / f"{name.replace('/', '+')}.json"
        found = json.loads(kept.read_text()) if kept.exists() else None
        if found is None or found["digest"] != _digest(path, found["tests"]):
            print(f"tracing {name}", flush=True)
            tests = _in_child(lambda name=name: _trace(name), 900)
            if tests is None:
                raise SystemExit(f"{name} cannot be traced: does it pass by itself?")
            found = {"digest": _digest(path, tests), "tests": tests}
            kept.write_text(json.dumps(found))
        chosen.update(found["tests"])
    return chosen


def _trace(name: str) -> dict[str, Any]:
    import pytest

    tracer = Tracer()
    pytest.main([*_OPTIONS, "-m", "not slow", name], plugins=[tracer])
    return tracer.tests()


def _digest(path: Path, tests: dict[str, Any]) -> str:
    """Return the digest of a file of tests and of all that it depends on."""
    ran = {name for run in tests.values() for name in run["lines"]}
    above = path.relative_to(ROOT).parents
    set_up = [p for folder in above for p in (ROOT / folder).glob("*conftest.py")]
    kits = (ROOT / "tests").glob("*_kit.py")
    digest = hashlib.sha256()
    for each in sorted({path, *set_up, *kits, *(PACKAGE / name for name in ran)}):
        digest.update(str(each.relative_to(ROOT)).encode())
        digest.update(each.read_bytes() if each.exists() else b"")
    return digest.hexdigest()


# ------------------------------------------------------------------ running tests
# What is imported before the processes divide is not of the tests' own.
_LATE = "ignore::pytest.PytestAssertRewriteWarning"
_OPTIONS = ["-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-W", _LATE]


def _warm() -> None:
    """Import what all tests need once, before the processes divide."""
    home = tempfile.mkdtemp(prefix="mutate-home-")
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        os.environ[f"XDG_{name}_HOME"] = os.path.join(home, name.lower())
    os.environ["NAPARI_CONFIG"] = os.path.join(home, "settings.yaml")
    os.environ["CI"] = "1"  # the same examples every time
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    import filelock  # noqa: F401
    import hypothesis  # noqa: F401
    import nibabel  # noqa: F401
    import numpy  # noqa: F401
    import PIL.Image  # noqa: F401
    import pydantic  # noqa: F401
    import pydicom  # noqa: F401
    import pytest  # noqa: F401
    import scipy.ndimage  # noqa: F401
    from napari.components import ViewerModel  # noqa: F401
    from napari.layers import Image, Labels, Shapes  # noqa: F401

    for name in _in_child(_needed, 300) or ():
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _needed() -> list[str]:
    """Return what the package imports of others."""
    for name in DEFAULT:
        importlib.import_module(f"{PACKAGE.name}.{name}")
    importlib.import_module(f"{PACKAGE.name}.server")
    return sorted(n for n in sys.modules if n.partition(".")[0] != PACKAGE.name)


def _in_child(work: Callable[[], Any], seconds: float, log: Path | None = None) -> Any:
    """Return what `work` returns in a process of its own; None if it hangs or dies."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        os.close(read)
        out = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(out, 1)
        os.dup2(out, 2)
        try:
            answer = json.dumps(work()).encode()
            with os.fdopen(write, "wb") as pipe:
                pipe.write(answer)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    timer = threading.Timer(seconds, _end, [pid])
    timer.start()
    try:
        with os.fdopen(read, "rb") as pipe:
            answer = pipe.read()
    finally:
        timer.cancel()
        _end(pid)  # and what it started
        os.waitpid(pid, 0)
    return json.loads(answer) if answer else None


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


class _First:
    """A plugin of pytest that remembers the first test that fails."""

    failed = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def _first_failure(tests: list[str], source: Path) -> str:
    """Return the test that notices, "?" if it is not one alone; "" if none does."""
    import pytest

    sys.path.insert(0, str(source))
    os.environ["PYTHONPATH"] = str(source)  # for processes that tests start
    first = _First()
    code = pytest.main([*_OPTIONS, "-x", *tests], plugins=[first])
    return "" if code == pytest.ExitCode.OK else first.failed or "?"


def try_fault(
    fault: Fault,
    tests: dict[str, Any],
    copy_of: Path,
    log: Path,
    most: float,
    noticed_before: Counter[str],
) -> bool:
    """Return True if a test notices.

    Those that are about it come first (see `_in_order`), of `most` seconds in all. A
    test that fails must fail again by itself; one that takes too long must not do so
    without the fault: on a busy machine either may come of that.
    """
    path = str(fault.path)
    chosen = [
        name
        for name, run in tests.items()
        if path in run["lines"]
        and (fault.span == (0, 0) or _within(fault.span, run["lines"][path]))
    ]
    if not chosen:
        return False
    chosen = _in_order(chosen, fault, tests, noticed_before)
    ends = itertools.accumulate(tests[name]["seconds"] for name in chosen)
    chosen = [name for name, end in zip(chosen, ends, strict=True) if end <= most]
    target = copy_of / "napari_annotate_jobs" / fault.path
    whole, wrong = target.read_text("utf-8"), mutated(fault)

    def first_of(names: list[str], text: str, patience: float) -> str | None:
        """Return the first test that fails; None if that took too long."""
        limit = patience * (60 + 5 * sum(tests[name]["seconds"] for name in names))
        target.write_text(text, "utf-8")
        start = time.monotonic()
        try:
            found = _in_child(lambda: _first_failure(names, copy_of), limit, log)
        finally:
            target.write_text(whole, "utf-8")
        if found is None and time.monotonic() - start < limit:
            return "?"  # the process died
        return found if found is None else str(found)

    def failing(names: list[str]) -> str:
        """Return the test that notices; "?" if it is not one alone, "" if none does."""
        for patience in (1, 4, 16):
            found = first_of(names, wrong, patience)
            while found in tests and first_of([found], wrong, patience) == "":
                names = [name for name in names if name != found]
                found = first_of(names, wrong, patience)
            if found is not None:
                return found
            if first_of(names, whole, patience) == "":
                return "?"
        return ""

    # A few at first: to collect all of them takes longer than to run those.
    parts = (chosen[:4], chosen[4:20], chosen[20:])
    failed = next(filter(None, map(failing, filter(None, parts))), "")
    if failed in tests:
        noticed_before[failed] += 1
        noticed_before[f"{path} {failed}"] += 1
    return failed != ""


_ABOUT_SAFETY = re.compile(r"lock|sync|guard|durable|race|at_once|whole")


def _in_order(
    names: list[str],
    fault: Fault,
    tests: dict[str, Any],
    noticed_before: Counter[str],
) -> list[str]:
    """Return tests of a line, those first that are likely to notice.

    Those that noticed faults of the file come first, then those whose names speak of
    such a thing, then those that noticed faults elsewhere; within each, the quickest
    of each file of tests, then the second of each.
    """
    function = fault.where.rpartition(".")[2].strip("_")

    def is_about(name: str) -> bool:
        if fault.kind in SAFETY:
            return bool(_ABOUT_SAFETY.search(name))
        return bool(function) and function in name.partition("::")[2]

    rank: dict[str, int] = {}
    seen: Counter[str] = Counter()
    for name in sorted(names, key=lambda name: tests[name]["seconds"]):
        rank[name] = seen[name.partition("::")[0]]
        seen[name.partition("::")[0]] += 1
    return sorted(
        names,
        key=lambda name: (
            -noticed_before[f"{fault.path} {name}"],
            not is_about(name),
            -noticed_before[name],
            rank[name],
            tests[name]["seconds"],
        ),
    )


def _within(span: tuple[int, int], lines: list[int]) -> bool:
    """Whether one of some sorted lines lies in a span."""
    at = bisect_left(lines, span[0])
    return at < len(lines) and lines[at] <= span[1]


# ------------------------------------------------------------------------- all
def choose(faults: list[Fault], number: int, seed: int, kinds: set[str]) -> list[Fault]:
    """Return all faults of locks and syncs, and `number` of the others."""
    chance = random.Random(seed)
    faults = [fault for fault in faults if not kinds or fault.kind in kinds]
    always = [fault for fault in faults if fault.kind in SAFETY]
    others = [fault for fault in faults if fault.kind not in SAFETY]
    chosen = chance.sample(others, min(number, len(others)))
    chance.shuffle(always)
    return always + chosen


def report(results: list[tuple[Fault, bool]], same: int, goal: float) -> int:
    """Print rates and what was not noticed; return the exit code."""
    print()
    rates: dict[str, list[bool]] = defaultdict(list)
    for fault, noticed in results:
        rates[fault.path.parts[0]].append(noticed)
        rates["locks and syncs" if fault.kind in SAFETY else "others"].append(noticed)
        rates["all"].append(noticed)
    for name, noticed_of in rates.items():
        share = 100 * sum(noticed_of) / len(noticed_of)
        print(f"{name:16} {sum(noticed_of):5} of {len(noticed_of):5}  {share:5.1f} %")
    print(f"{same} that change nothing were left out")
    missed = [fault for fault, noticed in results if not noticed]
    if missed:
        print("\nnot noticed:")
        for fault in sorted(missed, key=lambda f: (str(f.path), f.line)):
            print(f"  {fault}")
    reached = not rates["all"] or 100 * sum(rates["all"]) / len(rates["all"]) >= goal
    return 0 if reached and all(rates["locks and syncs"]) else 1


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--packages", nargs="+", default=None)
    parser.add_argument("--tests", nargs="+", default=None, help="folders or files")
    parser.add_argument("--kinds", nargs="+", default=[], help="as lock, sync, call")
    parser.add_argument("--number", type=int, default=60, help="besides locks, syncs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, help="so many were tried before")
    parser.add_argument("--minutes", type=float, default=120, help="begin none after")
    parser.add_argument(
        "--seconds", type=float, default=600, help="of tests for each fault, traced"
    )
    parser.add_argument("--goal", type=float, default=95.0, help="percent, else exit 1")
    parser.add_argument("--only", default="", help="pattern in file, function or code")
    parser.add_argument("--list", action="store_true", help="only list the faults")
    parser.add_argument("--logs", type=Path, default=None, help="folder for outputs")
    options = parser.parse_args()
    names = options.packages or [n for n in DEFAULT if (PACKAGE / n).is_dir()]
    packages = [PACKAGE / name for name in names]
    folders = [Path(f).resolve() for f in options.tests or ()] or [
        ROOT / "tests" / place
        for name in names
        for place in (name, *ALSO.get(name, ()))
        if (ROOT / "tests" / place).exists()
    ]
    faults = [
        f for p in packages for q in sorted(p.rglob("*.py")) for f in faults_of(q)
    ]
    known = set(equivalents())
    real = [f for f in faults if not _listed(f, known)]
    wanted = [f for f in real if re.search(options.only, str(f))]
    chosen = choose(wanted, options.number, options.seed, set(options.kinds))
    chosen = chosen[options.skip :]
    print(f"{len(real)} faults can be put in, {len(chosen)} are chosen")
    if options.list:
        for fault in chosen:
            print(fault)
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    _warm()
    keep = Path(sys.prefix) / ".mutate-coverage"
    tests = coverage(folders, keep)
    print(f"{len(tests)} tests are traced", flush=True)
    end = time.monotonic() + 60 * options.minutes
    results: list[tuple[Fault, bool]] = []
    before: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="mutate-") as place:
        source = Path(place) / "src"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE.parent, source, ignore=ignore)
        # By their content, not their time: what is put in and taken out is seen.
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(source, quiet=1, invalidation_mode=mode)
        for number, fault in enumerate(chosen):
            if time.monotonic() > end:
                print(f"the time is up: {len(chosen) - number} were not tried")
                break
            logs = options.logs or Path(place)
            logs.mkdir(parents=True, exist_ok=True)
            log = logs / f"{number:04d}.log"
            noticed = try_fault(fault, tests, source, log, options.seconds, before)
            results.append((fault, noticed))
            print("noticed " if noticed else "MISSED  ", fault, flush=True)
    return report(results, len(faults) - len(real), options.goal)


def _listed(fault: Fault, known: set[tuple[str, str, str, str]]) -> bool:
    return (fault.path.name, fault.where, fault.before, fault.after) in known


if __name__ == "__main__":
    sys.exit(main())

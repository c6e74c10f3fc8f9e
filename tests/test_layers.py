"""The layers of the package: who may know whom.

The arrows are read from the sources, wherever an import stands: at the top of a
module, inside a function, or as the dotted name of a lazily loaded module. Imports
under ``if TYPE_CHECKING:`` bind nothing at run time, so naming a type of the same
or a lower layer is harmless there; an arrow upwards, or from below the viewer to
Qt or napari, is forbidden there too.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

import napari_annotate_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "napari_annotate_jobs"
SRC = Path(napari_annotate_jobs.__file__).parent
MAX_LINES = 800

QT = frozenset("PyQt5 PyQt6 PySide2 PySide6 magicgui pyqtgraph qtpy superqt".split())
NAPARI = frozenset({"napari", "napari_builtins", "vispy"})
DECODERS = frozenset("gdcm imagecodecs jpeg_ls libjpeg openjpeg pylibjpeg rle".split())


@dataclass(frozen=True)
class Layer:
    level: int
    ours: frozenset[str]
    theirs: frozenset[str]


def layer(level: int, ours: str = "", theirs: str = "") -> Layer:
    if "pydantic" in theirs:
        theirs += " pydantic_core"  # they are one, in two wheels
    return Layer(level, frozenset(ours.split()), frozenset(theirs.split()))


LAYERS = {
    "errors": layer(0),
    "files": layer(0, "errors", "filelock"),
    "model": layer(0, "errors", "PIL numpy pydantic"),
    "imaging": layer(
        1,
        "errors model",
        "PIL SimpleITK nibabel numpy pydantic pydicom scipy skimage tifffile "
        + " ".join(DECODERS),
    ),
    "propagation": layer(1, "errors model", "numpy scipy skimage"),
    "formats": layer(
        1,
        "errors imaging model",
        "PIL distributed highdicom isal nibabel nrrd numpy pandas pyarrow pydantic "
        "pydicom scipy skimage yaml",
    ),
    "metrics": layer(1, "errors model", "numpy scipy"),
    "samples": layer(1, "errors", "numpy pydicom"),
    "stores": layer(
        2,
        "errors files formats imaging model",
        "PIL filelock httpx keyring numpy platformdirs pydantic yaml",
    ),
    "server": layer(
        2,
        "errors files formats imaging model stores",
        "alembic authlib fastapi httpx jinja2 joserfc obstore prometheus_client pwdlib "
        "pydantic sqlalchemy starlette",
    ),
    "owning": layer(2, "errors files formats imaging model stores", "yaml"),
    "editing": layer(2, "errors formats model propagation", "numpy psygnal pydantic"),
    "session": layer(
        3,
        "editing errors files formats metrics model propagation stores",
        "numpy platformdirs psygnal pydantic",
    ),
    "viewer": layer(4, "editing errors model session", "napari numpy psygnal vispy"),
    "widgets": layer(
        4,
        "editing errors model session",
        "magicgui numpy psygnal pyqtgraph qtpy superqt",
    ),
}
# Below the viewer nothing may know Qt or napari, and it must import without them.
HEADLESS = sorted(name for name, rules in LAYERS.items() if rules.level < 4)
# The session knows the contract of the stores, not those that fulfil it.
CONTRACT = "napari_annotate_jobs.stores._contract"


@dataclass(frozen=True)
class Import:
    line: int
    module: str
    name: str
    typing_only: bool


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def unit(path: Path) -> str:
    """Return the part of the package a file belongs to: its row in LAYERS."""
    first = path.relative_to(SRC).parts[0]
    return first.removesuffix(".py")


def is_root(name: str) -> bool:
    """Tell the modules that put everything together: they may know everyone."""
    return name in {"app", "cli", "demo", "testing"} or name.startswith("_")


def level(name: str) -> int:
    return 5 if is_root(name) else LAYERS[name].level


def is_typing_only(node: ast.If) -> bool:
    return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


DOTTED = re.compile(rf"{PACKAGE}(\.\w+)+(:\w+)?")


def imports(path: Path) -> list[Import]:
    """Return all that a module imports, with absolute names."""
    package = [PACKAGE, *path.relative_to(SRC).parent.parts]
    found: list[Import] = []

    def visit(node: ast.AST, typing_only: bool) -> None:
        if isinstance(node, ast.If) and is_typing_only(node):
            for child in node.body:
                visit(child, True)
            for child in node.orelse:
                visit(child, typing_only)
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.append(Import(node.lineno, alias.name, "", typing_only))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                found.append(Import(node.lineno, module, alias.name, typing_only))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if DOTTED.fullmatch(node.value):  # "package.module:name", loaded lazily
                module, _, name = node.value.partition(":")
                found.append(Import(node.lineno, module, name, typing_only))
        for child in ast.iter_child_nodes(node):
            visit(child, typing_only)

    visit(parsed(path.read_text(encoding="utf-8")), False)
    return found


@cache
def parsed(source: str) -> ast.Module:
    """Return what a module says; several tests ask for all of them."""
    return ast.parse(source)


def contract_names() -> set[str]:
    path = SRC / "stores" / "_contract.py"
    return set(public_names(path) or ())


def public_names(path: Path) -> list[str] | None:
    """Return the literal ``__all__`` of a module or of its stub, or None."""
    if path.with_suffix(".pyi").exists():  # imported when it is first asked for
        path = path.with_suffix(".pyi")
    for node in parsed(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                assert node.value is not None
                return list(ast.literal_eval(node.value))
    return None


def fault(path: Path, found: Import) -> str | None:
    """Say what is wrong with an import, or None."""
    source = unit(path)
    top, *rest = found.module.split(".")
    if top == PACKAGE:
        # "from napari_annotate_jobs import model" names its target last.
        target = rest[0] if rest else found.name
        if target in {source, "__version__"}:
            return None
        if not is_root(target) and target not in LAYERS:
            return f"{target} is in no layer"
        if is_root(source):
            return None
        if found.typing_only:
            return None if level(target) <= level(source) else "points upwards"
        if target not in LAYERS[source].ours:
            return f"{source} may not import {target}"
        if source == "session" and target == "stores":
            of_contract = found.module == CONTRACT or (
                len(rest) == 1 and found.name in contract_names()
            )
            return None if of_contract else "only the contract of the stores"
        return None
    if top in {*sys.stdlib_module_names, "lazy_loader"} or is_root(source):
        return None
    if top in LAYERS[source].theirs:
        return None
    if found.typing_only and level(source) < 4 and top not in QT | NAPARI:
        return None
    return f"{source} may not import {top}"


def test_every_module_belongs_to_a_layer() -> None:
    unknown = {unit(path) for path in modules()} - set(LAYERS)
    assert not {name for name in unknown if not is_root(name)}


@pytest.mark.slow
def test_arrows() -> None:
    faults = [
        f"{path.relative_to(SRC)}:{found.line} imports {found.module} "
        f"{found.name}: {text}"
        for path in modules()
        for found in imports(path)
        if (text := fault(path, found))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("model/_x.py", "import napari_annotate_jobs.imaging"),
        ("model/_x.py", "def f():\n    import qtpy"),
        ("imaging/_x.py", "from ..stores import open_store"),
        ("imaging/_x.py", "from napari_annotate_jobs import session"),
        ("imaging/_x.py", "import requests"),
        (
            "session/_x.py",
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from napari_annotate_jobs.viewer import Bridge",
        ),
        (
            "session/_x.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
            "    from napari.layers import Labels",
        ),
        ("session/_x.py", "from napari_annotate_jobs.stores.folder._store import A"),
        ("session/_x.py", "from napari_annotate_jobs.stores import FolderStore"),
        ("widgets/_x.py", "from napari.layers import Labels"),
        ("widgets/_x.py", "from napari_annotate_jobs.viewer import Bridge"),
        ("stores/_x.py", "LAZY = 'napari_annotate_jobs.session._state:State'"),
        ("model/_x.py", "from napari_annotate_jobs.misc import x"),
        ("model/_x.py", "from napari_annotate_jobs._manifest import main"),
    ],
)
def test_forbidden_arrows_are_seen(
    file: str, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(source)
    # Only the place of the file is pretended; the contract stays the real one.
    names = contract_names()
    monkeypatch.setattr(sys.modules[__name__], "SRC", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "contract_names", lambda: names)
    assert any(fault(path, found) for found in imports(path))


# --- what importing loads --------------------------------------------------------


def loaded_by(imported: list[str]) -> set[str]:
    """Return the top-level packages a fresh process has after some imports."""
    code = (
        "import importlib, json, sys\n"
        "for name in json.loads(sys.argv[1]): importlib.import_module(name)\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(imported)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def dotted(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join([PACKAGE, *(p for p in parts if p != "__init__")])


@pytest.mark.slow
def test_headless_layers_load_no_window() -> None:
    names = [dotted(path) for path in modules() if unit(path) in {*HEADLESS, "cli"}]
    assert not loaded_by(names) & (QT | NAPARI)


def manifest_modules() -> list[str]:
    manifest = yaml.safe_load((SRC / "napari.yaml").read_text(encoding="utf-8"))
    commands = manifest["contributions"]["commands"] or []
    return sorted({command["python_name"].partition(":")[0] for command in commands})


def test_manifest_loads_nothing_heavy() -> None:
    loaded = loaded_by([PACKAGE, *manifest_modules()])
    assert not loaded & (QT | {"nibabel", "pydicom", "scipy", "skimage", "vispy"})


@pytest.mark.slow
def test_my_jobs_loads_nothing_heavy() -> None:
    # beyond what napari's own window loads
    loaded = loaded_by([f"{PACKAGE}.app._docks"])
    heavy = {"httpx", "nibabel", "PIL", "pydicom", "scipy", "skimage", "sqlite3"}
    assert not loaded & heavy - loaded_by(["napari._qt.qt_main_window"])
    # what a case consists of has time until the jobs are listed
    later = {
        f"{PACKAGE}.{name}" for name in ("model._annotation", "widgets.jobs._model")
    }
    assert not loaded & later


# --- the shape of the tree -------------------------------------------------------


def test_files_stay_short() -> None:
    lines = {
        str(path.relative_to(SRC)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules()
    }
    long = {name: number for name, number in lines.items() if number > MAX_LINES}
    assert not long, f"split them by thought: {long}"


def packages() -> list[Path]:
    return sorted({path.parent for path in modules()})


def sort_key(name: str) -> tuple[int, str]:
    """Order names as ruff does: CONSTANTS, Classes, then the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name


@pytest.mark.parametrize("path", packages(), ids=lambda p: p.name)
def test_packages_say_what_is_public(path: Path) -> None:
    init = path / "__init__.py"
    assert init.exists(), f"{path.name} has modules and no __init__.py"
    names = public_names(init)
    assert names is not None, f"{path.name} has no __all__"
    assert names == sorted(set(names), key=sort_key)
    private = [
        p.name for p in path.glob("*.py") if path != SRC and not p.name.startswith("_")
    ]
    assert not private, f"{private} should be private, beside a public __all__"


def test_public_names_exist() -> None:
    for path in packages():
        module = importlib.import_module(dotted(path / "__init__.py"))
        missing = [name for name in module.__all__ if not hasattr(module, name)]
        assert not missing, f"{module.__name__} has no {missing}"


# --- circles ---------------------------------------------------------------------

# Circles that are still there, as the modules they go through, with the reason. The
# list only ever gets shorter.
CIRCLES: dict[frozenset[str], str] = {}


def sources() -> dict[str, Path]:
    """Return every module by its dotted name."""
    return {dotted(path): path for path in modules()}


def public_origins(files: dict[str, Path]) -> dict[str, dict[str, tuple[str, str]]]:
    """Return where the names that a package shows come from."""
    origins: dict[str, dict[str, tuple[str, str]]] = {}
    for name, path in files.items():
        if path.name == "__init__.py":
            stub = path.with_suffix(".pyi")
            shown = imports(stub if stub.exists() else path)
            origins[name] = {i.name: (i.module, i.name) for i in shown if i.name}
    return origins


def import_graph(files: dict[str, Path]) -> dict[str, set[str]]:
    """Return which module knows which, also for typing and inside functions.

    A name that a package shows counts as one of the module that defines it; what a
    package's ``__init__`` gathers does not count.
    """
    origins = public_origins(files)

    def defining(module: str, name: str) -> str:
        if f"{module}.{name}" in files:
            return f"{module}.{name}"
        if name in origins.get(module, {}):
            return defining(*origins[module][name])
        return module

    graph: dict[str, set[str]] = {}
    for source, path in files.items():
        if path.name != "__init__.py":
            known = {defining(i.module, i.name) for i in imports(path)}
            graph[source] = {k for k in known if k in files and k != source}
    return graph


def circles(graph: dict[str, set[str]]) -> list[frozenset[str]]:
    """Return the sets of modules that can all be reached from each other."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            new = graph.get(ahead.pop(), set()) - seen
            seen |= new
            ahead.extend(new)
        return seen

    reach = {module: reached(module) for module in graph}
    found = {
        frozenset(other for other in reach[module] if module in reach.get(other, ()))
        for module in graph
        if module in reach[module]
    }
    return sorted(found, key=sorted)


def test_no_circle_of_imports() -> None:
    found = set(circles(import_graph(sources())))
    new = [" <-> ".join(sorted(circle)) for circle in found - CIRCLES.keys()]
    assert not new, "modules import each other:\n" + "\n".join(new)
    assert not CIRCLES.keys() - found, "no circle any more: take it off the list"


@pytest.mark.parametrize(
    "back",
    [
        "from ._a import f",
        "def g():\n    from . import f",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import f",
        "LAZY = 'napari_annotate_jobs.model._a:f'",
    ],
)
def test_circles_are_seen(
    back: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "__init__.py").touch()
    (tmp_path / "model" / "__init__.py").write_text("from ._a import f")
    (tmp_path / "model" / "_a.py").write_text("from ._b import g")
    (tmp_path / "model" / "_b.py").write_text(back)
    monkeypatch.setattr(sys.modules[__name__], "SRC", tmp_path)
    names = {f"{PACKAGE}.model._a", f"{PACKAGE}.model._b"}
    assert circles(import_graph(sources())) == [frozenset(names)]


# --- one name, one thing ---------------------------------------------------------

SEVERAL_ROOMS = {
    "_boxes": "boxes: found between keys, drawn on a layer, listed, acted on",
    "_brush": "how the brush paints: on layers, in the dock, and what switches it",
    "_cases": "the cases of a job: found in folders, and for who works on them",
    "_combine": "several people's work into one: on cases, and what acts",
    "_contract": "what those who fulfil the room's contract must do",
    "_difference": "how two versions of a case differ, and the view of it",
    "_export": "exports: the panel's controller, and the command line's verb",
    "_fill": "Smart fill: on arrays, on a case, and what acts",
    "_flag": "the flag on a case: its words, and what acts",
    "_flags": "flags on cases: as all stores keep them, and those of a server",
    "_foreign": "what is not ours: layers in the viewer and what acts, files to import",
    "_geometry": "where slices lie: in the patient, and in the viewer",
    "_import": "imports: the panel's controller, and the command line's verb",
    "_labels": "labels: the model, the command line's options, a job's list, what acts",
    "_manifest": "a manifest: napari's of the plugin, an export's of its files",
    "_masks": "masks: stored, on a layer, in the dock, acted on",
    "_new_job": "makes a job: of what was found, and what acts",
    "_nifti": "NIfTI: read as an image, written as an export",
    "_objects": "objects of several boxes: on arrays, and in a case",
    "_pictures": "pictures of slices: shown small, and exported",
    "_planes": "planes of a volume: read from a file, written to pictures",
    "_pointed": "the object at a place: found in a case, and acted on",
    "_progress": "how far work is: counted, and shown",
    "_ranges": "ranges of slices: edited, and painted on the strip",
    "_review": "a review: its words, the work on it, and the command line's verb",
    "_statistics": "statistics: counted, gathered, shown, and the command line's verb",
    "_strip": "the slice strip: the view, and its controller",
    "_threads": "threads of comments: kept in a job's folder, and listed",
    "_window": "windows of grey values: the model, and the control of it",
    "_zoom": "how large the image is shown: in the viewer, and what acts",
}
"""Modules of one name in several rooms that mean the same thing, and which."""


def rooms_by_name(names: Iterator[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, room in names:
        found.setdefault(name, set()).add(room)
    return {name: rooms for name, rooms in found.items() if len(rooms) > 1}


def public_types() -> Iterator[tuple[str, str]]:
    for path in modules():
        for node in parsed(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name, unit(path)


def test_a_type_has_one_name_in_one_room() -> None:
    assert not rooms_by_name(public_types())


def test_modules_of_one_name_mean_one_thing() -> None:
    names = (
        (path.stem, unit(path)) for path in modules() if not path.stem.startswith("__")
    )
    shared = set(rooms_by_name(names))
    known = SEVERAL_ROOMS.keys()
    assert shared - known == set(), "give it a name of its own, or say what it shares"
    assert known - shared == set(), "no longer shared: take it off the table"

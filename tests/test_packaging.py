"""What users get: the wheel, the sdist and an editable install."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "src" / "napari_annotate_jobs" / "napari.yaml"
NAME = "napari_annotate_jobs"
SAMPLES_LIMIT = 6_000_000


def run(*args: object, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(arg) for arg in args],
        capture_output=True,
        text=True,
        env=env,
        cwd=Path(sys.prefix),  # never where the sources could be imported from
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(sources: Path, out: Path, *what: str) -> None:
    # What is needed to build is installed: nothing is downloaded.
    run(sys.executable, "-m", "build", "-n", *what, "-o", out, sources)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build an sdist, a wheel from that sdist, and a wheel from the sources."""
    # A copy, for the sources may be edited while this runs.
    sources = tmp_path_factory.mktemp("sources") / "main"
    hidden = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__")
    shutil.copytree(ROOT, sources, symlinks=True, ignore=hidden)
    direct = tmp_path_factory.mktemp("direct")
    chain = tmp_path_factory.mktemp("chain")
    build(sources, direct, "--wheel")
    build(sources, chain)
    return {
        "wheel": next(direct.glob("*.whl")),
        "sdist": next(chain.glob("*.tar.gz")),
        "wheel from sdist": next(chain.glob("*.whl")),
    }


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# --- the manifest ----------------------------------------------------------------


def test_symlink_to_the_manifest() -> None:
    link = ROOT / "napari.yaml"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == MANIFEST.resolve()


def test_manifest_is_valid() -> None:
    out = run(sys.executable, "-m", "npe2", "validate", MANIFEST)
    assert "valid" in out
    assert not re.search("warn|error|invalid", out, re.IGNORECASE)


# --- the extras ------------------------------------------------------------------


def test_extras_named_to_users_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "extra" not in text:  # taking all of them apart takes seconds
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.keyword) and node.arg == "extra":
                if isinstance(node.value, ast.Constant) and node.value.value:
                    named = {node.value.value} - {"allow", "forbid", "ignore"}
                    assert named <= set(project["optional-dependencies"]), path


# --- what is in the archives -----------------------------------------------------


@pytest.mark.slow
def test_wheels_hold_the_same(built: dict[str, Path]) -> None:
    direct = contents(built["wheel"])
    assert direct == contents(built["wheel from sdist"])
    for name in ("napari.yaml", "py.typed", "samples/NOTICE"):
        assert f"{NAME}/{name}" in direct
    assert direct[f"{NAME}/napari.yaml"] == MANIFEST.read_bytes()
    foreign = {n for n in direct if not n.startswith((f"{NAME}/", f"{NAME}-"))}
    assert not foreign
    licences = {n.rpartition("/")[2] for n in direct if "/licenses/" in n}
    assert licences == {"LICENSE", "NOTICE"}


@pytest.mark.slow
def test_sdist_holds_the_symlink_and_the_tests(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
        top = archive.getnames()[0].partition("/")[0]
        file = archive.extractfile(f"{top}/napari.yaml")
        assert file is not None  # follows the link inside the archive
        assert file.read() == MANIFEST.read_bytes()
    for name in ("napari.yaml", "LICENSE", "NOTICE", "scripts/test", "README.md"):
        assert name in names
    assert any(name.startswith("tests/") for name in names)


@pytest.mark.slow
def test_the_page_of_the_package_reads_well_by_itself(built: dict[str, Path]) -> None:
    (text,) = (
        content.decode()
        for name, content in contents(built["wheel"]).items()
        if name.endswith(".dist-info/METADATA")
    )
    page = Parser().parsestr(text)
    description = page.get_payload()
    assert isinstance(description, str)
    assert "Turns [napari](https://napari.org) into" in description
    assert not re.search(r"\]\((?!https?:)", description)
    assert "![" not in description
    assert "Annotating: the walk through the interface" in description
    assert page["Description-Content-Type"] == "text/markdown"


def test_links_lead_to_the_repository_once_it_is_named() -> None:
    spec = importlib.util.spec_from_file_location(
        "hatch_build", ROOT / "hatch_build.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = "![A](docs/a.png)\n\n\n[B](docs/b.md#c) and [D](https://d.org)"
    page = module.readme_for_page(text, "https://host/us/it/")
    assert page == (
        "![A](https://host/us/it/raw/main/docs/a.png)\n\n"
        "[B](https://host/us/it/blob/main/docs/b.md#c) and [D](https://d.org)"
    )
    assert module.readme_for_page(text, "") == "\n\nB and [D](https://d.org)"


def test_the_addresses_come_from_one_setting() -> None:
    spec = importlib.util.spec_from_file_location(
        "hatch_build", ROOT / "hatch_build.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for repository, wanted in (("", None), ("https://host/us/it/", "Issues")):
        metadata: dict[str, object] = {}
        hook = module.CustomMetadataHook(str(ROOT), {"repository": repository})
        hook.update(metadata)
        urls = metadata.get("urls")
        if wanted is None:
            assert urls is None
        else:
            assert isinstance(urls, dict)
            assert urls[wanted] == "https://host/us/it/issues"


def test_python_has_no_bound_that_napari_has_not() -> None:
    from importlib.metadata import metadata

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == metadata("napari")["Requires-Python"]


@pytest.mark.slow
def test_samples_are_small(built: dict[str, Path]) -> None:
    prefix = f"{NAME}/samples/images/"
    with zipfile.ZipFile(built["wheel"]) as archive:
        infos = [i for i in archive.infolist() if i.filename.startswith(prefix)]
    sizes = [info.file_size for info in infos]
    assert sizes
    assert sum(sizes) <= SAMPLES_LIMIT


@pytest.mark.slow
def test_nobody_is_named(built: dict[str, Path]) -> None:
    files = contents(built["wheel"])
    metadata = next(v for k, v in files.items() if k.endswith("/METADATA"))
    headers = Parser().parsestr(metadata.decode(), headersonly=True)
    assert headers["Author"] == "napari-annotate-jobs contributors"
    assert headers["Author-email"] is None
    assert headers["Maintainer"] is None
    # Nor the machine it was made on: its user, or where the sources lay.
    private = [str(ROOT), str(Path.home()) + "/", "/home/", "/Users/"]
    for name, data in files.items():
        assert not [p for p in private if p.encode() in data], name


# --- installed -------------------------------------------------------------------


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with links to all that is installed, but not to this package."""
    folder = tmp_path_factory.mktemp("dependencies")
    for key in ("purelib", "platlib"):
        for entry in Path(sysconfig.get_path(key)).iterdir():
            ours = "annotate_jobs" in entry.name
            if (
                not ours
                and entry.suffix != ".pth"
                and not (folder / entry.name).exists()
            ):
                (folder / entry.name).symlink_to(entry)
    return folder


CHECK = """
import json
import napari_annotate_jobs
from napari_annotate_jobs.samples import sample_paths
from npe2 import PluginManager

manager = PluginManager.instance()
manager.discover()
manifest = manager.get_manifest("napari-annotate-jobs")
commands = manifest.contributions.commands or []
for command in commands:
    assert callable(manager.commands.get(command.id)), command.id
print(json.dumps({
    "file": napari_annotate_jobs.__file__,
    "version": napari_annotate_jobs.__version__,
    "display_name": manifest.display_name,
    "commands": len(commands),
    "files": sum(len(list(p.glob("*.dcm"))) for p in sample_paths().values()),
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_installed(
    kind: str,
    built: dict[str, Path],
    dependencies: Path,
    outside_env: dict[str, str],
    tmp_path: Path,
) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])")[:-1])
    (site / "dependencies.pth").write_text(f"{dependencies}\n")
    what = ["-e", ROOT] if kind == "editable" else [built[kind]]
    run(
        *(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python),
        *("--no-deps", "--no-build-isolation", "--offline", *what),
        env=outside_env,
    )
    found = json.loads(run(python, "-c", CHECK).splitlines()[-1])
    place = ROOT / "src" if kind == "editable" else site
    assert Path(found["file"]) == place / NAME / "__init__.py"
    assert found["display_name"] == "Annotate Jobs"
    assert found["files"] == 58
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"])
    if (place / NAME / "cli.py").exists():
        script = home / "bin" / "napari-annotate-jobs"
        assert "usage" in run(script, "--help").lower()

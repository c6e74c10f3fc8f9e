"""What the README says can be done."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README_PAGE, OWNING = ROOT / "README.md", ROOT / "docs" / "owning.md"
README = README_PAGE.read_text(encoding="utf-8")
PAGES = [README_PAGE, *sorted((ROOT / "docs").glob("*.md"))]


def test_the_python_example_runs(tmp_path, capsys, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = runpy.run_path(str(script))
    output = capsys.readouterr().out
    assert "'labelled': 4" in output
    assert "'nothing to label': 11" in output
    assert "1 Ana []" in output
    assert names["mask"].any()


def test_the_script_of_the_documentation_runs(tmp_path, capsys, monkeypatch):
    page = (ROOT / "docs" / "scripting.md").read_text(encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = runpy.run_path(str(script))
    assert capsys.readouterr().out.splitlines()[1] == "1 1"  # one waited, one passed
    assert names["report"].cases == 1


@pytest.mark.parametrize("page", [README_PAGE, OWNING], ids=lambda page: page.name)
def test_the_commands_are_known(page):
    from napari_annotate_jobs.cli import build_parser

    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"^napari-annotate-jobs ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = line.replace("\\\n", " ").partition("#  ")[0]
        words = shlex.split(re.sub(r"\s# .*", "", words))
        build_parser().parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_are_there(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_walks_go_through_files_that_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walks = text.partition("### Three walks")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/]+\.py)`", walks)
    assert len(named) > 30
    package = ROOT / "src" / "napari_annotate_jobs"
    assert [name for name in named if not (package / name).is_file()] == []


@pytest.mark.slow
def test_the_documentation_builds_strictly(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    reference = (tmp_path / "api.html").read_text(encoding="utf-8")
    for name in ("session.AnnotationSession", "stores.create_job", "formats.export"):
        assert f'id="napari_annotate_jobs.{name}"' in reference

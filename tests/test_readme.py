"""What the README says can be done."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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


def test_the_commands_are_known(capsys):
    from napari_annotate_jobs.cli import build_parser

    lines = re.findall(r"^napari-annotate-jobs ((?:.*\\\n)*.*)$", README, re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        words = line.replace("\\\n", " ").partition("#  ")[0]
        words = re.sub(r"\s# .*", "", words).split()
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

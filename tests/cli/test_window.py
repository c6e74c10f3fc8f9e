"""Where no window can be opened: one sentence, exit code 2, nothing written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from napari_annotate_jobs.cli import _window

pytestmark = pytest.mark.slow  # a process each

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="X11 and Wayland")
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
MAIN = "import sys; from napari_annotate_jobs.cli import main; sys.exit(main())"


@pytest.fixture
def call(outside_env, tmp_path):
    """Return a function that runs the command line in a process of its own."""

    def call(*arguments, before="", **environment):
        env = {k: v for k, v in outside_env.items() if k not in SCREENS}
        for name in ("CONFIG", "DATA", "STATE"):
            env[f"XDG_{name}_HOME"] = str(tmp_path / name)
        code = before + MAIN
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *arguments],
            capture_output=True,
            text=True,
            env=env | environment,
            timeout=120,
        )
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("napari-annotate-jobs: no window can be opened: ")
        assert not done.stdout
        assert not list(tmp_path.glob("DATA/**/*"))
        return line

    return call


@LINUX
@pytest.mark.parametrize("verb", ["demo", "open"])
def test_no_screen(call, verb):
    assert "xvfb-run" in call(verb)
    assert ":4711 cannot be reached" in call(verb, DISPLAY=":4711")


@pytest.mark.parametrize("verb", [["demo"], ["open"], ["demo", "--headless", "x"]])
def test_no_binding(call, verb, tmp_path):
    names = ("PyQt5", "PyQt6", "PySide2", "PySide6")
    gone = f"import sys; sys.modules.update(dict.fromkeys({names}))\n"
    line = call(*verb, before=gone, DISPLAY=":4711")
    assert 'pip install "napari-annotate-jobs[all]"' in line
    assert not Path("x").exists()


@LINUX
def test_a_library_of_the_binding_is_missing(call):
    broken = """
import sys
class Finder:
    def find_spec(self, name, *args):
        if name.endswith(".QtWidgets") and not name.startswith("qtpy"):
            raise ImportError("libGL.so.1: cannot open shared object file")
sys.meta_path.insert(0, Finder())
"""
    line = call("open", before=broken, DISPLAY=":4711")
    assert "libGL.so.1" in line and "apt-get install libgl1" in line


@LINUX
def test_a_plugin_of_qt_is_missing(call):
    line = call("open", QT_QPA_PLATFORM="xcbx")
    assert "plugin" in line and "libxcb-cursor0" in line


@LINUX
def test_a_screen_is_enough(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    _window.require_window()

"""What all tests share: a home of their own, an order, the sample images."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from pathlib import Path


def _in_memory() -> None:
    """Let what tests write be kept in memory, where there is room.

    They write thousands of files durably, and a disk takes milliseconds for each.
    """
    memory = "/dev/shm"
    if os.environ.get("TMPDIR") or not os.access(memory, os.W_OK | os.X_OK):
        return
    if shutil.disk_usage(memory).free > 4 * 2**30:
        os.environ["TMPDIR"] = tempfile.tempdir = memory


_in_memory()

# The user's settings and caches are neither read nor touched. Set before anything
# of napari's settings is imported, and in every worker process anew.
_HOME = tempfile.TemporaryDirectory(prefix="annotate-jobs-tests-")
_OUTSIDE = dict(os.environ)
for _name in ("CACHE", "CONFIG", "DATA", "STATE"):
    os.environ[f"XDG_{_name}_HOME"] = os.path.join(_HOME.name, _name.lower())
if sys.platform == "darwin":  # where the XDG variables mean nothing
    os.environ["HOME"] = _HOME.name
os.environ["NAPARI_CONFIG"] = os.path.join(_HOME.name, "napari", "settings.yaml")
# A Qt that finds no screen aborts the whole process.
if sys.platform == "linux" and not (
    os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def _go_with_the_tests() -> None:
    """Let a process end with the one that started it, should that be killed."""
    death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
    ctypes.CDLL(None).prctl(death_signal, signal.SIGTERM)


def _own_screen() -> subprocess.Popen[bytes] | None:
    """Give each of several processes its own screen: a screen has one focus."""
    if sys.platform != "linux" or "PYTEST_XDIST_WORKER" not in os.environ:
        return None
    if not os.environ.get("DISPLAY") or shutil.which("Xvfb") is None:
        return None
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24"]
    # Its clients come and go: programs that tests start look whether there is a screen.
    command += ["-nolisten", "tcp", "-noreset"]
    screen = subprocess.Popen(
        command,
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
        preexec_fn=_go_with_the_tests,
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()
    if number:
        os.environ["DISPLAY"] = f":{number}"
        for name in ("WAYLAND_DISPLAY", "XAUTHORITY"):
            os.environ.pop(name, None)
    return screen


_SCREEN = _own_screen()

# No test is timed: machines are shared. In CI the same examples run every time.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("project"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "project")


def pytest_unconfigure() -> None:
    _HOME.cleanup()
    if _SCREEN is not None:
        _SCREEN.terminate()
        _SCREEN.wait()


def pytest_itemcollected(item: pytest.Item) -> None:
    # What makes a Qt application, or napari's window, does so through this fixture.
    if "qapp" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.window)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Quick answers first, unless processes share the tests: then no long one is left
    # for the end. The sort keeps the order among equals.
    late = "PYTEST_XDIST_WORKER" not in os.environ
    items.sort(key=lambda item: (item.get_closest_marker("slow") is not None) is late)


@pytest.fixture(scope="session")
def outside_env() -> dict[str, str]:
    """Return the environment as it was, for tools with caches of their own."""
    return dict(_OUTSIDE)


@pytest.fixture(scope="session")
def samples() -> dict[str, Path]:
    """Return the folders of the sample images by name."""
    from napari_annotate_jobs.samples import sample_paths

    return sample_paths()

"""What all tests share: a home of their own, an order, the sample images."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_annotate_jobs.server import Service
    from napari_annotate_jobs.server._database import Database


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
# Settings of napari's live as long as the process: it would write all of them anew
# whenever a dock finds its place.
os.environ["NAPARI_CONFIG"] = ""
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
settings.register_profile(
    "thorough", settings.get_profile("project"), max_examples=2000
)
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


def pytest_collection() -> None:
    # Next to nothing of it is garbage.
    gc.disable()


def pytest_collection_finish() -> None:
    # All that was imported, and thousands of tests, stay to the end: no collection of
    # garbage needs to go through them.
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def outside_env() -> dict[str, str]:
    """Return the environment as it was, for tools with caches of their own."""
    return dict(_OUTSIDE)


@pytest.fixture(scope="session")
def samples() -> dict[str, Path]:
    """Return the folders of the sample images by name."""
    from napari_annotate_jobs.samples import sample_paths

    return sample_paths()


class Servers:
    """One application for all tests, in this process, and behind a socket when asked.

    Parameters
    ----------
    path : Path
        Folder for what servers write.
    """

    def __init__(self, path: Path) -> None:
        from napari_annotate_jobs.server import ServerSettings, create_app, open_service
        from napari_annotate_jobs.testing._serving import InProcess

        self._path, self._made = path, 0
        self._open = ExitStack()
        self._kinds: dict[str, Service] = {}
        first = open_service(ServerSettings(path / "folder"))
        self._kinds["folder"] = self._open.enter_context(first)
        self.app = create_app(self._kinds["folder"], chores=False)
        self.transport = InProcess(self.app)
        self._open.callback(self.transport.stop)

    @cached_property
    def address(self) -> str:
        """Where the application listens."""
        from napari_annotate_jobs.testing._serving import listening

        return self._open.enter_context(listening(self.app))

    def service(self, kind: str = "folder", images: tuple[Path, ...] = ()) -> Service:
        """Return the parts of an empty server; the application is that one now.

        Parameters
        ----------
        kind : str
            ``folder`` for SQLite and a folder, ``cloud`` for PostgreSQL and S3.
        images : tuple of Path
            Folders that images may lie in.
        """
        from napari_annotate_jobs.server import Service
        from napari_annotate_jobs.server._blobs import open_blobs

        if kind not in self._kinds:
            self._kinds[kind] = self._cloud()
        whole = self._kinds[kind]
        self._made += 1
        home = self._path / str(self._made)
        home.mkdir()
        blobs = whole.settings.blobs
        shelf = open_blobs(home / "blobs" if blobs is None else f"{blobs}/{self._made}")
        # The database stays open: what was learnt of its statements is kept.
        _empty(whole.database)
        settings = replace(whole.settings, home=home, images=images)
        self.app.state.service.together.close()
        self.app.state.service = Service(settings, whole.database, shelf)
        return self.app.state.service

    def _cloud(self) -> Service:
        from napari_annotate_jobs.server import ServerSettings, open_service
        from napari_annotate_jobs.testing._backends import (
            Unavailable,
            object_store,
            postgres,
        )

        try:
            url = self._open.enter_context(postgres())
            blobs, environment = self._open.enter_context(object_store())
        except Unavailable as error:
            pytest.skip(str(error))
        patch = self._open.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = ServerSettings(self._path / "cloud", database=url, blobs=blobs)
        return self._open.enter_context(open_service(settings))

    def close(self) -> None:
        """End all."""
        self._open.close()


def _empty(database: Database) -> None:
    from sqlalchemy import text

    from napari_annotate_jobs.server._schema import METADATA

    with database.writing() as connection:
        if database.is_sqlite:
            for table in reversed(METADATA.sorted_tables):
                connection.execute(table.delete())
        else:
            names = ", ".join(f'"{name}"' for name in METADATA.tables)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Return servers to test: with SQLite, with PostgreSQL and S3."""
    servers = Servers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.close()

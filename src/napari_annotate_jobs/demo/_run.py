"""The demo: three jobs of real images, by hand or walked through by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import AnnotateJobsError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "display_command",
    "own_settings",
    "run_demo",
    "run_headless",
    "unused_folder",
]

SCREEN = "-screen 0 1600x1000x24 -nolisten tcp"
"""What Xvfb is asked for."""


def run_demo(folder: str | os.PathLike[str] | None = None) -> int:
    """Make the demo's jobs, open napari at My Jobs, and stay until it is closed.

    Parameters
    ----------
    folder : path-like, optional
        Where the jobs are kept; a folder of this user by default. It must be empty,
        or not be there, or hold the demo's jobs, which are kept as they are.

    Returns
    -------
    int
        0, the exit code.

    Raises
    ------
    AnnotateJobsError
        If the jobs cannot be written, or the folder holds something else.
    """
    from napari_annotate_jobs._manifest import open_napari

    from ._jobs import DEMO_JOBS, demo_location, make_demo_jobs

    place = demo_location() if folder is None else Path(folder).expanduser().absolute()
    try:
        if folder is not None and place.exists():
            _check_unused(place, but=DEMO_JOBS)
        make_demo_jobs(place)
    except OSError as error:
        raise _unwritable(place, error) from error
    print(f"The demo's jobs are in {place}")
    open_napari(str(place))
    return 0


def run_headless(folder: str | os.PathLike[str]) -> int:
    """Walk through the demo without a person, then verify what was written.

    A process of its own does it, with settings of its own; where there is no
    display, on a virtual one of Xvfb's.

    Parameters
    ----------
    folder : path-like
        Jobs and numbered pictures go there; it must be empty, or not be there.

    Returns
    -------
    int
        0 if everything went as it should and is in the files, else 1.

    Raises
    ------
    AnnotateJobsError
        If the folder cannot be used, or there is neither a display nor Xvfb.
    """
    place = unused_folder(folder)
    command = [sys.executable, "-m", "napari_annotate_jobs.demo._walk", str(place)]
    with tempfile.TemporaryDirectory(prefix="annotate-jobs-demo-") as home:
        environment = own_settings(Path(home))
        command = display_command(command, environment)
        return subprocess.run(command, env=environment, check=False).returncode


def unused_folder(folder: str | os.PathLike[str]) -> Path:
    """Return a folder that is empty, made if it is not there.

    Raises
    ------
    AnnotateJobsError
        If it holds something, or cannot be written.
    """
    place = Path(folder).expanduser().absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
        _check_unused(place)
    except OSError as error:
        raise _unwritable(place, error) from error
    return place


def _check_unused(place: Path, but: Sequence[str] = ()) -> None:
    """Refuse a folder that holds something; hidden files do not count."""
    for entry in place.iterdir():
        if entry.name[0] != "." and entry.name not in but:
            raise AnnotateJobsError(
                f"the folder is not empty: it holds {entry.name}",
                where=place,
                remedy="Name a folder that is empty or not there yet",
            )


def own_settings(home: Path) -> dict[str, str]:
    """Return an environment in which the user's settings are not touched."""
    environment = dict(os.environ)
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        environment[f"XDG_{name}_HOME"] = str(home / name.lower())
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    environment["XDG_RUNTIME_DIR"] = str(runtime)
    environment["NAPARI_CONFIG"] = str(home / "napari.yaml")
    if sys.platform == "darwin":  # where the XDG variables mean nothing
        environment["HOME"] = str(home)
    return environment


def display_command(
    command: Sequence[str], environment: dict[str, str], *, own: bool = False
) -> list[str]:
    """Return what runs a command with a window where there is no display.

    Parameters
    ----------
    command : sequence of str
        The command.
    environment : dict
        Its environment; changed to suit a virtual display, if that is needed.
    own : bool
        On a virtual display also where there is one: two windows share no focus.
    """
    if _has_display(environment) and not (own and sys.platform.startswith("linux")):
        return list(command)
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        environment.pop(name, None)
    environment |= {"LIBGL_ALWAYS_SOFTWARE": "1", "XDG_SESSION_TYPE": "x11"}
    return [*_virtual_display(), *command]


def _has_display(environment: dict[str, str]) -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def _virtual_display() -> list[str]:
    missing = [name for name in ("xvfb-run", "xauth") if shutil.which(name) is None]
    if missing:
        raise AnnotateJobsError(
            f"there is no display, and {missing[0]} is missing",
            remedy="Install the packages xvfb and xauth (Debian, Ubuntu: "
            "apt-get install xvfb xauth), or run it on a desktop",
        )
    return ["xvfb-run", "-a", "-s", SCREEN]


def _unwritable(place: Path, error: OSError) -> AnnotateJobsError:
    return AnnotateJobsError(
        f"the demo cannot be written ({error.strerror or error})",
        where=place,
        remedy="Name a folder that you may write to",
    )

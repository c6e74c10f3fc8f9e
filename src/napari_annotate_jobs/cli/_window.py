"""Whether a window can be opened at all, found out before Qt aborts the process."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys

from napari_annotate_jobs.errors import AnnotateJobsError

__all__ = ["require_qt", "require_window"]

_BINDINGS = ("PyQt6", "PySide6", "PyQt5")
_PROBE = "from qtpy.QtWidgets import QApplication; QApplication([])"
_LIBRARIES = (
    "Install the libraries that Qt needs (Debian, Ubuntu: apt-get install libgl1 "
    "libegl1 libdbus-1-3 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0)"
)


def require_qt() -> None:
    """See to it that a Qt binding can be loaded.

    Raises
    ------
    AnnotateJobsError
        If there is none, or one that is broken; says what to install.
    """
    try:
        importlib.import_module("qtpy.QtWidgets")
        importlib.import_module("qtpy.QtOpenGLWidgets")
    except Exception as error:  # qtpy has errors of its own for each of many causes
        installed = [name for name in _BINDINGS if _is_installed(name)]
        if not installed:
            raise AnnotateJobsError(
                "no window can be opened: there is no Qt binding",
                remedy='Install one with: pip install "napari-annotate-jobs[all]"',
            ) from error
        why = _load_error(installed[0]) or str(error)
        raise AnnotateJobsError(
            f"no window can be opened: {installed[0]} cannot be loaded "
            f"({_first_line(why)})",
            remedy=_remedy(why),
        ) from error


def require_window() -> None:
    """See to it that Qt can be loaded and has a screen.

    Qt ends the whole process where it finds no screen, so another one tries first.

    Raises
    ------
    AnnotateJobsError
        If no window can be opened; says why, and what to do.
    """
    require_qt()
    if not sys.platform.startswith("linux"):
        return
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if not any(os.environ.get(name) for name in screens):
        raise _no_screen("DISPLAY and WAYLAND_DISPLAY are not set")
    try:
        probe = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _PROBE],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _no_screen("it does not answer") from error
    if probe.returncode == 0:
        return
    if "could not connect to display" in probe.stderr:
        raise _no_screen(f"{os.environ.get('DISPLAY', '')} cannot be reached".strip())
    raise AnnotateJobsError(
        f"no window can be opened: {_first_line(probe.stderr) or 'Qt gives up'}",
        remedy=_LIBRARIES,
    )


def _no_screen(why: str) -> AnnotateJobsError:
    return AnnotateJobsError(
        f"no window can be opened: there is no screen ({why})",
        remedy="Run it on a desktop, over ssh with -X, or with: xvfb-run "
        "napari-annotate-jobs",
    )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _load_error(name: str) -> str:
    """Return why a binding that is installed cannot be loaded; qtpy hides it."""
    for module in ("QtCore", "QtGui", "QtWidgets", "QtOpenGLWidgets"):
        try:
            importlib.import_module(f"{name}.{module}")
        except ImportError as error:
            return str(error)
    return ""


def _remedy(why: str) -> str:
    if ".so" in why and sys.platform.startswith("linux"):
        return _LIBRARIES
    return 'Install it anew with: pip install --force-reinstall "PyQt6"'


def _first_line(text: str) -> str:
    lines = [line.strip().rstrip(".") for line in text.splitlines() if line.strip()]
    # Qt tells of what it tried first, then that it gives up.
    told = [line for line in lines if "lib" in line or "plugin" in line]
    return (told or lines or [""])[0]

"""Starts napari with My Jobs opened, and napari alone; a new process each time.

The start ends when the window has been painted; the jobs are read after that, on a
thread of their own.

Also says which heavy packages the manifest's commands load before one is used: none.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _bench import compare, report

ALONE = """
import os
import napari
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer()
{more}
QApplication.processEvents()
os._exit(0)  # the end is no part of the start
"""
MY_JOBS = """
viewer.window.add_plugin_dock_widget("napari-annotate-jobs", "My Jobs")
"""
MANIFEST = """
import sys
import npe2
npe2.PluginManager.instance().discover()
import napari_annotate_jobs
from napari_annotate_jobs import _manifest
heavy = {"qtpy", "pydicom", "skimage", "scipy", "napari_annotate_jobs.model"}
print(len(heavy & set(sys.modules)))
"""


def run(code: str, home: Path) -> str:
    """Run code in a fresh interpreter, with settings of its own."""
    environment = {**os.environ, "NAPARI_CONFIG": str(home / "napari.yaml")}
    for name in ("CONFIG", "DATA", "STATE"):
        environment[f"XDG_{name}_HOME"] = str(home / name.lower())
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        compare(
            "start napari with My Jobs opened",
            lambda: run(ALONE.format(more=MY_JOBS), home),
            lambda: run(ALONE.format(more=""), home),
            repeats=7,
            goal=1.05,
        )
        heavy = float(run(MANIFEST, home))
        report("heavy packages the manifest loads", heavy, 0, unit="packages", goal=0)


if __name__ == "__main__":
    main()

"""Opens the first case of a fresh program, and adds the same layers to napari alone.

Each run has a process of its own, so that nothing was drawn before: ours with a job's
page open, where Annotate is clicked; the image is read from its file, and the docks
come. The peer is napari's empty window, to which the same image, in memory, and a
Labels layer are added. Both end when the picture is on the screen.

``processors`` is the ratio of the time of all processors.
"""

from __future__ import annotations

import os
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import nibabel
import numpy as np
from _bench import report
from _jobs import masks_job, write_nifti
from hand import SLICES, Screen, Seconds, go_on, now
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton

from napari_annotate_jobs.app._canvas import canvas_of
from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.testing._drive import Driver

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from qtpy.QtCore import QSize

REPEATS = 5


def ours(job: Path) -> tuple[Seconds, QSize]:
    """Return the seconds of the first case, and the size of the canvas."""
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(job)))
    driver.activate()
    driver.open_job(job.name)
    screen = Screen(driver.canvas)
    button = driver.my_jobs.page.findChild(QPushButton, "open_first")
    start = now()
    driver.click(button)
    open_job = driver.current_job
    while open_job.on_screen is None or not open_job.on_screen.is_there:
        go_on()
    screen.wait(0)
    taken = now() - start
    return taken, driver.canvas.size()


def peer(image: Path, size: QSize) -> tuple[Seconds, QSize]:
    """Return the seconds of adding the image and a Labels layer."""
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    canvas = canvas_of(viewer.window._qt_window)
    canvas.setFixedSize(size)
    viewer.window.activate()
    QTest.qWait(500)
    voxels = np.asarray(nibabel.load(image).dataobj).T
    screen, scale = Screen(canvas), (2.0, 0.8, 0.8)
    start = now()
    viewer.add_image(voxels, scale=scale, contrast_limits=(-160, 240))
    viewer.add_labels(np.zeros(voxels.shape, np.uint8), scale=scale)
    screen.wait(0)
    return now() - start, canvas.size()


def run(wire: Connection, folder: Path, size: QSize | None) -> None:
    """Be one side, once."""
    image = folder / "case.nii"
    wire.send(ours(folder / "organs") if size is None else peer(image, size))
    os._exit(0)  # the end is no part of it


def main() -> None:
    context = get_context("spawn")
    taken: list[list[Seconds]] = [[], []]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_nifti(folder / "case.nii", (SLICES, 512, 512))
        masks_job(folder, [folder / "case.nii"])
        for _ in range(REPEATS):
            size = None
            for figures in taken:
                here, there = context.Pipe()
                process = context.Process(target=run, args=(there, folder, size))
                process.start()
                seconds, size = here.recv()
                process.join()
                figures.append(seconds)
    mine, theirs = (np.median(figures, axis=0) for figures in taken)
    report(
        "the first case of a fresh program",
        float(mine[0]),
        float(theirs[0]),
        unit="s",
        goal=1.2,
        processors=float(f"{mine[1] / theirs[1]:.3g}"),
    )


if __name__ == "__main__":
    main()

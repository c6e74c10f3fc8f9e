"""Steps through slices with all our docks open, and in napari with the layers alone.

Both sides show the same locked layers (image, masks, proposals, boxes) of one 61-slice
series. A step is a move of napari's slider, the slice being painted on the canvas, and
every dock being repainted.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import napari
from _bench import compare
from _jobs import mixed_job
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.testing._drive import Driver

STEPS = 20


def steps(viewer: napari.Viewer) -> None:
    """Step on, and back to where it was."""
    start = viewer.dims.current_step[0]
    for step in (*range(1, STEPS), *range(STEPS, -1, -1)):
        viewer.dims.set_current_step(0, start + step)
        QApplication.processEvents()


def at_work(folder: Path) -> Driver:
    """Open the case in a viewer with all our docks."""
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(mixed_job(folder))))
    driver.activate()
    driver.open_job("mixed")
    driver.annotate()
    driver.session.slice = 5
    driver.settle()
    return driver


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        driver = at_work(Path(folder))
        viewer = driver.viewer
        layers = list(viewer.layers)
        bare = napari.Viewer()
        bare.window.resize(1280, 800)
        for layer in layers:
            data, kwargs, kind = layer.as_layer_data_tuple()
            (same,) = bare._add_layer_from_data(data, kwargs, kind)
            same.locked = layer.locked
        # The same part of the screen to draw on, and nothing of ours beside it.
        size = driver.canvas.size()
        bare.dims.set_current_step(0, 5)
        bare.window._qt_viewer.canvas.native.setFixedSize(size)
        QApplication.processEvents()
        compare(
            "step through slices with all docks open",
            lambda: steps(viewer),
            lambda: steps(bare),
            repeats=7,
            goal=1.05,
            steps=2 * STEPS,
            slices=int(layers[0].data.shape[0]),
        )
        driver.station.close()
        viewer.close()
        bare.close()


if __name__ == "__main__":
    main()

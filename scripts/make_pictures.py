"""Makes the pictures of propagation in docs/pictures/propagation, on a screen.

The others in docs/pictures come from `scripts/demo FOLDER`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

OUTPUT = Path(__file__).parents[1] / "docs" / "pictures" / "propagation"
KEYS = {6: (183, 174, 9), 8: (183, 175, 13), 10: (183, 176, 12)}
"""Slice of the CT to row, column and radius of the tumour, in pixels."""
HERE = 7


def main(output: Path) -> None:
    """Paint, interpolate, box and fill as a person would, and take the pictures."""
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs
    from napari_annotate_jobs.demo._drive import Driver
    from napari_annotate_jobs.demo._jobs import DEMO_JOBS, make_demo_jobs

    jobs = make_demo_jobs(Path(os.environ["XDG_DATA_HOME"]) / "demo")
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(jobs)))
    driver.activate()
    driver.open_job(DEMO_JOBS[2])
    driver.annotate()
    driver.press_label("Tumour")
    viewer.layers.selection.active.brush_size = 20
    for index, (row, column, radius) in KEYS.items():
        driver.go_to(index)
        turn = [(row, column), (row - 3, column), (row, column + radius // 3)]
        turn += [(row + 3, column), (row, column - radius // 3), (row, column)]
        driver.drag_pixels(turn)
    driver.press_action("interpolate")
    driver.settle()
    driver.go_to(HERE)
    driver.screenshot(output / "walk-masks.png")
    driver.press_label("Nodule")
    for index, (row, column, radius) in KEYS.items():
        driver.go_to(index)
        edge = radius + 4
        corners = [(row - edge, column - edge), (row + edge, column + edge)]
        driver.drag_pixels(corners)
    driver.go_to(HERE)
    driver.settle()
    driver.screenshot(output / "walk-boxes.png")
    driver.press_label("Tumour")
    driver.press_action("smart_fill")
    driver.settle()
    driver.screenshot(output / "walk-fill.png")
    driver.station.close()
    viewer.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(home) / name.lower())
        os.environ["NAPARI_CONFIG"] = str(Path(home) / "napari.yaml")
        main(Path(sys.argv[1]) if sys.argv[1:] else OUTPUT)

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


def make_job(folder: Path) -> Path:
    """Make a job of masks, boxes and classes on a CT of the samples."""
    from napari_annotate_jobs.model import (
        COLORS,
        Case,
        Job,
        Label,
        LabelSet,
        Method,
        Project,
        SeriesRef,
    )
    from napari_annotate_jobs.samples import sample_paths
    from napari_annotate_jobs.stores import create_job

    kinds = {
        "Tumour": Method.SEGMENTATION,
        "Nodule": Method.DETECTION,
        "Artefact": Method.CLASSIFICATION,
    }
    labels = tuple(
        Label(id=i, name=name, color=COLORS[2 * i], method=method)
        for i, (name, method) in enumerate(kinds.items(), 1)
    )
    project = Project(
        name="Lung",
        methods=tuple(kinds.values()),
        label_set=LabelSet(labels=labels),
    )
    series = SeriesRef(path=str(sample_paths()["ct-lung"]))
    case = Case(id="ct", name="CT of the lung, large tumour", series=(series,))
    folder.mkdir(parents=True)
    create_job(folder / "lung", Job(id="lung", project=project), [case]).close()
    return folder


def main(output: Path) -> None:
    """Paint, interpolate, box and fill as a person would, and take the pictures."""
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs
    from napari_annotate_jobs.testing._drive import Driver

    jobs = make_job(Path(os.environ["XDG_DATA_HOME"]) / "jobs")
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(jobs)))
    driver.activate()
    driver.open_job("lung")
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

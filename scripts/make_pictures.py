"""Makes the pictures of new jobs, propagation and comparisons in docs/pictures.

The others there come from `scripts/demo FOLDER`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_annotate_jobs.testing._drive import Driver

OUTPUT = Path(__file__).parents[1] / "docs" / "pictures"
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


def shoot(driver: Driver, path: Path) -> None:
    """Take a picture, without what was told meanwhile."""
    from napari_annotate_jobs.app._asks import notifications

    for notice in notifications():
        notice.close()
    driver.screenshot(path)


def propagate(driver: Driver, output: Path) -> None:
    """Paint, interpolate, box and fill as a person would, and take the pictures."""
    viewer = driver.viewer
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
    shoot(driver, output / "walk-masks.png")
    driver.press_label("Nodule")
    for index, (row, column, radius) in KEYS.items():
        driver.go_to(index)
        edge = radius + 4
        corners = [(row - edge, column - edge), (row + edge, column + edge)]
        driver.drag_pixels(corners)
    driver.go_to(HERE)
    driver.settle()
    shoot(driver, output / "walk-boxes.png")
    driver.press_label("Tumour")
    driver.press_action("smart_fill")
    driver.settle()
    shoot(driver, output / "walk-fill.png")
    driver.press_action("smart_fill")
    sit_down(driver, "ana")


def sit_down(driver: Driver, person: str) -> None:
    """Let somebody else take the place."""
    from napari_annotate_jobs.app._settings import settings_model

    driver.raise_tab("My Jobs")
    driver.click(driver.back)
    settings_model().person = person
    driver.settle()


def read(driver: Driver, *turns: list[tuple[float, float]]) -> None:
    """Outline the tumour on the key slices, and submit."""
    driver.open_job("lung")
    driver.annotate()
    driver.press_label("Tumour")
    driver.viewer.layers.selection.active.brush_size = 20
    for index, turn in zip(KEYS, turns, strict=True):
        driver.go_to(index)
        driver.drag_pixels(turn)
    driver.negate_and_submit()
    driver.settle()


def review(driver: Driver, output: Path) -> None:
    """Let two read the case, and compare and correct what they submitted."""

    def turn(index: int, shift: float) -> list[tuple[float, float]]:
        row, column, radius = KEYS[index]
        size = radius / 2
        ring = [(row, column - size), (row + size, column), (row, column + size)]
        return [(y + shift, x + shift) for y, x in (*ring, (row - size, column))]

    for person, shift in (("ana", 0.0), ("ben", 3.0)):
        read(driver, *(turn(index, shift) for index in KEYS))
        sit_down(driver, "eve" if person == "ben" else "ben")
    driver.open_review("lung")
    driver.annotate()
    panel = driver.current_job.panel
    panel.against.setCurrentIndex(1)
    panel.against.activated.emit(1)
    driver.settle()
    driver.go_to(max(KEYS) - 2)
    shoot(driver, output / "outlines.png")
    driver.press_action("side_by_side")
    driver.settle()
    shoot(driver, output / "beside.png")
    driver.press_action("side_by_side")
    driver.settle()
    driver.press_action("correct_case")
    driver.wait(lambda: driver.current_job.is_correcting)
    driver.settle()
    driver.press_label("Tumour")
    shoot(driver, output / "correct.png")


def new_job(driver: Driver, folder: Path, output: Path) -> None:
    """Make a job of a folder of studies, as far as its window goes."""
    import shutil

    from napari_annotate_jobs.app._new_jobs import NewJobs
    from napari_annotate_jobs.samples import sample_paths

    names = ("ct-lung", "ct-lung-nodule", "mr-brain", "mr-brain-tumour")
    for number, name in enumerate(names, 1):
        shutil.copytree(sample_paths()[name], folder / f"study-{number}")
    jobs = NewJobs.of(driver.station)
    dialog = jobs.show(driver.window, [str(folder)])
    dialog.set_place("~/Documents/Annotate Jobs/ct-studies")
    driver.wait(lambda: dialog.studies.count() == len(names))
    dialog.labels.text_pasted.emit("lung\ntumour=red\nclassification:motion artefact")
    dialog.instructions.setPlainText("Outline the tumour on every slice that shows it.")
    driver.wait(lambda: dialog.studies.drawn == len(names), 100)
    dialog.setFocus()
    driver.settle()
    output.mkdir(parents=True, exist_ok=True)
    assert dialog.grab().save(str(output / "new-job.png"))
    jobs.close()


def main(output: Path) -> None:
    """Open napari on jobs of its own, and take all pictures."""
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs
    from napari_annotate_jobs.testing._drive import Driver

    home = Path(os.environ["XDG_DATA_HOME"])
    jobs = make_job(home / "jobs")
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(jobs)))
    driver.activate()
    new_job(driver, home / "ct-studies", output / "panels")
    propagate(driver, output / "propagation")
    review(driver, output / "review")
    driver.station.close()
    viewer.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(home) / name.lower())
        os.environ["NAPARI_CONFIG"] = str(Path(home) / "napari.yaml")
        main(Path(sys.argv[1]) if sys.argv[1:] else OUTPUT)

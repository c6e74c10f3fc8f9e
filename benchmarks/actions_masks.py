"""T2: one organ on 100 slices from 12 painted key slices.

Clicks, drags and key presses in the real interface are counted, except those that
paint the key slices; turning the wheel to another slice is none. The peer
interpolates in a dialog of its own, confirms it, goes through what was made, saves
and closes the task. The case has 120 slices: those without the organ are marked as
such before it is submitted. `dice` compares what was submitted with the organ.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _bench import report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.demo._drive import Driver

PEER = 15
SHAPE = (120, 192, 192)
FIRST, LAST = 10, 109
KEYS = np.linspace(FIRST, LAST, 12).round().astype(int).tolist()


def place(index: int) -> tuple[float, float, float]:
    """Return row, column and radius of the organ on a slice."""
    part = (index - FIRST) / (LAST - FIRST)
    row, column = 96 + 18 * np.sin(3 * part), 84 + 24 * part
    return row, column, 12 + 22 * np.sin(np.pi * (0.1 + 0.8 * part))


def organ() -> NDArray[np.bool_]:
    """Return where the organ is."""
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    truth = np.zeros(SHAPE, dtype=bool)
    for index in range(FIRST, LAST + 1):
        row, column, radius = place(index)
        truth[index] = np.hypot(rows - row, columns - column) <= radius
    return truth


def make_job(folder: Path, truth: NDArray[np.bool_]) -> None:
    """Make a job of one case that shows the organ."""
    import nibabel

    from napari_annotate_jobs.model import (
        Case,
        Job,
        Label,
        LabelSet,
        Method,
        Project,
        SeriesRef,
    )
    from napari_annotate_jobs.stores import create_job

    noise = np.random.default_rng(0).normal(0, 20, SHAPE)
    voxels = (noise + np.where(truth, 110, 40)).astype(np.int16)
    path = folder / "organ.nii"
    nibabel.save(nibabel.Nifti1Image(voxels.T, np.diag((1.0, 1.0, 2.0, 1.0))), path)
    label = Label(id=1, name="Organ", color="#E69F00", method=Method.SEGMENTATION)
    project = Project(
        name="Organ",
        methods=(Method.SEGMENTATION,),
        label_set=LabelSet(labels=(label,)),
    )
    case = Case(id="ct", name="CT", series=(SeriesRef(path=str(path)),))
    create_job(folder / "job", Job(id="organ", project=project), [case]).close()


def walk(folder: Path) -> tuple[int, NDArray[np.bool_]]:
    """Segment the organ; return how many actions that took, and what came of it."""
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs
    from napari_annotate_jobs.demo._drive import Driver
    from napari_annotate_jobs.model import Decision, Status

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(folder)))
    driver.activate()
    driver.open_job("organ")
    driver.annotate()
    driver.activate()
    session, editor, before = driver.session, driver.session.editor, driver.actions
    driver.press_label("Organ")
    not_counted = sum(paint(driver, index) for index in KEYS)
    driver.press_action("interpolate")
    driver.settle()
    waiting = [i for i, c in editor.contents().items() if c.proposals]
    assert len(waiting) == LAST - FIRST + 1 - len(KEYS), len(waiting)
    driver.press_action("confirm_all")
    driver.settle()
    driver.press_action("nothing_submit_next")
    count = driver.actions - before - not_counted
    driver.settle()
    assert session.status is Status.FINISHED
    decisions = [editor.decision(i) for i in range(SHAPE[0])]
    assert decisions.count(Decision.LABELLED) == LAST - FIRST + 1
    assert decisions.count(Decision.NOTHING_TO_LABEL) == 20
    found = np.zeros(SHAPE, dtype=bool)
    for index in range(FIRST, LAST + 1):
        found[index] = editor.mask(index) == 1
    driver.station.close()
    viewer.close()
    return count, found


def paint(driver: Driver, index: int) -> int:
    """Turn to a slice and paint the organ on it; return the actions of that."""
    from qtpy.QtCore import Qt

    before = driver.actions
    driver.wheel(driver.session.slice - index, Qt.KeyboardModifier.AltModifier)
    assert driver.session.slice == index
    row, column, radius = place(index)
    driver.viewer.layers["Segmentation"].brush_size = 2 * radius
    driver.drag_pixels([(row, column), (row, column)])
    return driver.actions - before


def main() -> None:
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    truth = organ()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(folder) / name.lower())
        os.environ["NAPARI_CONFIG"] = str(Path(folder) / "napari.yaml")
        make_job(Path(folder), truth)
        count, found = walk(Path(folder) / "job")
    dice = 2 * np.count_nonzero(found & truth) / (found.sum() + truth.sum())
    report(
        "T2 actions: an organ on 100 slices from 12",
        count,
        PEER,
        unit="actions",
        goal=4,
        dice=round(float(dice), 4),
    )


if __name__ == "__main__":
    main()

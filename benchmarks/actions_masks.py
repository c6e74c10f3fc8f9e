"""T2: the right fusiform gyrus of an atlas, on 110 slices from 12 painted ones.

Clicks, drags and key presses in the real interface are counted, except those that
paint the key slices. What is proposed is looked through slice by slice before it is
confirmed, a turn of the wheel a slice, and the same is counted for the peer. The case
has 217 slices: those without the structure are marked as such before it is submitted.
`looks` is how many of the actions look; `dice` compares what was submitted with the
atlas on all slices that show it.

The peer is 3D Slicer 5, counted from how it is known to work (Segment Editor, Fill
between slices), not measured: choose the effect, Initialize, look, Apply, then save by
Ctrl+S and Save. It keeps no list of cases, so none is closed and no slice said to be
empty.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _bench import report
from _masks import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.testing._drive import Driver

PEER = 5
STRUCTURE = 56
NUMBER = 12


def organ() -> NDArray[np.bool_]:
    """Return where the structure is, coronal slices first."""
    return np.asarray(load("aal.nii.gz", 1)[0] == STRUCTURE)


def make_job(folder: Path) -> None:
    """Make a job of one case, the head that the atlas was drawn on."""
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

    voxels = np.asarray(load("ch2.nii.gz", 1)[0])
    path = folder / "head.nii"
    nibabel.save(nibabel.Nifti1Image(voxels.T, np.eye(4)), path)
    label = Label(
        id=1, name="Fusiform gyrus", color="#E69F00", method=Method.SEGMENTATION
    )
    project = Project(
        name="Fusiform gyrus",
        methods=(Method.SEGMENTATION,),
        label_set=LabelSet(labels=(label,)),
    )
    case = Case(id="head", name="Head", series=(SeriesRef(path=str(path)),))
    create_job(folder / "job", Job(id="organ", project=project), [case]).close()


def walk(folder: Path, truth: NDArray[np.bool_]) -> tuple[int, int, NDArray[np.bool_]]:
    """Segment; return the actions, how many of them only look, and what came of it."""
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs
    from napari_annotate_jobs.model import Decision, Status
    from napari_annotate_jobs.testing._drive import Driver

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(folder)))
    driver.activate()
    driver.open_job("organ")
    driver.annotate()
    driver.activate()
    session, editor, before = driver.session, driver.session.editor, driver.actions
    driver.press_label("Fusiform gyrus")
    shown = np.flatnonzero(truth.any(axis=(1, 2))).tolist()
    keys = np.linspace(shown[0], shown[-1], NUMBER).round().astype(int).tolist()
    not_counted = sum(paint(driver, index, truth[index]) for index in keys)
    driver.press_action("interpolate")
    driver.settle()
    waiting = sorted(i for i, c in editor.contents().items() if c.proposals)
    looks = -driver.actions
    for index in reversed(waiting):
        turn(driver, index)
    looks += driver.actions
    driver.press_action("confirm_all")
    driver.settle()
    driver.press_action("nothing_submit_next")
    count = driver.actions - before - not_counted
    driver.settle()
    assert session.status is Status.FINISHED
    decisions = [editor.decision(i) for i in range(len(truth))]
    assert decisions.count(Decision.LABELLED) == len(waiting) + len(keys)
    assert Decision.UNDECIDED not in decisions
    found = np.zeros(truth.shape, dtype=bool)
    for index in range(len(truth)):
        mask = editor.mask(index)
        found[index] = False if mask is None else mask == 1
    driver.station.close()
    viewer.close()
    return count, looks, found


def turn(driver: Driver, index: int) -> None:
    """Turn the wheel to a slice."""
    from qtpy.QtCore import Qt

    driver.wheel(driver.session.slice - index, Qt.KeyboardModifier.AltModifier)
    assert driver.session.slice == index


def paint(driver: Driver, index: int, outline: NDArray[np.bool_]) -> int:
    """Turn to a slice and paint the structure on it; return the actions of that."""
    before = driver.actions
    turn(driver, index)
    layer = driver.viewer.layers["Segmentation"]
    rows, columns = np.nonzero(outline)
    layer.data_setitem((np.full(rows.size, index), rows, columns), 1)
    return driver.actions - before


def main() -> None:
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    truth = organ()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(folder) / name.lower())
        os.environ["NAPARI_CONFIG"] = str(Path(folder) / "napari.yaml")
        make_job(Path(folder))
        count, looks, found = walk(Path(folder) / "job", truth)
    dice = 2 * np.count_nonzero(found & truth) / (found.sum() + truth.sum())
    report(
        "T2 actions: a gyrus on 110 slices from 12, what is confirmed looked at",
        count,
        PEER + looks,
        unit="actions",
        goal=None,
        looks=looks,
        dice=round(float(dice), 4),
    )


if __name__ == "__main__":
    main()

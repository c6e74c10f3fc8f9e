"""T3: a nodule boxed over 15 slices, with key boxes on 3 of them.

Clicks, drags and key presses in the real interface are counted, going to a slice
among them, on both sides. The peer draws a box on the first slice, turns it into a
track, corrects it on two more and ends it, with the tool to be chosen and the frame to
be gone to each time: an estimate for a tool with tracks, not a measurement.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from _bench import report

FIRST, MIDDLE, LAST = 0, 7, 14
PEER = 12


def walk(folder: Path) -> int:
    """Box the nodule and return how many actions it took."""
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs
    from napari_annotate_jobs.demo._drive import Driver
    from napari_annotate_jobs.session import tracks

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(folder)))
    driver.activate()
    driver.open_job("nodule")
    driver.annotate()
    driver.activate()
    session, before = driver.session, driver.actions
    driver.press_label("Nodule")
    for index, (row, column, size) in {
        FIRST: (120, 70, 20),
        MIDDLE: (110, 60, 44),
        LAST: (124, 76, 16),
    }.items():
        driver.go_to(index)
        driver.drag_pixels([(row, column), (row + size, column + size)])
    driver.press_action("confirm_object")
    count = driver.actions - before
    driver.settle()
    (track,) = tracks(session.editor)
    assert list(track.boxes) == list(range(FIRST, LAST + 1)), track
    assert track.keys == (FIRST, MIDDLE, LAST), track.keys
    assert not track.proposals, track.proposals
    driver.station.close()
    viewer.close()
    return count


def make_job(folder: Path) -> None:
    """Make a job of boxes on the CT of the samples."""
    from napari_annotate_jobs.model import (
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

    label = Label(id=1, name="Nodule", color="#E69F00", method=Method.DETECTION)
    project = Project(
        name="Nodule", methods=(Method.DETECTION,), label_set=LabelSet(labels=(label,))
    )
    path = str(sample_paths()["ct-lung"])
    case = Case(id="ct", name="CT", series=(SeriesRef(path=path),))
    create_job(folder, Job(id="nodule", project=project), [case]).close()


def main() -> None:
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(folder) / name.lower())
        os.environ["NAPARI_CONFIG"] = str(Path(folder) / "napari.yaml")
        make_job(Path(folder) / "job")
        count = walk(Path(folder) / "job")
    report(
        "T3 actions: a nodule boxed over 15 slices",
        count,
        PEER,
        unit="actions",
        goal=None,
    )


if __name__ == "__main__":
    main()

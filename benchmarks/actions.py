"""Counts what an annotator must do: clicks, drags and key presses on the interface.

T1: say of a 300-slice CT which of three levels each slice shows, but 20 excluded
slices; submit. T4: 100 chest X-rays, 90 negative and 10 with one class, each
submitted. T5: open a returned case at the commented slice, relabel a range, submit.
Opening the job is not counted, opening the case is. What was done is checked in the
store.

The peers are counted from how they are known to work, not measured. T4, Label Studio
1.23: the key of a choice and Ctrl+Enter for each of the 100 images; in its labelling
stream the next one comes by itself. T1, CVAT 2 with its workspace for tags, which goes
on by itself: open the job, a key for each of 280 frames, Delete frame for 20, and three
clicks that finish the job. T5, the same: open the job, go to the first frame of the
range, take the tag off each of 150 frames and give it another one, and finish.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import napari
from _bench import report
from _jobs import CLASSES, classes_job, xray_job

from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.model import Comment, Decision
from napari_annotate_jobs.stores import open_store
from napari_annotate_jobs.testing._drive import Driver

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def at(location: Path) -> Iterator[Driver]:
    """Open napari at a job."""
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(location)))
    driver.activate()
    driver.open_job(location.name)
    driver.actions = 0
    yield driver
    driver.station.close()
    viewer.close()


def t1(folder: Path) -> int:
    """Three segments of classes, 20 slices excluded at the end, submitted."""
    with at(classes_job(folder)) as driver:
        driver.annotate()
        session = driver.session
        session.open_next = False
        # The strip is drawn over, one drag a segment; then one key.
        ends = (0, 90, 190, 280, 300)
        for name, start, stop in zip(
            (*CLASSES, None), ends[:-1], ends[1:], strict=True
        ):
            driver.select(start, stop - 1)
            if name is None:
                driver.press_action("exclude")
            else:
                driver.press_label(name)
        driver.press_action("submit")
        driver.wait(lambda: session.locked)
        driver.settle()
        editor = session.editor
        said = Counter(editor.decision(i) for i in range(300))
        assert said == {Decision.LABELLED: 280, Decision.EXCLUDED: 20}, said
        levels = [editor.content(i).class_labels for i in (0, 89, 90, 189, 190, 279)]
        assert levels == [(1,), (1,), (2,), (2,), (3,), (3,)], levels
        return driver.actions


def t4(folder: Path) -> int:
    """90 negatives by one key each; 10 by a label's key and Submit."""
    location = xray_job(folder)
    with at(location) as driver:
        driver.annotate()
        for number in range(100):
            case = driver.session.case
            if number % 10 == 3:
                driver.press_label("Effusion")
                driver.press_action("submit")
            else:
                driver.press_action("nothing_submit_next")
            last = number == 99
            driver.wait(
                lambda c=case, last=last: (
                    driver.session.locked if last else driver.session.case is not c
                )
            )
        driver.settle()
        store = open_store(str(location))
        assert store.counts(location.name).finished == 100
        store.close()
        return driver.actions


def t5(folder: Path) -> int:
    """Relabel a range of a case that came back, from the slice commented on."""
    location = classes_job(folder)
    with at(location) as driver:
        driver.annotate()
        driver.session.open_next = False
        driver.select(0, 149)
        driver.press_label(CLASSES[0])
        driver.select(150, 299)
        driver.press_label(CLASSES[1])
        driver.press_action("submit")
        driver.wait(lambda: driver.session.locked)
        driver.settle()
        person = driver.session.store.person
    review = open_store(str(location), person="reviewer")
    comment = Comment(person="reviewer", text="This is the abdomen", index=200)
    review.return_case(location.name, "body", [comment], person=person)
    review.close()
    with at(location) as driver:
        driver.annotate()
        assert driver.session.slice == 200
        driver.session.open_next = False
        driver.select(150, 299)
        driver.press_label(CLASSES[2])
        driver.press_action("submit")
        driver.wait(lambda: driver.session.locked)
        driver.settle()
        assert driver.session.editor.content(200).class_labels == (3,)
        return driver.actions


def main() -> None:
    for name, task, peer, goal in (
        ("T1 classify a 300-slice CT", t1, 304, 10),
        ("T4 100 chest X-rays", t4, 200, 120),
        ("T5 rework a returned case", t5, 305, 5),
    ):
        with tempfile.TemporaryDirectory() as folder:
            count = task(Path(folder))
        report(name, count, peer, unit="actions", goal=goal / peer, at_most=goal)


if __name__ == "__main__":
    main()

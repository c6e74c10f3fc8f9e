"""Counts what reviewing takes: clicks, drags and key presses on the interface.

R1: 100 chest X-rays that somebody submitted; 95 pass, and 5 go back with a comment.
R2: the annotator of a returned case with three threads goes through them, changes
the slice of each, and submits again. Opening the job, or its list of what was
submitted, is not counted; opening the case is. What was typed counts as one action,
with its Enter as another. What was done is checked in the store.

No peer was counted.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import napari
from _bench import report
from _jobs import CLASSES, classes_job, xray_job
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.model import (
    AnnotationChange,
    Comment,
    ReviewStatus,
    SliceAnnotation,
)
from napari_annotate_jobs.stores import open_store
from napari_annotate_jobs.testing._drive import Driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_annotate_jobs.stores import JobStore

ANNOTATOR, REVIEWER = "ana", "eve"
EVERY, FIRST = 20, 7
"""Which X-rays go back."""
PLACES = (40, 160, 250)
"""Slices that a thread is pinned to."""


@contextmanager
def at(location: Path, person: str, *, review: bool) -> Iterator[Driver]:
    """Open napari at a job, as a person."""
    from napari_annotate_jobs.app._settings import settings_model

    settings_model().person = person
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    driver = Driver(show_my_jobs(viewer, str(location)))
    driver.activate()
    driver.open_job(location.name)
    if review:
        before = driver.station.current_job
        driver.station.review_job(True)
        driver.wait(lambda: driver.station.current_job not in (None, before))
        driver.settle()
    driver.actions = 0
    yield driver
    driver.station.close()
    viewer.close()
    settings_model().person = ""


def submit_all(store: JobStore, job_id: str) -> list[str]:
    """Say that there is nothing to label in any case, and submit them."""
    cases = [row.case.id for row in store.cases(job_id, limit=1000).rows]
    for case_id in cases:
        key = store.open_series(job_id, case_id).header.slices[0].key
        said = {key: SliceAnnotation(index=0, nothing_to_label=True)}
        base = store.save(job_id, case_id, AnnotationChange(slices=said), {}, base=0)
        store.submit(job_id, case_id, base=base)
    return cases


def r1(folder: Path) -> int:
    """One key for each that passes; a key, a comment and Enter for the others."""
    location = xray_job(folder)
    with open_store(str(location), person=ANNOTATOR) as store:
        submit_all(store, location.name)
    with at(location, REVIEWER, review=True) as driver:
        driver.annotate()
        review = driver.current_job.review
        for number in range(100):
            case = review.case
            driver.wait(lambda c=case: driver.current_job.judging.case is c)
            driver.wait(lambda: driver.current_job.on_screen.is_seen)
            if number % EVERY == FIRST:
                driver.press_action("return_case")
                line = driver.current_job.panel.line
                driver.wait(line.hasFocus)
                QTest.keyClicks(line, "There is an effusion")
                QTest.keyClick(line, Qt.Key.Key_Return)
                driver.actions += 2
            else:
                driver.press_action("pass_case")
            if number < 99:
                driver.wait(lambda c=case: review.case not in (None, c))
        driver.settle()
        actions = driver.actions
    with open_store(str(location), person=REVIEWER) as store:
        counts = store.review_counts(location.name)
    assert (counts.passed, counts.returned, counts.waiting) == (95, 5, 0), counts
    return actions


def r2(folder: Path) -> int:
    """Press a label's key, and the one that resolves and goes on, for each thread."""
    location = classes_job(folder)
    job_id = location.name
    with open_store(str(location), person=ANNOTATOR) as store:
        slices = store.open_series(job_id, "body").header.slices
        said = {
            place.key: SliceAnnotation(index=i, class_labels=(1,))
            for i, place in enumerate(slices)
        }
        base = store.save(job_id, "body", AnnotationChange(slices=said), {}, base=0)
        store.submit(job_id, "body", base=base)
    with open_store(str(location), person=REVIEWER) as store:
        pins = [
            Comment(
                person=REVIEWER,
                text="Another level",
                slice_key=slices[i].key,
                index=i,
            )
            for i in PLACES
        ]
        store.return_case(job_id, "body", pins, person=ANNOTATOR)
    with at(location, ANNOTATOR, review=False) as driver:
        driver.annotate()
        driver.session.open_next = False
        for place in PLACES:
            assert driver.session.slice == place
            driver.press_label(CLASSES[1])
            driver.press_action("resolve_thread")
            driver.settle()
        driver.press_action("submit")
        driver.wait(lambda: driver.session.locked)
        driver.settle()
        actions = driver.actions
    with open_store(str(location), person=REVIEWER) as store:
        (row,) = store.reviews(job_id).rows
        sent = store.submissions(job_id, "body", person=ANNOTATOR)[-1].annotation
        assert all(not t.is_open for t in store.threads(job_id, "body", person="ana"))
    assert (row.status, row.number) == (ReviewStatus.WAITING, 2), row
    changed = [sent.slices[slices[i].key].class_labels for i in PLACES]
    assert changed == [(2,)] * 3, changed
    return actions


def main() -> None:
    for name, task, goal in (
        ("R1 review 100 chest X-rays, 5 go back", r1, 115),
        ("R2 fix three threads and resubmit", r2, 10),
    ):
        with tempfile.TemporaryDirectory() as folder:
            count = task(Path(folder))
        report(name, count, None, unit="actions", at_most=goal)


if __name__ == "__main__":
    main()

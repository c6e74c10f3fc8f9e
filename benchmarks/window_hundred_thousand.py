"""My Jobs and a job's page in the window, with 100,000 cases and with 1,000.

One case in 50 of each is finished.

What is timed is what a person waits for: from the click or the typing until the list
shows the answer and nothing is under way any more. There are no images behind the
cases, hence no thumbnails.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari
from _bench import report
from _jobs import many_cases_job
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QPushButton

from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.testing._drive import Driver

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE, SMALL = 100_000, 1_000
RUNS = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        viewer = napari.Viewer()
        viewer.window.resize(1280, 800)
        driver = Driver(show_my_jobs(viewer))
        driver.activate()
        jobs = [many_cases_job(Path(folder), n).name for n in (LARGE, SMALL)]
        driver.station.add_location(folder)
        driver.wait(lambda: len(driver.station.summaries) == 2, 120)
        for job in jobs:
            open_job(driver, job)
        for name, act in (
            ("open a job's page", open_job),
            ("search its cases", search),
            ("filter them by status", by_status),
        ):
            figures = [figure(driver, job, act) for job in jobs * RUNS]
            ours, peer = (statistics.median(figures[i::2]) for i in (0, 1))
            report(f"window: {name}", ours, peer, unit="s", goal=2.0, cases=LARGE)
        driver.station.close()
        viewer.close()


def figure(driver: Driver, job: str, act: Callable[[Driver, str], None]) -> float:
    """Return how long something takes, in seconds."""
    if act is open_job:
        driver.station.close_job()
        driver.settle()
    elif driver.session.job.id != job:
        open_job(driver, job)
    start = time.perf_counter()
    act(driver, job)
    return time.perf_counter() - start


def open_job(driver: Driver, job: str) -> None:
    """Go to My Jobs, double-click a card, wait for the cases."""
    if driver.back.isVisible():
        driver.click(driver.back)
        driver.settle()
    driver.open_job(job)
    driver.wait(lambda: driver.table.model().rowCount() > 100)


def search(driver: Driver, job: str) -> None:
    """Type a part of a name, and take it away again."""
    fields = driver.my_jobs.page.findChildren(QLineEdit)
    field = next(w for w in fields if w.accessibleName() == "Search cases")
    model = driver.table.model()
    QTest.keyClicks(field, "case 000077")
    QTest.keyClick(field, Qt.Key.Key_Return)
    driver.wait(lambda: model.rowCount() == 1)
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClick(field, Qt.Key.Key_Return)
    driver.wait(lambda: model.rowCount() > 100)
    driver.settle()


def by_status(driver: Driver, job: str) -> None:
    """List the finished cases, then all."""
    buttons = driver.my_jobs.page.findChildren(QPushButton)
    model = driver.table.model()
    whole = model.rowCount()
    for word, fits in (
        ("Finished", lambda: model.rowCount() == -(-whole // 50)),
        ("All", lambda: model.rowCount() > 100),
    ):
        driver.click(next(b for b in buttons if b.text().startswith(word)))
        driver.wait(fits)
    driver.settle()


if __name__ == "__main__":
    main()

"""Walks through the demo as a person would, with mouse and keys, and proves it."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.testing._drive import RIGHT, Driver

from ._jobs import DEMO_JOBS
from ._proof import Stroke, WalkRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_annotate_jobs.app._docks import MyJobs

__all__ = ["DemoError", "Walk"]

BRAIN, XRAYS, LUNGS = DEMO_JOBS

TUMOUR = {6: (183, 174, 9), 7: (183, 174, 11), 8: (183, 175, 13), 9: (183, 176, 13)}
"""Slice of the CT to row, column and radius of the tumour, in pixels."""
NODULE = {3: (178, 110, 4), 4: (179, 109, 5), 5: (181, 108, 5)}
"""The same for the nodule."""
MASSES = ((303, 552, 377, 622), (428, 537, 508, 627), (420, 148, 498, 250))
"""Boxes around masses in the chest X-ray: top, left, bottom, right."""
LESION = (510, 398, 608, 456)
"""The one in the lower leg."""
REVIEWER = "reviewer"
THREADS = (
    (8, (183, 175, 15), "The edge is larger"),
    (9, (183, 176, 16), "Here too"),
    (10, (183, 176, 15), "And here"),
)
"""Slice, row, column and radius of what is to be painted, and what is said of it."""


class DemoError(Exception):
    """The interface did not do what it should."""


class Walk:
    """One walk through the three jobs; keeps a record of all that was done.

    Parameters
    ----------
    my_jobs : MyJobs
        Docked in a viewer that is shown, with the demo's jobs listed.
    pictures : Path
        Folder for the numbered pictures.
    """

    def __init__(self, my_jobs: MyJobs, pictures: Path) -> None:
        self.driver = Driver(my_jobs)
        self.records: dict[tuple[str, str], WalkRecord] = defaultdict(WalkRecord)
        self._pictures = pictures
        self._number = 0

    def run(self) -> None:
        """Do everything.

        Raises
        ------
        DemoError
            If something does not happen that should.
        """
        drawn = self.driver.my_jobs.jobs.pictures
        jobs = self.driver.station.summaries
        self.driver.wait(lambda: all(drawn.of(job) is not None for job in jobs))
        self.show("my-jobs", "My Jobs lists the three jobs")
        self.classify()
        self.detect()
        self.segment()
        self.rework()
        self.finish()

    # --------------------------------------------------------------- helpers
    @property
    def record(self) -> WalkRecord:
        """What was done in the open case."""
        session = self.driver.session
        return self.records[session.job.id, session.case.row.case.id]

    def show(self, name: str, text: str, *, settled: bool = True) -> None:
        """Tell what was done, and take a picture of it, once nothing is under way."""
        self._number += 1
        path = self._pictures / f"{self._number:02d}-{name}.png"
        if settled:
            self.driver.screenshot(path)
        else:
            self.driver.screenshot_now(path)
        print(f"{path.name:32} {text}", flush=True)

    def must(self, condition: bool, text: str) -> None:
        """Go on only if `condition` holds."""
        if not condition:
            raise DemoError(f"after picture {self._number}: {text}")

    def submit(self, *answers: str) -> None:
        """Press Submit, answer what is asked, and wait for the next case."""
        driver, record = self.driver, self.record
        before = driver.session.case
        driver.click(driver.current_job.annotate.submit)
        for answer in answers:
            driver.answer(answer)
        driver.wait(lambda: driver.session.locked or driver.session.case is not before)
        driver.settle()
        record.submitted += 1

    def mark_rest(self) -> None:
        """Keep in the record that all undecided slices became negatives."""
        for index in self.driver.session.editor.undecided():
            self.record.on(index).nothing = True

    def label(self, name: str) -> None:
        """Press the key of a class label on the current slice."""
        self.driver.press_label(name)
        self.record.on(self.driver.session.slice).labels.add(name)

    # ------------------------------------------------------------- the jobs
    def classify(self) -> None:
        """Label slices of the brain, propagate, exclude, comment, submit."""
        driver = self.driver
        driver.open_job(BRAIN)
        self.show("job-page", "A double click on a card opens the job's page")
        driver.annotate()
        self.show("case", "Annotate opens the first case that is left")
        self.set_window_by_drag()
        driver.go_to(0)
        self.label("Face and skull base")
        self.show("label", "A key puts a label on the slice, another click is a cell")
        self.propagate(0, 7, "Face and skull base")
        driver.go_to(8)
        self.label("Brain with ventricles")
        driver.select(8, 13)
        driver.press_label("Tumour")
        for index in range(8, 14):
            self.record.on(index).labels.add("Tumour")
        self.show("selection", "What is pressed goes to all slices dragged over")
        driver.go_to(19)
        driver.press_action("exclude")
        self.record.on(19).excluded = True
        driver.press_label("Usable for training")
        self.record.case_labels.add("Usable for training")
        self.comment("No brain on this slice")
        self.show("exclude", "An excluded slice, a label of the case, a comment")
        driver.click(driver.current_job.annotate.submit)
        driver.wait(lambda: driver.question is not None)
        self.show_question("question", "Submit asks about the undecided slices")
        driver.answer("Cancel")
        self.mark_rest()
        self.submit("Mark them Nothing to Label and submit")
        self.must(
            driver.session.case.row.case.id == "mr-brain-tumour",
            "the next case did not open",
        )
        self.show("next-case", "The next case opens by itself")
        self.clear_and_undo()
        self.submit("Submit anyway")

    def set_window_by_drag(self) -> None:
        """Drag with the right button: right is wider, down is darker."""
        driver, session = self.driver, self.driver.session
        before, middle = session.window, driver.canvas.rect().center()
        end = middle + type(middle)(-60, -50)
        driver.drag([middle, end], RIGHT)
        after = session.window
        self.must(after.width < before.width, "the window did not become narrower")
        limits = driver.current_job.bridge.image_layer.contrast_limits
        self.must(
            bool(np.allclose(limits, after.limits)),
            "the image is not shown in the window that was set",
        )
        self.show("window", "Dragging with the right button sets the window")

    def propagate(self, start: int, stop: int, name: str) -> None:
        """Apply the label of the current slice to a range, in the panel."""
        driver, panel = self.driver, self.driver.current_job.propagate
        driver.click(driver.current_job.annotate.propagate)
        driver.settle()
        self.must(panel.isVisible(), "the Propagate panel did not appear")
        strip = panel.range.strip
        ends = [strip.cell_rect(index).center() for index in (start, stop)]
        driver.drag(ends, widget=strip)
        self.show("propagate", "Propagate shows what will change before it is done")
        driver.click(panel.apply)
        driver.wait(lambda: not panel.isVisible())
        for index in range(start, stop + 1):
            self.record.on(index).labels.add(name)
        self.show("propagated", "The range stays as one thing below the strip")

    def comment(self, text: str) -> None:
        """Write a comment on the current slice."""
        driver, dock = self.driver, self.driver.current_job.annotate
        if dock.comment_box.is_folded:
            driver.click(dock.comment_box.head)
            driver.settle()
        driver.type_text(text, dock.comments.line)
        driver.canvas.setFocus()
        self.record.comments.append(text)

    def show_question(self, name: str, text: str) -> None:
        """Take a picture of a question; it is a window of its own."""
        self._number += 1
        path = self._pictures / f"{self._number:02d}-{name}.png"
        self.driver.settle()
        self.driver.screenshot_with_question(path)
        print(f"{path.name:32} {text}", flush=True)

    def clear_and_undo(self) -> None:
        """Mark a labelled slice as a negative, which asks; take it back."""
        driver, session = self.driver, self.driver.session
        driver.go_to(3)
        self.label("Artefact")
        driver.press_action("nothing_to_label")
        driver.wait(lambda: driver.question is not None)
        self.show_question("clear", "Nothing to Label asks before labels go")
        driver.answer("Clear and mark")
        self.must(
            session.editor.content(3).nothing_to_label, "the slice was not marked"
        )
        driver.press_action("undo")
        self.must(
            bool(session.editor.content(3).class_labels), "one Undo did not undo it"
        )
        driver.go_to(5)
        driver.press_action("nothing_to_label")
        self.record.on(5).nothing = True

    def detect(self) -> None:
        """Draw boxes on X-rays."""
        driver = self.driver
        self.back_to_jobs()
        driver.open_job(XRAYS)
        driver.annotate()
        driver.press_label("Mass")
        for box in MASSES:
            self.box("Mass", box)
        self.show("boxes", "Boxes are drawn by dragging, after the key of a label")
        self.submit()
        driver.press_label("Bone lesion")
        self.box("Bone lesion", LESION)
        driver.click(driver.current_job.window_control.invert)
        self.show("inverted", "The next X-ray, inverted")
        self.submit()
        self.must(driver.session.locked, "a submitted case can still be changed")
        self.show("locked", "A submitted case is read-only")

    def box(self, label: str, corners: Sequence[float]) -> None:
        """Drag a box from corner to corner."""
        top, left, bottom, right = corners
        self.driver.drag_pixels([(top, left), (bottom, right)])
        index = self.driver.session.slice
        self.record.on(index).boxes.append((label, (top, left, bottom, right)))

    def segment(self) -> None:
        """Paint tumours on a CT."""
        driver = self.driver
        self.back_to_jobs()
        driver.open_job(LUNGS)
        driver.annotate()
        driver.press_action("preset_7")
        self.must(driver.session.window.center == -400, "the preset was not set")
        self.paint("Tumour", TUMOUR)
        driver.go_to(8)
        self.show("paint", "Painting on the slices that show the tumour")
        driver.select(0, 5)
        driver.press_action("nothing_to_label")
        for index in range(6):
            self.record.on(index).nothing = True
        driver.go_to(12)
        self.label("Motion artefact")
        self.show("decided", "Six negatives at once; a class label besides")
        self.mark_rest()
        self.submit("Mark them Nothing to Label and submit")
        self.paint("Tumour", NODULE)
        driver.go_to(4)
        self.show("nodule", "The next case, painted")
        self.mark_rest()
        self.submit("Mark them Nothing to Label and submit")

    def paint(self, name: str, places: dict[int, tuple[int, int, int]]) -> None:
        """Paint discs, going round in them with napari's brush."""
        driver = self.driver
        for index, (row, column, radius) in places.items():
            driver.go_to(index)
            driver.press_label(name)
            layer = driver.viewer.layers.selection.active
            inside = max(radius - layer.brush_size / 2, 0.5)
            turns = np.linspace(0, 2 * np.pi, 9)
            ring = [
                (row + inside * np.sin(turn), column + inside * np.cos(turn))
                for turn in turns
            ]
            path = [*ring, (row, column)]
            driver.drag_pixels(path)
            stroke = Stroke(name, tuple(path), layer.brush_size)
            self.record.on(index).strokes.append(stroke)

    def rework(self) -> None:
        """Take a submission back; have it returned with three threads; fix it; pass."""
        driver = self.driver
        self.back_to_jobs()
        driver.open_job(LUNGS)
        driver.click_row(driver.table, 0, double=True)
        driver.wait(lambda: driver.session.is_open)
        driver.settle()
        driver.click(driver.current_job.annotate.take_back)
        driver.wait(lambda: not driver.session.locked)
        driver.settle()
        self.paint("Tumour", {10: (183, 176, 12)})
        self.record.on(10).nothing = False
        self.submit()
        self.become(REVIEWER)
        driver.open_review(LUNGS)
        self.show("list", "A reviewer sees what waits, and what was revised")
        driver.annotate()
        for index, (row, column, _), text in THREADS:
            driver.go_to(index)
            driver.click_pixel(row, column)
            driver.write_comment(text)
        self.show("threads", "Three comments, pinned to what was clicked")
        driver.press_action("return_case")
        driver.settle()
        self.become("")
        driver.open_job(LUNGS)
        self.show("returned", "A reviewer returned a case: it comes first")
        driver.annotate()
        self.must(driver.session.slice == THREADS[0][0], "it did not open at a thread")
        self.show("reviewer", "It opens at the first open thread, with its place")
        for index, place, _ in THREADS:
            self.must(driver.session.slice == index, "the next thread is elsewhere")
            self.paint("Tumour", {index: place})
            driver.press_action("resolve_thread")
            driver.settle()
        self.must(not driver.session.discussion.open_threads, "a thread is still open")
        self.submit()
        self.show("resubmitted", "Fixed, resolved and submitted again")
        self.become(REVIEWER)
        driver.open_review(LUNGS)
        driver.annotate()
        driver.wait(lambda: driver.current_job.panel.differences.count() > 0)
        self.show("changed", "What changed: outlines, the strip, the worst slice first")
        driver.press_action("pass_case")
        driver.settle()
        self.must(driver.current_job.review.counts().passed == 1, "it did not pass")
        self.become("")

    def become(self, name: str) -> None:
        """Let another person sit down; empty for the one who began."""
        from napari_annotate_jobs.app._settings import settings_model

        self.back_to_jobs()
        settings_model().person = name
        self.driver.settle()

    def finish(self) -> None:
        """Look at what is done, and at the list of keys, in the light theme too."""
        driver = self.driver
        self.show("finished", "All three jobs are finished")
        driver.open_job(LUNGS)
        driver.click_row(driver.table, 0, double=True)
        driver.wait(lambda: driver.session.is_open)
        driver.viewer.theme = "light"
        self.show("light", "A finished case in the light theme")
        driver.press_action("help")
        driver.settle()
        self.show("keys", "All keys, to look up and to change")

    def back_to_jobs(self) -> None:
        """Click the tab of My Jobs, and the way back from the job's page."""
        driver = self.driver
        driver.raise_tab("My Jobs")
        driver.click(driver.back)
        driver.settle()


def main(folder: Path) -> int:
    """Make the jobs, walk through them, verify the files.

    Parameters
    ----------
    folder : Path
        Empty; the jobs and the pictures go there.

    Returns
    -------
    int
        The exit code.
    """
    import napari

    from napari_annotate_jobs.app._docks import show_my_jobs

    from ._jobs import make_demo_jobs

    jobs = make_demo_jobs(folder / "jobs")
    pictures = folder / "pictures"
    pictures.mkdir()
    viewer = napari.Viewer(title="napari · Annotate Jobs")
    viewer.window.resize(1280, 800)
    walk = Walk(show_my_jobs(viewer, str(jobs)), pictures)
    walk.driver.activate()
    try:
        walk.run()
    except (DemoError, LookupError, AssertionError, TimeoutError) as error:
        walk.driver.screenshot_with_question(pictures / "failed.png")
        print(f"The walk ended early: {error}", file=sys.stderr)
        return 1
    finally:
        walk.driver.station.close()
        viewer.close()
    return verify(jobs, walk)


def verify(jobs: Path, walk: Walk) -> int:
    """Compare the files with what was done; print what does not agree."""
    from napari_annotate_jobs.stores import open_store

    from ._proof import faults_of

    store = open_store(str(jobs))
    try:
        faults = [f"{fault.where}: {fault.what}" for fault in store.check()]
    finally:
        store.close()
    for (job, case), record in walk.records.items():
        faults += faults_of(jobs / job, case, record)
    for fault in faults:
        print(fault, file=sys.stderr)
    slices = [s for r in walk.records.values() for s in r.slices.values()]
    strokes = sum(len(s.strokes) for s in slices)
    boxes = sum(len(s.boxes) for s in slices)
    print(
        f"{len(walk.records)} cases, {len(slices)} decided slices, {strokes} strokes "
        f"and {boxes} boxes read back: "
        + (f"{len(faults)} faults" if faults else "all as they were drawn")
    )
    return 1 if faults else 0


if __name__ == "__main__":
    from pathlib import Path

    sys.exit(main(Path(sys.argv[1])))

"""Drives the real interface as a person would, with mouse and keys, and counts it."""

from __future__ import annotations

from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, Qt, QThread
from qtpy.QtGui import (
    QImage,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPixmap,
    QWheelEvent,
)
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QDialog,
    QDockWidget,
    QListView,
    QMessageBox,
    QPushButton,
    QTabBar,
    QTableView,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_annotate_jobs.app._docks import MyJobs

__all__ = ["Driver"]

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier


class Driver:
    """Clicks, drags and types in a viewer with My Jobs open.

    Parameters
    ----------
    my_jobs : MyJobs
        The widget, docked in a viewer that is shown.

    Attributes
    ----------
    actions : int
        Clicks, drags and key presses so far.
    """

    def __init__(self, my_jobs: MyJobs) -> None:
        self.my_jobs = my_jobs
        self.station = my_jobs.station
        self.viewer = self.station.viewer
        self.actions = 0

    # --------------------------------------------------------------- looking
    @property
    def current_job(self):
        """The open job, with all that is at hand of it."""
        assert self.station.current_job is not None, "no job is open"
        return self.station.current_job

    @property
    def session(self):
        """The open job's session."""
        return self.current_job.session

    @property
    def window(self) -> QWidget:
        """The main window."""
        return self.my_jobs.window()

    @property
    def cards(self) -> QAbstractItemView:
        """The cards of My Jobs."""
        return _named(self.my_jobs.jobs, QListView, "Jobs")

    @property
    def table(self) -> QAbstractItemView:
        """The cases on the page of the job."""
        return _named(self.my_jobs.page, QTableView, "Cases")

    @property
    def back(self) -> QPushButton:
        """The way from the page of the job to My Jobs."""
        return _named(self.my_jobs.page, QPushButton, "Back to My Jobs")

    @property
    def canvas(self) -> QWidget:
        """The widget that napari draws on."""
        from napari_annotate_jobs.app._canvas import canvas_of

        return canvas_of(self.window)

    def wait(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Let the interface go on until a condition holds.

        Raises
        ------
        TimeoutError
            If it does not come to hold.
        """
        end = monotonic() + seconds
        while not condition():
            if monotonic() > end:
                raise TimeoutError("what was waited for did not happen")
            QTest.qWait(5)

    def settle(self) -> None:
        """Wait until nothing is under way: no task, no reading, all saved."""
        self.station.tables.drain()
        self.station.images.drain()
        QApplication.processEvents()
        open_job = self.station.current_job
        if open_job is not None:
            if open_job.session.is_open:
                open_job.session.editor.untold.hear()
            self.wait(lambda: not open_job.bridge.is_loading)
            self.wait(lambda: open_job.masks.proposer.is_idle)
            self.wait(lambda: open_job.session.saving.state.pending == 0)
            self.wait(lambda: not open_job.session.is_moving)
            self._look()
        self.station.tables.drain()
        self._rest()

    def _rest(self) -> None:
        """Wait until all in the docks has found its place, on a busy computer too."""

        def places() -> list[QRect]:
            return [
                part.geometry()
                for dock in self.window.findChildren(QDockWidget)
                for part in (dock, *dock.findChildren(QWidget))
                if part.isVisible()
            ]

        end, now = monotonic() + 2, places()
        while True:
            QTest.qWait(30)
            before, now = now, places()
            if now == before or monotonic() > end:
                return

    def _look(self) -> None:
        """Wait until a person could have seen the case, where it is painted at all."""
        end = monotonic() + 2
        while monotonic() < end:
            open_job = self.station.current_job
            screen = None if open_job is None else open_job.on_screen
            if screen is None or not open_job.session.is_open or screen.is_seen:
                return
            QTest.qWait(10)

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole window."""
        self.settle()
        self.viewer.window.screenshot(str(path), canvas_only=False, flash=False)

    def screenshot_with_question(self, path: Path) -> None:
        """Write a picture of the window with the question that is shown on top."""
        self.settle()
        self.screenshot_now(path)

    def screenshot_now(self, path: Path) -> None:
        """Write the same, whatever is under way."""
        picture = self.viewer.window.screenshot(canvas_only=False, flash=False)
        image = _to_pixmap(picture)
        box = self.question or self.dialog("log_in")
        if box is not None:
            painter = QPainter(image)
            place = (image.rect().center() - box.rect().center()).toPointF()
            painter.drawPixmap(place, box.grab())
            painter.end()
        image.save(str(path))

    # --------------------------------------------------------------- acting
    def activate(self) -> None:
        """Give the window the focus: keys go nowhere without."""
        self.window.activateWindow()
        self.wait(lambda: QApplication.activeWindow() is self.window)
        self.settle()

    def click(self, button: QAbstractButton) -> None:
        """Click a button."""
        assert button.isVisible() and button.isEnabled(), button.text()
        self.actions += 1
        QTest.mouseClick(button, LEFT)

    def key(self, key: str, widget: QWidget | None = None) -> None:
        """Press a key, as ``Shift+Return``; on the canvas unless told otherwise."""
        self.actions += 1
        combination = QKeySequence(key)[0]
        target = self.canvas if widget is None else widget
        QTest.keyClick(target, combination.key(), combination.keyboardModifiers())
        QApplication.processEvents()

    def type_text(self, text: str, widget: QWidget) -> None:
        """Click into a field, type a text and press Enter; three actions."""
        self.actions += 3
        QTest.mouseClick(widget, LEFT)
        QTest.keyClicks(widget, text)
        QTest.keyClick(widget, Qt.Key.Key_Return)
        QApplication.processEvents()

    def press_action(self, action: str) -> None:
        """Press the key of one of our actions."""
        self.key(self.station.keymap.key(action))

    def negate_and_submit(self) -> None:
        """Press the key that marks what is undecided, submits and goes on; confirm."""
        self.press_action("nothing_submit_next")
        self.answer("Mark and submit")

    def press_label(self, name: str) -> None:
        """Press the key of a label."""
        label = self.session.job.project.label_set.named(name)
        self.key(self.current_job.label_keys[label.id])

    def click_row(self, view: QAbstractItemView, row: int, *, double: bool) -> None:
        """Click (twice) on a row of a list."""
        index = view.model().index(row, 0)
        view.scrollTo(index)
        place = view.visualRect(index).center()
        self.actions += 1
        QTest.mouseClick(view.viewport(), LEFT, NONE, place)
        if double:
            QTest.mouseDClick(view.viewport(), LEFT, NONE, place)

    def raise_tab(self, title: str) -> None:
        """Click the tab of a dock, if docks share its place."""
        for bar in self.window.findChildren(QTabBar):
            for place in range(bar.count()):
                if bar.isVisible() and bar.tabText(place).startswith(title):
                    self.actions += 1
                    QTest.mouseClick(bar, LEFT, NONE, bar.tabRect(place).center())
                    QApplication.processEvents()
                    return
        raise LookupError(f"no tab is called {title!r}")

    def open_job(self, job_id: str) -> None:
        """Double-click the card of a job."""
        self.wait(lambda: any(s.job.id == job_id for s in self.station.summaries))
        self.settle()
        view = self.cards
        model, before = view.model(), self.station.current_job
        shown = [model.summary(row).job.id for row in range(model.rowCount())]
        self.click_row(view, shown.index(job_id), double=True)
        self.wait(lambda: self.station.current_job not in (None, before))
        self.settle()

    def open_review(self, job_id: str) -> None:
        """Open a job, and list what was submitted in it."""
        self.open_job(job_id)
        before = self.station.current_job
        self.click(self.my_jobs.page.findChild(QPushButton, "switch_review"))
        self.wait(lambda: self.station.current_job not in (None, before))
        self.settle()

    def write_comment(self, text: str) -> None:
        """Write a line in the Review dock; three actions."""
        self.type_text(text, self.current_job.panel.line)
        self.settle()

    def annotate(self) -> None:
        """Click Annotate on the page of the job."""
        before = self.session.case
        self.click(self.my_jobs.page.findChild(QPushButton, "open_first"))
        self.wait(lambda: self.session.case not in (None, before))
        self.settle()

    def go_to(self, index: int) -> None:
        """Click the cell of a slice on the strip."""
        self.actions += 1
        QTest.mouseClick(self.current_job.strip.track, LEFT, NONE, self.cell(index))
        QApplication.processEvents()

    def select(self, start: int, stop: int) -> None:
        """Drag over the cells of slices on the strip."""
        track = self.current_job.strip.track
        self.drag([self.cell(start), self.cell(stop)], widget=track)

    def cell(self, index: int) -> QPoint:
        """Return the middle of a slice's cell on the strip."""
        return self.current_job.strip.track.cell_rect(index).center()

    def answer(self, text: str) -> None:
        """Click a button of the question that is shown."""
        self.wait(lambda: self.question is not None)
        box = self.question
        for button in box.buttons():
            if button.text().replace("&", "").startswith(text):
                self.click(button)
                QApplication.processEvents()
                # As a window manager does; a bare X server has none.
                self.window.activateWindow()
                self.wait(lambda: QApplication.activeWindow() is not None)
                return
        raise LookupError(f"no answer begins with {text!r}")

    def fill(self, field: QWidget, text: str) -> None:
        """Click into a field and type a text in place of what is there; two actions."""
        self.actions += 2
        QTest.mouseClick(field, LEFT)
        field.selectAll()
        QTest.keyClicks(field, text)

    def buttons(self, text: str) -> list[QAbstractButton]:
        """Return the buttons that are shown whose text begins so."""
        found = self.window.findChildren(QAbstractButton)
        return [
            button
            for button in found
            if button.isVisible() and button.text().replace("&", "").startswith(text)
        ]

    def dialog(self, name: str) -> QDialog | None:
        """Return a dialog that is shown, by its object name; None if it is not."""
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.objectName() == name:
                if widget.isVisible():
                    return widget
        return None

    @property
    def question(self) -> QMessageBox | None:
        """The question that is shown, if any."""
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QMessageBox) and widget.isVisible():
                return widget
        return None

    # ------------------------------------------------------------- on canvas
    def point(self, row: float, column: float) -> QPoint:
        """Return where a pixel of the image is on the canvas."""
        layer = self.current_job.bridge.image_layer
        world = layer.data_to_world((self.session.slice, row, column))[-2:]
        camera = self.viewer.scene.camera
        center, canvas = camera.center[-2:], self.canvas
        y = canvas.height() / 2 + (world[0] - center[0]) * camera.zoom
        x = canvas.width() / 2 + (world[1] - center[1]) * camera.zoom
        return QPoint(round(x), round(y))

    def click_pixel(self, row: float, column: float) -> None:
        """Click on a pixel of the image."""
        self.actions += 1
        place = self.point(row, column)
        QTest.mouseMove(self.canvas, place)
        QTest.mouseClick(self.canvas, LEFT, NONE, place)
        QApplication.processEvents()

    def drag_pixels(self, path: Sequence[tuple[float, float]]) -> None:
        """Drag with the left button over pixels (row, column) of the image."""
        self.drag([self.point(*pixel) for pixel in path])

    def wheel(self, notches: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Turn the wheel over the middle of the canvas; away from one is positive."""
        self.actions += 1
        canvas = self.canvas
        place = QPointF(canvas.rect().center())
        event = QWheelEvent(
            place,
            QPointF(canvas.mapToGlobal(place)),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(canvas, event)
        QApplication.processEvents()

    def drag(
        self,
        path: Sequence[QPoint],
        button: Qt.MouseButton = LEFT,
        modifiers: Qt.KeyboardModifier = NONE,
        widget: QWidget | None = None,
        *,
        busy: bool = False,
    ) -> None:
        """Press at the first point, move along, release at the last.

        On a busy computer no timer comes in between, and the last move comes at once.
        """
        self.actions += 1
        target = self.canvas if widget is None else widget
        QTest.mouseMove(target, path[0])
        QTest.mousePress(target, button, modifiers, path[0])
        for start, end in pairwise(path):
            for step in range(1, 5):
                between = start + (end - start) * (step / 4)
                if busy and (step, end) != (4, path[-1]):
                    QThread.msleep(12)  # vispy takes a move every 10 ms
                _move(target, between, button, modifiers)
                if not busy:
                    QTest.qWait(8)  # napari takes a move every 5 ms
        QTest.mouseRelease(target, button, modifiers, path[-1])
        QTest.qWait(8)


def _to_pixmap(picture: np.ndarray) -> QPixmap:
    """Return a picture of (height, width, 4) uint8 as Qt's."""
    height, width = picture.shape[:2]
    data = np.ascontiguousarray(picture)
    form = QImage.Format.Format_RGBA8888
    return QPixmap.fromImage(QImage(data.data, width, height, 4 * width, form))


def _named(parent: QWidget, kind: type[QWidget], name: str) -> QWidget:
    """Return a part of the interface by its accessible name."""
    return next(w for w in parent.findChildren(kind) if w.accessibleName() == name)


def _move(
    target: QWidget,
    place: QPoint,
    button: Qt.MouseButton,
    modifiers: Qt.KeyboardModifier,
) -> None:
    """Send a move with the button held; QTest's own holds none."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(place),
        QPointF(target.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        button,
        modifiers,
    )
    QApplication.sendEvent(target, event)

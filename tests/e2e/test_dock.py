"""The Annotate dock as one sees it: what stays where it is, what is offered when."""

from __future__ import annotations

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Method

BRAIN, XRAYS, LUNGS = DEMO_JOBS
ORIGIN = QPoint(0, 0)


def test_buttons_stay_where_they_are_when_something_is_proposed(open_case):
    driver = open_case(LUNGS)
    dock, session = driver.current_job.annotate, driver.session
    section = dock.masks
    buttons = (dock.nothing, dock.propagate, section.interpolate, dock.submit)

    def places():
        # napari's status bar grows by a pixel, for good, when it first shows that
        # something is under way: on a busy computer, hence from below.
        return [dock.height() - button.mapTo(dock, ORIGIN).y() for button in buttons]

    fixed = places()[:2]
    driver.press_label(session.job.project.label_set.of(Method.SEGMENTATION)[0].name)
    driver.settle()
    before = places()
    assert before[:2] == fixed
    for index in (3, 9):
        driver.go_to(index)
        driver.drag_pixels([(100, 100), (120, 120)])
    assert not section.confirm.isVisible()
    driver.click(section.interpolate)
    driver.settle()
    driver.go_to(5)
    assert section.confirm.isEnabled() and section.confirm_all.text() == "Confirm all 5"
    assert places() == before
    driver.click(section.confirm_all)
    driver.settle()
    assert places() == before
    assert not section.confirm.isVisible()


def test_the_dock_shows_the_tools_of_the_chosen_label(driver):
    def shown():
        dock = driver.current_job.annotate
        parts = (dock.masks.interpolate, dock.fill, dock.boxes, dock.masks.confirm)
        return [part.isVisible() for part in parts]

    for job, label, expected in (
        (LUNGS, "Lung", [True, True, False, False]),
        (XRAYS, "Mass", [False, False, True, False]),
    ):
        driver.open_job(job)
        driver.annotate()
        driver.press_label(label)
        assert shown() == expected
        driver.press_action("nothing_to_label")
        driver.session.open_next = False
        driver.session.submit()
        driver.settle()
        assert driver.session.locked and not (shown()[0] or shown()[2])
        driver.raise_tab("My Jobs")
        driver.click(driver.back)


class ShownWindows(QObject):
    """Collects the windows that are shown, but tool tips and menus."""

    def __init__(self):
        super().__init__()
        self._shown = []

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget):
            # PyQt finds Python's object by the address, which may have been a button's
            # before it was that of a window of the system, or of a tool tip: what is
            # asked here is what Qt itself knows.
            is_window = watched.isWidgetType() and watched.isWindow()
            if is_window and watched.windowType() == Qt.WindowType.Window:
                self._shown.append(watched)
        return False

    @property
    def names(self):
        """Name those that have got a place in another widget since."""
        return [
            f"{type(widget).__name__} {widget.objectName()} {widget.toolTip()}"
            for widget in self._shown
            if isalive(widget) and not widget.isWindow()
        ]


def test_no_part_of_a_dock_is_ever_a_window_of_its_own(driver):
    windows, app = ShownWindows(), QApplication.instance()
    app.installEventFilter(windows)
    try:
        for job in (BRAIN, LUNGS):
            driver.open_job(job)
            driver.annotate()
            driver.raise_tab("My Jobs")
            driver.click(driver.back)
    finally:
        app.removeEventFilter(windows)
    assert windows.names == []


def test_the_zoom_tool_is_seen_and_ended_with_esc(open_case):
    driver = open_case(BRAIN)
    zoom, mouse = driver.current_job.annotate.zoom, driver.current_job.bridge.mouse
    assert "Alt+Z" in zoom.toolTip() and "Esc" in zoom.toolTip()
    plain = zoom.grab().toImage()
    driver.click(zoom)
    assert mouse.zoom_tool and zoom.isChecked()
    assert zoom.grab().toImage() != plain
    driver.key("Esc")
    assert not mouse.zoom_tool and not zoom.isChecked()
    driver.press_action("zoom_tool")
    driver.press_action("zoom_tool")
    assert not mouse.zoom_tool
    driver.key("Esc")  # napari's again
    assert not mouse.zoom_tool


def test_a_single_image_offers_nothing_over_slices(open_case):
    driver = open_case(XRAYS)
    dock = driver.current_job.annotate
    hidden = [
        dock.propagate,
        dock.masks,
        *(dock.boxes.buttons[n] for n in ("extend_object", "object_leaves")),
        dock.boxes.buttons["cut_object"],
    ]
    assert not any(widget.isVisible() for widget in hidden)
    assert dock.boxes.buttons["delete_object"].isVisible()
    tree = dock.labels.tree
    rows = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    shown = [row.text(0) for row in rows if not row.isHidden()]
    assert shown == ["Detection"], "Nothing to Label is a button"
    driver.press_action("propagate")
    assert not driver.current_job.propagate.isVisible()


def test_a_submitted_case_keeps_the_colours_of_its_labels(open_case):
    driver = open_case(LUNGS)
    driver.session.open_next = False
    dock = driver.current_job.annotate
    item = dock.labels._items[1]
    color = item.data(0, Qt.ItemDataRole.UserRole).color

    def is_shown():
        image = dock.labels.tree.viewport().grab().toImage()
        rect = dock.labels.tree.visualItemRect(item)
        middle = rect.center().y()
        line = [image.pixelColor(x, middle).name() for x in range(rect.right())]
        return color.lower() in line

    assert is_shown()
    driver.negate_and_submit()
    driver.settle()
    assert driver.session.locked and not dock.labels.tree.isEnabled()
    assert is_shown()


def test_f1_shows_the_keys_and_takes_them_away(open_case):
    driver = open_case(BRAIN)
    driver.key("F1")
    driver.settle()
    field = QApplication.focusWidget()
    assert field.accessibleName() == "Find a key or what it does"
    keys = field.parentWidget()
    assert ("Labels of this job", "Tumour", "K") in keys.rows()
    QTest.keyClick(field, Qt.Key.Key_F1)
    assert not keys.isVisible()
    assert QApplication.focusWidget() is driver.canvas
    driver.key("F1")
    assert keys.isVisible()
    driver.canvas.setFocus()
    driver.key("F1")
    assert not keys.isVisible()

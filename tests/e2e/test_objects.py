"""One object at a time, by mouse and keys in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

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
from napari_annotate_jobs.stores import create_job

NODULE, NODE, LUNG, TUMOUR = 1, 2, 3, 4


@pytest.fixture
def driver(make_driver, tmp_path, samples):
    labels = (
        Label(id=NODULE, name="Nodule", color=COLORS[0], method=Method.DETECTION),
        Label(id=NODE, name="Lymph node", color=COLORS[1], method=Method.DETECTION),
        Label(id=LUNG, name="Lung", color=COLORS[2], method=Method.SEGMENTATION),
        Label(id=TUMOUR, name="Tumour", color=COLORS[3], method=Method.SEGMENTATION),
    )
    methods = (Method.DETECTION, Method.SEGMENTATION)
    project = Project(name="P", methods=methods, label_set=LabelSet(labels=labels))
    case = Case(id="ct", name="CT", series=(SeriesRef(path=str(samples["ct-lung"])),))
    create_job(tmp_path / "job", Job(id="job", project=project), [case]).close()
    driver = make_driver(tmp_path / "job")
    driver.open_job("job")
    driver.annotate()
    driver.activate()
    return driver


def boxes(driver):
    session = driver.session
    return session.editor.content(session.slice).boxes


def menu_at(driver, row, column):
    """Click with the right button, and return the menu that is shown."""
    place = driver.point(row, column)
    QTest.mouseMove(driver.canvas, place)
    QTest.mouseClick(
        driver.canvas, Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, place
    )
    menu = driver.current_job.pointed.menu
    driver.wait(lambda: menu is None or menu.isVisible())
    return menu


def choose(driver, menu, *texts):
    """Choose an entry of a menu, through its submenus, as a click does."""
    for text in texts:
        action = next(a for a in menu.actions() if a.text().split("\t")[0] == text)
        if action.menu() is not None:
            menu = action.menu()
    assert action.isEnabled()
    driver.current_job.pointed.menu.hide()
    action.trigger()
    driver.settle()


def test_the_menu_of_a_box_and_of_what_is_painted(driver):
    driver.press_label("Nodule")
    driver.drag_pixels([(20, 20), (40, 50)])
    driver.settle()
    menu = menu_at(driver, 20, 35)
    assert menu.actions()[0].text() == "Nodule, box"
    choose(driver, menu, "Change label to", "Lymph node")
    assert [box.label for box in boxes(driver)] == [NODE]
    choose(driver, menu_at(driver, 20, 35), "Copy")
    choose(driver, menu_at(driver, 60, 60), "Paste the box Lymph node")
    one, two = boxes(driver)
    assert two.top > one.top
    choose(driver, menu_at(driver, 30, 25), "Delete")
    assert len(boxes(driver)) == 1

    driver.press_label("Lung")
    driver.drag_pixels([(70, 20), (70, 30)])
    driver.drag_pixels([(90, 20), (90, 30)])
    driver.settle()
    menu = menu_at(driver, 70, 25)
    assert menu.actions()[0].text() == "Lung, this piece of 2"
    choose(driver, menu, "Change label to", "Tumour")
    mask = driver.session.editor.mask(driver.session.slice)
    assert (mask[70, 25], mask[90, 25]) == (TUMOUR, LUNG)
    window = driver.session.window
    driver.drag(
        [driver.point(70, 25), driver.point(70, 45)], Qt.MouseButton.RightButton
    )
    assert driver.session.window != window
    assert not menu.isVisible()

    choose(driver, menu_at(driver, 90, 25), "Comment…")
    line = driver.current_job.annotate.comments.line
    assert line.placeholderText() == "On Lung, then Enter"
    driver.type_text("Only this part", line)
    driver.settle()
    (comment,) = driver.session.editor.annotation.comments
    assert (comment.label, comment.index) == (LUNG, driver.session.slice)
    assert comment.at == pytest.approx((90, 25), abs=1)


def test_boxes_by_hand(driver):
    lines = driver.current_job.around.surroundings.hair_lines
    assert not lines.is_on
    driver.press_label("Nodule")
    driver.drag_pixels([(20, 20), (40, 50)])
    driver.settle()
    assert all(line.isVisible() for line in lines.lines)
    (before,) = boxes(driver)
    layer = driver.current_job.bridge.boxes.layer

    (plate,) = driver.current_job.around.surroundings.plates.plates
    assert (plate.text(), plate.isVisible()) == ("Nodule", True)
    corner = driver.point(before.top, before.left)
    assert abs(plate.x() - corner.x()) < 3
    assert abs(plate.geometry().bottom() - corner.y()) < 5

    QTest.mouseMove(driver.canvas, driver.point(30, 60))
    QTest.qWait(20)
    assert layer.mode == "add_rectangle"
    QTest.mouseMove(driver.canvas, driver.point(before.top, 28))
    driver.wait(lambda: layer.mode == "select")
    driver.drag_pixels([(before.top, 28), (before.top + 5, 31)])
    driver.settle()
    (moved,) = boxes(driver)
    assert moved.top == pytest.approx(before.top + 5, abs=0.6)
    assert moved.left == pytest.approx(before.left + 3, abs=0.6)
    assert moved.bottom - moved.top == pytest.approx(
        before.bottom - before.top, abs=0.01
    )

    index = driver.session.slice
    driver.key("Down")
    driver.key("Right")
    driver.settle()
    (pushed,) = boxes(driver)
    assert pushed.top == pytest.approx(moved.top + 1)
    assert pushed.left == pytest.approx(moved.left + 1)
    assert driver.session.slice == index
    QTest.mouseMove(driver.canvas, driver.point(5, 100))
    driver.wait(lambda: layer.mode == "add_rectangle")
    driver.key("Right")
    driver.wait(lambda: driver.session.slice == index + 1)
    driver.key("Left")
    driver.wait(lambda: driver.session.slice == index)
    driver.key("Del")  # it has no handles, but the dock names it
    driver.settle()
    assert not boxes(driver)
    driver.press_action("undo")
    driver.settle()
    assert len(boxes(driver)) == 1

    twin = boxes(driver)[0].evolve(id="twin")
    editor = driver.session.editor
    editor.set_boxes({index: [*boxes(driver), twin]})
    driver.press_action("submit")
    assert "two boxes Nodule lie exactly" in driver.question.text()
    driver.answer("Delete the upper ones")
    driver.settle()
    assert len(boxes(driver)) == 1
    driver.answer("Cancel")
    driver.press_label("Lung")
    assert not lines.is_on


def test_zoom_and_navigator(driver):
    bar, camera = driver.current_job.around.zoom.bar, driver.viewer.scene.camera
    fitted = camera.zoom
    assert bar.percent.isVisible()
    assert not bar.navigator.isVisible()
    driver.press_action("zoom_full")
    assert bar.percent.text() == "100 %"
    driver.click(bar.fit)
    assert camera.zoom == pytest.approx(fitted)
    camera.zoom = 4 * fitted
    driver.wait(bar.navigator.isVisible)
    driver.settle()
    place = bar.navigator.rect().bottomLeft() + bar.navigator.rect().topRight()
    QTest.mouseClick(
        bar.navigator,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        place / 4,
    )
    top, left, bottom, right = driver.current_job.bridge.zoom.part
    assert (top + bottom) / 2 == pytest.approx(0.25, abs=0.06)
    assert (left + right) / 2 == pytest.approx(0.25, abs=0.06)
    before = bar.navigator.grab().toImage()
    driver.key("Right")
    assert bar.navigator.isVisible()  # it does not flicker at each step
    driver.wait(lambda: bar.navigator.grab().toImage() != before)
    covered = bar.navigator.geometry().united(bar.percent.geometry())
    letters = driver.current_job.around.surroundings.edges.letters
    assert not any(covered.intersects(x.geometry()) for x in letters if x.isVisible())
    driver.press_action("next_case")
    driver.key("Ctrl+0")
    driver.wait(lambda: not bar.navigator.isVisible())


def test_a_drag_on_a_busy_computer_goes_where_the_hand_went(driver):
    """Nothing is taken in between: not napari's timer either, which brings moves."""
    driver.press_label("Nodule")
    corners = [(20.0, 20.0), (30.0, 50.0), (60.0, 90.0)]
    driver.drag([driver.point(*corner) for corner in corners], busy=True)
    driver.settle()
    assert boxes(driver)[0].corners == pytest.approx((20, 20, 60, 90), abs=1.5)
    driver.press_label("Lung")
    driver.press_action("trace")
    outline = [(100.0, 100.0), (100.0, 160.0), (150.0, 160.0), (150.0, 100.0)]
    driver.drag([driver.point(*corner) for corner in outline], busy=True)
    driver.settle()
    rows, columns = np.nonzero(driver.session.editor.mask(driver.session.slice) == LUNG)
    assert (rows.min(), columns.min()) == pytest.approx((100, 100), abs=2)
    assert (rows.max(), columns.max()) == pytest.approx((150, 160), abs=2)
    assert len(rows) > 0.9 * 50 * 60

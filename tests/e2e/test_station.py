"""Themes, settings, keys alone, and that everything is released in the end."""

from __future__ import annotations

import gc
import threading
import weakref

import npe2
import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit, QPushButton

from napari_annotate_jobs.app._settings import PLUGIN, Settings, settings_model
from napari_annotate_jobs.app._titles import dock_of
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.samples import SAMPLES, sample_paths
from napari_annotate_jobs.stores import open_store

BRAIN, XRAYS, LUNGS = DEMO_JOBS


@pytest.fixture
def settings(monkeypatch):
    """Return a function that changes the user's settings."""
    chosen = {}

    def read():
        fields = Settings.__dataclass_fields__
        known = {"person": "", "open_next": True, "wheel_steps": False, "keys": {}}
        values = {**ORIGINAL(), **known, **chosen}
        return Settings(**{name: values[name] for name in fields})

    monkeypatch.setattr("napari_annotate_jobs.app._workstation.read_settings", read)
    return chosen.update


def ORIGINAL():
    from napari_annotate_jobs.app._settings import read_settings

    return vars(read_settings())


def test_a_job_that_is_opened_by_name_shows_its_page(make_driver, demo):
    driver = make_driver(demo / XRAYS, open_it=True)
    driver.wait(lambda: driver.station.current_job is not None)
    driver.settle()
    assert driver.my_jobs.page.isVisible()
    assert driver.session.job.id == XRAYS
    # The numbers of slices are known before a case was opened.
    rows = driver.session.cases()
    assert [row.case.n_slices for row in rows] == [1, 1]


def test_of_several_jobs_none_is_opened(make_driver, demo):
    driver = make_driver(demo, open_it=True)
    driver.wait(lambda: len(driver.station.summaries) == len(DEMO_JOBS))
    driver.settle()
    assert driver.my_jobs.jobs.isVisible()
    assert driver.station.current_job is None


def test_studies_stand_in_the_place_of_the_image_until_one_is_open(make_driver, demo):
    driver = make_driver(demo)
    driver.wait(lambda: len(driver.station.summaries) == len(DEMO_JOBS))
    shown = driver.my_jobs._grid
    assert not shown.is_shown
    driver.open_job(BRAIN)
    driver.settle()
    driver.wait(lambda: shown.is_shown)
    tiles = shown._grid.tiles
    driver.wait(lambda: tiles.cases.picture(driver.session.cases()[0].case.id))
    assert tiles.cases.total == 2
    driver.open_job(XRAYS)  # never the cases of another job
    driver.settle()
    assert shown.is_shown
    assert {row.case.id for row in driver.session.cases()} == {
        tiles.cases.case_row(n).case.id for n in range(2)
    }
    tiles.doubleClicked.emit(tiles.model().index(0, 1))
    driver.wait(lambda: driver.session.is_open)
    driver.settle()
    assert driver.session.case.row.ordinal == 1
    assert not shown.is_shown
    for step in (-1, 1, -1):
        driver.current_job.actions.go_case(step)
        driver.settle()
        assert not shown.is_shown
    driver.session.close_case()
    driver.wait(lambda: shown.is_shown)
    driver.station.close_job()
    driver.settle()
    assert not shown.is_shown
    assert tiles.cases.total == 0


def test_it_counts_in_the_list_a_case_was_opened_from(make_driver, demo):
    driver = make_driver(demo)
    driver.wait(lambda: len(driver.station.summaries) == len(DEMO_JOBS))
    driver.open_job(BRAIN)
    page = driver.my_jobs.page
    names = [row.case.name for row in driver.session.cases()]
    driver.type_text(names[1], page._search)
    driver.wait(lambda: page._table.cases.total == 1)
    driver.click_row(driver.table, 0, double=True)
    driver.wait(lambda: driver.session.is_open)
    driver.settle()
    place = driver.current_job.annotate.place
    assert place.text() == "1 / 1 · 1 left"
    assert "the list that it was opened from" in place.toolTip()
    driver.current_job.open_first()
    driver.settle()
    assert place.text() == "1 / 2 · 2 left"
    assert "of the 2 in the job" in place.toolTip()


def test_the_button_on_a_card_opens_the_first_case_that_is_left(make_driver, demo):
    driver = make_driver(demo)
    driver.wait(lambda: len(driver.station.summaries) == len(DEMO_JOBS))
    view = driver.my_jobs.jobs
    driver.wait(lambda: view.pictures.of(view._model.summary(0)))
    for number in (1, 0):  # from the open case to another job, too
        summary = view._model.summary(number)
        index = view._model.index(number)
        view._cards.scrollTo(index)
        card = view._cards.visualRect(index)
        place = view._delegate._layout(card, summary).button.center()
        QTest.mouseClick(view._cards.viewport(), Qt.MouseButton.LeftButton, pos=place)
        driver.wait(
            lambda job=summary.job: (
                driver.station.current_job is not None
                and driver.session.job.id == job.id
                and driver.session.is_open
            )
        )
        driver.settle()
        assert driver.session.case.row.ordinal == 0
        driver.my_jobs.show_jobs()
        driver.settle()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_follows_the_theme(driver, theme):
    driver.viewer.theme = theme
    driver.open_job(BRAIN)
    driver.annotate()
    track = driver.current_job.strip.track
    assert track.colors == driver.station.colors  # from the start
    driver.viewer.theme = "light" if theme == "dark" else "dark"
    driver.viewer.theme = theme
    image = track.grab().toImage()
    brightness = image.pixelColor(image.width() - 3, image.height() // 2).lightness()
    assert (brightness < 128) == (theme == "dark")
    assert driver.station.colors == track.colors


def test_settings_are_used(settings, make_driver, demo):
    settings(person="Dr. Ana", open_next=False, wheel_steps=True)
    driver = make_driver(demo)
    driver.open_job(XRAYS)
    driver.annotate()
    assert driver.current_job.bridge.mouse.wheel_steps
    driver.press_action("nothing_submit_next")
    driver.wait(lambda: driver.session.locked)
    driver.settle()
    assert driver.session.case.row.case.id == "xray-chest"
    store = open_store(str(demo))
    try:
        assert store.people(XRAYS, "xray-chest") == ["Dr. Ana"]
    finally:
        store.close()


@pytest.mark.parametrize("steps", [False, True], ids=["zooms", "steps"])
def test_wheel(settings, make_driver, demo, steps):
    settings(wheel_steps=steps)
    driver = make_driver(demo)
    driver.open_job(BRAIN)
    driver.annotate()
    here, zoom = driver.session.slice, driver.viewer.scene.camera.zoom
    driver.wheel(-1)
    assert (driver.session.slice == here + 1) == steps
    assert (driver.viewer.scene.camera.zoom == zoom) == steps
    here, zoom = driver.session.slice, driver.viewer.scene.camera.zoom
    driver.wheel(-1, Qt.KeyboardModifier.AltModifier)
    assert (driver.session.slice == here + 1) != steps
    assert (driver.viewer.scene.camera.zoom == zoom) != steps


def test_by_keyboard_alone_from_my_jobs_to_submit(driver, demo):
    cards = driver.cards
    model = cards.model()
    cards.setFocus()
    QTest.keyClick(cards, Qt.Key.Key_Home)
    for _ in range(model.rowCount()):
        if model.summary(cards.currentIndex().row()).job.id == XRAYS:
            break
        QTest.keyClick(cards, Qt.Key.Key_Down)
    QTest.keyClick(cards, Qt.Key.Key_Return)
    driver.wait(lambda: driver.station.current_job is not None)
    driver.settle()
    annotate = driver.my_jobs.page.findChild(QPushButton, "open_first")
    assert QApplication.focusWidget() is annotate
    QTest.keyClick(annotate, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert QApplication.focusWidget() is cards
    QTest.keyClick(cards, Qt.Key.Key_Return)
    driver.wait(lambda: QApplication.focusWidget() is annotate)
    said, veil, busy = [], driver.current_job.veil, driver.station.busy_changed

    def listen(text):
        said.append((text, veil.isVisible()))

    busy.connect(listen)
    QTest.keyClick(annotate, Qt.Key.Key_Return)
    driver.wait(lambda: driver.session.is_open)
    busy.disconnect(listen)
    assert said[0] == ("Opening", True)  # over napari's welcome
    assert QApplication.focusWidget() is not driver.my_jobs.page
    driver.settle()
    focus = QApplication.focusWidget()
    driver.key("N", focus or driver.window)
    driver.key("Shift+Return", QApplication.focusWidget() or driver.window)
    driver.wait(lambda: driver.session.case.row.case.id == "xray-leg")
    driver.settle()
    store = open_store(str(demo))
    try:
        assert store.counts(XRAYS).finished == 1
    finally:
        store.close()


def test_closed_slices_come_back(open_case):
    driver = open_case(LUNGS)
    open_job, menu = driver.current_job, driver.viewer.window.window_menu
    strip, back = open_job.strip, open_job.annotate.slices_back
    (item,) = (a for a in menu.actions() if a.text() == "Slices")
    assert strip.isVisible()
    assert item.isChecked()
    assert back.isHidden()
    for ask in (back.click, item.trigger, open_job.strip_dock.toggle):
        close_dock(strip)
        driver.settle()
        assert not strip.isVisible()
        assert not item.isChecked()
        assert back.isVisible()
        ask()
        driver.settle()
        assert strip.isVisible()
        assert item.isChecked()
        assert back.isHidden()
    close_dock(strip)
    driver.press_action("next_case")
    driver.settle()
    assert back.isVisible()  # who closes them does not want them in the next case
    item.trigger()
    item.trigger()
    assert not strip.isVisible()
    driver.station.close_job()
    assert "Slices" not in [action.text() for action in menu.actions()]


def test_my_jobs_that_is_opened_again_becomes_a_tab(open_case):
    driver = open_case(LUNGS)
    window, size = driver.window, driver.window.size()
    close_dock(driver.my_jobs)
    driver.settle()
    _, jobs = driver.viewer.window.add_plugin_dock_widget(PLUGIN, "My Jobs")
    driver.settle()
    annotate = dock_of(driver.current_job.annotate)
    assert annotate in window.tabifiedDockWidgets(dock_of(jobs))
    assert window.size() == size
    assert jobs.page.isVisible()
    _, keys = driver.viewer.window.add_plugin_dock_widget(PLUGIN, "Keys and Mouse")
    driver.settle()
    assert annotate in window.tabifiedDockWidgets(dock_of(keys))
    assert window.size() == size


def close_dock(inside):
    """Press the x of the dock that a widget is in."""
    dock_of(inside).titleBarWidget().close_button.click()


def test_everything_is_released_with_the_job(open_case):
    driver = open_case(LUNGS)
    driver.press_label("Tumour")
    driver.drag_pixels([(100, 100), (110, 110)])
    driver.select(2, 4)
    driver.press_action("propagate")
    driver.settle()
    open_job, viewer = driver.current_job, driver.viewer
    held = {
        "open_job": weakref.ref(open_job),
        "session": weakref.ref(open_job.session),
        "bridge": weakref.ref(open_job.bridge),
        "strip": weakref.ref(open_job.strip),
        "annotate": weakref.ref(open_job.annotate),
        "propagate": weakref.ref(open_job.propagate),
    }
    callbacks = viewer.mouse_drag_callbacks, viewer.mouse_wheel_callbacks
    assert any(is_ours(call) for listed in callbacks for call in listed)
    del open_job
    station = driver.station
    station.close_job()
    station.tables.drain()
    station.images.drain()
    assert_released(held)
    assert not any(is_ours(call) for listed in callbacks for call in listed)
    names = [getattr(call, "__name__", "") for call in viewer.mouse_wheel_callbacks]
    assert "layers_scroll" in names  # Alt+wheel is napari's again


def assert_released(held):
    for _ in range(3):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
    assert [name for name, ref in held.items() if ref() is not None] == []


@pytest.mark.parametrize("job", [None, LUNGS], ids=["my jobs", "a case"])
def test_everything_is_released_with_the_window(
    make_napari_viewer, make_driver, demo, job
):
    driver = make_driver(demo, viewer=make_napari_viewer(show=True))
    if job is not None:
        driver.open_job(job)
        driver.annotate()
        driver.press_label("Tumour")
        driver.drag_pixels([(100, 100), (110, 110)])
    held = {
        "window": weakref.ref(driver.window),
        "station": weakref.ref(driver.station),
    }
    if job is not None:
        held |= {
            "open_job": weakref.ref(driver.current_job),
            "session": weakref.ref(driver.session),
            "bridge": weakref.ref(driver.current_job.bridge),
        }
    viewer = driver.viewer
    vars(driver).clear()
    viewer.close()
    del viewer
    # A worker holds what it is at, and is not waited for on a busy computer.
    for thread in threading.enumerate():
        if thread.name == "annotate-jobs":
            thread.join(20)
    assert_released(held)


def is_ours(callback):
    return str(callback.__module__).startswith("napari_annotate_jobs")


def test_preferences_count_at_once(open_case):
    driver = open_case(LUNGS)
    model = settings_model()
    model.wheel_steps = True
    try:
        here = driver.session.slice
        driver.wheel(-1)
        assert driver.session.slice == here + 1
        model.open_next = False
        assert not driver.session.open_next
        model.image_memory = 100
        assert driver.current_job.bridge.budget == 100 * 2**20
    finally:
        model.wheel_steps, model.open_next, model.image_memory = False, True, 0
    here = driver.session.slice
    driver.wheel(-1)
    assert driver.session.slice == here


def test_what_is_changed_in_the_preferences_counts_at_once(open_case):
    driver = open_case(LUNGS)
    model, keymap = settings_model(), driver.station.keymap
    # As napari's dialog does: all that is in a form at once, however little changed.
    changed = {
        "open_next": False,
        "image_memory": 100,
        "key_set": "DeepCap",
        "keys": "nothing_to_label=Alt+0",
    }
    before = {name: getattr(model, name) for name in changed}
    model.update(changed)
    try:
        assert not driver.session.open_next
        assert driver.current_job.bridge.budget == 100 * 2**20
        assert driver.station.keymap.key("submit") == "Ctrl+Return"
        assert driver.station.keymap.key("nothing_to_label") == "Alt+0"
    finally:
        model.update(before)
    assert driver.session.open_next
    assert driver.station.keymap == keymap


def test_another_set_of_keys_counts_at_once(open_case):
    driver = open_case(LUNGS)
    model, session = settings_model(), driver.session
    first = session.case.row.case.id
    tip = driver.current_job.annotate.submit.toolTip()
    model.key_set = "DeepCap"
    assert driver.current_job.annotate.submit.toolTip() != tip
    here = session.slice
    driver.wheel(-1)
    assert session.slice == here + 1
    label = next(x for x in session.job.project.label_set.labels if x.id)
    driver.press_label(label.name)
    driver.key("Space")
    assert driver.current_job.player.is_on
    driver.key("Space")
    assert not driver.current_job.player.is_on
    driver.wheel(-1, Qt.KeyboardModifier.AltModifier)
    driver.settle()
    second = session.case.row.case.id
    assert second != first
    driver.key("Alt+Left")
    driver.settle()
    assert session.case.row.case.id == first
    model.key_set = "napari"
    assert driver.current_job.annotate.submit.toolTip() == tip
    assert not driver.current_job.bridge.mouse.wheel_steps


def test_the_page_says_that_a_case_is_being_opened(driver):
    driver.open_job(LUNGS)
    button = driver.my_jobs.page.findChild(QPushButton, "open_first")
    seen = []
    driver.session.busy.connect(lambda text: seen.append(button.text()))
    driver.annotate()
    assert seen[0] == "Opening…"
    assert seen[-1].startswith("Annotate")
    assert button.isEnabled()


def test_the_name_can_be_changed_in_my_jobs(driver):
    button = driver.my_jobs.findChild(QPushButton, "person")
    driver.wait(button.isVisible)
    model = settings_model()
    try:
        driver.click(button)
        field = button.findChild(QLineEdit)
        field.clear()
        driver.type_text("Dr. Bo", field)
        driver.wait(lambda: button.text() == "You work as Dr. Bo")
        driver.open_job(LUNGS)
        assert driver.session.store.person == "Dr. Bo"
    finally:
        model.person = ""


def test_a_job_without_an_open_case_closes(driver):
    driver.open_job(BRAIN)
    driver.click(driver.back)
    driver.settle()
    driver.open_job(LUNGS)
    assert driver.session.job.id == LUNGS


def test_samples_and_reader_through_the_manifest(npe2_with_us):
    manifest = npe2_with_us
    found = manifest.contributions
    assert len(found.sample_data) == len(SAMPLES)
    for sample in found.sample_data:
        ((data, kwargs, kind),) = sample.open()
        assert kind == "image"
        assert np.ndim(data) >= 2
        assert len(kwargs["scale"]) == np.ndim(data)
    place = min(sample_paths()["mr-brain"].glob("*.dcm"))
    name = manifest.name
    ((data, _, _),) = npe2.read([str(place)], stack=False, plugin_name=name)
    assert data.shape[-2:] == (256, 256)
    with pytest.raises(ValueError, match="not a compatible reader"):
        npe2.read([__file__], stack=False, plugin_name=name)


@pytest.fixture
def npe2_with_us():
    manager = npe2.PluginManager.instance()
    manager.discover()
    return manager.get_manifest("napari-annotate-jobs")

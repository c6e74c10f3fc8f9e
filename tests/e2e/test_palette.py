"""All that has a key is found by typing, too."""

from __future__ import annotations

import pytest
from app_model import Application
from app_model.expressions import get_context
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QPushButton, QWidget

from napari_annotate_jobs.app import _docks, _palette
from napari_annotate_jobs.app._docks import show_my_jobs
from napari_annotate_jobs.app._job_actions import JobActions
from napari_annotate_jobs.app._palette import command_id
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.widgets import ACTIONS, HelpPanel

*_, LUNGS = DEMO_JOBS

IDS = [action.id for action in ACTIONS]
WHEN = {action.id: action.when for action in ACTIONS}
OF_JOBS = ("always", "chosen", "job")


def of_a_case(names):
    """Return those of some actions that need an open case."""
    return {name for name in names if WHEN[name] not in OF_JOBS}


NO_ACTS = {
    "flagged": "what is listed, as the filters say",
    "order": "in which order",
    "show_all": "what is listed: so do the search and the filters",
    "zoom_out": "how the strip is seen",
    "zoom_in": "how the strip is seen",
    "fit": "how the strip is seen",
    "relabel": "opens a menu, on the object at hand",
}
"""Buttons that do nothing with a job or a case, and what they are about."""
FORMS = {
    "FillPanel": "smart_fill",
    "PropagatePanel": "propagate",
    "ThreadList": "next_thread",
    "HelpPanel": "help",
    "NewJobDialog": "make_job",
    "EditJobDialog": "edit_job",
    "ExportPanel": "export_job",
    "ImportPanel": "import_job",
    "CombinePanel": "combine_labels",
    "StatisticsPanel": "statistics_job",
}
"""Where one fills something in, and the action that leads there."""
FOLDS = ("Section", "QLineEdit", "QTabBar", "ServerLines")
"""Parts of a view whose buttons fold it, clear it, or answer what it says."""


@pytest.fixture(autouse=True)
def name_of_napari(monkeypatch):
    """Let what is listed be listed in napari's own application for tests."""
    monkeypatch.setattr(_palette, "NAPARI", "test_app")


@pytest.fixture
def palette(driver):
    """Return napari's application, whose commands the palette lists."""
    app = Application.get_app("test_app")
    assert app is not None
    return app


def listed(app):
    items = app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)
    return {item.command.id: item.command for item in items}


def enabled(app, driver):
    """Return our actions that napari's palette would carry out now."""
    context = get_context(driver.viewer.layers)
    values = {k: v() if callable(v) else v for k, v in context.items()}
    found = set()
    for action_id in IDS:
        rule = listed(app)[command_id(action_id)].enablement
        try:
            if rule.eval(values):
                found.add(action_id)
        except NameError:  # as napari takes what its context does not know
            continue
    return found


def test_every_action_is_listed_and_does_what_its_key_does(
    open_case, palette, monkeypatch
):
    driver = open_case(LUNGS)
    open_job, done = driver.current_job, []
    calls = {name: lambda name=name: done.append(name) for name in IDS}
    monkeypatch.setattr(open_job, "by_id", lambda: calls)
    commands = listed(palette)
    for action in ACTIONS:
        assert commands[command_id(action.id)].title == action.text
        palette.commands.execute_command(command_id(action.id)).result()
    assert done == IDS
    by_key = open_job._key_calls()
    done.clear()
    # Space is bound where napari has no use for it.
    with_key = [
        a for a in ACTIONS if a.key and a.id != "play" and a.when not in OF_JOBS
    ]
    for action in with_key:
        by_key[action.key]()
    assert done == [action.id for action in with_key]


def test_actions_apply_once_the_jobs_are_listed(make_driver, demo, monkeypatch):
    offered = []

    def on_a_slow_screen(viewer, location, *, open_it):
        my_jobs = show_my_jobs(viewer)
        my_jobs.setUpdatesEnabled(False)
        offers = JobActions.of(my_jobs.station).by_id
        my_jobs.station.jobs_changed.connect(lambda _: offered.append(set(offers())))
        my_jobs.station.add_location(location)
        return my_jobs

    monkeypatch.setattr(_docks, "show_my_jobs", on_a_slow_screen)
    driver = make_driver(demo)
    driver.wait(lambda: driver.station.summaries and offered)
    assert {"help", "make_job", "refresh_jobs"} <= offered[0]


def test_what_does_not_apply_is_grey(driver, palette):
    at_first = {"show_jobs", "make_job", "open_folder", "add_server", "refresh_jobs"}
    now = enabled(palette, driver)
    assert at_first | {"help", "person", "demo"} <= now and not of_a_case(now)
    assert {"open_job", "forget_job"} <= now, "a job is chosen"
    assert not {"export_job", "open_first", "list_cases"} & now
    driver.open_job(LUNGS)
    now = enabled(palette, driver)
    assert {"open_first", "list_cases", "export_job", "refresh_cases"} <= now
    assert not of_a_case(now)
    driver.annotate()
    now = enabled(palette, driver)
    assert {"nothing_to_label", "submit", "interpolate", "next_change"} <= now
    assert not {"confirm", "confirm_all", "cut_object"} & now
    assert "take_back" not in now
    driver.press_action("nothing_to_label")
    driver.session.open_next = False
    driver.session.submit()
    driver.settle()
    now = enabled(palette, driver)
    assert "take_back" in now and not {"submit", "undo", "exclude"} & now
    palette.commands.execute_command(command_id("take_back")).result()
    driver.settle()
    assert not driver.session.locked
    driver.session.close_case()
    assert not of_a_case(enabled(palette, driver))
    driver.station.close_job()
    now = enabled(palette, driver)
    assert at_first <= now and not {"export_job", "open_first", "list_cases"} & now
    driver.station.close()
    assert enabled(palette, driver) == set()


def within(button, kinds):
    """Return the kind of the nearest widget around a button that is of such a kind."""
    widget = button.parentWidget()
    while widget is not None:
        if (name := type(widget).__name__) in kinds:
            return name
        widget = widget.parentWidget()
    return None


def unreachable(*views):
    """Return the buttons of views that no action in the palette stands for."""
    found = []
    for view in views:
        for button in view.findChildren(QAbstractButton):
            group = button.group()
            is_choice = button.isCheckable() and group is not None
            name = button.objectName().replace("-", "_")
            ours = not name.startswith("qt_") and type(button).__name__ != "PatchButton"
            if is_choice or not ours or within(button, FOLDS):
                continue
            form = within(button, FORMS) or (
                type(view).__name__ if type(view).__name__ in FORMS else None
            )
            if (FORMS[form] if form else name) not in IDS and name not in NO_ACTS:
                found.append(f"{type(view).__name__}: {(name or button.text())!r}")
    return found


def test_every_button_is_found_by_typing(open_case, palette):
    driver = open_case(LUNGS)
    open_job, mine = driver.current_job, driver.my_jobs
    views = [
        mine,
        open_job.annotate,
        open_job.strip,
        open_job.propagate,
        open_job.fill.panel,
    ]
    assert not unreachable(*views)
    canvas = [
        button
        for button in driver.canvas.findChildren(QAbstractButton)
        if button.objectName() and button.objectName() not in IDS
    ]
    assert not canvas
    assert len(mine.findChildren(QAbstractButton)) > 20, "they are walked"
    for name in FORMS.values():
        assert command_id(name) in listed(palette)


def test_every_button_of_a_review_is_found_by_typing(driver, palette):
    driver.open_review(LUNGS)
    open_job = driver.current_job
    assert not unreachable(driver.my_jobs, open_job.sides)
    mine = {*open_job.by_id(), *driver.my_jobs.by_id()}
    assert {"pass_case", "switch_review", "undo", "correct_case"} <= mine


def test_a_button_without_an_action_is_noticed(qtbot):
    view = QWidget()
    qtbot.addWidget(view)
    for name in ("undo", "", "launch"):
        button = QPushButton("Press", view)
        button.setObjectName(name)
    assert unreachable(view) == ["QWidget: 'Press'", "QWidget: 'launch'"]


def test_what_a_job_offers_is_done_from_the_palette(driver, palette, monkeypatch):
    """Without a case, and from wherever one is; My Jobs comes forward to answer."""
    done, mine = [], driver.my_jobs
    folders = []
    monkeypatch.setattr(_docks, "choose_folder", lambda *args: folders.append(args[1]))
    run = palette.commands.execute_command
    run(command_id("open_folder")).result()
    assert len(folders) == 1
    driver.wait(lambda: mine.jobs.selected() is not None)
    run(command_id("open_job")).result()
    driver.wait(lambda: driver.station.current_job is not None)
    driver.settle()
    driver.station.panel_requested.connect(done.append)
    driver.annotate()
    run(command_id("show_jobs")).result()
    assert mine.isVisible() and mine.jobs.isVisible()
    run(command_id("list_cases")).result()
    assert mine.page.isVisible()
    run(command_id("statistics_job")).result()
    assert done == ["Statistics"]
    driver.settle()


def test_a_key_of_a_job_acts_without_an_open_case(driver):
    def shown():
        panels = driver.window.findChildren(HelpPanel)
        return [panel for panel in panels if panel.isVisible()]

    driver.my_jobs.jobs.take_keyboard()
    assert not shown()
    QTest.keyClick(driver.window, Qt.Key.Key_F1)
    driver.wait(lambda: len(shown()) == 1)

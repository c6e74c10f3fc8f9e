"""All that has a key is found by typing, too."""

from __future__ import annotations

import napari
import pytest
from app_model import Application
from app_model.expressions import get_context

from napari_annotate_jobs.app import _palette
from napari_annotate_jobs.app._palette import command_id
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.widgets import ACTIONS

*_, LUNGS = DEMO_JOBS

IDS = [action.id for action in ACTIONS]
OF_A_JOB = {action.id for action in ACTIONS if action.when == "job"}


@pytest.fixture
def palette(driver, monkeypatch):
    """Return napari's application, whose commands the palette lists."""
    monkeypatch.setattr(_palette, "NAPARI", "test_app")  # napari's own, for tests
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
    desk, done = driver.desk, []
    calls = {name: lambda name=name: done.append(name) for name in IDS}
    monkeypatch.setattr(desk, "by_id", lambda: calls)
    commands = listed(palette)
    for action in ACTIONS:
        assert commands[command_id(action.id)].title == action.text
        palette.commands.execute_command(command_id(action.id)).result()
    assert done == IDS
    by_key = desk._key_calls()
    done.clear()
    # Space is bound where napari has no use for it.
    with_key = [a for a in ACTIONS if a.key and a.id != "play"]
    for action in with_key:
        by_key[action.key]()
    assert done == [action.id for action in with_key]


def test_what_does_not_apply_is_grey(driver, palette):
    assert (
        not [
            name
            for name in enabled(palette, driver)
            if command_id(name) in listed(palette)
        ]
        if command_id("undo") in listed(palette)
        else True
    )
    driver.open_job(LUNGS)
    assert enabled(palette, driver) == OF_A_JOB
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
    assert enabled(palette, driver) == OF_A_JOB
    driver.station.close_job()
    assert enabled(palette, driver) == set()


def test_the_current_viewer_is_acted_on(open_case, palette):
    driver = open_case(LUNGS)
    assert napari.current_viewer() is driver.viewer
    session = driver.session
    palette.commands.execute_command(command_id("nothing_to_label")).result()
    assert session.editor.content(session.slice).nothing_to_label
    palette.commands.execute_command(command_id("undo")).result()
    assert not session.editor.content(session.slice).nothing_to_label

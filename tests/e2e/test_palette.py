"""All that has a key is found by typing, too."""

from __future__ import annotations

import napari
import pytest
from app_model import Application
from app_model.expressions import get_context

from napari_annotate_jobs.app._palette import command_id
from napari_annotate_jobs.widgets import ACTIONS

IDS = [action.id for action in ACTIONS]


@pytest.fixture
def palette():
    """Return napari's application, whose commands the palette lists."""
    app = Application.get_app("napari")
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
    driver = open_case("masks")
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
    for action in ACTIONS:
        if action.id != "play":  # Space is bound where napari has no use for it
            by_key[action.key]()
    assert done == [name for name in IDS if name != "play"]


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
    driver.open_job("masks")
    assert enabled(palette, driver) == {"help"}
    driver.annotate()
    now = enabled(palette, driver)
    assert {"nothing_to_label", "submit", "interpolate", "next_change"} <= now
    assert not {"confirm", "confirm_all", "cut_object"} & now
    driver.session.close_case()
    assert enabled(palette, driver) == {"help"}
    driver.station.close_job()
    assert enabled(palette, driver) == set()


def test_the_current_viewer_is_acted_on(open_case, palette):
    driver = open_case("masks")
    assert napari.current_viewer() is driver.viewer
    session = driver.session
    palette.commands.execute_command(command_id("nothing_to_label")).result()
    assert session.editor.content(session.slice).nothing_to_label
    palette.commands.execute_command(command_id("undo")).result()
    assert not session.editor.content(session.slice).nothing_to_label

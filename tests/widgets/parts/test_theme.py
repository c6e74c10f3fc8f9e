from __future__ import annotations

import pytest
from qtpy.QtCore import QObject

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import COLORS
from napari_annotate_jobs.widgets import (
    JobPageView,
    MyJobsView,
    PropagatePanel,
    SliceStrip,
)
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    contrast_ratio,
    contrast_text,
    mixed,
    paint_in,
    readable,
)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_colors_are_those_of_napari(name):
    from napari.utils.theme import get_theme

    ours = getattr(Colors, name)()
    assert Colors.from_theme(get_theme(name).to_rgb_dict()) == ours
    assert ours.is_dark == (name == "dark")


@pytest.mark.parametrize("name", ["dark", "light"])
def test_texts_can_be_read_in_both_themes(name):
    colors = getattr(Colors, name)()
    for text in (colors.error_text, colors.warning_text, colors.faint_text):
        assert contrast_ratio(text, colors.background) >= 4.5


@pytest.mark.parametrize("color", COLORS)
def test_text_on_label_colours_can_be_read(color):
    assert contrast_ratio(contrast_text(color), color) >= 4.5


def test_contrast_is_that_of_the_standard():
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast_ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_readable_leaves_what_can_be_read():
    assert readable("#ffffff", "#000000") == "#ffffff"
    assert readable("#000000", "#000000") != "#000000"


def test_mixed():
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize("color", ["red", "#fff", "", "rgb(1, 2, 3)"])
def test_other_notations_are_refused(color):
    with pytest.raises(InvalidValueError, match="rrggbb"):
        mixed(color, "#000000", 0.5)


def test_a_missing_colour_is_refused():
    with pytest.raises(InvalidValueError):
        Colors.from_theme({"background": "#000000"})


@pytest.mark.parametrize("view", [JobPageView, MyJobsView, PropagatePanel, SliceStrip])
def test_a_theme_reaches_all_that_is_painted_by_hand(qtbot, view):
    made = view()
    qtbot.addWidget(made)
    paint_in(made, Colors.light())
    parts = [made, *made.findChildren(QObject)]
    found = {
        type(part).__name__: vars(part) for part in parts if hasattr(part, "set_colors")
    }
    assert len(found) > 1
    for name, state in found.items():
        for own in ("_colors", "colors"):
            assert state.get(own, Colors.light()) == Colors.light(), name

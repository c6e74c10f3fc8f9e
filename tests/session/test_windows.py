"""Windows are remembered for each kind of series."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_annotate_jobs.model import VoiFunction, Window
from napari_annotate_jobs.session import AnnotationSession, WindowMemory

CT = SimpleNamespace(modality="CT", description="Lung", inverted=False)
MR = SimpleNamespace(modality="MR", description="T1", inverted=False)


@pytest.fixture
def memory(tmp_path):
    return WindowMemory(tmp_path / "state" / "windows.json")


def test_nothing_is_known_at_first(memory):
    assert memory.recall(CT) is None


def test_each_kind_has_its_own(memory, tmp_path):
    lung = Window(center=-400, width=1500, function=VoiFunction.LINEAR)
    memory.remember(CT, lung, True)
    memory.remember(MR, Window(center=300, width=700), False)
    again = WindowMemory(tmp_path / "state" / "windows.json")
    assert again.recall(CT) == (lung, True)
    assert again.recall(MR)[0].center == 300
    assert again.recall(
        SimpleNamespace(modality="CT", description="LUNG", inverted=False)
    ) == (
        lung,
        True,
    )
    assert (
        again.recall(SimpleNamespace(modality="CT", description=None, inverted=False))
        is None
    )


def test_the_latest_counts(memory):
    memory.remember(CT, Window(center=1, width=2), False)
    memory.remember(CT, Window(center=3, width=4), False)
    assert memory.recall(CT)[0].center == 3


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"CT|lung": {"center": 1}}', '{"CT|lung": {"window": 1}}']
)
def test_a_damaged_file_is_as_good_as_none(memory, tmp_path, text):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "windows.json").write_text(text)
    assert memory.recall(CT) is None
    memory.remember(CT, Window(center=1, width=2), False)
    assert memory.recall(CT)[0].width == 2


def test_a_place_that_cannot_be_written_is_no_obstacle(tmp_path):
    (tmp_path / "state").write_text("in the way")
    memory = WindowMemory(tmp_path / "state" / "windows.json")
    memory.remember(CT, Window(center=1, width=2), False)
    assert memory.recall(CT) is None


def test_a_session_opens_as_the_last_one_looked(desk, memory):
    def session():
        made = AnnotationSession(desk.store, "job", windows=memory)
        made.open_next = False
        made.open_case("one")
        return made

    first = session()
    assert not first.inverted
    first.inverted = True
    first.open_case("two")  # the same kind of series
    assert first.inverted
    first.window = Window(center=7, width=9)
    first.close()
    again = session()
    assert again.inverted
    assert again.window == Window(center=7, width=9)
    again.close()


def test_images_of_the_other_polarity_are_not_turned_over(memory):
    one = SimpleNamespace(modality="DX", description="Chest PA", inverted=True)
    two = SimpleNamespace(modality="DX", description="Chest PA", inverted=False)
    window = Window(center=1, width=2)
    memory.remember(one, window, True)  # only the window was chosen
    assert memory.recall(one) == (window, True)
    assert memory.recall(two) == (window, False)
    memory.remember(two, window, True)
    assert memory.recall(two) == (window, True)
    assert memory.recall(one) == (window, False)

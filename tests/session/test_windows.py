"""Windows are remembered for each kind of series."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_annotate_jobs.model import VoiFunction, Window
from napari_annotate_jobs.session import WindowMemory

CT = SimpleNamespace(modality="CT", description="Lung")
MR = SimpleNamespace(modality="MR", description="T1")


@pytest.fixture
def memory(tmp_path):
    return WindowMemory(tmp_path / "state" / "windows.json")


def test_nothing_is_known_at_first(memory):
    assert memory.recall(CT) is None


def test_each_kind_has_its_own(memory, tmp_path):
    lung = Window(center=-400, width=1500, function=VoiFunction.LINEAR)
    memory.remember(CT, lung)
    memory.remember(MR, Window(center=300, width=700))
    again = WindowMemory(tmp_path / "state" / "windows.json")
    assert again.recall(CT) == lung
    assert again.recall(MR).center == 300
    assert again.recall(SimpleNamespace(modality="CT", description="LUNG")) == lung
    assert again.recall(SimpleNamespace(modality="CT", description=None)) is None


def test_the_latest_counts(memory):
    memory.remember(CT, Window(center=1, width=2))
    memory.remember(CT, Window(center=3, width=4))
    assert memory.recall(CT).center == 3


@pytest.mark.parametrize("text", ["", "[]", "{", '{"CT|lung": {"center": 1}}'])
def test_a_damaged_file_is_as_good_as_none(memory, tmp_path, text):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "windows.json").write_text(text)
    assert memory.recall(CT) is None
    memory.remember(CT, Window(center=1, width=2))
    assert memory.recall(CT).width == 2


def test_a_place_that_cannot_be_written_is_no_obstacle(tmp_path):
    (tmp_path / "state").write_text("in the way")
    memory = WindowMemory(tmp_path / "state" / "windows.json")
    memory.remember(CT, Window(center=1, width=2))
    assert memory.recall(CT) is None

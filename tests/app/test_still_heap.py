"""The garbage collector is spared what stays, and nothing else."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_annotate_jobs.app._still_heap import StillHeap


class Ring:
    """Refers to itself, as layers do: only the collector frees it."""

    def __init__(self):
        self.me = self


@pytest.fixture(autouse=True)
def thawed():
    """Begin with nothing frozen; the tests freeze what they collected themselves."""
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.freeze()


@pytest.fixture
def still():
    heap = StillHeap(ViewerModel())
    yield heap
    heap.end()


def test_what_was_there_is_spared_and_what_comes_is_collected(still):
    still.begin()
    spared = gc.get_freeze_count()
    assert spared > 10_000
    gone = weakref.ref(Ring())
    gc.collect()
    assert gone() is None
    still.end()
    assert not gc.get_freeze_count()


def test_what_comes_with_another_job_is_collected(still):
    still.begin()
    gone = weakref.ref(Ring())
    still.begin()
    gc.collect()
    assert gone() is None


def test_what_was_there_is_collected_in_the_end(still):
    gone = weakref.ref(Ring())
    still.begin()
    gc.collect()
    still.end()
    gc.collect()
    assert gone() is None


def test_layers_that_may_go_are_not_spared():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((4, 4)))
    still = StillHeap(viewer)
    still.begin()
    assert not gc.get_freeze_count()


def test_what_somebody_else_spares_is_left_alone(still):
    gc.freeze()
    still.begin()
    still.end()
    still.end()
    assert gc.get_freeze_count()

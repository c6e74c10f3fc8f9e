"""Names of folders, and what stores take for granted."""

from __future__ import annotations

import inspect

import pytest

from napari_annotate_jobs.stores import FolderStore, JobStore, MemoryStore
from napari_annotate_jobs.stores._names import case_folder
from napari_annotate_jobs.stores.http import HttpStore


@pytest.mark.parametrize("letter", ["a", "ä"])
def test_an_id_is_its_folder_as_far_as_every_system_can_hold_that(letter):
    longest = letter * (200 // len(letter.encode()))
    assert case_folder(longest) == longest
    shortened = case_folder(f"{longest}b")
    assert len(shortened.encode()) < 60
    assert shortened != case_folder(f"{longest}c")


@pytest.mark.parametrize("store", [FolderStore, HttpStore, MemoryStore])
def test_every_store_takes_for_granted_what_the_contract_says(store):
    def defaults(cls, name):
        found = inspect.signature(getattr(cls, name)).parameters.values()
        return {p.name: p.default for p in found if p.default is not p.empty}

    calls = [name for name, value in vars(JobStore).items() if inspect.isroutine(value)]
    public = [name for name in calls if not name.startswith("_")]
    assert len(public) > 20
    for name in public:
        assert defaults(store, name) == defaults(JobStore, name), name


def test_a_page_of_cases_is_one_hundred():
    limit = inspect.signature(JobStore.cases).parameters["limit"].default
    assert limit == inspect.signature(JobStore.reviews).parameters["limit"].default
    assert limit == 100

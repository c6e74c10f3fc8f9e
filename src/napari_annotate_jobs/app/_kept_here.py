"""What this computer keeps for a person, outside any job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platformdirs import user_state_path

from ._settings import PLUGIN

if TYPE_CHECKING:
    from napari_annotate_jobs.session import (
        Habits,
        Recovery,
        SeenMemory,
        Visits,
        WindowMemory,
    )
    from napari_annotate_jobs.stores import JobStore

__all__ = ["habits_of", "kept_here", "visits_here"]


def kept_here() -> tuple[Recovery, WindowMemory, SeenMemory]:
    """Return the unsaved work, the windows, and what was seen."""
    from napari_annotate_jobs.session import Recovery, SeenMemory, WindowMemory

    folder = user_state_path(PLUGIN)
    return (
        Recovery(folder / "unsaved"),
        WindowMemory(folder / "windows.json"),
        SeenMemory(folder / "seen"),
    )


def visits_here() -> Visits:
    """Return when a person last looked at jobs."""
    from napari_annotate_jobs.session import Visits

    return Visits(user_state_path(PLUGIN) / "visits.json")


def habits_of(store: JobStore, job_id: str) -> Habits:
    """Return what is known of a person's habits in a job."""
    from napari_annotate_jobs.session import Habits

    path = user_state_path(PLUGIN) / "habits.json"
    return Habits(path, store.location, job_id, store.person)

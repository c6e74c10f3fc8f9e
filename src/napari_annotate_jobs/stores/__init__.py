"""Where jobs live: the contract, and the stores that keep it."""

from __future__ import annotations

from ._contract import (
    CasePage,
    Draft,
    Fault,
    JobStore,
    PersonProgress,
    ReviewPage,
)
from ._create import create_job
from ._export_source import StoreSource
from ._folder import FolderStore
from ._memory import MemoryStore
from ._names import check_person, default_person
from ._recent import forget_location, recent_locations, remember_location
from ._registry import open_store

__all__ = [
    "CasePage",
    "Draft",
    "Fault",
    "FolderStore",
    "JobStore",
    "MemoryStore",
    "PersonProgress",
    "ReviewPage",
    "StoreSource",
    "check_person",
    "create_job",
    "default_person",
    "forget_location",
    "open_store",
    "recent_locations",
    "remember_location",
]

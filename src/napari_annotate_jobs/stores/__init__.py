"""Where jobs live: the contract, and the stores that keep it."""

from __future__ import annotations

from ._contract import CasePage, Draft, Fault, JobStore
from ._create import create_job
from ._export_source import ONLY, StoreSource
from ._folder import FolderStore
from ._memory import MemoryStore
from ._names import check_person, default_person
from ._recent import forget_location, recent_locations, remember_location
from ._registry import only_job, open_store

__all__ = [
    "ONLY",
    "CasePage",
    "Draft",
    "Fault",
    "FolderStore",
    "JobStore",
    "MemoryStore",
    "StoreSource",
    "check_person",
    "create_job",
    "default_person",
    "forget_location",
    "only_job",
    "open_store",
    "recent_locations",
    "remember_location",
]

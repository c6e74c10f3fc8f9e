"""Where jobs live: the contract, and the stores that keep it."""

from __future__ import annotations

from ._contract import CasePage, Draft, Fault, JobStore
from ._memory import MemoryStore
from ._names import default_person

__all__ = ["CasePage", "Draft", "Fault", "JobStore", "MemoryStore", "default_person"]

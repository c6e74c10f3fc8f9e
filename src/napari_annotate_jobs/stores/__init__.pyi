from ._contract import (
    CasePage,
    Checker,
    Draft,
    Fault,
    ImageSource,
    JobContents,
    JobStore,
    PersonContents,
    PersonProgress,
    ReviewPage,
)
from ._edits import check_owner
from ._export_source import ONLY, StoreSource
from ._memory import MemoryStore
from ._names import check_person, default_person
from ._registry import only_job, open_store
from ._what_is_new import news_of
from .folder._create import create_job
from .folder._store import FolderStore

__all__ = [
    "ONLY",
    "CasePage",
    "Checker",
    "Draft",
    "Fault",
    "FolderStore",
    "ImageSource",
    "JobContents",
    "JobStore",
    "MemoryStore",
    "PersonContents",
    "PersonProgress",
    "ReviewPage",
    "StoreSource",
    "check_owner",
    "check_person",
    "create_job",
    "default_person",
    "news_of",
    "only_job",
    "open_store",
]

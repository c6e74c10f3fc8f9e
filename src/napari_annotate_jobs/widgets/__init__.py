"""The parts of the interface, as Qt widgets; they know no viewer and no store."""

from __future__ import annotations

from ._case_model import CaseSource
from ._executor import QtExecutor
from ._job_page import JobPageView
from ._my_jobs import MyJobsView

__all__ = [
    "CaseSource",
    "JobPageView",
    "MyJobsView",
    "QtExecutor",
]

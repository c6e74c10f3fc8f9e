"""The parts of the interface, as Qt widgets; they know no viewer and no store."""

from __future__ import annotations

from ._executor import QtExecutor
from ._my_jobs import MyJobsView

__all__ = ["MyJobsView", "QtExecutor"]

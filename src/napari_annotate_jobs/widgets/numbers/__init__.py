"""Numbers of a job: tables and plots."""

from __future__ import annotations

from ._bar_plot import BarPlot, BarRow
from ._panel import StatisticsPanel
from ._table import NumberTable

__all__ = ["BarPlot", "BarRow", "NumberTable", "StatisticsPanel"]

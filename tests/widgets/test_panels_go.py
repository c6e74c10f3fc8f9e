"""Panels about a job are gone when Qt has deleted them: nothing holds on to them."""

from __future__ import annotations

import gc
import weakref

import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.widgets import (
    CombinePanel,
    ExportPanel,
    ImportPanel,
    StatisticsPanel,
)


@pytest.mark.parametrize(
    "kind", [CombinePanel, ExportPanel, ImportPanel, StatisticsPanel]
)
def test_a_panel_goes(qapp, kind):
    panel = kind()
    panel.show()
    QApplication.processEvents()
    known = weakref.ref(panel)
    panel.close()
    panel.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    del panel
    gc.collect()
    assert known() is None

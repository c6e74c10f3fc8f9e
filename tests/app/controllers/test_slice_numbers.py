from __future__ import annotations

import numpy as np
import pytest
from napari._qt.widgets.qt_dims import QtDims
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFrame, QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_annotate_jobs.app.controllers._slice_numbers import SliceNumbers, _Number


@pytest.fixture
def window(qtbot):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((25, 8, 8)))
    outer = QWidget()
    outer.viewer = viewer
    QVBoxLayout(outer).addWidget(QtDims(viewer.dims))
    qtbot.addWidget(outer)
    outer.show()
    qtbot.waitExposed(outer)
    return outer


def numbers_of_napari(window):
    return [
        w
        for kind in (QLineEdit, QLabel, QFrame)
        for w in window.findChildren(kind)
        if w.objectName() in ("slice_label", "slice_label_sep")
    ]


def shown(window):
    return [
        (n.place.text(), n.count.text())
        for n in window.findChildren(_Number)
        if n.isVisible()
    ]


def test_slices_are_counted_from_one_beside_the_slider(window, qtbot):
    left = []
    dims = window.viewer.dims
    dims.set_current_step(0, 10)
    numbers = SliceNumbers(window, dims, lambda: left.append(1))
    assert shown(window) == [("11", "/ 25")]
    assert not any(w.isVisible() for w in numbers_of_napari(window))
    dims.set_current_step(0, 24)
    assert shown(window) == [("25", "/ 25")]

    (field,) = [n.place for n in window.findChildren(_Number) if n.isVisible()]
    for typed, step in (("3", 2), ("99", 24), ("0", 0)):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert dims.current_step[0] == step
        assert shown(window) == [(str(step + 1), "/ 25")]
    field.clear()
    field.editingFinished.emit()
    assert shown(window) == [("1", "/ 25")]
    assert left

    numbers.close()
    assert shown(window) == []
    qtbot.waitUntil(lambda: any(w.isVisible() for w in numbers_of_napari(window)))


def test_they_follow_another_image(window, qtbot):
    viewer = window.viewer
    numbers = SliceNumbers(window, viewer.dims, lambda: None)
    viewer.layers.clear()
    viewer.add_image(np.zeros((3, 7, 8, 8)))
    qtbot.waitUntil(lambda: sorted(shown(window)) == [("2", "/ 3"), ("4", "/ 7")])
    numbers.close()
    numbers.close()

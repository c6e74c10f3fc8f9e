from __future__ import annotations

import pytest
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_annotate_jobs.widgets.parts._number_box import NumberBox, WindowBox

# What napari's style sheet says of all such fields.
PLACES = """
QAbstractSpinBox { padding: 1px 10px; min-width: 70px; min-height: 18px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {
    subcontrol-origin: margin; width: 20px; height: 20px; }
QAbstractSpinBox::up-button { subcontrol-position: center right; right: 0px; }
QAbstractSpinBox::down-button { subcontrol-position: center left; left: 0px; }
"""


@pytest.mark.parametrize("kind", [NumberBox, WindowBox])
def test_digits_have_the_room_of_the_field(qtbot, kind):
    outer = QWidget()
    qtbot.addWidget(outer)
    box = kind("Level", outer)
    QHBoxLayout(outer).addWidget(box)
    outer.setStyleSheet(PLACES)
    outer.show()
    qtbot.waitExposed(outer)
    assert box.lineEdit().width() > 0.8 * box.width()

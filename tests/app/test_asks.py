"""What is told in napari's notifications, and the buttons on them."""

from __future__ import annotations

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QPushButton, QWidget

from napari_annotate_jobs.app import _asks
from napari_annotate_jobs.app._asks import offer


@pytest.fixture
def shown(qtbot):
    """Collect the notifications as napari makes them."""
    notes = []

    def show(notification):
        notes.append(NapariQtNotification.from_notification(notification))
        qtbot.addWidget(notes[-1])

    notification_manager.notification_ready.connect(show)
    yield notes
    notification_manager.notification_ready.disconnect(show)


def test_the_button_of_an_offer_does_it(shown):
    done = []
    offer("Two layers are not of this case.", "Show them", lambda: done.append(1))
    (note,) = shown
    (button,) = note.row2_widget.findChildren(QPushButton)
    assert button.text() == "Show them"
    button.click()
    assert done == [1]


def test_a_notice_goes_only_after_it_could_be_read(qtbot, monkeypatch):
    shown = QWidget()
    qtbot.addWidget(shown)
    shown.show()
    clock = _asks._Clock(shown, 60_000)
    assert clock.interval() * _asks.BEATS == 60_000
    for _ in range(_asks.BEATS - 1):
        clock.timeout.emit()
    assert shown.isVisible()
    monkeypatch.setattr(shown, "underMouse", lambda: True)
    for _ in range(2 * _asks.BEATS):
        clock.timeout.emit()
    monkeypatch.setattr(shown, "underMouse", lambda: False)
    for _ in range(_asks.BEATS - 1):
        clock.timeout.emit()
    assert shown.isVisible()  # it was read meanwhile
    clock.timeout.emit()
    assert not shown.isVisible()

"""What is told in napari's notifications, and the buttons on them."""

from __future__ import annotations

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QPushButton

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

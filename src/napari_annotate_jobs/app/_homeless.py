"""Keeps parts of the window from being seen before they have their place in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt
from qtpy.QtWidgets import QPushButton

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Homeless"]


class Homeless(QObject):
    """A context in which a button without a parent is not put on the screen.

    napari shows the *Cancel* of a progress bar before it is part of the bar: it would
    flash as a little window with a title of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[QPushButton] = []

    def __enter__(self) -> None:
        app = QCoreApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        app = QCoreApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
        for button in self._kept:
            button.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen, False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep a button off the screen: Qt asks this before it shows the window."""
        if event.type() == QEvent.Type.Show and watched.isWidgetType():
            if isinstance(watched, QPushButton) and watched.isWindow():
                watched.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
                self._kept.append(watched)
        return False

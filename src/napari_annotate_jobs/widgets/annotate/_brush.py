"""How the brush paints: traced, within a range of values, erasing one label alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._layouts import row_of
from napari_annotate_jobs.widgets.parts._number_box import WindowBox
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style

if TYPE_CHECKING:
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

__all__ = ["BrushSection"]

SWITCHES = (
    ("trace", "Trace and fill"),
    ("paint_range", "Within a range"),
    ("erase_chosen", "Erase this label only"),
)
"""Action and text of each switch."""


class BrushSection(QWidget):
    """Switches of the brush, and the range of values it paints within.

    Setters never emit.

    Parameters
    ----------
    keymap : KeyMap
        The keys of the actions, shown in the tooltips.
    parent : QWidget, optional
        The widget it belongs to.
    """

    requested = Signal(str)
    """A switch was clicked, by its action."""
    range_changed = Signal(float, float)
    """The lowest and highest value that is painted."""
    window_requested = Signal()
    """The range is to be that of the window."""

    def __init__(self, keymap: KeyMap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.switches: dict[str, QPushButton] = {}
        for action, text in SWITCHES:
            button = self.switches[action] = QPushButton(text, self)
            button.setObjectName(action)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(self._clicked)
        self.low = WindowBox("Lowest value that is painted", self)
        self.high = WindowBox("Highest value that is painted", self)
        self.unit = QLabel(self)
        self.window_ = QPushButton("Window", self)
        self.window_.setObjectName("paint_range")
        self.window_.setToolTip("Paint the values from black to white of the window")
        self.window_.clicked.connect(self.window_requested)
        for box in (self.low, self.high):
            box.valueChanged.connect(self._on_range)
        self.range = QWidget(self)
        row_of(
            (self.low, 1),
            QLabel("to", self),
            (self.high, 1),
            self.unit,
            self.window_,
            parent=self.range,
            spacing=3,
            margins=0,
        )
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        trace, within, erase = self.switches.values()
        layout.addWidget(trace, 0, 0)
        layout.addWidget(within, 0, 1)
        layout.addWidget(erase, 2, 0, 1, 2)
        layout.addWidget(self.range, 1, 0, 1, 2)
        self.range.hide()
        self.set_colors(Colors.dark())
        self.set_keymap(keymap)

    # --------------------------------------------------------------- setters
    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys in the tooltips."""
        for action, button in self.switches.items():
            button.setToolTip(keymap.tip(action))

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        on = (
            f"QPushButton:checked {{ background: {colors.current};"
            f" border: 1px solid {colors.text}; }}"
        )
        for button in self.switches.values():
            button.setStyleSheet(focus_style(colors) + on)
        self.window_.setStyleSheet(focus_style(colors))

    def set_state(
        self,
        *,
        trace: bool,
        erase_chosen: bool,
        limits: tuple[float, float] | None,
        unit: str = "",
        has_values: bool = True,
    ) -> None:
        """Show how the brush paints.

        Parameters
        ----------
        trace, erase_chosen : bool
            Whether these are on.
        limits : (float, float), optional
            The range of values; None while the brush paints on all.
        unit : str
            Of the values.
        has_values : bool
            False for images in colour.
        """
        on = {
            "trace": trace,
            "erase_chosen": erase_chosen,
            "paint_range": limits is not None,
        }
        for action, button in self.switches.items():
            button.setChecked(on[action])
        self.switches["paint_range"].setEnabled(has_values)
        self.range.setVisible(limits is not None and has_values)
        self.unit.setText(unit)
        if limits is not None:
            for box, value in zip((self.low, self.high), limits, strict=True):
                blocker = QSignalBlocker(box)
                box.adapt(max(abs(limits[1] - limits[0]), 1e-6))
                box.setValue(value)
                blocker.unblock()

    # ----------------------------------------------------------------- doing
    def _clicked(self) -> None:
        button = self.sender()
        button.setChecked(not button.isChecked())  # what is on is told from elsewhere
        self.requested.emit(button.objectName())

    def _on_range(self) -> None:
        self.range_changed.emit(self.low.value(), self.high.value())

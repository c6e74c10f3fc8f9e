"""WL and WW: fields, presets, invert and reset."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from napari_annotate_jobs.model import PRESETS, Window
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets.keys._key_map import KeyMap
from napari_annotate_jobs.widgets.keys._keys import key_text
from napari_annotate_jobs.widgets.parts._layouts import row_of
from napari_annotate_jobs.widgets.parts._number_box import WindowBox
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QPaintEvent

    from napari_annotate_jobs.session import AnnotationSession

__all__ = ["WindowControl"]

N_KEYS = 7
"""So many presets have a key."""

NAME_END, KEY_START = "  ", "   "
"""Stand between a preset's name, its numbers and its key."""


class PresetBox(QComboBox):
    """Lists windows with their keys; shut, it leaves the key out for lack of room."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the name and the numbers only."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter = QStylePainter(self)
        if self.currentIndex() < 0:
            faint = option.palette.color(QPalette.ColorRole.PlaceholderText)
            option.palette.setColor(QPalette.ColorRole.ButtonText, faint)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        metrics, width = self.fontMetrics(), field.width() - 4
        name, _, numbers = option.currentText.partition(NAME_END)
        whole = f"{name} {numbers}".strip()
        if metrics.horizontalAdvance(whole) > width:
            whole = metrics.elidedText(name, Qt.TextElideMode.ElideRight, width)
        option.currentText = whole
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def shown_text(self) -> str:
        """Return what is shown while the list is shut."""
        if self.currentIndex() < 0:
            return self.placeholderText()
        return self.currentText().split(KEY_START)[0]


class WindowControl(QWidget):
    """The window the image is shown in, to read and to change.

    Setters never emit.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    window_changed = Signal(object)
    """The :class:`Window` the user chose."""
    invert_changed = Signal(bool)
    """Show high values dark, or not."""
    reset_requested = Signal()
    """Back to the window and the shades the image opens with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._window: Window | None = None
        self._own: tuple[Window, ...] = ()
        self._unit = ""
        self._keymap = KeyMap()
        self._session: AnnotationSession | None = None
        self._connections = Connections()
        self.level = WindowBox("Window level")
        self.width_ = WindowBox("Window width")
        self.presets = PresetBox()
        self.presets.setAccessibleName("Window presets")
        self.presets.setPlaceholderText("Custom")
        self.presets.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed
        )
        self.presets.setMinimumContentsLength(8)
        self.presets.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.invert = QPushButton("Invert")
        self.invert.setCheckable(True)
        self.reset = QPushButton("Reset")
        self.invert.setObjectName("invert")
        self.reset.setObjectName("reset_window")
        self.unit = QLabel()
        self._lay_out()
        self._connect()
        self.set_keymap(self._keymap)
        self.set_colors(Colors.dark())
        self.set_presets(())
        self._show()

    def _lay_out(self) -> None:
        fields = QHBoxLayout()
        fields.setSpacing(4)
        for text, box, tip in (
            ("WL", self.level, "Window level: the value shown as middle grey"),
            ("WW", self.width_, "Window width: from black to white"),
        ):
            label = QLabel(text)
            label.setToolTip(tip)
            label.setBuddy(box)
            box.setToolTip(
                f"{tip}.\nEnter a number, or drag in the image with the right button"
            )
            fields.addWidget(label)
            fields.addWidget(box, 1)
        fields.addWidget(self.unit)
        row = row_of((self.presets, 1), self.invert, self.reset, spacing=4)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(4)
        layout.addLayout(fields, 0, 0)
        layout.addLayout(row, 1, 0)

    def _connect(self) -> None:
        self.level.valueChanged.connect(self._level_entered)
        self.width_.valueChanged.connect(self._width_entered)
        self.presets.activated.connect(self._preset_chosen)
        self.invert.toggled.connect(self.invert_changed)
        self.reset.clicked.connect(self.reset_requested)

    # --------------------------------------------------------------- setters
    @property
    def window_(self) -> Window | None:
        """The window shown."""
        return self._window

    def set_window(self, window: Window | None) -> None:
        """Show a window; None while there is no image."""
        self._window = window
        self._show()

    def set_presets(self, own: Sequence[Window]) -> None:
        """Offer the image's own windows, the one it opens with first.

        The presets for CT follow where the unit is HU.
        """
        self._own = tuple(own)
        self._fill()

    def set_unit(self, unit: str) -> None:
        """Say what the numbers are: ``"HU"``, another unit, or nothing."""
        self._unit = unit
        self.unit.setText(unit)
        self.unit.setVisible(bool(unit))
        self._fill()

    def set_inverted(self, inverted: bool) -> None:
        """Show whether high values are dark."""
        with QSignalBlocker(self.invert):
            self.invert.setChecked(inverted)

    def set_keymap(self, keymap: KeyMap) -> None:
        """Name these keys."""
        self._keymap = keymap
        self.invert.setToolTip("Show high values dark")
        self.reset.setToolTip(keymap.tip("preset_1"))
        self._fill()

    def set_colors(self, colors: Colors) -> None:
        """Mark the keyboard's place in the colours of a theme."""
        style = focus_style(colors) + (
            f"QPushButton:checked {{ background-color: {colors.current}; }}"
        )
        self.invert.setStyleSheet(style)
        self.reset.setStyleSheet(style)

    # --------------------------------------------------------------- presets
    def all_presets(self) -> tuple[Window, ...]:
        """Return the windows offered, in their order."""
        return self._own + (PRESETS if self._unit == "HU" else ())

    def keyed_presets(self) -> tuple[Window, ...]:
        """Return the windows with a key: the image's first, then those for CT.

        Images of other kinds have keys for all of their own.
        """
        if self._unit == "HU":
            return (*self._own[:1], *PRESETS)[:N_KEYS]
        return self._own[:N_KEYS]

    def choose_preset(self, number: int) -> None:
        """Choose the preset of a key, from 1, as the user does."""
        keyed = self.keyed_presets()
        if self._window is not None and 1 <= number <= len(keyed):
            self._choose(keyed[number - 1])

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        calls: dict[str, Callable[[], None]] = {
            f"preset_{number}": partial(self.choose_preset, number)
            for number in range(1, N_KEYS + 1)
        }
        return calls | {"invert": self.invert.click, "reset_window": self.reset.click}

    def _fill(self) -> None:
        keyed = self.keyed_presets()
        with QSignalBlocker(self.presets):
            self.presets.clear()
            for place, window in enumerate(self.all_presets()):
                if place == len(self._own):
                    self.presets.insertSeparator(place)
                name = window.explanation or (
                    "Image" if place == 0 else f"Image, {place + 1}"
                )
                key = ""
                if window in keyed:
                    action = f"preset_{keyed.index(window) + 1}"
                    key = key_text(self._keymap.key(action))
                numbers = f"{_number(window.center)}/{_number(window.width)}"
                text = f"{name}{NAME_END}{numbers}"
                self.presets.addItem(text, window)
                index = self.presets.count() - 1
                tip = f"WL {window.center:g}, WW {window.width:g}"
                self.presets.setItemData(
                    index,
                    f"{tip} ({key})" if key else tip,
                    Qt.ItemDataRole.ToolTipRole,
                )
                if key:
                    self.presets.setItemText(index, f"{text}{KEY_START}{key}")
        self._show()

    # --------------------------------------------------------------- showing
    def _show(self) -> None:
        window = self._window
        self.setEnabled(window is not None)
        with (
            QSignalBlocker(self.level),
            QSignalBlocker(self.width_),
            QSignalBlocker(self.presets),
        ):
            if window is None:
                self.level.clear()
                self.width_.clear()
                self.presets.setCurrentIndex(-1)
                return
            for box in (self.level, self.width_):
                box.adapt(window.width)
            self.width_.setMinimum(10.0 ** -self.width_.decimals())
            self.level.setValue(window.center)
            self.width_.setValue(window.width)
            self.presets.setCurrentIndex(self._index_of(window))
        self.presets.setToolTip(self.presets.currentText() or "Choose a window")

    def _index_of(self, window: Window) -> int:
        for index in range(self.presets.count()):
            found = self.presets.itemData(index)
            if isinstance(found, Window) and found.limits == window.limits:
                return index
        return -1

    # ----------------------------------------------------------------- doing
    def _choose(self, window: Window) -> None:
        self.set_window(window)
        self.window_changed.emit(window)

    def _level_entered(self, value: float) -> None:
        if self._window is not None:
            changes = {"center": value, "explanation": ""}
            self._choose(self._window.model_copy(update=changes))

    def _width_entered(self, value: float) -> None:
        if self._window is not None:
            changes = {"width": value, "explanation": ""}
            self._choose(self._window.model_copy(update=changes))

    def _preset_chosen(self, index: int) -> None:
        window = self.presets.itemData(index)
        if isinstance(window, Window):
            self._choose(window)

    # --------------------------------------------------------------- session
    def bind(self, session: AnnotationSession) -> None:
        """Follow the window of a session, and set it."""
        self.unbind()
        self._session = session
        self._connections = Connections(
            [
                (session.opened, self._opened),
                (session.closed, self._closed),
                (session.window_changed, self._follow),
                (session.inverted_changed, self.set_inverted),
                (self.window_changed, self._set_in_session),
                (self.invert_changed, self._invert_in_session),
                (self.reset_requested, self._reset_in_session),
            ]
        )
        if session.case is None:
            self._closed()
        else:
            self._opened(session.case)

    def unbind(self) -> None:
        """Follow nobody any more."""
        self._connections.release()
        self._session = None
        self._closed()

    def _opened(self, case: object) -> None:
        self.set_presets(case.windows)  # type: ignore[attr-defined]
        self.set_unit(case.series.header.unit)  # type: ignore[attr-defined]
        assert self._session is not None
        self.set_inverted(self._session.inverted)
        self._follow(self._session.window)

    def _follow(self, window: Window | None) -> None:
        """Show the session's window; napari shows colours as they are."""
        case = None if self._session is None else self._session.case
        is_color = case is not None and case.series.header.is_color
        self.set_window(None if is_color else window)

    def _closed(self) -> None:
        self.set_presets(())
        self.set_unit("")
        self.set_window(None)

    def _set_in_session(self, window: Window) -> None:
        assert self._session is not None
        self._session.window = window

    def _reset_in_session(self) -> None:
        assert self._session is not None
        if self._own:
            self._session.window = self._own[0]
        if self._session.case is not None:
            self._session.inverted = self._session.case.series.header.inverted

    def _invert_in_session(self, inverted: bool) -> None:
        assert self._session is not None
        self._session.inverted = inverted


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"

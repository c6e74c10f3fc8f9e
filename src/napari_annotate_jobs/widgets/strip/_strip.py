"""The slice strip: what was said of each slice, at a glance and at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QToolButton,
    QWidget,
)

from napari_annotate_jobs.widgets.keys._guest import KeyboardGuest
from napari_annotate_jobs.widgets.keys._key_map import KeyMap
from napari_annotate_jobs.widgets.keys._keys import key_text
from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style, paint_in

from ._bar import CountsBar, SliceNumber, count_cells, strip_icon, tool_button
from ._hover import HoverCard
from ._menu import StripMenu
from ._paint import look_of
from ._ranges import segments_of, slices_text
from ._track import StripTrack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qtpy.QtGui import QHideEvent

    from napari_annotate_jobs.editing import Cell, OpenRange
    from napari_annotate_jobs.model import LabelSet

    from ._hover import PictureSource

__all__ = ["SliceStrip"]

_BUTTONS = (
    "previous-undecided",
    "next-undecided",
    "previous-change",
    "next-change",
    "zoom-out",
    "zoom-in",
    "fit",
)


class SliceStrip(KeyboardGuest):
    """One cell a slice, coloured by decision and label; ranges with handles.

    Setters never emit. What the user does is emitted as a request.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    slice_requested = Signal(int)
    """Go to a slice."""
    range_selected = Signal(int, int)
    """Slices were selected, both ends included."""
    selection_changed = Signal()
    """Something else, or nothing, is selected now."""
    range_resized = Signal(str, int, int)
    """A range is to reach from one slice to another."""
    range_delete_requested = Signal(str)
    """A range is to go, with what it applied."""
    range_relabel_requested = Signal(str, int)
    """A range is to apply another label."""
    confirm_requested = Signal(int, int)
    """The proposals of slices are right."""
    reject_requested = Signal(int, int)
    """The proposals of slices are wrong."""
    propagate_requested = Signal(int, int)
    """Something is to be propagated over slices."""
    decide_requested = Signal(str, int, int)
    """``nothing to label``, ``exclude`` or ``label:ID`` is said of slices."""
    undecided_requested = Signal(int)
    """Go to the next (1) or previous (-1) undecided slice."""
    change_requested = Signal(int)
    """Go to the next (1) or previous (-1) change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("slice-strip")
        self.track = StripTrack(self)
        self.bar = CountsBar(self)
        self.menu_maker = StripMenu(self)
        self.card = HoverCard(self)
        self.number = SliceNumber(self)
        self._keymap = KeyMap()
        self._ranges: tuple[OpenRange, ...] = ()
        self._labels: LabelSet | None = None
        self._menu: QMenu | None = None
        self._buttons = self._make_buttons()
        self._lay_out()
        self._connect()
        self.host(*self._buttons.values())
        paint_in(self, Colors.dark())
        self.set_keymap(self._keymap)
        self._say_where()

    def _make_buttons(self) -> dict[str, QToolButton]:
        buttons = {name: tool_button(name, self) for name in _BUTTONS}
        for button in buttons.values():
            button.clicked.connect(self._pressed)
        return buttons

    def _pressed(self) -> None:
        name = self.sender().objectName()
        if name == "fit":
            self.track.fit()
        elif name.startswith("zoom"):
            self.track.zoom(1.5 if name == "zoom-in" else 1 / 1.5)
        else:
            step = 1 if name.startswith("next") else -1
            undecided = name.endswith("undecided")
            signal = self.undecided_requested if undecided else self.change_requested
            signal.emit(step)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        names = list(self._buttons)
        for name in names[:4]:
            row.addWidget(self._buttons[name])
        row.addSpacing(4)
        row.addWidget(self.number)
        row.addSpacing(8)
        row.addWidget(self.bar, 1)
        for name in names[4:]:
            row.addWidget(self._buttons[name])
        column_of((self.track, 1), row, parent=self, spacing=2, margins=(4, 2, 4, 2))

    def _connect(self) -> None:
        track, menu = self.track, self.menu_maker
        track.slice_requested.connect(self.slice_requested)
        track.selection_made.connect(self.range_selected)
        track.selection_changed.connect(self.selection_changed)
        track.selection_changed.connect(self._say_where)
        track.range_resized.connect(self.range_resized)
        track.range_delete_requested.connect(self.range_delete_requested)
        track.propagate_requested.connect(self.propagate_requested)
        track.menu_requested.connect(self._offer)
        track.hovered.connect(self.card.tell)
        track.left.connect(self.card.leave)
        track.view_changed.connect(self._show_zoom)
        menu.decided.connect(self.decide_requested)
        menu.confirmed.connect(self.confirm_requested)
        menu.rejected.connect(self.reject_requested)
        menu.propagated.connect(self.propagate_requested)
        menu.resized.connect(self.range_resized)
        menu.deleted.connect(self.range_delete_requested)
        menu.relabelled.connect(self.range_relabel_requested)
        menu.selected.connect(self._select)
        menu.cleared.connect(track.clear_selection)

    # --------------------------------------------------------------- setters
    def set_cells(self, cells: Iterable[Cell]) -> None:
        """Show a series."""
        self.track.set_cells(cells)
        self.card.pictures.forget()
        self._count()

    def update_cells(self, cells: Iterable[Cell]) -> None:
        """Show some slices anew."""
        changed = tuple(cells)
        self.track.update_cells(changed)
        self.card.pictures.forget(cell.index for cell in changed)
        self._count()

    def set_seen(self, seen: frozenset[int] | None) -> None:
        """Mark slices that were on the screen; None if that is not known."""
        self.track.set_seen(seen)
        self.bar.set_seen(len(seen or ()))

    def set_current(self, index: int) -> None:
        """Mark the current slice."""
        self.track.set_current(index)
        self._say_where()

    def set_ranges(self, ranges: Sequence[OpenRange], labels: LabelSet) -> None:
        """Show ranges, in the colours and under the names of their labels."""
        self._ranges = tuple(ranges)
        self.set_labels(labels)
        self.track.set_segments(*segments_of(self._ranges, labels))

    def set_labels(self, labels: LabelSet) -> None:
        """Offer the labels of a job in the context menu."""
        if labels is not self._labels:
            self._labels = labels
            self.menu_maker.set_labels(labels)

    def set_locked(self, locked: bool) -> None:
        """Make it read-only: one can look and go, but change nothing."""
        self.track.locked = self.menu_maker.locked = locked
        self._say_where()

    def set_picture_source(self, source: PictureSource | None) -> None:
        """Show small pictures of slices under the mouse.

        Parameters
        ----------
        source : callable, optional
            Takes a slice index and a function to hand the picture to, at once or
            later: an array of uint8, grey or RGB, or None.
        """
        self.card.pictures.set_source(source)

    def set_colors(self, colors: Colors) -> None:
        """Paint with the colours of a theme."""
        style = focus_style(colors)
        for name, button in self._buttons.items():
            button.setIcon(strip_icon(name, colors))
            button.setStyleSheet(style)

    def set_keymap(self, keymap: KeyMap) -> None:
        """Name these keys in tooltips and menus."""
        self._keymap = self.menu_maker.keymap = keymap
        if self._labels is not None:
            self.menu_maker.set_labels(self._labels)
        tips = {
            "zoom-out": "Zoom the strip out (Ctrl+wheel)",
            "zoom-in": "Zoom the strip in (Ctrl+wheel)",
            "fit": "Show the whole series",
        }
        for name, text in tips.items():
            self._buttons[name].setToolTip(text)
            self._buttons[name].setAccessibleName(text)
        for name in (
            "previous-undecided",
            "next-undecided",
            "previous-change",
            "next-change",
        ):
            action = name.replace("-", "_")
            self._buttons[name].setToolTip(keymap.tip(action))
            self._buttons[name].setAccessibleName(keymap.text(action))
        self._say_where()

    def selection(self) -> tuple[int, int] | None:
        """Return the first and last selected slice; None if none is."""
        return self.track.selection()

    def clear_selection(self) -> None:
        """Select nothing."""
        self.track.clear_selection()

    def let_go(self) -> None:
        """Give up what is dragged, else what is selected."""
        self.track.let_go()

    # ----------------------------------------------------------------- words
    def _count(self) -> None:
        cells = self.track.cells
        others = {c.word: look_of([c]) for c in cells if c.word != c.decision.value}
        self.bar.set_counts(count_cells(cells), others)
        self._say_where()
        self._show_zoom()

    def _say_where(self) -> None:
        n = len(self.track.cells)
        self.number.set_slice(self.track.current, n)
        for name in list(self._buttons)[:4]:
            self._buttons[name].setEnabled(n > 1)
        chosen = self.track.selection()
        message = "" if n else "Open a case to see its slices here"
        if chosen is not None:
            count = chosen[1] - chosen[0] + 1
            message = f"{slices_text(*chosen).capitalize()} selected ({count})"
            if not self.track.locked:
                keys = [
                    f"{key_text(self._keymap.key(action))}: {word}"
                    for action, word in (
                        ("nothing_to_label", "nothing to label"),
                        ("exclude", "exclude"),
                        ("propagate", "propagate"),
                    )
                    if self._keymap.key(action)
                ]
                message += ". Press a label's key · " + " · ".join(keys)
            message += " · Esc: end the selection"
        self.bar.set_message(message)

    def _show_zoom(self) -> None:
        scale = self.track.scale
        self._buttons["zoom-out"].setEnabled(scale.is_zoomed)
        self._buttons["fit"].setEnabled(scale.is_zoomed)
        self._buttons["zoom-in"].setEnabled(scale.zoom < scale.max_zoom - 1e-6)

    # ------------------------------------------------------------------ menu
    def make_menu(self, index: int, range_id: str = "") -> QMenu:
        """Return the menu for a slice, or for the selection if it holds it.

        Parameters
        ----------
        index : int
            The slice the mouse is on.
        range_id : str
            The range it is on, if any; else all ranges over the slice are offered.
        """
        chosen = self.track.selection()
        inside = chosen is not None and chosen[0] <= index <= chosen[1]
        span = chosen if inside and chosen is not None else (index, index)
        segments = [
            s
            for s in self.track.segments
            if (s.id == range_id if range_id else s.start <= index <= s.stop)
        ]
        cells = self.track.cells[span[0] : span[1] + 1]
        return self.menu_maker.build(
            span, cells, segments, current=index, is_selection=inside
        )

    def _offer(self, place: QPoint, index: int, range_id: str) -> None:
        chosen = self.track.selection()
        inside = chosen is not None and chosen[0] <= index <= chosen[1]
        if not (inside or range_id):
            # What is decided of one slice is decided in sight of it.
            self.track.clear_selection()
            self.slice_requested.emit(index)
        self._menu = self.make_menu(index, range_id)
        self._menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._menu.popup(place)

    def _select(self, start: int, stop: int) -> None:
        self.track.select(start, stop)
        self.range_selected.emit(start, stop)

    def hideEvent(self, event: QHideEvent) -> None:
        """Take the card away with the strip."""
        self.card.leave()
        super().hideEvent(event)

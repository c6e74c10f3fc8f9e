"""Statistics of a job: by label, by person, as tables and bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.model import Decision, Provenance, Scope, Status
from napari_annotate_jobs.widgets.jobs._paint import number
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._made import text_label
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_ring, paint_in

from ._bar_plot import BarPlot, BarRow
from ._table import NumberTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.metrics import (
        LabelStatistics,
        PersonStatistics,
        Statistics,
    )

__all__ = ["StatisticsPanel"]

_LABEL_HEAD = ("Label", "Cases", "Slices", "Share", "Objects", "ml")
_LABEL_TIPS = (
    "Labels in the order of the label set",
    "Annotated cases that carry it",
    "Slices that carry it; excluded ones do not count",
    "Part of the decided slices that carries it (of labels of a case: of the annotated "
    "cases)",
    "Boxes, those of one object followed over slices counted once; connected parts of "
    "masks, if they are counted",
    "Volume of masks in ml",
)
_PERSON_HEAD = ("Person", "Finished", "Returned", "Drafts", "Slices", "Decided")
_PERSON_TIPS = (
    "Who annotated",
    "Submitted cases",
    "Cases sent back by a reviewer",
    "Cases with a draft that was never submitted",
    "Slices of these cases",
    "Slices that are labelled, have nothing to label or are excluded",
)
# Okabe and Ito's colours, told apart by colour-blind readers too.
_DECISIONS = {
    Decision.LABELLED: "#009e73",
    Decision.NOTHING_TO_LABEL: "#56b4e9",
    Decision.EXCLUDED: "#d55e00",
    Decision.UNDECIDED: "#999999",
}
_PROVENANCES = {
    Provenance.MANUAL: "#0072b2",
    Provenance.PROPAGATED: "#56b4e9",
    Provenance.INTERPOLATED: "#009e73",
    Provenance.TRACKED: "#f0e442",
    Provenance.COPIED: "#cc79a7",
    Provenance.IMPORTED: "#e69f00",
    Provenance.PREDICTED: "#d55e00",
}
_PLOTS = ("Slices", "Cases", "Objects", "Volume, ml", "How it was made")


class StatisticsPanel(QWidget):
    """The numbers of a job; asks for them, and shows what it is given."""

    count_requested = Signal()
    """The numbers are to be counted as is chosen."""
    save_requested = Signal()
    """The numbers are to be saved as CSV."""
    cancel_requested = Signal()
    """Counting is to stop."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statistics")
        self._colors = Colors.dark()
        self._found: Statistics | None = None
        self._busy = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        self.title = text_label(self)
        self.title.setStyleSheet("QLabel { font-size: 12pt; font-weight: bold; }")
        layout.addWidget(self.title)
        self.about = text_label(self)
        layout.addWidget(self.about)
        layout.addLayout(self._build_choices())
        self.tabs = QTabWidget(self)
        self.tabs.addTab(self._build_labels(), "Labels")
        self.tabs.addTab(self._build_people(), "People")
        layout.addWidget(self.tabs, 1)
        self.setMinimumWidth(300)
        self.set_job("")
        paint_in(self, Colors.dark())

    # --------------------------------------------------------------- building
    def _build_choices(self) -> QVBoxLayout:
        self.only = QComboBox(self)
        self.only.addItem("All, drafts too", "all")
        self.only.addItem("Finished cases", "finished")
        self.only.setToolTip("Which annotations count")
        self.only.setAccessibleName("Which annotations count")
        self.objects = QCheckBox("Count parts of masks", self)
        self.objects.setToolTip(
            "Count the connected parts of each label's masks as objects.\n"
            "Every mask is read for that, which takes its time."
        )
        self.count = QPushButton("Count again", self)
        self.count.setToolTip("Read the job again")
        self.save = QPushButton("Save as CSV…", self)
        self.save.setToolTip("Write labels.csv and people.csv into a folder")
        self.only.currentIndexChanged.connect(self.count_requested)
        self.objects.toggled.connect(self.count_requested)
        self.count.clicked.connect(self._on_count)
        self.save.clicked.connect(self.save_requested)
        first = row_of((self.only, 1), self.count, self.save)
        return column_of(first, row_of(self.objects, 1), spacing=4)

    def _build_labels(self) -> QWidget:
        page = QWidget(self)
        self.person = QComboBox(page)
        self.person.setAccessibleName("Whose annotations")
        self.person.setToolTip("Whose annotations")
        self.person.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed
        )
        self.person.currentIndexChanged.connect(self._show_labels)
        self.quantity = QComboBox(page)
        self.quantity.addItems(_PLOTS)
        self.quantity.setAccessibleName("What the bars show")
        self.quantity.setToolTip("What the bars show")
        self.quantity.currentIndexChanged.connect(self._show_plot)
        self.labels = NumberTable(_LABEL_HEAD, _LABEL_TIPS, page)
        self.labels.setAccessibleName("Labels")
        self.plot = BarPlot(page)
        self.legend = _Legend(page)
        row = row_of((self.person, 1), self.quantity)
        both = _split(self.labels, self.plot)
        column_of(row, (both, 1), self.legend, parent=page, margins=(0, 4, 0, 0))
        return page

    def _build_people(self) -> QWidget:
        page = QWidget(self)
        self.people = NumberTable(_PERSON_HEAD, _PERSON_TIPS, page)
        self.people.setAccessibleName("People")
        self.decisions = BarPlot(page)
        legend = _Legend(page)
        legend.set_entries([(str(k).capitalize(), v) for k, v in _DECISIONS.items()])
        both = _split(self.people, self.decisions)
        column_of((both, 1), legend, parent=page, margins=(0, 4, 0, 0))
        return page

    # ---------------------------------------------------------------- setters
    def set_job(self, name: str) -> None:
        """Say whose numbers these are; none are shown until they are given."""
        self.title.setText(name or "No job is open")
        self._found = None
        self._show()
        if not name:
            self.about.setText("Open a job in My Jobs to see its numbers.")
        self._enable(bool(name))

    def set_busy(self, busy: bool) -> None:
        """Say that the numbers are being counted."""
        self._busy = busy
        self.count.setText("Stop counting" if busy else "Count again")
        if busy:
            self.about.setText("Counting…")
        self.save.setEnabled(not busy and self._found is not None)

    def set_statistics(self, found: Statistics) -> None:
        """Show numbers; the person who is chosen stays chosen."""
        self._found = found
        chosen = self.person.currentData() or ""
        with QSignalBlocker(self.person):
            self.person.clear()
            self.person.addItem("Everybody", "")
            for each in found.people:
                self.person.addItem(each.person, each.person)
            self.person.setCurrentIndex(max(self.person.findData(chosen), 0))
        self._show()
        self.save.setEnabled(not self._busy)

    def set_failed(self, text: str) -> None:
        """Say why there are no numbers."""
        self._found = None
        self._show()
        self.about.setText(text)

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(focus_ring(colors))
        self.about.setStyleSheet(f"QLabel {{ color: {colors.faint_text}; }}")

    # ----------------------------------------------------------------- showing
    def _enable(self, on: bool) -> None:
        for part in (self.only, self.objects, self.count, self.tabs):
            part.setEnabled(on)
        self.save.setEnabled(on and self._found is not None and not self._busy)

    def _on_count(self) -> None:
        if self._busy:
            self.cancel_requested.emit()
        else:
            self.count_requested.emit()

    def _show(self) -> None:
        found = self._found
        self.about.setText("" if found is None else _summary(found))
        people = () if found is None else found.people
        self.people.set_rows([_person_cells(each) for each in people])
        self.decisions.set_rows([_decision_bar(each) for each in people])
        self._show_labels()

    def _shown(self) -> PersonStatistics | None:
        if self._found is None:
            return None
        name = self.person.currentData() or ""
        every = (self._found.everybody, *self._found.people)
        return next(each for each in every if each.person == name)

    def _show_labels(self) -> None:
        person = self._shown()
        counts = () if person is None else person.labels
        self.labels.set_rows(
            [_label_cells(count) for count in counts],
            swatches=[count.label.color for count in counts],
            tips=[_about(count) for count in counts],
        )
        self._show_plot()

    def _show_plot(self) -> None:
        person, what = self._shown(), self.quantity.currentText()
        counts = () if person is None else person.labels
        rows = [bar for count in counts if (bar := _bar(count, what)) is not None]
        self.plot.set_rows(rows)
        used = {how for count in counts for how in count.provenance}
        made = what == _PLOTS[-1]
        self.legend.set_entries(
            [
                (str(how).capitalize(), color)
                for how, color in _PROVENANCES.items()
                if made and how in used
            ]
        )


class _Legend(QLabel):
    """What the colours of bars mean."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.set_entries([])

    def set_entries(self, entries: Sequence[tuple[str, str]]) -> None:
        """Show names with their colours; nothing at all where there are none."""
        self.setText(
            " &nbsp; ".join(
                f'<span style="color: {color}">■</span>&nbsp;'
                + name.replace(" ", "&nbsp;")
                for name, color in entries
            )
        )
        self.setVisible(bool(entries))


def _split(above: QWidget, below: QWidget) -> QSplitter:
    splitter = QSplitter(Qt.Orientation.Vertical)
    splitter.addWidget(above)
    splitter.addWidget(below)
    splitter.setChildrenCollapsible(False)
    splitter.setStretchFactor(0, 1)
    splitter.setStretchFactor(1, 1)
    return splitter


def _summary(found: Statistics) -> str:
    statuses = found.everybody.statuses
    finished = f"{number(statuses[Status.FINISHED])} finished"
    if sum(statuses.values()) > found.annotated:  # by several people
        finished = counted(statuses[Status.FINISHED], "finished annotation")
    parts = [
        f"{number(found.annotated)} of {counted(found.cases, 'case')} annotated",
        finished,
    ]
    if statuses[Status.RETURNED]:
        parts.append(f"{number(statuses[Status.RETURNED])} returned")
    if statuses[Status.REMAINING]:
        parts.append(counted(statuses[Status.REMAINING], "draft"))
    text = " · ".join(parts)
    unmeasured = sum(count.unmeasured for count in found.everybody.labels)
    if unmeasured:
        text += (
            f"\nThe size of voxels is not known everywhere: volumes leave out masks of "
            f"{counted(unmeasured, 'annotated case')}."
        )
    return text


def _amount(value: float | None) -> str:
    if value is None:
        return ""
    if value and value < 10:
        return f"{value:.3g}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.1f} %"


def _label_cells(count: LabelStatistics) -> list[tuple[object, str]]:
    of_case = count.label.scope is Scope.CASE
    return [
        (count.label.name, count.label.name),
        (count.cases, number(count.cases)),
        (None, "") if of_case else (count.slices, number(count.slices)),
        (count.share, _share(count.share)),
        (count.objects, "" if count.objects is None else number(count.objects)),
        (count.volume, _amount(count.volume)),
    ]


def _person_cells(person: PersonStatistics) -> list[tuple[object, str]]:
    counts = [person.statuses[s] for s in (Status.FINISHED, Status.RETURNED)]
    counts += [person.statuses[Status.REMAINING], person.slices]
    counts.append(person.slices - person.decisions[Decision.UNDECIDED])
    return [
        (person.person, person.person),
        *((count, number(count)) for count in counts),
    ]


def _about(count: LabelStatistics) -> str:
    lines = [f"{count.label.name} · {count.label.method}"]
    if count.label.group:
        lines[0] += f" · {count.label.group}"
    if count.voxels:
        lines.append(counted(count.voxels, "voxel"))
    lines += [f"{number(n)} {how}" for how, n in count.provenance.items()]
    return "\n".join(lines)


def _bar(count: LabelStatistics, what: str) -> BarRow | None:
    """Return a label's bar; None where it has no such number."""
    name, color, tip = count.label.name, count.label.color, _about(count)
    if what == _PLOTS[-1]:
        parts = tuple(
            (float(count.provenance.get(how, 0)), made)
            for how, made in _PROVENANCES.items()
        )
        total = sum(count.provenance.values())
        return BarRow(name, parts, number(total), tip)
    value: float | None
    value, text = {
        "Slices": (count.slices, f"{number(count.slices)} · {_share(count.share)}"),
        "Cases": (count.cases, number(count.cases)),
        "Objects": (count.objects, number(count.objects or 0)),
        "Volume, ml": (count.volume, _amount(count.volume)),
    }[what]
    if value is None or (what == "Slices" and count.label.scope is Scope.CASE):
        return None
    return BarRow(name, ((float(value), color),), text, tip)


def _decision_bar(person: PersonStatistics) -> BarRow:
    decisions = person.decisions
    tip = "\n".join(f"{number(decisions[each])} {each}" for each in _DECISIONS)
    parts = tuple((float(decisions[each]), made) for each, made in _DECISIONS.items())
    return BarRow(person.person, parts, counted(person.slices, "slice"), tip)

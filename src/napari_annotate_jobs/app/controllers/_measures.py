"""Rulers and regions in the image, and what the labels measure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_annotate_jobs.errors import Cancelled, TransitionError
from napari_annotate_jobs.metrics import (
    distance,
    ellipse_inside,
    label_sums,
    region_numbers,
    voxel_volumes,
)
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.viewer import MeasureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QAbstractButton

    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.model import SliceAnnotation
    from napari_annotate_jobs.session import Executor
    from napari_annotate_jobs.viewer import Measure, ViewerBridge
    from napari_annotate_jobs.widgets import LabelList

    from ._workbench import Workbench

__all__ = ["LabelNumbers", "MeasureController", "measure_text"]

MaskKey = tuple[int, str, str]
"""Slice, overlap group, and the digest of the mask."""
Sums = dict[int, tuple[int, float]]
"""Number of pixels and sum of their values, by label."""


def _short(value: float) -> str:
    """Return three digits, and all of those before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def measure_text(measure: Measure, header: SeriesHeader, values: Any) -> str:
    """Return what was drawn measures.

    Parameters
    ----------
    measure : Measure
        A line, or a region.
    header : SeriesHeader
        Of the series.
    values : ndarray, optional
        Of its slice, shape (rows, columns[, channels]); None while they are not known.
    """
    known = header.has_spacing
    if measure.kind is MeasureKind.RULER:
        spacing = header.spacing if known else (1.0, 1.0, 1.0)
        affine = header.affine if known else None
        length = distance(measure.start, measure.end, spacing, affine)
        return f"{length:.1f} mm" if known else f"{length:.1f} pixels (no spacing)"
    rows, columns = (int(n) for n in header.shape[1:3])
    inside = ellipse_inside((rows, columns), measure.start[1:], measure.end[1:])
    area = header.spacing[1] * header.spacing[2] if known else None
    found = region_numbers(None if header.is_color else values, inside, area)
    size = (
        f"{found.pixels} pixels (no spacing)"
        if found.area is None
        else f"{_short(found.area)} mm²"
    )
    if found.mean is None or found.deviation is None:
        return f"Area {size}"
    unit = f" {header.unit}".rstrip()
    return f"Area {size}\nMean {_short(found.mean)}{unit}, SD {_short(found.deviation)}"


@dataclass(frozen=True)
class _Task:
    """What is to be summed up, as it was when that was asked for."""

    contents: Mapping[int, SliceAnnotation]
    decode: Callable[[Any], Any]
    values: Callable[[int], Any]
    known: Mapping[MaskKey, Sums]
    cancelled: Callable[[], bool]

    def __call__(self) -> dict[MaskKey, Sums]:
        """Sum up the masks that are not known yet, slice by slice."""
        found: dict[MaskKey, Sums] = {}
        for index, content in self.contents.items():
            if content.excluded:
                continue
            plane: Any = None
            for group, ref in content.masks.items():
                key = index, group, ref.digest
                if key in self.known:
                    found[key] = self.known[key]
                    continue
                if self.cancelled():
                    raise Cancelled("other masks are to be summed up")
                if plane is None:
                    plane = self.values(index)
                values = plane if np.ndim(plane) == 2 else None
                found[key] = label_sums(self.decode(ref), values)
        return found


class LabelNumbers:
    """Keeps the volume and the mean of each label true in the list of labels.

    Only masks that changed are summed up, on the executor.

    Parameters
    ----------
    bench : Workbench
        Whose session it is.
    bridge : ViewerBridge
        Has the voxels.
    images : Executor
        Does the summing up.
    labels : LabelList
        Where they are shown.
    """

    def __init__(
        self,
        bench: Workbench,
        bridge: ViewerBridge,
        images: Executor,
        labels: LabelList,
    ) -> None:
        self._bench, self._session = bench, bench.session
        self._bridge, self._images, self._labels = bridge, images, labels
        self.is_on = False
        self._sums: dict[MaskKey, Sums] = {}
        self._generation = 0
        self._busy = self._again = False
        session = bench.session
        self._connections = Connections(
            [
                (session.opened, self._renew),
                (session.closed, self._renew),
                (session.slices_changed, self._follow),
                (bridge.volume_changed, self._renew),
            ]
        )

    def toggle(self) -> None:
        """Show them, or take them away."""
        self.is_on = not self.is_on
        self._renew()

    def _renew(self, *_: object) -> None:
        """Begin anew: of another case, or volume, nothing is known."""
        self._generation += 1
        self._sums = {}
        shown = self.is_on and self._session.is_open
        self._labels.set_numbers({} if shown else None)
        self._follow()

    def _follow(self, *_: object) -> None:
        if not self.is_on or not self._session.is_open:
            return
        if self._busy:
            self._again = True
            return
        series = self._bridge.series
        if series is None:
            return
        view, generation = self._session.editor, self._generation
        voxels = None if self._bridge.is_loading else self._bridge.voxels
        task = _Task(
            dict(view.contents()),
            view.decoded,
            series.read_slice if voxels is None else voxels.__getitem__,
            self._sums,
            lambda: self._again or generation != self._generation,
        )
        self._busy, self._again = True, False

        def done(found: dict[MaskKey, Sums]) -> None:
            if generation == self._generation:
                self._sums = found
                self._show(series.header)
            self._go_on()

        def failed(error: Exception) -> None:
            if not isinstance(error, Cancelled) and generation == self._generation:
                self._bench.show_error(error)
            self._go_on()

        self._images.run(task, done, failed)

    def _go_on(self) -> None:
        again, self._busy = self._again, False
        if again:
            self._follow()

    def _show(self, header: SeriesHeader) -> None:
        n = int(header.shape[0])
        volumes = None
        if header.has_spacing:
            volumes = voxel_volumes(n, header.spacing, header.affine, header.origins)
        pixels: dict[int, int] = {}
        sizes: dict[int, float] = {}
        totals: dict[int, float] = {}
        for (index, _, _), sums in self._sums.items():
            for label, (count, total) in sums.items():
                size = 0.0 if volumes is None else count * float(volumes[index])
                pixels[label] = pixels.get(label, 0) + count
                sizes[label] = sizes.get(label, 0.0) + size
                totals[label] = totals.get(label, 0.0) + total
        texts = {}
        for label, count in pixels.items():
            if volumes is not None:
                text = f"{_short(sizes[label])} ml"
            elif header.has_spacing:
                text = f"{_short(count * header.spacing[1] * header.spacing[2])} mm²"
            else:
                text = f"{count} pixels"
            if not header.is_color:
                mean = _short(totals[label] / count)
                text = f"{text} · {mean} {header.unit}".rstrip()
            texts[label] = text
        self._labels.set_numbers(texts)

    def close(self) -> None:
        """Let go of the session."""
        self._generation += 1
        self._connections.release()


class MeasureController(QObject):
    """Measures what is dragged in the image while a tool for that is on.

    Parameters
    ----------
    bench : Workbench
        Whose session it is.
    bridge : ViewerBridge
        Has the image.
    images : Executor
        Sums up the labels.
    labels : LabelList
        Where that is shown.
    """

    toggled = Signal(bool)
    """Whether drags in the image measure."""

    def __init__(
        self,
        bench: Workbench,
        bridge: ViewerBridge,
        images: Executor,
        labels: LabelList,
    ) -> None:
        super().__init__()
        self._bench, self._session, self._bridge = bench, bench.session, bridge
        self.numbers = LabelNumbers(bench, bridge, images, labels)
        self._connections = Connections(
            [
                (bridge.measuring.drawn, self._on_drawn),
                (bench.session.closed, self.stop),
                (bench.session.label_changed, self._on_label),
            ]
        )

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        return {
            "ruler": partial(self.use, MeasureKind.RULER),
            "region": partial(self.use, MeasureKind.REGION),
            "pin_measure": lambda: self._bench.act(self._pin),
            "clear_measures": self._bridge.measuring.clear,
            "label_numbers": self.numbers.toggle,
        }

    def offer(self, switch: QAbstractButton) -> None:
        """Let a switch take the ruler, and show whether drags measure."""
        switch.clicked.connect(lambda: self.use(MeasureKind.RULER))
        self.toggled.connect(switch.setChecked)

    @property
    def is_on(self) -> bool:
        """True while drags in the image measure."""
        return self._bridge.measuring.kind is not None

    def use(self, kind: MeasureKind) -> None:
        """Measure with drags in the image, or do so no more."""
        measuring = self._bridge.measuring
        if measuring.kind is kind:
            self.stop()
            return
        if kind is MeasureKind.REGION:
            self._bridge.show_acquired()
        measuring.kind = kind
        self.toggled.emit(True)

    def stop(self, *_: object) -> None:
        """Let drags in the image do again what they did."""
        self._bridge.measuring.kind = None
        self.toggled.emit(False)

    def _on_label(self, label: object) -> None:
        if label is not None and self.is_on:  # a tool was taken in hand
            self.stop()

    def _on_drawn(self) -> None:
        series, measuring = self._bridge.series, self._bridge.measuring
        if series is None or not measuring.measures:
            return
        last = measuring.measures[-1]
        if last.kind is MeasureKind.REGION and not self._bridge.plane.is_acquired:
            measuring.drop_last()
            return
        values = self._bridge.values(round(last.start[0]))
        measuring.label(measure_text(last, series.header, values))

    def _pin(self) -> None:
        """Write the last measure as a comment on its place."""
        measures, session = self._bridge.measuring.measures, self._session
        if not measures:
            raise TransitionError(
                "nothing was measured yet",
                remedy="Take the ruler and drag in the image first",
            )
        last = measures[-1]
        index = min(max(round(last.start[0]), 0), session.editor.n_slices - 1)
        middle = np.add(last.start, last.end) / 2
        at = float(middle[1]), float(middle[2])
        text = last.text.replace("\n", ", ")
        discussion = session.discussion
        if session.status is Status.FINISHED and discussion is not None:
            key = session.editor.key(index)
            discussion.say(text, slice_key=key, index=index, at=at)
        else:
            session.editor.add_comment(text, index, at=at)
        session.told.emit(f"Kept as a comment on slice {index + 1}: {text}")

    def close(self) -> None:
        """Let go of the session."""
        self.stop()
        self.numbers.close()
        self._connections.release()

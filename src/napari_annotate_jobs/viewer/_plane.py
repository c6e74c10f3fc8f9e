"""Which plane of the volume is shown, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import Dims
from psygnal import Signal

from napari_annotate_jobs.session import Connections

from ._geometry import index_at

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import SeriesHeader

    from ._fitted_view import FittedView

__all__ = ["ACQUIRED", "Plane", "PlaneGuide"]

LEFT, POSTERIOR, SUPERIOR = 0, 1, 2
"""Axes of the patient, each pointing there (DICOM's LPS)."""
NAMES = ("sagittal plane", "coronal plane", "axial plane")
"""Planes across these axes."""
ALONG = ("slice", "plane of the rows", "plane of the columns")
"""Planes across the axes of a series without patient geometry."""


@dataclass(frozen=True)
class Plane:
    """What is shown of a volume.

    Parameters
    ----------
    name : str
        ``"coronal plane"``, ``"3D view"`` ...; nothing for the slices as they were
        acquired.
    index, count : int
        Which of how many planes; 0 of 0 in 3D.
    """

    name: str = ""
    index: int = 0
    count: int = 0

    @property
    def is_acquired(self) -> bool:
        """True if it is the slice that is annotated."""
        return not self.name

    @property
    def is_flat(self) -> bool:
        """True unless the whole volume is shown."""
        return self != VOLUME

    @property
    def text(self) -> str:
        """What it is called: ``Coronal plane 12 / 40``, ``3D view``."""
        name = f"{self.name[:1].upper()}{self.name[1:]}"
        return f"{name} {self.index + 1} / {self.count}" if self.count else name


ACQUIRED = Plane()
VOLUME = Plane("3D view")


class PlaneGuide:
    """Knows which plane is shown, and lets reformatted ones stand upright.

    Slices as acquired are shown as acquired. Of the other two planes the one across
    the patient's left-right axis has the head up and the face to the left, that
    across the front-back axis the head up and the patient's right on the left, and
    the axial one the face up.

    Parameters
    ----------
    viewer : ViewerModel
        What shows it.
    layer : Layer
        The image; its last three axes are slices, rows and columns.
    header : SeriesHeader
        Of the same series.
    view : FittedView
        Fits the view to the image.
    """

    changed = Signal()
    """Another kind of plane is shown."""

    def __init__(
        self,
        viewer: ViewerModel,
        layer: Layer,
        header: SeriesHeader,
        view: FittedView,
    ) -> None:
        self._viewer, self._layer, self._view = viewer, layer, view
        self._shape = tuple(int(n) for n in header.shape[:3])
        self._axes = None if header.affine is None else patient_axes(header.affine)
        self._busy = False
        camera = viewer.scene.camera
        self._before = camera.orientation2d
        self.show_acquired()
        self._asked = self._shown = tuple(viewer.dims.order)
        self._connections = Connections()
        self._connections.connect(viewer.dims.events.order, self._on_order)
        self._connections.connect(viewer.dims.events.ndisplay, self._on_ndisplay)

    @property
    def plane(self) -> Plane:
        """What is shown now."""
        dims = self._viewer.dims
        if dims.ndisplay != 2:
            return VOLUME
        across = self._across(tuple(dims.order))
        if across == 0:
            return ACQUIRED
        if across is None:
            return Plane("plane of another axis")
        name = ALONG[across] if self._axes is None else NAMES[self._axes[0][across]]
        place = round(index_at(self._layer, dims.point)[across])
        last = self._shape[across] - 1
        return Plane(name, min(max(place, 0), last), last + 1)

    def _across(self, order: tuple[int, ...]) -> int | None:
        """Return the axis of the series one steps along; None if it is another's."""
        left = {0, 1, 2} - {axis - (len(order) - 3) for axis in order[-2:]}
        return left.pop() if len(left) == 1 else None

    def show_acquired(self) -> None:
        """Show the slices as they were acquired."""
        dims = self._viewer.dims
        dims.ndisplay = 2
        dims.order = tuple(range(dims.ndim))
        dims.last_used = dims.ndim - 3

    # ------------------------------------------------------------- following
    def _on_ndisplay(self) -> None:
        # A volume whose axes were swapped would be its own mirror image.
        flat = self._viewer.dims.ndisplay == 2
        self._turn(self._upright(self._asked) if flat else self._asked)
        self.changed.emit()

    def _on_order(self) -> None:
        if self._busy:
            return
        now = tuple(self._viewer.dims.order)
        if now == self._shown:  # told of once more, and fitted to all layers
            self._view.fit()
            return
        if len(now) != len(self._asked):  # another layer brought or took axes
            self._asked = self._shown = now
            return
        # napari rolls what it sees; had the plane not been turned, it would have
        # rolled on from what was asked for, and come to each plane in turn.
        if now == _transposed(self._shown):
            self._asked = _transposed(self._asked)
        elif now == self._rolled(self._shown):
            self._asked = self._rolled(self._asked)
            now = self._upright(self._asked)
        else:
            self._asked = now
            now = self._upright(now)
        self._turn(now if self._viewer.dims.ndisplay == 2 else self._asked)
        self._view.fit()
        self.changed.emit()

    def _turn(self, order: tuple[int, ...]) -> None:
        self._busy = True
        try:
            self._viewer.dims.order = order
        finally:
            self._busy = False
        self._shown = order
        self._stand()

    def _rolled(self, order: tuple[int, ...]) -> tuple[int, ...]:
        dims = self._viewer.dims
        scratch = Dims(
            ndim=dims.ndim, range=dims.range, rollable=dims.rollable, order=order
        )
        scratch.roll()
        return tuple(scratch.order)

    def _upright(self, order: tuple[int, ...]) -> tuple[int, ...]:
        """Return an order in which the plane does not lie on its side."""
        if self._axes is None or not self._across(order):
            return order
        first = self._viewer.dims.ndim - 3
        patient = [self._axes[0][axis - first] for axis in order[-2:]]
        # The head, else the face, is up.
        return order if patient[0] > patient[1] else _transposed(order)

    def _stand(self) -> None:
        """Let the axes that are shown point the way they do in radiology."""
        dims = self._viewer.dims
        vertical, horizontal = self._before
        if (
            self._axes is not None
            and dims.ndisplay == 2
            and self._across(tuple(dims.order))
        ):
            # Down and to the right as indices grow: to the back, and to the left.
            plain = [
                (patient != SUPERIOR) == (sign > 0)
                for patient, sign in zip(*self._axes, strict=True)
            ]
            down, right = (plain[axis - (dims.ndim - 3)] for axis in dims.displayed)
            vertical = "down" if down else "up"
            horizontal = "right" if right else "left"
        self._viewer.scene.camera.orientation2d = (vertical, horizontal)

    def close(self) -> None:
        """Leave the view as it was."""
        self._connections.release()
        self._viewer.scene.camera.orientation2d = self._before


def _transposed(order: tuple[int, ...]) -> tuple[int, ...]:
    return (*order[:-2], order[-1], order[-2])


def patient_axes(affine: NDArray[Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return which axis of the patient each axis of a series is nearest to.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        From slice, row and column to mm in LPS.

    Returns
    -------
    axes : tuple of int
        0 for left, 1 for posterior, 2 for superior; each once.
    signs : tuple of int
        -1 for those that point the other way.
    """
    linear = np.asarray(affine, float)[:3, :3]
    linear = linear / np.linalg.norm(linear, axis=0)
    columns = range(3)
    axes = max(
        permutations(columns),
        key=lambda order: sum(abs(linear[order[k], k]) for k in columns),
    )
    signs = tuple(1 if linear[axes[k], k] >= 0 else -1 for k in columns)
    return axes, signs

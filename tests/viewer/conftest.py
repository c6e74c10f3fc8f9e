"""What the tests of the viewer share: small series, a bridge, a mouse."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils import interactions
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.session import AnnotationSession, SynchronousExecutor
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.viewer import ViewerBridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


def pytest_itemcollected(item: pytest.Item) -> None:
    # napari's layers are made anew for each: a fifth of a second, some hundred times.
    if {"new_bench", "make_bench"} & set(getattr(item, "fixturenames", ())):
        item.add_marker("slow")


CLASS, DETECT, SEGMENT = Method.CLASSIFICATION, Method.DETECTION, Method.SEGMENTATION
LABELS = LabelSet(
    labels=(
        Label(id=1, name="lesion", color="#E69F00", method=CLASS),
        Label(id=5, name="nodule", color="#0072B2", method=DETECT),
        Label(id=11, name="mass", color="#AA4499", method=DETECT),
        Label(id=6, name="liver", color="#D55E00", method=SEGMENT),
        Label(id=9, name="tumour", color="#CC79A7", method=SEGMENT),
        Label(
            id=8,
            name="vessel",
            color="#999999",
            method=SEGMENT,
            overlap_group="vessels",
        ),
    )
)
SHAPE = (6, 32, 40)
SPACING = (3.0, 0.5, 0.8)


def write_dicom(folder: Path, shape: tuple[int, int, int] = SHAPE) -> None:
    """Write a CT series; each slice holds 100 times its number."""
    folder.mkdir(parents=True, exist_ok=True)
    series = generate_uid()
    for i in range(shape[0]):
        pixels = np.full(shape[1:], 100 * i, np.int16)
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.SeriesInstanceUID, ds.FrameOfReferenceUID = series, "1.2.3"
        ds.Modality, ds.InstanceNumber = "CT", i + 1
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [0, 0, SPACING[0] * i]
        ds.PixelSpacing = list(SPACING[1:])
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns = shape[1:]
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 1
        ds.WindowCenter, ds.WindowWidth = 200, 400
        ds.PixelData = pixels.tobytes()
        ds["PixelData"].VR = "OW"
        ds.save_as(folder / f"{i}.dcm", enforce_file_format=True)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with small images of several kinds."""
    base = tmp_path_factory.mktemp("images")
    write_dicom(base / "ct")
    write_dicom(base / "long", (40, 8, 8))
    values = np.random.default_rng(1).normal(0, 0.01, (10, 12, 4)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), base / "float.nii.gz")
    colors = np.random.default_rng(2).integers(0, 255, (20, 30, 3), np.uint8)
    Image.fromarray(colors).save(base / "color.png")
    return base


@dataclass
class Raw:
    """One event, as the canvas makes it."""

    type: str
    position: tuple[float, ...]
    pos: tuple[float, float]
    button: int | None = None
    modifiers: tuple[str, ...] = ()
    is_dragging: bool = False
    view_direction: Any = None
    up_direction: Any = None
    dims_displayed: list[int] = field(default_factory=list)
    dims_point: list[float] = field(default_factory=list)
    delta: tuple[float, float] = (0.0, 0.0)
    handled: bool = False
    native: Any = None
    viewbox: Any = None
    camera_zoom: float = 1.0


class Wrapped:
    """What napari gives to callbacks: one object for a whole drag."""

    def __init__(self, wrapped: Any) -> None:
        object.__setattr__(self, "__wrapped__", wrapped)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__wrapped__":
            object.__setattr__(self, name, value)
        else:
            setattr(self.__wrapped__, name, value)


class Mouse:
    """Sends events to a viewer and its active layer, in the canvas's order.

    What is given as `after` is called after a drag, as when its end has been painted.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        layer: Any = None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self.viewer, self.reference, self.after = viewer, layer, after

    def _send(self, call: Any, kind: str, point: Sequence[float], **fields: Any) -> Raw:
        viewer = self.viewer
        if viewer.dims.ndim < 3:  # no layer is left
            call(viewer, Wrapped(Raw(kind, (0, 0), pos=(0, 0), **fields)))
            return Raw(kind, (0, 0), pos=(0, 0))
        data = list(viewer.dims.point[-3:])
        scale = self.reference.scale[-3:] if self.reference is not None else (1, 1, 1)
        displayed = list(viewer.dims.displayed)
        for axis, value in zip(displayed[-2:], point, strict=True):
            data[axis - (viewer.dims.ndim - 3)] = (
                value * scale[axis - (viewer.dims.ndim - 3)]
            )
        position = (*viewer.dims.point[:-3], *data)
        raw = Raw(
            kind,
            position=position,
            pos=fields.pop("pos", (float(point[1]), float(point[0]))),
            dims_displayed=displayed,
            dims_point=list(viewer.dims.point),
            **fields,
        )
        event = Wrapped(raw)
        call(viewer, event)
        layer = viewer.layers.selection.active
        if layer is not None:
            call(layer, event)
        return raw

    def drag(
        self,
        *points: Sequence[float],
        button: int = 1,
        modifiers: tuple[str, ...] = (),
    ) -> None:
        """Press at the first point (row, column in pixels), release at the last."""
        kwargs: dict[str, Any] = {"button": button, "modifiers": modifiers}
        self._send(
            interactions.mouse_press_callbacks, "mouse_press", points[0], **kwargs
        )
        for point in points[1:]:
            self._send(
                interactions.mouse_move_callbacks,
                "mouse_move",
                point,
                is_dragging=True,
                **kwargs,
            )
        self._send(
            interactions.mouse_release_callbacks, "mouse_release", points[-1], **kwargs
        )
        self.after()

    def move(self, point: Sequence[float]) -> None:
        """Move to a point with no button pressed."""
        self._send(interactions.mouse_move_callbacks, "mouse_move", point)

    def wheel(self, ticks: float, *modifiers: str) -> Raw:
        return self._send(
            interactions.mouse_wheel_callbacks,
            "mouse_wheel",
            (4, 4),
            delta=(0.0, ticks),
            modifiers=modifiers,
        )

    def double_click(self, point: Sequence[float]) -> None:
        self._send(
            interactions.mouse_double_click_callbacks,
            "mouse_double_click",
            point,
            button=1,
        )


class Bench:
    """A viewer with a bridge to a session, and all that was complained of."""

    labels = LABELS
    shape = SHAPE
    spacing = SPACING

    def __init__(
        self,
        base: Path,
        viewer: ViewerModel | None = None,
        *,
        case: str | None = "ct",
        executor: SynchronousExecutor | None = None,
        labels: LabelSet = LABELS,
        store: MemoryStore | None = None,
        **kwargs: Any,
    ) -> None:
        self.viewer = ViewerModel() if viewer is None else viewer
        methods = tuple(dict.fromkeys(label.method for label in labels.labels))
        job = Job(
            id="job", project=Project(name="P", methods=methods, label_set=labels)
        )
        cases = [
            Case(id=path.name, name=path.name, series=(SeriesRef(path=path.name),))
            for path in sorted(base.iterdir())
        ]
        self.store = store or MemoryStore([(job, cases)], base=base, person="ana")
        self.session = AnnotationSession(self.store, "job")
        self.session.open_next = False
        self.errors: list[Exception] = []
        self.session.failed.connect(self.errors.append)
        self.executor = executor or SynchronousExecutor()
        self.bridge = ViewerBridge(
            self.viewer,
            self.session,
            self.executor,
            on_error=self.errors.append,
            **kwargs,
        )
        if case is not None:
            self.session.open_case(case, slice=2)

    def layer(self, name: str) -> Any:
        return self.viewer.layers[name]

    @property
    def masks(self) -> Any:
        return self.layer("Segmentation")

    @property
    def vessels(self) -> Any:
        return self.layer("Segmentation vessels")

    @property
    def shapes(self) -> Any:
        return self.layer("Detection")

    @property
    def image(self) -> Any:
        return self.bridge.image_layer

    @property
    def editor(self) -> Any:
        return self.session.editor

    @property
    def mouse(self) -> Mouse:
        return Mouse(self.viewer, self.image, self._painted)

    @property
    def quick_mouse(self) -> Mouse:
        """A mouse that goes on before the end of a stroke has been painted."""
        return Mouse(self.viewer, self.image)

    def _painted(self) -> None:
        if self.session.is_open:
            self.editor.untold.hear()

    def choose(self, label_id: int | None, zoom: float = 10.0) -> None:
        """Choose a label, with so many pixels of the screen to one of the image."""
        if self.bridge.boxes is not None:
            self.shapes.scale_factor = 1 / zoom  # as the canvas would
        self.session.label = None if label_id is None else LABELS[label_id]

    def saved(self, index: int, group: str = "") -> Any:
        """Return the mask that the store has of a slice."""
        from napari_annotate_jobs.model import decode_mask

        case_id = self.session.case.row.case.id
        annotation = self.store.load("job", case_id).annotation
        content = annotation.slices.get(self.editor.slices[index].key)
        if content is None or group not in content.masks:
            return np.zeros(SHAPE[1:], np.uint16)
        return decode_mask(
            self.store.read_blob("job", case_id, content.masks[group].digest)
        )

    def saved_boxes(self) -> dict[int, list[Any]]:
        """Return the boxes that the store has, by slice."""
        case_id = self.session.case.row.case.id
        slices = self.store.load("job", case_id).annotation.slices.values()
        return {c.index: list(c.boxes) for c in slices if c.boxes}

    def check(self) -> None:
        """The layers show what the session says, and the store has it."""
        shown_layers = {layer.name: layer for layer in self.viewer.layers}
        for group in self.editor.labels.overlap_groups:
            layer = shown_layers[f"Segmentation {group}".strip()]
            for index in range(SHAPE[0]):
                np.testing.assert_array_equal(
                    layer.data[index], self.saved(index, group)
                )
        if "Detection" not in shown_layers:
            return
        shown = sorted(
            (round(float(v[0][0])), *v[:, 1:].min(axis=0), *v[:, 1:].max(axis=0))
            for v in self.shapes.data
        )
        wanted = sorted(
            (i, *box.corners)
            for i, boxes in self.saved_boxes().items()
            for box in boxes
        )
        np.testing.assert_allclose(shown, wanted)

    def close(self) -> None:
        self.bridge.close()
        self.session.close()


@pytest.fixture
def new_bench(images: Path) -> Callable[..., Bench]:
    """Return a function that makes a bench, to be closed by the caller."""
    return partial(Bench, images)


@pytest.fixture
def make_bench(images: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*args: Any, **kwargs: Any) -> Bench:
        made.append(Bench(images, *args, **kwargs))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


@pytest.fixture
def labels_of() -> Callable[..., LabelSet]:
    """Return a function that gives the labels of some methods: fewer layers."""

    def some(*methods: str) -> LabelSet:
        return LabelSet(labels=tuple(x for x in LABELS.labels if x.method in methods))

    return some


class SlowExecutor(SynchronousExecutor):
    """Runs a task only when it is told to, in order, as a busy thread would."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[tuple[Any, Any, Any]] = []

    def run(self, task: Any, done: Any, failed: Any) -> None:
        self.tasks.append((task, done, failed))

    def step(self) -> None:
        super().run(*self.tasks.pop(0))

    def drain(self) -> None:
        while self.tasks:
            self.step()


@pytest.fixture
def slow() -> SlowExecutor:
    return SlowExecutor()

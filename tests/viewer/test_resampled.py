"""A series of another orientation, beside the image that is annotated."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from napari_annotate_jobs.errors import ImagingError
from napari_annotate_jobs.model import Case, Job, Project, SeriesRef
from napari_annotate_jobs.stores import MemoryStore

from .conftest import LABELS, Bench

pytestmark = pytest.mark.slow  # each makes napari's layers anew


def values(affine, shape):
    """Return numbers that are linear in the patient's space, by nibabel's axes."""
    index = np.indices(shape).reshape(3, -1)
    x, y, z = (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *shape)
    return (3 * x - 2 * y + 5 * z + 200).astype(np.float32)


AXIAL = np.diag([1.0, 1.0, 4.0, 1.0])
SAGITTAL = np.array(
    [[0, 0, 2, -10], [1.5, 0, 0, -10], [0, 1.5, 0, -10], [0, 0, 0, 1]], float
)
NAME = "sag (resampled)"


@pytest.fixture
def store(tmp_path):
    """Make two cases of an axial and a sagittal series of the same patient."""
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for file, affine, shape in (
            ("ax", AXIAL, (24, 20, 6)),
            ("sag", SAGITTAL, (50, 50, 30)),
        ):
            image = nibabel.Nifti1Image(values(affine, shape), affine)
            nibabel.save(image, folder / f"{file}.nii.gz")
    methods = tuple(dict.fromkeys(label.method for label in LABELS.labels))
    project = Project(name="P", methods=methods, label_set=LABELS)
    cases = [
        Case(
            id=name,
            name=name,
            series=(
                SeriesRef(path=f"{name}/ax.nii.gz", description="ax"),
                SeriesRef(path=f"{name}/sag.nii.gz", description="sag"),
            ),
        )
        for name in ("one", "two")
    ]
    return MemoryStore([(Job(id="job", project=project), cases)], base=tmp_path)


@pytest.fixture
def make(store, tmp_path):
    made = []

    def make(**options):
        made.append(Bench(tmp_path, case="one", store=store, **options))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


def test_it_is_resampled_once_it_is_looked_at(make):
    bench = make()
    layer = bench.layer(NAME)
    assert not layer.visible and layer.data.strides == (0, 0, 0)  # takes no memory
    assert np.isnan(layer.data).all()
    assert layer.data.shape == bench.image.data.shape
    layer.visible = True
    wanted = np.asarray(bench.image.data, float)
    np.testing.assert_allclose(layer.data, wanted, atol=1e-2)
    assert np.allclose(layer.scale, bench.image.scale)
    low, high = layer.contrast_limits
    assert low < high != 1
    assert not bench.errors


def test_it_stands_beside_the_image_while_it_is_shown(make):
    bench = make()
    grid, layer = bench.viewer.canvas.grid, bench.layer(NAME)
    before = grid.enabled, grid.stride, grid.shape
    active = bench.viewer.layers.selection.active
    layer.visible = True
    assert grid.enabled and grid.shape == (1, 2)
    assert bench.viewer.layers[-1] is layer
    assert grid.stride == len(bench.viewer.layers) - 1
    bench.choose(6)
    bench.viewer.add_points(np.zeros((1, 3)))
    assert bench.viewer.layers[-1] is layer
    assert grid.stride == len(bench.viewer.layers) - 1
    layer.visible = False
    assert (grid.enabled, grid.stride, grid.shape) == before
    assert active is bench.image


def test_the_canvas_says_so_while_it_is_at_hand(make):
    bench = make()
    text = bench.viewer.canvas.overlays.text
    assert "resampled" not in text.text
    bench.viewer.layers.selection.active = bench.layer(NAME)
    assert "“sag” is resampled" in text.text
    bench.viewer.layers.selection.active = bench.image
    assert "resampled" not in text.text


def test_a_window_of_its_own(make):
    bench = make()
    layer = bench.layer(NAME)
    layer.visible = True
    before = bench.image.contrast_limits
    layer.contrast_limits = (5, 50)
    assert bench.image.contrast_limits == before


def test_what_arrives_after_a_change_of_case_goes_nowhere(make, slow):
    bench = make(executor=slow)
    slow.drain()
    layer = bench.layer(NAME)
    layer.visible = True
    slow.step()  # the pixels are there
    assert slow.tasks
    bench.session.open_case("two")
    slow.drain()
    other = bench.layer(NAME)
    assert other is not layer and layer not in bench.viewer.layers
    assert not other.visible and np.isnan(other.data).all()
    assert not bench.viewer.canvas.grid.enabled
    assert np.isnan(layer.data).all()


def test_cancelled_it_can_be_begun_again(make, slow):
    bench = make(executor=slow)
    slow.drain()
    layer = bench.layer(NAME)
    layer.visible = True
    (work,) = bench.bridge.bars._wanted
    assert work.text == "Resampling sag"
    work.cancel()
    slow.drain()
    assert not layer.visible and np.isnan(layer.data).all()
    assert not bench.bridge.bars._wanted and not bench.errors
    layer.visible = True
    slow.drain()
    assert not np.isnan(layer.data).any()
    assert not bench.bridge.bars._wanted


def test_what_needs_too_much_memory_says_so(make):
    bench = make(budget=50_000)
    layer = bench.layer(NAME)
    layer.visible = True
    assert not layer.visible
    (error,) = bench.errors
    assert isinstance(error, ImagingError) and "preferences" in error.remedy


def test_nothing_is_left_when_the_case_is_closed(make):
    bench = make()
    bench.layer(NAME).visible = True
    bench.session.close_case()
    assert not bench.viewer.layers
    assert not bench.viewer.canvas.grid.enabled


def test_strokes_go_to_the_masks_of_the_case(make):
    bench = make()
    bench.layer(NAME).visible = True
    bench.viewer.layers.selection.active = bench.layer(NAME)
    bench.choose(6)
    assert bench.viewer.layers.selection.active is bench.masks


def test_the_status_bar_says_where_it_does_not_reach(make):
    bench = make()
    layer, viewer = bench.layer(NAME), bench.viewer
    layer.visible = True
    data = layer.data.copy()
    data[0, 0, 0] = np.nan
    layer.data = data
    viewer.layers.selection.active = layer
    bench.session.slice = 0
    for place, ending in (((0, 0, 0), ": outside"), ((0, 1, 1), ": 230")):
        world = np.multiply(place, layer.scale) + layer.translate
        viewer.cursor.position = tuple(world)
        viewer.status = layer.get_status(world, world=True)
        assert viewer.status["coordinates"].endswith(ending)
        assert viewer.status["coordinates"].startswith(f"{bench.image.data[place]:g}")
    viewer.layers.selection.active = bench.image

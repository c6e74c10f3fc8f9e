"""Layers of the user, of other plugins and of dropped files beside a case."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points, Shapes

LIVER, NODULE = 6, 5

STRANGERS = {
    "finer": lambda: Image(np.zeros((50, 32, 40)), scale=(0.5, 0.5, 0.8)),
    "longer": lambda: Image(np.zeros((103, 32, 40)), scale=(3, 0.5, 0.8)),
    "coarser, and in mm": lambda: Image(
        np.zeros((3, 9, 9)), scale=(10, 1, 1), units=("mm",) * 3
    ),
    "in micrometres": lambda: Image(
        np.zeros((60, 9, 9)), scale=(100, 50, 50), units=("um",) * 3
    ),
    "4D": lambda: Image(np.zeros((7, 50, 10, 10))),
    "4D in micrometres": lambda: Image(
        np.zeros((7, 50, 10, 10)), units=("s", "um", "um", "um")
    ),
    "2D": lambda: Image(np.zeros((10, 10))),
    "points": lambda: Points(np.array([[-30.0, 0, 0], [99.5, 0, 0]])),
    "empty shapes": lambda: Shapes(ndim=3),
}


def step(viewer, times=1):
    """Press an arrow key, as napari takes it."""
    for _ in range(abs(times)):
        (
            viewer.dims._increment_dims_right
            if times > 0
            else viewer.dims._increment_dims_left
        )()


@pytest.mark.parametrize("name", STRANGERS)
def test_one_press_is_one_slice_whatever_other_layers_have(bench, name):
    viewer, session, dims = bench.viewer, bench.session, bench.viewer.dims
    stranger = viewer.add_layer(STRANGERS[name]())
    assert session.slice == 2
    assert dims.nsteps[-3] == 6
    walked = []
    for times in (1, 1, 1, 1, -1):
        step(viewer, times)
        walked.append(session.slice)
    assert walked == [3, 4, 5, 5, 4]
    bench.choose(LIVER)
    bench.mouse.drag((10, 10), (10, 20))
    assert bench.saved(4).any()
    second = viewer.add_layer(STRANGERS["in micrometres"]())
    assert session.slice == 4
    viewer.layers.remove(stranger)
    viewer.layers.remove(second)
    assert session.slice == 4
    assert dims.current_step[-3] == 4
    step(viewer, -1)
    assert session.slice == 3
    assert not bench.errors
    bench.check()


@pytest.mark.parametrize("moved", [False, True], ids=["fitted", "zoomed in"])
@pytest.mark.parametrize("name", STRANGERS)
def test_removing_a_foreign_layer_does_not_jump(bench, name, moved):
    """Whichever it is: the slice shown, the zoom and the centre stay."""
    viewer, camera = bench.viewer, bench.viewer.scene.camera
    viewer.canvas.size = (600, 700)
    step(viewer, 2)
    if moved:
        camera.zoom *= 3
        camera.center = (*camera.center[:-2], 5.5, 20.25)

    def view():
        shown = bench.bridge.image_layer
        at = shown.world_to_data(viewer.dims.point[-shown.ndim :])[0]
        return bench.session.slice, round(at), camera.zoom, *camera.center[-2:]

    before = view()
    assert before[:2] == (4, 4)
    first, second = (viewer.add_layer(STRANGERS[name]()) for _ in range(2))
    viewer.layers.selection.active = first  # as where its button is pressed
    viewer.layers.remove_selected()
    assert view() == before
    viewer.layers.remove(second)
    assert view() == before
    step(viewer)
    assert view() == (5, 5, *before[2:])
    assert not bench.errors


def test_the_view_fits_the_image_of_the_case(make_bench):
    alone = make_bench(ViewerModel())
    camera = alone.viewer.scene.camera
    wanted = (camera.zoom, camera.center)
    viewer = ViewerModel()
    viewer.add_image(np.zeros((7, 50, 500, 900)))
    bench = make_bench(viewer)
    camera = bench.viewer.scene.camera
    assert camera.zoom == pytest.approx(wanted[0])
    assert camera.center == pytest.approx(wanted[1])


def test_the_view_stays_fitted_while_docks_come_until_it_is_moved(bench):
    viewer, camera = bench.viewer, bench.viewer.scene.camera
    rows, columns = 32 * 0.5, 40 * 0.8
    for size in ((537, 634), (300, 900)):
        viewer.canvas.size = size
        wanted = 0.95 * min(size[0] / rows, size[1] / columns)
        assert camera.zoom == pytest.approx(wanted)
    camera.zoom *= 2
    moved = (camera.zoom, camera.center)
    viewer.canvas.size = (600, 700)
    assert (camera.zoom, camera.center) == moved
    bench.session.open_case("long")
    bench.session.open_case("ct")
    assert camera.zoom == pytest.approx(0.95 * min(600 / rows, 700 / columns))


# ------------------------------------------------------------- change of case
def test_foreign_layers_are_hidden_until_it_is_said_what_becomes_of_them(bench):
    foreign = bench.bridge.foreign
    mine = bench.viewer.add_labels(np.zeros(bench.shape, int), name="mine")
    unseen = bench.viewer.add_points(name="unseen", visible=False)
    assert foreign.hidden == foreign.shown == []
    assert not foreign.is_asked_for
    bench.session.open_case("long")
    assert mine in bench.viewer.layers
    assert foreign.is_asked_for
    assert foreign.hidden == [mine]
    foreign.keep = True
    assert not foreign.is_asked_for
    assert mine.visible and not unseen.visible
    assert foreign.shown == [mine]
    bench.session.open_case("float.nii.gz")
    assert mine.visible  # asked once
    foreign.keep = False
    assert foreign.hidden == [mine]
    bench.session.open_case("long")
    assert not mine.visible
    assert not foreign.is_asked_for
    bench.session.open_case("ct")
    assert mine.visible
    assert foreign.hidden == foreign.shown == []


def test_layers_that_were_there_before_the_first_case_are_asked_for(make_bench):
    viewer = ViewerModel()
    before = viewer.add_image(np.zeros((6, 32, 40)), name="before")
    seen = []
    viewer.layers.events.inserted.connect(lambda event: seen.append(before.visible))
    bench = make_bench(viewer)
    foreign = bench.bridge.foreign
    assert seen and not any(seen)  # never the two over each other
    assert foreign.is_asked_for
    assert foreign.hidden == [before]
    foreign.keep = True
    assert foreign.shown == [before]
    before.visible = False  # the user's own doing is left alone
    bench.session.open_case("long")
    assert not before.visible
    assert foreign.hidden == []


def test_one_layer_that_is_shown_by_hand_is_shown_with_this_case_alone(bench):
    foreign = bench.bridge.foreign
    mine = bench.viewer.add_labels(np.zeros(bench.shape, int), name="mine")
    bench.session.open_case("long")
    foreign.keep = False
    mine.visible = True
    assert foreign.shown == [mine] and foreign.hidden == []
    bench.session.open_case("float.nii.gz")
    assert foreign.hidden == [mine]
    bench.session.open_case("long")
    assert mine.visible
    mine.visible = False  # set aside again
    assert foreign.hidden == [mine]
    bench.session.open_case("ct")
    assert mine.visible


def test_what_is_told_of_foreign_layers_follows_them(bench):
    foreign, told = bench.bridge.foreign, []
    mine = bench.viewer.add_labels(np.zeros(bench.shape, int), name="mine")
    bench.session.open_case("long")
    foreign.aside_changed.connect(lambda: told.append([x.name for x in foreign.hidden]))
    mine.name = "ours"
    assert told[-1] == ["ours"]
    bench.viewer.layers.remove(mine)
    assert told[-1] == []
    assert not foreign.is_asked_for


def test_foreign_layers_come_back_with_their_case_and_at_the_end(bench):
    mine = bench.viewer.add_labels(np.zeros(bench.shape, int), name="mine")
    other = bench.viewer.add_points(name="other")
    bench.session.open_case("long")
    bench.session.open_case("ct")
    assert mine.visible
    bench.session.open_case("long")
    assert not other.visible
    bench.session.close_case()
    assert mine.visible and other.visible
    bench.session.open_case("long")
    assert not other.visible
    bench.close()
    assert mine.visible
    assert other.visible


def test_a_copy_of_a_layer_of_ours_is_not_ours(bench):
    bench.choose(LIVER)
    bench.mouse.drag((10, 10), (10, 20))
    copy = bench.viewer.add_layer(Labels(*bench.masks.as_layer_data_tuple()[:1]))
    copy.metadata = dict(bench.masks.metadata)
    assert bench.bridge.foreign.layers == [copy]
    bench.session.open_case("long")
    assert not copy.visible


# --------------------------------------------------------------- first stroke
@pytest.mark.parametrize(
    ("kind", "mode", "label", "target"),
    [
        (Labels, "paint", LIVER, "Segmentation"),
        (Shapes, "add_rectangle", NODULE, "Detection"),
    ],
)
def test_the_first_stroke_in_a_foreign_layer_offers_the_right_one(
    bench, kind, mode, label, target
):
    told, texts = [], []
    bench.bridge.offered.connect(lambda *args: told.append(args))
    bench.bridge.text_changed.connect(texts.append)
    data = np.zeros(bench.shape, int) if kind is Labels else None
    more = {} if kind is Labels else {"ndim": 3}
    layer = kind(data, **more, name="mine", scale=bench.spacing)
    bench.viewer.add_layer(layer)
    bench.mouse.drag((10, 10), (10, 20))
    assert not told  # it was only looked at
    layer.mode = mode
    assert "“mine” is not of this case: not saved" in texts[-1]
    bench.mouse.drag((10, 10), (14, 20))
    bench.mouse.drag((20, 10), (24, 20))
    ((text, answer, call),) = told
    assert text.startswith("“mine” is not of this case")
    call()
    assert bench.session.label.id == label
    assert answer == f"Draw {bench.session.label.name}"
    assert bench.viewer.layers.selection.active is bench.layer(target)
    assert "mine" not in texts[-1]


def test_a_stroke_in_a_foreign_layer_of_a_submitted_case_is_told_of(bench):
    bench.editor.set_case_nothing_to_label()
    bench.session.submit()
    offered, told = [], []
    bench.bridge.offered.connect(lambda *args: offered.append(args))
    bench.session.told.connect(told.append)
    layer = bench.viewer.add_labels(
        np.zeros(bench.shape, int), name="mine", scale=bench.spacing
    )
    layer.mode = "paint"
    bench.mouse.drag((10, 10), (10, 20))
    assert not offered
    assert "mine" in told[-1]


def test_strokes_in_the_case_are_not_told_of(bench):
    told = []
    bench.bridge.offered.connect(lambda *args: told.append(args))
    for label in (LIVER, NODULE):
        bench.choose(label)
        bench.mouse.drag((10, 10), (14, 20))
    assert not told


@pytest.mark.parametrize("chosen", [LIVER, 9, 8])
def test_the_label_that_was_chosen_is_the_one_to_draw_with(bench, chosen):
    stranger = bench.viewer.add_labels(np.zeros((6, 32, 40), np.uint8))
    bench.choose(chosen)
    bench.viewer.layers.selection.active = stranger
    stranger.mode = "paint"
    assert bench.bridge.foreign.right_label.id == chosen

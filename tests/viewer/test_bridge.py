"""The bridge and the rest of the viewer: whose layers are whose, and the end."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.viewer import ViewerBridge
from napari_annotate_jobs.viewer import _case_layers as case_layers

LIVER, NODULE = 6, 5


def names(bench):
    return [layer.name for layer in bench.viewer.layers]


def paint(bench, label=LIVER):
    bench.choose(label)
    bench.mouse.drag((10, 10), (10, 20))


def put(bench):
    bench.choose(NODULE)
    bench.mouse.drag((5, 6), (10, 16), (15, 26))


# ---------------------------------------------------------- opening, closing
def test_layers_come_and_go_with_the_case(bench):
    assert bench.viewer.layers[0] is bench.image
    assert {"Segmentation", "Segmentation vessels", "Detection"} <= set(names(bench))
    assert bench.viewer.layers.selection.active is bench.image
    assert not bench.bridge.is_loading
    bench.session.close_case()
    assert names(bench) == []
    assert bench.bridge.image_layer is None
    assert bench.bridge.voxels is None
    assert bench.bridge.boxes is None


def test_a_bridge_may_come_after_the_case(bench):
    bench.bridge.close()
    assert names(bench) == []
    assert bench.session.is_open
    bridge = ViewerBridge(
        bench.viewer, bench.session, bench.executor, on_error=bench.errors.append
    )
    assert bench.viewer.layers[0] is bridge.image_layer
    bridge.close()


def test_our_layers_are_locked_in_naparis_sense(bench):
    assert all(layer.locked for layer in bench.viewer.layers)
    stranger = bench.viewer.add_layer(Image(np.zeros((4, 4))))
    assert not stranger.locked


def test_each_case_has_new_layers(bench):
    paint(bench)
    put(bench)
    first = list(bench.viewer.layers)
    bench.session.open_case("long")
    assert not any(layer in bench.viewer.layers for layer in first)
    assert bench.image.data.shape == (40, 8, 8)
    assert not bench.masks.data.any()
    bench.session.open_case("ct")
    assert bench.masks.data.any()
    assert len(bench.shapes.data) == 1


def test_the_chosen_label_outlives_the_case(bench):
    bench.choose(LIVER)
    bench.session.open_case("long")
    assert bench.viewer.layers.selection.active is bench.masks
    assert bench.masks.mode == "paint"
    assert bench.masks.selected_label == LIVER


def test_choosing_readies_layer_and_tool(bench):
    for label, layer, mode in (
        (LIVER, "Segmentation", "paint"),
        (NODULE, "Detection", "add_rectangle"),
        (8, "Segmentation vessels", "paint"),
        (1, bench.image.name, "pan_zoom"),
    ):
        bench.choose(label)
        active = bench.viewer.layers.selection.active
        assert active.mode == mode
        assert active.name == layer
        others = [x for x in bench.viewer.layers if x is not active]
        assert {str(x.mode) for x in others} == {"pan_zoom"}


def test_a_case_that_cannot_be_shown_is_closed(make_bench, monkeypatch):
    bench = make_bench(case=None)

    def fail(*args, **options):
        raise RuntimeError("no overlay")

    with monkeypatch.context() as patch:
        patch.setattr(case_layers, "ReadOut", fail)
        bench.session.open_case("ct")
    assert [str(error) for error in bench.errors] == ["no overlay"]
    assert not bench.session.is_open
    assert names(bench) == []
    bench.session.open_case("ct")
    assert bench.session.is_open
    paint(bench)
    bench.check()


def test_slices_that_cannot_be_read_leave_the_case_open(bench, monkeypatch):
    def fail(**kwargs):
        raise UnreadableImageError("truncated", where="4.dcm")

    store = bench.store
    whole = store.open_series("job", "ct")
    monkeypatch.setattr(whole, "read", fail)
    monkeypatch.setattr(store, "open_series", lambda *args: whole)
    bench.session.open_case("ct", slice=2)
    assert bench.session.is_open
    assert not bench.bridge.is_loading
    assert 1 <= len(bench.errors) <= 4
    paint(bench)
    assert bench.saved(2).any()


def test_nothing_of_a_slow_load_arrives_after_the_case_was_left(make_bench, slow):
    bench = make_bench(executor=slow)
    image = bench.image
    bench.session.open_case("long")
    slow.drain()
    assert not image.data.any()
    assert bench.image.data.shape == (40, 8, 8)
    assert not bench.bridge.is_loading
    bench.session.close_case()
    slow.drain()


def test_one_can_work_while_the_images_are_read(make_bench, slow):
    bench = make_bench(executor=slow)
    assert bench.bridge.is_loading
    paint(bench)
    put(bench)
    bench.session.slice = 4
    slow.step()
    assert bench.image.data[2, 0, 0] == 200
    assert bench.bridge.is_loading
    slow.drain()
    assert not bench.bridge.is_loading
    bench.check()


# --------------------------------------------------------- which slice is shown
def test_slider_and_session_follow_each_other(bench):
    dims = bench.viewer.dims
    bench.session.slice = 5
    assert dims.point[0] == 15.0
    assert dims.current_step[0] == 5
    dims.set_current_step(0, 1)
    assert bench.session.slice == 1
    told = []
    bench.session.slice_changed.connect(told.append)
    dims.set_point(0, 9.0)
    assert told == [3]


@pytest.mark.parametrize(
    "stranger",
    [
        Image(np.zeros((50, 32, 40)), scale=(0.5, 0.5, 0.8), translate=(-7, 0, 0)),
        Image(np.zeros((3, 9, 9)), scale=(10, 1, 1), translate=(-20, 2, 2)),
        Image(np.zeros((7, 50, 10, 10))),
        Image(np.zeros((10, 10))),
        Points(np.array([[-30.0, 0, 0], [99.5, 0, 0]])),
    ],
    ids=["finer", "coarser", "4D", "2D", "points"],
)
def test_other_layers_do_not_shift_the_slices(bench, stranger):
    viewer, session = bench.viewer, bench.session
    viewer.add_layer(stranger)
    for index in (0, 5, 3):
        session.slice = index
        shown = bench.image.world_to_data(viewer.dims.point[-3:])
        assert round(float(shown[0])) == index
        bench.choose(LIVER)
        bench.mouse.drag((10, 10), (10, 20))
        assert bench.saved(index)[10, 15] == LIVER
    assert sorted(bench.saved(i).any() for i in range(6)) == [False] * 3 + [True] * 3
    bench.check()
    # Sliding between our slices, and beyond them, stays on slices that exist.
    axis = viewer.dims.ndim - 3
    for world, index in ((0.9, 0), (2.0, 1), (14.0, 5), (80.0, 5), (-9.0, 0)):
        low, high, _ = viewer.dims.range[axis]
        viewer.dims.set_point(axis, world)
        assert session.slice == (index if low <= world <= high else session.slice)
    viewer.layers.remove(stranger)
    session.slice = 2
    assert viewer.dims.current_step[-3] == 2


def test_another_layer_comes_first(images, make_bench):
    viewer = ViewerModel()
    mine = viewer.add_image(np.zeros((50, 60, 70)), scale=(2, 2, 2))
    viewer.dims.set_current_step(0, 40)
    bench = make_bench(viewer)
    assert bench.session.slice == 2
    assert mine in viewer.layers
    paint(bench)
    assert bench.saved(2)[10, 15] == LIVER
    bench.session.close_case()
    assert list(viewer.layers) == [mine]
    assert not mine.locked


def test_the_other_layers_of_the_user_are_left_alone(bench):
    mine = bench.viewer.add_labels(np.zeros(bench.shape, int), name="mine")
    shapes = bench.viewer.add_shapes(ndim=3, name="my shapes")
    before = len(bench.editor.history._done)
    mine.paint((2, 5, 5), 3)
    shapes.add_rectangles([[[1, 3, 3], [1, 3, 9], [1, 9, 9], [1, 9, 3]]])
    assert len(bench.editor.history._done) == before
    bench.choose(LIVER)
    bench.session.open_case("long")
    assert mine in bench.viewer.layers
    assert mine.data.any()
    bench.close()
    assert list(bench.viewer.layers) == [mine, shapes]


# --------------------------------------------------------------- layers removed
@pytest.mark.parametrize("name", ["Segmentation", "Detection", "image"])
def test_a_layer_that_was_removed_comes_back(bench, name):
    paint(bench)
    put(bench)
    order = names(bench)
    layer = bench.image if name == "image" else bench.layer(name)
    bench.viewer.layers.remove(layer)
    bench.executor.tick()
    assert layer in bench.viewer.layers
    assert names(bench) == order
    assert bench.session.is_open
    bench.check()
    bench.choose(9)
    bench.mouse.drag((20, 5), (20, 9))
    bench.session.slice = 4
    put(bench)
    assert bench.saved(2)[20, 7] == 9
    bench.check()
    bench.session.undo()
    bench.session.undo()
    bench.check()


def test_clearing_all_layers_closes_the_case(bench):
    paint(bench)
    closed = []
    bench.session.closed.connect(lambda: closed.append(True))
    bench.viewer.layers.clear()
    bench.executor.tick()
    assert not bench.session.is_open
    assert closed == [True]
    assert names(bench) == []
    bench.session.open_case("ct")
    assert bench.saved(2)[10, 15] == LIVER
    bench.check()


def test_what_was_written_is_saved_even_if_all_layers_are_cleared(bench):
    bench.masks.data[4, 3, 3] = LIVER
    bench.viewer.layers.clear()
    bench.executor.tick()
    bench.session.open_case("ct")
    assert bench.saved(4)[3, 3] == LIVER


def test_a_layer_renamed_moved_or_hidden_still_works(bench):
    masks, shapes = bench.masks, bench.shapes
    masks.name = "organs"
    masks.visible = False
    bench.viewer.layers.move(bench.viewer.layers.index(shapes), 0)
    bench.choose(LIVER)
    assert masks.visible
    bench.mouse.drag((10, 10), (10, 20))
    assert bench.saved(2)[10, 15] == LIVER


# -------------------------------------------------------------------- status
def test_submitting_locks_and_returning_unlocks(bench):
    from napari_annotate_jobs.model import Comment
    from napari_annotate_jobs.stores import MemoryStore

    paint(bench)
    bench.session.submit()
    assert not bench.masks.editable
    assert not bench.shapes.editable
    bench.bridge.take()
    reviewer = MemoryStore(person="rev", name=bench.store.location.partition(":")[2])
    comment = Comment(person="rev", text="more", index=4)
    reviewer.return_case("job", "ct", [comment], person="ana")
    bench.session.open_case("ct")
    assert bench.session.slice == 4
    assert bench.masks.editable
    bench.mouse.drag((10, 10), (10, 20))
    assert bench.saved(4).any()


def test_a_conflict_settled_shows_what_it_came_to(bench):
    from napari_annotate_jobs.session import AnnotationSession, SaveKind
    from napari_annotate_jobs.stores import MemoryStore

    name = bench.store.location.partition(":")[2]
    base = bench.store._base
    theirs = AnnotationSession(MemoryStore(person="ana", name=name, base=base), "job")
    theirs.open_case("ct")
    mask = np.zeros(bench.shape[1:], np.uint8)
    mask[3, 3] = 9
    theirs.editor.set_masks({(1, ""): mask})
    paint(bench)
    put(bench)
    assert bench.session.saving.state.kind is SaveKind.CONFLICT
    bench.session.saving.resolve_conflict(keep_mine=True)
    assert bench.masks.data[1, 3, 3] == 9
    assert bench.masks.data[2].any()
    bench.check()
    theirs.editor.set_class([0], 1, True)
    theirs.saving.resolve_conflict(keep_mine=True)
    bench.choose(LIVER)
    bench.mouse.drag((20, 10), (20, 20))
    bench.session.saving.resolve_conflict(keep_mine=False)
    assert not bench.masks.data[2, 20, 10:20].any()
    bench.check()


# ----------------------------------------------------------------------- the end
def listeners(viewer):
    """Return how many callbacks everything in the viewer has."""
    counts = {}
    for owner in (viewer, viewer.dims, viewer.layers, viewer.scene.camera):
        for name, emitter in owner.events.emitters.items():
            counts[type(owner).__name__, name] = len(emitter.callbacks)
    counts["drag"] = len(viewer.mouse_drag_callbacks)
    counts["move"] = len(viewer.mouse_move_callbacks)
    counts["wheel"] = len(viewer.mouse_wheel_callbacks)
    counts["double"] = len(viewer.mouse_double_click_callbacks)
    counts["keys"] = len(viewer.keymap)
    return counts


def test_closing_releases_everything(make_bench):
    viewer = ViewerModel()
    before = listeners(viewer)
    overlay = viewer.canvas.overlays.text
    text = (overlay.text, overlay.visible, overlay.position, overlay.font_size)
    bench = make_bench(viewer)
    paint(bench)
    put(bench)
    bench.session.open_case("long")
    assert listeners(viewer) != before
    bench.bridge.close()
    bench.bridge.close()
    assert listeners(viewer) == before
    after = (overlay.text, overlay.visible, overlay.position, overlay.font_size)
    assert after == text
    for name, instance in vars(type(bench.session)).items():
        del instance
        signal = getattr(bench.session, name, None)
        if hasattr(signal, "emit") and name != "failed":
            assert len(signal) == 0, name
    # The session goes on without a viewer.
    bench.session.open_case("ct")
    assert bench.session.editor.content(2).has_labels


def test_nothing_is_kept_alive(new_bench):
    viewer = ViewerModel()
    bench = new_bench(viewer)
    paint(bench)
    put(bench)
    bench.session.open_case("long")
    bench.session.open_case("ct")
    bench.session.undo()
    kept = {
        "bridge": weakref.ref(bench.bridge),
        "session": weakref.ref(bench.session),
        "editor": weakref.ref(bench.editor),
        "mouse": weakref.ref(bench.bridge.mouse),
    }
    bench.close()
    del bench
    gc.collect()
    assert [name for name, ref in kept.items() if ref() is not None] == []


def test_a_closed_case_is_not_kept_alive(bench):
    paint(bench)
    kept = [weakref.ref(layer) for layer in bench.viewer.layers]
    kept.append(weakref.ref(bench.editor))
    bench.session.open_case("long")
    bench.executor.tick()
    gc.collect()
    assert [ref() for ref in kept if ref() is not None] == []


def test_what_was_read_is_shown_and_nothing_else(make_bench, slow):
    """Submit waits for that."""
    bench = make_bench(case="long", executor=slow)
    assert not bench.bridge.is_shown
    slow.step()
    assert bench.bridge.is_shown
    bench.session.slice = 39
    assert not bench.bridge.is_shown
    slow.drain()
    assert bench.bridge.is_shown
    bench.session.close_case()
    assert not bench.bridge.is_shown


@pytest.mark.parametrize("ndisplay", [2, 3])
def test_slices_that_come_are_drawn_where_they_are_seen(
    make_bench, slow, monkeypatch, ndisplay
):
    """In the plane only the one that is shown, which came first; in 3D each."""
    bench = make_bench(case="long", executor=slow)
    slow.step()
    assert bench.bridge.is_shown
    bench.viewer.dims.ndisplay = ndisplay
    drawn = []
    real = type(bench.image).refresh

    def refresh(layer, *args, **kwargs):
        drawn.append(layer)
        real(layer, *args, **kwargs)

    monkeypatch.setattr(type(bench.image), "refresh", refresh)
    slow.drain()
    assert (bench.image in drawn) == (ndisplay == 3)


def test_it_knows_the_layers_of_its_case(bench):
    bridge, stranger = bench.bridge, bench.viewer.add_points()
    assert all(bridge.owns(x) for x in bench.viewer.layers if x is not stranger)
    assert not bridge.owns(stranger)
    assert not bridge.owns(None)
    assert not bridge.is_cleared
    masks = bench.masks
    masks.locked = False
    bench.viewer.layers.remove(masks)
    assert not bridge.is_cleared
    bench.viewer.layers.clear()
    assert bridge.is_cleared
    bench.session.close_case()
    assert not bridge.is_cleared
    assert not bridge.owns(masks)


def test_a_case_too_large_to_be_read_says_so(make_bench):
    assert not make_bench(case="ct").bridge.is_lazy
    bench = make_bench(case="ct", budget=1000)
    assert bench.bridge.is_lazy
    bench.session.close_case()
    assert not bench.bridge.is_lazy

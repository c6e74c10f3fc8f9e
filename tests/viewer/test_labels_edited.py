"""Layers follow what owners change of the labels, and nothing drawn is lost."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.model import JobEdit, Label, LabelChange, Method, Provenance
from napari_annotate_jobs.stores import MemoryStore

LIVER, TUMOUR, VESSEL, NODULE, MASS = 6, 9, 8, 5, 11


@pytest.fixture
def bench(make_bench):
    return make_bench()


def edit(bench, *changes, **fields):
    """Edit the job as an owner does on another computer; then look."""
    name = bench.store.location.partition(":")[2]
    labels = tuple(LabelChange(**each) for each in changes)
    with MemoryStore(person="olga", name=name) as store:
        store.edit_job("job", JobEdit(change_labels=labels, **fields))
    bench.session.watch.look()


def label(name, label_id=1, method=Method.SEGMENTATION, **fields):
    return Label(id=label_id, name=name, color="#123456", method=method, **fields)


def color_of(layer, value):
    return tuple(np.round(layer.colormap.color_dict[value][:3] * 255).astype(int))


def names(bench):
    return [layer.name for layer in bench.viewer.layers]


def paint(bench, chosen=LIVER, at=((10, 10), (10, 20))):
    bench.choose(chosen)
    bench.mouse.drag(*at)


def test_names_and_colours_follow_on_the_same_layers(bench):
    proposed = np.full((32, 40), LIVER, np.uint8)
    bench.editor.propose_masks({(4, ""): proposed}, provenance=Provenance.COPIED)
    paint(bench)
    layers = list(bench.viewer.layers)
    edit(bench, {"id": LIVER, "color": "#010203", "name": "hepar"})
    assert list(bench.viewer.layers) == layers
    assert color_of(bench.masks, LIVER) == (1, 2, 3)
    assert color_of(bench.layer("Proposals"), LIVER) == (1, 2, 3)
    assert "hepar" in list(bench.masks.features["label"])
    # The tool at hand stays at hand.
    assert bench.viewer.layers.selection.active is bench.masks
    assert (bench.masks.mode, bench.masks.selected_label) == ("paint", LIVER)
    bench.mouse.drag((12, 10), (12, 20))
    assert bench.saved(2)[12, 15] == LIVER
    bench.session.undo()
    bench.check()
    assert bench.saved(2)[10, 15] == LIVER
    assert bench.errors == []


def test_boxes_are_drawn_anew_in_their_colours(bench):
    bench.choose(NODULE)
    bench.mouse.drag((4, 4), (14, 20))
    bench.choose(MASS)
    bench.mouse.drag((18, 4), (28, 20))
    before = bench.saved_boxes()
    edit(bench, {"id": NODULE, "color": "#FF0000", "name": "node"})
    rows = dict(
        zip(bench.shapes.features["label"], bench.shapes.edge_color, strict=True)
    )
    assert set(rows) == {"node", "mass"}
    np.testing.assert_allclose(rows["node"][:3], (1, 0, 0))
    assert bench.saved_boxes() == before
    bench.check()
    bench.choose(None)
    bench.session.label = bench.session.job.project.label_set[NODULE]
    bench.mouse.drag((4, 24), (14, 34))
    assert [b.label for b in bench.saved_boxes()[2]] == [NODULE, MASS, NODULE]


def test_a_stroke_that_goes_on_is_not_disturbed(bench):
    bench.choose(LIVER)
    changed = []

    def edit_meanwhile(*_):
        if not changed:
            changed.append(True)
            edit(
                bench, {"id": LIVER, "color": "#010203"}, add_labels=(label("x", 300),)
            )
            assert bench.masks.data.dtype == np.uint8
            assert bench.session.job.project.label_set.by_id[300].name == "x"

    bench.viewer.mouse_drag_callbacks.append(_while_dragging(edit_meanwhile))
    bench.mouse.drag((10, 10), (10, 14), (10, 20))
    assert changed
    assert set(bench.saved(2)[10, 11:20]) == {LIVER}
    assert bench.masks.data.dtype == np.uint16
    assert color_of(bench.masks, LIVER) == (1, 2, 3)
    bench.check()
    assert bench.editor.history.undo_text == "Paint"
    assert bench.errors == []


def _while_dragging(call):
    def drag(viewer, event):
        yield
        while event.type == "mouse_move":
            call()
            yield

    return drag


def test_layers_come_and_go_with_their_labels(make_bench, labels_of):
    bench = make_bench(labels=labels_of("segmentation"))
    paint(bench)
    assert "Detection" not in names(bench)
    edit(
        bench,
        add_labels=(
            label("node", 20, Method.DETECTION),
            label("bile", 21, overlap_group="ducts"),
        ),
        remove_labels=(VESSEL,),
    )
    added = ["Segmentation", "Segmentation ducts", "Detection"]
    assert names(bench)[-3:] == added
    assert bench.viewer.layers.selection.active is bench.masks
    bench.check()
    labels = bench.session.job.project.label_set
    bench.shapes.scale_factor = 0.1
    bench.session.label = labels.named("node")
    assert bench.viewer.layers.selection.active is bench.shapes
    bench.mouse.drag((4, 4), (14, 20))
    bench.session.label = labels.named("bile")
    bench.mouse.drag((20, 10), (20, 20))
    assert bench.saved(2, "ducts")[20, 15] == 21
    assert [box.label for box in bench.saved_boxes()[2]] == [20]
    bench.check()
    assert bench.errors == []


def test_a_layer_that_cannot_hold_an_id_gives_way_to_one_that_can(bench):
    paint(bench)
    old = bench.masks
    edit(bench, add_labels=(label("bone", 300),))
    assert bench.masks is not old
    assert bench.masks.data.dtype == np.uint16
    assert bench.saved(2)[10, 15] == bench.masks.data[2][10, 15] == LIVER
    assert bench.viewer.layers.selection.active is bench.masks
    assert (bench.masks.mode, bench.masks.selected_label) == ("paint", LIVER)
    bench.session.label = bench.session.job.project.label_set[300]
    bench.mouse.drag((20, 10), (20, 20))
    assert bench.saved(2)[20, 15] == 300
    bench.session.undo()
    bench.session.undo()
    assert not bench.masks.data.any()
    bench.check()
    # What somebody does to the layer that went is nobody's annotation.
    old.data[2] = 1
    old.refresh()
    assert not bench.saved(2).any()
    assert bench.errors == []


def test_a_retired_label_stays_in_sight_and_cannot_be_chosen(bench):
    told = []
    bench.session.told.connect(told.append)
    paint(bench)
    paint(bench, TUMOUR, ((20, 10), (20, 20)))
    edit(bench, {"id": LIVER, "retired": True})
    assert bench.masks.data[2][10, 15] == LIVER
    assert color_of(bench.masks, LIVER) == (213, 94, 0)
    # As napari's picker chooses it.
    bench.masks.selected_label = LIVER
    assert bench.masks.selected_label == TUMOUR
    assert bench.session.label.id == TUMOUR
    assert "liver is retired" in told[-1]
    # Erasing takes away what is there.
    bench.masks.mode = "erase"
    bench.mouse.drag((10, 10), (10, 20))
    assert bench.saved(2)[10, 15] == 0
    bench.check()
    assert bench.errors == []

"""Smart fill on a case: what it finds, what it leaves alone, how it is undone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_annotate_jobs.editing import (
    Fill,
    FillTool,
    apply_fill,
    find_fill,
    prepare_fill,
    tracks,
)
from napari_annotate_jobs.errors import (
    InvalidValueError,
    LockedError,
    TransitionError,
)
from napari_annotate_jobs.model import Decision, Provenance

LIVER, TUMOUR, VESSEL, NODULE = 6, 700, 8, 5
SHAPE = (20, 24)
SPACING = (2.0, 1.0, 0.5)


def find(editor, fill, image=None, spacing=SPACING, **options):
    return find_fill(prepare_fill(editor, fill, SHAPE, spacing), image, **options)


def do(editor, fill, image=None):
    result = find(editor, fill, image)
    apply_fill(editor, result)
    return result


def square(top, left, size, label=LIVER):
    mask = np.zeros(SHAPE, np.uint16)
    mask[top : top + size, left : left + size] = label
    return mask


def count(editor, index, label=LIVER, group=""):
    mask = editor.mask(index, group)
    return 0 if mask is None else int((mask == label).sum())


@pytest.fixture
def image():
    """Return 8 slices: 0, a bright block of 100 + slice on slices 2 to 5."""
    image = np.zeros((8, *SHAPE), np.int16)
    for index in range(2, 6):
        image[index, 5:12, 6:16] = 100 + index
    return image


# ----------------------------------------------------- tools on the image
def test_a_threshold_fills_a_slice(editor, image):
    fill = Fill(FillTool.THRESHOLD, LIVER, 3, 3, low=90, high=110)
    result = do(editor, fill, image[3:4])
    assert (result.added, result.removed) == (70, 0)
    assert count(editor, 3) == 70
    assert editor.decision(3) is Decision.LABELLED
    assert editor.undo() == 3
    assert editor.mask(3) is None


def test_over_a_range_only_slices_that_change_are_touched(editor, image):
    fill = Fill(FillTool.THRESHOLD, LIVER, 0, 7, low=103, high=104)
    result = do(editor, fill, image)
    assert sorted(result.masks) == [3, 4]
    assert editor.history.undo_text == "Threshold: liver"
    editor.undo()
    assert editor.annotation.is_blank


def test_pixels_of_other_labels_are_left(editor, image):
    editor.set_masks({(3, ""): square(6, 8, 3, TUMOUR)})
    editor.set_masks({(3, "vessels"): square(5, 6, 2, VESSEL)})
    do(editor, Fill(FillTool.THRESHOLD, LIVER, 3, 3, low=90, high=110), image[3:4])
    assert count(editor, 3, TUMOUR) == 9
    assert count(editor, 3) == 70 - 9
    assert count(editor, 3, VESSEL, "vessels") == 4


def test_slices_decided_otherwise_are_skipped_in_a_range(editor, image):
    editor.set_excluded([2])
    editor.set_nothing_to_label([4])
    fill = Fill(FillTool.THRESHOLD, LIVER, 0, 7, low=90, high=110)
    result = do(editor, fill, image)
    assert sorted(result.masks) == [3, 5]
    assert result.skipped == 2
    assert editor.decision(4) is Decision.NOTHING_TO_LABEL


def test_asked_for_alone_a_slice_is_free(editor, image):
    editor.set_nothing_to_label([4])
    do(editor, Fill(FillTool.THRESHOLD, LIVER, 4, 4, low=90, high=110), image[4:5])
    assert editor.decision(4) is Decision.LABELLED


def test_a_flood_runs_through_the_volume_by_default(editor, image):
    fill = Fill(FillTool.FLOOD, LIVER, 2, 5, seed=(3, 6, 7), tolerance=1)
    assert sorted(find(editor, fill, image[2:6]).masks) == [2, 3, 4]
    assert not Fill(FillTool.THRESHOLD, LIVER, 2, 5).volume


def test_a_flood_stays_on_its_slices_or_runs_through_the_volume(editor, image):
    fill = Fill(FillTool.FLOOD, LIVER, 2, 5, volume=False, seed=(3, 6, 7), tolerance=1)
    flat = find(editor, fill, image[2:6])
    assert sorted(flat.masks) == [2, 3, 4, 5]  # each slice's own value counts
    volume = replace(fill, volume=True)
    assert sorted(find(editor, volume, image[2:6]).masks) == [2, 3, 4]


def test_a_box_is_filled_on_its_slices(editor, image):
    boxes = tuple((i, (3.5, 4.2, 13.6, 18.0)) for i in (3, 4, 7))
    fill = Fill(FillTool.BOX_THRESHOLD, LIVER, 2, 5, boxes=boxes)
    volume = replace(fill, volume=True)
    assert sorted(find(editor, volume, image[2:6]).masks) == [3, 4]
    result = do(editor, fill, image[2:6])
    assert sorted(result.masks) == [3, 4]
    assert count(editor, 3) == 70


def test_in_a_volume_what_all_boxes_hold_is_filled(editor, image):
    boxes = ((3, (3.5, 4.2, 9.5, 9.5)), (4, (7.5, 8.6, 13.6, 18.0)))
    fill = Fill(FillTool.BOX_THRESHOLD, LIVER, 2, 5, boxes=boxes, volume=True)
    do(editor, fill, image[2:6])
    for index in (3, 4):
        assert np.array_equal(editor.mask(index) == LIVER, image[index] > 0)


def test_the_random_walker_finds_the_block(editor, image):
    fill = Fill(FillTool.BOX_WALKER, LIVER, 3, 3, boxes=((3, (2.0, 3.0, 15.0, 19.0)),))
    found = find(editor, fill, image[3:4]).masks[3] == LIVER
    assert (found == (image[3] > 0)).mean() > 0.98


def test_colours_are_taken_by_their_luma(editor, image):
    colour = np.stack([image, image, image], axis=-1).astype(np.uint8)
    fill = Fill(FillTool.THRESHOLD, LIVER, 3, 3, low=90, high=110)
    assert find(editor, fill, colour[3:4]).added == 70


# ------------------------------------------------------ tools on the mask
def test_holes_are_filled_in_a_plane_or_in_the_volume(editor):
    ring = square(4, 4, 7)
    ring[6:9, 6:9] = 0
    editor.set_masks({(i, ""): ring for i in (2, 3, 4)})
    flat = Fill(FillTool.FILL_HOLES, LIVER, 2, 4)
    assert find(editor, flat).added == 27
    tube = Fill(FillTool.FILL_HOLES, LIVER, 2, 4, volume=True)
    assert find(editor, tube).is_empty
    editor.set_masks({(2, ""): square(4, 4, 7), (4, ""): square(4, 4, 7)})
    assert find(editor, tube).added == 9


def test_islands_and_the_largest_part(editor):
    mask = square(2, 2, 5) + square(14, 14, 2)
    editor.set_masks({(2, ""): mask})
    islands = Fill(FillTool.REMOVE_ISLANDS, LIVER, 2, 2, islands=5)
    assert find(editor, islands).removed == 4
    editor.set_masks({(3, ""): square(14, 14, 3)})
    largest = Fill(FillTool.KEEP_LARGEST, LIVER, 2, 3, volume=True)
    result = do(editor, largest)
    assert (count(editor, 2), count(editor, 3)) == (25, 0)
    assert result.removed == 4 + 9
    assert editor.undo() == 2
    assert count(editor, 3) == 9


@pytest.mark.parametrize("volume", [False, True])
def test_a_margin_is_in_millimetres(editor, volume):
    editor.set_masks({(3, ""): square(8, 8, 4)})
    fill = Fill(FillTool.MARGIN, LIVER, 2, 4, margin=2.0, volume=volume)
    result = find(editor, fill)
    assert sorted(result.masks) == ([2, 3, 4] if volume else [3])
    grown = result.masks[3] == LIVER
    assert grown[6:14, 8].all() and not grown[5, 8]  # rows of 1 mm
    assert grown[8, 4:16].all() and not grown[8, 3]  # columns of 0.5 mm
    if volume:
        assert (result.masks[2] == LIVER).sum() == 16  # slices of 2 mm


def test_smoothing_near_the_border_is_as_on_the_whole(editor):
    from napari_annotate_jobs.propagation import smooth

    mask = square(0, 0, 6)
    mask[6, 3] = LIVER
    editor.set_masks({(3, ""): mask})
    fill = Fill(FillTool.SMOOTH, LIVER, 3, 3, radius=1.0)
    expected = smooth(mask, LIVER, 1.0, spacing=SPACING[1:])
    assert np.array_equal(find(editor, fill).masks[3], expected)


def test_without_the_label_nothing_changes(editor):
    for tool in (FillTool.SMOOTH, FillTool.MARGIN, FillTool.KEEP_LARGEST):
        assert find(editor, Fill(tool, LIVER, 0, 7, margin=3)).is_empty


# ------------------------------------------------------ boxes of the mask
def test_boxes_of_each_part_on_a_slice(editor):
    editor.set_masks({(2, ""): square(2, 2, 5) + square(14, 14, 2)})
    fill = Fill(FillTool.BOXES, LIVER, 0, 7, box_label=NODULE)
    do(editor, fill)
    boxes = editor.content(2).boxes
    assert boxes[0].corners == (1.5, 1.5, 6.5, 6.5)
    assert boxes[1].corners == (13.5, 13.5, 15.5, 15.5)
    assert {b.label for b in boxes} == {NODULE}
    assert not any(b.proposal or b.track for b in boxes)
    assert boxes[0].provenance is Provenance.PROPAGATED
    assert not apply_fill(editor, find(editor, fill))  # they are there


def test_boxes_of_an_object_in_the_volume_are_one_object(editor):
    editor.set_masks(
        {(2, ""): square(2, 2, 5), (3, ""): square(4, 4, 6) + square(15, 15, 3)}
    )
    do(editor, Fill(FillTool.BOXES, LIVER, 0, 7, volume=True, box_label=NODULE))
    first, second = tracks(editor)
    assert {i: b.corners for i, b in first.boxes.items()} == {
        2: (1.5, 1.5, 6.5, 6.5),
        3: (3.5, 3.5, 9.5, 9.5),
    }
    assert list(second.boxes) == [3]
    editor.undo()
    assert not tracks(editor)


def test_a_preview_shows_the_label_and_the_boxes(editor, image):
    threshold = Fill(FillTool.THRESHOLD, LIVER, 3, 3, low=90, high=110)
    shown = find(editor, threshold, image[3:4]).outlines()
    assert np.array_equal(shown[3], image[3] > 0)
    editor.set_masks({(2, ""): square(2, 2, 5)})
    shown = find(editor, Fill(FillTool.BOXES, LIVER, 0, 7, box_label=NODULE)).outlines()
    assert np.array_equal(shown[2], square(2, 2, 5) > 0)


# ---------------------------------------------------------------- refusals
REFUSED = {
    "no mask label": (Fill(FillTool.SMOOTH, NODULE, 0, 1), "not a label for masks"),
    "no box label": (Fill(FillTool.BOXES, LIVER, 0, 1), "no label was chosen"),
    "a mask label for boxes": (
        Fill(FillTool.BOXES, LIVER, 0, 1, box_label=TUMOUR),
        "not a label for boxes",
    ),
    "unknown label": (Fill(FillTool.SMOOTH, 99, 0, 1), "not a label"),
    "slices that are not there": (Fill(FillTool.SMOOTH, LIVER, 0, 8), "no slices"),
    "no seed": (Fill(FillTool.FLOOD, LIVER, 0, 1), "Pick one"),
    "no box": (
        Fill(FillTool.BOX_WALKER, LIVER, 0, 1, boxes=((5, (1, 1, 9, 9)),)),
        "Draw a box",
    ),
    "no image": (Fill(FillTool.THRESHOLD, LIVER, 0, 1), "Wait until"),
    "no width": (Fill(FillTool.SMOOTH, LIVER, 3, 3, radius=0), "radius of 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_said(name, editor):
    editor.set_masks({(3, ""): square(4, 4, 4)})
    fill, text = REFUSED[name]
    with pytest.raises(InvalidValueError) as caught:
        find(editor, fill)
    assert text in str(caught.value)


def test_an_old_result_is_not_applied(editor, image):
    fill = Fill(FillTool.THRESHOLD, LIVER, 3, 3, low=90, high=110)
    result = find(editor, fill, image[3:4])
    editor.set_masks({(3, ""): square(0, 0, 2)})
    with pytest.raises(TransitionError, match="slice 4"):
        apply_fill(editor, result)
    assert count(editor, 3) == 4


def test_a_submitted_case_is_left_alone(kit, image):
    editor = kit.editor(locked=True)
    fill = Fill(FillTool.THRESHOLD, LIVER, 3, 3, low=90, high=110)
    with pytest.raises(LockedError):
        apply_fill(editor, find(editor, fill, image[3:4]))


def test_it_tells_how_far_it_is_and_can_be_stopped(editor):
    class Stop(Exception):
        pass

    said = []

    def report(done, total):
        said.append((done, total))
        if done == 2:
            raise Stop

    editor.set_masks({(i, ""): square(4, 4, 4) for i in range(8)})
    fill = Fill(FillTool.MARGIN, LIVER, 0, 7, margin=2)
    with pytest.raises(Stop):
        find(editor, fill, report=report)
    assert said == [(0, 8), (1, 8), (2, 8)]


# -------------------------------------------------------------- properties
PIXELS = st.lists(st.sampled_from([0, LIVER, TUMOUR]), min_size=480, max_size=480)
TOOLS = st.sampled_from([t for t in FillTool if t is not FillTool.BOXES])


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(pixels=PIXELS, tool=TOOLS, volume=st.booleans(), seed=st.integers(0, 2**31))
def test_no_other_label_is_ever_touched(kit, pixels, tool, volume, seed):
    editor = kit.editor()
    mask = np.array(pixels, np.uint16).reshape(SHAPE)
    rng = np.random.default_rng(seed)
    editor.set_masks({(i, ""): np.roll(mask, i, axis=1) for i in (2, 3)})
    before = kit.said(editor.annotation)
    old = {i: editor.mask(i) for i in (2, 3)}
    fill = Fill(
        tool,
        LIVER,
        2,
        3,
        volume=volume,
        low=-1,
        high=1,
        seed=(2, 4, 4),
        tolerance=1.5,
        margin=float(rng.uniform(-2, 2)),
        boxes=((2, (2.0, 2.0, 15.0, 15.0)), (3, (3.0, 2.0, 15.0, 14.0))),
    )
    result = do(editor, fill, rng.normal(size=(2, *SHAPE)))
    for i in (2, 3):
        new = editor.mask(i)
        new = np.zeros(SHAPE) if new is None else new
        other = np.zeros(SHAPE) if old[i] is None else old[i]
        assert np.array_equal(new == TUMOUR, other == TUMOUR)
        assert set(np.unique(new)) <= {0, LIVER, TUMOUR}
    if not result.is_empty:
        editor.undo()
    assert kit.said(editor.annotation) == before

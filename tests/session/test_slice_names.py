"""Slices are named by their keys: what becomes of a case whose series changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_annotate_jobs.editing import (
    Propagation,
    delete_range,
    extend_track,
    leave_track,
    propagate,
    relabel_range,
    resize_range,
    take_boxes,
    tracks,
)
from napari_annotate_jobs.editing._interpolation import rejected_labels
from napari_annotate_jobs.editing._object_work import TrackWork
from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Box,
    MaskRef,
    Provenance,
    RangeAction,
    SliceAnnotation,
    SliceId,
    document_json,
)
from napari_annotate_jobs.session import SaveKind

LESION, GOOD, BAD, NODULE = 1, 2, 3, 5
OLD = tuple(f"1.2.{i}" for i in range(8))
NEW = "1.2.99"
SERIES = {
    "as it was": OLD,
    "one more in front": (NEW, *OLD),
    "one more in the middle": (*OLD[:3], NEW, *OLD[3:]),
    "one more at the end": (*OLD, NEW),
    "the first gone": OLD[1:],
    "one in the middle gone": (*OLD[:3], *OLD[4:]),
    "an end of the range gone": (*OLD[:2], *OLD[3:]),
    "the last gone": OLD[:-1],
    "the other way round": OLD[::-1],
    "in any order": tuple(OLD[i] for i in (5, 2, 7, 0, 4, 1, 6, 3)),
}
every_series = pytest.mark.parametrize("keys", SERIES.values(), ids=list(SERIES))


def ids(keys):
    return tuple(SliceId(index=i, sop_instance_uid=key) for i, key in enumerate(keys))


def opened(kit, editor, keys):
    """Open what was said with another series."""
    stored = json.loads(json.dumps(document_json(editor.annotation)))
    annotation = Annotation.model_validate(stored)
    return kit.editor(annotation, slices=ids(keys), log=editor.log)


def labelled(editor, label=LESION):
    """Return the names of the slices with a class label, wherever they are."""
    return {
        key
        for key, content in editor.annotation.slices.items()
        if label in content.class_labels
    }


def spread(editor, targets, label=LESION):
    action = RangeAction.CLASS_LABELS
    return propagate(editor, Propagation(action, tuple(targets), targets[0], (label,)))


# ---------------------------------------------------------------------- ranges
@every_series
def test_deleting_a_range_takes_what_it_put_there_and_no_more(kit, editor, keys):
    span = spread(editor, (2, 3, 4))
    editor.set_class([1], LESION, True)
    again = opened(kit, editor, keys)
    (here,) = again.open_ranges()
    ruled = {key for key in OLD[2:5] if key in keys}
    assert {keys[i] for i in here.applied} == ruled
    assert set(here.applied) <= set(range(here.start, here.stop + 1))
    assert here.start <= here.origin <= here.stop
    delete_range(again, span.id)
    gone = set(OLD) - set(keys)
    assert labelled(again) - gone == {"1.2.1"} - gone
    again.undo()
    assert again.open_ranges() == (here,)
    assert labelled(again) == set(OLD[1:5])


@every_series
def test_a_slice_edited_by_hand_leaves_its_range(kit, editor, keys):
    spread(editor, (2, 3, 4))
    again = opened(kit, editor, keys)
    again.set_class([keys.index("1.2.4")], GOOD, True)
    (span,) = again.annotation.ranges
    assert span.applied == ("1.2.2", "1.2.3")


def test_what_a_range_rules_comes_back_with_its_slice(kit, editor):
    span = spread(editor, (2, 3, 4))
    fewer = opened(kit, editor, SERIES["an end of the range gone"])
    assert fewer.open_ranges()[0].applied == (2, 3)
    resize_range(fewer, span.id, 2, 4)
    relabel_range(fewer, span.id, (GOOD,))
    whole = opened(kit, fewer, OLD)
    (here,) = whole.open_ranges()
    assert (here.start, here.stop, here.applied) == (2, 5, (2, 3, 4, 5))
    assert labelled(whole, GOOD) == {"1.2.3", "1.2.4", "1.2.5"}


def test_a_range_none_of_whose_slices_is_there_waits_for_them(kit, editor):
    span = spread(editor, (2, 3, 4))
    away = opened(kit, editor, (*OLD[:2], *OLD[5:]))
    assert away.open_ranges() == ()
    away.set_class([0], BAD, True)
    (back,) = opened(kit, away, OLD).open_ranges()
    assert (back.id, back.applied) == (span.id, (2, 3, 4))


@pytest.mark.slow
@given(keys=st.permutations([*OLD, NEW]), gone=st.sets(st.sampled_from(OLD)))
def test_ranges_follow_their_slices_in_any_order(keys, gone):
    from .conftest import Kit

    editor = Kit.editor()
    span = spread(editor, (1, 2, 3, 4, 5), BAD)
    spread(editor, (6, 7))
    left = tuple(key for key in keys if key not in gone)
    again = opened(Kit, editor, left)
    for here in again.open_ranges():
        assert {left[i] for i in here.applied} == labelled(again, here.labels[0]) & set(
            left
        )
        assert here.start <= min(here.applied) <= max(here.applied) <= here.stop
    if any(here.id == span.id for here in again.open_ranges()):
        delete_range(again, span.id)
    assert not labelled(again, BAD) & set(left)
    assert labelled(again) == {"1.2.6", "1.2.7"}


# ------------------------------------------------------------------ out of sight
def left_object(editor, kit):
    """An object in sight on slices 1 to 3, gone from 4, back on 7."""
    editor.set_boxes({1: [kit.box(track="a")], 7: [kit.box(track="a")]})
    extend_track(editor, "a", range(1, 8))
    leave_track(editor, "a", 4)


@pytest.mark.parametrize(
    ("keys", "hidden"),
    [
        (keys, {"1.2.4", "1.2.5", "1.2.6"} & set(keys))
        for name, keys in SERIES.items()
        if name != "in any order"
    ],
    ids=[name for name in SERIES if name != "in any order"],
)
def test_an_object_stays_gone_where_it_left(kit, editor, keys, hidden):
    left_object(editor, kit)
    again = opened(kit, editor, keys)
    work = TrackWork(again)
    assert {keys[i] for i in work.hidden("a")} == hidden
    place = keys.index("1.2.1")
    (box,) = again.content(place).boxes
    take_boxes(again, {place: [box.evolve(top=box.top - 1)]}, text="Move")
    assert not {keys[i] for i in tracks(again)[0].boxes} & hidden


def test_an_object_leaves_after_its_last_box_if_that_slice_is_gone(kit, editor):
    left_object(editor, kit)
    keys = (*OLD[:4], *OLD[5:])
    again = opened(kit, editor, keys)
    assert {keys[i] for i in TrackWork(again).hidden("a")} == {"1.2.5", "1.2.6"}
    assert opened(kit, again, OLD).annotation.slices["1.2.1"].boxes[0].leaves == "1.2.4"


def test_an_object_drawn_where_it_was_gone_is_gone_on_the_rest(kit, editor):
    left_object(editor, kit)
    for keys in (OLD, OLD[::-1]):
        again = opened(kit, editor, keys)
        take_boxes(again, {keys.index("1.2.4"): [kit.box(track="a")]}, text="Draw")
        hidden = {keys[i] for i in TrackWork(again).hidden("a")}
        assert "1.2.4" not in hidden
        assert hidden <= {"1.2.5", "1.2.6"}


@pytest.mark.slow
@given(keys=st.permutations(OLD))
def test_nothing_but_free_slices_is_out_of_sight_in_any_order(keys):
    from .conftest import Kit

    editor = Kit.editor()
    left_object(editor, Kit)
    again = opened(Kit, editor, tuple(keys))
    assert not TrackWork(again).hidden("a") & {keys.index("1.2.1"), keys.index("1.2.7")}


# ------------------------------------------------------------------------- masks
@every_series
def test_a_mask_names_the_slices_it_was_made_from(kit, editor, keys):
    editor.propose_masks(
        {(3, ""): kit.mask()}, provenance=Provenance.INTERPOLATED, keys=(1, 5)
    )
    again = opened(kit, editor, keys)
    if "1.2.3" not in keys:
        return
    place = keys.index("1.2.3")
    assert again.content(place).proposals[""].keys == ("1.2.1", "1.2.5")
    again.reject([place])
    rejected = rejected_labels(again, "")[place]
    assert {keys[i] for held in rejected.values() for i in held} == {"1.2.1", "1.2.5"}


# -------------------------------------------------------- documents of version 1
def version_1(*, mask=None):
    """Return a draft as version 1 wrote it, with indices of slices."""
    slices = {f"1.2.{i}": {"index": i, "class_labels": [LESION]} for i in (1, 2, 3, 4)}
    box = {
        "id": "b",
        "label": NODULE,
        "top": 1.0,
        "left": 1.0,
        "bottom": 3.0,
        "right": 3.5,
        "track": "a",
        "leaves": 5,
    }
    slices["1.2.2"] |= {"boxes": [box]}
    if mask is not None:
        slices["1.2.3"] |= {
            "proposals": {
                "": {
                    "digest": mask,
                    "pixels": {"6": 14},
                    "provenance": "interpolated",
                    "keys": [1, 5],
                }
            }
        }
    return {
        "case_id": "one",
        "person": "ana",
        "revision": 3,
        "slices": slices,
        "ranges": [
            {
                "id": "r",
                "action": "class labels",
                "labels": [LESION],
                "origin": 2,
                "start": 2,
                "stop": 4,
                "applied": [2, 3, 4],
                "person": "ana",
                "time": "2026-01-02T03:04:05Z",
            }
        ],
        "modified": "2026-01-02T03:04:05Z",
    }


def indices_in(annotation):
    """Return where slices are named by index."""
    refs = [
        each
        for content in annotation.slices.values()
        for box in content.boxes
        for each in (box.leaves,)
    ]
    refs += [
        key
        for content in annotation.slices.values()
        for masks in (content.masks, content.proposals)
        for ref in masks.values()
        for key in ref.keys
    ]
    for span in annotation.ranges:
        refs += [span.origin, span.start, span.stop, *span.applied]
    return [each for each in refs if isinstance(each, int)]


def test_an_old_document_is_written_as_it_was_read():
    old = version_1(mask="ab" * 32)
    annotation = Annotation.model_validate(json.loads(json.dumps(old)))
    assert json.dumps(document_json(annotation), sort_keys=True) == json.dumps(
        old, sort_keys=True
    )


def test_digits_are_a_key_and_no_index():
    ref = MaskRef.model_validate({"digest": "ab" * 32, "pixels": {6: 1}, "keys": ["3"]})
    assert ref.keys == ("3",)


@every_series
def test_an_old_document_means_the_slices_it_was_written_for(kit, keys):
    annotation = Annotation.model_validate(version_1(mask="ab" * 32))
    named = annotation.with_keys(keys)
    assert not indices_in(named)
    (span,) = named.ranges
    assert (span.start, span.stop) == ("1.2.2", "1.2.4")
    assert span.applied == ("1.2.2", "1.2.3", "1.2.4")
    assert named.slices["1.2.3"].proposals[""].keys[0] == "1.2.1"
    assert named.with_keys(keys) is named
    if keys in (OLD, SERIES["one more in front"], SERIES["the first gone"]):
        assert named.slices["1.2.2"].boxes[0].leaves == "1.2.5"
    editor = kit.editor(annotation, slices=ids(keys))
    delete_range(editor, "r")
    assert labelled(editor) & set(keys) == {"1.2.1"} & set(keys)


def test_old_ends_beyond_the_series_are_its_ends():
    annotation = Annotation.model_validate(version_1()).model_copy(
        update={"slices": {}}
    )
    (span,) = annotation.with_keys(OLD[:4]).ranges
    assert (span.start, span.stop) == ("1.2.2", "1.2.3")
    assert span.applied == ("1.2.2", "1.2.3")


@pytest.fixture
def old_desk(desk):
    """A desk whose case was last saved by version 1."""
    old = Annotation.model_validate(version_1())
    change = AnnotationChange(slices=dict(old.slices), ranges=old.ranges)
    desk.store.save("job", "one", change, {}, base=0)
    assert indices_in(desk.draft())
    return desk


def test_the_next_save_writes_keys(old_desk):
    session = old_desk.session()
    assert indices_in(old_desk.draft())  # looking writes nothing
    session.editor.set_class([7], LESION, True)
    assert session.saving.state.kind is SaveKind.SAVED
    assert not indices_in(old_desk.draft())
    assert old_desk.draft().slices == session.editor.annotation.slices
    assert old_desk.draft().ranges == session.editor.annotation.ranges


def test_what_is_submitted_next_has_keys(old_desk):
    session = old_desk.session()
    session.submit()
    (submission,) = old_desk.store.submissions("job", "one")
    assert not indices_in(submission.annotation)
    assert not old_desk.failed


def test_naming_slices_is_nothing_to_insist_on_in_a_conflict(old_desk):
    mine = old_desk.session()
    other = old_desk.other()
    theirs = SliceAnnotation(
        index=2,
        class_labels=(BAD,),
        boxes=[Box(label=NODULE, top=1, left=1, bottom=3, right=4, leaves=6)],
    )
    other.save("job", "one", AnnotationChange(slices={"1.2.2": theirs}), {}, base=1)
    mine.editor.set_class([7], LESION, True)
    assert mine.saving.state.kind is SaveKind.CONFLICT
    assert [d.index for d in mine.saving.conflict.differences] == [7]
    mine.saving.resolve_conflict(keep_mine=True)
    found = old_desk.draft()
    assert found.slices["1.2.2"].class_labels == (BAD,)
    assert found.slices["1.2.2"].boxes[0].leaves == "1.2.6"
    assert found.slices["1.2.7"].class_labels == (LESION,)
    assert found.ranges[0].applied == ("1.2.2", "1.2.3", "1.2.4")
    assert not indices_in(found)


def test_what_cannot_be_named_does_not_hold_up_the_work(old_desk):
    session = old_desk.session()
    save = old_desk.store.save

    def picky(job, case, change, blobs, *, base):
        if "1.2.2" in change.slices:
            raise InvalidValueError("a label of slice 3 is no more")
        return save(job, case, change, blobs, base=base)

    old_desk.store.save = picky
    session.editor.set_class([7], LESION, True)
    assert session.saving.state.kind is SaveKind.SAVED
    assert old_desk.draft().slices["1.2.7"].class_labels == (LESION,)


def test_unsaved_work_of_an_older_program_is_named_too(old_desk):
    from napari_annotate_jobs.session import _recovery

    old = Annotation.model_validate(version_1())
    kept = AnnotationChange(
        slices={"1.2.2": old.slices["1.2.2"].evolve(excluded=True)}, ranges=old.ranges
    )
    place = (old_desk.store.location, "job", "one", "ana")
    recovery = old_desk.recovery()
    folder = recovery.keep(_recovery.Kept(kept, {}, 1, 1), *place)
    (path,) = folder.glob("*.json")
    document = json.loads(path.read_text()) | {"version": 1}
    path.write_text(json.dumps(document))
    session = old_desk.session()
    assert session.editor.content(2).excluded
    assert not indices_in(session.editor.annotation)
    assert not indices_in(old_desk.draft())

"""Objects across slices: how their boxes join, follow, and are changed as one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from editing_kit import Log
from napari_annotate_jobs.editing import (
    CaseEditor,
    answer_track,
    confirm_boxes,
    cut_track,
    delete_boxes,
    delete_track,
    extend_track,
    leave_track,
    merge_candidates,
    merge_tracks,
    relabel_tracks,
    separate_box,
    take_boxes,
    track_of,
    tracks,
)
from napari_annotate_jobs.errors import (
    InvalidValueError,
    LockedError,
    NotFoundError,
)
from napari_annotate_jobs.model import (
    Annotation,
    Attribute,
    Box,
    Decision,
    LabelSet,
    Provenance,
    RangeAction,
    SliceRange,
)

NODULE, MASS, LIVER = 5, 11, 6


def box(top, left=10.0, size=8.0, label=NODULE, **fields):
    return Box(
        label=label, top=top, left=left, bottom=top + size, right=left + size, **fields
    )


def draw(editor, index, new, **options):
    """Draw a box on a slice, as the viewer tells it."""
    boxes = [*editor.content(index).boxes, new]
    return take_boxes(editor, {index: boxes}, text="Draw box", **options)[0]


def move(editor, index, down):
    """Drag the only box of a slice."""
    (old,) = editor.content(index).boxes
    new = old.evolve(
        top=old.top + down, bottom=old.bottom + down, proposal=False, key=True
    )
    take_boxes(editor, {index: [new]}, text="Change box")


def tops(editor, number=0):
    return {i: b.top for i, b in tracks(editor)[number].boxes.items()}


@pytest.fixture
def long(kit):
    return kit.editor(n=60)


@pytest.fixture
def pair(long):
    """An object with key boxes on slices 10 and 20."""
    draw(long, 10, box(10))
    draw(long, 20, box(14))
    return long


# ----------------------------------------------------------------- joining
def test_a_second_box_joins_and_proposes_what_lies_between(pair):
    (track,) = tracks(pair)
    assert track.label == NODULE
    assert (track.start, track.stop, track.keys) == (10, 20, (10, 20))
    assert track.proposals == tuple(range(11, 20))
    for i in range(11, 20):
        found = track.boxes[i]
        assert found.top == pytest.approx(10 + 0.4 * (i - 10))
        assert found.provenance is Provenance.INTERPOLATED
        assert not found.key
        assert pair.decision(i) is Decision.UNDECIDED
    assert {b.track for b in track.boxes.values()} == {track.id}


def test_drawing_and_proposing_are_one_undo_step(pair, kit):
    assert pair.undo() == 20
    assert [t.keys for t in tracks(pair)] == [(10,)]
    before = kit.said(pair.annotation)
    pair.redo()
    pair.undo()
    assert kit.said(pair.annotation) == before


JOINS = {
    "beside it": (12, box(10, 40), {}, 2),
    "of another label": (12, box(10, label=MASS), {}, 2),
    "small, inside it": (12, box(13, 13, 2), {}, 1),
    "large, around it": (12, box(0, 0, 30), {}, 1),
    "touching with a corner": (12, box(17, 17), {}, 2),
    "as far as it reaches": (40, box(10), {}, 1),
    "farther": (41, box(10), {}, 2),
    "not asked to": (12, box(10), {"reach": 0}, 2),
}


@pytest.mark.parametrize("name", JOINS)
def test_which_box_joins(name, long):
    index, new, options, n = JOINS[name]
    draw(long, 10, box(10))
    draw(long, index, new, **options)
    assert len(tracks(long)) == n


def test_the_nearest_object_is_joined(long):
    draw(long, 10, box(10))
    draw(long, 30, box(10), reach=0)
    draw(long, 26, box(11))
    assert [t.keys for t in tracks(long)] == [(10,), (26, 30)]


def test_two_on_one_slice_stay_two(long):
    draw(long, 10, box(10))
    draw(long, 10, box(11))
    assert len(tracks(long)) == 2
    draw(long, 12, box(11))
    assert sorted(t.keys for t in tracks(long)) == [(10,), (10, 12)]


def test_a_box_drawn_over_a_proposal_takes_its_place(pair):
    (track,) = tracks(pair)
    old = track.boxes[15].id
    assert draw(pair, 15, box(16)) == old
    assert len(pair.content(15).boxes) == 1
    assert tracks(pair)[0].keys == (10, 15, 20)
    assert tops(pair)[14] == pytest.approx(14.8)
    assert tops(pair)[16] == pytest.approx(15.6)


def test_slices_that_are_decided_otherwise_get_none(long):
    long.set_excluded([12, 13])
    long.set_nothing_to_label([14])
    draw(long, 10, box(10))
    draw(long, 16, box(10))
    assert tracks(long)[0].proposals == (11, 15)
    assert long.decision(14) is Decision.NOTHING_TO_LABEL


def test_attributes_go_along(long):
    draw(long, 10, box(10, attributes={"edge": "sharp"}))
    draw(long, 13, box(10))
    assert {b.attributes["edge"] for b in tracks(long)[0].boxes.values()} == {"sharp"}


# --------------------------------------------------------------- following
def test_a_moved_proposal_is_a_key_and_its_neighbours_follow(pair):
    before = tops(pair)
    move(pair, 15, 10)
    assert tracks(pair)[0].keys == (10, 15, 20)
    assert tops(pair)[12] == pytest.approx(10 + 2 * (12 / 5))
    assert tops(pair)[19] == pytest.approx(22 - 8 * 4 / 5)
    assert pair.undo() == 15
    assert tops(pair) == before


def test_confirmed_boxes_stay_and_hold_the_others(pair):
    pair.confirm([15])
    before = tops(pair)
    move(pair, 20, 10)
    after = tops(pair)
    assert {i: after[i] for i in range(10, 16)} == {i: before[i] for i in range(10, 16)}
    assert after[18] == pytest.approx(12 + 3 * (24 - 12) / 5)
    assert tracks(pair)[0].keys == (10, 20)


def test_what_was_rejected_does_not_come_back(pair):
    pair.reject([13, 14])
    move(pair, 10, 2)
    assert 13 not in tops(pair)
    draw(pair, 13, box(11))
    assert 14 not in tops(pair)
    assert tops(pair)[12] == pytest.approx(12 - 1 / 3 * 2, abs=2e-3)


def test_deleting_a_key_lets_the_rest_follow(pair):
    move(pair, 15, 10)
    delete_boxes(pair, [tracks(pair)[0].boxes[15].id])
    assert 15 not in tops(pair)
    assert tops(pair)[14] == pytest.approx(11.6)


def test_deleting_an_end_takes_its_proposals_along(pair):
    delete_boxes(pair, [tracks(pair)[0].boxes[20].id])
    assert tops(pair) == {10: 10}


def test_proposals_from_elsewhere_are_not_moved(long):
    model = box(30, provenance=Provenance.PREDICTED, proposal=True, track="a")
    long.set_boxes({10: [box(10, track="a")], 12: [model], 14: [box(10, track="a")]})
    move(long, 10, 2)
    assert tops(long)[12] == 30


def test_slices_with_a_confirmed_change_leave_their_range(pair):
    span = SliceRange(
        action=RangeAction.CLASS_LABELS,
        labels=(1,),
        origin=pair.key(10),
        start=pair.key(10),
        stop=pair.key(20),
        applied=pair.keys(range(10, 21)),
    )
    pair.edit("Range", {}, ranges=(span,))
    move(pair, 15, 3)
    (left,) = pair.open_ranges()
    assert set(left.applied) == set(range(10, 21)) - {15}


# ------------------------------------------------------------ out of sight
def test_an_object_that_left_stays_out_of_sight(pair):
    (track,) = tracks(pair)
    leave_track(pair, track.id, 16)
    assert list(tops(pair)) == [*range(10, 16), 20]
    move(pair, 20, 10)
    assert list(tops(pair)) == [*range(10, 16), 20]
    assert tops(pair)[15] == pytest.approx(17)
    pair.confirm(range(60))
    draw(pair, 30, box(24))
    assert list(tops(pair)) == [*range(10, 16), *range(20, 31)]


def test_an_object_that_left_at_its_end_comes_back_where_it_is_drawn(long):
    draw(long, 10, box(10))
    leave_track(long, tracks(long)[0].id, 11)
    draw(long, 20, box(10))
    assert list(tops(long)) == [10, 20]
    draw(long, 22, box(10))
    assert list(tops(long)) == [10, 20, 21, 22]


def test_leaving_survives_the_deletion_of_the_box_before(pair):
    (track,) = tracks(pair)
    pair.confirm([12])
    leave_track(pair, track.id, 16)
    delete_boxes(pair, [tracks(pair)[0].boxes[12].id])
    move(pair, 20, 4)
    assert list(tops(pair)) == [10, 11, 13, 14, 15, 20]


def test_leaving_on_a_key_takes_it_away(pair):
    leave_track(pair, tracks(pair)[0].id, 20)
    assert list(tops(pair)) == list(range(10, 20))


def test_leaving_before_the_object_began_is_refused(pair):
    with pytest.raises(InvalidValueError, match="slice 11"):
        leave_track(pair, tracks(pair)[0].id, 10)


def test_extending_shows_it_again(pair):
    (track,) = tracks(pair)
    leave_track(pair, track.id, 14)
    extend_track(pair, track.id, range(14, 17))
    assert list(tops(pair)) == [*range(10, 17), 20]
    assert tops(pair)[16] == pytest.approx(12.4)
    move(pair, 10, 2)
    assert list(tops(pair)) == [*range(10, 17), 20]


# ------------------------------------------------------------- as a whole
def test_extending_copies_beyond_the_ends(pair):
    extend_track(pair, tracks(pair)[0].id, range(5, 25))
    found = tracks(pair)[0].boxes
    assert (min(found), max(found)) == (5, 24)
    assert found[5].top == 10 and found[24].top == 14
    assert found[5].provenance is Provenance.COPIED
    assert found[5].proposal
    move(pair, 20, 3)
    assert tops(pair)[24] == 17


def test_extending_goes_to_the_first_and_last_slice_and_no_further(pair):
    extend_track(pair, tracks(pair)[0].id, range(-3, pair.n_slices + 3))
    found = tracks(pair)[0].boxes
    assert (min(found), max(found)) == (0, pair.n_slices - 1)


def test_taking_what_was_drawn_away_takes_the_box_away(pair):
    """As the layer does with all boxes of its slices, whatever was done to them."""
    before = pair.content(10).boxes
    other = box(30, 30)
    take_boxes(pair, {10: [*before, other]}, text="Draw")
    assert len(pair.content(10).boxes) == 2
    take_boxes(pair, {10: [other]}, text="Delete")
    assert [b.id for b in pair.content(10).boxes] == [other.id]
    assert [t.keys for t in tracks(pair)] == [(10,), (20,)]
    assert all(not pair.content(i).boxes for i in range(11, 20))


def test_a_box_alone_is_not_separated(long):
    draw(long, 10, box(10))
    (only,) = long.content(10).boxes
    text = long.history.undo_text
    assert not separate_box(long, only.id)
    assert long.history.undo_text == text


def test_an_object_that_is_gone_is_like_no_other(pair):
    assert merge_candidates(pair, "gone") == []


def test_extending_by_nothing_is_no_edit(pair):
    text = pair.history.undo_text
    assert not extend_track(pair, tracks(pair)[0].id, range(12, 15))
    assert pair.history.undo_text == text


def test_cutting_makes_two(pair):
    (track,) = tracks(pair)
    new = cut_track(pair, track.id, 15)
    first, second = tracks(pair)
    assert (first.id, second.id) == (track.id, new)
    assert list(first.boxes) == list(range(10, 15))
    assert list(second.boxes) == list(range(15, 21))
    place = first.boxes[14].top
    move(pair, 20, 5)
    assert tracks(pair)[0].boxes[14].top == place
    assert tracks(pair)[1].boxes[15].top == 19


@pytest.mark.parametrize("index", [5, 10, 21])
def test_cutting_beside_it_is_refused(pair, index):
    with pytest.raises(InvalidValueError, match="one side"):
        cut_track(pair, tracks(pair)[0].id, index)


def test_joining_two_fills_between(long):
    draw(long, 5, box(10))
    draw(long, 45, box(50))
    first, second = tracks(long)
    merge_tracks(long, first.id, [second.id])
    assert tracks(long)[0].proposals == tuple(range(6, 45))
    assert tops(long)[25] == pytest.approx(30)
    long.undo()
    assert [t.keys for t in tracks(long)] == [(5,), (45,)]


def test_cut_and_joined_is_as_before(pair):
    before = tops(pair)
    (track,) = tracks(pair)
    new = cut_track(pair, track.id, 15)
    merge_tracks(pair, track.id, [new])
    assert tops(pair) == before
    assert tracks(pair)[0].boxes[15].provenance is Provenance.INTERPOLATED


def test_joining_keeps_the_confirmed_of_two(pair):
    (track,) = tracks(pair)
    other = draw(pair, 15, box(60))
    merge_tracks(pair, track.id, [track_of(pair, other).id])
    assert tops(pair)[15] == 60
    assert tracks(pair)[0].keys == (10, 15, 20)
    assert len(tracks(pair)) == 1


def test_two_confirmed_on_a_slice_are_not_joined(pair):
    (track,) = tracks(pair)
    other = draw(pair, 10, box(40))
    assert merge_candidates(pair, track.id) == []
    with pytest.raises(InvalidValueError, match="slice 11"):
        merge_tracks(pair, track.id, [other])


def test_the_likeliest_to_join_comes_first(long):
    ids = [draw(long, i, new, reach=0) for i, new in (
        (10, box(10)), (12, box(60)), (40, box(11)), (30, box(10, label=MASS)),
        (50, box(10)),
    )]  # fmt: skip
    found = merge_candidates(long, ids[0])
    assert [t.start for t in found] == [40, 50, 12]


def test_relabelling_reaches_every_box(pair):
    relabel_tracks(pair, [tracks(pair)[0].id], MASS)
    assert {b.label for b in tracks(pair)[0].boxes.values()} == {MASS}
    with pytest.raises(InvalidValueError, match="not a label for boxes"):
        relabel_tracks(pair, [tracks(pair)[0].id], LIVER)


def test_a_separated_box_stands_alone(pair):
    separate_box(pair, tracks(pair)[0].boxes[20].id)
    assert [list(t.boxes) for t in tracks(pair)] == [[10], [20]]
    move(pair, 20, 1)
    assert [list(t.boxes) for t in tracks(pair)] == [[10], [20]]


def test_the_first_box_can_be_separated_too(pair):
    separate_box(pair, tracks(pair)[0].boxes[10].id)
    assert [list(t.boxes) for t in tracks(pair)] == [[10], [20]]
    assert len({t.id for t in tracks(pair)}) == 2


def test_deleting_an_object(pair):
    draw(pair, 15, box(60))
    delete_track(pair, tracks(pair)[0].id)
    assert [t.keys for t in tracks(pair)] == [(15,)]


def test_confirming_single_boxes(pair):
    found = tracks(pair)[0].boxes
    confirm_boxes(pair, [found[12].id, found[10].id])
    assert 12 not in tracks(pair)[0].proposals
    assert len(tracks(pair)[0].proposals) == 8
    assert pair.decision(12) is Decision.LABELLED


GONE = {
    "delete": lambda e: delete_boxes(e, ["?"]),
    "confirm": lambda e: confirm_boxes(e, ["?"]),
    "separate": lambda e: separate_box(e, "?"),
    "delete object": lambda e: delete_track(e, "?"),
    "extend": lambda e: extend_track(e, "?", [3]),
    "cut": lambda e: cut_track(e, "?", 3),
    "leave": lambda e: leave_track(e, "?", 3),
    "join": lambda e: merge_tracks(e, "?", []),
    "relabel": lambda e: relabel_tracks(e, ["?"], MASS),
}


@pytest.mark.parametrize("name", GONE)
def test_what_is_not_there_is_named(pair, name):
    with pytest.raises(NotFoundError, match="not there any more"):
        GONE[name](pair)


def test_a_submitted_case_is_left_alone(pair, kit):
    locked = kit.editor(pair.annotation, n=60, locked=True)
    with pytest.raises(LockedError):
        draw(locked, 30, box(10))
    assert len(tracks(locked)) == 1


# -------------------------------------------------------------- properties
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["draw", "move", "delete", "leave", "cut", "extend", "reject"]),
        st.integers(0, 19),
        st.integers(0, 30),
    ),
    max_size=12,
)


# The kit holds no state.
@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_done_the_objects_are_sound_and_undo_restores(kit, steps):
    editor = kit.editor(n=20)
    states = [kit.said(editor.annotation)]
    for what, index, place in steps:
        _step(editor, what, index, float(place))
        if kit.said(editor.annotation) != states[-1]:
            states.append(kit.said(editor.annotation))
        for track in tracks(editor):
            assert {b.label for b in track.boxes.values()} == {track.label}
            for i, b in track.boxes.items():
                same = [o for o in editor.content(i).boxes if o.track == b.track]
                assert b.track is None or len(same) == 1
    for state in reversed(states[:-1]):
        editor.undo()
        assert kit.said(editor.annotation) == state
    for state in states[1:]:
        editor.redo()
        assert kit.said(editor.annotation) == state


def _step(editor, what, index, place):
    on = editor.content(index).boxes
    found = tracks(editor)
    try:
        if what == "draw":
            draw(editor, index, box(place))
        elif what == "move" and on:
            new = on[0].evolve(top=place, bottom=place + 5, proposal=False, key=True)
            take_boxes(editor, {index: [new, *on[1:]]}, text="Move")
        elif what == "delete" and on:
            delete_boxes(editor, [on[0].id])
        elif what == "reject":
            editor.reject([index])
        elif found and what == "leave":
            leave_track(editor, found[0].id, index)
        elif found and what == "cut":
            cut_track(editor, found[0].id, index)
        elif found and what == "extend":
            extend_track(editor, found[0].id, range(index, 20))
    except InvalidValueError:
        pass


# ----------------------------------------------------------------- attributes
def asking(kit, **fields):
    """Return an editor whose nodules are asked for their margin."""
    margin = Attribute(name="margin", choices=("sharp", "blurred"), **fields)
    labels = tuple(
        label.model_copy(update={"attributes": (margin,)}) if label.id == 5 else label
        for label in kit.labels.labels
    )
    project = kit.project().model_copy(
        update={"label_set": LabelSet(labels=labels, groups=kit.labels.groups)}
    )
    annotation = Annotation(case_id="case", person="ana")
    log = Log(annotation)
    return CaseEditor(
        annotation,
        kit.slice_ids(),
        project,
        person="ana",
        read_blob=log.read_blob,
        on_change=log,
    )


def test_an_answer_is_of_the_object_on_all_its_slices(kit):
    editor = asking(kit)
    take_boxes(editor, {1: [kit.box()]}, text="Draw")
    take_boxes(editor, {4: [kit.box()]}, text="Draw")
    (track,) = tracks(editor)
    assert answer_track(editor, track.id, "margin", "sharp")
    answers = {b.attributes.get("margin") for b in tracks(editor)[0].boxes.values()}
    assert answers == {"sharp"}
    assert len(tracks(editor)[0].boxes) == 4
    assert editor.history.undo_text == "margin: sharp"
    assert answer_track(editor, track.id, "margin", "")
    assert not tracks(editor)[0].boxes[1].attributes
    with pytest.raises(InvalidValueError, match="no answer to"):
        answer_track(editor, track.id, "margin", "round")
    with pytest.raises(InvalidValueError, match="no attribute"):
        answer_track(editor, track.id, "size", "large")


def test_required_answers_are_wanted_before_submission(kit):
    editor = asking(kit, required=True)
    take_boxes(editor, {1: [kit.box()]}, text="Draw")
    check = editor.submit_check()
    (missing,) = check.unanswered
    assert (missing.index, missing.label.name, missing.attribute, missing.box) == (
        1,
        "nodule",
        "margin",
        editor.content(1).boxes[0].id,
    )
    assert "“margin” is not answered for nodule on slice 2" in check.refused
    answer_track(editor, tracks(editor)[0].id, "margin", "blurred")
    assert editor.submit_check().refused is None
    take_boxes(editor, {3: [kit.box(at=0.0, proposal=True)]}, text="x")
    assert not editor.submit_check().unanswered
    assert not asking(kit).submit_check().unanswered

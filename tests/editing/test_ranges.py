"""What a propagation leaves behind, and what becomes of it."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.editing import (
    Mode,
    Propagation,
    delete_range,
    lift,
    plan_propagation,
    propagate,
    relabel_range,
    resize_range,
)
from napari_annotate_jobs.errors import (
    InvalidValueError,
    LockedError,
    NotFoundError,
)
from napari_annotate_jobs.model import Annotation, Decision, RangeAction

LESION, GOOD, BAD, LEFT, LIVER = 1, 2, 3, 4, 6
CLASSES, NOTHING, EXCLUDE = RangeAction


def classes(*labels, targets=range(8), origin=0, mode=Mode.KEEP):
    return Propagation(CLASSES, tuple(targets), origin, labels, mode)


def held(editor):
    return [editor.content(i).class_labels for i in range(editor.n_slices)]


@pytest.fixture
def mixed(kit):
    """Return an editor with all kinds of slices, before anything is propagated."""
    editor = kit.editor()
    editor.set_class([1], LESION, True)
    editor.set_class([2], GOOD, True)
    editor.set_nothing_to_label([3])
    editor.set_excluded([4])
    editor.set_masks({(5, ""): kit.mask()})
    return editor


# ------------------------------------------------------------ keep, replace, add
def test_keep_touches_only_what_holds_nothing(kit, mixed):
    before = [mixed.content(i) for i in range(6)]
    span = propagate(mixed, classes(BAD))
    assert span.applied == (0, 6, 7)
    assert [mixed.content(i) for i in range(1, 6)] == before[1:]
    assert held(mixed)[6] == (BAD,)


def test_replace_puts_it_in_place_of_other_classes(kit, mixed):
    span = propagate(mixed, classes(BAD, mode=Mode.REPLACE))
    assert span.applied == tuple(range(8))
    assert held(mixed) == [(BAD,)] * 8
    assert {mixed.decision(i) for i in range(8)} == {Decision.LABELLED}
    assert mixed.mask(5) is not None  # masks are not in the way


def test_add_puts_it_beside_where_it_may_stand(kit, mixed):
    span = propagate(mixed, classes(BAD, mode=Mode.ADD))
    assert 2 not in span.applied  # good and bad exclude one another
    assert held(mixed)[1] == (LESION, BAD)
    assert held(mixed)[2] == (GOOD,)
    assert mixed.decision(3) is Decision.LABELLED
    assert mixed.decision(4) is Decision.EXCLUDED
    assert held(mixed)[4] == held(mixed)[5] == (BAD,)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("action", "labels"), [(CLASSES, (BAD,)), (NOTHING, ()), (EXCLUDE, ())]
)
def test_the_preview_counts_what_happens(kit, mixed, action, labels, mode):
    before = {i: mixed.content(i) for i in range(8)}
    asked = Propagation(action, tuple(range(8)), 0, labels, mode)
    plan = plan_propagation(mixed, asked)
    span = propagate(mixed, asked)
    changed = [i for i in range(8) if mixed.content(i) != before[i]]
    assert changed == list(plan.touched[mode])
    assert list(span.applied) == changed
    assert plan.count(mode) == len(changed)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("action", "labels"), [(CLASSES, (BAD,)), (NOTHING, ()), (EXCLUDE, ())]
)
def test_one_propagation_is_one_undo(kit, mixed, action, labels, mode):
    before = kit.said(mixed.annotation)
    propagate(mixed, Propagation(action, tuple(range(8)), 0, labels, mode))
    after = kit.said(mixed.annotation)
    mixed.undo()
    assert kit.said(mixed.annotation) == before
    mixed.redo()
    assert kit.said(mixed.annotation) == after


def test_nothing_to_label_never_clears_but_by_replace(kit, mixed):
    for mode in (Mode.KEEP, Mode.ADD):
        propagate(mixed, Propagation(NOTHING, tuple(range(8)), 0, mode=mode))
        assert mixed.mask(5) is not None
        assert held(mixed)[1] == (LESION,)
    propagate(mixed, Propagation(NOTHING, tuple(range(8)), 0, mode=Mode.REPLACE))
    assert {mixed.decision(i) for i in range(8)} == {Decision.NOTHING_TO_LABEL}


def test_exclusion_keeps_what_it_excludes(kit, mixed):
    propagate(mixed, Propagation(EXCLUDE, tuple(range(8)), 0, mode=Mode.REPLACE))
    assert {mixed.decision(i) for i in range(8)} == {Decision.EXCLUDED}
    assert mixed.mask(5) is not None


def test_a_range_says_what_was_done(editor):
    span = propagate(editor, classes(LESION, GOOD, targets=range(2, 6), origin=2))
    assert editor.open_ranges() == (span,)
    assert (span.start, span.stop, span.origin) == (2, 5, 2)
    assert span.labels == (LESION, GOOD)
    assert span.person == "ana"
    assert span.time.tzinfo is not None


def test_propagating_in_vain_leaves_nothing(editor):
    propagate(editor, classes(LESION))
    assert propagate(editor, classes(LESION)) is None
    assert len(editor.open_ranges()) == 1


@pytest.mark.parametrize(
    "asked",
    [
        classes(LESION, targets=()),
        classes(targets=(1, 2)),
        classes(77),
        classes(LEFT),
        classes(LIVER),
        classes(GOOD, BAD),
        classes(LESION, targets=(5, 8)),
        classes(LESION, targets=(-1, 0)),
    ],
    ids=lambda asked: f"{asked.labels}{asked.targets}",
)
def test_nonsense_is_refused(editor, asked):
    with pytest.raises(InvalidValueError):
        propagate(editor, asked)
    assert editor.annotation.is_blank
    assert not editor.open_ranges()


def test_a_locked_case_is_not_propagated(kit):
    editor = kit.editor(locked=True)
    with pytest.raises(LockedError):
        propagate(editor, classes(LESION))


# ---------------------------------------------------------- edited afterwards
def test_slices_edited_by_hand_leave_the_range(kit, editor):
    propagate(editor, classes(LESION))
    editor.set_class([2], LESION, False)
    editor.set_excluded([3])
    editor.set_masks({(4, ""): kit.mask()})
    editor.set_boxes({5: [kit.box()]})
    (span,) = editor.open_ranges()
    assert span.applied == (0, 1, 6, 7)
    assert (span.start, span.stop) == (0, 7)
    delete_range(editor, span.id)
    assert held(editor) == [(), (), (), (LESION,), (LESION,), (LESION,), (), ()]
    assert editor.mask(4) is not None


def test_the_range_goes_with_its_last_slice(editor):
    propagate(editor, classes(LESION, targets=(1, 2)))
    editor.set_class([1], LESION, False)
    editor.set_excluded([2])
    assert editor.open_ranges() == ()
    editor.undo()
    assert editor.open_ranges()[0].applied == (2,)


def test_a_comment_is_no_edit_of_the_slice(editor):
    propagate(editor, classes(LESION))
    editor.add_comment("look", 2)
    assert editor.open_ranges()[0].applied == tuple(range(8))


def test_a_later_propagation_takes_slices_over(editor):
    first = propagate(editor, classes(GOOD))
    second = propagate(editor, classes(BAD, targets=range(2, 5), mode=Mode.REPLACE))
    by_id = {span.id: span.applied for span in editor.open_ranges()}
    assert by_id == {first.id: (0, 1, 5, 6, 7), second.id: (2, 3, 4)}


# -------------------------------------------------------------------- resize
def test_shortening_takes_back(kit, editor):
    span = propagate(editor, classes(LESION))
    assert resize_range(editor, span.id, 2, 5)
    (new,) = editor.open_ranges()
    assert (new.id, new.start, new.stop, new.applied) == (span.id, 2, 5, (2, 3, 4, 5))
    assert held(editor) == [()] * 2 + [(LESION,)] * 4 + [()] * 2
    editor.undo()
    assert editor.open_ranges() == (span,)
    assert held(editor) == [(LESION,)] * 8


def test_extending_keeps_what_is_there(editor):
    editor.set_class([5], GOOD, True)
    span = propagate(editor, classes(LESION, targets=range(2, 4), origin=2))
    resize_range(editor, span.id, 0, 100)
    (new,) = editor.open_ranges()
    assert (new.start, new.stop) == (0, 7)
    assert new.applied == (0, 1, 2, 3, 4, 6, 7)
    assert held(editor)[5] == (GOOD,)


def test_moving_a_range_past_itself(editor):
    span = propagate(editor, classes(LESION, targets=range(0, 3)))
    resize_range(editor, span.id, 5, 6)
    (new,) = editor.open_ranges()
    assert (new.start, new.stop, new.applied) == (5, 6, (5, 6))
    assert new.start <= new.origin <= new.stop


def test_a_range_that_rules_nothing_for_now_can_be_drawn_out_again(editor):
    editor.set_class([5, 6, 7], GOOD, True)
    span = propagate(editor, classes(BAD, targets=range(3, 8), origin=3))
    assert span.applied == (3, 4)
    resize_range(editor, span.id, 6, 7)
    (new,) = editor.open_ranges()
    assert new.applied == ()
    resize_range(editor, span.id, 3, 7)
    (new,) = editor.open_ranges()
    assert new.applied == (3, 4)
    delete_range(editor, span.id)
    assert held(editor)[3] == ()


@pytest.mark.parametrize(("start", "stop"), [(5, 2), (9, 12), (-5, -1)])
def test_a_range_cannot_end_before_it_starts(kit, editor, start, stop):
    span = propagate(editor, classes(LESION))
    with pytest.raises(InvalidValueError):
        resize_range(editor, span.id, start, stop)
    assert editor.open_ranges() == (span,)
    # What is written can be read again.
    Annotation.model_validate(editor.annotation.model_dump(mode="json"))


def test_extending_over_another_range_keeps_it(editor):
    first = propagate(editor, classes(LESION, targets=range(0, 3)))
    second = propagate(editor, classes(GOOD, targets=range(5, 8), origin=5))
    resize_range(editor, first.id, 0, 7)
    by_id = {span.id: span.applied for span in editor.open_ranges()}
    assert by_id == {first.id: (0, 1, 2, 3, 4), second.id: (5, 6, 7)}


# ----------------------------------------------------------- delete, relabel
@pytest.mark.parametrize(
    ("action", "labels"), [(CLASSES, (LESION, BAD)), (NOTHING, ()), (EXCLUDE, ())]
)
def test_deleting_takes_back_what_it_applied(kit, mixed, action, labels):
    before = {i: mixed.content(i) for i in range(8)}
    span = propagate(mixed, Propagation(action, tuple(range(8)), 0, labels))
    delete_range(mixed, span.id)
    assert {i: mixed.content(i) for i in range(8)} == before
    assert mixed.open_ranges() == ()
    mixed.undo()
    assert mixed.open_ranges() == (span,)


def test_relabel(kit, editor):
    span = propagate(editor, classes(GOOD, targets=range(2, 6)))
    editor.set_class([3], LESION, True)
    assert relabel_range(editor, span.id, [BAD])
    (new,) = editor.open_ranges()
    assert new.labels == (BAD,)
    assert held(editor)[2:6] == [(BAD,), (LESION, GOOD), (BAD,), (BAD,)]
    assert not relabel_range(editor, span.id, [BAD])
    editor.undo()
    assert held(editor)[2] == (GOOD,)


@pytest.mark.parametrize("labels", [[], [77], [LEFT], [LIVER], [GOOD, BAD]], ids=str)
def test_relabel_refuses_what_is_no_choice(kit, editor, labels):
    span = propagate(editor, classes(LESION))
    before = kit.said(editor.annotation)
    with pytest.raises(InvalidValueError):
        relabel_range(editor, span.id, labels)
    assert kit.said(editor.annotation) == before


def test_only_classes_are_relabelled(editor):
    span = propagate(editor, Propagation(EXCLUDE, (1, 2), 1))
    with pytest.raises(InvalidValueError):
        relabel_range(editor, span.id, [LESION])


@pytest.mark.parametrize(
    "act",
    [
        lambda e: delete_range(e, "gone"),
        lambda e: resize_range(e, "gone", 0, 1),
        lambda e: relabel_range(e, "gone", [LESION]),
    ],
)
def test_a_range_that_is_gone(editor, act):
    with pytest.raises(NotFoundError):
        act(editor)


# ---------------------------------------------------------------------- lift
@pytest.mark.parametrize(
    "asked",
    [
        classes(LESION, targets=()),
        classes(targets=(1, 2)),
        classes(77),
        classes(LESION, targets=(5, 8)),
        classes(LESION, targets=(-1, 0)),
    ],
    ids=lambda asked: f"{asked.labels}{asked.targets}",
)
def test_nonsense_is_not_lifted(kit, editor, asked):
    editor.set_class(range(8), LESION, True)
    before = kit.said(editor.annotation)
    with pytest.raises(InvalidValueError):
        lift(editor, asked)
    assert kit.said(editor.annotation) == before


def test_lift_takes_away_and_leaves_the_range(kit, editor):
    propagate(editor, classes(LESION, GOOD))
    assert lift(editor, classes(GOOD, targets=(2, 3)))
    assert held(editor)[1:5] == [(1, 2), (1,), (1,), (1, 2)]
    (span,) = editor.open_ranges()
    assert span.applied == (0, 1, 4, 5, 6, 7)
    editor.undo()
    assert editor.open_ranges()[0].applied == tuple(range(8))


@pytest.mark.parametrize("action", [NOTHING, EXCLUDE])
def test_lift_of_decisions(editor, action):
    propagate(editor, Propagation(action, tuple(range(8)), 0))
    assert lift(editor, Propagation(action, (0, 7), 0))
    assert editor.undecided() == (0, 7)
    assert not lift(editor, Propagation(action, (0, 7), 0))


# ------------------------------------------------------- many, and case level
def test_a_label_propagated_lifts_case_nothing(editor):
    editor.set_case_nothing_to_label()
    propagate(editor, classes(LESION, targets=(1, 2), mode=Mode.REPLACE))
    assert not editor.annotation.case_nothing_to_label
    editor.undo()
    assert editor.annotation.case_nothing_to_label


def test_a_thousand_slices_are_one_change(kit):
    editor = kit.editor(n=1000)
    propagate(editor, classes(LESION, targets=range(1000)))
    assert len(editor.log.changes) == 1
    assert len(editor.log.changes[0].slices) == 1000
    assert editor.log.told == [tuple(range(1000))]


@pytest.mark.parametrize(
    ("propagation", "text"),
    [
        (classes(LESION, GOOD), "lesion, good"),
        (Propagation(NOTHING, (1, 2), 0), "Nothing to Label"),
        (Propagation(EXCLUDE, (1, 2), 0), "Exclude"),
    ],
    ids=["classes", "nothing", "exclude"],
)
def test_undo_names_what_the_range_says(editor, propagation, text):
    span = propagate(editor, propagation)
    delete_range(editor, span.id)
    assert text in editor.history.undo_text

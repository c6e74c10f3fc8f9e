"""Undo and redo bring back exactly what was, whatever was done."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_annotate_jobs.editing import (
    Mode,
    Propagation,
    copied_slice,
    delete_range,
    lift,
    paste,
    propagate,
    relabel_range,
    resize_range,
)
from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Job,
    Provenance,
    RangeAction,
    SeriesRef,
    decode_mask,
)
from napari_annotate_jobs.stores import MemoryStore

N, SHAPE = 6, (3, 4)

index = st.integers(0, N - 1)
indices = st.lists(index, min_size=1, max_size=4, unique=True)
switch = st.booleans()
class_ids = st.sampled_from([1, 2, 3])
group_labels = {"": [0, 6, 700], "vessels": [0, 8]}


@st.composite
def painted(draw):
    """Give masks by slice and group."""
    masks = {}
    for i in draw(indices):
        group = draw(st.sampled_from(sorted(group_labels)))
        pixels = draw(
            st.lists(st.sampled_from(group_labels[group]), min_size=12, max_size=12)
        )
        masks[i, group] = np.array(pixels, np.uint16).reshape(SHAPE)
    return masks


def method(name, *args, **kwargs):
    """Give calls of a method of the editor."""
    return st.builds(
        lambda a, k: lambda editor, kit: getattr(editor, name)(*a, **k),
        st.tuples(*args),
        st.fixed_dictionaries(kwargs),
    )


@st.composite
def boxes(draw):
    chosen, count = draw(indices), draw(st.integers(0, 2))
    label, proposal = draw(st.sampled_from([5, 11])), draw(switch)

    def act(editor, kit):
        new = [kit.box(label, at=float(i), proposal=proposal) for i in range(count)]
        return editor.set_boxes(
            {i: [*editor.content(i).boxes[:1], *new] for i in chosen}
        )

    return act


@st.composite
def of_a_range(draw):
    """Change one of the ranges that are there."""
    which, start, stop = draw(st.integers(0, 5)), draw(index), draw(index)
    label, verb = draw(class_ids), draw(st.integers(0, 2))

    def act(editor, kit):
        ranges = editor.annotation.ranges
        if not ranges:
            return False
        span = ranges[which % len(ranges)]
        if verb == 0:
            return resize_range(editor, span.id, start, stop)
        if verb == 1:
            return relabel_range(editor, span.id, [label])
        return delete_range(editor, span.id)

    return act


@st.composite
def propagated(draw):
    action = draw(st.sampled_from(list(RangeAction)))
    labels = (draw(class_ids),) if action is RangeAction.CLASS_LABELS else ()
    asked = Propagation(
        action,
        tuple(sorted(draw(indices))),
        draw(index),
        labels,
        draw(st.sampled_from(list(Mode))),
    )
    verb = draw(st.sampled_from([propagate, propagate, lift]))
    return lambda editor, kit: bool(verb(editor, asked))


pasted = st.builds(
    lambda source, targets, confirmed: (
        lambda editor, kit: paste(
            editor, copied_slice(editor, source), targets, confirmed=confirmed
        )
    ),
    index,
    indices,
    switch,
)
uncommented = st.builds(
    lambda i: (
        lambda editor, kit: (
            bool(editor.annotation.comments)
            and editor.remove_comment(
                editor.annotation.comments[i % len(editor.annotation.comments)].id
            )
        )
    ),
    st.integers(0, 5),
)
steps = st.one_of(
    method("set_class", indices, class_ids, switch),
    method("set_nothing_to_label", indices, switch, clear=switch),
    method("set_excluded", indices, switch),
    method("set_case_label", st.sampled_from([4, 9, 10]), switch),
    method("set_case_nothing_to_label", switch, clear=switch),
    method("set_masks", painted()),
    method("propose_masks", painted(), provenance=st.just(Provenance.TRACKED)),
    method("confirm", indices),
    method("reject", indices),
    method("add_comment", st.sampled_from(["a", "b", " "]), st.none() | index),
    boxes(),
    pasted,
    uncommented,
    propagated(),
    of_a_range(),
    method("undo"),
    method("redo"),
)


def said(kit, editor):
    """Return what is said, with every pixel."""
    said = kit.said(editor.annotation)
    said["masks"] = {
        digest: decode_mask(editor.blob(digest)).tobytes()
        for digest in editor.annotation.blobs()
    }
    return said


def check(editor):
    """What must hold at any time."""
    annotation = editor.annotation
    # It can be written and read.
    assert Annotation.model_validate(annotation.model_dump(mode="json")) == annotation
    ruled = [i for span in annotation.ranges for i in span.applied]
    assert len(ruled) == len(set(ruled))
    for i in range(N):
        content = editor.content(i)
        for group in content.proposals.keys() & content.masks.keys():
            proposed = editor.mask(i, group, proposal=True)
            assert not np.any((proposed > 0) & (editor.mask(i, group) > 0))
        if annotation.case_nothing_to_label:
            assert not annotation.case_labels


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequence=st.lists(steps, max_size=20))
def test_whatever_is_done_can_be_undone_and_done_again(kit, sequence):
    store = MemoryStore(
        [
            (
                Job(id="job", project=kit.project()),
                [Case(id="case", name="Case", series=(SeriesRef(path="x"),))],
            )
        ],
        person="ana",
    )
    editor = kit.editor(n=N)
    start = said(kit, editor)

    # A store takes every change as it comes, with the masks that come with it.
    def save(change, blobs):
        store.save("job", "case", change, blobs, base=save.base)
        save.base += 1

    save.base = 0
    editor._on_change = save
    editor._read_blob = lambda digest: store.read_blob("job", "case", digest)

    def steps_done():
        return len(editor.history._done)

    states = {0: start}
    for act in sequence:
        before, n_before = said(kit, editor), steps_done()
        with contextlib.suppress(AnnotateJobsError):
            act(editor, kit)
        check(editor)
        if steps_done() == n_before:
            assert said(kit, editor) == before  # refused, or nothing to do
        else:
            states[steps_done()] = said(kit, editor)
        saved = store.load("job", "case").annotation
        assert kit.said(saved) | {"case_id": "case"} == kit.said(editor.annotation)

    end, n = said(kit, editor), steps_done()
    for count in range(n, 0, -1):
        assert said(kit, editor) == states[count]
        editor.undo()
    assert said(kit, editor) == start
    assert editor.history.undo_text is None
    for _ in range(n):
        editor.redo()
    assert said(kit, editor) == end
    for _ in range(n):
        editor.undo()
    assert said(kit, editor) == start


def test_a_new_edit_forgets_what_was_undone(editor):
    editor.set_class([1], 1, True)
    editor.undo()
    editor.set_class([2], 1, True)
    assert editor.history.redo_text is None
    assert editor.redo() is None
    assert editor.content(1).class_labels == ()


def test_history_names_what_it_would_do(editor, kit):
    editor.set_class([1], 1, True)
    editor.set_masks({(2, ""): kit.mask()})
    assert editor.history.undo_text == "Paint"
    editor.undo()
    assert (editor.history.undo_text, editor.history.redo_text) == (
        "Label lesion",
        "Paint",
    )


def test_undo_shows_where(editor):
    editor.set_class([3, 5], 1, True)
    editor.set_case_label(4)
    editor.add_comment("look", 6)
    assert [editor.undo(), editor.undo(), editor.undo()] == [6, None, 3]
    assert editor.redo() == 3

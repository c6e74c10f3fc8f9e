"""Combining labels step by step."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.formats import (
    CaseSummary,
    Combination,
    CombinedClass,
    combination_remarks,
    parse_combination,
    write_combination,
    write_labels,
)
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Group,
    Label,
    LabelSet,
    Method,
    SeriesRef,
    SliceAnnotation,
)
from napari_annotate_jobs.owning import read_labels
from napari_annotate_jobs.session import CombinationEditor

CLASS, MASK = Method.CLASSIFICATION, Method.SEGMENTATION


def label(number, name, method=CLASS, **more):
    return Label(
        id=number, name=name, color=f"#0000{number:02x}", method=method, **more
    )


LABELS = LabelSet(
    labels=(
        label(1, "A1", group="type"),
        label(2, "A2", group="type"),
        label(3, "B", group="type"),
        label(4, "kidney left", MASK),
        label(5, "kidney right", MASK, overlap_group="o"),
        label(6, "B", MASK),
    ),
    groups=(Group(name="type", exclusive=True),),
)


@pytest.fixture
def editor():
    return CombinationEditor(LABELS)


def names(editor):
    return [(x.name, x.sources) for x in editor.combination.classes]


def test_step_by_step_and_back(editor):
    told = []
    editor.changed.connect(lambda: told.append(names(editor)))
    assert editor.combine([1, 2]) == 0
    assert names(editor) == [("A", ("A1", "A2"))]
    assert [x.name for x in editor.result().labels][:2] == ["A", "B"]
    editor.combine([4, 5])
    assert names(editor)[1] == ("kidney", ("kidney left", "kidney right"))
    editor.feed([3], 0)
    editor.rename(0, "  any   type ")
    editor.recolor(0, "#123456")
    assert editor.result()[1].color == "#123456"
    editor.take_out([1])
    assert names(editor)[0] == ("any type", ("A2", "B"))
    editor.dissolve(1)
    assert [name for name, _ in names(editor)] == ["any type"]
    assert len(told) == 7
    for _ in range(7):
        editor.undo()
    assert not editor.can_undo
    assert editor.combination == Combination()
    for _ in range(7):
        editor.redo()
    assert names(editor) == [("any type", ("A2", "B"))]
    assert LABELS.labels[0].name == "A1"  # the original is as it was


def test_a_label_moves_from_one_class_to_another(editor):
    editor.combine([1, 2], "old")
    editor.combine([2, 3], "new")
    assert names(editor) == [("old", ("A1",)), ("new", ("A2", "B"))]
    editor.feed([1], 1)
    assert names(editor) == [("new", ("A2", "B", "A1"))]


def test_labels_of_one_name_are_told_apart_by_their_method(editor):
    editor.combine([6, 4])
    assert editor.combination.classes[0].method is MASK
    assert editor.sources(0) == {4, 6}
    again = parse_combination(write_combination(editor.combination))
    assert CombinationEditor(LABELS, again).sources(0) == {4, 6}


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.combine([1, 4]),  # of two methods
        lambda e: e.combine([]),
        lambda e: e.rename(0, " "),
        lambda e: e.rename(0, "b"),  # another label's
        lambda e: e.recolor(0, "red"),
        lambda e: e.feed([4], 0),
        lambda e: e.combine([99]),
    ],
)
def test_what_does_not_go_together_changes_nothing(editor, change):
    editor.combine([1, 2])
    before = editor.combination
    with pytest.raises((InvalidValueError, ValueError)):
        change(editor)
    assert editor.combination == before
    editor.undo()
    assert not editor.can_undo


def test_sources_are_dropped_unless_kept(editor):
    editor.combine([1, 2], "any")
    assert {x.name for x in editor.result().of(CLASS)} == {"any", "B"}
    editor.keep(0, True)
    assert {x.name for x in editor.result().of(CLASS)} == {"any", "A1", "A2", "B"}


def test_what_is_to_be_known(editor):
    said = SliceAnnotation.model_construct(
        index=0, class_labels=(1, 2), boxes=(), masks={}, excluded=False
    )
    summary = CaseSummary(
        case=Case(id="c", name="c", series=(SeriesRef(path="c"),)),
        person="ana",
        annotation=Annotation.model_construct(slices={"0": said}),
        stem="c",
    )
    editor.combine([1, 2])
    found = combination_remarks([summary], LABELS, editor.combination)
    assert found == ["1 slice carries several of what becomes 'A': each counts once"]
    editor.feed([3], 0)
    editor.combine([4, 5])
    found = " | ".join(combination_remarks([], LABELS, editor.combination))
    assert "'type' has one class left" in found
    assert "'kidney' joins masks that can overlap" in found
    two = Combination(classes=(CombinedClass(name="X", sources=("A1",)),))
    clash = combination_remarks([summary], LABELS, two)
    assert clash == ["'X' and 'A2' exclude one another, and stand together on 1 slice"]


def test_the_result_is_the_label_set_of_a_new_job(editor, tmp_path):
    editor.combine([1, 2])
    path = tmp_path / "labels.yaml"
    path.write_text(write_labels(editor.result()), encoding="utf-8")
    given = read_labels(path)
    assert [entry.fields["name"] for entry in given.entries][:2] == ["A", "B"]
    assert given.groups == {"type": True}

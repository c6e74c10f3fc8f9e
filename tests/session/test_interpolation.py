"""Masks between key slices: what is proposed where, refreshed, never resurrected."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_annotate_jobs.editing import (
    enter_proposals,
    label_keys,
    plan_following,
    plan_interpolation,
)
from napari_annotate_jobs.errors import CorruptError, LockedError, TransitionError
from napari_annotate_jobs.model import (
    Case,
    Decision,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    Provenance,
    SeriesRef,
    encode_mask,
)
from napari_annotate_jobs.session import (
    AnnotationSession,
    Proposer,
    SynchronousExecutor,
    Worker,
)
from napari_annotate_jobs.stores import MemoryStore

SHAPE = (21, 40, 48)
ORGAN, VESSEL, NERVE = 1, 2, 3
KEYS = (2, 8, 14, 18)
LABELS = LabelSet(
    labels=(
        Label(id=ORGAN, name="Organ", color="#D55E00", method=Method.SEGMENTATION),
        Label(id=VESSEL, name="Vessel", color="#0072B2", method=Method.SEGMENTATION),
        Label(
            id=NERVE,
            name="Nerve",
            color="#009E73",
            method=Method.SEGMENTATION,
            overlap_group="nerves",
        ),
        Label(id=9, name="Seen", color="#999999", method=Method.CLASSIFICATION),
    )
)


def disc(index, label=ORGAN, *, row=20.0, column=18.0, radius=9.0):
    """Return a disc that wanders along the columns and gets larger."""
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    away = np.hypot(rows - row, columns - column - index / 2)
    return np.where(away < radius + index / 6, label, 0).astype(np.uint8)


class Slow(SynchronousExecutor):
    """Runs tasks when told to."""

    def __init__(self):
        super().__init__()
        self.tasks = []

    def run(self, task, done, failed):
        self.tasks.append((task, done, failed))

    def step(self):
        super().run(*self.tasks.pop(0))


class Bench:
    """A case, a proposer, and what they said."""

    def __init__(self, path, *, slow=False):
        self.voxels = np.asanyarray(nibabel.load(path).dataobj).T
        project = Project(
            name="p",
            methods=(Method.SEGMENTATION, Method.CLASSIFICATION),
            label_set=LABELS,
        )
        cases = [
            Case(id=name, name=name, series=(SeriesRef(path=str(path)),))
            for name in ("one", "two")
        ]
        self.store = MemoryStore([(Job(id="job", project=project), cases)], person="p")
        self.session = AnnotationSession(self.store, "job")
        self.session.open_next = False
        self.executor = Slow() if slow else SynchronousExecutor()
        self.worker = Worker(self.executor)
        self.image = self.voxels
        self.proposer = Proposer(self.session, self.worker, voxels=lambda: self.image)
        self.told, self.failed = [], []
        self.proposer.told.connect(self.told.append)
        self.proposer.failed.connect(self.failed.append)
        self.session.open_case("one", slice=0)

    @property
    def editor(self):
        return self.session.editor

    def paint(self, *indices, label=ORGAN, group="", **where):
        for index in indices:
            self.editor.set_masks({(index, group): disc(index, label, **where)})

    def proposed(self, group=""):
        return {
            i: self.editor.mask(i, group, proposal=True)
            for i in range(SHAPE[0])
            if group in self.editor.content(i).proposals
        }

    def refresh(self):
        self.executor.tick()


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Return the file of an image that is only read."""
    truth = np.stack([disc(i) for i in range(SHAPE[0])])
    noise = np.random.default_rng(0).normal(0, 8, SHAPE)
    voxels = (100 + 200 * (truth > 0) + noise).astype(np.int16)
    path = tmp_path_factory.mktemp("image") / "a.nii"
    nibabel.save(nibabel.Nifti1Image(voxels.T, np.diag([0.8, 0.8, 3.0, 1.0])), path)
    return path


@pytest.fixture
def bench(image):
    bench = Bench(image)
    yield bench
    bench.proposer.close()
    bench.session.close()
    assert not bench.failed


@pytest.fixture
def slow(image):
    return Bench(image, slow=True)


def same(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(one[i], other[i]) for i in one
    )


def dice(one, other):
    both = np.count_nonzero((one > 0) & (other > 0))
    return 2 * both / (np.count_nonzero(one) + np.count_nonzero(other))


# -------------------------------------------------------------- interpolating
def test_all_between_the_first_and_the_last_key(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    found = bench.proposed()
    assert sorted(found) == [i for i in range(2, 18) if i not in KEYS]
    assert min(dice(mask, disc(i)) for i, mask in found.items()) > 0.95
    ref = bench.editor.content(5).proposals[""]
    assert (ref.provenance, ref.keys) == (
        Provenance.INTERPOLATED,
        ("index:2", "index:8"),
    )
    assert bench.editor.decision(5) is Decision.UNDECIDED
    assert "13 slices hold proposals" in bench.told[-1]


def test_the_order_in_which_keys_are_painted_does_not_matter(image):
    """Nor does it for one painted between two that were filled already."""
    found = []
    for order in ((2, 8, 14, 18), (14, 2, 18, 8), (18, 14, 8, 2)):
        bench = Bench(image)
        bench.paint(*order)
        assert label_keys(bench.editor, "") == {ORGAN: KEYS}
        bench.proposer.interpolate()
        found.append(bench.proposed())
    assert set(found[0]) == set(range(2, 18)) - {*KEYS}
    for other in found[1:]:
        assert same(other, found[0])


def test_one_undo_takes_all_back_and_redo_brings_all(bench):
    bench.paint(*KEYS)
    before = bench.editor.annotation.slices
    bench.proposer.interpolate()
    found = bench.proposed()
    assert bench.editor.history.undo_text == "Interpolate"
    bench.session.undo()
    assert bench.editor.annotation.slices == before
    bench.session.redo()
    assert same(bench.proposed(), found)


def test_it_is_saved(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    draft = bench.store.load("job", "one").annotation
    assert draft.slices == bench.editor.annotation.slices
    for digest in draft.blobs():
        assert bench.store.read_blob("job", "one", digest)


def test_only_the_slices_of_the_range(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate((4, 10))
    assert sorted(bench.proposed()) == [4, 5, 6, 7, 9, 10]


def test_range_and_whole_case_propose_the_same(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate((4, 6))
    some = bench.proposed()
    bench.proposer.interpolate()
    assert all(np.array_equal(bench.proposed()[i], some[i]) for i in some)


def test_excluded_and_empty_slices_are_left_alone(bench):
    bench.paint(*KEYS)
    bench.editor.set_excluded([5])
    bench.editor.set_nothing_to_label([11])
    bench.proposer.interpolate()
    found = bench.proposed()
    assert 5 not in found and 11 not in found
    assert bench.editor.decision(11) is Decision.NOTHING_TO_LABEL
    # Towards a slice with nothing on it the object vanishes.
    assert np.count_nonzero(found[10]) < np.count_nonzero(found[9])


def test_an_excluded_slice_is_no_key(bench):
    bench.paint(*KEYS)
    bench.editor.set_excluded([8])
    assert label_keys(bench.editor, "") == {ORGAN: (2, 14, 18)}
    bench.proposer.interpolate()
    assert 8 not in bench.proposed()
    assert bench.editor.content(7).proposals[""].keys == bench.editor.keys((2, 14))


def test_each_label_has_its_own_keys(bench):
    bench.paint(2, 14)
    vessel = {"label": VESSEL, "row": 34, "radius": 3}
    for index in (4, 10):
        bench.paint(index, **vessel)
    bench.proposer.interpolate()
    pixels = {
        i: set(bench.editor.content(i).proposals[""].pixels) for i in bench.proposed()
    }
    assert bench.editor.content(7).proposals[""].keys == bench.editor.keys(
        (2, 4, 10, 14)
    )
    assert pixels[3] == {ORGAN} and pixels[12] == {ORGAN}
    assert pixels[4] == pixels[10] == {ORGAN}, "keys of another label"
    assert all(pixels[i] == {ORGAN, VESSEL} for i in range(5, 10))
    np.testing.assert_array_equal(
        bench.editor.mask(4), disc(4, VESSEL, row=34, radius=3)
    )


def test_a_second_label_beside_confirmed_ones(bench):
    bench.paint(2, 14)
    bench.proposer.interpolate()
    bench.editor.confirm(range(SHAPE[0]))
    for index in (4, 10):
        both = bench.editor.mask(index).copy()
        both[34:37, 20:30] = VESSEL
        bench.editor.set_masks({(index, ""): both})
    confirmed = {i: bench.editor.mask(i) for i in range(5, 10)}
    bench.proposer.interpolate()
    assert sorted(bench.proposed()) == [5, 6, 7, 8, 9]
    for index, mask in bench.proposed().items():
        assert set(np.unique(mask)) == {0, VESSEL}
        assert not mask[confirmed[index] > 0].any()
        np.testing.assert_array_equal(bench.editor.mask(index), confirmed[index])


def test_groups_are_apart(bench):
    bench.paint(2, 6)
    bench.paint(4, 8, label=NERVE, group="nerves")
    bench.proposer.interpolate()
    assert sorted(bench.proposed()) == [3, 4, 5]
    assert sorted(bench.proposed("nerves")) == [5, 6, 7]
    assert bench.editor.history.undo_text == "Interpolate"
    bench.session.undo()
    assert not bench.proposed() and not bench.proposed("nerves")


def test_proposals_of_other_labels_stay(bench):
    bench.paint(2, 8)
    other = disc(5, VESSEL, row=36, radius=2)
    bench.editor.propose_masks({(5, ""): other}, provenance=Provenance.PREDICTED)
    bench.proposer.interpolate()
    assert set(bench.editor.content(5).proposals[""].pixels) == {ORGAN, VESSEL}


@pytest.mark.parametrize("keys", [(), (3,), (3, 4)])
def test_nothing_between_is_said(bench, keys):
    bench.paint(*keys)
    with pytest.raises(TransitionError, match="nothing between key slices"):
        bench.proposer.interpolate()


def test_a_submitted_case_is_left_alone(bench):
    bench.paint(*KEYS)
    bench.session.submit()
    with pytest.raises(LockedError):
        bench.proposer.interpolate()


def test_again_changes_nothing(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    done = bench.editor.history.done
    bench.proposer.interpolate()
    assert bench.editor.history.done == done
    assert bench.told[-1].startswith("Nothing new")


# ------------------------------------------------------ confirming, rejecting
def test_confirmed_keep_where_they_come_from(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    mask = bench.proposed()[5]
    bench.editor.confirm([5])
    np.testing.assert_array_equal(bench.editor.mask(5), mask)
    ref = bench.editor.content(5).masks[""]
    assert (ref.provenance, ref.keys) == (
        Provenance.INTERPOLATED,
        ("index:2", "index:8"),
    )
    assert 5 not in bench.proposed() and 6 in bench.proposed()


def test_what_was_rejected_is_not_proposed_again(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    bench.editor.reject([5])
    bench.proposer.interpolate()
    assert 5 not in bench.proposed()
    bench.proposer.interpolate((5, 5))
    assert 5 in bench.proposed(), "asked for by name"


def test_undone_rejections_are_forgotten(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    bench.editor.reject([5])
    bench.session.undo()
    bench.session.undo()
    assert not bench.proposed()
    bench.proposer.interpolate()
    assert 5 in bench.proposed()


def test_rejected_ones_come_from_other_keys(bench):
    bench.paint(2, 14)
    bench.proposer.interpolate()
    bench.editor.reject([5])
    bench.paint(8)
    bench.refresh()
    assert 5 not in bench.proposed(), "a refresh brings nothing back"
    bench.proposer.interpolate()
    assert 5 in bench.proposed()


def test_painting_settles_the_proposal(bench):
    bench.paint(2, 8)
    bench.proposer.interpolate()
    merged = bench.proposed()[5].copy()
    merged[0, 0] = VESSEL
    bench.editor.set_masks({(5, ""): merged}, settle=[5])
    assert not bench.editor.content(5).proposals
    bench.session.undo()
    assert bench.editor.content(5).proposals and not bench.editor.content(5).masks


# ------------------------------------------------------------------ refreshing
def test_a_changed_key_refreshes_its_neighbours(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    old, done = bench.proposed(), bench.editor.history.done
    bench.paint(8, radius=13)
    painted = bench.editor.history.done
    assert len(painted) == len(done) + 1
    assert same(bench.proposed(), old), "not before the pause"
    bench.refresh()
    new = bench.proposed()
    assert np.count_nonzero(new[7]) > np.count_nonzero(old[7])
    assert np.count_nonzero(new[9]) > np.count_nonzero(old[9])
    assert bench.editor.history.done == painted, "no undo step"
    assert bench.proposer.is_idle
    saved = bench.store.load("job", "one").annotation
    assert saved.slices == bench.editor.annotation.slices


def test_undo_brings_the_same_proposals_back(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    old = bench.proposed()
    bench.paint(8, radius=13)
    bench.refresh()
    new = bench.proposed()
    bench.session.undo()
    bench.refresh()
    assert same(bench.proposed(), old)
    assert bench.editor.history.redo_text == "Paint", "redo is not lost"
    bench.session.redo()
    bench.refresh()
    assert same(bench.proposed(), new)


def test_an_edit_before_the_refresh_does_not_keep_old_proposals(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    bench.paint(8, radius=13)
    bench.editor.set_class([7], 9, True)
    bench.refresh()
    new = bench.proposed()
    bench.session.undo()
    bench.refresh()
    assert same(bench.proposed(), new)


def test_a_new_key_refreshes_and_takes_no_proposal(bench):
    bench.paint(2, 14)
    bench.proposer.interpolate()
    bench.editor.set_masks({(8, ""): disc(8, radius=3)}, settle=[8])
    bench.refresh()
    assert 8 not in bench.proposed()
    assert bench.editor.content(7).proposals[""].keys == bench.editor.keys((2, 8))
    assert np.count_nonzero(bench.proposed()[7]) < np.count_nonzero(disc(7)) / 2


def test_a_deleted_key_refreshes(bench):
    bench.paint(2, 8, 14)
    bench.proposer.interpolate()
    empty = np.zeros(SHAPE[1:], np.uint8)
    bench.editor.set_masks({(8, ""): empty})
    bench.refresh()
    assert bench.editor.content(7).proposals[""].keys == bench.editor.keys((2, 14))
    bench.editor.set_masks({(14, ""): empty})
    bench.refresh()
    assert not bench.proposed(), "nothing is between the only key and no other"
    bench.session.undo()
    bench.session.undo()
    assert bench.editor.mask(8) is not None


def test_a_refresh_leaves_other_proposals_alone(bench):
    bench.paint(2, 8)
    predicted = disc(12)
    bench.editor.propose_masks({(12, ""): predicted}, provenance=Provenance.PREDICTED)
    bench.proposer.interpolate()
    bench.paint(8, radius=13)
    bench.refresh()
    np.testing.assert_array_equal(bench.proposed()[12], predicted)


def test_a_refresh_adds_no_label(bench):
    bench.paint(2, 8)
    bench.proposer.interpolate()
    for index in (2, 8):
        both = bench.editor.mask(index).copy()
        both[34:37, 20:30] = VESSEL
        bench.editor.set_masks({(index, ""): both})
    bench.refresh()
    assert set(bench.editor.content(5).proposals[""].pixels) == {ORGAN}


def test_confirming_is_no_change_of_what_others_hold(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    bench.editor.confirm(range(SHAPE[0]))
    bench.refresh()
    assert not bench.proposed()
    assert bench.editor.history.undo_text == "Confirm"


def test_what_waits_for_the_refresh_comes_after_it(bench):
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    bench.paint(8, radius=13)
    bench.proposer.when_settled(lambda: bench.editor.confirm([7]))
    fresh = bench.editor.mask(7)
    assert np.count_nonzero(fresh) > 1.2 * np.count_nonzero(disc(7))


# ---------------------------------------------------------- late, and stopped
def test_a_result_for_a_closed_case_is_dropped(slow):
    slow.paint(*KEYS)
    slow.proposer.interpolate()
    slow.session.open_case("two")
    slow.executor.step()
    assert not slow.proposed()
    slow.session.open_case("one")
    assert not slow.proposed()
    assert slow.proposer.is_idle


def test_a_result_from_old_keys_is_made_anew(slow):
    slow.paint(*KEYS)
    slow.proposer.interpolate()
    slow.paint(8, radius=13)
    slow.executor.step()
    assert not slow.proposed()
    slow.executor.step()
    assert np.count_nonzero(slow.proposed()[7]) > 1.2 * np.count_nonzero(disc(7))


def test_a_refresh_that_comes_late_resurrects_nothing(slow):
    slow.paint(*KEYS)
    slow.proposer.interpolate()
    slow.executor.step()
    slow.paint(8, radius=13)
    slow.executor.tick()
    slow.editor.reject([7])
    slow.editor.confirm([9])
    confirmed = slow.editor.mask(9)
    while slow.executor.tasks:
        slow.executor.step()
    slow.executor.tick()
    while slow.executor.tasks:
        slow.executor.step()
    assert 7 not in slow.proposed() and 9 not in slow.proposed()
    np.testing.assert_array_equal(slow.editor.mask(9), confirmed)
    assert slow.editor.content(10).proposals[""].keys == slow.editor.keys((9, 14))


def test_cancelled_changes_nothing(slow):
    slow.paint(*KEYS)
    works = []
    slow.worker.started.connect(works.append)
    slow.proposer.interpolate()
    with pytest.raises(TransitionError, match="already"):
        slow.proposer.interpolate()
    slow.proposer.cancel()
    slow.executor.step()
    assert not slow.proposed()
    assert slow.told == ["It was stopped: nothing was changed."]
    assert slow.worker.is_idle and slow.proposer.is_idle
    assert [work.text for work in works] == ["Interpolating masks"]


def test_progress_is_told(bench):
    works = []
    bench.worker.ended.connect(works.append)
    bench.paint(*KEYS)
    bench.proposer.interpolate()
    assert (works[0].done, works[0].total, works[0].quiet) == (3, 3, False)


# ------------------------------------------------------------------- following
def test_the_image_leads_to_the_ends(bench):
    bench.paint(10)
    bench.session.slice = 10
    bench.proposer.follow(backward=True, forward=True)
    found = bench.proposed()
    assert 10 not in found and {8, 9, 11, 12} <= set(found)
    assert min(dice(found[i], disc(i)) for i in (8, 9, 11, 12)) > 0.9
    ref = bench.editor.content(9).proposals[""]
    assert (ref.provenance, ref.keys) == (Provenance.TRACKED, ("index:10",))
    assert bench.editor.history.undo_text == "Follow the image"
    first, last = min(found) + 1, max(found) + 1
    assert f"back to slice {first} (" in bench.told[-1]
    assert f"on to slice {last} (" in bench.told[-1]


def test_one_way_only(bench):
    bench.paint(10)
    bench.session.slice = 10
    bench.proposer.follow(backward=False, forward=True, span=(0, 13))
    assert sorted(bench.proposed()) == [11, 12, 13]
    assert bench.told[-1] == (
        "Organ was followed on to slice 14 (reached the last slice asked for)."
    )


def test_it_stops_at_what_is_decided(bench):
    bench.paint(6, 10)
    bench.editor.set_nothing_to_label([13])
    bench.editor.set_excluded([8])
    bench.session.slice = 10
    bench.proposer.follow(backward=True, forward=True)
    assert sorted(bench.proposed()) == [7, 9, 11, 12]
    assert "slice 7 carries it already" in bench.told[-1]
    assert "nothing to label on slice 14" in bench.told[-1]


def test_nothing_to_follow_is_said(bench):
    with pytest.raises(TransitionError, match="Paint one on this slice"):
        bench.proposer.follow(backward=True, forward=True)
    bench.paint(2, 4)
    bench.proposer.interpolate()
    bench.session.slice = 3
    with pytest.raises(TransitionError, match="Confirm what is proposed"):
        bench.proposer.follow(backward=True, forward=True)
    bench.image = None
    with pytest.raises(TransitionError, match="still being read"):
        bench.proposer.follow(backward=True, forward=True)


def test_only_the_chosen_label_is_followed(bench):
    both = disc(10)
    both[34:37, 20:30] = VESSEL
    bench.editor.set_masks({(10, ""): both})
    plan = plan_following(bench.editor, "", 10, label_id=VESSEL)
    assert plan.names == {VESSEL: "Vessel"}
    bench.session.label = LABELS[ORGAN]
    bench.session.slice = 10
    bench.proposer.follow(backward=False, forward=True)
    assert all(set(np.unique(m)) == {0, ORGAN} for m in bench.proposed().values())


def test_colour_images_can_be_followed(bench):
    bench.image = np.repeat(bench.voxels[..., None], 3, axis=-1)
    bench.paint(10)
    bench.session.slice = 10
    bench.proposer.follow(backward=False, forward=True, span=(0, 12))
    assert sorted(bench.proposed()) == [11, 12]


# ------------------------------------------------------------------ properties
@pytest.mark.slow
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "paint",
                    "erase",
                    "confirm",
                    "reject",
                    "undo",
                    "redo",
                    "nothing",
                    "exclude",
                    "interpolate",
                    "refresh",
                ]
            ),
            st.integers(0, 11),
        ),
        max_size=14,
    )
)
def test_no_step_touches_what_was_confirmed(image, steps):
    bench = Bench(image)
    bench.image = None
    bench.paint(1, 6, 11)
    start = bench.editor.annotation.slices
    for verb, index in steps:
        editor = bench.editor
        confirmed = {i: content.masks for i, content in editor.contents().items()}
        decisions = {i: editor.decision(i) for i in range(SHAPE[0])}
        if verb == "paint":
            bench.paint(index, radius=4)
        elif verb == "erase":
            editor.set_masks({(index, ""): np.zeros(SHAPE[1:], np.uint8)})
        elif verb == "confirm":
            editor.confirm([index])
        elif verb == "reject":
            editor.reject([index])
        elif verb == "undo":
            if len(editor.history.done) > 3:
                editor.undo()
        elif verb == "redo":
            editor.redo()
        elif verb == "nothing":
            editor.set_nothing_to_label([index], clear=True)
        elif verb == "exclude":
            editor.set_excluded([index])
        else:
            before = set(bench.proposed())
            try:
                if verb == "interpolate":
                    bench.proposer.interpolate()
            except TransitionError:
                pass
            bench.refresh()
            now = {i: content.masks for i, content in editor.contents().items()}
            assert all(now.get(i, {}) == masks for i, masks in confirmed.items())
            assert decisions == {i: editor.decision(i) for i in range(SHAPE[0])}
            if verb == "refresh":
                assert set(bench.proposed()) <= before
        for i, mask in bench.proposed().items():
            there = editor.mask(i)
            assert there is None or not mask[there > 0].any()
    while len(bench.editor.history.done) > 3:
        bench.editor.undo()
    bench.refresh()
    assert bench.editor.annotation.slices == start
    assert not bench.failed


def test_a_plan_touches_nothing(bench):
    bench.paint(2, 8)
    before = bench.editor.annotation
    plan = plan_interpolation(bench.editor)
    assert plan is not None
    found = plan.run(bench.voxels, (3.0, 0.8, 0.8))
    assert sorted(found) == [3, 4, 5, 6, 7]
    assert bench.editor.annotation is before
    enter_proposals(
        bench.editor, {plan.group: found}, provenance=Provenance.INTERPOLATED
    )
    bench.editor.confirm(range(SHAPE[0]))
    for index, proposed in found.items():
        np.testing.assert_array_equal(bench.editor.mask(index), proposed.mask)


def test_masks_of_another_size_are_not_filled_between(bench):
    bench.paint(2, 8)
    plan = plan_interpolation(bench.editor)
    assert plan is not None
    assert plan.shape == SHAPE[1:]
    small = dict.fromkeys(plan.blobs, encode_mask(np.ones((3, 7), np.uint8)))
    with pytest.raises(CorruptError, match="3 x 7 pixels, the slice 40 x 48"):
        replace(plan, blobs=small).run(bench.voxels, (3.0, 0.8, 0.8))

"""What every store must do; runs over all of them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_annotate_jobs.errors import (
    ConflictError,
    InvalidValueError,
    LockedError,
    NoImageError,
    NotFoundError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Box,
    Comment,
    Counts,
    Decision,
    RangeAction,
    SliceAnnotation,
    SliceRange,
    Status,
)

JOB = "job-1"
REMARK = Comment(person="eve", text="look again", slice_key="index:3", index=3)


def faults(store):
    return [] if store.checker is None else list(store.checker.check())


def submit(store, kit, case_id, job=JOB):
    revision = store.load(job, case_id).annotation.revision
    revision = store.save(job, case_id, kit.labelled(0, 1), {}, base=revision)
    return store.submit(job, case_id, base=revision)


# ------------------------------------------------------------------- jobs, cases
def test_jobs_are_listed_with_their_counts(store, kit):
    summaries = store.jobs()
    assert [s.job.id for s in summaries] == ["job-1", "job-2"]
    assert [s.counts.total for s in summaries] == [5, 2]
    assert summaries[0].job == kit.job() == store.job(JOB)


def test_a_location_opens_the_same_job_again(world, store, monkeypatch):
    from napari_annotate_jobs.stores import open_store

    if store.location == "http://in.process":
        pytest.skip("this server has no address")
    if hasattr(world, "token"):
        monkeypatch.setenv("NAPARI_ANNOTATE_JOBS_TOKEN", world.token("ana"))
    for location in (store.location, store.jobs()[0].location):
        again = open_store(location, person="ana")
        assert again.job(JOB) == store.job(JOB)
        again.close()


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda s: s.job("none"), "none"),
        (lambda s: s.counts("none"), "none"),
        (lambda s: s.cases("none"), "none"),
        (lambda s: s.case(JOB, "none"), "none"),
        (lambda s: s.case("none", "case-0"), "none"),
        (lambda s: s.neighbour(JOB, "none"), "none"),
        (lambda s: s.load(JOB, "none"), "none"),
        (lambda s: s.save(JOB, "none", AnnotationChange(), {}, base=0), "none"),
        (lambda s: s.submit(JOB, "none", base=0), "none"),
        (lambda s: s.submissions(JOB, "none"), "none"),
        (lambda s: s.return_case(JOB, "none", [REMARK], person="ana"), "none"),
        (lambda s: s.people(JOB, "none"), "none"),
        (lambda s: s.read_blob(JOB, "none", "0" * 64), "none"),
        (lambda s: s.read_blob(JOB, "case-0", "0" * 64), "0000"),
        (lambda s: s.note_case(JOB, "none", n_slices=1), "none"),
        (lambda s: s.open_series(JOB, "none"), "none"),
        (lambda s: s.open_series(JOB, "case-0", 7), "7"),
    ],
)
def test_what_is_not_there_is_not_found(store, ask, word):
    with pytest.raises(NotFoundError) as info:
        ask(store)
    assert word in str(info.value)


def test_images_that_are_not_there_name_the_file(store):
    with pytest.raises(NoImageError, match="images"):
        store.open_series(JOB, "case-0")


def test_series_are_found_from_where_the_job_is(world, store, samples, tmp_path):
    # The base of the job is tmp_path in memory, and tmp_path/job-1 as a folder.
    for base in (tmp_path, tmp_path / "job-1"):
        (base / "images").mkdir(parents=True)
        (base / "images" / "1").symlink_to(sorted(samples.values())[0])
    series = store.open_series(JOB, "case-1")
    assert series.header.shape[0] >= 1


@pytest.mark.served
def test_pages_of_cases(store):
    page = store.cases(JOB, offset=1, limit=2)
    assert [row.case.id for row in page.rows] == ["case-1", "case-2"]
    assert [row.ordinal for row in page.rows] == [1, 2]
    assert page.total == 5
    assert store.cases(JOB, offset=9).rows == ()
    assert store.cases(JOB, limit=0).total == 5
    with pytest.raises(InvalidValueError):
        store.cases(JOB, offset=-1)
    with pytest.raises(InvalidValueError):
        store.cases(JOB, limit=-1)


FOUND = {
    "": [0, 1, 2, 3, 4],
    "zürich": [1, 3],
    "ZÜRICH": [1, 3],
    "Zu\u0308rich": [1, 3],
    "graz": [0, 2, 4],
    "e 3": [3],
    "3": [3],
    "se 4 of": [4],
    '"': [],
    "%": [],
    "case_": [],
    "OR": [],
    "NEAR(": [],
    "nothing like it": [],
}


@pytest.mark.served
def test_cases_are_found_by_a_part_of_their_name(store):
    pages = {text: store.cases(JOB, text=text) for text in FOUND}
    found = {text: [row.ordinal for row in page.rows] for text, page in pages.items()}
    assert found == FOUND
    assert all(page.total == len(FOUND[text]) for text, page in pages.items())


@pytest.mark.served
def test_cases_are_filtered_by_status_and_text(world, store, kit):
    for case_id in ("case-1", "case-2", "case-3"):
        submit(store, kit, case_id)
    world.store("eve").return_case(JOB, "case-3", [REMARK], person="ana")

    def ids(**query):
        return [row.case.id for row in store.cases(JOB, **query).rows]

    assert store.counts(JOB) == Counts(remaining=2, finished=2, returned=1)
    assert ids(status=Status.REMAINING) == ["case-0", "case-4"]
    assert ids(status=Status.FINISHED) == ["case-1", "case-2"]
    assert ids(status=Status.RETURNED) == ["case-3"]
    assert ids(status=Status.FINISHED, text="zür") == ["case-1"]
    assert ids(status=Status.FINISHED, text="ü") == ["case-1"]
    assert store.cases(JOB, status=Status.FINISHED, text="zür").total == 1
    assert ids(status=Status.REMAINING, offset=1) == ["case-4"]
    # The other person has done nothing yet.
    assert world.store("eve").counts(JOB) == Counts(remaining=5)


def test_a_neighbour_is_the_next_case_that_fits(store, kit):
    submit(store, kit, "case-1")
    submit(store, kit, "case-2")
    left = (Status.REMAINING, Status.RETURNED)

    def near(*args, **options):
        row = store.neighbour(JOB, *args, **options)
        return row and row.case.id

    assert near() == "case-0"
    assert near(step=-1) == "case-4"
    assert near("case-0") == "case-1"
    assert near("case-0", statuses=left) == "case-3"
    assert near("case-3", step=-1, statuses=left) == "case-0"
    assert near("case-4") is None
    assert near("case-4", wrap=True) == "case-0"
    assert near("case-0", step=-1, wrap=True) == "case-4"
    assert near("case-0", step=-1) is None
    assert near(statuses=[Status.RETURNED]) is None
    assert near("case-1", statuses=[Status.FINISHED], wrap=True) == "case-2"
    submit(store, kit, "case-0")
    assert near("case-3", statuses=[Status.RETURNED], wrap=True) is None
    with pytest.raises(InvalidValueError):
        store.neighbour(JOB, step=2)


def test_a_case_alone_is_not_its_own_neighbour(store, kit):
    submit(store, kit, "case-0")
    only = [Status.FINISHED]
    assert store.neighbour(JOB, "case-0", statuses=only, wrap=True) is None
    assert store.neighbour(JOB, "case-0", step=-1, statuses=only, wrap=True) is None


@pytest.mark.served
def test_what_opening_told_of_a_case_is_kept(world, store):
    case = store.note_case(
        JOB, "case-1", n_slices=20, warnings=["slice 3 is missing", "tilt 12°"]
    )
    assert case.n_slices == 20
    for other in (store, world.store("eve")):
        row = other.case(JOB, "case-1")
        assert row.case.n_slices == 20
        assert row.warnings == ("slice 3 is missing", "tilt 12°")
    store.note_case(JOB, "case-1", n_slices=21)
    assert world.store().cases(JOB).rows[1].case.n_slices == 21
    assert store.case(JOB, "case-1").warnings == ()
    with pytest.raises(InvalidValueError):
        store.note_case(JOB, "case-1", n_slices=0)


# ------------------------------------------------------------------- annotations
def test_a_case_begins_blank(store):
    draft = store.load(JOB, "case-0")
    assert draft.annotation == Annotation(case_id="case-0", person="ana")
    assert (draft.status, draft.submissions, draft.returned) == (
        Status.REMAINING,
        0,
        None,
    )
    assert store.people(JOB, "case-0") == []
    assert list(store.submissions(JOB, "case-0")) == []


@pytest.mark.served
def test_what_is_saved_is_loaded_again(world, store, kit):
    ref, data = kit.mask(700)
    vessel, more = kit.mask(8, seed=9)
    box = Box(label=5, top=0.5, left=1, bottom=7.25, right=1e3, attributes={"q": ""})
    content = SliceAnnotation(
        index=3,
        class_labels=(2, 1),
        boxes=(box,),
        masks={"": ref, "vessels": vessel},
        attributes={1: {"margin": "sharp", "remark": "größer"}},
    )
    change = kit.change(
        content,
        SliceAnnotation(index=4, excluded=True),
        SliceAnnotation(index=5, nothing_to_label=True),
        case_labels=(4,),
        case_attributes={1: {"grade": "2"}},
        ranges=(
            SliceRange(
                action=RangeAction.CLASS_LABELS,
                labels=(1,),
                origin=3,
                start=3,
                stop=3,
                applied=(3,),
                person="ana",
            ),
        ),
        comments=(Comment(person="ana", text="Größe?\nunklar"),),
    )
    blobs = {ref.digest: data, vessel.digest: more}
    assert store.save(JOB, "case-0", change, blobs, base=0) == 1

    for other in (store, world.store()):
        draft = other.load(JOB, "case-0")
        assert draft.annotation.revision == 1
        assert draft.annotation.slices["index:3"] == content
        assert draft.annotation.case_labels == (4,)
        assert draft.annotation.case_attributes == {1: {"grade": "2"}}
        assert draft.annotation.ranges == change.ranges
        assert draft.annotation.comments == change.comments
        assert draft.annotation.modified is not None
        assert other.read_blob(JOB, "case-0", ref.digest) == data
        assert other.read_blob(JOB, "case-0", vessel.digest) == more
        row = other.case(JOB, "case-0")
        assert (row.status, row.draft, row.decided) == (Status.REMAINING, True, 3)
    assert store.people(JOB, "case-0") == ["ana"]
    # Nobody else's case is touched.
    assert world.store("eve").load(JOB, "case-0").annotation.is_blank
    assert not world.store("eve").case(JOB, "case-0").draft
    assert world.store("eve").load(JOB, "case-0", person="ana") == draft
    assert store.load("job-2", "case-0").annotation.is_blank


def test_changes_add_up_and_take_away(store, kit):
    change, blobs = kit.painted(1)
    store.save(JOB, "case-0", change, blobs, base=0)
    store.save(JOB, "case-0", kit.labelled(2, 1), {}, base=1)
    store.save(JOB, "case-0", AnnotationChange(slices={"index:1": None}), {}, base=2)
    store.save(JOB, "case-0", AnnotationChange(case_nothing_to_label=True), {}, base=3)
    annotation = store.load(JOB, "case-0").annotation
    assert annotation.revision == 4
    assert list(annotation.slices) == ["index:2"]
    assert annotation.case_nothing_to_label
    # Undo: the mask comes back without its bytes being given again.
    store.save(JOB, "case-0", change, {}, base=4)
    for digest, data in blobs.items():
        assert store.read_blob(JOB, "case-0", digest) == data
    # Nothing is wrong but that there are no images.
    assert all("images" in fault.what for fault in faults(store))


def test_what_was_seen_adds_up_and_is_submitted_as_it_is(world, store, kit):
    seen = AnnotationChange(seen=("1.2.3", "index:1"))
    assert store.save(JOB, "case-0", seen, {}, base=0) == 1
    both = kit.labelled(2, 1).then(AnnotationChange(seen=("index:1", "1.2.4")))
    store.save(JOB, "case-0", both, {}, base=1)
    store.save(JOB, "case-0", kit.labelled(3, 1), {}, base=2)
    submission = store.submit(JOB, "case-0", base=3)
    assert submission.annotation.seen == ("1.2.3", "index:1", "1.2.4")
    other = world.store()
    assert list(other.submissions(JOB, "case-0")) == [submission]
    assert other.load(JOB, "case-0").annotation == submission.annotation


def test_a_mask_may_be_copied_to_other_slices_without_its_bytes(store, kit):
    change, blobs = kit.painted(1)
    store.save(JOB, "case-0", change, blobs, base=0)
    content = change.slices["index:1"]
    copies = kit.change(*(content.evolve(index=i) for i in range(2, 9)))
    store.save(JOB, "case-0", copies, {}, base=1)
    assert len(store.load(JOB, "case-0").annotation.slices) == 8


@pytest.mark.served
def test_a_mask_may_be_taken_from_another_person(world, store, kit):
    change, blobs = kit.painted(1)
    store.save(JOB, "case-0", change, blobs, base=0)
    eve = world.store("eve")
    eve.save(JOB, "case-0", change, {}, base=0)
    assert eve.people(JOB, "case-0") == ["ana", "eve"]
    assert eve.load(JOB, "case-0").annotation.blobs() == frozenset(blobs)


def test_an_empty_change_changes_nothing(store, kit):
    assert store.save(JOB, "case-0", AnnotationChange(), {}, base=0) == 0
    assert store.people(JOB, "case-0") == []
    with pytest.raises(ConflictError):
        store.save(JOB, "case-0", AnnotationChange(), {}, base=1)


def test_masks_without_bytes_or_with_wrong_ones_are_refused(store, kit):
    change, blobs = kit.painted(1)
    digest = next(iter(blobs))
    for wrong in ({}, {digest: b"something else"}):
        with pytest.raises(InvalidValueError, match=digest[:16]):
            store.save(JOB, "case-0", change, wrong, base=0)
    assert store.load(JOB, "case-0").annotation.revision == 0
    with pytest.raises(NotFoundError):
        store.read_blob(JOB, "case-0", digest)


def _mask_slice(kit, label, group=""):
    ref, _ = kit.mask(label)
    return SliceAnnotation(index=0, masks={group: ref})


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda kit: kit.labelled(0, 99), "99"),
        (lambda kit: kit.labelled(0, 2, 3), "exclude"),
        (lambda kit: kit.labelled(0, 4), "scope"),
        (lambda kit: kit.labelled(0, 5), "detection"),
        (lambda kit: kit.change(case_labels=(1,)), "scope"),
        (
            lambda kit: kit.change(
                SliceAnnotation(
                    index=0, boxes=(Box(label=6, top=0, left=0, bottom=1, right=1),)
                )
            ),
            "segmentation",
        ),
        (lambda kit: kit.change(_mask_slice(kit, 8)), "overlap group"),
        (lambda kit: kit.change(_mask_slice(kit, 6, "vessels")), "overlap group"),
        (lambda kit: kit.change(_mask_slice(kit, 44)), "44"),
        (
            lambda kit: kit.change(case_labels=(4,), case_nothing_to_label=True),
            "nothing to label",
        ),
    ],
    ids=[
        "undeclared",
        "exclusive",
        "case label on a slice",
        "detection label as class",
        "slice label on the case",
        "segmentation label on a box",
        "mask in no overlap group",
        "mask in another overlap group",
        "undeclared pixel",
        "negative beside case labels",
    ],
)
def test_the_label_set_is_closed(store, kit, make, match):
    masks = [kit.mask(label) for label in (6, 8, 44)]
    blobs = {ref.digest: data for ref, data in masks}
    with pytest.raises(InvalidValueError, match=match):
        store.save(JOB, "case-0", make(kit), blobs, base=0)
    assert store.load(JOB, "case-0").annotation.revision == 0


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"slice": {99: {"margin": "sharp"}}}, "99"),
        ({"slice": {2: {"margin": "sharp"}}}, "no attribute"),
        ({"slice": {1: {"margin": "round"}}}, "none of its answers"),
        ({"slice": {1: {"margin": ""}}}, "none of its answers"),
        ({"slice": {1: {"remark": "a\x00b"}}}, "one line"),
        ({"slice": {1: {"remark": "x" * 1001}}}, "more than 1,000"),
        ({"slice": {1: {"grade": "1"}}}, "asked of a slice"),
        ({"case": {1: {"margin": "sharp"}}}, "asked of the whole case"),
        ({"case": {1: {"grade": "3"}}}, "none of its answers"),
        ({"case": {70000: {"grade": "1"}}}, "70000"),
        ({"box": {"note": "x" * 1001}}, "more than 1,000"),
    ],
)
def test_only_what_is_asked_is_answered(store, kit, fields, match):
    box = Box(
        label=5, top=0, left=0, bottom=1, right=1, attributes=fields.get("box", {})
    )
    change = kit.change(
        SliceAnnotation(
            index=0,
            class_labels=(1, 2),
            boxes=(box,),
            attributes=fields.get("slice", {}),
        ),
        case_attributes=fields.get("case"),
    )
    with pytest.raises(InvalidValueError, match=match):
        store.save(JOB, "case-0", change, {}, base=0)
    assert store.load(JOB, "case-0").annotation.revision == 0


@pytest.mark.served
def test_the_second_writer_gets_a_conflict(world, kit):
    one, two = world.store(), world.store()
    one.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    with pytest.raises(ConflictError) as info:
        two.save(JOB, "case-0", kit.labelled(1, 1), {}, base=0)
    assert (info.value.base, info.value.current) == (0, 1)
    assert two.save(JOB, "case-0", kit.labelled(1, 1), {}, base=1) == 2
    with pytest.raises(ConflictError):
        one.submit(JOB, "case-0", base=1)
    assert sorted(one.load(JOB, "case-0").annotation.slices) == ["index:0", "index:1"]


@pytest.mark.served
def test_the_same_save_again_is_no_conflict(world, kit):
    """The answer may have been lost, or an error that came after the fact."""
    change, blobs = kit.painted(1)
    one, two = world.store(), world.store()
    one.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    assert one.save(JOB, "case-0", change, blobs, base=1) == 2
    for store in (one, two, world.store()):
        assert store.save(JOB, "case-0", change, blobs, base=1) == 2
    assert one.load(JOB, "case-0").annotation.revision == 2
    assert two.save(JOB, "case-0", kit.labelled(0, 2), {}, base=2) == 3
    for base, late in ((1, change), (1, kit.labelled(0, 2)), (0, kit.labelled(0, 2))):
        with pytest.raises(ConflictError):
            one.save(JOB, "case-0", late, blobs, base=base)


def test_where_nothing_is_damaged_nothing_is_mended(store, kit):
    store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    if store.checker is not None:
        assert store.checker.mend_case(JOB, "case-0") is None
    assert store.load(JOB, "case-0").annotation.revision == 1


@pytest.mark.served
def test_of_many_writers_exactly_one_wins(world, kit):
    def write(number):
        store = world.store()
        try:
            return store.save(JOB, "case-0", kit.labelled(number, 1), {}, base=0)
        except ConflictError:
            return None

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(write, range(8)))
    assert [r for r in results if r is not None] == [1]
    winner = results.index(1)
    assert list(world.store().load(JOB, "case-0").annotation.slices) == [
        f"index:{winner}"
    ]


@pytest.mark.served
def test_one_store_may_be_used_from_many_threads(store, kit):
    def write(number):
        change, blobs = kit.painted(number, seed=number)
        return store.save(JOB, f"case-{number % 5}", change, blobs, base=number // 5)

    for start in range(0, 20, 5):
        with ThreadPoolExecutor(5) as pool:
            results = list(pool.map(write, range(start, start + 5)))
        assert results == [start // 5 + 1] * 5
    assert store.counts(JOB) == Counts(remaining=5)
    assert all(row.draft and row.decided == 4 for row in store.cases(JOB).rows)


# ------------------------------------------------------------------- submissions
@pytest.mark.served
def test_submitting_freezes_the_draft(world, store, kit):
    change, blobs = kit.painted(0)
    store.save(JOB, "case-0", change, blobs, base=0)
    submission = store.submit(JOB, "case-0", base=1)
    assert (submission.number, submission.author) == (1, "ana")
    assert submission.annotation == store.load(JOB, "case-0").annotation
    for other in (store, world.store()):
        assert list(other.submissions(JOB, "case-0")) == [submission]
        draft = other.load(JOB, "case-0")
        assert (draft.status, draft.submissions) == (Status.FINISHED, 1)
        row = other.case(JOB, "case-0")
        assert (row.status, row.draft, row.decided) == (Status.FINISHED, False, 1)
        with pytest.raises(LockedError):
            other.save(JOB, "case-0", kit.labelled(1, 1), {}, base=1)
        with pytest.raises(LockedError):
            other.submit(JOB, "case-0", base=1)
    eve = world.store("eve")
    assert list(eve.submissions(JOB, "case-0")) == []
    assert list(eve.submissions(JOB, "case-0", person="ana")) == [submission]


def test_nothing_cannot_be_submitted(store, kit):
    with pytest.raises(TransitionError, match="nothing was said"):
        store.submit(JOB, "case-0", base=0)
    remark = AnnotationChange(comments=(REMARK,))
    store.save(JOB, "case-0", remark, {}, base=0)
    with pytest.raises(TransitionError, match="nothing was said"):
        store.submit(JOB, "case-0", base=1)


def test_proposals_are_never_submitted_silently(store, kit):
    ref, data = kit.mask()
    proposed = SliceAnnotation(index=7, class_labels=(1,), proposals={"": ref})
    store.save(JOB, "case-0", kit.change(proposed), {ref.digest: data}, base=0)
    with pytest.raises(TransitionError, match="slice 8"):
        store.submit(JOB, "case-0", base=1)
    assert store.load(JOB, "case-0").status is Status.REMAINING
    confirmed = proposed.evolve(proposals={}, masks={"": ref})
    store.save(JOB, "case-0", kit.change(confirmed), {}, base=1)
    store.submit(JOB, "case-0", base=2)


@pytest.mark.served
def test_a_returned_case_is_worked_over(world, store, kit):
    first = submit(store, kit, "case-2")
    eve = world.store("eve")
    answer = eve.return_case(JOB, "case-2", [REMARK], person="ana")
    assert (answer.submission, answer.number, answer.person) == (1, 1, "eve")
    assert answer.comments == (REMARK,)

    draft = store.load(JOB, "case-2")
    assert (draft.status, draft.returned) == (Status.RETURNED, answer)
    row = store.case(JOB, "case-2")
    assert (row.status, row.draft) == (Status.RETURNED, False)
    assert row.returned_comment == "look again"
    assert store.counts(JOB).returned == 1

    store.save(JOB, "case-2", kit.labelled(0, 2), {}, base=1)
    assert store.case(JOB, "case-2").draft
    second = store.submit(JOB, "case-2", base=2)
    assert second.number == 2
    assert list(store.submissions(JOB, "case-2")) == [first, second]
    row = store.case(JOB, "case-2")
    assert (row.status, row.returned_comment) == (Status.FINISHED, "")
    assert store.load(JOB, "case-2").returned is None


def test_only_a_finished_case_is_returned_and_only_with_a_comment(world, store, kit):
    eve = world.store("eve")
    with pytest.raises(TransitionError, match="remaining"):
        eve.return_case(JOB, "case-2", [REMARK], person="ana")
    assert store.people(JOB, "case-2") == []
    submit(store, kit, "case-2")
    with pytest.raises(TransitionError, match="comment"):
        eve.return_case(JOB, "case-2", [], person="ana")
    eve.return_case(JOB, "case-2", [REMARK], person="ana")
    with pytest.raises(TransitionError, match="returned"):
        eve.return_case(JOB, "case-2", [REMARK], person="ana")


def test_a_project_can_demand_every_slice(tmp_path, kit, worlds):
    for name, make in worlds.items():
        jobs = [(kit.job(every_slice=True), kit.cases())]
        world = make(tmp_path / name, jobs)
        store = world.store()
        store.note_case(JOB, "case-0", n_slices=3)
        store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
        with pytest.raises(TransitionError, match="2 of 3"):
            store.submit(JOB, "case-0", base=1)
        rest = kit.change(
            SliceAnnotation(index=1, excluded=True),
            SliceAnnotation(index=2, nothing_to_label=True),
        )
        store.save(JOB, "case-0", rest, {}, base=1)
        assert store.submit(JOB, "case-0", base=2).number == 1
        decided = store.load(JOB, "case-0").annotation.decided(["index:1"])
        assert decided == {"index:1": Decision.EXCLUDED}
        world.close()


def test_masks_are_addressed_by_the_digest_of_their_bytes(store, kit):
    change, blobs = kit.painted(0)
    store.save(JOB, "case-0", change, blobs, base=0)
    for digest in blobs:
        data = store.read_blob(JOB, "case-0", digest)
        assert hashlib.sha256(data).hexdigest() == digest
        with pytest.raises(NotFoundError):
            store.read_blob(JOB, "case-1", digest)


def test_names_of_people_are_trimmed_and_must_be_names(world):
    assert world.store("  Dr. Ana Müller ").person == "Dr. Ana Müller"
    for name in ("   ", "a\nb", "x" * 121):
        with pytest.raises(InvalidValueError):
            world.store(name)


def test_closing_twice_does_no_harm(store, kit):
    store.save(JOB, "case-0", kit.labelled(0, 1), {}, base=0)
    store.close()
    store.close()
    assert store.load(JOB, "case-0").annotation.revision == 1


# ---------------------------------------------------------------- combinations
def test_combinations_are_kept_with_the_job(world, store):
    assert store.combinations(JOB) == {}
    before = faults(store)
    store.save_combination(JOB, "lesions  coarse", "combine: {A: [B]}\n")
    store.save_combination(JOB, "Grün", "combine: {Ä: [B]}\n")
    store.save_combination(JOB, "Grün", "combine: {Ä: [C]}\n")
    again = world.store("bo")
    assert again.combinations(JOB) == {
        "Grün": "combine: {Ä: [C]}\n",
        "lesions coarse": "combine: {A: [B]}\n",
    }
    again.save_combination(JOB, "Grün", None)
    again.save_combination(JOB, "Grün", None)
    assert list(store.combinations(JOB)) == ["lesions coarse"]
    assert store.combinations("job-2") == {}
    assert faults(store) == before


@pytest.mark.parametrize("name", ["", "a/b", "..", "con", "a\nb\\c", "x" * 61])
def test_a_combination_needs_a_name_that_files_can_have(store, name):
    with pytest.raises(InvalidValueError, match="cannot name a file"):
        store.save_combination(JOB, name, "combine: {}\n")
    with pytest.raises(NotFoundError):
        store.combinations("none")

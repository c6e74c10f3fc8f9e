"""Whatever is done in whatever order: the folder holds what the memory holds."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import (
    AnnotationChange,
    Box,
    Comment,
    Correction,
    ReviewStatus,
    SliceAnnotation,
    Status,
    Verb,
)
from napari_annotate_jobs.stores import FolderStore

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = "job-1"
PEOPLE = ("ana", "Dr. Évé")
CASES = tuple(f"case-{i}" for i in range(3))

people = st.sampled_from(PEOPLE)
cases = st.sampled_from(CASES)
indices = st.integers(0, 5)


def outcome(action: Callable[[], object]) -> object:
    """Return what came of it: a value, or the kind and text of an error."""
    try:
        return action()
    except AnnotateJobsError as error:
        return type(error), error.what


_TIMES = {"time", "modified", "digest", "judged", "answers", "touched"}


def untimed(value: object) -> object:
    """Return a value without the times at which it was made."""
    if isinstance(value, list | tuple):
        return [untimed(item) for item in value]
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, dict):
        return {
            key: untimed(item)
            for key, item in value.items()
            if key not in _TIMES or "pixels" in value
        }
    return value


@pytest.mark.slow
def test_the_folder_store_is_the_memory_store(kit, worlds):
    class Stores(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.home = Path(tempfile.mkdtemp())
            jobs = [(kit.job(), kit.cases(len(CASES)))]
            self.worlds = [
                make(self.home / name, jobs) for name, make in worlds.items()
            ]
            self.stores = {
                person: [world.store(person) for world in self.worlds]
                for person in PEOPLE
            }
            self.names = map(str, itertools.count())

        def teardown(self) -> None:
            for world in self.worlds:
                world.close()
            shutil.rmtree(self.home)

        def both(self, person, action):
            results = [outcome(lambda s=s: action(s)) for s in self.stores[person]]
            first, second = map(untimed, results)
            assert first == second
            return results[0]

        def revision(self, person, case):
            return self.stores[person][0].load(JOB, case).annotation.revision

        def save(self, person, case, change, blobs=None, late=0):
            base = max(self.revision(person, case) - late, 0)
            self.both(
                person, lambda s: s.save(JOB, case, change, blobs or {}, base=base)
            )

        @rule(
            person=people,
            case=cases,
            index=indices,
            labels=st.sets(st.sampled_from([1, 2, 3, 4, 99]), max_size=2),
            late=st.sampled_from([0, 0, 0, 1]),
        )
        def label(self, person, case, index, labels, late):
            change = kit.labelled(index, *labels)
            self.save(person, case, change, late=late)

        @rule(
            person=people,
            case=cases,
            index=indices,
            label=st.sampled_from([6, 700, 8]),
            seed=st.integers(0, 9),
            proposal=st.booleans(),
            given=st.booleans(),
        )
        def paint(self, person, case, index, label, seed, proposal, given):
            ref, data = kit.mask(label, seed)
            masks = {kit.labels[label].overlap_group: ref}
            field = {"proposals": masks} if proposal else {"masks": masks}
            change = kit.change(SliceAnnotation(index=index, **field))
            self.save(person, case, change, {ref.digest: data} if given else {})

        @rule(
            person=people,
            case=cases,
            index=indices,
            kind=st.sampled_from(["clear", "nothing", "exclude", "box"]),
        )
        def decide(self, person, case, index, kind):
            content = {
                "clear": None,
                "nothing": SliceAnnotation(index=index, nothing_to_label=True),
                "exclude": SliceAnnotation(index=index, excluded=True),
                "box": SliceAnnotation(
                    index=index,
                    boxes=(Box(label=5, top=0, left=0, bottom=1, right=2),),
                ),
            }[kind]
            change = AnnotationChange(slices={f"index:{index}": content})
            self.save(person, case, change)

        @rule(
            person=people,
            case=cases,
            labels=st.sampled_from([None, (), (4,)]),
            nothing=st.sampled_from([None, True, False]),
            text=st.sampled_from([None, "?"]),
        )
        def say_of_case(self, person, case, labels, nothing, text):
            comments = text and (Comment(id="c", person=person, text=text),)
            change = AnnotationChange(
                case_labels=labels, case_nothing_to_label=nothing, comments=comments
            )
            self.save(person, case, change)

        @rule(person=people, case=cases, late=st.sampled_from([0, 0, 1]))
        def submit(self, person, case, late):
            base = max(self.revision(person, case) - late, 0)
            self.both(person, lambda s: s.submit(JOB, case, base=base))

        @rule(reviewer=people, person=people, case=cases, said=st.booleans())
        def give_back(self, reviewer, person, case, said):
            remark = Comment(id="r", person=reviewer, text="again")
            comments = [remark] if said else []
            self.both(
                reviewer,
                lambda s: s.return_case(JOB, case, comments, person=person),
            )

        @rule(
            reviewer=people,
            person=people,
            case=cases,
            verb=st.sampled_from(
                [Verb.PASS, Verb.FAIL, Verb.RETURN, Verb.WITHDRAW, Verb.REOPEN]
            ),
            said=st.booleans(),
            number=st.sampled_from([None, None, 1, 2]),
            corrected=st.sampled_from([False, False, True]),
        )
        def judge(self, reviewer, person, case, verb, said, number, corrected):
            remark = Comment(id=next(self.names), person=reviewer, text="again")
            self.both(
                reviewer,
                lambda s: s.judge(
                    JOB,
                    case,
                    verb,
                    person=person,
                    number=number,
                    comments=[remark] if said else [],
                    corrected=corrected,
                ),
            )

        @rule(reviewer=people, person=people, case=cases, index=indices)
        def correct(self, reviewer, person, case, index):
            stores = self.stores[reviewer]
            sent = stores[0].submissions(JOB, case, person=person)
            if not sent:
                return
            of = Correction(person=person, number=len(sent), digest=sent[-1].digest)
            change = kit.labelled(index, 1).model_copy(update={"corrects": of})
            base = stores[0].load(JOB, case, of=person).annotation.revision
            self.both(
                reviewer,
                lambda s: s.save(JOB, case, change, {}, base=base, of=person),
            )
            self.both(reviewer, lambda s: s.submit(JOB, case, base=base + 1, of=person))

        @rule(
            who=people,
            person=people,
            case=cases,
            said=st.booleans(),
            reply=st.booleans(),
            resolved=st.sampled_from([None, True, False]),
        )
        def discuss(self, who, person, case, said, reply, resolved):
            comment = None
            if said:
                comment = Comment(id=next(self.names), person=who, text="well")
            threads = self.stores[who][0].threads(JOB, case, person=person)
            thread = threads[-1].id if reply and threads else None
            self.both(
                who,
                lambda s: s.discuss(
                    JOB,
                    case,
                    person=person,
                    comment=comment,
                    thread=thread,
                    resolved=resolved,
                ),
            )

        @rule(who=people, person=people, case=cases)
        def read(self, who, person, case):
            self.both(who, lambda s: s.threads(JOB, case, person=person))
            self.both(who, lambda s: s.mark_read(JOB, case, person=person))
            self.both(who, lambda s: s.threads(JOB, case, person=person))
            self.both(who, lambda s: s.review_progress(JOB))
            self.both(who, lambda s: s.reviews(JOB, revised=True))

        @rule(
            who=people,
            after=st.none() | st.tuples(cases, people),
            step=st.sampled_from([1, -1]),
            statuses=st.sets(st.sampled_from(ReviewStatus)),
            wrap=st.booleans(),
        )
        def go_on_reviewing(self, who, after, step, statuses, wrap):
            self.both(
                who,
                lambda s: s.next_review(
                    JOB, after, step=step, statuses=tuple(statuses), wrap=wrap
                ),
            )

        @rule(person=people, case=cases, n=st.integers(0, 9))
        def note(self, person, case, n):
            self.both(person, lambda s: s.note_case(JOB, case, n_slices=n))

        @rule(person=people)
        def reopen(self, person):
            for number, store in enumerate(self.stores[person]):
                store.close()
                self.stores[person][number] = self.worlds[number].store(person)

        @rule()
        def follow(self):
            """Status and counts follow from the documents, whatever the index heard."""
            folder = self.worlds[list(worlds).index("folder")]
            before = {}
            for again in (False, True):
                for person in PEOPLE:
                    fresh = FolderStore(folder.path, person)
                    if again:
                        (found,) = fresh._scan()
                        found.catalogue.rebuild()
                    heard = (
                        fresh.counts(JOB),
                        fresh.cases(JOB),
                        fresh.review_counts(JOB),
                        fresh.reviews(JOB),
                        fresh.review_progress(JOB),
                    )
                    assert before.setdefault(person, heard) == heard
                    fresh.close()

        @rule()
        def check(self):
            faults = self.stores["ana"][list(worlds).index("folder")].check()
            assert all("images" in fault.what for fault in faults)

        @rule(
            person=people,
            case=st.none() | cases,
            step=st.sampled_from([1, -1]),
            statuses=st.sets(st.sampled_from(Status)),
            wrap=st.booleans(),
        )
        def go_on(self, person, case, step, statuses, wrap):
            self.both(
                person,
                lambda s: s.neighbour(
                    JOB, case, step=step, statuses=tuple(statuses), wrap=wrap
                ),
            )

        @rule(
            person=people,
            status=st.none() | st.sampled_from(Status),
            text=st.sampled_from(["", "ü", "graz", "case 1"]),
            offset=st.integers(0, 3),
        )
        def list_cases(self, person, status, text, offset):
            self.both(
                person,
                lambda s: s.cases(
                    JOB, status=status, text=text, offset=offset, limit=2
                ),
            )

        @invariant()
        def alike(self):
            for person in PEOPLE:
                self.both(person, lambda s: s.counts(JOB))
                self.both(person, lambda s: s.review_counts(JOB))
                self.both(person, lambda s: s.reviews(JOB))
                self.both(person, lambda s: s.cases(JOB))
                for case in CASES:
                    draft = self.both(person, lambda s, c=case: s.load(JOB, c))
                    self.both(person, lambda s, c=case: s.people(JOB, c))
                    self.both(person, lambda s, c=case: s.submissions(JOB, c))
                    self.both(person, lambda s, c=case: s.verdicts(JOB, c))
                    for digest in draft.annotation.blobs():
                        self.both(
                            person,
                            lambda s, c=case, d=digest: s.read_blob(JOB, c, d),
                        )

    run_state_machine_as_test(
        Stores, settings=settings(max_examples=10, stateful_step_count=25)
    )

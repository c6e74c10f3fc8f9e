"""A job of 100,000 cases against one of 1,000: what the lists ask of a store.

Both jobs have the same part of their cases finished and returned. Each question is
asked of the large and of the small one in turn; the small one is the peer. So is the
index made, each time from nothing; and that of a job whose cases are all finished, of
5,000 cases against 50, for there it reads a submission of each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from _bench import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import Job
    from napari_annotate_jobs.stores import FolderStore

LARGE, SMALL = 100_000, 1_000
FINISHED_LARGE, FINISHED_SMALL = 5_000, 50
PERSON = "bench"
GOAL = 2.0


def make_job(folder: Path, n: int, every: int = 50) -> Path:
    """Write a job of `n` cases; one in `every` is finished, one of ten such returned.

    If all are finished, none is returned.
    """
    from napari_annotate_jobs.model import (
        AnnotationChange,
        Case,
        Comment,
        Job,
        Label,
        LabelSet,
        Method,
        Project,
        SeriesRef,
        SliceAnnotation,
    )
    from napari_annotate_jobs.stores import FolderStore, create_job

    label = Label(id=1, name="a", color="#E69F00", method=Method.CLASSIFICATION)
    job = Job(
        id="job",
        project=Project(
            name=f"{n} cases",
            methods=(Method.CLASSIFICATION,),
            label_set=LabelSet(labels=(label,)),
        ),
    )
    cases = [
        Case(
            id=f"case-{i:06d}",
            name=f"Study {i * 7919 % 1_000_003:07d}",
            series=(SeriesRef(path=f"images/case-{i:06d}"),),
            n_slices=300,
        )
        for i in range(n)
    ]
    path = folder / f"{n}-{every}"
    store = create_job(path, job, cases, person=PERSON)
    reviewer = FolderStore(path, "reviewer")
    content = SliceAnnotation(index=0, class_labels=(1,))
    change = AnnotationChange(slices={"index:0": content})
    for place in range(0, n, every):
        case = cases[place].id
        store.save(job.id, case, change, {}, base=0)
        store.submit(job.id, case, base=1)
        if every > 1 and place % (10 * every) == 0:
            remark = Comment(person="reviewer", text="again")
            reviewer.return_case(job.id, case, [remark], person=PERSON)
    store.close()
    reviewer.close()
    return path


def questions(store: FolderStore, job: Job) -> dict[str, Callable[[], object]]:
    """Return what My Jobs and the job page ask."""
    from napari_annotate_jobs.model import ReviewStatus, Status

    n = store.counts(job.id).total
    middle = f"case-{n // 2:06d}"
    names = [
        store.case(job.id, f"case-{i * n // 9:06d}").case.name for i in range(1, 9)
    ]
    turns = count()

    def search(**options: object) -> object:
        """Search for another name each time: the last answer is remembered."""
        name = names[next(turns) % len(names)]
        return store.cases(job.id, text=name[-6:], **options)  # type: ignore[arg-type]

    return {
        "jobs": store.jobs,
        "counts": lambda: store.counts(job.id),
        "first page": lambda: store.cases(job.id),
        "page in the middle": lambda: store.cases(job.id, offset=n // 2),
        "remaining": lambda: store.cases(job.id, status=Status.REMAINING),
        "remaining, middle": lambda: store.cases(
            job.id, status=Status.REMAINING, offset=n // 2
        ),
        "finished": lambda: store.cases(job.id, status=Status.FINISHED),
        "returned": lambda: store.cases(job.id, status=Status.RETURNED),
        "search": search,
        "search in remaining": lambda: search(status=Status.REMAINING),
        "next remaining": lambda: store.neighbour(
            job.id, middle, statuses=(Status.REMAINING, Status.RETURNED)
        ),
        "review counts": lambda: store.review_counts(job.id),
        "waiting, middle": lambda: store.reviews(
            job.id, status=ReviewStatus.WAITING, offset=n // 100
        ),
        "next waiting": lambda: store.next_review(
            job.id, (middle, PERSON), statuses=(ReviewStatus.WAITING,)
        ),
        "previous": lambda: store.neighbour(job.id, middle, step=-1),
    }


def reopen(path: Path) -> None:
    """Open a job that was opened before, and show its first page."""
    from napari_annotate_jobs.stores import FolderStore

    store = FolderStore(path, PERSON)
    (summary,) = store.jobs()
    store.cases(summary.job.id)
    store.close()


def main() -> None:
    from napari_annotate_jobs.stores import FolderStore

    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_CACHE_HOME"] = home
        paths = [make_job(Path(home), n) for n in (LARGE, SMALL)]
        full = [make_job(Path(home), n, 1) for n in (FINISHED_LARGE, FINISHED_SMALL)]

        def anew(path: Path) -> None:
            shutil.rmtree(Path(home) / "napari-annotate-jobs", ignore_errors=True)
            reopen(path)

        # Linear, once a machine: for the record, without a goal.
        for name, pair in (("make the index", paths), ("all finished", full)):
            compare(f"cases: {name}", *(partial(anew, path) for path in pair))
        compare("cases: open", *(partial(reopen, path) for path in paths), goal=GOAL)
        stores = [FolderStore(path, PERSON) for path in paths]
        asked = [questions(store, store.jobs()[0].job) for store in stores]
        for name in asked[0]:
            for answers in asked:
                found = answers[name]()
                if getattr(found, "total", 1) == 0:
                    raise LookupError(f"{name}: nothing is found, hence nothing timed")
            large, small = (partial(many, answers[name]) for answers in asked)
            compare(f"cases: {name}", large, small, repeats=9, goal=GOAL)
        for store in stores:
            store.close()


def many(question: Callable[[], object]) -> None:
    """Ask often enough for the clock."""
    for _ in range(50):
        question()


if __name__ == "__main__":
    main()

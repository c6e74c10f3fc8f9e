"""What the tests of the session share: stores that fail, and a desk to work at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from editing_kit import N_SLICES, SHAPE, Kit, project, slice_ids
from napari_annotate_jobs.model import Case, Job, SeriesRef, Window
from napari_annotate_jobs.session import (
    AnnotationSession,
    Recovery,
    SynchronousExecutor,
)
from napari_annotate_jobs.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_annotate_jobs.editing import CaseEditor
    from napari_annotate_jobs.model import Annotation, SliceId


class FlakyStore(MemoryStore):
    """A memory store of cases without pictures that fails when it is told to."""

    n_slices = N_SLICES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fault: Exception | None = None
        self.saves = 0
        self.closed = False
        self.slices: tuple[SliceId, ...] | None = None

    def save(self, *args: Any, **kwargs: Any) -> int:
        self.saves += 1
        if self.fault is not None:
            raise self.fault
        return super().save(*args, **kwargs)

    def open_series(self, job_id: str, case_id: str, **options: Any) -> Any:
        slices = self.slices or slice_ids(self.n_slices)
        header = SimpleNamespace(
            shape=(len(slices), *SHAPE),
            spacing=(5.0, 0.5, 2.0),
            slices=slices,
            warnings=(),
            unit="HU",
            inverted=False,
            is_color=False,
            modality="CT",
            description=None,
        )
        windows = (Window(center=50, width=350),)
        return SimpleNamespace(header=header, suggested_windows=lambda: windows)

    def close(self) -> None:
        self.closed = True


class SlowExecutor(SynchronousExecutor):
    """Runs a task only when it is told to, in order, as a busy thread would."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[tuple[Any, Any, Any]] = []

    def run(self, task: Any, done: Any, failed: Any) -> None:
        self.tasks.append((task, done, failed))

    def step(self) -> None:
        """Run the oldest task."""
        super().run(*self.tasks.pop(0))

    def drain(self) -> None:
        while self.tasks:
            self.step()

    @property
    def waiting(self) -> int:
        """Number of calls that wait for their time."""
        return len(self._waiting)


class Desk:
    """A session on a store that fails when told to, and all that it said."""

    def __init__(self, path: Path, **options: bool) -> None:
        self.path = path
        job = Job(id="job", project=project(**options))
        cases = [
            Case(id=name, name=name.title(), series=(SeriesRef(path=name),))
            for name in ("one", "two", "three")
        ]
        self.store = FlakyStore([(job, cases)], person="ana")
        self.told: list[str] = []
        self.failed: list[Exception] = []
        self.sessions: list[AnnotationSession] = []

    def other(self, person: str = "ana") -> FlakyStore:
        """Return the same jobs, as opened on another computer."""
        return FlakyStore(person=person, name=self.store.location.partition(":")[2])

    def recovery(self) -> Recovery:
        return Recovery(self.path / "unsaved")

    def kept_files(self) -> list[Path]:
        return sorted((self.path / "unsaved").glob("*"))

    def session(
        self,
        case: str | None = "one",
        *,
        executor: SynchronousExecutor | None = None,
        recovery: bool = True,
        store: FlakyStore | None = None,
    ) -> AnnotationSession:
        session = AnnotationSession(
            store or self.store,
            "job",
            executor=executor,
            recovery=self.recovery() if recovery else None,
        )
        session.open_next = False
        session.told.connect(self.told.append)
        session.failed.connect(self.failed.append)
        self.sessions.append(session)
        if case is not None:
            session.open_case(case, slice=0)
        return session

    def draft(self, case: str = "one", person: str = "ana") -> Annotation:
        return self.store.load("job", case, person=person).annotation


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def editor(kit: type[Kit]) -> CaseEditor:
    return kit.editor()


@pytest.fixture
def slow() -> SlowExecutor:
    return SlowExecutor()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    def make(**options: bool) -> Desk:
        return Desk(tmp_path, **options)

    yield make

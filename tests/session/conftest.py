"""What the tests of the session share: a project, editors, stores that fail."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_annotate_jobs.editing import CaseEditor
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Box,
    Case,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Options,
    Project,
    Scope,
    SeriesRef,
    SliceId,
    Window,
)
from napari_annotate_jobs.session import (
    AnnotationSession,
    Recovery,
    SynchronousExecutor,
)
from napari_annotate_jobs.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

CLASS, DETECT, SEGMENT = Method.CLASSIFICATION, Method.DETECTION, Method.SEGMENTATION
LABELS = LabelSet(
    labels=(
        Label(id=1, name="lesion", color="#E69F00", method=CLASS),
        Label(id=2, name="good", color="#56B4E9", method=CLASS, group="quality"),
        Label(id=3, name="bad", color="#009E73", method=CLASS, group="quality"),
        Label(
            id=4,
            name="left",
            color="#F0E442",
            method=CLASS,
            scope=Scope.CASE,
            group="side",
        ),
        Label(
            id=9,
            name="right",
            color="#F0E442",
            method=CLASS,
            scope=Scope.CASE,
            group="side",
        ),
        Label(id=10, name="contrast", color="#88CCEE", method=CLASS, scope=Scope.CASE),
        Label(id=5, name="nodule", color="#0072B2", method=DETECT),
        Label(id=11, name="mass", color="#AA4499", method=DETECT),
        Label(id=6, name="liver", color="#D55E00", method=SEGMENT),
        Label(id=700, name="tumour", color="#CC79A7", method=SEGMENT),
        Label(
            id=8,
            name="vessel",
            color="#999999",
            method=SEGMENT,
            overlap_group="vessels",
        ),
    ),
    groups=(
        Group(name="quality", exclusive=True),
        Group(name="side", exclusive=True),
    ),
)
N_SLICES = 8
SHAPE = (6, 7)


def project(**options: bool) -> Project:
    return Project(
        name="Livers",
        methods=tuple(Method),
        label_set=LABELS,
        options=Options(**options),
    )


def slice_ids(n: int = N_SLICES, *, prefix: str = "1.2.") -> tuple[SliceId, ...]:
    return tuple(SliceId(index=i, sop_instance_uid=f"{prefix}{i}") for i in range(n))


class Log:
    """Stands in for the saver: applies each change to a copy, as a store would."""

    def __init__(self, annotation: Annotation) -> None:
        self.annotation = annotation
        self.changes: list[AnnotationChange] = []
        self.blobs: dict[str, bytes] = {}
        self.told: list[tuple[int, ...]] = []

    def __call__(self, change: AnnotationChange, blobs: Mapping[str, bytes]) -> None:
        self.changes.append(change)
        self.blobs.update(blobs)
        self.annotation = self.annotation.apply(change, revision=0)

    def read_blob(self, digest: str) -> bytes:
        return self.blobs[digest]


class Kit:
    """Makes what the tests edit."""

    labels = LABELS
    shape = SHAPE
    n_slices = N_SLICES
    project = staticmethod(project)
    slice_ids = staticmethod(slice_ids)

    @staticmethod
    def editor(
        annotation: Annotation | None = None,
        *,
        n: int = N_SLICES,
        slices: tuple[SliceId, ...] | None = None,
        locked: bool = False,
        log: Log | None = None,
        **options: bool,
    ) -> CaseEditor:
        annotation = annotation or Annotation(case_id="case", person="ana")
        log = log or Log(annotation)
        editor = CaseEditor(
            annotation,
            slices or slice_ids(n),
            project(**options),
            person="ana",
            read_blob=log.read_blob,
            on_change=log,
            locked=locked,
        )
        editor.log = log  # type: ignore[attr-defined]
        editor.changed.connect(log.told.append)
        return editor

    @staticmethod
    def mask(label: int = 6, rows: Any = slice(1, 3), value: int | None = None) -> Any:
        mask = np.zeros(SHAPE, np.uint16)
        mask[rows] = label
        return mask

    @staticmethod
    def box(label: int = 5, at: float = 1.0, **fields: Any) -> Box:
        return Box(
            label=label, top=at, left=at, bottom=at + 2, right=at + 2.5, **fields
        )

    @staticmethod
    def said(annotation: Annotation) -> dict[str, Any]:
        """Return all that an annotation says, without when and which revision."""
        said = annotation.model_dump(mode="json")
        del said["modified"], said["revision"]
        return said


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

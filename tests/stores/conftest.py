"""Stores to test: whatever keeps the contract is added to ``WORLDS``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import napari_annotate_jobs
from napari_annotate_jobs.model import (
    AnnotationChange,
    Attribute,
    Case,
    Group,
    Job,
    Label,
    LabelSet,
    MaskRef,
    Method,
    Options,
    Project,
    Scope,
    SeriesRef,
    SliceAnnotation,
    mask_ref,
)
from napari_annotate_jobs.server import NewProject
from napari_annotate_jobs.stores import (
    FolderStore,
    MemoryStore,
    check_person,
    create_job,
)
from napari_annotate_jobs.stores.http import HttpStore, ImageCache
from napari_annotate_jobs.testing._serving import JobPeople

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from napari_annotate_jobs.stores import JobStore

LABELS = LabelSet(
    labels=(
        Label(
            id=1,
            name="lesion",
            color="#E69F00",
            method=Method.CLASSIFICATION,
            attributes=(
                Attribute(name="margin", choices=("sharp", "blurred")),
                Attribute(name="remark"),
                Attribute(name="grade", choices=("1", "2"), scope=Scope.CASE),
            ),
        ),
        Label(
            id=2,
            name="good",
            color="#56B4E9",
            method=Method.CLASSIFICATION,
            group="quality",
        ),
        Label(
            id=3,
            name="bad",
            color="#009E73",
            method=Method.CLASSIFICATION,
            group="quality",
        ),
        Label(
            id=4,
            name="contrast",
            color="#F0E442",
            method=Method.CLASSIFICATION,
            scope=Scope.CASE,
        ),
        Label(id=5, name="nodule", color="#0072B2", method=Method.DETECTION),
        Label(id=6, name="liver", color="#D55E00", method=Method.SEGMENTATION),
        Label(id=700, name="tumour", color="#CC79A7", method=Method.SEGMENTATION),
        Label(
            id=8,
            name="vessel",
            color="#999999",
            method=Method.SEGMENTATION,
            overlap_group="vessels",
        ),
    ),
    groups=(Group(name="quality", exclusive=True),),
)


class Kit:
    """Makes what the tests put into stores."""

    labels = LABELS

    @staticmethod
    def job(job_id: str = "job-1", **options: bool) -> Job:
        return Job(
            id=job_id,
            project=Project(
                name="Livers",
                methods=tuple(Method),
                label_set=LABELS,
                options=Options(**options),
            ),
            published=datetime(2026, 1, 2, tzinfo=UTC),
        )

    @staticmethod
    def cases(n: int = 5) -> list[Case]:
        return [
            Case(
                id=f"case-{i}",
                name=f"Case {i} of {'Zürich' if i % 2 else 'Graz'}",
                series=(SeriesRef(path=f"images/{i}"),),
            )
            for i in range(n)
        ]

    @staticmethod
    def mask(label: int = 6, seed: int = 0, size: int = 16) -> tuple[MaskRef, bytes]:
        mask = np.zeros((size, size), dtype=np.uint16)
        mask.flat[: 1 + seed % (size * size)] = label
        found = mask_ref(mask)
        assert found is not None
        return found

    @staticmethod
    def change(*slices: SliceAnnotation, **fields: object) -> AnnotationChange:
        return AnnotationChange(
            slices={f"index:{content.index}": content for content in slices}, **fields
        )

    @classmethod
    def labelled(cls, index: int, *class_labels: int) -> AnnotationChange:
        return cls.change(SliceAnnotation(index=index, class_labels=class_labels))

    @classmethod
    def painted(
        cls, index: int, label: int = 6, seed: int = 0
    ) -> tuple[AnnotationChange, dict[str, bytes]]:
        ref, data = cls.mask(label, seed)
        group = LABELS[label].overlap_group
        content = SliceAnnotation(index=index, masks={group: ref})
        return cls.change(content), {ref.digest: data}


class World(ABC):
    """Jobs somewhere, that several people open."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._same: dict[str, JobStore] = {}

    @abstractmethod
    def _store(self, person: str) -> JobStore: ...

    def store(self, person: str = "ana") -> JobStore:
        """Open one more store on the same jobs."""
        store = self._store(person)
        self._open.callback(store.close)
        return store

    def same(self, person: str) -> JobStore:
        """Return the store of a person that was returned before, if there is one."""
        if person not in self._same:
            self._same[person] = self.store(person)
        return self._same[person]

    def close(self) -> None:
        self._open.close()


class MemoryWorld(World):
    def __init__(self, path: Path, jobs: Sequence[tuple[Job, Sequence[Case]]]) -> None:
        super().__init__()
        self._first = MemoryStore(jobs, base=path)
        self._base = path

    def _store(self, person: str) -> JobStore:
        name = self._first.location.partition(":")[2]
        return MemoryStore(person=person, name=name, base=self._base)


class FolderWorld(World):
    def __init__(self, path: Path, jobs: Sequence[tuple[Job, Sequence[Case]]]) -> None:
        super().__init__()
        self.path = path
        for job, cases in jobs:
            create_job(path / job.id, job, cases).close()

    def _store(self, person: str) -> JobStore:
        return FolderStore(self.path, person)


class ServerWorld(World):
    """Jobs on a server, that clients reach without a network."""

    servers: Any
    kind = "folder"

    def __init__(self, path: Path, jobs: Sequence[tuple[Job, Sequence[Case]]]) -> None:
        super().__init__()
        self.service = self.servers.service(
            self.kind, images=(Path(napari_annotate_jobs.__file__).parent / "samples",)
        )
        self.people = JobPeople(self.service)
        self._path = path
        self._jobs = [job.id for job, _ in jobs]
        for job, cases in jobs:
            new = NewProject(job=job, cases=tuple(cases), blind=False)
            self.people.add_job(new, base=str(path))

    def token(self, person: str) -> str:
        """Return a token of a person who is in all jobs."""
        token = self.people.token(person)
        for job_id in self._jobs:
            self.people.join(job_id, check_person(person))
        return token

    def _store(self, person: str) -> JobStore:
        return self._client(self.token(person), ImageCache(self._path / "cache"))

    def _client(self, token: str, cache: ImageCache) -> JobStore:
        return HttpStore(
            "http://in.process",
            token=token,
            cache=cache,
            transport=lambda: self.servers.transport,
        )


class SocketWorld(ServerWorld):
    """The same over a real socket."""

    def _client(self, token: str, cache: ImageCache) -> JobStore:
        return HttpStore(self.servers.address, token=token, cache=cache)


class CloudWorld(ServerWorld):
    """The same with PostgreSQL and S3."""

    kind = "cloud"


SERVED: dict[str, type[ServerWorld]] = {
    "server": ServerWorld,
    "socket": SocketWorld,
    "cloud": CloudWorld,
}

WORLDS: dict[str, type[MemoryWorld | FolderWorld]] = {
    "memory": MemoryWorld,
    "folder": FolderWorld,
}


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def worlds() -> dict[str, type[MemoryWorld | FolderWorld]]:
    return WORLDS


@pytest.fixture
def kind_of_server(servers: Any) -> type[ServerWorld]:
    ServerWorld.servers = servers
    return ServerWorld


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # What runs in this process runs everywhere: sockets and PostgreSQL have a part.
    if "world" in metafunc.fixturenames:
        part = metafunc.definition.get_closest_marker("served")
        names = [*sorted(WORLDS), "server"]
        if part:
            slow = pytest.mark.slow  # servers that are started for them
            names += [pytest.param(name, marks=slow) for name in ("socket", "cloud")]
        metafunc.parametrize("world", names, indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    jobs = [(Kit.job("job-1"), Kit.cases()), (Kit.job("job-2"), Kit.cases(2))]
    if request.param in SERVED:
        ServerWorld.servers = request.getfixturevalue("servers")
    world = {**WORLDS, **SERVED}[request.param](tmp_path, jobs)
    yield world
    world.close()


@pytest.fixture
def server_world(servers: Any, tmp_path: Path) -> Iterator[ServerWorld]:
    """Return a job on a server alone."""
    ServerWorld.servers = servers
    world = ServerWorld(tmp_path, [(Kit.job("job-1"), Kit.cases())])
    yield world
    world.close()


@pytest.fixture
def store(world: World) -> JobStore:
    return world.store()


@pytest.fixture
def job_folder(tmp_path: Path) -> Path:
    """Return a folder with one job, whose cases have images."""
    path = tmp_path / "job"
    for case in Kit.cases():
        images = path / case.series[0].path
        images.mkdir(parents=True)
        Image.new("L", (16, 16)).save(images / "x.png")
    create_job(path, Kit.job(), Kit.cases()).close()
    return path

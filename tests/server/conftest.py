"""A server in this process, empty for each test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Options,
    Project,
    SeriesRef,
    SliceAnnotation,
    mask_ref,
)
from napari_annotate_jobs.server import NewProject, _accounts
from napari_annotate_jobs.stores.http import HttpStore, ImageCache
from napari_annotate_jobs.stores.wire import OperationBatch, operation_of
from napari_annotate_jobs.testing._serving import InProcess, JobPeople

if TYPE_CHECKING:
    from napari_annotate_jobs.server import Service

LABELS = LabelSet(
    labels=(
        Label(id=1, name="lesion", color="#E69F00", method=Method.CLASSIFICATION),
        Label(id=6, name="liver", color="#D55E00", method=Method.SEGMENTATION),
    )
)
CASE = "/jobs/job/cases/case-0"


def labelled(index: int, *labels: int) -> AnnotationChange:
    content = SliceAnnotation(index=index, class_labels=labels)
    return AnnotationChange(slices={f"index:{index}": content})


def painted(index: int, label: int = 6, size: int = 16) -> tuple[Any, str, bytes]:
    mask = np.zeros((size, size), np.uint16)
    mask[: 2 + index] = label
    found = mask_ref(mask)
    assert found is not None
    ref, data = found
    content = SliceAnnotation(index=index, masks={"": ref})
    change = AnnotationChange(slices={f"index:{index}": content})
    return change, ref.digest, data


def batch(*changes: AnnotationChange, base: int, stream: str = "") -> OperationBatch:
    return OperationBatch(
        operations=tuple(
            operation_of(change, base=base, stream=stream) for change in changes
        )
    )


class Bench:
    """A server with one job: `olga` owns it, `eve` reviews, `ana` and `ben` annotate.

    Every case has 16 x 16 pixels.
    """

    def __init__(self, service: Service, transport: InProcess, **fields: Any) -> None:
        self.service, self._transport = service, transport
        self.people = JobPeople(service)
        job = Job(
            id="job",
            project=Project(
                name="Livers",
                methods=(Method.CLASSIFICATION, Method.SEGMENTATION),
                label_set=LABELS,
                options=Options(),
            ),
            published=datetime(2026, 1, 2, tzinfo=UTC),
            annotators=("ana", "ben"),
            reviewers=("eve",),
            owners=("olga",),
        )
        cases = tuple(
            Case(
                id=f"case-{i}",
                name=f"Case {i}",
                series=(SeriesRef(path=f"images/{i}"),),
                size=(16, 16),
            )
            for i in range(4)
        )
        new = NewProject(job=job, cases=cases, **fields)
        base = service.settings.home / "images"
        self.people.add_job(new, base=str(base))

    def store(self, name: str) -> HttpStore:
        return HttpStore(
            "http://in.process",
            token=self.token(name),
            cache=ImageCache(self.service.settings.home / "cache"),
            transport=lambda: self._transport,
        )

    def token(self, name: str, scope: str = "write") -> str:
        if name == "owner":
            return self.people.owner_token
        return self.people.token(name, scope=scope)

    def account(self, name: str) -> str:
        """Return the name of a person, who has an account from now on."""
        self.people.token(name)
        return name

    def client(self, name: str | None = None, scope: str = "write") -> httpx.Client:
        headers = {}
        if name is not None:
            headers["Authorization"] = f"Bearer {self.token(name, scope)}"
        return httpx.Client(
            transport=self._transport,
            base_url="http://in.process/api/v1",
            headers=headers,
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("served"):
        cloud = pytest.param("cloud", marks=pytest.mark.slow)
        metafunc.parametrize("make_bench", ["folder", cloud], indirect=True)


_QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
_DECOY = _QUICK.hash("of nobody")


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the check of a password take no time: elsewhere it is as it really is."""
    monkeypatch.setattr(_accounts, "_hasher", lambda: _QUICK)
    monkeypatch.setattr(_accounts, "_decoy", lambda: _DECOY)


@pytest.fixture
def make_bench(servers, request: pytest.FixtureRequest) -> Any:
    def make(**fields: Any) -> Bench:
        service = servers.service(getattr(request, "param", "folder"))
        return Bench(service, servers.transport, **fields)

    return make


@pytest.fixture
def bench(make_bench) -> Bench:
    return make_bench()


@pytest.fixture
def kit() -> Any:
    class Kit:
        case = CASE
        labelled = staticmethod(labelled)
        painted = staticmethod(painted)
        batch = staticmethod(batch)

    return Kit

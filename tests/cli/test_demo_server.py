"""The demo with a job server of its own."""

from __future__ import annotations

import httpx
import pytest

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.demo._server import DEMO_PEOPLE, demo_server
from napari_annotate_jobs.server import create_app
from napari_annotate_jobs.stores.http import HttpStore, ImageCache
from napari_annotate_jobs.testing._serving import InProcess


@pytest.mark.slow
def test_its_people_log_in_and_find_their_jobs(tmp_path):
    with demo_server(tmp_path) as service:
        transport = InProcess(create_app(service, chores=False))
        with httpx.Client(transport=transport, base_url="http://demo") as client:
            for name in DEMO_PEOPLE:
                form = {"name": name, "password": f"{name}-at-demo", "label": ""}
                token = client.post("/api/v1/login", json=form).json()["token"]
                with HttpStore(
                    "http://demo",
                    token=token,
                    cache=ImageCache(tmp_path / "cache"),
                    transport=lambda: transport,
                ) as store:
                    assert store.person == name
                    found = sorted(summary.job.id for summary in store.jobs())
                    assert found == sorted(DEMO_JOBS)
            case = store.cases(DEMO_JOBS[0]).rows[0].case
            series = store.open_series(DEMO_JOBS[0], case.id)
            assert series.read_slice(0).any()
        transport.stop()

"""The demo with a job server of its own."""

from __future__ import annotations

import re
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from napari_annotate_jobs.demo import run_headless_server
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.demo._server import DEMO_PEOPLE, demo_server
from napari_annotate_jobs.server import create_app
from napari_annotate_jobs.stores.http import HttpStore, ImageCache
from napari_annotate_jobs.testing._backends import (
    Unavailable,
    object_store,
    postgres,
)
from napari_annotate_jobs.testing._cut_line import CutLine
from napari_annotate_jobs.testing._serving import InProcess, listening


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


@pytest.mark.walk
@pytest.mark.slow
@pytest.mark.window
@pytest.mark.skipif(sys.platform != "linux", reason="needs Xvfb")
@pytest.mark.parametrize("where", ["SQLite", "PostgreSQL and S3"])
def test_a_job_is_taken_from_its_start_to_its_end_by_four_people(
    tmp_path, capfd, monkeypatch, where
):
    """Each in a process of their own; the network is cut in the middle of a request."""
    options = {}
    with ExitStack() as stack:
        if where != "SQLite":
            try:
                database = stack.enter_context(postgres())
                blobs, environment = stack.enter_context(object_store())
            except Unavailable as error:
                pytest.skip(str(error))
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            options = {"database": database, "blobs": blobs, "servers": 2}
        code = run_headless_server(tmp_path / "walk", **options)
    said = capfd.readouterr()
    assert code == 0, said
    assert said.out.count("read back: all as they were drawn") == 2
    assert "offline · " in said.out
    assert re.search(r"^[1-9]\d* connections were cut", said.out, re.MULTILINE)


def test_the_demo_with_a_server_takes_no_folder(run, tmp_path):
    code, _, err = run("demo", tmp_path / "there", "--server")
    assert code == 2
    assert "keeps nothing" in err
    code, _, err = run("demo", "--server", "--headless", tmp_path.parent)
    assert code == 2
    assert "not empty" in err


def test_a_line_that_is_cut_and_mended(servers):
    with listening(servers.app) as address, httpx.Client(timeout=20) as client:
        line = CutLine([address])
        try:
            url = f"{line.address}/health"
            assert client.get(url).json()["status"] == "ok"
            with socket.create_connection(("127.0.0.1", line.port), 20) as idle:
                assert client.get(url).is_success
                line.cut()
                assert line.ended >= 2
                with pytest.raises(httpx.TransportError):
                    client.get(url)
                with pytest.raises(ConnectionError):
                    while idle.recv(100):
                        pass
                    raise ConnectionError
            line.mend()
            assert client.get(url).json()["status"] == "ok"
        finally:
            line.close()


def test_a_line_that_is_cut_in_the_middle_of_a_request(servers):
    with listening(servers.app) as address, httpx.Client(timeout=20) as client:
        line = CutLine([address])
        try:
            with pytest.raises(TimeoutError):
                line.cut_in_a_request(0.01)
            url = f"{line.address}/health"
            assert client.get(url).is_success
            with ThreadPoolExecutor(1) as aside:
                cut = aside.submit(line.cut_in_a_request, 20)
                with pytest.raises(httpx.TransportError):
                    while not cut.done():
                        client.get(url)
                    client.get(url)
                cut.result()
            assert line.ended
        finally:
            line.close()

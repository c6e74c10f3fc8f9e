"""Masks that nothing names go, and never one that somebody is about to name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from napari_annotate_jobs.model import Verb, now
from napari_annotate_jobs.server import _case_masks, faults_of_masks
from napari_annotate_jobs.server._blobs import blob_name
from napari_annotate_jobs.server._collecting import collect_blobs, stored_mask
from napari_annotate_jobs.server._schema import blobs
from napari_annotate_jobs.stores.wire import SliceResult

JOB, CASE = "job", "case-0"


def age(service):
    """Let ten days go by."""
    with service.database.writing() as connection:
        old = now() - timedelta(days=10)
        connection.execute(
            update(blobs).where(blobs.c.asked.is_not(None)).values(asked=old)
        )


def collect(service):
    with service.database.writing() as connection:
        return collect_blobs(connection, service)


@pytest.fixture(params=["database", "shelf"], autouse=True)
def where(request, monkeypatch):
    """Keep masks where small ones are, and where large ones are."""
    if request.param == "shelf":
        monkeypatch.setattr(_case_masks, "_SMALL", 0)
    return request.param


def there(service):
    with service.database.reading() as connection:
        query = select(blobs.c.digest).where(blobs.c.data.is_not(None))
        return sorted({*service.shelf.digests(), *connection.scalars(query)})


def put(client, kit, index):
    change, digest, data = kit.painted(index)
    answer = client.put(f"{kit.case}/blobs/{digest}", content=data)
    assert answer.status_code == 204, answer.text
    return change, digest, data


def save(client, kit, change, base):
    found = kit.batch(change, base=base).model_dump(mode="json")
    return client.post(f"{kit.case}/ops", json=found).json()[0]


@pytest.mark.slow
@pytest.mark.served
def test_what_nothing_names_goes_and_all_else_stays(bench, kit):
    service = bench.service
    with bench.client("ana") as ana, bench.store("ana") as store:
        kept = [put(ana, kit, index) for index in range(3)]
        for base, (change, digest, data) in enumerate(kept):
            store.save(JOB, CASE, change, {digest: data}, base=base)
        store.submit(JOB, CASE, base=3)
        store.judge(JOB, CASE, Verb.REOPEN)
        # One is in the submission alone from now on, and one was never named.
        store.save(JOB, CASE, kit.labelled(0, 1), {}, base=3)
        lonely = put(ana, kit, 7)[1]
        assert collect(service) == 0
        age(service)
        assert collect(service) == 0  # marked
        assert lonely in there(service)
        assert collect(service) == 1
        assert there(service) == sorted(digest for _, digest, _ in kept)
        assert not list(faults_of_masks(service))
        assert collect(service) == 0
        for _, digest, data in kept:
            assert store.read_blob(JOB, CASE, digest) == data


@pytest.mark.served
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_one_that_is_about_to_be_named_stays_or_is_asked_for(bench, kit, steps):
    """Whatever was done of it when somebody asks whether it is there."""
    service = bench.service
    with bench.client("ana") as ana:
        change, digest, _ = put(ana, kit, 2)
        age(service)
        for _ in range(steps):
            collect(service)
        body = {"digests": [digest]}
        left = ana.post(f"{kit.case}/blobs:missing", json=body).json()["digests"]
        assert left == ([digest] if steps else [])
        if left:
            put(ana, kit, 2)
        for _ in range(3):
            collect(service)
        result = save(ana, kit, change, 0)
        assert result["slices"]["index:2"]["result"] == SliceResult.APPLIED
        age(service)
        for _ in range(3):
            collect(service)
        assert there(service) == [digest]
        assert not list(faults_of_masks(service))


def test_one_that_is_named_without_being_asked_for_stays_too(bench, kit):
    service = bench.service
    with bench.client("ana") as ana:
        change, digest, _ = put(ana, kit, 2)
        age(service)
        assert save(ana, kit, change, 0)["revision"] == 1
        for _ in range(3):
            collect(service)
        assert there(service) == [digest]
        with service.database.reading() as connection:
            fresh = blobs.c.asked > now() - timedelta(days=1)
            assert connection.scalar(
                select(func.count()).select_from(blobs).where(fresh)
            )


def test_a_window_that_was_open_for_long_brings_what_went(bench, kit):
    """It remembers having brought it; the server does not."""
    service = bench.service
    with bench.store("ana") as store:
        change, digest, data = kit.painted(2)
        store.save(JOB, CASE, change, {digest: data}, base=0)
        store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
        age(service)
        for _ in range(3):
            collect(service)
        assert there(service) == []
        store.save(JOB, CASE, change, {digest: data}, base=2)
        assert store.read_blob(JOB, CASE, digest) == data


@pytest.mark.served
def test_an_interruption_between_the_bytes_and_the_row_does_no_harm(
    bench, kit, monkeypatch, where
):
    service = bench.service
    with bench.client("ana") as ana:
        change, digest, data = put(ana, kit, 2)
        age(service)
        collect(service)
        drop = service.shelf.drop

        def dies(name):
            drop(name)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(service.shelf, "drop", dies)
            with pytest.raises(KeyboardInterrupt):
                collect(service)
        # What the database has goes with its row, or not at all.
        assert there(service) == ([] if where == "shelf" else [digest])
        refused = save(ana, kit, change, 0)
        assert "nowhere to be found" in refused["trouble"]["what"]
        assert put(ana, kit, 2)[1] == digest
        assert save(ana, kit, change, 0)["revision"] == 1
        for _ in range(3):
            collect(service)
        assert stored_mask(service, digest) == data


def test_check_tells_of_masks_that_are_away_or_damaged(bench, kit, where):
    service = bench.service
    with bench.client("ana") as ana:
        found = [put(ana, kit, index) for index in range(2)]
        for base, (change, _, _) in enumerate(found):
            save(ana, kit, change, base)
    assert not list(faults_of_masks(service))
    paths = [
        service.settings.home / "blobs" / digest[:2] / f"{digest}.png"
        for _, digest, _ in found
    ]
    if where == "shelf":
        paths[0].unlink()
        paths[1].write_bytes(b"no")
    for (_, digest, _), data in zip(found, (None, b"no"), strict=True):
        if where == "database":
            with service.database.writing() as connection:
                here = blobs.c.digest == digest
                connection.execute(update(blobs).where(here).values(data=data))
    faults = sorted(fault.what for fault in faults_of_masks(service))
    assert len(faults) == 2
    assert any("is not there" in fault for fault in faults)
    assert any("is damaged" in fault for fault in faults)


def test_masks_that_were_kept_before_are_read_and_mended(bench, kit, monkeypatch):
    """They lie on the shelf, whatever their size."""
    service = bench.service
    with bench.client("ana") as ana:
        with monkeypatch.context() as patch:
            patch.setattr(_case_masks, "_SMALL", 0)
            change, digest, data = put(ana, kit, 2)
        monkeypatch.setattr(_case_masks, "_SMALL", 1 << 20)
        assert save(ana, kit, change, 0)["revision"] == 1
        assert ana.get(f"{kit.case}/blobs/{digest}").content == data
        service.shelf.drop(blob_name(digest))
        lost = ana.get(f"{kit.case}/blobs/{digest}")
        assert (lost.status_code, lost.json()["code"]) == (500, "corrupt")
        # Painted again, it is there again.
        assert put(ana, kit, 2)[1] == digest
        assert ana.get(f"{kit.case}/blobs/{digest}").content == data

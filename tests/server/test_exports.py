"""Exports that owners ask for, and that are made in the background by any process."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import tifffile
from sqlalchemy import select, update

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.files import locked
from napari_annotate_jobs.formats import _export_run
from napari_annotate_jobs.model import now
from napari_annotate_jobs.server import Service, _exports
from napari_annotate_jobs.server._exports import do_exports
from napari_annotate_jobs.server._schema import chores, exports

pytestmark = pytest.mark.slow  # each makes a whole export

AT = "/jobs/job/exports"


@pytest.fixture
def work(bench, kit):
    """Two cases with images, submitted by Ana."""
    with bench.store("ana") as store:
        for number in range(2):
            folder = bench.service.settings.home / "images" / "images" / str(number)
            folder.mkdir(parents=True)
            pixels = np.arange(3 * 256, dtype=np.uint16).reshape(3, 16, 16)
            tifffile.imwrite(folder / "x.tif", pixels, photometric="minisblack")
            case = f"case-{number}"
            change, digest, data = kit.painted(1)
            store.note_case("job", case, n_slices=3, size=(16, 16))
            store.save("job", case, change, {digest: data}, base=0)
            store.submit("job", case, base=1)
    return bench


def another(service, name):
    """Return a server that shares the database and the masks, and no folder."""
    home = service.settings.home / name
    home.mkdir()
    return Service(
        replace(service.settings, home=home), service.database, service.shelf
    )


def ask(client, **form):
    answer = client.post(AT, json={"format": "coco", **form})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def opened(answer):
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


@pytest.mark.served
def test_what_one_process_is_asked_for_another_makes_and_gives_out(work):
    with work.client("olga") as olga:
        key = ask(olga, only="all")
        assert olga.get(f"{AT}/{key}").json()["state"] == "waiting"
        assert olga.get(f"{AT}/{key}/file").status_code == 409
        service = work.service
        other = another(service, "other")
        assert do_exports(other) == [key]
        assert do_exports(service) == []
        row = olga.get(f"{AT}/{key}").json()
        assert row["problem"] == ""
        assert (row["state"], row["done"], row["total"]) == ("ready", 2, 2), row
        whole = olga.get(f"{AT}/{key}/file")
        with opened(whole) as packed:
            assert packed.testzip() is None
            about = json.loads(packed.read("export.json"))
            assert len(about["cases"]) == 2
        assert len(whole.content) == row["size"]
        # Nothing is left where it was made.
        assert not any((other.settings.home / "exports").iterdir())
        # A download that was interrupted goes on where it was.
        part = olga.get(f"{AT}/{key}/file", headers={"Range": "bytes=100-"})
        assert part.status_code == 206
        assert part.content == whole.content[100:]
        assert part.headers["content-range"].endswith(f"/{row['size']}")
        beyond = {"Range": f"bytes={row['size']}-"}
        assert olga.get(f"{AT}/{key}/file", headers=beyond).status_code == 416
        assert olga.delete(f"{AT}/{key}").status_code == 204
        assert olga.get(AT).json() == []
        with pytest.raises(LookupError):
            service.shelf.read_part(f"exports/{key}.zip", 0, 1)


@pytest.mark.parametrize("name", ["ana", "eve", "sam"])
def test_only_owners_ask_see_and_fetch(work, name):
    with work.client("olga") as olga, work.client(name) as other:
        key = ask(olga)
        do_exports(work.service)
        refused = {403, 404}
        assert other.post(AT, json={"format": "coco"}).status_code in refused
        for path in (AT, f"{AT}/{key}", f"{AT}/{key}/file"):
            assert other.get(path).status_code in refused
        assert other.delete(f"{AT}/{key}").status_code in refused
        assert olga.get(f"{AT}/{key}").json()["state"] == "ready"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"format": "none"}, "no format"),
        ({"combine": "coarse"}, "no combined classes"),
        ({"convert": ["up-to-down"]}, "no conversion"),
        ({"labels": ["spleen"]}, "spleen"),
        ({"options": {"colour": "red"}}, "colour"),
        ({"only": "some"}, "passed"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(work, form, told):
    with work.client("olga") as olga:
        answer = olga.post(AT, json={"format": "coco", **form})
        assert 400 <= answer.status_code < 500
        assert told in answer.text
        assert olga.get(AT).json() == []


def test_what_turns_out_not_to_go_says_why(work):
    with work.client("olga") as olga:
        key = ask(olga, people=["ben"])
        do_exports(work.service)
        row = olga.get(f"{AT}/{key}").json()
        assert row["state"] == "failed"
        assert "nothing to export" in row["problem"]
        assert str(work.service.settings.home) not in row["problem"]
        assert do_exports(work.service) == []
        assert not any((work.service.settings.home / "exports").iterdir())


def test_one_that_was_interrupted_goes_on_where_it_was(work, monkeypatch):
    """A server that stops gives it back; after one that was killed it lapses."""
    service = work.service
    write = _export_run._note

    def stops(*arguments):
        write(*arguments)
        service.stopping.set()

    with work.client("olga") as olga:
        key = ask(olga)
        monkeypatch.setattr(_export_run, "_note", stops)
        do_exports(service)
        monkeypatch.undo()
        assert do_exports(service) == []
        service.stopping.clear()
        assert olga.get(f"{AT}/{key}").json()["state"] == "waiting"
        resumed = []
        export = _export_run.export

        def seen(*arguments, **options):
            resumed.append(export(*arguments, **options).resumed)

        monkeypatch.setattr("napari_annotate_jobs.formats.export", seen)
        assert do_exports(service) == [key]
        assert resumed == [1]
        assert olga.get(f"{AT}/{key}").json()["state"] == "ready"


def test_one_whose_process_is_gone_is_made_by_another(work):
    service = work.service
    with work.client("olga") as olga:
        key = ask(olga)
        taken = _exports._take(service, but=[])
        assert taken.key == key
        other = another(service, "other")
        assert do_exports(other) == []
        with service.database.writing() as connection:
            long_ago = now() - timedelta(seconds=1)
            connection.execute(update(chores).values(taken_until=long_ago))
        assert do_exports(other) == [key]
        first = olga.get(f"{AT}/{key}/file").content
        # The one that was only slow learns that it is no longer its own.
        taken.make()
        assert olga.get(f"{AT}/{key}/file").content == first
        assert olga.get(f"{AT}/{key}").json()["state"] == "ready"


def test_its_files_are_written_by_one_process_at_a_time(work, monkeypatch):
    """One that was stopped for long may still write, after another took it."""
    with work.client("olga") as olga:
        key = ask(olga)
        lock = work.service.settings.home / "exports" / f"{key}.lock"
        write = _exports._Taken._write

        def looks(taken):
            with pytest.raises(StoreAccessError), locked(lock, 0):
                pass
            return write(taken)

        monkeypatch.setattr(_exports._Taken, "_write", looks)
        assert do_exports(work.service) == [key]
        assert olga.get(f"{AT}/{key}").json()["state"] == "ready"


def test_one_that_is_removed_while_it_is_made_leaves_nothing(work, monkeypatch):
    service = work.service
    with work.client("olga") as olga:
        key = ask(olga)
        pack = _exports._pack

        def removed(*arguments):
            size = pack(*arguments)
            assert olga.delete(f"{AT}/{key}").status_code == 204
            return size

        monkeypatch.setattr(_exports, "_pack", removed)
        do_exports(service)
        assert olga.get(AT).json() == []
    with pytest.raises(LookupError):
        service.shelf.read_part(f"exports/{key}.zip", 0, 1)
    assert not any((service.settings.home / "exports").iterdir())
    with service.database.reading() as connection:
        kinds = connection.scalars(select(chores.c.kind)).all()
    assert not [kind for kind in kinds if kind.startswith("export")]


def test_what_passes_by_itself_is_tried_again(work, monkeypatch):
    service, tries = work.service, []

    def fails(*arguments):
        tries.append(1)
        raise StoreAccessError("the store of masks does not answer", where="s3://x")

    monkeypatch.setattr(service.shelf, "put_file", fails)
    with work.client("olga") as olga:
        key = ask(olga)
        for _ in range(4):
            do_exports(service)
            with service.database.writing() as connection:
                connection.execute(update(chores).values(due=now()))
        row = olga.get(f"{AT}/{key}").json()
    assert (row["state"], len(tries)) == ("failed", 3)
    assert "does not answer" in row["problem"]


def test_they_are_kept_for_a_month(work):
    from napari_annotate_jobs.server._upkeep import do_chores

    service = work.service
    with work.client("olga") as olga:
        key = ask(olga)
        do_exports(service)
        assert "forget exports" in do_chores(service)
        assert len(olga.get(AT).json()) == 1
        with service.database.writing() as connection:
            connection.execute(update(exports).values(ended=now() - timedelta(days=31)))
            connection.execute(update(chores).values(due=now()))
        do_chores(service)
        assert olga.get(AT).json() == []
    with pytest.raises(LookupError):
        service.shelf.read_part(f"exports/{key}.zip", 0, 1)

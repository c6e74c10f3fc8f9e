"""What threads share of a job on a server is touched by one of them at a time."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from lock_kit import is_held, protect
from napari_annotate_jobs.errors import (
    InvalidValueError,
    NoImageError,
    StoreAccessError,
)
from napari_annotate_jobs.files import locked
from napari_annotate_jobs.imaging import open_series
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.stores.http import _cache as kept
from napari_annotate_jobs.stores.http import _remote_images as remote
from napari_annotate_jobs.stores.http import _tokens as tokens
from napari_annotate_jobs.stores.http._case_rows import RemoteCases
from napari_annotate_jobs.stores.http._sending import Sending

JOB = "job-1"


def test_what_is_known_of_the_server_is_guarded(server_world, kit, monkeypatch):
    asked = protect(monkeypatch, RemoteCases, ["_cases"], lambda rows: rows._guard)
    sent = protect(monkeypatch, Sending, ["_sent"], lambda sending: sending._guard)
    store = server_world.store("ana")
    store.case(JOB, "case-0")
    asked_before = asked["_cases"]
    with pytest.raises(NoImageError):  # the server has none of this case
        store.open_series(JOB, "case-0")
    assert asked["_cases"] > asked_before
    change, blobs = kit.painted(0)
    store.save(JOB, "case-0", change, blobs, base=0)
    before = sent["_sent"]
    # As when the server dropped what nothing named: it is brought once more.
    real, refused = store.sending.send_operations, []

    def refuse_once(*args, **kwargs):
        if not refused:
            refused.append(args)
            raise InvalidValueError("there is no such mask")
        return real(*args, **kwargs)

    monkeypatch.setattr(store.sending, "send_operations", refuse_once)
    store.save(JOB, "case-0", change, blobs, base=1)
    assert sent["_sent"] == before + 3
    store.close()


def test_masks_that_were_brought_are_noted_under_the_guard(server_world, kit):
    store = server_world.store("ana")
    change, blobs = kit.painted(0)

    class Watched(set):
        def update(self, *others):
            assert is_held(store.sending._guard)
            super().update(*others)

    sent = Watched()
    store.sending._sent[JOB, "case-0"] = sent
    store.save(JOB, "case-0", change, blobs, base=0)
    assert sent == set(blobs)
    store.close()


def test_which_images_are_open_is_guarded(tmp_path, monkeypatch):
    asked = protect(
        monkeypatch, kept.FolderCache, ["_used"], lambda cache: cache._guard
    )
    cache = kept.ImageCache(tmp_path, budget=0)
    for act in (lambda: cache.folder("one"), cache.tidy, cache.let_go):
        before = asked["_used"]
        folder = cache.folder("one")
        (folder / "file").write_bytes(b"some")
        act()
        assert asked["_used"] > before + 1


def test_a_file_is_brought_once_whoever_asks_for_it(tmp_path):
    began, go_on = threading.Event(), threading.Event()
    fetched = []

    def fetch(route, path, *, size, progress):
        assert is_held(fetcher._locks[0])
        fetched.append(route)
        began.set()
        assert go_on.wait(20)
        path.write_bytes(b"1234")

    index = SimpleNamespace(files=[SimpleNamespace(name="a.dcm", size=4)])
    fetcher = remote._Fetcher(SimpleNamespace(fetch=fetch), "images", index, tmp_path)
    threads = [threading.Thread(target=fetcher.fetch, args=(0,)) for _ in range(2)]
    threads[0].start()
    assert began.wait(20)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert fetched == ["images/files/0"]


@pytest.mark.parametrize("name", ["ct-lung", "xray-chest"])
def test_no_thread_reads_a_file_that_is_not_brought_yet(name, monkeypatch):
    """Not even while another has just begun to: it is the same reader for both."""
    header = open_series(sample_paths()[name]).header
    brought, made = set(), []

    class Watched(remote._RemoteSeries):
        @property
        def _reader(self):
            return self.__dict__.get("reader")

        @_reader.setter
        def _reader(self, reader):
            if reader is not None:
                assert is_held(self._lock)
                made.append(reader)
            self.__dict__["reader"] = reader

    series = Watched(header, brought.add)
    for index in range(min(2, header.shape[0])):
        series.read_slice(index)
        assert len(brought) == (1 if len(header.files) == 1 else index + 1)
    (reader,) = made
    assert isinstance(reader, remote._Fetching) == (len(header.files) > 1)


def test_who_keeps_a_token_waits_for_the_lock(tmp_path, monkeypatch):
    """Two programs that log in at once: neither token is forgotten."""
    monkeypatch.setattr(tokens, "user_config_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(tokens, "_keyring", lambda: None)
    monkeypatch.delenv(tokens._VARIABLE, raising=False)
    real = tokens.write_durably

    def write(path, data):
        with pytest.raises(StoreAccessError), locked(tmp_path / "servers.lock", 0):
            pass
        real(path, data)

    monkeypatch.setattr(tokens, "write_durably", write)
    tokens.keep_token("https://one", "ana", "first")
    tokens.keep_token("https://two", "ana", "second")
    assert tokens.kept_token("https://one") == "first"
    tokens.forget_token("https://two", "ana")
    assert tokens.kept_token("https://two") is None

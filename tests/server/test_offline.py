"""Cases that were seen, or taken along, open without the server."""

from __future__ import annotations

import os
from contextlib import suppress

import httpx
import nibabel
import numpy as np
import pytest

from napari_annotate_jobs.errors import NoImageError, NotFoundError, StoreAccessError
from napari_annotate_jobs.model import Comment, Status, Verb
from napari_annotate_jobs.session import Recovery, SaveKind, SynchronousExecutor
from napari_annotate_jobs.session._opening import load_case
from napari_annotate_jobs.session._saver import Saver
from napari_annotate_jobs.stores.http import HttpStore, ImageCache

JOB, CASE = "job", "case-0"
VOXELS = np.arange(3 * 16 * 16, dtype=np.int16).reshape(3, 16, 16)


class Line(httpx.BaseTransport):
    """A line that can be cut."""

    def __init__(self, inner):
        self.inner, self.whole, self.asked = inner, True, []

    def handle_request(self, request):
        if not self.whole:
            raise httpx.ConnectError("no network", request=request)
        self.asked.append(request.url.path)
        return self.inner.handle_request(request)


@pytest.fixture
def line(servers):
    return Line(servers.transport)


@pytest.fixture
def opened(bench, line, tmp_path):
    """Return what opens a store of a person, as another start of the program does."""
    made = []

    def store(name="ana", **options):
        cache = options.pop("cache", None) or ImageCache(tmp_path / "cache" / "images")
        found = HttpStore(
            "http://in.process",
            token=token,
            cache=cache,
            transport=lambda: line,
            **options,
        )
        found.wire._sleep = lambda seconds: None
        made.append(found)
        return found

    token = bench.token("ana")
    yield store
    for each in made:
        each.close()


@pytest.fixture
def pictures(bench):
    """Give each case a volume of 3 slices."""
    base = bench.service.settings.home / "images" / "images"
    for number in range(4):
        (base / str(number)).mkdir(parents=True)
        image = nibabel.Nifti1Image(VOXELS.T, np.diag([-1, -1, 1, 1]))
        nibabel.save(image, base / str(number) / "x.nii")
    return base


@pytest.mark.slow
def test_a_case_that_was_seen_opens_as_it_was_saved(
    bench, opened, line, pictures, kit, tmp_path
):
    store = opened()
    store.jobs()
    store.counts(JOB)
    rows = store.cases(JOB).rows
    case = load_case(store, JOB, rows[0])
    voxels = case.series.read()
    base = case.draft.annotation.revision
    for index in range(3):
        change, digest, data = kit.painted(index)
        base = store.save(JOB, CASE, change, {digest: data}, base=base)
    there = store.load(JOB, CASE)
    change, digest, data = kit.painted(2, 6)
    base = store.save(JOB, CASE, kit.labelled(0, 1), {}, base=base)
    wanted = store.load(JOB, CASE).annotation
    store.save(JOB, CASE, kit.labelled(1, 1), {}, base=base)
    assert there.seen is None
    store.close()

    line.whole = False
    with pytest.raises(StoreAccessError):
        opened(at_hand=False)
    away = opened()
    assert away.person == "ana"
    assert [job.job.id for job in away.jobs()] == [JOB]
    assert away.counts(JOB).total == away.cases(JOB).total == 4
    assert [row.case.id for row in away.cases(JOB, text="2").rows] == ["case-2"]
    again = load_case(away, JOB, away.case(JOB, CASE))
    np.testing.assert_array_equal(again.series.read(), voxels)
    draft = again.draft
    assert draft.seen is not None
    assert draft.annotation.revision == 5
    assert draft.annotation.slices["index:0"] == wanted.slices["index:0"]
    assert draft.annotation.slices["index:1"].class_labels == (1,)
    (mask,) = draft.annotation.blobs()
    assert away.read_blob(JOB, CASE, mask) == kit.painted(2)[2]
    # What cannot be done without the server says so, and changes nothing.
    with pytest.raises(StoreAccessError):
        away.submit(JOB, CASE, base=5)
    # Only what can be opened is gone on to.
    assert away.neighbour(JOB, CASE) is None
    with pytest.raises(StoreAccessError):
        away.load(JOB, "case-1")

    # Work goes on, is kept here, and is saved once the line is there again.
    saver = Saver(
        away,
        JOB,
        CASE,
        annotation=draft.annotation,
        executor=SynchronousExecutor(),
        recovery=Recovery(tmp_path / "unsaved"),
    )
    saver.add(kit.labelled(2, 1), {})
    assert (saver.state.kind, saver.state.kept) == (SaveKind.OFFLINE, True)
    line.whole = True
    saver.retry()
    assert saver.is_idle
    now = bench.store("ana").load(JOB, CASE).annotation
    assert now.revision == 6
    assert now.slices["index:2"].class_labels == (1,)


def test_what_others_changed_is_not_taken_for_ones_own(
    bench, opened, line, pictures, kit, tmp_path
):
    store, other = opened(), bench.store("ana")
    load_case(store, JOB, store.case(JOB, CASE))
    store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    line.whole = False
    store.close()
    # Another computer of hers goes on meanwhile.
    other.save(JOB, CASE, kit.labelled(0), {}, base=1)
    other.save(JOB, CASE, kit.labelled(1, 1), {}, base=2)
    away = opened()
    draft = away.load(JOB, CASE)
    assert draft.annotation.revision == 1
    saver = Saver(
        away,
        JOB,
        CASE,
        annotation=draft.annotation,
        executor=SynchronousExecutor(),
        recovery=Recovery(tmp_path / "unsaved"),
    )
    saver.add(kit.labelled(0, 1), {})
    saver.add(kit.labelled(2, 1), {})
    assert saver.state.kind is SaveKind.OFFLINE
    line.whole = True
    saver.retry()
    assert saver.state.kind is SaveKind.CONFLICT
    now = bench.store("ana").load(JOB, CASE).annotation
    assert "index:0" not in now.slices
    assert now.slices["index:2"].class_labels == (1,)
    # Saved on top of what nobody here has seen: then only the server knows.
    base = other.save(JOB, CASE, kit.labelled(4, 1), {}, base=now.revision)
    away.save(JOB, CASE, kit.labelled(3, 1), {}, base=base)
    line.whole = False
    with pytest.raises(StoreAccessError):
        opened().load(JOB, CASE)


def test_a_case_is_taken_along_whole(bench, opened, line, pictures, kit):
    change, digest, data = kit.painted(1)
    first = opened()
    first.save(JOB, CASE, change, {digest: data}, base=0)
    first.submit(JOB, CASE, base=1)
    said = [Comment(person="eve", text="look again", slice_key="index:1")]
    bench.store("eve").judge(JOB, CASE, Verb.RETURN, person="ana", comments=said)
    cache = ImageCache(bench.service.settings.home / "other" / "images", budget=0)
    store = opened(cache=cache)
    steps = list(store.take_along(JOB, CASE))
    assert steps[-1] == (1, 1)
    for _ in store.take_along(JOB, "case-2"):
        pass
    store.put_back(JOB, "case-2")
    store.close()
    line.whole = False
    # Whatever is over the budget goes, but for this.
    cache.tidy()
    away = opened(cache=cache)
    assert away.neighbour(JOB, None, statuses=[Status.RETURNED]).case.id == CASE
    case = load_case(away, JOB, away.case(JOB, CASE))
    np.testing.assert_array_equal(case.series.read(), VOXELS)
    assert case.draft.status is Status.RETURNED
    assert case.threads[0].comments[0].text == "look again"
    assert away.read_blob(JOB, CASE, digest) == data
    with pytest.raises(StoreAccessError):
        load_case(away, JOB, away.case(JOB, "case-2")).series.read()


def test_without_the_server_one_goes_on_among_the_cases_that_are_here(
    opened, line, pictures
):
    store = opened()
    for case in ("case-0", "case-2", "case-3"):
        assert list(store.take_along(JOB, case))
    store.cases(JOB)
    store.close()
    line.whole = False
    away = opened()

    def beside(case, **how):
        found = away.neighbour(JOB, case, **how)
        return None if found is None else found.case.id

    assert beside(None) == "case-0"
    assert beside("case-0") == "case-2"
    assert beside("case-2", step=-1) == "case-0"
    assert beside("case-1") == "case-2"  # which is not here itself
    assert beside("case-1", step=-1) == "case-0"
    assert beside("case-3") is None
    assert beside("case-3", wrap=True) == "case-0"
    assert beside("case-0", step=-1, wrap=True) == "case-3"
    with pytest.raises(StoreAccessError):
        away.neighbour(JOB, "case-9")


def test_nobody_reads_what_another_person_has_seen(bench, opened, line, pictures):
    opened().load(JOB, CASE)
    line.whole = False
    away = opened()
    folder = away._answers.kept.cache.path
    away._answers.of("ben")
    with pytest.raises(StoreAccessError):
        away.load(JOB, CASE)
    if os.name == "posix":
        folders = [path for path in folder.iterdir() if path.is_dir()]
        assert folders
        assert all(path.stat().st_mode & 0o077 == 0 for path in folders)


@pytest.mark.parametrize("kind", ["hdr", "img", "mhd", "folder"])
def test_images_of_two_files_come_whole(bench, opened, kind, tmp_path):
    import SimpleITK

    base = bench.service.settings.home / "images" / "images" / "0"
    base.mkdir(parents=True)
    series = f"images/0/x.{kind}"
    if kind == "mhd":
        image = SimpleITK.GetImageFromArray(VOXELS)
        SimpleITK.WriteImage(image, base / "x.mhd")
        assert (base / "x.raw").exists()
    else:
        pair = nibabel.Nifti1Pair(VOXELS.T, np.diag([-1, -1, 1, 1]))
        nibabel.save(pair, base / "x.img")
        assert (base / "x.hdr").exists()
        if kind == "folder":
            series = "images/0"
    case = bench.store("ana").case(JOB, CASE).case
    ref = case.series[0].model_copy(update={"path": series})
    store = opened()
    store._rows._cases[JOB, CASE] = case.model_copy(update={"series": (ref,)})
    with bench.service.database.writing() as connection:
        from sqlalchemy import update

        from napari_annotate_jobs.server._schema import cases

        document = store._rows._cases[JOB, CASE].model_dump_json()
        where = cases.c.key == CASE
        connection.execute(update(cases).where(where).values(document=document))
    found = store.open_series(JOB, CASE)
    np.testing.assert_array_equal(found.read_slice(2), VOXELS[2])
    np.testing.assert_array_equal(found.read(), VOXELS)
    whole = [path.name for path in (tmp_path / "cache").rglob("x.*")]
    assert len(whole) == 2


def test_an_image_that_points_elsewhere_is_not_given_out(bench, opened):
    import SimpleITK

    base = bench.service.settings.home / "images" / "images" / "0"
    base.mkdir(parents=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VOXELS), base / "x.mhd")
    secret = bench.service.settings.home / "secret.raw"
    (base / "x.raw").rename(secret)
    text = (base / "x.mhd").read_text().replace("x.raw", "../../../secret.raw")
    (base / "x.mhd").write_text(text)
    client = bench.client("ana")
    for path in ("series", "series/0", "series/0/files/1"):
        answer = client.get(f"/jobs/{JOB}/cases/{CASE}/{path}")
        assert answer.status_code == 404, (path, answer.text)
        assert "secret" not in answer.text.replace("secret.raw", "")
    with pytest.raises((NoImageError, NotFoundError)):
        opened().open_series(JOB, CASE)


def test_a_full_disk_takes_nothing_but_what_is_at_hand(
    bench, opened, pictures, monkeypatch
):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    store = opened()
    assert store.load(JOB, CASE).annotation.revision == 0
    with suppress(StoreAccessError):
        store.close()

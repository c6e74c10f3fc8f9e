"""A job goes from a folder to a server and back, with all that was done in it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from napari_annotate_jobs.errors import (
    ExistsError,
    InvalidValueError,
    RoleError,
    StoreAccessError,
)
from napari_annotate_jobs.model import (
    Case,
    Comment,
    Correction,
    Job,
    Method,
    Outcome,
    Project,
    SeriesRef,
    Verb,
    Verdict,
)
from napari_annotate_jobs.server._schema import audit
from napari_annotate_jobs.stores import FolderStore, create_job
from napari_annotate_jobs.stores._moved_work import RecordName
from napari_annotate_jobs.stores.http import (
    HttpStore,
    ImageCache,
    pull_job,
    push_job,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole jobs go and come

JOB = "moving"


@pytest.fixture
def folder(tmp_path, kit, bench) -> Path:
    """Return a job in which everything happened that can."""
    path = tmp_path / "job"
    job = Job(
        id=JOB,
        project=Project(
            name="Livers",
            methods=(Method.CLASSIFICATION, Method.SEGMENTATION),
            label_set=bench.store("ana").job("job").project.label_set,
        ),
        published=datetime(2026, 1, 2, tzinfo=UTC),
        annotators=("ana", "ben"),
        reviewers=("eve",),
        owners=("olga",),
    )
    cases = [
        Case(id=f"case-{i}", name=f"Case {i}", series=(SeriesRef(path=f"images/{i}"),))
        for i in range(3)
    ]
    create_job(path, job, cases).close()
    with FolderStore(path, "ana") as ana:
        for case, index in (("case-0", 1), ("case-1", 2)):
            change, digest, data = kit.painted(index)
            ana.save(JOB, case, change, {digest: data}, base=0)
        ana.submit(JOB, "case-0", base=1)
        ana.note_case(JOB, "case-1", n_slices=9, size=(16, 16), warnings=["odd"])
        ana.save_combination(JOB, "all", "combine: {}")
    with FolderStore(path, "eve") as eve:
        said = [Comment(person="eve", text="slice 2 is missing")]
        eve.judge(JOB, "case-0", Verb.RETURN, person="ana", comments=said)
    with FolderStore(path, "ana") as ana:
        change, digest, data = kit.painted(2)
        ana.save(JOB, "case-0", change, {digest: data}, base=1)
        done = ana.submit(JOB, "case-0", base=2)
        thread = ana.discuss(
            JOB, "case-0", comment=Comment(person="ana", text="better?")
        )
        ana.discuss(JOB, "case-0", thread=thread.id, resolved=True)
    with FolderStore(path, "eve") as eve:
        change, digest, data = kit.painted(3)
        of = Correction(person="ana", number=done.number, digest=done.digest)
        change = change.model_copy(update={"corrects": of})
        eve.save(JOB, "case-0", change, {digest: data}, base=0, of="ana")
        eve.submit(JOB, "case-0", base=1, of="ana")
        eve.judge(JOB, "case-0", Verb.PASS, person="ana", corrected=True)
    with FolderStore(path, "ben") as ben:
        ben.save(JOB, "case-2", kit.labelled(0, 1), {}, base=0)
        ben.submit(JOB, "case-2", base=1)
    with FolderStore(path, "ana") as ana:
        ana.flag(JOB, "case-1", "mirrored?")
    with FolderStore(path, "eve") as eve:
        eve.flag(JOB, "case-2", "who has read this?")  # and no more than that
    return path


@pytest.fixture
def owner(bench) -> HttpStore:
    return _store(bench, bench.people.owner_token)


def _store(bench, token: str) -> HttpStore:
    return HttpStore(
        "http://in.process",
        token=token,
        cache=ImageCache(bench.service.settings.home / "cache"),
        transport=lambda: bench._transport,
        patient=False,
    )


def everything(store) -> dict[str, object]:
    found = {}
    for name in store.records(JOB):
        record = store.record(JOB, name)
        if not record.is_blank:
            found[name.model_dump_json()] = record.model_dump(mode="json")
    return found


def files(path: Path) -> dict[str, str]:
    return {
        str(each.relative_to(path)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(path.rglob("*"))
        if each.is_file()
    }


@pytest.mark.served
def test_a_job_goes_to_a_server_and_back_as_it_was(bench, folder, owner, tmp_path):
    before = files(folder)
    moved = push_job(FolderStore(folder), owner, how={"blind": False})
    assert (moved.cases, moved.works, moved.submissions) == (3, 5, 4)
    # The folder was only read, and what the server lacks of images is told.
    assert files(folder) == before
    assert "serve --images" in moved.images
    with FolderStore(folder, "ana") as source:
        told, told_row = everything(source), source.case(JOB, "case-1")
    assert len(told) == 5
    assert everything(owner) == told
    # People go on with it, each with what is theirs.
    with bench.store("ana") as ana:
        assert ana.case(JOB, "case-1").case.n_slices == 9
        assert ana.case(JOB, "case-1").warnings == ("odd",)
        assert ana.case(JOB, "case-1").decided == told_row.decided
        draft = ana.load(JOB, "case-1").annotation
        assert draft.revision == 1
        (digest,) = draft.blobs()
        assert (
            hashlib.sha256(ana.read_blob(JOB, "case-1", digest)).hexdigest() == digest
        )
        assert [each.text for t in ana.threads(JOB, "case-0") for each in t.comments]
        assert ana.review(JOB, "case-0", person="ana").reviewer == "eve"
        assert [flag.reason for flag in ana.case(JOB, "case-1").flags] == ["mirrored?"]
    assert owner.combinations(JOB) == {"all": "combine: {}"}
    # Again, nothing happens.
    count = owner.wire.get(f"/jobs/{JOB}/changes", dict)["next"]
    assert push_job(FolderStore(folder), owner).submissions == 4
    assert owner.wire.get(f"/jobs/{JOB}/changes", dict)["next"] == count

    back = tmp_path / "back"
    with bench_job(bench) as source:
        assert pull_job(source, back).works == 5
        assert pull_job(source, back).works == 5
    with FolderStore(back) as store:
        assert everything(store) == told
        assert store.case(JOB, "case-0").case.series[0].path == f"{folder}/images/0"
        assert store.combinations(JOB) == {"all": "combine: {}"}
        faults = [f for f in store.check() if "images" not in f.where]
        assert not faults
    assert [each.name for each in tmp_path.iterdir() if "pulling" in each.name] == []
    # Every document and every mask is the same to the last byte, but for where the
    # images are, and what tells other windows that something changed.
    after = files(back)
    assert before.keys() == after.keys()
    differ = {name for name in before if before[name] != after[name]}
    assert differ == {"job.json", "events.jsonl"}
    frozen = [name for name in before if "/submissions/" in name or "/threads/" in name]
    assert len(frozen) == 8
    mine, theirs = (
        json.loads((path / "job.json").read_text()) for path in (folder, back)
    )
    cases = mine.pop("cases"), theirs.pop("cases")
    assert mine == theirs
    for one, other in zip(*cases, strict=True):
        assert (one["id"], one["name"]) == (other["id"], other["name"])


def test_what_was_interrupted_goes_on(bench, folder, owner, kit, tmp_path, monkeypatch):
    real, left = HttpStore.bring, [2]

    def cut(store, *arguments):
        if not left[0]:
            raise StoreAccessError("the line is cut")
        left[0] -= 1
        real(store, *arguments)

    monkeypatch.setattr(HttpStore, "bring", cut)
    with pytest.raises(StoreAccessError):
        push_job(FolderStore(folder), owner)
    left[0] = 9
    push_job(FolderStore(folder), owner)
    with FolderStore(folder) as source:
        told = everything(source)
    assert everything(owner) == told

    real_folder, left = FolderStore.bring, [2]

    def cut_folder(store, *arguments):
        if not left[0]:
            raise StoreAccessError("the disk is full")
        left[0] -= 1
        real_folder(store, *arguments)

    monkeypatch.setattr(FolderStore, "bring", cut_folder)
    back = tmp_path / "back"
    source = bench_job(bench)
    with pytest.raises(StoreAccessError):
        pull_job(source, back)
    assert not back.exists()
    left[0] = 9
    pull_job(source, back)
    with FolderStore(back) as store:
        assert everything(store) == told

    # Also where work went on meanwhile.
    left[0] = 3
    with pytest.raises(StoreAccessError):
        pull_job(source, tmp_path / "later")
    with bench.store("ana") as ana:
        ana.save(JOB, "case-1", kit.labelled(5, 1), {}, base=1)
    left[0] = 9
    pull_job(source, tmp_path / "later")
    with FolderStore(tmp_path / "later") as store:
        assert everything(store) == everything(owner) != told


def bench_job(bench, job: str = JOB) -> HttpStore:
    return HttpStore(
        f"http://in.process/jobs/{job}",
        token=bench.people.owner_token,
        transport=lambda: bench._transport,
    )


def test_where_work_went_on_at_both_places_nothing_is_changed(
    bench, folder, owner, kit, tmp_path
):
    push_job(FolderStore(folder), owner)
    pull_job(bench_job(bench), tmp_path / "back")
    with bench.store("ana") as ana:
        ana.save(JOB, "case-1", kit.labelled(5, 1), {}, base=1)
    told, before = everything(owner), files(tmp_path / "back")
    with pytest.raises(ExistsError, match="another draft of ana"):
        push_job(FolderStore(folder), owner)
    with pytest.raises(ExistsError, match="another draft of ana"):
        pull_job(bench_job(bench), tmp_path / "back")
    assert everything(owner) == told
    assert files(tmp_path / "back") == before


def test_only_an_owner_brings_the_work_of_others(bench, folder, owner):
    with FolderStore(folder) as source:
        name = RecordName(case="case-2", person="ben")
        record = source.record(JOB, name)
        for person in ("ana", "eve"):
            with bench.store(person) as other, pytest.raises(RoleError):
                other.bring("job", name, record, {})
        with bench.store("ana") as ana, pytest.raises(RoleError):
            push_job(source, ana)
        with bench.store("olga") as olga:
            olga.bring("job", name, record, {})
            assert olga.record("job", name) == record
    assert owner.wire.get("/audit/check", list) == []
    with bench.service.database.reading() as connection:
        query = select(audit.c.person, audit.c.subject).where(audit.c.action == "bring")
        ((person, subject),) = connection.execute(query).all()
    assert person == "olga"
    assert subject == f"case-2 of ben: 1 submitted {record.submissions[0].digest}"


def test_what_was_altered_or_does_not_fit_is_refused(bench, folder, owner):
    push_job(FolderStore(folder), owner)
    with FolderStore(folder) as source:
        name = RecordName(case="case-0", person="ana")
        record = source.record(JOB, name)
    path = "/jobs/job/cases/case-0/records/ana"
    body = record.model_dump(mode="json")
    body["submissions"][0]["digest"] = "0" * 64
    with pytest.raises(InvalidValueError, match="altered"):
        owner.wire.request("PUT", path, body=body)
    for odd in (
        {"submissions": record.submissions[1:]},
        {"verdicts": record.verdicts[:1] * 2},
        {"submissions": record.submissions[:1]},
    ):
        with pytest.raises(InvalidValueError, match="does not fit together"):
            owner.bring("job", name, record.model_copy(update=odd), {})
    with pytest.raises(InvalidValueError, match="does not fit together"):
        owner.bring("job", RecordName(case="case-0", person="ben"), record, {})
    with pytest.raises(InvalidValueError, match="nowhere to be found"):
        owner.bring("job", name, record, {})
    assert owner.record("job", name).is_blank


def test_other_jobs_and_folders_are_left_alone(bench, folder, owner, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    push_job(FolderStore(folder), owner)
    with pytest.raises(ExistsError, match="something else"):
        pull_job(bench_job(bench), tmp_path / "full")
    assert files(tmp_path / "full").keys() == {"mine.txt"}
    with pytest.raises(ExistsError, match="another one"):
        pull_job(bench_job(bench, "job"), folder)


def test_a_return_of_an_earlier_version_comes_along(folder, tmp_path):
    with FolderStore(folder) as source:
        name = RecordName(case="case-2", person="ben")
        record = source.record(JOB, name)
        old = Verdict.seal(
            submission=1,
            number=0,
            outcome=Outcome.RETURNED,
            person="eve",
            comments=(Comment(person="eve", text="again"),),
        )
        record = record.model_copy(update={"verdicts": (old,)})
        source.bring(JOB, name, record, {})
    assert list(folder.rglob("0001.return.json"))
    pull_job(FolderStore(folder), tmp_path / "copy")
    with FolderStore(tmp_path / "copy") as copy:
        assert copy.verdicts(JOB, "case-2", person="ben") == [old]

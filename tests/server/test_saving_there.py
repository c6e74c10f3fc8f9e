"""What a server does with operations and masks."""

from __future__ import annotations

import hashlib
import struct
import zlib

import pytest

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    InvalidValueError,
    LockedError,
    NotFoundError,
    RoleError,
)
from napari_annotate_jobs.model import (
    AnnotationChange,
    Comment,
    SliceAnnotation,
    Status,
)
from napari_annotate_jobs.server._database import Database
from napari_annotate_jobs.stores.wire import OperationBatch, SliceResult, operation_of

JOB, CASE = "job", "case-0"
APPLIED, ALREADY, CONFLICT = SliceResult


def results(answers):
    return [{k: a.result for k, a in each.slices.items()} for each in answers]


# ------------------------------------------------------------------ per slice
@pytest.mark.served
def test_a_slice_that_was_changed_since_is_a_conflict_and_the_others_go_through(
    bench, kit
):
    one, two = bench.store("ana"), bench.store("ana")
    one.sending.send_operations(JOB, CASE, kit.batch(kit.labelled(0, 1), base=0))
    both = AnnotationChange(
        slices={**kit.labelled(0).slices, **kit.labelled(1, 1).slices}
    )
    (answer,) = two.sending.send_operations(JOB, CASE, kit.batch(both, base=0))
    assert results([answer]) == [{"index:0": CONFLICT, "index:1": APPLIED}]
    there = answer.slices["index:0"]
    assert (there.revision, there.document["class_labels"]) == (1, [1])
    draft = one.load(JOB, CASE).annotation
    assert (draft.revision, sorted(draft.slices)) == (2, ["index:0", "index:1"])
    assert draft.slices["index:0"].class_labels == (1,)
    # Whoever has seen it may change it.
    (answer,) = two.sending.send_operations(
        JOB, CASE, kit.batch(kit.labelled(0), base=2)
    )
    assert results([answer]) == [{"index:0": APPLIED}]
    assert sorted(one.load(JOB, CASE).annotation.slices) == ["index:1"]


@pytest.mark.served
def test_a_slice_that_was_emptied_since_is_a_conflict_too(bench, kit):
    store = bench.store("ana")
    store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    store.save(JOB, CASE, AnnotationChange(slices={"index:0": None}), {}, base=1)
    (answer,) = store.sending.send_operations(
        JOB, CASE, kit.batch(kit.labelled(0, 1), base=1)
    )
    assert answer.slices["index:0"].result is CONFLICT
    assert answer.slices["index:0"].document is None
    assert store.load(JOB, CASE).annotation.revision == 2


def test_what_one_client_made_one_after_the_other_is_no_conflict(bench, kit):
    store = bench.store("ana")
    changes = [kit.labelled(0, 1), kit.labelled(0), kit.labelled(0, 1)]
    answers = store.sending.send_operations(
        JOB, CASE, kit.batch(*changes, base=0, stream="laptop")
    )
    assert results(answers) == [{"index:0": APPLIED}] * 3
    (answer,) = store.sending.send_operations(
        JOB, CASE, kit.batch(kit.labelled(0), base=0, stream="desk")
    )
    assert results([answer]) == [{"index:0": CONFLICT}]


@pytest.mark.served
def test_fields_of_the_whole_case_conflict_one_by_one(bench, kit):
    store = bench.store("ana")
    said = AnnotationChange(comments=(Comment(person="ana", text="a"),))
    store.save(JOB, CASE, said, {}, base=0)
    other = AnnotationChange(
        comments=(Comment(person="ana", text="b"),), case_nothing_to_label=True
    )
    (answer,) = store.sending.send_operations(JOB, CASE, kit.batch(other, base=0))
    found = {name: each.result for name, each in answer.fields.items()}
    assert found == {"comments": CONFLICT, "case_nothing_to_label": APPLIED}
    draft = store.load(JOB, CASE).annotation
    assert draft.case_nothing_to_label and draft.comments == said.comments


@pytest.mark.served
def test_an_operation_is_applied_once(bench, kit):
    store = bench.store("ana")
    first = kit.batch(kit.labelled(0, 1), base=0)
    assert results(store.sending.send_operations(JOB, CASE, first)) == [
        {"index:0": APPLIED}
    ]
    store.save(JOB, CASE, kit.labelled(0), {}, base=1)
    for _ in range(2):
        (answer,) = store.sending.send_operations(JOB, CASE, first)
        assert (results([answer]), answer.revision) == ([{"index:0": ALREADY}], 1)
    draft = store.load(JOB, CASE).annotation
    assert (draft.revision, draft.slices) == (2, {})
    # Its id is not for anything else, nor for anybody else.
    other = operation_of(kit.labelled(3, 1), base=2, id=first.operations[0].id)
    for who in ("ana", "ben"):
        (answer,) = bench.store(who).sending.send_operations(
            JOB, CASE, OperationBatch(operations=(other,))
        )
        assert "another operation" in answer.trouble.what
    assert store.load(JOB, CASE).annotation.revision == 2


@pytest.mark.served
def test_what_is_wrong_with_one_operation_is_no_harm_to_the_others(bench, kit):
    store = bench.store("ana")
    changes = [kit.labelled(0, 1), kit.labelled(1, 99), kit.labelled(2, 1)]
    answers = store.sending.send_operations(
        JOB, CASE, kit.batch(*changes, base=0, stream="a")
    )
    assert [answer.trouble is None for answer in answers] == [True, False, True]
    assert answers[1].trouble.code == "invalid" and "99" in answers[1].trouble.what
    draft = store.load(JOB, CASE).annotation
    assert (draft.revision, sorted(draft.slices)) == (2, ["index:0", "index:2"])


def test_the_line_of_an_operation_is_proved(bench, kit):
    store = bench.store("ana")
    good = operation_of(kit.labelled(0, 1), base=0)
    bad = good.model_copy(update={"line": good.line.replace("[1]", "[2]")})
    (answer,) = store.sending.send_operations(
        JOB, CASE, OperationBatch(operations=(bad,))
    )
    assert answer.trouble.code == "invalid"
    assert store.load(JOB, CASE).annotation.revision == 0


def test_a_submitted_case_takes_no_operations(bench, kit):
    store = bench.store("ana")
    store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    sent = store.submit(JOB, CASE, base=1)
    (answer,) = store.sending.send_operations(
        JOB, CASE, kit.batch(kit.labelled(1, 1), base=1)
    )
    assert answer.trouble.code == "locked"
    with pytest.raises(LockedError):
        store.save(JOB, CASE, kit.labelled(1, 1), {}, base=1)
    assert list(store.submissions(JOB, CASE)) == [sent]


# ------------------------------------------------------------------------ masks
def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(rows, columns, data):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + body


def hostile(kit):
    good = kit.painted(0)[2]
    yield "bomb", png(60_000, 60_000, zlib.compress(bytes(10_000_000), 9))
    yield "another size", kit.painted(0, size=17)[2]
    yield "a label that is not declared", kit.painted(0, label=44)[2]
    yield "cut off", good[:-20]
    yield "no image", b"<html></html>"
    yield "nothing", b""


def test_hostile_masks_are_refused_and_nothing_is_kept(bench, kit):
    client = bench.client("ana")
    kept = bench.service.settings.home / "blobs"
    for name, data in hostile(kit):
        digest = hashlib.sha256(data).hexdigest()
        answer = client.put(f"{kit.case}/blobs/{digest}", content=data)
        assert answer.status_code == 422, name
        assert answer.json()["code"] == "invalid", name
        missing = client.post(f"{kit.case}/blobs:missing", json={"digests": [digest]})
        assert missing.json()["digests"] == [digest], name
    answer = client.put(f"{kit.case}/blobs/{'0' * 64}", content=kit.painted(0)[2])
    assert answer.status_code == 422
    assert not [path for path in kept.rglob("*") if path.is_file()]


def test_a_reference_that_says_other_pixels_than_the_mask_is_refused(bench, kit):
    store = bench.store("ana")
    change, digest, data = kit.painted(0)
    content = change.slices["index:0"]
    ref = content.masks[""].model_copy(update={"pixels": {6: 1}})
    wrong = AnnotationChange(slices={"index:0": content.evolve(masks={"": ref})})
    with pytest.raises(InvalidValueError, match="other pixels"):
        store.save(JOB, CASE, wrong, {digest: data}, base=0)
    assert store.save(JOB, CASE, change, {digest: data}, base=0) == 1


# ----------------------------------------------------------------------- blind
@pytest.mark.served
def test_who_annotates_blind_sees_nothing_before_both_have_submitted(bench, kit):
    ana, ben, eve = (bench.store(name) for name in ("ana", "ben", "eve"))
    change, digest, data = kit.painted(0)
    ana.save(JOB, CASE, change, {digest: data}, base=0)
    ana.submit(JOB, CASE, base=1)
    asked = [
        lambda s: s.load(JOB, CASE, person="ana"),
        lambda s: s.submissions(JOB, CASE, person="ana"),
        lambda s: s.verdicts(JOB, CASE, person="ana"),
        lambda s: s.threads(JOB, CASE, person="ana"),
        lambda s: s.load(JOB, CASE, person="eve", of="ana"),
    ]
    for ask in asked:
        ask(eve)
        with pytest.raises(RoleError, match="both have submitted"):
            ask(ben)
    with pytest.raises(NotFoundError):
        ben.read_blob(JOB, CASE, digest)
    assert ben.sending.missing_blobs(JOB, CASE, [digest]) == [digest]
    with pytest.raises(InvalidValueError, match="nowhere to be found"):
        ben.save(JOB, CASE, change, {}, base=0)
    assert (ben.people(JOB, CASE), ben.reviews(JOB).total) == ([], 0)
    assert ben.review_counts(JOB).total == 0
    assert list(ben.review_progress(JOB)) == []
    with pytest.raises(NotFoundError):
        ben.review(JOB, CASE, person="ana")
    changes = bench.client("ben").get("/jobs/job/changes").json()
    assert [each for each in changes["changes"] if each["author"] == "ana"] == []
    members = bench.client("ben").get("/jobs/job/members").json()
    assert [each["name"] for each in members] == ["ben"]

    ben.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    ben.submit(JOB, CASE, base=1)
    for ask in asked[:4]:
        ask(ben)
    assert ben.read_blob(JOB, CASE, digest) == data
    assert ben.people(JOB, CASE) == ["ana", "ben"]
    assert ben.reviews(JOB).total == 2


# ------------------------------------------------------------------------ claims
@pytest.mark.served
def test_cases_are_claimed_one_by_one(make_bench, kit):
    bench = make_bench(assignment="claim")
    ana, ben = bench.store("ana"), bench.store("ben")
    clients = {name: bench.client(name) for name in ("ana", "ben")}
    assert ana.cases(JOB).total == 0
    with pytest.raises(NotFoundError):
        ana.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    first = clients["ana"].post("/jobs/job/claim", json={}).json()
    second = clients["ben"].post("/jobs/job/claim", json={}).json()
    assert (first["case"], second["case"]) == ("case-0", "case-1")
    taken = clients["ben"].post("/jobs/job/claim", json={"case": "case-0"})
    assert (taken.status_code, taken.json()["code"]) == (409, "transition")
    assert [row.case.id for row in ana.cases(JOB).rows] == ["case-0"]
    ana.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    assert clients["ana"].post(f"{kit.case}/release").status_code == 204
    # What was drawn stays one's own, and can be gone on with.
    assert ana.save(JOB, CASE, kit.labelled(1, 1), {}, base=1) == 2
    assert clients["ben"].post("/jobs/job/claim", json={}).json()["case"] == "case-0"
    assert ana.submit(JOB, CASE, base=2).number == 1
    assert ben.case(JOB, CASE).status is Status.REMAINING


def test_a_claim_of_what_one_has_changes_nothing_but_the_lease(make_bench, kit):
    bench = make_bench(assignment="claim")
    with bench.client("olga") as olga, bench.client("ana") as ana:
        due = "2026-12-24T00:00:00Z"
        given = {"people": ["ana"], "priority": 7, "due": due}
        assert olga.post(f"{kit.case}/assign", json=given).status_code == 204
        task = ana.post("/jobs/job/claim", json={"case": "case-0"}).json()
        assert (task["claimed"], task["priority"], task["due"]) == (False, 7, due)
        assert task == ana.get("/jobs/job/tasks").json()[0]
        first = ana.post("/jobs/job/claim", json={"case": "case-1"}).json()
        again = ana.post("/jobs/job/claim", json={"case": "case-1"}).json()
        assert again["lease_until"] > first["lease_until"]


@pytest.mark.served
@pytest.mark.parametrize("number", [2**31, 2**63, 2**70])
def test_numbers_that_no_database_holds_are_refused(bench, kit, number):
    with bench.client("ana") as client:
        for size in ([number, 16], [16, number]):
            answer = client.post(f"{kit.case}/note", json={"size": size})
            assert answer.status_code == 422, answer.text
        body = kit.batch(kit.labelled(0, 1), base=number).model_dump(mode="json")
        answer = client.post(f"{kit.case}/ops", json=body)
        assert answer.status_code < 500, answer.text
        assert bench.store("ana").load(JOB, CASE).annotation.revision < 2


def test_a_change_of_very_many_slices_is_saved_in_parts(bench, monkeypatch):
    """A database takes only so many values at once; see how it goes with three."""
    monkeypatch.setattr("napari_annotate_jobs.server._drafts._MOST", 3)
    store = bench.store("ana")
    content = {
        f"index:{i}": SliceAnnotation(index=i, class_labels=(1,)) for i in range(10)
    }
    change = AnnotationChange(slices=content)
    assert store.save(JOB, CASE, change, {}, base=0) == 1
    first = {key: content[key] for key in list(content)[:8]}
    other = dict.fromkeys(first)
    both = (change, AnnotationChange(slices=other))
    conflicts, _ = (
        store.sending.send_operations(
            JOB, CASE, OperationBatch(operations=(operation_of(each, base=base),))
        )[0]
        for each, base in zip(both, (0, 1), strict=True)
    )
    assert set(results([conflicts])[0].values()) == {CONFLICT}
    draft = store.load(JOB, CASE).annotation
    assert sorted(draft.slices) == ["index:8", "index:9"]
    digests = [f"{i:064x}" for i in range(10)]
    assert store.sending.missing_blobs(JOB, CASE, digests) == digests


# ------------------------------------------------------------------------ labels
@pytest.mark.served
def test_another_label_set_breaks_no_open_job(bench, kit):
    ana, olga = bench.store("ana"), bench.client("olga")
    ana.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    opened = ana.job(JOB)
    old = opened.project.label_set
    new = old.model_dump(mode="json")
    new["labels"][0] |= {"name": "tumour", "color": "#336699"}
    new["labels"].append({**new["labels"][0], "id": 9, "name": "cyst"})
    answer = olga.put("/jobs/job/labels", json=new)
    assert (answer.status_code, answer.json()) == (200, {"count": 2})
    # What was opened before goes on, and what is opened now has all of them.
    assert ana.save(JOB, CASE, kit.labelled(1, 1), {}, base=1) == 2
    assert ana.save(JOB, CASE, kit.labelled(2, 9), {}, base=2) == 3
    assert ana.job(JOB).project.label_set.by_id[9].name == "cyst"
    assert ana.submit(JOB, CASE, base=3).annotation.slices.keys() == {
        "index:0",
        "index:1",
        "index:2",
    }
    first = bench.client("ana").get("/jobs/job/labels/1").json()
    assert first == old.model_dump(mode="json")
    assert bench.client("ana").get("/jobs/job/labels/3").status_code == 404
    # The same again is no other version; what would change a meaning is refused.
    assert olga.put("/jobs/job/labels", json=new).json() == {"count": 2}
    for change in ({"id": 7}, {"method": "detection"}, {"group": "a"}):
        wrong = {**new, "labels": [new["labels"][0] | change, *new["labels"][1:]]}
        answer = olga.put("/jobs/job/labels", json=wrong)
        assert answer.status_code == 422, (change, answer.text)
    assert ana.job(JOB).project.label_set.by_id[1].name == "tumour"


# ---------------------------------------------------------------------- versions
@pytest.mark.served
def test_the_migrations_make_the_tables_that_the_code_knows(bench):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from napari_annotate_jobs.server._schema import METADATA

    with bench.service.database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []


def test_a_database_of_another_version_is_not_touched(tmp_path):
    from sqlalchemy import text

    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    database.prepare()
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(AnnotateJobsError, match="version 9999") as caught:
        database.prepare(upgrade=True)
    assert "Update napari-annotate-jobs" in caught.value.remedy
    database.close()


@pytest.mark.served
def test_the_record_tells_when_it_was_altered(bench, kit):
    from sqlalchemy import text

    from napari_annotate_jobs.server import broken_links

    store = bench.store("ana")
    store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    store.submit(JOB, CASE, base=1)
    with bench.service.database.writing() as connection:
        assert list(broken_links(connection)) == []
        connection.execute(
            text("UPDATE audit SET person = 'ben' WHERE action = 'submit'")
        )
        assert len(list(broken_links(connection))) == 1


@pytest.mark.served
def test_who_has_a_draft_is_told_so_before_its_slices_are_read(bench, kit, monkeypatch):
    """Whatever becomes of it, what is there then has another tag."""
    from napari_annotate_jobs.model import Verb
    from napari_annotate_jobs.server._drafts import PersonWork

    store, eve, seen = bench.store("ana"), bench.store("eve"), []

    def look(ana):
        answer = ana.get(f"{kit.case}/draft")
        assert answer.headers["etag"] not in seen
        seen.append(answer.headers["etag"])
        same = ana.get(f"{kit.case}/draft", headers={"If-None-Match": seen[-1]})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == seen[-1]

    with bench.client("ana") as ana:
        look(ana)
        store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
        look(ana)
        store.submit(JOB, CASE, base=1)
        look(ana)
        eve.judge(JOB, CASE, Verb.PASS, person="ana")
        look(ana)
        eve.judge(JOB, CASE, Verb.WITHDRAW, person="ana")
        look(ana)
        store.judge(JOB, CASE, Verb.REOPEN)
        look(ana)
        monkeypatch.setattr(PersonWork, "document", None)
        known = {"If-None-Match": f'"x", {seen[-1]}'}
        assert ana.get(f"{kit.case}/draft", headers=known).status_code == 304

"""What a server does with operations and masks."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib

import pytest
from sqlalchemy import func, select, update

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ConflictError,
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
from napari_annotate_jobs.server import _bringing, _case_masks
from napari_annotate_jobs.server._database import Database
from napari_annotate_jobs.server._schema import blob_uses, blobs, cases, operations
from napari_annotate_jobs.stores.http import _sending
from napari_annotate_jobs.stores.wire import (
    MaskBatch,
    OperationBatch,
    SliceResult,
    operation_of,
    packed,
)

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


def rows_of(service, table):
    with service.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def alone(client, kit, digest, data):
    return client.put(f"{kit.case}/blobs/{digest}", content=data)


def among_others(client, kit, digest, data):
    _, good, bytes_of_it = kit.painted(9)
    masks = packed({good: bytes_of_it, digest: data})
    return client.post(f"{kit.case}/blobs", json={"masks": masks})


def along(client, kit, digest, data):
    body = kit.batch(kit.labelled(0, 1), base=0).model_dump(mode="json")
    body["masks"] = packed({digest: data})
    return client.post(f"{kit.case}/ops", json=body)


@pytest.mark.parametrize("small", [0, 1 << 20])
@pytest.mark.parametrize("bring", [alone, among_others, along])
def test_hostile_masks_are_refused_and_nothing_is_kept(
    bench, kit, bring, small, monkeypatch
):
    monkeypatch.setattr(_case_masks, "_SMALL", small)
    client = bench.client("ana")
    kept = bench.service.settings.home / "blobs"
    for name, data in hostile(kit):
        digest = hashlib.sha256(data).hexdigest()
        answer = bring(client, kit, digest, data)
        assert answer.status_code == 422, name
        assert answer.json()["code"] == "invalid", name
        missing = client.post(f"{kit.case}/blobs:missing", json={"digests": [digest]})
        assert missing.json()["digests"] == [digest], name
    answer = bring(client, kit, "0" * 64, kit.painted(0)[2])
    assert answer.status_code == 422
    assert not [path for path in kept.rglob("*") if path.is_file()]
    assert rows_of(bench.service, blobs) == rows_of(bench.service, blob_uses) == 0
    assert rows_of(bench.service, operations) == 0


def test_masks_that_are_no_base64_are_refused(bench, kit):
    client, digest = bench.client("ana"), kit.painted(0)[1]
    for text in ("%%%", "abc", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"):
        for path, more in (
            ("blobs", {}),
            ("ops", kit.batch(kit.labelled(0, 1), base=0).model_dump(mode="json")),
        ):
            body = {**more, "masks": {digest: text}}
            answer = client.post(f"{kit.case}/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert bench.store("ana").load(JOB, CASE).annotation.revision == 0


def test_a_request_has_only_so_many_pixels_of_masks(bench, kit, monkeypatch):
    """Or one request would keep the server busy for as long as somebody likes."""
    monkeypatch.setattr(_bringing, "MOST_PIXELS", 3 * 256)
    found = [kit.painted(index) for index in range(8)]
    masks = {digest: data for _, digest, data in found}
    with bench.client("ana") as client:
        body = {"masks": packed(dict(list(masks.items())[:4]))}
        answer = client.post(f"{kit.case}/blobs", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert rows_of(bench.service, blobs) == 0
    monkeypatch.setattr(_sending, "MOST_PIXELS", 3 * 256)
    change = AnnotationChange()
    for each, _, _ in found:
        change = change.then(each)
    assert bench.store("ana").save(JOB, CASE, change, masks, base=0) == 1
    assert rows_of(bench.service, blobs) == 8


@pytest.mark.parametrize("bring", [alone, among_others, along])
def test_who_could_a_moment_ago_is_looked_up_again(make_bench, kit, bring):
    """What is remembered of a person, a case and its labels only saves a look."""
    bench = make_bench()
    olga, ana = bench.client("olga"), bench.client("ana")
    assert bring(ana, kit, *kit.painted(0)[1:]).status_code < 300
    before = rows_of(bench.service, blobs)
    # Labels that came since are known, and the size that is known since counts.
    labels = olga.get("/jobs/job").json()["project"]["label_set"]
    labels["labels"].append({**labels["labels"][1], "id": 9, "name": "cyst"})
    assert olga.put("/jobs/job/labels", json=labels).status_code == 200
    other = kit.painted(1, label=9)
    assert bring(ana, kit, *other[1:]).status_code < 300
    assert rows_of(bench.service, blobs) > before
    before = rows_of(bench.service, blobs)
    with bench.service.database.writing() as connection:
        row = connection.execute(select(cases).limit(1)).mappings().one()
        document = json.loads(row["document"]) | {"size": [17, 17]}
        connection.execute(
            update(cases)
            .where(cases.c.id == row["id"])
            .values(document=json.dumps(document))
        )
    refused = bring(ana, kit, *kit.painted(2)[1:])
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    # Who is out brings nothing more.
    state = {"state": "suspended"}
    olga.post("/jobs/job/members/ana/state", json=state)
    refused = bring(ana, kit, *kit.painted(3, size=17)[1:])
    assert (refused.status_code, refused.json()["code"]) == (403, "role")
    assert rows_of(bench.service, blobs) == before


@pytest.mark.parametrize("bring", [alone, among_others, along])
def test_who_may_not_annotate_brings_no_masks(make_bench, kit, bring):
    bench = make_bench()
    with bench.client("olga") as olga:
        bench.account("ida")
        answer = olga.put("/jobs/job/members/ida", json={"roles": []})
        assert answer.status_code == 204, answer.text
    _, digest, data = kit.painted(0)
    for name, scope in (("ida", "write"), ("ana", "read"), ("zoe", "write")):
        with bench.client(name, scope) as client:
            answer = bring(client, kit, digest, data)
            assert answer.status_code in {403, 404}, (name, answer.text)
    assert rows_of(bench.service, blobs) == 0


@pytest.mark.served
def test_a_change_and_its_masks_come_in_one_request(bench, kit, monkeypatch):
    store = bench.store("ana")
    asked = []
    request = store.wire.request

    def noted(method, path, **what):
        asked.append((method, path.rpartition("/")[2]))
        return request(method, path, **what)

    monkeypatch.setattr(store.wire, "request", noted)
    found = [kit.painted(index) for index in range(8)]
    change, masks = AnnotationChange(), {}
    for each, digest, data in found:
        change, masks = change.then(each), masks | {digest: data}
    assert store.save(JOB, CASE, change, masks, base=0) == 1
    assert asked == [("POST", "ops")]
    for digest, data in masks.items():
        assert store.read_blob(JOB, CASE, digest) == data
    asked.clear()
    # Those that are there are not brought again.
    other = AnnotationChange(slices={"index:0": change.slices["index:1"]})
    content = other.slices["index:0"].evolve(index=0)
    other = AnnotationChange(slices={"index:0": content})
    store.save(JOB, CASE, other, masks, base=1)
    assert asked == [("POST", "ops")]


@pytest.mark.served
def test_what_comes_with_a_conflict_is_not_kept(bench, kit):
    store, other = bench.store("ana"), bench.store("ana")
    store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    change, digest, data = kit.painted(1)
    with pytest.raises(ConflictError):
        other.save(JOB, CASE, change, {digest: data}, base=0)
    assert rows_of(bench.service, blobs) == 0
    assert other.save(JOB, CASE, change, {digest: data}, base=1) == 2
    assert store.read_blob(JOB, CASE, digest) == data


@pytest.mark.served
def test_very_many_masks_go_in_parts_and_those_that_are_there_stay(
    bench, kit, monkeypatch
):
    monkeypatch.setattr(_sending, "_ALONG", 100)
    monkeypatch.setattr(_sending, "_PART", 250)
    found = [kit.painted(index) for index in range(9)]
    masks = {digest: data for _, digest, data in found}
    change = AnnotationChange()
    for each, _, _ in found:
        change = change.then(each)
    bench.store("ana").sending.send_blobs(JOB, CASE, dict(list(masks.items())[:4]))
    store, asked = bench.store("ana"), []
    request = store.wire.request

    def noted(method, path, *, body=None, **what):
        sizes = len(body.masks) if isinstance(body, MaskBatch) else None
        asked.append((path.rpartition("/")[2][:13], sizes))
        return request(method, path, body=body, **what)

    monkeypatch.setattr(store.wire, "request", noted)
    assert store.save(JOB, CASE, change, masks, base=0) == 1
    assert asked[0] == ("blobs:missing", None) and asked[-1] == ("ops", None)
    brought = [1 if sizes is None else sizes for _, sizes in asked[1:-1]]
    assert sum(brought) == 5 and 1 < len(brought) < 5
    for digest, data in masks.items():
        assert bench.store("ana").read_blob(JOB, CASE, digest) == data


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

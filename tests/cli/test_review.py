"""The verbs of reviewers, as a person types them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from napari_annotate_jobs.cli import build_parser
from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation, Verb
from napari_annotate_jobs.session import begin_correction
from napari_annotate_jobs.stores import FolderStore, StoreSource

DOCS = Path(__file__).parents[2] / "docs"


def submit(path, *numbers, person="ana", label=1):
    with FolderStore(path, person) as store:
        (summary,) = store.jobs()
        rows = store.cases(summary.job.id).rows
        for number in numbers:
            case = rows[number].case.id
            content = SliceAnnotation(index=0, class_labels=(label,))
            base = store.load(summary.job.id, case).annotation.revision
            key = store.open_series(summary.job.id, case).header.slices[0].key
            change = AnnotationChange(slices={key: content})
            base = store.save(summary.job.id, case, change, {}, base=base)
            store.submit(summary.job.id, case, base=base)


@pytest.fixture
def submitted(job):
    submit(job, 0, 1, 2)
    return job


def found(run, *arguments):
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def statuses(run, job):
    listed = found(run, "review", job)
    return {(c["name"], c["person"]): c["status"] for c in listed["cases"]}


def test_cases_are_judged_and_listed(run, submitted):
    eve = ("--person", "eve")
    code, out, _ = run("review", submitted, "--waiting")
    assert code == 0
    assert "3 submitted: 3 waiting, 0 passed, 0 failed, 0 returned" in out
    assert run("pass", submitted, "x1", *eve)[1] == "x1 by ana: passed.\n"
    assert run("fail", submitted, "x2", "--comment", "blurred", *eve)[0] == 0
    told = found(
        run, "return", submitted, "x10", *eve,
        "--comment", "here", "--comment", "and all of it", "--slice", "1",
    )  # fmt: skip
    assert told[0]["outcome"] == "returned"
    assert told[0]["comments"] == [
        {"text": "here", "slice": 1},
        {"text": "and all of it", "slice": None},
    ]
    assert statuses(run, submitted) == {
        ("x1", "ana"): "passed",
        ("x2", "ana"): "failed",
        ("x10", "ana"): "returned",
    }
    listed = found(run, "review", submitted, "--status", "failed")
    assert [(c["reviewer"], c["comment"]) for c in listed["cases"]] == [
        ("eve", "blurred")
    ]
    assert found(run, "review", submitted, "--waiting")["cases"] == []
    submit(submitted, 2, label=2)
    listed = found(run, "review", submitted, "--revised")
    assert [(c["name"], c["submission"]) for c in listed["cases"]] == [("x10", 2)]
    assert "1 waiting (1 revised)" in run("review", submitted)[1]


def test_a_comment_names_its_slice(run, submitted):
    run("return", submitted, "x1", "--comment", "here", "--slice", 1, "--person", "eve")
    with FolderStore(submitted, "ana") as store:
        job = store.jobs()[0].job.id
        case = store.cases(job, text="x1").rows[0].case.id
        (thread,) = store.threads(job, case)
        slices = store.open_series(job, case).header.slices
    assert (thread.first.slice_key, thread.first.index) == (slices[0].key, 0)


def test_verdicts_and_submissions_are_taken_back(run, submitted):
    run("pass", submitted, "x1", "--person", "eve")
    assert run("withdraw", submitted, "x1", "--person", "eve")[0] == 0
    assert statuses(run, submitted)["x1", "ana"] == "waiting"
    taken = found(run, "reopen", submitted, "x1", "--person", "ana")
    assert [(t["name"], t["submission"]) for t in taken] == [("x1", 1)]
    assert ("x1", "ana") not in statuses(run, submitted)
    run("pass", submitted, "x2", "--person", "eve")
    code, _, err = run("reopen", submitted, "x2", "--person", "ana")
    assert code == 2
    assert "eve has passed it already" in err


def test_all_that_waits_passes(run, submitted, monkeypatch):
    submit(submitted, 0, person="eve")
    code, _, err = run("pass", submitted, "--all", "--person", "eve")
    assert code == 2
    assert "--yes" in err
    assert len(found(run, "pass", submitted, "--all", "--yes", "--person", "eve")) == 3
    assert statuses(run, submitted)["x1", "eve"] == "waiting"  # her own


def test_what_is_not_said_clearly_is_refused(run, submitted):
    submit(submitted, 0, person="ben")
    for arguments, match in (
        (("pass", submitted, "x1"), "ana, ben have submitted it"),
        (("pass", submitted, "x9"), "there is no case 'x9'"),
        (("pass", submitted), "no case is named"),
        (("pass", submitted, "x2", "--all"), "exclude one another"),
        (("return", submitted, "x2", "--comment", " "), "without a comment"),
        (("fail", submitted, "x2", "--comment", ""), "without a reason"),
        (("pass", submitted, "x2", "--slice", 1), "more slices than comments"),
        (
            ("return", submitted, "x2", "--comment", "a", "--slice", 9),
            "no slice 9 of 1",
        ),
        (("reopen", submitted, "x2"), "no submission to take back"),
    ):
        code, _, err = run(*arguments, "--person", "eve")
        assert code == 2, arguments
        assert match in err, err
    code, _, err = run("pass", submitted, "x2", "--person", "ana")
    assert code == 2
    assert "nobody reviews what they submitted" in err
    assert run("return", submitted, "x2")[0] == 2  # --comment is required
    assert run("pass", submitted, "x1", "--of", "ben", "--person", "eve")[0] == 0
    assert set(statuses(run, submitted).values()) == {"waiting", "passed"}


def test_what_each_person_did(run, submitted):
    run("pass", submitted, "x1", "x2", "--person", "eve")
    told = found(run, "show", submitted, "--review")
    people = {p["person"]: p for p in told["people"]}
    assert people["ana"]["submitted"]["passed"] == 2
    assert people["ana"]["submitted"]["waiting"] == 1
    assert people["eve"]["given"] == {"passed": 2, "failed": 0, "returned": 0}
    assert told["reviews"]["waiting"] == 1
    _, out, _ = run("show", submitted, "--review")
    assert "VERDICTS GIVEN" in out
    assert "3 submitted: 1 waiting, 2 passed" in out


def test_what_others_wrote_cannot_command_the_terminal(run, submitted):
    evil = "\x1b[2Jgone"
    run("fail", submitted, "x1", "--comment", evil, "--person", "eve")
    for arguments in (("review", submitted), ("show", submitted, "--cases")):
        code, out, _ = run(*arguments, "--person", "ana")
        assert code == 0
        assert "\x1b" not in out
    assert "\\u001b[2Jgone" in run("review", submitted)[1]
    code, _, err = run("pass", submitted, evil)
    assert code == 2
    assert "\x1b" not in err


def test_a_new_job_names_its_people(run, images, tmp_path):
    path = tmp_path / "named"
    code, _, err = run(
        "new", path, "--images", images, "--labels", "classification:a",
        "--annotators", "ana", "ben", "--reviewers", " eve ", "--owners", "olga",
        "--review-sample", "50", "--review-seed", "3", "--no-reopen", "--hold-back",
    )  # fmt: skip
    assert code == 0, err
    with FolderStore(path) as store:
        job = store.jobs()[0].job
    assert (job.annotators, job.reviewers, job.owners) == (
        ("ana", "ben"),
        ("eve",),
        ("olga",),
    )
    options = job.project.options
    assert (options.review_sample, options.review_seed) == (50, 3)
    assert (options.reopen, options.review_own) == (False, False)
    assert not options.export_not_selected
    _, out, _ = run("show", path)
    for word in ("ana, ben", "eve", "olga", "50 % of the cases"):
        assert word in out
    assert run("new", tmp_path / "x", "--images", images, "--review-sample", "101")[0]
    code, _, err = run("pass", path, "x1", "--person", "sam")
    assert code == 2


def test_what_the_docs_say_of_python_can_be_done(
    run, images, tmp_path, monkeypatch, capsys
):
    text = (DOCS / "reviewing.md").read_text("utf-8")
    code, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "lung"
    run("new", path, "--images", images, "--labels", "classification:a", "b")
    submit(path, 0)
    run("return", path, "x1", "--comment", "more", "--person", "eve")
    submit(path, 0, label=2)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    assert capsys.readouterr().out == "only ana: b · only submission 1: a\n"
    assert statuses(run, path) == {("x1", "ana"): "waiting"}
    assert len(names["session"].case.discussion.threads) == 2


def test_what_the_docs_say_of_the_command_line_is_known():
    text = (DOCS / "reviewing.md").read_text("utf-8")
    lines = re.findall(r"^napari-annotate-jobs ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert len(lines) >= 10
    for line in lines:
        build_parser().parse_args(shlex.split(line.replace("\\\n", " "), comments=True))


# ------------------------------------------------------------------------- export
@pytest.fixture
def judged(run, submitted):
    eve = ("--person", "eve")
    run("pass", submitted, "x1", *eve)
    run("fail", submitted, "x2", "--comment", "blurred", *eve)
    return submitted


def exported(run, job, only):
    command = ("export", job, "--format", "csv", "--preview", "--only", only)
    code, _, err = run(*command, "--json")
    if code == 2 and "nothing to export" in err:
        return []
    out = found(run, "export", job, "--format", "csv", "--preview", "--only", only)
    return sorted(out["cases"])


def test_what_failed_is_never_exported(run, judged):
    assert exported(run, judged, "passed") == ["x1 by ana"]
    for only in ("finished", "all"):
        assert exported(run, judged, only) == ["x1 by ana", "x10 by ana"]


def test_what_was_not_selected_is_exported_unless_the_owner_holds_it_back(
    run, images, tmp_path
):
    for number, extra in enumerate(((), ("--hold-back",))):
        path = tmp_path / f"sample-{number}"
        run(
            "new", path, "--images", images, "--labels", "classification:a",
            "--review-sample", "0", *extra,
        )  # fmt: skip
        submit(path, 0)
        expected = [] if extra else ["x1 by ana"]
        assert exported(run, path, "passed") == expected
        assert exported(run, path, "finished") == expected
        run("pass", path, "x1", "--person", "eve")
        assert exported(run, path, "passed") == ["x1 by ana"]


def test_what_is_exported_follows_the_verdict_on_a_corrected_copy(submitted):
    def summary():
        source = StoreSource(str(submitted), cases=["x1"])
        (found,) = source.summaries()
        source.close()
        labels = [s.class_labels for s in found.annotation.slices.values()]
        return found.corrected, found.person, found.reviewer, labels

    assert summary() == (False, "ana", "", [(1,)])
    with FolderStore(submitted, "eve") as store:
        job = store.jobs()[0].job.id
        case = store.cases(job).rows[0].case.id
        copy = begin_correction(store, job, case, "ana")
        draft = copy.load(job, case).annotation
        (key,) = draft.slices
        change = AnnotationChange(
            slices={key: SliceAnnotation(index=0, nothing_to_label=True)}
        )
        base = copy.save(job, case, change, {}, base=draft.revision)
        assert summary() == (False, "ana", "", [(1,)])  # it is not submitted yet
        copy.submit(job, case, base=base)
        assert summary() == (True, "ana", "eve", [()])
        store.judge(job, case, Verb.WITHDRAW, person="ana")
        assert summary() == (False, "ana", "", [(1,)])
        store.judge(job, case, Verb.PASS, person="ana")
        assert summary() == (False, "ana", "eve", [(1,)])


def test_show_tells_which_slices_were_never_shown(run, submitted):
    with FolderStore(submitted, "ana") as store:
        (summary,) = store.jobs()
        case = store.cases(summary.job.id).rows[0].case
        header = store.open_series(summary.job.id, case.id).header
        store.note_case(summary.job.id, case.id, n_slices=len(header.slices))
        store.reopen(summary.job.id, case.id)
        base = store.load(summary.job.id, case.id).annotation.revision
        change = AnnotationChange(seen=(header.slices[0].key,))
        base = store.save(summary.job.id, case.id, change, {}, base=base)
        store.submit(summary.job.id, case.id, base=base)
    known, *others = found(run, "show", submitted, "--seen")["seen"]
    assert known["name"] == case.name
    assert known["never_shown"] == len(header.slices) - 1
    assert {each["never_shown"] for each in others} == {None}
    out = run("show", submitted, "--seen")[1]
    assert "NEVER SHOWN" in out and "not known" in out

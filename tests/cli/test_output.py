"""What is printed, as it looks in a terminal of 80 columns."""

from __future__ import annotations

import json

import pytest

from napari_annotate_jobs.cli import _show
from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation
from napari_annotate_jobs.stores import FolderStore


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def gappy(tmp_path, write_ct):
    """Return a folder of a series with a gap, broken files, and one that is none."""
    paths = write_ct(tmp_path / "in" / "ct", 6)
    paths[3].unlink()
    for number in range(5):
        path = tmp_path / "in" / f"broken{number}.dcm"
        path.write_bytes(paths[0].read_bytes()[:-20])
    (tmp_path / "in" / "notes.txt").write_text("no image")
    return tmp_path / "in"


def test_new_tells_findings_and_what_was_left_out(
    run, gappy, tmp_path, monkeypatch, write_ct
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("new", "job", "--images", "in", "--labels", "detection:a")
    assert code == 0
    assert out == (
        "Made job: 1 case, 1 label.\nOpen it with: napari-annotate-jobs open job\n"
    )
    lines = err.splitlines()
    assert all(len(line) <= 80 for line in lines), err
    assert lines[:6] == [
        "Left out, 6 files:",
        "  in/broken0.dcm, in/broken1.dcm, in/broken2.dcm and 2 more",
        "      its pixel data is cut off: 52 bytes of 72",
        "  in/notes.txt",
        "      is not an image of a known format",
        "",
    ]
    assert lines[6:8] == ["Findings about 1 case:", "  ct"]
    assert lines[8].startswith("      1 slice is missing")


def test_nothing_is_told_of_sound_images(run, write_ct, tmp_path):
    images = tmp_path / "images"
    write_ct(images)
    code, _, err = run(
        "new", tmp_path / "job", "--images", images, "--labels", "detection:a"
    )
    assert (code, err) == (0, "")


def test_what_was_left_out_is_told_without_any_case(run, tmp_path):
    (tmp_path / "x.png").write_text("broken")
    code, out, err = run(
        "new",
        tmp_path / "job",
        "--images",
        tmp_path / "x.png",
        "--labels",
        "detection:a",
    )
    assert (code, out) == (2, "")
    assert err.startswith("Left out, 1 file:\n")
    assert "there are no images to make cases of" in err


def test_there_is_an_end_to_what_is_told():
    found = [(f"f{number}", f"reason {number}") for number in range(40)]
    text = _show.grouped_text("Left out:", found, "inspect tells all")
    assert len(text.splitlines()) < 30
    assert text.endswith("... and 28 more: inspect tells all")


@pytest.mark.parametrize("columns", [None, 80, 50])
def test_remarks_are_folded_in_a_terminal(columns):
    remark = "All slices are at one place: " + "they are shown as a stack, " * 4
    text = _show.table(
        ("CASE", "N", "REMARKS"), [("a", 1, remark), ("b", 2, "")], columns
    )
    lines = text.splitlines()
    assert " ".join(" ".join(lines[1:-1]).split()) == f"a 1 {remark}".strip()
    assert lines[-1] == "b     2"
    if columns is None:
        assert len(lines) == 3
    else:
        assert max(map(len, lines)) <= columns


def test_the_remarks_have_lines_of_their_own_where_there_is_no_room():
    name = "n" * 60
    text = _show.table(("CASE", "REMARKS"), [(name, "word " * 20)], 80)
    lines = text.splitlines()
    assert lines[1] == name
    assert lines[2].startswith("      word word")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases")]
)
def test_one_and_many(number, text):
    assert _show.counted(number, "case") == text


ESCAPES = "a\x1b[2J\x1b]0;owned\x07b\x9b2Jc\u202ed"


@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_what_others_wrote_does_not_command_the_terminal(
    run, tmp_path, write_ct, json_too
):
    """Names, comments, warnings, folders: all that a job from somebody else holds."""
    write_ct(tmp_path / "images")
    job = tmp_path / "job"
    run("new", job, "--images", tmp_path / "images", "--labels", "detection:a")
    document = job / "job.json"
    found = json.loads(document.read_text())
    found["job"]["project"]["name"] = ESCAPES
    found["job"]["project"]["instructions"] = f"one\n{ESCAPES}"
    found["job"]["assignee"] = ESCAPES
    case = found["cases"][0]
    case["name"] = f"{ESCAPES}\nfinished"
    case["series"].append({"path": f"gone-{ESCAPES}"})
    document.write_text(json.dumps(found))
    (job / "events.jsonl").unlink(missing_ok=True)
    store = FolderStore(job, "ana")
    store.note_case(found["job"]["id"], case["id"], n_slices=1, warnings=[ESCAPES])
    store.close()
    evil = tmp_path / ESCAPES
    evil.mkdir()
    (evil / "job.json").write_text("{")
    for arguments in (
        ("list", job, evil),
        ("show", job, "--cases"),
        ("check", job),
        ("check", evil),
        ("inspect", evil),
    ):
        _, out, err = run(*arguments, *json_too)
        text = out + err
        assert "owned" in text, arguments
        assert not set(text) & set("\x1b\x07\x9b\u202e"), arguments
        if json_too and out:
            json.loads(out)
    if not json_too:
        _, out, _ = run("show", job, "--cases")
        assert not any(line.startswith("finished") for line in out.splitlines())


def test_what_is_damaged_can_be_gone_on_without(run, tmp_path, write_ct):
    write_ct(tmp_path / "images")
    job = tmp_path / "job"
    run("new", job, "--images", tmp_path / "images", "--labels", "classification:a")
    found = json.loads((job / "job.json").read_text())
    case_id = found["cases"][0]["id"]
    store = FolderStore(job, "ana")
    for n in range(3):
        content = SliceAnnotation(index=n, class_labels=(1,))
        change = AnnotationChange(slices={f"index:{n}": content})
        store.save(found["job"]["id"], case_id, change, {}, base=n)
    (journal,) = job.rglob("changes.jsonl")
    data = journal.read_bytes()
    journal.write_bytes(data[:-20] + b"#" + data[-19:])
    code, out, _ = run("check", job)
    assert (code, "line 3 of the journal is damaged" in out) == (1, True)
    assert "check --mend" in out
    code, out, err = run("check", "--mend", job)
    assert (code, out) == (0, "All is well.\n")
    (kept,) = job.rglob("changes.aside-*.jsonl")
    assert str(kept) in err
    draft = FolderStore(job, "ana").load(found["job"]["id"], case_id)
    assert len(draft.annotation.slices) == 2

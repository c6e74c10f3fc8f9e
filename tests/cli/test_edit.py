"""Changing a job that exists, from the command line."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation
from napari_annotate_jobs.stores import FolderStore, only_job


def shown(run, job):
    code, out, err = run("show", job, "--cases", "--json")
    assert code == 0, err
    return json.loads(out)


def labels(job):
    with FolderStore(job, "ana") as store:
        return only_job(store).project.label_set


def annotate(job, person, case, label=1):
    with FolderStore(job, person) as store:
        key = only_job(store).id
        content = SliceAnnotation(index=0, class_labels=(label,))
        change = AnnotationChange(slices={"index:0": content})
        store.save(key, case, change, {}, base=0)


@pytest.fixture
def edit(run, job):
    def edit(*arguments, code=0):
        found, out, err = run("edit", job, *arguments)
        assert found == code, err
        return out if code == 0 else err

    return edit


def test_what_the_job_says_of_itself(run, edit, job, tmp_path):
    (tmp_path / "how.md").write_text("Look **twice**", "utf-8")
    out = edit(
        "--name", "Chests", "--instructions-file", tmp_path / "how.md", "--due",
        "2030-02-01", "--start", "2030-01-01", "--priority", "high",
    )  # fmt: skip
    assert out.startswith("Chests: name set, ")
    found = shown(run, job)
    assert (found["name"], found["due"], found["start"], found["priority"]) == (
        "Chests",
        "2030-02-01",
        "2030-01-01",
        "high",
    )
    edit("--due", "none")
    assert shown(run, job)["due"] is None
    assert "Look **twice**" in run("show", job)[1]
    assert "comes after" in edit("--due", "2029-01-01", code=2)
    assert "nothing is to be changed" in edit(code=2)
    assert "not a date" in edit("--due", "soon", code=2)


def test_labels(edit, job):
    out = edit(
        "--rename-label", "a", "alpha", "--color", "b", "teal", "--key", "2", "K",
        "--add-labels", "classification:c=#112233", "segmentation:organ",
        "--order-labels", "b", "a", "--json",
    )  # fmt: skip
    data = json.loads(out)
    assert [(x["id"], x["name"], x["key"]) for x in data["labels"]] == [
        (2, "b", "K"),
        (1, "alpha", None),
        (3, "c", None),
        (4, "organ", None),
    ]
    found = labels(job)
    assert found[2].color == "#008080"
    # Colours are told apart, also where the same was asked for.
    assert len({label.color.upper() for label in found.labels}) == 4
    assert data["methods"] == ["classification", "segmentation"]
    edit("--retire-labels", "segmentation:organ", "--key", "b", "none")
    assert labels(job)[4].retired
    assert labels(job)[2].key is None
    edit("--remove-labels", "c", "--offer-labels", "4")
    assert set(labels(job).by_id) == {1, 2, 4}
    assert "no label is named" in edit("--retire-labels", "zzz", code=2)


def test_a_label_in_use_says_by_whom(edit, job):
    annotate(job, "ana", "x1")
    told = edit("--remove-labels", "a", code=2)
    assert "used (x1, by ana)" in told
    assert "Retire it instead" in told


def test_cases_come_go_and_get_other_names(run, edit, job, images, tmp_path):
    more = tmp_path / "more"
    more.mkdir()
    for name in ("x1.png", "y.png"):
        Image.fromarray(np.full((8, 9), 7, np.uint8)).save(more / name)
    # What is there already is left out; what has a name that is taken gets another.
    told = run("edit", job, "--add-images", more, images)
    assert told[0] == 0
    assert "3 cases of these images are in the job already" in told[2]
    found = {case["id"]: case for case in shown(run, job)["cases"]}
    assert list(found) == ["x1", "x2", "x10", "x1 (2)", "y"]
    assert found["y"]["series"] == ["../more/y.png"]
    assert "not in the job already" in edit("--add-images", more, code=2)
    edit("--rename-case", "x1 (2)", "Other", "--remove-cases", "y", "x10")
    found = {case["id"]: case["name"] for case in shown(run, job)["cases"]}
    assert found == {"x1": "x1", "x2": "x2", "x1 (2)": "Other"}
    annotate(job, "ana", "x2")
    assert "annotated by ana" in edit("--remove-cases", "x2", code=2)
    assert "no case 'zzz'" in edit("--remove-cases", "zzz", code=2)
    code, out, _ = run("check", job)
    assert code == 0, out


def test_new_cases_can_be_copied_and_named_by_number(run, edit, job, tmp_path):
    more = tmp_path / "mrs-smith"
    more.mkdir()
    Image.fromarray(np.full((8, 9), 7, np.uint8)).save(more / "smith.png")
    edit("--add-images", more, "--anonymous", "--copy")
    shutil.rmtree(more)
    found = shown(run, job)["cases"][-1]
    assert (found["id"], found["name"]) == ("Case 4", "Case 4")
    assert found["series"][0].startswith("images/Case 4/")
    assert run("check", job)[0] == 0


def test_only_owners_edit(run, job, edit):
    edit("--owners", "olga", "--person", "ana")
    assert "ana is not an owner" in edit("--name", "x", "--person", "ana", code=2)
    edit("--name", "x", "--person", "olga")


def test_the_archive(run, edit, job, tmp_path):
    assert edit("--archive") == "job: archived.\n"
    code, out, _ = run("list", job)
    assert (code, "job  " in out) == (0, False)
    assert "job" in run("list", job, "--archived")[1]
    assert "archived        yes" in run("show", job)[1]
    edit("--unarchive")
    assert "job" in run("list", job)[1]


def test_deleting_asks_and_says_what_is_in_it(run, job, images, monkeypatch):
    annotate(job, "ana", "x1")
    asked = []

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def answer(question, reply="no"):
        asked.append(question)
        return reply

    code, _, err = run("edit", job, "--delete")
    assert (code, "Say --yes" in err) == (2, True)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", answer)
    assert run("edit", job, "--delete")[0] == 1
    assert "3 cases; ana: 1 draft" in asked[0]
    assert (job / "job.json").exists()
    code, out, _ = run("edit", job, "--delete", "--yes")
    assert code == 0
    assert "to have it back" in out
    assert not job.exists()
    assert len(list(images.iterdir())) == 3
    (trash,) = (job.parent / "Deleted jobs").iterdir()
    trash.rename(job)
    assert shown(run, job)["counts"]["total"] == 3

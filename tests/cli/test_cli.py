"""The command line, as a user types it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from PIL import Image

from napari_annotate_jobs.app._places import (
    annotating_person,
    forget_location,
    recent_locations,
    remember_location,
    remember_person,
)
from napari_annotate_jobs.model import (
    AnnotationChange,
    Comment,
    Method,
    Scope,
    SliceAnnotation,
)
from napari_annotate_jobs.stores import FolderStore, default_person


def picture(path, size=8, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size + 1), value, np.uint8)).save(path)
    return path


def opened(path, person=None):
    store = FolderStore(path, person)
    (summary,) = store.jobs()
    return summary.job, store


def cases_of(path):
    job, store = opened(path)
    return list(store.cases(job.id).rows)


# -------------------------------------------------------------------------- help
def test_help_and_version(run):
    code, out, _ = run("--help")
    assert code == 0
    for word in ("new", "list", "show", "check", "inspect", "open", "demo", "exit"):
        assert word in out
    code, out, _ = run("--version")
    assert code == 0
    assert re.fullmatch(r"napari-annotate-jobs \d\S*\n", out)
    code, _, err = run()
    assert code == 2
    assert "VERB" in err


@pytest.mark.parametrize(
    "verb", ["new", "list", "show", "check", "inspect", "open", "demo"]
)
def test_every_verb_has_help(run, verb):
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert "usage:" in out


@pytest.mark.slow
def test_it_loads_neither_qt_nor_napari(tmp_path, images):
    script = (
        "import sys; from napari_annotate_jobs import cli\n"
        f"cli.main(['new', {str(tmp_path / 'job')!r}, '--images', {str(images)!r}, "
        "'--labels', 'detection:a'])\n"
        f"cli.main(['check', {str(tmp_path / 'job')!r}])\n"
        "print(sorted({'qtpy', 'napari', 'PyQt6', 'magicgui'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"


# --------------------------------------------------------------------------- new
def test_new_makes_a_job_that_checks(run, job, images):
    found, store = opened(job)
    assert found.name == "job"
    assert found.project.methods == (Method.CLASSIFICATION,)
    assert [(x.id, x.name, x.color) for x in found.project.label_set.labels] == [
        (1, "a", "#E69F00"),
        (2, "b", "#112233"),
    ]
    rows = store.cases(found.id).rows
    assert [row.case.name for row in rows] == ["x1", "x2", "x10"]
    assert [row.case.n_slices for row in rows] == [1, 1, 1]
    assert rows[0].case.series[0].path == "../images/x1.png"
    code, out, _ = run("check", job)
    assert (code, out) == (0, "All is well.\n")
    series = store.open_series(found.id, "x10")
    assert (series.read_slice(0) == 10).all()


def test_new_never_overwrites(run, job, images):
    before = (job / "job.json").read_bytes()
    code, _, err = run("new", job, "--images", images, "--labels", "detection:x")
    assert code == 2
    assert "Choose another folder" in err
    assert (job / "job.json").read_bytes() == before


def test_all_options_of_new(run, images, tmp_path):
    instructions = tmp_path / "how.md"
    instructions.write_text("# Größe\nBe careful.", "utf-8")
    code, _, err = run(
        "new", tmp_path / "job", "--images", images,
        "--labels", "segmentation:liver", "detection:nodule", "quality/good",
        "quality/bad", "classification:lesion", "--exclusive", "quality",
        "--case-labels", "contrast=#ABCDEF",
        "--name", "Livers", "--instructions-file", instructions,
        "--due", "2030-01-31", "--published", "2029-12-01", "--assignee", "Ana",
        "--every-slice", "--kind", "review",
    )  # fmt: skip
    assert code == 0, err
    job, _ = opened(tmp_path / "job")
    labels = job.project.label_set
    assert set(job.project.methods) == set(Method)
    assert labels.named("contrast").scope is Scope.CASE
    assert labels.named("good").group == "quality"
    assert labels.exclusive_with(labels.named("good")) == {labels.named("bad").id}
    assert job.name == "Livers"
    assert job.project.instructions == "# Größe\nBe careful."
    assert job.project.options.every_slice
    assert job.due.isoformat() == "2030-01-31"
    assert job.published.date().isoformat() == "2029-12-01"
    assert (job.assignee, job.kind) == ("Ana", "review")


def test_labels_in_no_group_can_be_exclusive(run, images, tmp_path):
    code, _, err = run(
        "new", tmp_path / "job", "--images", images, "--method", "classification",
        "--labels", "yes", "no", "--exclusive",
    )  # fmt: skip
    assert code == 0, err
    labels = opened(tmp_path / "job")[0].project.label_set
    assert labels.exclusive_with(labels.named("yes")) == {2}


YAML = """
labels:
  - {name: liver, method: segmentation, id: 300, color: "#102030", key: G,
     concept: {scheme: SCT, value: "10200004", meaning: Liver}}
  - {name: vessel, method: segmentation, overlap_group: vessels}
  - detection:nodule
  - {name: good, method: classification, group: quality}
  - {name: bad, method: classification, group: quality}
groups:
  - {name: quality, exclusive: true}
"""
CSV = """name,method,id,color,key,group,overlap_group,concept,exclusive
liver,segmentation,300,#102030,G,,,SCT|10200004|Liver,
vessel,segmentation,,,,,vessels,,
nodule,detection,,,,,,,
good,classification,,,,quality,,,yes
bad,classification,,,,quality,,,yes
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.yaml", YAML),
        ("labels.csv", CSV),
        ("labels.csv", CSV.replace(",", ";")),
        ("labels.tsv", CSV.replace(",", "\t")),
        ("labels.csv", "\ufeff" + CSV),
    ],
    ids=["yaml", "csv", "csv of a German Excel", "tsv", "csv with a mark"],
)
def test_labels_from_a_file(run, images, tmp_path, name, text):
    (tmp_path / name).write_text(text, "utf-8")
    code, _, err = run(
        "new", tmp_path / "job", "--images", images, "--labels-file", tmp_path / name,
        "--labels", "detection:cyst",
    )  # fmt: skip
    assert code == 0, err
    labels = opened(tmp_path / "job")[0].project.label_set
    liver = labels.named("liver")
    assert (liver.id, liver.color, liver.key) == (300, "#102030", "G")
    assert liver.concept.meaning == "Liver"
    assert labels.overlap_groups == ("", "vessels")
    assert labels.exclusive_with(labels.named("good")) == {labels.named("bad").id}
    assert [x.id for x in labels.labels] == [300, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--labels", "a"], "for which method"),
        (["--method", "detection"], "has no label"),
        (["--labels", "painting:a"], "no method 'painting'"),
        (["--labels", "detection:a", "detection:A"], "named"),
        (["--labels", "detection:"], "has no name"),
        (["--labels", "detection:a=#12345"], "colour"),
        (["--labels", "detection:a", "--exclusive", "q"], "no label is in the group"),
        (["--case-labels", "detection:a"], "only class labels"),
        (["--labels", "detection:a", "--due", "tomorrow"], "2030-01-31"),
        (["--labels-file", "none.yaml"], "none.yaml"),
        (["--labels", "detection:a", "--instructions-file", "none.md"], "none.md"),
        (["--labels", "detection:a", "--name", ""], None),
        (["--bad-option"], "--bad-option"),
    ],
)
def test_mistakes_are_explained(run, images, tmp_path, arguments, match):
    code, _, err = run("new", tmp_path / "job", "--images", images, *arguments)
    if match is None:
        assert code == 0
        return
    assert code == 2
    assert match in err
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("x.yaml", "labels: [", "not YAML"),
        ("x.yaml", "a: b", "no list of labels"),
        ("x.yaml", "- 3", "not a label"),
        ("x.yaml", "- {name: a, method: detection, id: 70000}", "id"),
        ("x.yaml", "- {name: a, method: detection, id: one}", "id"),
        ("x.csv", "label\na", "no column called name"),
    ],
)
def test_faulty_labels_files_are_explained(run, images, tmp_path, name, text, match):
    (tmp_path / name).write_text(text)
    code, _, err = run(
        "new", tmp_path / "job", "--images", images, "--labels-file", tmp_path / name
    )
    assert code == 2
    assert match in err


# ------------------------------------------------------------------------- cases
@pytest.fixture
def studies(tmp_path, samples):
    """Copy a DICOM series into studies and lay pictures beside them."""
    source = next(p for p in samples.values() if len(list(p.rglob("*.dcm"))) > 5)
    root = tmp_path / "studies"
    for name in ("p10", "p2"):
        shutil.copytree(source, root / name / "mr")
        picture(root / name / "scout.png")
    picture(root / "loose.png")
    (root / "notes.txt").write_text("no image")
    (root / ".hidden").mkdir()
    return root


def new(run, tmp_path, *images, options=()):
    code, out, err = run(
        "new", tmp_path / "job", "--images", *images, "--labels", "detection:a",
        *options,
    )  # fmt: skip
    assert code == 0, err
    return out, err


def test_a_sub_folder_is_a_study_and_a_case(run, tmp_path, studies):
    _, err = new(run, tmp_path, studies)
    assert "notes.txt" in err
    rows = cases_of(tmp_path / "job")
    assert [row.case.name for row in rows] == ["p2", "p10", "loose"]
    assert [len(row.case.series) for row in rows] == [2, 2, 1]
    job, store = opened(tmp_path / "job")
    for row in rows:
        for number in range(len(row.case.series)):
            store.open_series(job.id, row.case.id, number)
        reference = store.open_series(job.id, row.case.id)
        assert reference.header.shape[0] == row.case.n_slices
    # The series with the most slices is annotated.
    assert rows[0].case.n_slices > 1
    assert run("check", tmp_path / "job")[0] == 0


def test_the_acquisition_is_annotated_and_results_are_left(run, tmp_path, samples):
    source = next(p for p in samples.values() if len(list(p.rglob("*.dcm"))) > 5)
    study = tmp_path / "studies" / "p1"
    study.mkdir(parents=True)
    files = sorted(source.rglob("*.dcm"))
    for number, file in enumerate(files):
        dataset = pydicom.dcmread(file)
        if number < 4:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
            dataset.save_as(study / f"a{number}.dcm")
        dataset.ImageType = ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]
        dataset.SeriesInstanceUID = "1.2.3.4"
        dataset.SOPInstanceUID = f"1.2.3.4.{number + 1}"
        dataset.save_as(study / f"r{number}.dcm")
    del dataset.PixelData, dataset.Rows
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    dataset.save_as(study / "plan.dcm")
    _, err = new(run, tmp_path, tmp_path / "studies")
    assert "radiotherapy structure set" in err
    (row,) = cases_of(tmp_path / "job")
    assert len(row.case.series) == 2
    assert row.case.n_slices == 4
    code, out, _ = run("inspect", study)
    assert code == 0
    assert "radiotherapy structure set" in out


def test_each_series_can_be_a_case(run, tmp_path, studies):
    new(run, tmp_path, studies, options=["--case-per", "series"])
    rows = cases_of(tmp_path / "job")
    assert len(rows) == 5
    assert all(len(row.case.series) == 1 for row in rows)
    job, store = opened(tmp_path / "job")
    for row in rows:
        assert store.open_series(job.id, row.case.id).header.shape[0] == (
            row.case.n_slices
        )


def test_each_folder_given_can_be_a_case(run, tmp_path, studies):
    new(
        run, tmp_path, studies / "p2", studies / "p10",
        options=["--case-per", "folder"],
    )  # fmt: skip
    rows = cases_of(tmp_path / "job")
    assert [(row.case.name, len(row.case.series)) for row in rows] == [
        ("p2", 2),
        ("p10", 2),
    ]


def test_the_files_of_one_series_are_one_case(run, tmp_path, studies):
    files = sorted((studies / "p2" / "mr").rglob("*.dcm"))
    new(run, tmp_path, *files, studies / "loose.png")
    rows = cases_of(tmp_path / "job")
    assert [row.case.n_slices for row in rows] == [len(files), 1]
    job, store = opened(tmp_path / "job")
    assert store.open_series(job.id, rows[0].case.id).header.shape[0] == len(files)


def test_a_folder_of_one_series_is_one_case(run, tmp_path, studies):
    new(run, tmp_path, studies / "p2" / "mr")
    (row,) = cases_of(tmp_path / "job")
    assert row.case.name == "mr"
    assert row.case.n_slices > 1


def test_cases_of_the_same_name_are_told_apart(run, tmp_path):
    for folder in ("a", "b", "c"):
        picture(tmp_path / folder / "x.png")
    new(run, tmp_path, *(tmp_path / folder / "x.png" for folder in "abc"))
    rows = cases_of(tmp_path / "job")
    assert [row.case.name for row in rows] == ["x", "x (2)", "x (3)"]
    assert [row.case.id for row in rows] == ["x", "x (2)", "x (3)"]


@pytest.mark.skipif(sys.platform == "win32", reason="such names do not exist there")
def test_odd_names_of_files(run, tmp_path):
    folder = tmp_path / "images"
    for name in ('a:b?"<>|*.png', "  blank  .png", "ü\n.png", b"\xff\xfe.png"):
        if isinstance(name, bytes):
            name = name.decode("utf-8", "surrogateescape")
        picture(folder / "plain.png").rename(folder / name)
    code, _, err = run(
        "new", tmp_path / "job", "--images", folder, "--labels", "detection:a"
    )
    assert code == 0, err
    # What is no text cannot be written into a document.
    assert "rename it" in err
    job, store = opened(tmp_path / "job")
    rows = store.cases(job.id).rows
    assert len(rows) == 3
    for row in rows:
        store.open_series(job.id, row.case.id)
        store.save(
            job.id,
            row.case.id,
            AnnotationChange(
                slices={"index:0": SliceAnnotation(index=0, excluded=True)}
            ),
            {},
            base=0,
        )
    store.close()
    assert run("check", tmp_path / "job")[0] == 0


def test_images_can_be_copied_into_the_job(run, tmp_path, studies):
    new(run, tmp_path, studies, options=["--copy"])
    shutil.rmtree(studies)
    moved = (tmp_path / "job").rename(tmp_path / "elsewhere")
    rows = cases_of(moved)
    assert rows[0].case.series[0].path.startswith("images/p2")
    job, store = opened(moved)
    for row in rows:
        for number in range(len(row.case.series)):
            store.open_series(job.id, row.case.id, number)
    assert run("check", moved)[0] == 0


def test_images_far_away_have_absolute_paths(run, tmp_path, images):
    deep = tmp_path / "jobs" / "deep"
    code, _, err = run("new", deep, "--images", images, "--labels", "detection:a")
    assert code == 0, err
    assert cases_of(deep)[0].case.series[0].path == str(images / "x1.png")
    other = tmp_path / "jobs" / "other"
    run("new", other, "--images", images, "--labels", "detection:a", "--relative")
    assert cases_of(other)[0].case.series[0].path == "../../images/x1.png"


def test_without_images_there_is_no_job(run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("x")
    for images in ("empty", "text.txt", "missing"):
        code, _, err = run(
            "new", tmp_path / "job", "--images", tmp_path / images,
            "--labels", "detection:a",
        )  # fmt: skip
        assert code == 2
        assert images in err
    assert not (tmp_path / "job").exists()


# --------------------------------------------------------- list, show, check, ...
def test_jobs_are_remembered_and_listed(run, job):
    code, out, _ = run("list")
    assert code == 0
    assert str(job) in out
    assert recent_locations() == (str(job),)
    code, out, _ = run("list", job, "--json")
    (found,) = json.loads(out)
    assert found["counts"] == {
        "total": 3, "remaining": 3, "finished": 0, "returned": 0, "left": 3,
        "flagged": 0,
    }  # fmt: skip
    assert run("list", job.parent)[0] == 0
    forget_location(job)
    assert recent_locations() == ()
    code, out, _ = run("list")
    assert code == 0
    assert "There are no jobs yet" in out


def test_jobs_are_counted_for_who_annotates_in_napari(run, job, config):
    found, store = opened(job, "Ana")
    change = AnnotationChange(
        slices={"index:0": SliceAnnotation(index=0, class_labels=(1,))}
    )
    store.save(found.id, "x1", change, {}, base=0)
    store.submit(found.id, "x1", base=1)
    store.close()
    me = default_person()
    assert re.search(rf"  3  +0  +{re.escape(me)}  ", run("list")[1])
    remember_person("Ana")
    assert re.search(r"  2  +1  +Ana  ", run("list")[1])
    assert json.loads(run("list", "--json")[1])[0]["person"] == "Ana"
    assert "2 left to annotate for Ana" in run("show", job)[1]
    assert "3 left to annotate for eve" in run("show", job, "--person", "eve")[1]
    (config / "person.json").write_text('{"person": []}')
    assert f"3 left to annotate for {me}" in run("show", job)[1]
    remember_person(me)
    assert annotating_person() == me


def test_a_job_that_is_gone_is_told(run, job):
    shutil.rmtree(job)
    code, _, err = run("list")
    assert code == 0
    assert "no such folder" in err
    assert run("list", job)[0] == 2


def test_recent_locations_are_few_and_in_order(config, tmp_path):
    for number in range(60):
        remember_location(tmp_path / str(number))
    remember_location(str(tmp_path / "7"))
    found = recent_locations()
    assert len(found) == 50
    assert found[0].endswith("7")
    assert len(set(found)) == 50
    (config / "recent.json").write_text("{nonsense")
    assert recent_locations() == ()
    remember_location("memory:x")
    assert recent_locations() == ("memory:x",)


def test_show_tells_counts_and_cases(run, job):
    found, store = opened(job)
    change = AnnotationChange(
        slices={"index:0": SliceAnnotation(index=0, class_labels=(1,))}
    )
    for case in ("x1", "x2"):
        store.save(found.id, case, change, {}, base=0)
    store.submit(found.id, "x1", base=1)
    FolderStore(job, "eve").return_case(
        found.id, "x1", [Comment(person="eve", text="look\nagain")], person=store.person
    )
    store.close()
    code, out, _ = run("show", job, "--cases")
    assert code == 0
    assert "2 remaining, 0 finished, 1 returned" in out
    assert re.search(r"x1 +1 +1  returned +look again", out)
    assert re.search(r"x2 +1 +1  remaining, draft", out)
    code, out, _ = run("show", job, "--status", "returned", "--json")
    data = json.loads(out)
    assert [case["name"] for case in data["cases"]] == ["x1"]
    assert data["counts"]["returned"] == 1
    assert data["methods"] == ["classification"]
    code, out, _ = run("show", job, "--person", "somebody else", "--json")
    assert json.loads(out)["counts"]["remaining"] == 3
    code, _, err = run("show", job.parent / "images")
    assert code == 2
    assert "no job here" in err


def test_check_names_faults_and_exits_with_1(run, job, images):
    (images / "x2.png").unlink()
    code, out, _ = run("check", job)
    assert code == 1
    assert "x2.png" in out
    assert out.endswith("\n1 fault.\n")
    code, out, _ = run("check", job, "--json")
    assert code == 1
    (fault,) = json.loads(out)
    assert set(fault) == {"where", "what", "remedy"}
    assert run("check", job / "missing")[0] == 2


def test_inspect_describes_images(run, studies):
    broken = studies / "p2" / "broken.dcm"
    broken.write_bytes(next((studies / "p2").rglob("*.dcm")).read_bytes()[:900])
    code, out, _ = run("inspect", studies)
    assert code == 0
    assert "broken.dcm" in out
    broken.unlink()
    code, out, _ = run("inspect", studies / "p2", "--json")
    assert code == 0
    assert len(json.loads(out)["series"]) == 2
    code, _, err = run("inspect", studies / "missing")
    assert code == 2
    assert "missing" in err


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://server/jobs", "nobody is logged in"),
        ("https://x", "nobody is logged in"),
        ("ftp://x", "not supported by this version"),
    ],
)
def test_a_server_needs_a_log_in(run, location, reason, monkeypatch, tmp_path):
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("NAPARI_ANNOTATE_JOBS_TOKEN", raising=False)
    code, _, err = run("show", location)
    assert code == 2
    assert reason in err


@pytest.mark.slow
def test_a_reader_that_has_seen_enough(job):
    """As with ``| head``: no traceback, and no complaint at exit."""
    command = [sys.executable, "-m", "napari_annotate_jobs.cli", "show", "--cases"]
    with subprocess.Popen(
        [*command, str(job)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait() == 0
    assert err == b""

"""Labels as they are typed, and what is said of those that cannot be."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from napari_annotate_jobs.model import COLORS
from napari_annotate_jobs.stores import FolderStore

# What pydantic says, and its words for what it checks.
FOREIGN = ("String should", "Input should", "Tuple", "labelset", "validation", "[type=")


@pytest.fixture
def new(run, images, tmp_path):
    """Return a function that makes a job and returns its label set."""

    def new(*arguments):
        code, _, err = run("new", tmp_path / "job", "--images", images, *arguments)
        assert code == 0, err
        with FolderStore(tmp_path / "job") as store:
            return store.jobs()[0].job.project.label_set

    return new


@pytest.fixture
def refused(run, images, tmp_path):
    """Return a function that returns why a job is refused."""

    def refused(*arguments):
        code, out, err = run("new", tmp_path / "job", "--images", images, *arguments)
        assert (code, out) == (2, "")
        assert not any(word in err for word in FOREIGN), err
        # What is wrong, and what to do.
        assert any(text in err for text in (". ", " must ", " can be ")), err
        assert not (tmp_path / "job").exists()
        return err

    return refused


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("a=red", "#FF0000"),
        ("a=DarkOrange", "#FF8C00"),
        ("a=#0f8", "#00FF88"),
        ("a=#11aa22", "#11aa22"),
        ("q/a=grey", "#808080"),
    ],
)
def test_colours(new, text, color):
    (label,) = new("--method", "classification", "--labels", text).labels
    assert (label.name, label.color) == ("a", color)


@pytest.mark.parametrize("color", ["rot", "#12", "#1234567", "", "rgb(1,2,3)"])
def test_what_is_no_colour(refused, color):
    err = refused("--labels", f"segmentation:tumour={color}")
    assert "tumour" in err
    assert "#RRGGBB" in err
    assert "red" in err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "nothing says what is to be annotated"),
        (["--method", "segmentation"], "the method segmentation has no label"),
        (
            ["--labels", "detection:a", "--method", "segmentation"],
            "the method segmentation has no label",
        ),
        (
            ["--labels", "detection:a", "detection:A"],
            "--labels: two detection labels are named 'A'. Give each a name",
        ),
        (["--labels", "detection:" + "x" * 251], "at most 250 characters"),
        (["--labels", "detection:a", "--name", "x" * 201], "at most 200 characters"),
        (["--labels", "detection:g/a"], "only class labels can be in a group"),
    ],
)
def test_labels_that_do_not_fit(refused, arguments, match):
    assert match in refused(*arguments)


KNOWN = "A label can have name, method, id, color"


@pytest.mark.parametrize(
    ("text", "line", "match"),
    [
        ("labels:\n  - {name: a", 2, "not YAML"),
        ("labels:\n- name: a\n  method: detection\n color: red", 4, "not YAML"),
        ("labels:\n\t- name: a", 2, "not with tabs"),
        ("- {name: a, method: detection}\n- {name: b, farbe: red}", 2, KNOWN),
        ("- {name: b, farbe: red}", 1, "'farbe' is not known"),
        (
            "- {name: b, attributes: [{name: Margin, values: [sharp, blurred]}]}",
            1,
            "'values' is not known",
        ),
        ("- {name: b, method: detection, colour: rot}", 1, "'rot' is not a colour"),
        ("- name: b\n  color: #FF0000", 1, "in quotes"),
        ("- {name: b, color: red, colour: red}", 1, "both"),
        ("\n- {method: detection}", 2, "no name"),
        ("- {name: yes, method: detection}", 1, "not text"),
        ("- {name: a, method: painting}", 1, "segmentation"),
        ("- {name: a, method: detection, id: 70000}", 1, "at most 65535, not 70000"),
        ("- {name: a, method: detection, id: one}", 1, "must be a whole number"),
        ("- {name: a, method: detection, id: 0}", 1, "at least 1, not 0"),
        ("- {name: a, method: detection, scope: week}", 1, "'slice' or 'case'"),
        ("- detection:a=rot", 1, "'rot' is not a colour"),
    ],
)
def test_faulty_yaml(refused, tmp_path, text, line, match):
    path = tmp_path / "labels.yaml"
    path.write_text(text)
    err = refused("--labels-file", path)
    assert f"{path}, line {line}" in err
    assert match in err


@pytest.mark.parametrize("option", ["--labels", "--case-labels"])
def test_a_file_is_no_label(refused, tmp_path, option):
    path = tmp_path / "labels.yaml"
    path.write_text("labels: [a]")
    assert "Give it by --labels-file" in refused(option, path)


def bomb():
    """Return a label of a few lines that would take gigabytes to write out."""
    nested = [f"&{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefghij")]
    return "labels:\n- [&a [x], " + ", ".join(nested) + "]"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("label: [a]", "no list of labels"),
        ("labels: []", "holds no labels"),
        ("labels: [a]\ngroups: 5", "its groups are not a list"),
        ("labels: " + "[" * 1000, "deeper than any list of labels"),
        ("labels: [2030-99-99]", "month must be in 1..12"),
        ("labels: [" + "9" * 5000 + "]", "a value that cannot be read"),
        ("labels: !!timestamp x", "a value that cannot be read"),
        ("labels: [!!int '']", "a value that cannot be read"),
        ("labels: &a [*a]", "takes a list a second time"),
        ("- {name: a, method: detection, concept: 7}", "concept must hold fields"),
        ("- {name: a, method: detection, id: 1.0e+400}", "a finite number"),
        ('- "detection:\\ud800"', "name must be text"),
        (bomb(), "takes a list a second time"),
        ("labels: [detection:a]\nlabel: 1", "The file can hold labels, groups"),
        (
            "labels: [a/b]\ngroups: [{name: a, single: yes}]",
            "A group can have name, exclusive",
        ),
        ("labels: [a/b]\ngroups: [{name: a, exclusive: once}]", "true or false"),
        (
            "[{name: a, method: detection, id: 2},"
            " {name: b, method: detection, id: 2}]",
            "id 2 is given to 'a' and 'b'. Give each label an id of its own",
        ),
        (
            "[{name: a, method: detection, key: G},"
            " {name: b, method: detection, key: g}]",
            "key g is given to 'a' and 'b'. Give each label a key of its own",
        ),
    ],
)
def test_yaml_that_does_not_fit(refused, tmp_path, text, match):
    path = tmp_path / "labels.yaml"
    path.write_text(text)
    err = refused("--labels-file", path)
    assert str(path) in err
    assert match in err


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name,farbe\na,red", "line 1: 'farbe' is not known. The columns can be name"),
        ("name,method,color\na,detection,rot", "line 2, label 'a': 'rot'"),
        ("name,method,exclusive\na,classification,once", "line 2: exclusive is"),
        ("name\n" + "x" * 200_000, "is no table"),
        ('name,method\n"a,detection\n' + "x" * 200_000, "a quote that is not closed"),
        ("name\n" + "x," * (6 << 20), "more than 10 MB"),
    ],
)
def test_faulty_csv(refused, tmp_path, text, match):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    assert match in refused("--labels-file", path)


@pytest.mark.parametrize("word", ["color", "colour"])
def test_both_spellings_of_colour(new, tmp_path, word):
    path = tmp_path / "labels.yaml"
    path.write_text(f"- {{name: a, method: detection, {word}: teal}}")
    assert new("--labels-file", path).labels[0].color == "#008080"


def test_a_due_date_in_the_past_is_remarked(run, images, tmp_path):
    yesterday = date.today() - timedelta(days=1)
    arguments = ["--images", images, "--labels", "detection:a", "--due"]
    code, out, err = run("new", tmp_path / "a", *arguments, yesterday)
    assert code == 0
    assert "in the past" in err
    code, out, err = run("new", tmp_path / "b", *arguments, date.today())
    assert code == 0
    assert "in the past" not in err
    assert "3 cases, 1 label." in out


# ----------------------------------------------------------- labels that are ready-made
def test_labels_of_a_table(new):
    labels = new(
        "--labels", "totalsegmentator:liver,kidney_cyst_*", "lesion=red"
    ).labels
    assert [label.name for label in labels] == [
        "liver",
        "kidney_cyst_left",
        "kidney_cyst_right",
        "lesion",
    ]
    liver, cyst = labels[:2]
    assert (liver.color, liver.concept.value) == ("#288C28", "10200004")
    assert liver.concept.category.meaning == "Anatomical Structure"
    assert str(cyst.concept) == "Cyst of left kidney (SCT 367643001)"
    assert {label.method for label in labels} == {"segmentation"}


def test_a_method_before_a_table(new):
    (label,) = new("--labels", "detection:totalsegmentator:spleen").labels
    assert (label.method, label.concept.meaning) == ("detection", "Spleen")


def test_what_a_table_does_not_have(refused):
    err = refused("--labels", "totalsegmentator:livr")
    assert "has no label 'livr'" in err
    assert "liver" in err


def test_labels_of_a_table_in_files(new, refused, tmp_path):
    path = tmp_path / "labels.yaml"
    path.write_text(
        "labels:\n"
        "- totalsegmentator:liver,spleen\n"
        '- {name: "totalsegmentator:kidney_left", colour: red, method: segmentation}\n'
    )
    liver, _, kidney = new("--labels-file", path).labels
    assert liver.concept.meaning == "Liver"
    assert (kidney.name, kidney.color) == ("kidney_left", "#FF0000")
    assert kidney.concept.modifier.meaning == "Left"


def test_one_row_of_a_file_is_one_label(refused, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("name,method\ntotalsegmentator:kidney_*,segmentation\n")
    assert "are 4 labels" in refused("--labels-file", path)


def test_colours_of_their_own_are_given_to_no_other_label(new, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(f"name,method,color\na,detection,\nb,detection,{COLORS[0]}\n")
    labels = new("--labels-file", path).labels
    assert [label.color for label in labels] == [COLORS[1], COLORS[0]]

"""Cases are flagged from the command line."""

from __future__ import annotations

import json

import pytest


def found(run, *arguments):
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def flags(run, job, name="x1"):
    listed = found(run, "show", job, "--cases", "--person", "ana")
    (case,) = (c for c in listed["cases"] if c["name"] == name)
    return [(flag["person"], flag["reason"]) for flag in case["flags"]]


def test_a_flag_is_set_changed_shown_and_taken_away(run, job):
    ana = ("--person", "ana")
    code, out, _ = run("flag", job, "x1", "x2", "--reason", "left and right?", *ana)
    assert code == 0
    assert out.splitlines() == [
        "x1: flagged: left and right? (ana).",
        "x2: flagged: left and right? (ana).",
    ]
    assert flags(run, job) == [("ana", "left and right?")]
    code, out, _ = run("show", job, "--cases", *ana)
    assert ", 2 flagged" in out and "flagged: left and right? (ana)" in out
    (told,) = found(run, "flag", job, "x1", "--reason", "motion", *ana)
    assert (told["name"], [f["reason"] for f in told["flags"]]) == ("x1", ["motion"])
    assert flags(run, job) == [("ana", "motion")]
    assert run("flag", job, "x1", "--clear", *ana)[1] == "x1: not flagged.\n"
    assert flags(run, job) == []
    assert flags(run, job, "x2") == [("ana", "left and right?")]
    assert ", 1 flagged" in run("show", job, *ana)[1]


def test_the_flag_of_somebody_else_is_taken_away_by_name(run, job):
    run("flag", job, "x1", "--reason", "mirrored", "--person", "ana")
    eve = ("--person", "eve")
    assert "mirrored (ana)" in run("flag", job, "x1", "--clear", *eve)[1]
    assert run("flag", job, "x1", "--clear", "--of", "ana", *eve)[0] == 0
    assert flags(run, job) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("x1", "--reason", " "), "a flag needs a reason"),
        (("x1", "--reason", "in her name", "--of", "eve"), "the flag is eve's"),
        (("gone", "--clear"), "there is no case 'gone'"),
    ],
)
def test_what_makes_no_sense_is_refused(run, job, arguments, words):
    code, _, err = run("flag", job, *arguments, "--person", "ana")
    assert code == 2
    assert words in err
    assert flags(run, job) == []


@pytest.mark.parametrize("arguments", [(), ("--reason", "x", "--clear")])
def test_either_a_reason_is_given_or_the_flag_taken_away(run, job, arguments):
    assert run("flag", job, "x1", *arguments)[0] == 2
    assert flags(run, job) == []

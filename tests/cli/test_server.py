"""People and jobs of a server, from the command line; and what is said of mistakes."""

from __future__ import annotations

import re

import pytest

from napari_annotate_jobs.server import (
    ServerSettings,
    find_account,
    open_service,
    permit,
)
from napari_annotate_jobs.server._project_edits import delete_project
from napari_annotate_jobs.stores.http import keep_token

TOKEN = re.compile(r"naj_[0-9a-f]+_[\w-]+")


@pytest.fixture
def job(run, images, tmp_path):
    folder = tmp_path / "lung"
    code, _, err = run(
        "new", folder, "--images", images, "--labels", "segmentation:liver",
        "--annotators", "ana", "ben", "--reviewers", "eve", "--owners", "olga",
    )  # fmt: skip
    assert code == 0, err
    return folder


def test_a_job_in_the_trash_of_a_server_comes_back(run, job, tmp_path):
    home = tmp_path / "server"
    run("server", home, "add-job", job)
    code, out, _ = run("server", home, "jobs")
    job_id = out.split()[0]
    _delete(home, job_id)
    code, out, _ = run("server", home, "jobs")
    assert (code, "deleted; restore-job" in out) == (0, True)
    assert "in the trash" in run("server", home, "add-job", job)[2]
    code, out, _ = run("server", home, "restore-job", job_id)
    assert (code, out) == (0, f"{job_id} is there again.\n")
    assert run("server", home, "jobs")[1].split() == [job_id, "lung"]
    assert "no job" in run("server", home, "restore-job", job_id)[2]


def _delete(home, job_id):
    with open_service(ServerSettings(home)) as service:
        with service.database.writing() as connection:
            olga = find_account(connection, "olga")
            delete_project(connection, permit(connection, olga, job_id))


def test_a_job_with_its_people_is_put_on_a_server(run, job, tmp_path):
    home = tmp_path / "server"
    code, out, err = run("server", home, "add-job", job, "--assignment", "assigned")
    assert code == 0, err
    assert len(TOKEN.findall(out)) == 1
    assert "Added lung" in out
    # The token of the owner is shown once.
    code, out, _ = run("server", home, "people")
    assert code == 0
    assert out.split("\n")[:5] == [
        "ana",
        "ben",
        "eve",
        "olga",
        "owner (owner of the server)",
    ]
    code, out, _ = run("server", home, "jobs")
    assert code == 0
    assert out.rstrip().endswith("lung")
    code, out, _ = run("server", home, "token", "ana", "--scope", "read")
    assert code == 0
    assert TOKEN.fullmatch(out.strip())
    code, out, _ = run("server", home, "add-person", "zoe")
    assert code == 0
    assert TOKEN.search(out)
    code, out, _ = run("server", home, "member", "lung", "zoe", "annotator", "reviewer")
    assert code == 0
    assert "annotator, reviewer" in out
    code, out, _ = run("server", home, "member", "lung", "zoe")
    assert (code, out) == (0, "zoe is in lung: looking on.\n")
    run("server", home, "member", "lung", "zoe", "annotator")
    code, out, _ = run("server", home, "assign", "lung", "ana", "zoe")
    assert code == 0
    assert "Gave out" in out
    code, out, err = run("server", home, "add-labels", "lung", "cyst", "scar=#336699")
    assert (code, err) == (0, "")
    assert "version 2" in out
    code, _, err = run("server", home, "add-labels", "lung", "cyst")
    assert code == 2
    assert "cyst" in err
    assert run("server", home, "check")[:2] == (0, "All is well.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("token", "nobody"), "there is no person 'nobody'"),
        (("member", "lung", "ana", "boss"), "Use owner, reviewer, annotator"),
        (("member", "lung", "ana"), "lung"),
        (("add-person", "owner"), "already"),
    ],
)
def test_mistakes_are_told_in_words(run, tmp_path, arguments, said):
    code, _, err = run("server", tmp_path / "server", *arguments)
    assert code == 2
    assert said in err


def test_a_certificate_needs_its_key(run, tmp_path):
    code, _, err = run("serve", tmp_path / "server", "--tls-cert", "x.pem")
    assert code == 2
    assert "--tls-key" in err
    assert not (tmp_path / "server").exists()


def test_a_job_is_pushed_to_a_server_and_pulled_again(
    run, job, servers, images, tmp_path
):
    service = servers.service(images=(images,))
    token = service.owner_token()
    keep_token(servers.address, "owner", token)
    code, out, err = run("push", job, servers.address, "--images", job)
    assert (code, err) == (0, ""), err
    assert f"is at {servers.address}: " in out
    (found,) = re.findall(r"\((\w[\w-]*)\) is at", out)
    code, out, err = run("pull", f"{servers.address}/jobs/{found}", tmp_path / "copy")
    assert (code, err) == (0, ""), err
    assert run("check", tmp_path / "copy")[:2] == (0, "All is well.\n")


def test_cases_are_taken_along(run, job, servers, images):
    service = servers.service(images=(images,))
    keep_token(servers.address, "owner", service.owner_token())
    _, out, _ = run("push", job, servers.address, "--images", job)
    (found,) = re.findall(r"\((\w[\w-]*)\) is at", out)
    address = f"{servers.address}/jobs/{found}"
    code, out, err = run("take-along", address)
    assert (code, err) == (0, ""), err
    assert re.fullmatch(r"\d+ cases? of .* (is|are) on this computer\.\n", out), out
    code, out, err = run("take-along", address, "--put-back")
    assert (code, err) == (0, ""), err
    assert out.endswith("put back.\n")
    code, _, err = run("take-along", job)
    assert code == 2
    assert "on this computer already" in err


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_what_cannot_be_moved_is_told_in_words(run, job, tmp_path, verb):
    arguments = (job, job) if verb == "push" else ("memory:x", tmp_path / "copy")
    code, _, err = run(verb, *arguments)
    assert code == 2
    use = {"push": "Use an address such as", "pull": "Use the address of a job"}
    assert use[verb] in err
    assert not (tmp_path / "copy").exists()

"""My Jobs lists servers beside folders: logged in to, away, forgotten."""

from __future__ import annotations

import socket

import pytest
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_annotate_jobs.app._servers import Servers, full_address
from napari_annotate_jobs.errors import InvalidValueError, LogInError
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.server import (
    NewProject,
    ServerSettings,
    add_account,
    create_app,
    open_service,
)
from napari_annotate_jobs.stores.http import kept_token
from napari_annotate_jobs.testing._serving import JobPeople, listening
from napari_annotate_jobs.widgets import Colors


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with open_service(ServerSettings(tmp_path_factory.mktemp("server"))) as service:
        people = JobPeople(service)
        with service.database.writing() as connection:
            add_account(connection, "ana", password="correct horse")
        label = Label(
            id=1, name="lesion", color="#E69F00", method=Method.CLASSIFICATION
        )
        project = Project(
            name="Livers",
            methods=(Method.CLASSIFICATION,),
            label_set=LabelSet(labels=(label,)),
        )
        job = Job(id="job", project=project, annotators=("ana",))
        case = Case(id="case", name="Case", series=(SeriesRef(path="images"),))
        people.add_job(NewProject(job=job, cases=(case,)))
        with listening(create_app(service, chores=False)) as address:
            yield address


@pytest.fixture
def window(qtbot):
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def servers(window, tmp_path, monkeypatch):
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.delenv("NAPARI_ANNOTATE_JOBS_TOKEN", raising=False)
    made = Servers(window)
    yield made
    made.close()


def log_in(servers, window, qtbot, server, person, secret, *, token=False):
    dialog = servers.log_in(window, Colors.dark())
    dialog.server.setText(server)
    dialog.by.setCurrentIndex(int(token))
    dialog.person.setText(person)
    dialog.secret.setText(secret)
    dialog.button.click()
    assert not dialog.button.isEnabled()
    return dialog


def refresh(servers, qtbot, *addresses):
    servers.refresh(list(addresses))
    qtbot.waitUntil(lambda: not servers._reading, timeout=20000)


def test_a_wrong_password_is_said_and_a_right_one_lists_the_jobs(
    servers, window, qtbot, server
):
    dialog = log_in(servers, window, qtbot, server, "ana", "wrong")
    qtbot.waitUntil(dialog.button.isEnabled, timeout=20000)
    assert "do not fit" in dialog._said.text()
    dialog.secret.setText("correct horse")
    with qtbot.waitSignal(servers.logged_in, timeout=20000):
        dialog.button.click()
    assert kept_token(server, "ana")
    refresh(servers, qtbot, server)
    (summary,) = servers.summaries
    assert (summary.job.name, servers.person(summary.location)) == ("Livers", "ana")
    assert not servers.lines()
    # Forgotten, no log-in is left on this computer.
    servers.forget(window, server, lambda: None)
    box = window.findChild(QMessageBox)
    box.defaultButton().click()
    qtbot.waitUntil(lambda: not servers.summaries, timeout=20000)
    assert kept_token(server, "ana") is None


def test_a_server_that_is_away_keeps_its_jobs_in_sight(
    servers, window, qtbot, server, monkeypatch
):
    with qtbot.waitSignal(servers.logged_in, timeout=20000):
        log_in(servers, window, qtbot, server, "ana", "correct horse")
    refresh(servers, qtbot, server)
    again = Servers(window)
    monkeypatch.setattr(
        "napari_annotate_jobs.stores.http.HttpStore", _refuse("nobody is there")
    )
    refresh(again, qtbot, server)
    (line,) = again.lines()
    assert "as last seen" in line.text and line.log_in
    assert [summary.job.name for summary in again.summaries] == ["Livers"]
    again.close()


def _refuse(text):
    def refuse(*args, **kwargs):
        raise LogInError(text)

    return refuse


def test_nobody_listens(servers, window, qtbot):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        dialog = log_in(servers, window, qtbot, address, "", "token", token=True)
        qtbot.waitUntil(dialog.button.isEnabled, timeout=20000)
    assert "no server runs there" in dialog._said.text()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("jobs.example.org/", "https://jobs.example.org"),
        ("localhost:8765", "http://localhost:8765"),
        ("HTTP://a:1/jobs/x", "http://a:1"),
    ],
)
def test_addresses_as_they_are_typed(typed, meant):
    assert full_address(typed) == meant


def test_no_address():
    with pytest.raises(InvalidValueError):
        full_address("ftp://x")

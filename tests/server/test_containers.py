"""The containers that are described run what the tests run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from sqlalchemy import make_url

from napari_annotate_jobs.cli import build_parser
from napari_annotate_jobs.testing import _backends

_ROOT = Path(__file__).parents[2]
_SERVERS = ("jobs-1", "jobs-2")
_VARIABLE = re.compile(r"\$\{(\w+)(?::[?-][^}]*)?\}")


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((_ROOT / "compose.yaml").read_text("utf-8"))
    return found


def _dockerfile() -> list[tuple[str, str]]:
    lines = (_ROOT / "Dockerfile").read_text("utf-8").splitlines()
    found = [line.split(None, 1) for line in lines if line and line[0] != "#"]
    return [(word, rest) for word, rest in found]


def _arguments(word: str) -> list[str]:
    found: list[str] = json.loads(dict(_dockerfile())[word])
    return found


def test_image_is_built_of_what_is_there_and_serves() -> None:
    lines = _dockerfile()
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"}
    known |= {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in lines} == known
    let_in = (_ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for word, rest in lines:
        parts = shlex.split(rest)
        if word == "COPY" and not parts[0].startswith("--from="):
            for source in parts[:-1]:
                assert (_ROOT / source).exists(), source
                assert "!" + source.removeprefix("./") in let_in, source
    extras = re.search(r"\.\[([\w,]+)\]", (_ROOT / "Dockerfile").read_text("utf-8"))
    assert extras is not None
    project = (_ROOT / "pyproject.toml").read_text("utf-8")
    for extra in extras[1].split(","):
        assert f"\n{extra} = [" in project

    assert _arguments("ENTRYPOINT") == [build_parser().prog]
    options = build_parser().parse_args(_arguments("CMD"))
    assert str(options.port) == dict(lines)["EXPOSE"]
    assert options.folder in json.loads(dict(lines)["VOLUME"])


def test_services_hang_together(compose) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert {*service.get("depends_on", ())} <= services.keys() - {name}
        assert set(service["networks"]) <= compose["networks"].keys()
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert source in compose["volumes"] or source.startswith("${"), mount
    # Only the proxy is reached from outside, and what it leads to are the servers.
    assert [name for name in services if "ports" in services[name]] == ["proxy"]
    told = compose["configs"]["proxy"]["content"]
    port = dict(_dockerfile())["EXPOSE"]
    assert f"reverse_proxy {' '.join(f'{name}:{port}' for name in _SERVERS)} {{" in told


@pytest.mark.slow
@pytest.mark.parametrize("name", _SERVERS)
def test_servers_start_with_settings_that_are_tested(
    compose, name, servers, monkeypatch
) -> None:
    tested = servers.service("cloud").settings
    service, services = compose["services"][name], compose["services"]
    environment = service["environment"]
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    options = build_parser().parse_args(service["command"])
    assert options.folder in [mount.split(":")[1] for mount in service["volumes"]]
    assert str(options.port) == dict(_dockerfile())["EXPOSE"]
    assert options.host == "0.0.0.0"

    database, blobs = make_url(options.database), urlsplit(options.blobs)
    assert database.drivername == make_url(tested.database).drivername
    kept = services["database"]["environment"]
    assert services["database"]["image"].startswith("postgres:")
    assert database.host == "database"
    assert database.username == kept["POSTGRES_USER"]
    assert database.database == kept["POSTGRES_DB"]
    assert environment["PGPASSWORD"] == kept["POSTGRES_PASSWORD"]

    assert blobs[:3] == urlsplit(tested.blobs)[:3]
    assert services["bucket"]["command"][-1] == f"objects/{blobs.netloc}"
    keys = {key for key in environment if key.startswith("AWS_")}
    assert keys == {*_backends._KEYS, "AWS_ENDPOINT_URL"}
    kept = services["objects"]["environment"]
    assert environment["AWS_ACCESS_KEY_ID"] == kept["MINIO_ROOT_USER"]
    assert environment["AWS_SECRET_ACCESS_KEY"] == kept["MINIO_ROOT_PASSWORD"]
    assert urlsplit(environment["AWS_ENDPOINT_URL"]).hostname == "objects"


def test_no_secret_stands_in_the_file_and_every_variable_is_documented(compose) -> None:
    for service in compose["services"].values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|MC_HOST", key):
                assert _VARIABLE.search(value), key
    text = (_ROOT / "compose.yaml").read_text("utf-8")
    told = (_ROOT / "docs" / "server.md").read_text("utf-8")
    for variable in set(_VARIABLE.findall(text)):
        assert variable in told


def test_commands_for_containers_in_the_documentation_parse() -> None:
    told = (_ROOT / "docs" / "server.md").read_text("utf-8")
    commands = re.findall(
        r"^docker compose run --rm jobs-1 (.*?)(?: #.*)?$", told, re.M
    )
    assert len(commands) >= 3
    for command in commands:
        build_parser().parse_args(shlex.split(command))

"""Whatever is sent that the description allows, or nearly: nothing is unforeseen."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given

EXAMPLES = 3
FILL = {"job": "job", "case": "case-0", "person": "ben", "version": 1, "place": 0}
ENDLESS = "/jobs/{job}/events"


@dataclass
class Asked:
    routes: int = 0
    answers: int = 0
    right: int = 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_that_is_sent_is_unforeseen(bench, servers):
    schema = schemathesis.openapi.from_dict(servers.app.openapi())
    asked = Asked()
    with bench.client("owner") as client:
        for result in schema.get_all_operations():
            operation = result.ok()
            if not operation.path.endswith(ENDLESS):
                asked.routes += 1
                _ask(operation, client, asked)
    assert asked.routes > 50
    assert asked.answers >= asked.routes * 2
    # They get as far as to what is done, and not only to the door.
    assert asked.right > asked.answers / 12


def _ask(operation, client, asked):
    if operation.path.endswith(("/logout", "/people/{person}")):
        return  # it would end the only token there is

    @given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def sent(case):
        for name in case.path_parameters or {}:
            case.path_parameters[name] = FILL.get(name, case.path_parameters[name])
        asked.answers += 1
        request = case.as_transport_kwargs(base_url="http://in.process")
        request["headers"] = {
            **{str(k): str(v) for k, v in request.get("headers", {}).items()},
            "Authorization": client.headers["Authorization"],
        }
        request.pop("cookies", None)
        answer = client.request(**request)
        assert answer.status_code < 500, (request, answer.text)
        if answer.is_success:
            asked.right += 1
        else:
            assert answer.json()["code"], (request, answer.text)

    sent()

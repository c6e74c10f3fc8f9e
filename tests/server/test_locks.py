"""What the threads of a server share is touched by one of them at a time."""

from __future__ import annotations

import httpx
import pytest

from lock_kit import protect
from napari_annotate_jobs.errors import LogInError
from napari_annotate_jobs.server import OidcSettings
from napari_annotate_jobs.server._oidc import OidcProvider
from napari_annotate_jobs.server._service import SeenTokens

ISSUER = "https://login.example.org"


def test_what_is_known_of_the_provider_of_log_ins_is_guarded(monkeypatch):
    asked = protect(
        monkeypatch, OidcProvider, ["_known"], lambda provider: provider._guard
    )
    answers = [
        httpx.Response(200, json={"issuer": ISSUER}),
        httpx.Response(503, json={}),
    ]
    transport = httpx.MockTransport(lambda request: answers.pop(0))
    provider = OidcProvider(OidcSettings(ISSUER, "jobs", secret="s3cret"), transport)
    place = f"{ISSUER}/.well-known/openid-configuration"
    assert provider._get(place) == provider._get(place) == {"issuer": ISSUER}
    with pytest.raises(LogInError):
        provider._get(place, anew=True)
    assert asked["_known"] == 4
    provider.close()


def test_tokens_that_were_seen_are_guarded(monkeypatch):
    asked = protect(monkeypatch, SeenTokens, ["_until"], lambda seen: seen._guard)
    seen = SeenTokens(most=1)
    for token in ("one", "two"):
        before = asked["_until"]
        seen.note(token)
        assert asked["_until"] > before
        assert seen.knows(token)
    assert not seen.knows("one")

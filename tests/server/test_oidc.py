"""Log-ins by a provider of OpenID Connect, a small one of the tests' own."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from napari_annotate_jobs.errors import InvalidValueError, LogInError, StoreAccessError
from napari_annotate_jobs.server import OidcSettings, add_account
from napari_annotate_jobs.server._accounts import suspend_account
from napari_annotate_jobs.server._oidc import OidcProvider

ISSUER = "https://login.example.org/realm"
HERE = "http://in.process"
SETTINGS = OidcSettings(ISSUER, "jobs", secret="s3cret")


class Provider(httpx.BaseTransport):
    """Says who somebody is, as a provider does; or what a test wants it to say."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}, private=True)
        self.signs = self.key
        self.claims, self.changes, self.header = {}, {}, {"alg": "RS256", "kid": "1"}
        self.codes, self.asked, self.away = {}, [], False

    def logs_in(self, url, **claims):
        """Be the page of the provider; return where it sends the browser."""
        place = urlsplit(url)
        assert f"{place.scheme}://{place.netloc}{place.path}" == f"{ISSUER}/auth"
        asked = dict(parse_qsl(place.query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        self.codes["the-code"] = asked
        self.claims = claims
        return {"state": asked["state"], "code": "the-code"}

    def handle_request(self, request):
        self.asked.append(request.url.path)
        if self.away:
            raise httpx.ConnectError("away")
        match request.url.path:
            case "/realm/.well-known/openid-configuration":
                return httpx.Response(
                    200,
                    json={
                        "issuer": ISSUER,
                        "authorization_endpoint": f"{ISSUER}/auth",
                        "token_endpoint": f"{ISSUER}/token",
                        "jwks_uri": f"{ISSUER}/keys",
                    },
                )
            case "/realm/keys":
                keys = [self.key.as_dict(private=False)]
                return httpx.Response(200, json={"keys": keys})
            case "/realm/token":
                return self._token(request)
        return httpx.Response(404)

    def _token(self, request):
        form = {k: v[0] for k, v in parse_qs(request.read().decode()).items()}
        asked = self.codes.pop(form["code"], None)
        basic = base64.b64encode(b"jobs:s3cret").decode()
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or request.headers["authorization"] != f"Basic {basic}"
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        claims = {
            "iss": ISSUER,
            "aud": "jobs",
            "sub": "1234",
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": asked["nonce"],
            **self.claims,
            **self.changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(self.header, claims, self.signs)
        return httpx.Response(200, json={"id_token": token, "access_token": "x"})


@pytest.fixture(scope="module")
def one_provider():
    return Provider()


@pytest.fixture
def provider(one_provider):
    """Return the provider as it is by default; making a key takes long."""
    fresh = {"changes": {}, "header": {"alg": "RS256", "kid": "1"}, "away": False}
    vars(one_provider).update(fresh, signs=one_provider.key, asked=[], codes={})
    return one_provider


@pytest.fixture
def site(bench, provider):
    """Return a browser at a server that knows the provider."""
    bench.service.provider = OidcProvider(SETTINGS, provider)
    with bench.service.database.writing() as connection:
        add_account(connection, "zoe@example.org")
    with bench.client() as client:
        client.base_url = HERE
        yield client
    bench.service.provider.close()


ZOE = {"email": "zoe@example.org", "email_verified": True}


def log_in(site, provider, **claims):
    sent = site.get("/log-in/provider")
    assert sent.status_code == 303
    return site.get(
        "/log-in/provider/back",
        params=provider.logs_in(sent.headers["location"], **claims),
    )


def test_whom_the_provider_names_is_logged_in_and_gets_a_token(site, provider, bench):
    assert "/log-in/provider" in site.get("/log-in").text
    done = log_in(site, provider, **ZOE)
    assert done.status_code == 200, done.text
    # Not by a redirect, on which no browser would send the strict cookie.
    assert 'http-equiv="refresh"' in done.text
    assert "s3cret" not in done.text
    page = site.get("/")
    assert "zoe@example.org" in page.text
    proof = page.text.split('name="_form" value="')[1].split('"')[0]
    headers = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}
    assert site.post("/token", data={"x": "1"}, headers=headers).status_code == 403
    made = site.post("/token", data={"_form": proof}, headers=headers)
    token = made.text.split("<code>")[1].split("</code>")[0]
    with bench.client() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        me = client.get("/me").json()
    assert (me["name"], me["scope"]) == ("zoe@example.org", "write")


def test_only_who_has_an_account_and_is_let_in(site, provider, bench):
    stranger = {"email": "sam@example.org", "email_verified": True}
    refused = log_in(site, provider, **stranger)
    assert refused.status_code == 401
    assert "no person" in refused.text
    assert "annotate_jobs" not in site.cookies
    for claims in ({**ZOE, "email_verified": False}, {"email": ZOE["email"]}, {}):
        assert log_in(site, provider, **claims).status_code == 401
    with bench.service.database.writing() as connection:
        suspend_account(connection, ZOE["email"], suspended=True, by="owner")
    refused = log_in(site, provider, **ZOE)
    assert refused.status_code == 401
    assert "suspended" in refused.text
    assert "annotate_jobs" not in site.cookies


def test_who_is_new_gets_an_account_where_that_is_wanted(site, provider, bench):
    wanted = OidcSettings(ISSUER, "jobs", "s3cret", claim="upn", add=True)
    bench.service.provider = OidcProvider(wanted, provider)
    assert log_in(site, provider, upn="sam").status_code == 200
    assert log_in(site, provider, upn="sam").status_code == 200
    with bench.client("owner") as owner:
        found = {row["name"]: row for row in owner.get("/people").json()}
    assert not found["sam"]["admin"]


WRONG = {
    "for another server": {"aud": "other"},
    "for several, and made for another": {"aud": ["jobs", "x"], "azp": "x"},
    "of another provider": {"iss": "https://evil.example"},
    "of another log-in": {"nonce": "x"},
    "without a nonce": {"nonce": None},
    "too old": {"exp": 1},
    "without an end": {"exp": None},
}


@pytest.mark.parametrize("name", WRONG)
def test_an_identity_that_is_not_for_this_log_in_is_none(site, provider, name):
    provider.changes = WRONG[name]
    assert log_in(site, provider, **ZOE).status_code == 401
    assert "annotate_jobs" not in site.cookies


def test_only_signatures_by_the_published_keys_count(site, provider):
    forged = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}, private=True)
    provider.signs = forged
    assert log_in(site, provider, **ZOE).status_code == 401
    # A key that is new since is asked for.
    old, provider.key = provider.key, forged
    assert log_in(site, provider, **ZOE).status_code == 200
    provider.key = provider.signs = old

    def unsigned(request):
        part = lambda d: base64.urlsafe_b64encode(json.dumps(d).encode()).decode()  # noqa: E731
        token = f"{part({'alg': 'none'})}.{part({'sub': '1'})}.".replace("=", "")
        return httpx.Response(200, json={"id_token": token})

    provider._token, kept = unsigned, provider._token
    assert log_in(site, provider, **ZOE).status_code == 401
    provider._token = kept


def test_a_log_in_that_was_not_begun_in_this_browser_is_refused(site, provider):
    begun = provider.logs_in(site.get("/log-in/provider").headers["location"], **ZOE)
    site.cookies.clear()
    assert site.get("/log-in/provider/back", params=begun).status_code == 401
    site.get("/log-in/provider")
    assert site.get("/log-in/provider/back", params=begun).status_code == 401
    assert "/realm/token" not in provider.asked
    for params in ({"error": "access_denied"}, {}, {"state": "x", "code": "y"}):
        assert site.get("/log-in/provider/back", params=params).status_code == 401


def test_a_provider_that_is_away_says_so(site, provider):
    provider.away = True
    page = site.get("/log-in/provider")
    assert page.status_code == 503
    assert "does not answer" in page.text


def test_without_a_provider_there_is_no_such_log_in(bench):
    with bench.client() as client:
        client.base_url = HERE
        assert "/log-in/provider" not in client.get("/log-in").text
        assert client.get("/log-in/provider").status_code == 404
        assert client.get("/log-in/provider/back").status_code == 404


def test_its_secret_stands_in_no_text_and_it_has_tls(provider):
    assert "s3cret" not in repr(SETTINGS)
    with pytest.raises(InvalidValueError, match="TLS"):
        OidcProvider(OidcSettings("http://login.example.org", "jobs"))
    other = OidcProvider(OidcSettings(f"{ISSUER}/", "jobs"), provider)
    with pytest.raises(LogInError, match="calls itself otherwise"):
        other.begin(HERE)
    provider.away = True
    with pytest.raises(StoreAccessError):
        OidcProvider(SETTINGS, provider).begin(HERE)

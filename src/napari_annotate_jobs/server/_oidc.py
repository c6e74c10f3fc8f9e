"""Log-ins by a provider of OpenID Connect: the code flow, with PKCE.

What a log-in needs to remember goes with the browser, in a cookie of a few minutes: any
server that shares the database can finish what another began.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from napari_annotate_jobs.errors import (
    InvalidValueError,
    LogInError,
    MissingExtraError,
    NotFoundError,
    StoreAccessError,
)

from ._accounts import add_account, find_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from sqlalchemy import Connection

    from ._accounts import Account

__all__ = ["OidcProvider", "OidcSettings", "account_for"]

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by keys that are published: none with a secret, and not none at all."""
_LEEWAY = 60
_KEYS_KEPT = 3600.0
_SECONDS = 15.0


@dataclass(frozen=True)
class OidcSettings:
    """Which provider says who people are.

    Parameters
    ----------
    issuer : str
        Its address, over TLS unless it is on this computer.
    client : str
        What this server is called there.
    secret : str
        What this server proves itself with; empty where only PKCE does it.
    claim : str
        What people are called by here: ``email`` counts only if it is verified.
    add : bool
        Whether whoever logs in for the first time gets an account.
    """

    issuer: str
    client: str
    secret: str = ""
    claim: str = "email"
    add: bool = False

    def __repr__(self) -> str:
        return f"OidcSettings({self.issuer!r}, {self.client!r}, claim={self.claim!r})"


class OidcProvider:
    """A provider, as this server talks to it.

    Parameters
    ----------
    settings : OidcSettings
        Which one.
    transport : httpx.BaseTransport, optional
        Carries requests instead of the network.

    Raises
    ------
    MissingExtraError
        If the packages for it are not installed.
    InvalidValueError
        If its address is not over TLS.
    """

    def __init__(
        self, settings: OidcSettings, transport: httpx.BaseTransport | None = None
    ) -> None:
        try:
            import authlib  # noqa: F401
            import httpx
            import joserfc  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                str(error.name), extra="oidc", purpose="log-ins by a provider"
            ) from error
        self.settings = settings
        url = httpx.URL(settings.issuer)
        here = url.host in {"127.0.0.1", "localhost", "::1"}
        if url.scheme != "https" and not (url.scheme == "http" and here):
            raise InvalidValueError(
                "the provider has no TLS",
                where=settings.issuer,
                remedy="Use its address that begins with https://",
            )
        self._client = httpx.Client(
            timeout=_SECONDS, transport=transport, follow_redirects=False
        )
        self._guard = threading.Lock()
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    # --------------------------------------------------------------- the flow
    def begin(self, back: str) -> tuple[str, str]:
        """Return where to send a browser, and what it is to keep meanwhile.

        Parameters
        ----------
        back : str
            The address that it comes back to.
        """
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        url = prepare_grant_uri(
            self._place("authorization_endpoint"),
            client_id=self.settings.client,
            response_type="code",
            redirect_uri=back,
            scope="openid email profile",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return str(url), f"{state}.{nonce}.{verifier}"

    def finish(self, back: str, kept: str, state: str, code: str) -> Mapping[str, Any]:
        """Return what the provider says of who came back.

        Parameters
        ----------
        back : str
            As for :meth:`begin`.
        kept : str
            What the browser kept.
        state, code : str
            What it brought.

        Raises
        ------
        LogInError
            If it is not what was begun, or the provider does not prove it.
        StoreAccessError
            If the provider does not answer.
        """
        parts = kept.split(".")
        if len(parts) != 3 or not hmac.compare_digest(
            parts[0].encode(), state.encode()
        ):
            raise LogInError("the log-in was not begun here", remedy="Begin it again")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": parts[2],
            "client_id": self.settings.client,
        }
        auth = None
        if self.settings.secret:
            auth = (self.settings.client, self.settings.secret)
        answer = self._ask("POST", self._place("token_endpoint"), data=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _unproved("it gave no identity")
        return self._proved(token, parts[1])

    def _proved(self, token: str, nonce: str) -> Mapping[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        for renewed in (False, True):
            keys: Any = self._get(self._place("jwks_uri"), anew=renewed)
            try:
                found = jwt.decode(
                    token,
                    KeySet.import_key_set(cast("Any", keys)),
                    algorithms=list(_ALGORITHMS),
                )
                break
            except (JoseError, ValueError, LookupError, TypeError) as error:
                # Providers change their keys now and then.
                if renewed:
                    raise _unproved("its signature does not fit") from error
        claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.client},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims.validate(found.claims)
        except JoseError as error:
            raise _unproved("it is for another log-in, or too old") from error
        audience = found.claims["aud"]
        if isinstance(audience, list) and len(audience) > 1:
            if found.claims.get("azp") != self.settings.client:
                raise _unproved("it was made for somebody else")
        return found.claims

    # ------------------------------------------------------------ the provider
    def _about(self) -> dict[str, Any]:
        issuer = self.settings.issuer
        at = issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = self._get(at)
        if found.get("issuer") != issuer:
            raise _unproved("it calls itself otherwise than it was named")
        return found

    def _place(self, name: str) -> str:
        found = self._about().get(name)
        if not isinstance(found, str):
            raise _unproved(f"it does not say its {name}")
        return found

    def _get(self, url: str, *, anew: bool = False) -> dict[str, Any]:
        with self._guard:
            until, found = self._known.get(url, (0.0, {}))
            if anew or until < time.monotonic():
                found = self._ask("GET", url)
                self._known[url] = time.monotonic() + _KEYS_KEPT, found
            return found

    def _ask(self, method: str, url: str, **what: Any) -> dict[str, Any]:
        import httpx

        try:
            answer = self._client.request(method, url, **what)
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise StoreAccessError(
                "the provider of log-ins does not answer",
                where=self.settings.issuer,
                remedy="Try again in a moment, or log in with a password or a token",
            ) from error
        if answer.status_code != 200 or not isinstance(found, dict):
            raise _unproved("it refused")
        return found


def _unproved(why: str) -> LogInError:
    return LogInError(
        f"the provider of log-ins does not say who you are: {why}",
        remedy="Log in again; if it stays so, ask the owner of the server",
    )


def account_for(
    connection: Connection, settings: OidcSettings, claims: Mapping[str, Any]
) -> Account:
    """Return the account of whom a provider has named.

    Raises
    ------
    LogInError
        If there is none.
    """
    name = claims.get(settings.claim)
    if not isinstance(name, str) or not name.strip():
        raise _unproved(f"it says nothing of {settings.claim}")
    if settings.claim == "email" and claims.get("email_verified") is not True:
        raise _unproved("it has not verified the address")
    try:
        return find_account(connection, name)
    except NotFoundError:
        if not settings.add:
            raise LogInError(
                f"there is no person {name!r} on this server",
                remedy="Have an owner of the server add that name",
            ) from None
        return add_account(connection, name, by="log-in by a provider")

"""Where the tokens of servers are kept on this computer."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from platformdirs import user_config_path

from napari_annotate_jobs.errors import StoreError
from napari_annotate_jobs.files import locked, read_if_there, write_durably

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["forget_token", "keep_token", "kept_token"]

_VARIABLE = "NAPARI_ANNOTATE_JOBS_TOKEN"
_SERVICE = "napari-annotate-jobs"
_LAST = ""
"""Under this name stands who logged in last."""


def kept_token(server: str, person: str | None = None) -> str | None:
    """Return the token that is kept for a server; None if there is none.

    The environment's ``NAPARI_ANNOTATE_JOBS_TOKEN`` comes first.

    Parameters
    ----------
    server : str
        Its address.
    person : str, optional
        Whose; of who logged in last by default.
    """
    if os.environ.get(_VARIABLE):
        return os.environ[_VARIABLE]
    known = _read().get(server, {})
    name = known.get(_LAST) if person is None else person
    if name is None or name not in known:
        return None
    if known[name] is not None:
        return str(known[name])
    keyring = _keyring()
    if keyring is not None:
        with suppress(Exception):
            found = keyring.get_password(_SERVICE, f"{server} {name}")
            return None if found is None else str(found)
    return None


def keep_token(server: str, person: str, token: str) -> bool:
    """Keep a token for the next time.

    Returns
    -------
    bool
        True if the keyring of the system keeps it; False if it is in a file that
        only this user can read.
    """
    keyring, safe = _keyring(), False
    if keyring is not None:
        with suppress(Exception):
            keyring.set_password(_SERVICE, f"{server} {person}", token)
            safe = keyring.get_password(_SERVICE, f"{server} {person}") == token
    _change(server, {person: None if safe else token, _LAST: person})
    return safe


def forget_token(server: str, person: str) -> None:
    """Drop the token of a person."""
    keyring = _keyring()
    if keyring is not None:
        with suppress(Exception):
            keyring.delete_password(_SERVICE, f"{server} {person}")
    _change(server, {}, drop=person)


def _file() -> Path:
    return user_config_path("napari-annotate-jobs", appauthor=False) / "servers.json"


def _read() -> dict[str, dict[str, str | None]]:
    with suppress(StoreError, ValueError, AttributeError):
        found = json.loads(read_if_there(_file()) or b"{}")
        return {str(k): dict(v) for k, v in found.items()}
    return {}


def _change(
    server: str, new: dict[str, str | None], *, drop: str | None = None
) -> None:
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock"), 10.0):
        known = _read()
        mine = {**known.get(server, {}), **new}
        if drop is not None:
            mine.pop(drop, None)
            if mine.get(_LAST) == drop:
                mine.pop(_LAST)
        known[server] = mine
        if not path.exists():
            # Nobody else can read it, from the first byte on.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        write_durably(path, json.dumps(known, indent=1).encode())
        with suppress(OSError):
            path.chmod(0o600)


def _keyring() -> Any:
    try:
        import keyring
        from keyring.backends import fail
    except ImportError:
        return None
    try:
        found = keyring.get_keyring()
        if isinstance(found, fail.Keyring) or found.priority < 1:
            return None
    except Exception:
        return None
    return keyring

"""The jobs that were used last and who annotates, for My Jobs and command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

from platformdirs import user_config_path

from napari_annotate_jobs.files import accessing, locked, read_if_there, write_durably
from napari_annotate_jobs.stores import check_person, default_person
from napari_annotate_jobs.stores.folder._documents import load_json

__all__ = [
    "annotating_person",
    "forget_location",
    "recent_locations",
    "remember_location",
    "remember_person",
]

_MOST = 50


def recent_locations() -> tuple[str, ...]:
    """Return the locations of stores that were remembered, the last used first.

    A list that cannot be understood counts as empty.

    Raises
    ------
    StoreAccessError
        If it cannot be read.
    """
    data = read_if_there(_path())
    try:
        found = load_json(data or b"[]")
    except ValueError:
        return ()
    if not isinstance(found, list):
        return ()
    known = (text for text in found if isinstance(text, str) and "\0" not in text)
    return tuple(filter(None, known))[:_MOST]


def remember_location(location: str | os.PathLike[str]) -> None:
    """Put a location at the beginning of the list.

    Raises
    ------
    StoreAccessError
        If the list cannot be written.
    """
    _rewrite(_whole(location), keep=True)


def forget_location(location: str | os.PathLike[str]) -> None:
    """Take a location off the list; what is stored there is left alone.

    Raises
    ------
    StoreAccessError
        If the list cannot be written.
    """
    _rewrite(_whole(location), keep=False)


def annotating_person() -> str:
    """Return the name that annotates in folders here; the system's user by default.

    Raises
    ------
    StoreAccessError
        If what was kept cannot be read.
    """
    try:
        data = load_json(read_if_there(_person_path()) or b"{}")
        name = data.get("person") if isinstance(data, dict) else None
        return check_person(name) if isinstance(name, str) else default_person()
    except ValueError:
        return default_person()


def remember_person(name: str) -> None:
    """Keep who annotates in folders, for whom napari's settings are out of reach.

    Raises
    ------
    StoreAccessError
        If it cannot be written.
    """
    if annotating_person() == name:
        return
    path = _person_path()
    with accessing(path.parent, "made"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, (json.dumps({"person": name}) + "\n").encode())


def _whole(location: str | os.PathLike[str]) -> str:
    text = os.fspath(location)
    if "://" in text or text.startswith("memory:"):
        return text
    return str(Path(text).expanduser().absolute())


def _rewrite(location: str, *, keep: bool) -> None:
    path = _path()
    with accessing(path.parent, "made"):
        path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock"), 5.0):
        others = [text for text in recent_locations() if text != location]
        found = [location, *others][:_MOST] if keep else others
        write_durably(path, (json.dumps(found, indent=1) + "\n").encode())


def _path() -> Path:
    return _folder() / "recent.json"


def _person_path() -> Path:
    return _folder() / "person.json"


def _folder() -> Path:
    return Path(user_config_path("napari-annotate-jobs", appauthor=False))

"""Names of people and cases, and the folders that stand for them."""

from __future__ import annotations

import getpass
import hashlib
import re
import unicodedata

from napari_annotate_jobs.errors import InvalidValueError

__all__ = [
    "case_folder",
    "check_file_name",
    "check_person",
    "default_person",
    "fold",
    "name_key",
    "person_folder",
    "plain_person",
]

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,46}[a-z0-9])?\Z")
_TAGGED = re.compile(r".*-[0-9a-f]{8}\Z", re.DOTALL)
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.IGNORECASE)
"""Names that Windows keeps for devices, with any extension."""

_MAX_BYTES = 200
"""File systems allow 255 bytes for a name; some room is left for endings."""


def default_person() -> str:
    """Return the name of the user of this system, ``annotator`` if it has none."""
    try:
        name = getpass.getuser().strip()
    except (OSError, KeyError, ImportError):
        name = ""
    return name if name.isprintable() and name else "annotator"


def check_person(name: str) -> str:
    """Return the name without blanks at its ends.

    Raises
    ------
    InvalidValueError
        If nothing is left, it is longer than 120 characters, or unprintable.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > 120 or not name.isprintable():
        raise InvalidValueError(
            f"{name!r} cannot name a person",
            remedy="Use 1 to 120 letters, digits or signs",
        )
    return name


def check_file_name(name: str) -> str:
    """Return a name that can be that of a file on every system.

    Raises
    ------
    InvalidValueError
        If it cannot.
    """
    name = unicodedata.normalize("NFC", " ".join(name.split()))
    letters = name.replace(" ", "").replace("-", "").replace("_", "")
    if not letters.isalnum() or len(name) > 60 or _DEVICES.match(name):
        raise InvalidValueError(
            f"{name!r} cannot name a file",
            remedy="Use up to 60 letters, digits, blanks, - and _",
        )
    return name


def person_folder(name: str) -> str:
    """Return the folder of a person: lower-case ASCII, another for each name.

    A name that is plain already stands for itself; any other gets a tag made
    from its SHA-256, so that ``Ana`` and ``ana`` are told apart on every system.
    """
    if _PLAIN.match(name) and not _TAGGED.match(name) and not _DEVICES.match(name):
        return name
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")[:32].strip("-")
    return f"{stem or 'person'}-{_tag(name)}"


def plain_person(folder: str) -> str | None:
    """Return whose folder it is, None if its name does not tell."""
    return folder if person_folder(folder) == folder else None


def case_folder(case_id: str) -> str:
    """Return the folder of a case: its id, where every system can hold that."""
    size = len(case_id.encode("utf-8", "surrogatepass"))
    if (
        size <= _MAX_BYTES
        and not case_id.endswith(".")
        and not _DEVICES.match(case_id)
        and unicodedata.is_normalized("NFC", case_id)
    ):
        return case_id
    stem = case_id.rstrip(".").encode("ascii", "ignore").decode()[:40].strip(" .")
    return f"{stem or 'case'}-{_tag(case_id)}"


def fold(text: str) -> str:
    """Return `text` as it is compared: upper and lower case alike."""
    return unicodedata.normalize("NFC", text).casefold()


def name_key(name: str) -> str:
    """Return what names are sorted by: *case 2* comes before *case 10*."""
    return re.sub("[0-9]+", lambda found: found[0].zfill(20), fold(name))[:300]


def _tag(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]

"""What the user set in napari's preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

__all__ = ["PLUGIN", "Settings", "keys_from_text", "keys_to_text", "read_settings"]

PLUGIN = "napari-annotate-jobs"


@dataclass(frozen=True)
class Settings:
    """A snapshot of the plugin's settings.

    Parameters
    ----------
    person : str
        Whose annotations are read and written; empty for the system's user.
    open_next : bool
        Open the next case that is left after a submission.
    wheel_steps : bool
        The wheel steps through slices, and Alt+wheel zooms.
    image_memory : int
        Bytes that images may take; 0 for a quarter of what is free.
    ask_rest : bool
        Ask before one key decides slices that are not shown, and submits.
    keys : dict of str to str
        Keys that were changed, by action or label.
    key_set : str
        The set of keys that says the default keys.
    ask_seen : bool
        Ask before a case is submitted of which slices were never shown.
    letters, scale_bar : bool
        Show sides of the patient at the edges of the image, and a scale bar.
    hair_lines : bool
        Show lines through the pointer while boxes are drawn.
    navigator : bool
        Show a small picture of the image while only a part of it is seen.
    arm : str
        The label that is ready as a case opens: ``last`` used, ``first``, ``none``.
    room : bool
        Take napari's own panels away while a case is open.
    """

    person: str
    open_next: bool
    wheel_steps: bool
    image_memory: int
    ask_rest: bool
    keys: dict[str, str]
    key_set: str = ""
    ask_seen: bool = False
    letters: bool = True
    scale_bar: bool = True
    hair_lines: bool = True
    navigator: bool = True
    arm: str = "none"
    room: bool = False


def settings_model() -> Any:
    """Return napari's evented model of our settings."""
    from napari.settings import get_plugin_settings

    return get_plugin_settings(PLUGIN).annotating


def read_settings() -> Settings:
    """Read the settings as they are now; defaults where napari has none of ours.

    That is so when the package is used without being registered as a plugin.
    """
    try:
        model = settings_model()
    except (KeyError, AttributeError):
        return Settings("", True, False, 0, True, {})
    return Settings(
        person=model.person.strip(),
        open_next=bool(model.open_next),
        wheel_steps=bool(model.wheel_steps),
        image_memory=int(model.image_memory) * 2**20,
        ask_rest=bool(model.ask_rest),
        keys=keys_from_text(model.keys),
        key_set=str(getattr(model.key_set, "value", model.key_set)),
        ask_seen=bool(model.ask_seen),
        letters=bool(model.letters),
        scale_bar=bool(model.scale_bar),
        hair_lines=bool(model.hair_lines),
        navigator=bool(model.navigator),
        arm=str(getattr(model.arm, "value", model.arm)),
        room=bool(model.room),
    )


def keys_from_text(text: str) -> dict[str, str]:
    """Parse ``action=key;action=key``; what is not of this form is left out."""
    pairs = (part.split("=", 1) for part in text.split(";") if "=" in part)
    return {unquote(name.strip()): key.strip() for name, key in pairs}


def keys_to_text(keys: dict[str, str]) -> str:
    """Write changed keys in one line."""
    return ";".join(f"{_quoted(name)}={key}" for name, key in sorted(keys.items()))


def _quoted(name: str) -> str:
    """Write a name, which may be that of a label, so that it is read as one."""
    return name.replace("%", "%25").replace(";", "%3B").replace("=", "%3D")

"""The keys in use: the defaults, what a person changed, and those of labels."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError

from ._gestures import GESTURES, IN_IMAGE, Gesture
from ._key_sets import KEY_SETS, OWN_KEYS, KeySet
from ._keys import (
    ACTIONS,
    LABEL_KEYS,
    NAPARI_KEYS,
    UserAction,
    free_keys,
    key_text,
    normal_key,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from napari_annotate_jobs.model import Label, LabelSet

__all__ = ["KeyMap", "label_keys", "label_name"]

LABEL = "label/"
"""What names of labels begin with where actions have theirs."""


_ACTIONS: Mapping[str, UserAction] = MappingProxyType({a.id: a for a in ACTIONS})


@dataclass(frozen=True)
class KeyMap:
    """The default keys, with what the user chose instead.

    Parameters
    ----------
    overrides : mapping of str to str
        Key by action id; an empty key switches the action's key off.
    key_set : str
        Which of :data:`KEY_SETS` says the default keys.
    of_labels : mapping of str to str
        Key by name of a label, as :func:`label_name` writes it: a person's own, in
        every job that has such a label; an empty key gives it none.

    Raises
    ------
    InvalidValueError
        If an action is not known, a key is not one, belongs to napari, or is
        given to two actions; the text names the other one.
    """

    overrides: Mapping[str, str] = field(default_factory=dict)
    key_set: str = OWN_KEYS
    of_labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chosen: dict[str, str] = {}
        for action_id, key in self.overrides.items():
            action = self._action(action_id)
            normal = normal_key(key) if key else ""
            if normal == self._default(action):
                continue
            if normal in NAPARI_KEYS:
                raise InvalidValueError(
                    f"{key_text(normal)} belongs to napari",
                    where=action.text,
                    remedy=f"Choose one that is free, as {_some_free(chosen)}",
                )
            chosen[action_id] = normal
        object.__setattr__(self, "overrides", MappingProxyType(chosen))
        own = {name: self._label_key(name, k) for name, k in self.of_labels.items()}
        object.__setattr__(self, "of_labels", MappingProxyType(own))
        counts = Counter(key for key in self.keys().values() if key)
        for key, count in counts.items():
            if count > 1:
                one, other = [a for a in ACTIONS if self.key(a.id) == key][:2]
                if one.id not in chosen:
                    one, other = other, one
                raise InvalidValueError(
                    f"{key_text(key)} is already the key of {other.text!r}",
                    where=one.text,
                    remedy="Choose another, or change that one first",
                )

    def __hash__(self) -> int:
        own = frozenset(self.of_labels.items())
        return hash((frozenset(self.overrides.items()), self.key_set, own))

    @staticmethod
    def _label_key(name: str, key: str) -> str:
        normal = normal_key(key) if key else ""
        if normal in NAPARI_KEYS:
            raise InvalidValueError(
                f"{key_text(normal)} belongs to napari",
                where=name.removeprefix(LABEL),
                remedy="Choose one that is free",
            )
        return normal

    @property
    def ways(self) -> KeySet:
        """The set of keys that says the defaults."""
        return KEY_SETS.get(self.key_set, KEY_SETS[OWN_KEYS])

    def gestures(self) -> tuple[Gesture, ...]:
        """Return what the mouse does with this set of keys."""
        other = self.ways.gestures
        return tuple(
            replace(g, text=other[g.how])
            if g.group == IN_IMAGE and g.how in other
            else g
            for g in GESTURES
        )

    def _default(self, action: UserAction) -> str:
        return self.ways.keys.get(action.id, action.key)

    @staticmethod
    def _action(action_id: str) -> UserAction:
        try:
            return _ACTIONS[action_id]
        except KeyError:
            raise InvalidValueError(
                f"there is no action {action_id!r}",
                remedy=f"The actions are {', '.join(_ACTIONS)}",
            ) from None

    def key(self, action_id: str) -> str:
        """Return the key of an action; empty if it has none."""
        action = self._action(action_id)
        return self.overrides.get(action_id, self._default(action))

    def keys(self) -> dict[str, str]:
        """Return the key of every action by its id."""
        return {action.id: self.key(action.id) for action in ACTIONS}

    def hint(self, action_id: str) -> str:
        """Return `` (key)`` to put behind a tooltip; empty if there is no key."""
        text = key_text(self.key(action_id))
        return f" ({text})" if text else ""

    def text(self, action_id: str) -> str:
        """Return what an action does, in few words."""
        return self._action(action_id).text

    def tip(self, action_id: str) -> str:
        """Return what a button of an action says of it, with its key."""
        action = self._action(action_id)
        return (action.tip or action.text) + self.hint(action_id)

    def with_key(self, action_id: str, key: str) -> KeyMap:
        """Return the map with one key changed.

        Raises
        ------
        InvalidValueError
            If the key cannot be given to this action.
        """
        return replace(self, overrides={**self.overrides, action_id: key})

    def with_label_keys(self, keys: Mapping[str, str]) -> KeyMap:
        """Return the map with the keys of labels changed.

        Parameters
        ----------
        keys : mapping of str to str
            Key by name of a label, as :func:`label_name` writes it.

        Raises
        ------
        InvalidValueError
            If a key is none, belongs to napari, or is that of an action.
        """
        changed = replace(self, of_labels={**self.of_labels, **keys})
        for name in keys:
            key = changed.of_labels[name]
            action = next((a for a in ACTIONS if key and self.key(a.id) == key), None)
            if action is not None:
                raise InvalidValueError(
                    f"{key_text(key)} is already the key of {action.text!r}",
                    where=name.removeprefix(LABEL),
                    remedy="Choose another, or change that one first",
                )
        return changed

    def with_defaults(self, *ids: str) -> KeyMap:
        """Return the map with the default keys of these actions or labels, or of all.

        Raises
        ------
        InvalidValueError
            If a default key was given to another action.
        """
        gone = ids or (*self.overrides, *self.of_labels)
        return replace(
            self,
            overrides={k: v for k, v in self.overrides.items() if k not in gone},
            of_labels={k: v for k, v in self.of_labels.items() if k not in gone},
        )

    def of_the_job(self) -> KeyMap:
        """Return the map without a person's own keys of labels."""
        return replace(self, of_labels={})

    @property
    def changed(self) -> frozenset[str]:
        """Actions and names of labels whose keys were changed."""
        return frozenset((*self.overrides, *self.of_labels))

    def to_dict(self) -> dict[str, str]:
        """Return what the user changed, for the settings."""
        return {**self.overrides, **self.of_labels}

    @classmethod
    def from_dict(cls, data: Mapping[str, str], key_set: str = OWN_KEYS) -> KeyMap:
        """Read settings; what is unknown or does not fit any more is left out."""
        keys = cls(key_set=key_set if key_set in KEY_SETS else OWN_KEYS)
        actions = {str(k): str(v) for k, v in data.items() if not _is_label(str(k))}
        try:
            keys = replace(keys, overrides=actions)
        except InvalidValueError:
            for action_id, key in actions.items():
                with suppress(InvalidValueError):
                    keys = keys.with_key(action_id, key)
        for name in data.keys() - actions.keys():
            with suppress(InvalidValueError):
                own = {**keys.of_labels, str(name): str(data[name])}
                keys = replace(keys, of_labels=own)
        return keys


def label_name(label: Label) -> str:
    """Name a label in settings, alike in every job: ``label/segmentation/lesion``."""
    return f"{LABEL}{label.method}/{label.name.casefold()}"


def _is_label(name: str) -> bool:
    return name.startswith(LABEL)


def label_keys(label_set: LabelSet, keymap: KeyMap | None = None) -> dict[int, str]:
    """Give each label its key.

    First comes what the person chose, then the key that the job gives, unless napari,
    an action or a label before has it; the others take the free ones of
    :data:`LABEL_KEYS` in order. Labels beyond these have none.

    Parameters
    ----------
    label_set : LabelSet
        The labels of the job.
    keymap : KeyMap, optional
        The keys of the actions, and what was chosen for labels.

    Returns
    -------
    dict of int to str
        Key by label id, in Qt's portable notation.
    """
    keys = keymap or KeyMap()
    taken = NAPARI_KEYS.union(keys.keys().values())
    given = _given(((x.id, x.key) for x in label_set.labels), taken)
    _fill(given, label_set, taken)
    own = {x.id: keys.of_labels.get(label_name(x)) for x in label_set.labels}
    none = {label_id for label_id, key in own.items() if key == ""}
    found = _given(own.items(), taken)
    # Who is given another key leaves the keys of the others as they were.
    for label_id, key in given.items():
        if label_id not in found and label_id not in none:
            if key not in found.values():
                found[label_id] = key
    _fill(found, label_set, taken.union(given.values()), none)
    return found


def _given(
    wanted: Iterable[tuple[int, str | None]], taken: Collection[str]
) -> dict[int, str]:
    """Return the keys of labels that are free, who comes first has it."""
    found: dict[int, str] = {}
    for label_id, text in wanted:
        with suppress(InvalidValueError):
            key = normal_key(text) if text else ""
            if key and key not in taken and key not in found.values():
                found[label_id] = key
    return found


def _fill(
    found: dict[int, str],
    label_set: LabelSet,
    taken: Collection[str],
    none: Collection[int] = (),
) -> None:
    """Give free keys to the labels that have none."""
    free = iter(_free({*taken, *found.values()}))
    for label in label_set.labels:
        if label.id not in found and label.id not in none:
            key = next(free, "")
            if not key:
                break
            found[label.id] = key


def _some_free(chosen: Mapping[str, str]) -> str:
    taken = {chosen.get(action.id, action.key) for action in ACTIONS}
    first, second, third = free_keys(taken)[:3]
    return f"{first}, {second} or {third}"


def _free(taken: Iterable[str]) -> list[str]:
    gone = set(taken)
    return [key for key in LABEL_KEYS if key not in gone]

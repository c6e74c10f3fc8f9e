"""The label set of a new job, from the command line or from a file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, StoreAccessError
from napari_annotate_jobs.model import (
    COLORS,
    Group,
    Label,
    LabelSet,
    Method,
    Scope,
    validated,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["label_set", "methods_of", "parse_label", "read_labels"]


def label_set(
    labels: Sequence[str],
    case_labels: Sequence[str],
    *,
    methods: Sequence[Method],
    exclusive: Sequence[str] = (),
    file: Path | None = None,
) -> LabelSet:
    """Put a label set together.

    Parameters
    ----------
    labels : sequence of str
        ``[METHOD:][GROUP/]NAME[=#RRGGBB]`` each.
    case_labels : sequence of str
        ``[GROUP/]NAME[=#RRGGBB]`` each: class labels for the whole case.
    methods : sequence of Method
        The project's; a label that does not name its own has the only one.
    exclusive : sequence of str
        Groups of which one label can be chosen; ``""`` for labels in none.
    file : Path, optional
        Labels to begin with, from a YAML or CSV file.

    Returns
    -------
    LabelSet
        With ids and colours for those that did not bring their own.

    Raises
    ------
    InvalidValueError
        If a label cannot be understood, or they do not go together.
    """
    fields: list[dict[str, Any]] = []
    groups: dict[str, bool] = {}
    if file is not None:
        fields, groups = read_labels(file)
    fields += [parse_label(text) for text in labels]
    for text in case_labels:
        found = parse_label(text)
        if found.setdefault("method", Method.CLASSIFICATION) != "classification":
            raise InvalidValueError(
                f"the case label {text!r} can only be a class label"
            )
        fields.append({**found, "scope": Scope.CASE})
    groups.update(dict.fromkeys(exclusive, True))
    named = {str(found.get("group") or "") for found in fields}
    for group in exclusive:
        if group not in named:
            raise InvalidValueError(
                f"no label is in the group {group!r}",
                remedy="Name groups as in: --labels quality/good quality/bad "
                "--exclusive quality",
            )
    return validated(
        LabelSet,
        {
            "labels": [
                validated(Label, f, where=f"label {f.get('name')}")
                for f in _completed(fields, methods)
            ],
            "groups": [Group(name=n, exclusive=e) for n, e in groups.items()],
        },
    )


def methods_of(fields: Iterable[Mapping[str, Any]]) -> list[Method]:
    """Return the methods that labels name, in the order of their appearance."""
    found = dict.fromkeys(f["method"] for f in fields if f.get("method"))
    return [_method(name) for name in found]


def parse_label(text: str) -> dict[str, Any]:
    """Read ``[METHOD:][GROUP/]NAME[=#RRGGBB]``.

    Raises
    ------
    InvalidValueError
        If there is no name, or no such method.
    """
    found: dict[str, Any] = {}
    head, colon, rest = text.partition(":")
    if colon:
        found["method"] = _method(head)
        text = rest
    name, equals, color = text.rpartition("=")
    if equals and color.startswith("#"):
        found["color"] = color
        text = name
    group, slash, name = text.rpartition("/")
    if slash:
        found["group"] = group.strip()
    found["name"] = name.strip()
    if not found["name"]:
        raise InvalidValueError(
            f"{text!r} does not name a label",
            remedy="Write NAME, GROUP/NAME, METHOD:NAME or NAME=#RRGGBB",
        )
    return found


def read_labels(path: Path) -> tuple[list[dict[str, Any]], dict[str, bool]]:
    """Read labels, and which groups are exclusive, from a YAML or CSV file.

    Raises
    ------
    StoreAccessError
        If the file cannot be read.
    InvalidValueError
        If it holds no labels.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise StoreAccessError(
            f"cannot be read ({error.strerror})",
            where=path,
            remedy="Check the name of the labels file",
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidValueError(
            "is not text in UTF-8", where=path, remedy="Save it as UTF-8"
        ) from error
    if path.suffix.lower() in {".csv", ".tsv"}:
        return _from_csv(text, path)
    return _from_yaml(text, path)


def _from_csv(text: str, path: Path) -> tuple[list[dict[str, Any]], dict[str, bool]]:
    dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else None
    options: dict[str, Any] = {"delimiter": delimiter} if delimiter else {}
    rows = csv.DictReader(io.StringIO(text), dialect=dialect, **options)
    if "name" not in (rows.fieldnames or ()):
        raise InvalidValueError(
            "has no column called name",
            where=path,
            remedy="Begin it with a line such as: name,method,color,group,exclusive",
        )
    labels: list[dict[str, Any]] = []
    groups: dict[str, bool] = {}
    for row in rows:
        found = {k: v.strip() for k, v in row.items() if k and v and v.strip()}
        if not found:
            continue
        exclusive = found.pop("exclusive", "").casefold()
        if exclusive in {"1", "yes", "true", "x"}:
            groups[found.get("group", "")] = True
        if "concept" in found:
            parts = found.pop("concept").split("|")
            names = ("scheme", "value", "meaning")
            labels.append({**found, "concept": dict(zip(names, parts, strict=False))})
        else:
            labels.append(dict(found))
    return labels, groups


def _from_yaml(text: str, path: Path) -> tuple[list[dict[str, Any]], dict[str, bool]]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidValueError(
            f"is not YAML ({' '.join(str(error).split())})", where=path
        ) from error
    if isinstance(found, list):
        found = {"labels": found}
    if not isinstance(found, dict) or not isinstance(found.get("labels"), list):
        raise InvalidValueError(
            "holds no list of labels",
            where=path,
            remedy="Begin it with labels:, then a line - name: ... for each",
        )
    labels = []
    for entry in found["labels"]:
        if isinstance(entry, str):
            labels.append(parse_label(entry))
        elif isinstance(entry, dict):
            labels.append(dict(entry))
        else:
            raise InvalidValueError(f"{entry!r} is not a label", where=path)
    groups = {}
    for entry in found.get("groups") or ():
        group = validated(
            Group, entry if isinstance(entry, dict) else {"name": entry}, where=path
        )
        groups[group.name] = group.exclusive
    return labels, groups


def _completed(
    fields: Sequence[Mapping[str, Any]], methods: Sequence[Method]
) -> list[dict[str, Any]]:
    """Give labels the method, id and colour that they do not bring."""
    taken = {int(f["id"]) for f in fields if str(f.get("id", "")).isdecimal()}
    free = (number for number in range(1, 65_536) if number not in taken)
    completed = []
    for place, found in enumerate(fields):
        filled = {"color": COLORS[place % len(COLORS)], **found}
        filled["method"] = (
            _method(found["method"])
            if found.get("method")
            else _only_method(found, methods)
        )
        if "id" not in filled:
            filled["id"] = next(free)
        completed.append(filled)
    return completed


def _only_method(found: Mapping[str, Any], methods: Sequence[Method]) -> Method:
    if found.get("scope") == Scope.CASE or found.get("group"):
        return Method.CLASSIFICATION
    if len(methods) != 1:
        raise InvalidValueError(
            f"the label {found.get('name')!r} does not say for which method it is",
            remedy=f"Write {methods[0] if methods else 'METHOD'}:{found.get('name')}",
        )
    return methods[0]


def _method(name: str) -> Method:
    try:
        return Method(str(name).strip().lower())
    except ValueError:
        raise InvalidValueError(
            f"there is no method {name!r}", remedy=f"Use one of {', '.join(Method)}"
        ) from None

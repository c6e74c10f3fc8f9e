"""Labels from a YAML or CSV file."""

from __future__ import annotations

import csv
import io
import reprlib
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import MALFORMED, InvalidValueError, StoreAccessError
from napari_annotate_jobs.formats import READY_LABELS
from napari_annotate_jobs.model import (
    GivenLabels,
    LabelEntry,
    color_code,
    method_named,
)

from ._label_text import from_table, parse_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["read_labels"]

_FIELDS = (
    "name",
    "method",
    "id",
    "color",
    "key",
    "scope",
    "group",
    "overlap_group",
    "concept",
    "attributes",
)
_OF_AN_ATTRIBUTE = ("name", "choices", "required", "scope")
_MOST_BYTES = 10 << 20
"""A list of 65,535 labels is shorter."""

_COLUMNS = (*_FIELDS[:-1], "exclusive")
_YES = frozenset({"1", "yes", "true", "x"})
_NO = frozenset({"", "0", "no", "false"})


def read_labels(path: Path) -> GivenLabels:
    """Read labels, and which groups are exclusive, from a YAML or CSV file.

    Raises
    ------
    StoreAccessError
        If the file cannot be read.
    InvalidValueError
        If it holds no labels, or what is not known; names the line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
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
    if len(data) > _MOST_BYTES:
        raise InvalidValueError(
            f"has more than {_MOST_BYTES >> 20} MB, which is no list of labels",
            where=path,
            remedy="Check the name of the labels file",
        )
    given = GivenLabels(where=str(path))
    if path.suffix.lower() in {".csv", ".tsv"}:
        try:
            _from_csv(text, path, given)
        except csv.Error as error:
            raise InvalidValueError(
                f"is no table ({error})",
                where=path,
                remedy="Look for a quote that is not closed",
            ) from error
    else:
        _from_yaml(text, path, given)
    if not given.entries:
        raise InvalidValueError(
            "holds no labels", where=path, remedy="Write a label on a line of its own"
        )
    return given


def _entry(number: int, line: int, fields: Mapping[str, Any], path: Path) -> LabelEntry:
    """Check the names of fields, and bring those that have several forms into one."""
    name = fields.get("name")
    shown = number if name is None else reprlib.repr(name)
    where = f"{path}, line {line}, label {shown}"
    table, colon, own = str(name or "").partition(":")
    if colon and table.strip().lower() in READY_LABELS:
        ready = from_table(table, own, where)
        if len(ready) > 1:
            raise InvalidValueError(
                f"{own.strip()!r} are {len(ready)} labels",
                where=where,
                remedy=f'Write only "{name}" on the line, or name one',
            )
        name = ready[0]["name"]
        if "colour" in fields:
            del ready[0]["color"]
        fields = {**ready[0], **fields, "name": name}
    if "colour" in fields and "color" in fields:
        raise InvalidValueError(
            "it has both color and colour", where=where, remedy="Leave one of them out"
        )
    found = {("color" if k == "colour" else k): v for k, v in fields.items()}
    _check_names(found, _FIELDS, where, "A label can have")
    asked = found.get("attributes")
    for each in asked if isinstance(asked, list) else ():
        if isinstance(each, dict):
            _check_names(each, _OF_AN_ATTRIBUTE, where, "An attribute can have")
    if not isinstance(name, str) or not name.strip():
        raise InvalidValueError(
            "it has no name" if name in (None, "") else "its name is not text",
            where=where,
            remedy='Write a name, in quotes if it is a number or a yes, as "3"',
        )
    if "color" in found:
        if found["color"] is None:
            raise InvalidValueError(
                "its colour is empty",
                where=where,
                remedy='Write a colour that begins with # in quotes, as "#D55E00": '
                "in YAML the rest of a line behind # is a remark",
            )
        found["color"] = color_code(found["color"], where)
    if found.get("method"):
        found["method"] = method_named(found["method"], where)
    return LabelEntry(where, found)


def _check_names(
    fields: Mapping[Any, Any], known: Sequence[str], where: str, can: str
) -> None:
    for name in fields:
        if name not in known:
            raise InvalidValueError(
                f"{reprlib.repr(name)} is not known",
                where=where,
                remedy=f"{can} {', '.join(known)}",
            )


# --------------------------------------------------------------------------- csv
def _from_csv(text: str, path: Path, given: GivenLabels) -> None:
    dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else None
    options: dict[str, Any] = {"delimiter": delimiter} if delimiter else {}
    rows = csv.DictReader(io.StringIO(text), dialect=dialect, **options)
    columns = [name.strip() for name in rows.fieldnames or () if name]
    rows.fieldnames = [(name or "").strip() for name in rows.fieldnames or ()]
    if "name" not in columns:
        raise InvalidValueError(
            "has no column called name",
            where=path,
            remedy="Begin it with a line such as: name,method,color,group,exclusive",
        )
    _check_names(
        dict.fromkeys(
            "color" if name == "colour" else name for name in columns if name
        ),
        _COLUMNS,
        f"{path}, line 1",
        "The columns can be",
    )
    for row in rows:
        found: dict[str, Any] = {
            k: v.strip() for k, v in row.items() if k and v and v.strip()
        }
        if not found:
            continue
        number, line = len(given.entries) + 1, rows.line_num
        exclusive = found.pop("exclusive", "").casefold()
        if exclusive not in _YES | _NO:
            raise InvalidValueError(
                f"exclusive is {exclusive!r}",
                where=f"{path}, line {line}",
                remedy="Write yes or no",
            )
        if exclusive in _YES:
            given.groups[found.get("group", "")] = True
        if "concept" in found:
            parts = found.pop("concept").split("|")
            names = ("scheme", "value", "meaning")
            found["concept"] = dict(zip(names, parts, strict=False))
        given.entries.append(_entry(number, line, found, path))


# -------------------------------------------------------------------------- yaml
def _from_yaml(text: str, path: Path, given: GivenLabels) -> None:
    found, lines = _loaded(text, path)
    if isinstance(found, list):
        found = {"labels": found}
    if not isinstance(found, dict) or not isinstance(found.get("labels"), list):
        raise InvalidValueError(
            "holds no list of labels",
            where=path,
            remedy="Begin it with labels:, then a line - name: ... for each",
        )
    _check_names(found, ("labels", "groups"), str(path), "The file can hold")
    for number, entry in enumerate(found["labels"], 1):
        line = lines[number - 1] if number <= len(lines) else 1
        if isinstance(entry, str):
            given.entries += parse_labels(entry, f"{path}, line {line}")
        elif isinstance(entry, dict):
            given.entries.append(_entry(number, line, entry, path))
        else:
            raise InvalidValueError(
                f"{reprlib.repr(entry)} is not a label",
                where=f"{path}, line {line}",
                remedy="Write its name, in quotes if it is a number, or {name: ..., "
                "method: ...}",
            )
    groups = found.get("groups") or ()
    if not isinstance(groups, list | tuple):
        raise InvalidValueError(
            "its groups are not a list",
            where=path,
            remedy="Write a line - name: ... for each below groups:",
        )
    for entry in groups:
        fields = entry if isinstance(entry, dict) else {"name": entry}
        where = f"{path}, group {reprlib.repr(fields.get('name'))}"
        _check_names(fields, ("name", "exclusive"), where, "A group can have")
        exclusive = fields.get("exclusive", False)
        if not isinstance(exclusive, bool):
            raise InvalidValueError(
                f"exclusive is {reprlib.repr(exclusive)}",
                where=where,
                remedy="Write true or false",
            )
        given.groups[str(fields.get("name") or "")] = exclusive


def _loaded(text: str, path: Path) -> tuple[Any, list[int]]:
    """Return what YAML says, and the lines its labels begin in."""
    import yaml

    from napari_annotate_jobs.formats import load_yaml

    try:
        found = load_yaml(text)
        root = yaml.compose(text, yaml.SafeLoader)
    except RecursionError as error:
        raise InvalidValueError(
            "has lists in lists, deeper than any list of labels",
            where=path,
            remedy="Write labels:, and below it a line - name: ... for each",
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        if isinstance(error, yaml.composer.ComposerError):
            raise InvalidValueError(
                f"takes a list a second time ({error.problem})",
                where=f"{path}{line}",
                remedy="Write every label out",
            ) from error
        raise InvalidValueError(
            "is not YAML from here on" if line else "is not YAML",
            where=f"{path}{line}",
            remedy=_yaml_remedy(text, mark.line if mark is not None else 0),
        ) from error
    except MALFORMED as error:
        # A date or number that is none, which YAML itself lets pass.
        raise InvalidValueError(
            f"holds a value that cannot be read ({error})",
            where=path,
            remedy="Put quotes around names that look like dates or numbers",
        ) from error
    labels = root
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "labels":
            labels = value
    if not isinstance(labels, yaml.SequenceNode):
        return found, []
    return found, [node.start_mark.line + 1 for node in labels.value]


def _yaml_remedy(text: str, line: int) -> str:
    lines = text.splitlines()
    if any(
        "\t" in each[: len(each) - len(each.lstrip())] for each in lines[: line + 1]
    ):
        return "Indent its lines with blanks, not with tabs"
    return (
        "Look at this line and the one before it for a bracket, quote, comma or "
        "hyphen that is missing; a label looks like: "
        '- {name: liver, method: segmentation, color: "#D55E00"}'
    )

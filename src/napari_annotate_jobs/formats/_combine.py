"""Combining classes into a new label set, on the way out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from pydantic import Field, ValidationError

from napari_annotate_jobs.errors import InvalidValueError, StoreAccessError, counted
from napari_annotate_jobs.model import (
    MAX_LABEL_NAME,
    Group,
    Label,
    LabelSet,
    MaskRef,
    Method,
    Provenance,
    Value,
)

from ._foreign import parse_yaml

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Annotation, Answers, SliceAnnotation

    from ._case import AnnotatedCase, CaseSummary
    from ._contract import CaseTransform

__all__ = [
    "ClassCount",
    "Combination",
    "CombinedClass",
    "combination_remarks",
    "count_classes",
    "few_images",
    "parse_combination",
    "read_combination",
    "write_combination",
    "write_labels",
]


class CombinedClass(Value):
    """A new class, and those that are fed into it.

    Parameters
    ----------
    name : str
        Of the new class; may be that of one of its sources.
    sources : tuple of str
        Names of labels, all of one method and scope.
    color : str, optional
        ``#rrggbb``; that of the first source by default.
    method : Method, optional
        Where labels of several methods have these names.
    keep : bool
        True leaves the sources in the new label set, to be used later. No image
        carries them either way: what was theirs is the new class's.
    """

    name: str = Field(min_length=1, max_length=MAX_LABEL_NAME)
    sources: tuple[str, ...] = Field(min_length=1)
    color: str | None = None
    method: Method | None = None
    keep: bool = False


class Combination(Value):
    """Classes to be combined; a :class:`CaseTransform`.

    Parameters
    ----------
    classes : tuple of CombinedClass
        No label is fed into two of them.
    """

    classes: tuple[CombinedClass, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return what it does, as JSON values for the manifest."""
        return {"combine": self.model_dump(mode="json", exclude_defaults=True)}

    def labels(self, labels: LabelSet) -> LabelSet:
        """Return the new label set; the given one is left as it is.

        Raises
        ------
        InvalidValueError
            If a source does not exist, sources do not go together, or a new name is
            taken by a label that is not among its sources.
        """
        self.mapping(labels)  # says so if a label is fed into two classes
        made: dict[int, Label] = {}
        dropped: set[int] = set()
        kept: set[int] = set()
        for wanted in self.classes:
            sources = self._sources(wanted, labels)
            first = sources[0]
            (kept if wanted.keep else dropped).update(x.id for x in sources)
            overlaps = {x.overlap_group for x in sources}
            groups = {x.group for x in sources}
            made[first.id] = first.model_copy(
                update={
                    "name": wanted.name,
                    "color": wanted.color or first.color,
                    "group": first.group if len(groups) == 1 else "",
                    # Apart, so that no label of either group is painted over.
                    "overlap_group": first.overlap_group
                    if len(overlaps) == 1
                    else f"combined-{first.id}",
                    "concept": first.concept if len(sources) == 1 else None,
                    "key": None,
                }
            )
        largest = max((label.id for label in labels.labels), default=0)
        out: list[Label] = []
        for label in labels.labels:
            if label.id in made:
                out.append(made[label.id])
            if label.id in kept:
                # The new class has the id of its first source; that one gets another.
                if label.id in made:
                    largest += 1
                    label = label.model_copy(update={"id": largest})
                out.append(label)
            elif label.id not in dropped:
                out.append(label)
        used = {label.group for label in out}
        groups_left: tuple[Group, ...] = tuple(
            group for group in labels.groups if group.name in used
        )
        try:
            return LabelSet.model_validate(
                {
                    "labels": [label.model_dump() for label in out],
                    "groups": [group.model_dump() for group in groups_left],
                }
            )
        except ValidationError as error:
            first_error = error.errors(include_url=False)[0]["msg"]
            raise InvalidValueError(
                f"the combined labels do not go together: {first_error}"
            ) from error

    def mapping(self, labels: LabelSet) -> dict[int, int]:
        """Return the new id of every label."""
        out = {label.id: label.id for label in labels.labels}
        fed: set[int] = set()
        for wanted in self.classes:
            sources = self._sources(wanted, labels)
            for label in sources:
                if label.id in fed:
                    raise InvalidValueError(
                        f"{label.name!r} is fed into two classes",
                        remedy="A label can become one other only",
                    )
                fed.add(label.id)
                out[label.id] = sources[0].id
        return out

    def case(self, case: AnnotatedCase) -> AnnotatedCase:
        """Return the case with the new classes in place of their sources."""
        old = case.labels
        new, ids = self.labels(old), self.mapping(old)
        groups = {label.id: label.overlap_group for label in new.labels}
        table = np.arange(max(ids, default=0) + 1, dtype=np.uint16)
        for label_id, other in ids.items():
            table[label_id] = other

        def read(index: int, group: str) -> NDArray[np.integer] | None:
            out: NDArray[np.uint16] | None = None
            for source in case.said(index).masks:
                mask = case.mask(index, source)
                if mask is None:
                    continue
                mapped = table[mask]
                mine = [i for i in np.unique(mapped) if i and groups[int(i)] == group]
                if not mine:
                    continue
                part = np.where(np.isin(mapped, mine), mapped, 0).astype(np.uint16)
                out = part if out is None else np.where(part > 0, part, out)
            return out

        annotation = _mapped(case.annotation, ids, groups)
        return case.evolve(labels=new, annotation=annotation, read_mask=read)

    def _sources(self, wanted: CombinedClass, labels: LabelSet) -> list[Label]:
        sources = [labels.named(name, wanted.method) for name in wanted.sources]
        kinds = {(label.method, label.scope) for label in sources}
        if len(kinds) > 1:
            methods = sorted({str(method) for method, _ in kinds})
            what = " and ".join(methods)
            if len(methods) == 1:
                what = "labels of slices and of cases"
            raise InvalidValueError(
                f"{wanted.name!r} mixes {what}",
                remedy="Convert them to one method first, or combine them apart",
            )
        ids = {label.id for label in sources}
        for label in labels.of(sources[0].method):
            if label.id not in ids and label.name.casefold() == wanted.name.casefold():
                raise InvalidValueError(
                    f"there is a label {label.name!r} already",
                    remedy="Give the new class another name, or feed that one into it",
                )
        if wanted.keep and wanted.name.casefold() in {
            label.name.casefold() for label in sources
        }:
            raise InvalidValueError(
                f"{wanted.name!r} cannot be kept beside a new class of that name",
                remedy="Give the new class another name, or do not keep its sources",
            )
        return sources


def _mapped(
    annotation: Annotation, ids: dict[int, int], groups: dict[int, str]
) -> Annotation:
    slices = {
        key: _mapped_slice(said, ids, groups) for key, said in annotation.slices.items()
    }
    return annotation.model_copy(
        update={
            "slices": slices,
            "case_labels": tuple(sorted({ids[i] for i in annotation.case_labels})),
            "case_attributes": _mapped_answers(annotation.case_attributes, ids),
            "ranges": (),
        }
    )


def _mapped_answers(answers: Answers, ids: dict[int, int]) -> Answers:
    """Return answers by new ids; of labels that become one, those of the first stay."""
    found: Answers = {}
    for label, said in answers.items():
        if label in ids:
            found[ids[label]] = {**said, **found.get(ids[label], {})}
    return found


def _mapped_slice(
    said: SliceAnnotation, ids: dict[int, int], groups: dict[int, str]
) -> SliceAnnotation:
    masks: dict[str, dict[int, int]] = {}
    refs: dict[str, MaskRef] = {}
    for ref in said.masks.values():
        for label, pixels in ref.pixels.items():
            group = groups[ids[label]]
            counts = masks.setdefault(group, {})
            counts[ids[label]] = counts.get(ids[label], 0) + pixels
            # By hand only if all of it is.
            if group not in refs or ref.provenance is not Provenance.MANUAL:
                refs[group] = ref
    return said.model_copy(
        update={
            "class_labels": tuple(sorted({ids[i] for i in said.class_labels})),
            "boxes": tuple(b.evolve(label=ids[b.label]) for b in said.boxes),
            "masks": {
                group: refs[group].model_copy(update={"pixels": counts})
                for group, counts in masks.items()
            },
            "proposals": {},
            "attributes": _mapped_answers(said.attributes, ids),
        }
    ).settled()


# ----------------------------------------------------------------------- documents
def read_combination(path: str | os.PathLike[str]) -> Combination:
    """Read classes to combine from a YAML file.

    Parameters
    ----------
    path : path-like
        ``combine:`` with a list of ``name``, ``from`` (names of labels) and, where
        wanted, ``color``, ``method`` and ``keep``; or short, ``New: [Old 1, Old 2]``.

    Raises
    ------
    InvalidValueError
        If it is no such file: says where.
    StoreAccessError
        If it cannot be read.
    """
    where = Path(path)
    try:
        text = where.read_text(encoding="utf-8")
    except OSError as error:
        raise StoreAccessError(
            f"cannot be read ({error.strerror})", where=where
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidValueError(
            "is not text in UTF-8", where=where, remedy="Save it as UTF-8"
        ) from error
    return parse_combination(text, where=where)


def parse_combination(text: str, *, where: object = None) -> Combination:
    """Return the classes to combine that a YAML text lists.

    Parameters
    ----------
    text : str
        As :func:`read_combination` reads it from a file.
    where : object, optional
        Where it comes from, for errors.

    Raises
    ------
    InvalidValueError
        If it lists none: says where.
    """
    found = parse_yaml(text, where)
    try:
        rows = found["combine"]
        if isinstance(rows, dict):
            rows = [{"name": name, "from": old} for name, old in rows.items()]
        classes = tuple(
            CombinedClass.model_validate(
                {
                    **{k: v for k, v in row.items() if k != "from"},
                    "sources": row["from"],
                }
            )
            for row in rows
        )
        return Combination(classes=classes)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidValueError(
            "does not list the classes to combine",
            where=where,
            remedy="Write, below combine:, a line such as  - {name: A, from: [A1, A2]}",
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]).replace("sources", "from")
        raise InvalidValueError(f"{field}: {first['msg']}", where=where) from error


def write_combination(combination: Combination) -> str:
    """Return the YAML text that :func:`read_combination` reads."""
    rows = []
    for wanted in combination.classes:
        row: dict[str, Any] = {"name": wanted.name, "from": list(wanted.sources)}
        if wanted.color:
            row["color"] = wanted.color
        if wanted.method:
            row["method"] = str(wanted.method)
        if wanted.keep:
            row["keep"] = True
        rows.append(row)
    text: str = yaml.safe_dump({"combine": rows}, sort_keys=False, allow_unicode=True)
    return text


def write_labels(labels: LabelSet) -> str:
    """Return the YAML text of a label set, as ``new --labels FILE`` reads it."""
    rows = []
    for label in labels.labels:
        row = label.model_dump(mode="json", exclude_defaults=True)
        rows.append({"name": row.pop("name"), "method": row.pop("method"), **row})
    out: dict[str, Any] = {"labels": rows}
    if labels.groups:
        out["groups"] = [group.model_dump(mode="json") for group in labels.groups]
    text: str = yaml.safe_dump(out, sort_keys=False, allow_unicode=True)
    return text


# -------------------------------------------------------------------------- counts
class ClassCount(Value):
    """How much there is of one class.

    Parameters
    ----------
    label : Label
        The class.
    cases, slices : int
        On how many cases and slices it stands.
    objects : int
        Boxes, each object's followed over slices counted once.
    voxels : int
        Of masks.
    """

    label: Label
    cases: int = 0
    slices: int = 0
    objects: int = 0
    voxels: int = 0

    @property
    def images(self) -> int:
        """On how many images it stands: slices, or cases that have it as a whole."""
        return self.slices or self.cases


def few_images(counts: Iterable[ClassCount], least: int) -> str:
    """Say which classes have few images to learn from; nothing if none has."""
    few = [count for count in counts if count.images < least]
    if not few:
        return ""
    names = ", ".join(f"{count.label.name} ({count.images:,})" for count in few[:6])
    more = f" and {len(few) - 6} more" if len(few) > 6 else ""
    return f"Few images to learn from: {names}{more}. Combine them, or annotate more."


def count_classes(
    summaries: Iterable[CaseSummary],
    labels: LabelSet,
    transforms: Sequence[CaseTransform] = (),
    methods: Collection[Method] = frozenset(Method),
) -> list[ClassCount]:
    """Count classes over cases, before or after combining; opens no images.

    Parameters
    ----------
    summaries : iterable of CaseSummary
        The cases.
    labels : LabelSet
        The project's.
    transforms : sequence of CaseTransform
        Count the classes that these make.
    methods : collection of Method
        Of the classes that are counted, as those that a format holds.

    Returns
    -------
    list of ClassCount
        One for each such label of the (new) label set, in its order. Masks that are
        converted count by their slices only: their boxes are not made for it.
    """
    new, ids = labels, {label.id: label.id for label in labels.labels}
    for transform in transforms:
        step = transform.mapping(new)
        ids = {old: step[now] for old, now in ids.items() if now in step}
        new = transform.labels(new)
    names = ("cases", "slices", "objects", "voxels")
    sums = {label.id: dict.fromkeys(names, 0) for label in new.labels}
    for summary in summaries:
        annotation = summary.annotation
        here = {ids[i] for i in annotation.case_labels if i in ids}
        tracks: set[tuple[int, str]] = set()
        for said in annotation.slices.values():
            if said.excluded:
                continue
            on = {ids[i] for i in said.label_ids if i in ids}
            here |= on
            for label in on:
                sums[label]["slices"] += 1
            for box in said.boxes:
                kept = box.label in ids and not box.proposal
                if kept and new[ids[box.label]].method is Method.DETECTION:
                    tracks.add((ids[box.label], box.track or box.id))
            for ref in said.masks.values():
                for old, pixels in ref.pixels.items():
                    if old in ids and new[ids[old]].method is Method.SEGMENTATION:
                        sums[ids[old]]["voxels"] += pixels
        for label in here:
            sums[label]["cases"] += 1
        for label, _ in tracks:
            sums[label]["objects"] += 1
    return [
        ClassCount(label=label, **sums[label.id])
        for label in new.labels
        if label.method in methods
    ]


def combination_remarks(
    summaries: Iterable[CaseSummary], labels: LabelSet, combination: Combination
) -> list[str]:
    """Say what combining does to groups, and where sources stand together.

    Parameters
    ----------
    summaries : iterable of CaseSummary
        The cases.
    labels : LabelSet
        The project's.
    combination : Combination
        What is combined.

    Returns
    -------
    list of str
        One sentence each; empty if there is nothing to be known.

    Raises
    ------
    InvalidValueError
        As :meth:`Combination.labels`.
    """
    new, ids = combination.labels(labels), combination.mapping(labels)
    sources: dict[int, set[int]] = {}
    for old, now in ids.items():
        sources.setdefault(now, set()).add(old)
    merged = {now: olds for now, olds in sources.items() if len(olds) > 1}
    found = []
    for now, olds in merged.items():
        name = new[now].name
        groups = sorted({labels[old].group for old in olds})
        if len(groups) > 1:
            named = " and ".join(repr(group) if group else "none" for group in groups)
            found.append(f"{name!r} joins the groups {named}: it is in none of them")
        overlaps = {labels[old].overlap_group for old in olds}
        if len(overlaps) > 1:
            found.append(
                f"{name!r} joins masks that can overlap: pixels that two of them cover "
                "count once, so there may be fewer voxels than are counted here"
            )
    for group in new.groups:
        left = [label for label in new.labels if label.group == group.name]
        if group.exclusive and len(left) == 1:
            found.append(
                f"the single-choice group {group.name!r} has one class left, "
                f"{left[0].name!r}: there is nothing to tell it from"
            )
    together = dict.fromkeys(merged, 0)
    clashes: dict[tuple[str, str], int] = {}
    for summary in summaries:
        for said in summary.annotation.slices.values():
            if said.excluded:
                continue
            here = {i for i in said.label_ids if i in ids}
            for now, olds in merged.items():
                together[now] += len(here & olds) > 1
            after = {ids[i] for i in here}
            for one in after:
                for rival in new.exclusive_with(new[one]) & after:
                    if one < rival:
                        pair = new[one].name, new[rival].name
                        clashes[pair] = clashes.get(pair, 0) + 1
    for now, count in together.items():
        if count:
            slices = "1 slice carries" if count == 1 else f"{count} slices carry"
            found.append(
                f"{slices} several of what becomes {new[now].name!r}: each counts once"
            )
    for (first, second), count in clashes.items():
        found.append(
            f"{first!r} and {second!r} exclude one another, and stand together on "
            f"{counted(count, 'slice')}"
        )
    return found

"""DeepCap's ``label.csv``, and folders of images by class."""

from __future__ import annotations

import csv
import re
import unicodedata
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._case import Truth
from napari_annotate_jobs.formats._tables import own_rows
from napari_annotate_jobs.model import Decision, Method, Scope

from ._pictures import PictureOptions
from ._planes import KNOWN, PlaneExporter, label_name, planes
from ._read_label_csv import (
    CLASSES,
    NEGATIVES,
    folder_names,
    slice_of_folder,
    slices_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob, FormatOptions
    from napari_annotate_jobs.formats._incoming import IncomingSlice
    from napari_annotate_jobs.model import Label, LabelSet

    from ._pictures import Picture
    from ._planes import Written

__all__ = ["ClassFolderExporter", "LabelCsvExporter"]

FILE = "label.csv"


class LabelCsvOptions(PictureOptions):
    """Choices of the ``label.csv`` export."""

    kind: Literal["auto", "single", "multi", "detection"] = Field(
        default="auto",
        description="single: path,class; multi: path,class,value; detection: "
        "path,class,xLeft,yTop,width,height; auto: what the labels are for",
    )
    group: str = Field(
        default="",
        description="The group of class labels, where there are several",
    )


class LabelCsvExporter(PlaneExporter):
    """One ``label.csv`` without a header, for all images.

    A row of a path alone says that there is nothing to label.
    """

    title = "label.csv"
    methods = frozenset({Method.CLASSIFICATION, Method.DETECTION})
    Options: ClassVar[type[FormatOptions]] = LabelCsvOptions

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say so where nothing tells which labels are meant, or images have several."""
        reasons = super().is_incompatible(export)
        if reasons:
            return reasons
        kind, labels = self._kind(export.labels), export.labels
        classes = labels.of(Method.CLASSIFICATION, Scope.SLICE)
        if kind == "detection":
            if not labels.of(Method.DETECTION):
                reasons.append("there are no labels for boxes")
            return reasons
        groups = groups_of(classes)
        if not kind or not classes:
            what = "boxes and classes" if classes else "no classes of slices"
            return [
                f"the labels are for {what}; choose kind=single, multi or detection"
            ]
        if self.options.group and self.options.group not in groups:
            reasons.append(
                f"there is no group {self.options.group!r}; there are "
                + ", ".join(repr(group) for group in groups)
            )
        elif kind == "single":
            reasons += single_reasons(export, self._labels(labels))
        return reasons

    def losses(self, export: ExportJob) -> list[str]:
        """Say which labels are meant."""
        said = super().losses(export)
        labels = export.labels
        if self._kind(labels) == "detection":
            if labels.of(Method.CLASSIFICATION):
                said.append("label.csv of boxes does not hold classes")
            return said
        said = [text for text in said if "boxes" not in text]
        if labels.of(Method.DETECTION):
            said.append("label.csv of classes does not hold boxes")
        meant = self._labels(labels)
        left = [
            label_name(labels, label.id)
            for label in labels.of(Method.CLASSIFICATION, Scope.SLICE)
            if label not in meant
        ]
        if left:
            said.append(f"Classes of other groups are left out: {', '.join(left)}")
        return said

    def _kind(self, labels: LabelSet) -> str:
        if self.options.kind != "auto":
            return str(self.options.kind)
        classes = labels.of(Method.CLASSIFICATION, Scope.SLICE)
        if labels.of(Method.DETECTION):
            return "" if classes else "detection"
        groups = groups_of(classes)
        single = {group.name for group in labels.groups if group.exclusive}
        return "single" if len(groups) == 1 and groups[0] in single else "multi"

    def _labels(self, labels: LabelSet) -> list[Label]:
        """Return the class labels that are meant."""
        if self._kind(labels) == "single":
            return single_labels(labels, self.options.group)
        group = self.options.group
        classes = labels.of(Method.CLASSIFICATION, Scope.SLICE)
        return [label for label in classes if not group or label.group == group]

    def chosen(self, case: AnnotatedCase) -> Iterable[int]:
        """Give the slices of which something is known, of what is asked."""
        asked = [(Method.DETECTION, "")]
        if self._kind(case.labels) != "detection":
            groups = groups_of(self._labels(case.labels))
            asked = [(Method.CLASSIFICATION, group) for group in groups]
        for index in case.decided():
            if any(case.truth(index, *each) in KNOWN for each in asked):
                yield index

    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Gather the rows of an image."""
        return (), list(self._rows(case, picture))

    def _rows(self, case: AnnotatedCase, picture: Picture) -> Iterator[list[str]]:
        index, labels = picture.index, case.labels
        kind = self._kind(labels)
        if kind == "detection":
            boxes = case.boxes(index)
            for box in boxes:
                # From the outer corner of the first pixel.
                places = (
                    box.left + 0.5,
                    box.top + 0.5,
                    box.right - box.left,
                    box.bottom - box.top,
                )
                name = label_name(labels, box.label)
                yield [picture.file, name, *(_number(place) for place in places)]
            if not boxes:
                yield [picture.file]
            return
        meant = self._labels(labels)
        said = set(case.said(index).class_labels)
        if kind == "single":
            names = [label_name(labels, x.id) for x in meant if x.id in said]
            yield [picture.file, *names]
            return
        truth = {
            group: case.truth(index, Method.CLASSIFICATION, group)
            for group in groups_of(meant)
        }
        nothing = case.decision(index) is Decision.NOTHING_TO_LABEL
        if nothing and all(each is Truth.NEGATIVE for each in truth.values()):
            yield [picture.file]
            return
        for label in meant:
            if truth[label.group] in KNOWN:
                value = "1" if label.id in said else "0"
                yield [picture.file, label_name(labels, label.id), value]

    def compared(self, case: AnnotatedCase) -> frozenset[Method]:
        """Return what is asked: boxes or classes."""
        boxes = self._kind(case.labels) == "detection"
        return frozenset({Method.DETECTION if boxes else Method.CLASSIFICATION})

    def classes(self, case: AnnotatedCase, index: int) -> tuple[int, ...]:
        """Return the class labels of a slice that are meant."""
        meant = {label.id for label in self._labels(case.labels)}
        return tuple(i for i in case.said(index).class_labels if i in meant)

    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read the rows as the import does."""
        (found,) = slices_of(list(enumerate(part, 1)), str(folder / FILE)).values()
        return found

    def finish_planes(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write the rows of all images."""
        with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerows(_rows(written))
        return [FILE]

    def verify(self, export: ExportJob, folder: Path, written: Written) -> None:
        """Read the rows again, and compare them with the cases' parts."""
        path = folder / FILE
        wanted = _rows(written)
        for row in own_rows(path):
            if row != next(wanted, None):
                raise CorruptError(
                    "a row read again is not the one written", where=path
                )
        if next(wanted, None) is not None:
            raise CorruptError("rows are missing when it is read again", where=path)


def _rows(written: Written) -> Iterator[list[str]]:
    for _, files in written:
        for _, part in planes(files):
            yield from part


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def groups_of(labels: Iterable[Label]) -> list[str]:
    """Return the groups of class labels, in their order."""
    return list(dict.fromkeys(label.group for label in labels))


def single_labels(labels: LabelSet, group: str) -> list[Label]:
    """Return the class labels of a group; by default of the only single-choice one."""
    classes = labels.of(Method.CLASSIFICATION, Scope.SLICE)
    groups = groups_of(classes)
    if not group and len(groups) > 1:
        exclusive = {each.name for each in labels.groups if each.exclusive}
        groups = [each for each in groups if each in exclusive]
    if not group and len(groups) != 1:
        return []
    return [label for label in classes if label.group == (group or groups[0])]


def single_reasons(export: ExportJob, meant: Sequence[Label]) -> list[str]:
    """Say why images cannot have one class each; empty if they can."""
    if not meant:
        return ["there is no group of which a slice has one class; name the group"]
    known = {label.id for label in meant}
    exclusive = {g.name for g in export.labels.groups if g.exclusive}
    if groups_of(meant)[0] in exclusive and len(groups_of(meant)) == 1:
        return []
    for summary in export.cases:
        for said in summary.annotation.slices.values():
            if len(known & set(said.class_labels)) > 1 and not said.excluded:
                return [
                    f"slice {said.index + 1} of {summary} has several classes, and an "
                    "image can have one only; name a single-choice group (group)"
                ]
    return []


# ------------------------------------------------------------------ class folders
class ClassFolderOptions(PictureOptions):
    """Choices of the export to class folders."""

    group: str = Field(
        default="",
        description="The group of class labels, where there are several",
    )


class ClassFolderExporter(PlaneExporter):
    """A folder a class, with its images.

    Of a group that is not single-choice the negatives lie in a folder of their own.
    """

    title = "Class folders"
    methods = frozenset({Method.CLASSIFICATION})
    Options: ClassVar[type[FormatOptions]] = ClassFolderOptions

    def _labels(self, labels: LabelSet) -> list[Label]:
        return single_labels(labels, self.options.group)

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say so where an image has several classes."""
        reasons = super().is_incompatible(export)
        return reasons or single_reasons(export, self._labels(export.labels))

    def losses(self, export: ExportJob) -> list[str]:
        """Say which labels are left out, and which folders have another name."""
        said = super().losses(export)
        labels = export.labels
        meant = self._labels(labels)
        left = [
            label_name(labels, label.id)
            for label in labels.of(Method.CLASSIFICATION, Scope.SLICE)
            if label not in meant
        ]
        if left:
            said.append(f"Classes of other groups are left out: {', '.join(left)}")
        for label, folder in class_folders(labels, meant).items():
            if label_name(labels, label) != folder:
                said.append(
                    f"The folder of {label_name(labels, label)!r} is named {folder!r}: "
                    f"not every system can have that name ({CLASSES} has it)"
                )
        return said

    def chosen(self, case: AnnotatedCase) -> Iterable[int]:
        """Give the slices that have a class, or none of those that are offered."""
        groups = groups_of(self._labels(case.labels))
        for index in case.decided():
            if any(
                case.truth(index, Method.CLASSIFICATION, each) in KNOWN
                for each in groups
            ):
                yield index

    def classes(self, case: AnnotatedCase, index: int) -> tuple[int, ...]:
        """Return the class of a slice."""
        meant = {label.id for label in self._labels(case.labels)}
        return tuple(i for i in case.said(index).class_labels if i in meant)

    def below(self, case: AnnotatedCase, index: int) -> str:
        """Return the folder of the slice's class."""
        folders = class_folders(case.labels, self._labels(case.labels))
        found = self.classes(case, index)
        return folders[found[0]] if found else NEGATIVES

    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Write nothing: the place of the image says it all."""
        return (), None

    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read the class from where the image lies."""
        names = {
            folder: label_name(case.labels, label)
            for label, folder in class_folders(
                case.labels, self._labels(case.labels)
            ).items()
        }
        path = folder / picture.file
        return slice_of_folder(path.parent.name, names)

    def finish_planes(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write which class each folder holds."""
        folders = class_folders(export.labels, self._labels(export.labels))
        with (folder / CLASSES).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["folder", "class"])
            for label, name in folders.items():
                table.writerow([name, label_name(export.labels, label)])
        return [CLASSES]

    def verify(self, export: ExportJob, folder: Path, written: Written) -> None:
        """Read the table of folders again."""
        wanted = {
            name: label_name(export.labels, label)
            for label, name in class_folders(
                export.labels, self._labels(export.labels)
            ).items()
        }
        if folder_names(folder) != wanted:
            raise CorruptError(
                "the names of folders read again are others", where=folder / CLASSES
            )


_TAKEN = {NEGATIVES, CLASSES, "images.csv", "decisions.csv", "export.json"}
"""Names of other things in the folder."""
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}
"""What Windows takes for a device, whatever stands behind a dot."""


def class_folders(labels: LabelSet, meant: Sequence[Label]) -> dict[int, str]:
    """Return the name of each class's folder: its own, where every system has it."""
    taken = set(_TAKEN)
    found: dict[int, str] = {}
    for label in meant:
        name = unicodedata.normalize("NFC", label_name(labels, label.id))
        base = re.sub(r'[<>:"/\\|?*]', "_", name).rstrip(". ").lstrip(".") or "class"
        if base.partition(".")[0].strip().casefold() in _DEVICES:
            base = f"_{base}"
        while len(base.encode()) > 200:
            base = base[:-1].rstrip(". ")
        each, count = base, 1
        while each.casefold() in taken:
            count += 1
            each = f"{base}-{count}"
        taken.add(each.casefold())
        found[label.id] = each
    return found

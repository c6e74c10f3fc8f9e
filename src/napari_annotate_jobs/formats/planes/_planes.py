"""What the formats of single images have in common."""

from __future__ import annotations

import csv
import json
from abc import abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.formats._case import Truth
from napari_annotate_jobs.formats._contract import CaseFiles, Exporter, FormatOptions
from napari_annotate_jobs.model import Method, Scope

from ._pictures import Picture, PictureOptions, PictureWriter, check_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase, CaseSummary
    from napari_annotate_jobs.formats._contract import ExportJob
    from napari_annotate_jobs.formats._incoming import IncomingSlice
    from napari_annotate_jobs.model import Box, LabelSet

    Written = Sequence[tuple[CaseSummary, CaseFiles]]
    Corners = tuple[float, float, float, float]

__all__ = [
    "IMAGES",
    "KNOWN",
    "PlaneExporter",
    "box_tracks",
    "case_masks",
    "json_line",
    "label_name",
    "planes",
    "printable",
    "questions",
]

IMAGES = "images.csv"
"""Which image is which slice."""
KNOWN = (Truth.POSITIVE, Truth.NEGATIVE)
"""What a training set can learn from."""
COLUMNS = ("image", "case", "case_id", "slice", "sop_instance_uid", "frame")
NEAR = 1e-3
"""How far, in pixels, an edge of a box may lie from its place when it is read again."""


class PlaneExporter(Exporter):
    """Writes each decided slice as an image of its own.

    A subclass says by :meth:`chosen` which slices, writes what was said of one by
    :meth:`write_plane`, and reads it again by :meth:`read_plane`.
    """

    keeps_overlap = True
    Options: ClassVar[type[FormatOptions]] = PictureOptions
    images: ClassVar[str] = "images"
    """Folder of the images."""

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say so where names do not tell labels of one method apart."""
        reasons = super().is_incompatible(export)
        for method in sorted(self.methods):
            seen: dict[str, str] = {}
            for label in export.labels.of(method):
                name = label_name(export.labels, label.id).casefold()
                if name in seen:
                    reasons.append(
                        f"{seen[name]!r} and {label.name!r} differ by blanks only; "
                        "give one of them another name by combining"
                    )
                seen[name] = label.name
        return reasons

    def losses(self, export: ExportJob) -> list[str]:
        """Say what single images cannot hold."""
        said = super().losses(export)
        if export.labels.of(Method.CLASSIFICATION, Scope.CASE):
            said.append(f"{self.title} does not hold labels of whole cases")
        if Method.DETECTION in self.methods and box_tracks(export):
            said.append(f"{self.title} does not say which boxes are one object")
        said.append(
            "Undecided and excluded slices are left out; decisions.csv names them"
        )
        return said

    # ----------------------------------------------------------- of a subclass
    def chosen(self, case: AnnotatedCase) -> Iterable[int]:
        """Give the slices that are written: labelled, or verified negatives.

        Where all that is asked is which one of several classes it is, a slice with
        nothing to label has no answer, and is left out.
        """
        asked = list(questions(case.labels, self.methods))
        for index in case.decided():
            if any(case.truth(index, *each) in KNOWN for each in asked):
                yield index

    def below(self, case: AnnotatedCase, index: int) -> str:
        """Return the folder a slice's image is written to."""
        return self.images

    @abstractmethod
    def write_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path
    ) -> tuple[Sequence[str], Any]:
        """Write what was said of a slice.

        Returns
        -------
        files : sequence of str
            What was written.
        part : any
            What :meth:`finish_planes` needs of it; JSON values.
        """

    @abstractmethod
    def read_plane(
        self, case: AnnotatedCase, picture: Picture, folder: Path, part: Any
    ) -> IncomingSlice:
        """Read again what was said of a slice, from its files or its part."""

    def finish_planes(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write what belongs to all images, and return the files' paths."""
        return ()

    def corners(self, box: Box, plane: tuple[int, int]) -> Corners | None:
        """Return (top, left, bottom, right) as the format holds them; None if not."""
        return box.corners

    def compared(self, case: AnnotatedCase) -> frozenset[Method]:
        """Return what is compared when it is read again."""
        return self.methods

    # ------------------------------------------------------------ the contract
    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write the images of a case, and what was said of them."""
        writer = PictureWriter(case, self.options)
        files: list[str] = []
        pictures, parts = [], []
        for index in self.chosen(case):
            picture = writer.write(index, folder, self.below(case, index))
            more, part = self.write_plane(case, picture, folder)
            files += [picture.file, *more]
            name = case.header.slices[index]
            place = {
                "sop_instance_uid": name.sop_instance_uid or "",
                "frame": name.frame or "",
            }
            pictures.append({**asdict(picture), **place})
            parts.append(part)
        return CaseFiles(
            files=tuple(files), part={"pictures": pictures, "planes": parts}
        )

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Read images and annotations again, and compare them."""
        for picture, part in planes(written):
            check_picture(picture, folder)
            found = self.read_plane(case, picture, folder, part)
            self._compare(case, picture, found, folder / picture.file)

    def finish(
        self, export: ExportJob, folder: Path, written: Written
    ) -> Sequence[str]:
        """Write the table of images, and what belongs to all of them."""
        with (folder / IMAGES).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            for summary, files in written:
                for each in files.part["pictures"]:
                    place = [each["index"] + 1, each["sop_instance_uid"], each["frame"]]
                    row = [each["file"], summary.stem, summary.case.id, *place]
                    table.writerow(row)
        return [IMAGES, *self.finish_planes(export, folder, written)]

    # ------------------------------------------------------------ is it the same
    def _compare(
        self, case: AnnotatedCase, picture: Picture, found: IncomingSlice, where: Path
    ) -> None:
        index, compared = picture.index, self.compared(case)

        def differ(what: str) -> CorruptError:
            return CorruptError(
                f"{what} read again are not those annotated on slice {index + 1}",
                where=where,
            )

        if Method.DETECTION in compared:
            wanted: dict[str, list[Corners]] = {}
            for box in case.boxes(index):
                corners = self.corners(box, picture.plane)
                if corners is not None:
                    wanted.setdefault(label_name(case.labels, box.label), []).append(
                        corners
                    )
            if set(wanted) != set(found.boxes):
                raise differ("the classes of boxes")
            for name, boxes in wanted.items():
                if not _are_near(boxes, found.boxes[name]):
                    raise differ("the boxes")
        if Method.SEGMENTATION in compared:
            left = set(found.masks)
            for label, mask in case_masks(case, index):
                name = label_name(case.labels, label)
                if name not in left or not np.array_equal(mask, found.masks[name]):
                    raise differ(f"the pixels of {name}")
                left.discard(name)
            if left:
                raise differ("the masks")
        if Method.CLASSIFICATION in compared:
            names = {label_name(case.labels, i) for i in self.classes(case, index)}
            if names != set(found.classes):
                raise differ("the classes")

    def classes(self, case: AnnotatedCase, index: int) -> tuple[int, ...]:
        """Return the class labels of a slice that the format is given."""
        return case.said(index).class_labels


def planes(written: CaseFiles) -> Iterator[tuple[Picture, Any]]:
    """Give the pictures of a case, and what belongs to each."""
    names = Picture.__dataclass_fields__
    for each, part in zip(
        written.part["pictures"], written.part["planes"], strict=True
    ):
        yield Picture(**{name: each[name] for name in names}), part


def questions(
    labels: LabelSet, methods: frozenset[Method]
) -> Iterator[tuple[Method, str]]:
    """Give what can be asked of a slice: methods, and groups of class labels."""
    asked = [
        (label.method, label.group if label.method is Method.CLASSIFICATION else "")
        for label in labels.labels
        if label.method in methods and label.scope is Scope.SLICE
    ]
    yield from dict.fromkeys(asked)


def case_masks(
    case: AnnotatedCase, index: int
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Give the confirmed masks of a slice by label id, ascending in each group."""
    refs = case.said(index).masks
    for group in sorted(refs):
        mask = case.mask(index, group)
        if mask is None:
            continue
        for label in sorted(refs[group].pixels):
            part: NDArray[np.bool_] = mask == label
            if part.any():
                yield label, part


def label_name(labels: LabelSet, label: int) -> str:
    """Return the name of a label in formats that tell classes apart by name.

    Blanks in a row count as one. Of labels of several methods whose names are the
    same but for upper and lower case it is the first one's.
    """
    wanted = " ".join(labels[label].name.split())
    for other in labels.labels:
        name = " ".join(other.name.split())
        if name.casefold() == wanted.casefold():
            return name
    return wanted


def box_tracks(export: ExportJob) -> bool:
    """Return True if any box to be exported belongs to an object on several slices."""
    return any(box.track for box in _boxes(export))


def _boxes(export: ExportJob) -> Iterator[Box]:
    for summary in export.cases:
        for said in summary.annotation.slices.values():
            if not said.excluded:
                yield from (box for box in said.boxes if not box.proposal)


def printable(text: str, case: AnnotatedCase, what: str) -> str:
    """Return text that XML can hold as it is.

    Raises
    ------
    InvalidValueError
        If it holds a control character.
    """
    for letter in text:
        if (ord(letter) < 32 and letter not in "\n\t") or (
            0xD800 <= ord(letter) < 0xE000 or ord(letter) in (0xFFFE, 0xFFFF)
        ):
            raise InvalidValueError(
                f"{what} holds the character U+{ord(letter):04X}, which XML cannot",
                where=case.summary,
                remedy="Reopen the case and write it anew, or choose coco",
            )
    return text


def json_line(value: Any) -> str:
    """Return a value as JSON on one line; the same value gives the same text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _are_near(boxes: Sequence[Corners], others: Sequence[Corners]) -> bool:
    """Return True if each box has one of the others at its place.

    In whatever order: numbers that were rounded sort otherwise.
    """
    left = [np.asarray(other) for other in others]
    for box in boxes:
        apart = [float(np.abs(np.asarray(box) - other).max()) for other in left]
        if not apart or min(apart) > NEAR:
            return False
        del left[int(np.argmin(apart))]
    return not left

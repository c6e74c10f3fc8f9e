"""What tests of editing and of sessions are about: a project, an editor, its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.editing import CaseEditor
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Box,
    Group,
    Label,
    LabelSet,
    Method,
    Options,
    Project,
    Scope,
    SliceId,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CLASS, DETECT, SEGMENT = Method.CLASSIFICATION, Method.DETECTION, Method.SEGMENTATION
LABELS = LabelSet(
    labels=(
        Label(id=1, name="lesion", color="#E69F00", method=CLASS),
        Label(id=2, name="good", color="#56B4E9", method=CLASS, group="quality"),
        Label(id=3, name="bad", color="#009E73", method=CLASS, group="quality"),
        Label(
            id=4,
            name="left",
            color="#F0E442",
            method=CLASS,
            scope=Scope.CASE,
            group="side",
        ),
        Label(
            id=9,
            name="right",
            color="#F0E442",
            method=CLASS,
            scope=Scope.CASE,
            group="side",
        ),
        Label(id=10, name="contrast", color="#88CCEE", method=CLASS, scope=Scope.CASE),
        Label(id=5, name="nodule", color="#0072B2", method=DETECT),
        Label(id=11, name="mass", color="#AA4499", method=DETECT),
        Label(id=6, name="liver", color="#D55E00", method=SEGMENT),
        Label(id=700, name="tumour", color="#CC79A7", method=SEGMENT),
        Label(
            id=8,
            name="vessel",
            color="#999999",
            method=SEGMENT,
            overlap_group="vessels",
        ),
    ),
    groups=(
        Group(name="quality", exclusive=True),
        Group(name="side", exclusive=True),
    ),
)
N_SLICES = 8
SHAPE = (6, 7)


def project(**options: bool) -> Project:
    return Project(
        name="Livers",
        methods=tuple(Method),
        label_set=LABELS,
        options=Options(**options),
    )


def slice_ids(n: int = N_SLICES, *, prefix: str = "1.2.") -> tuple[SliceId, ...]:
    return tuple(SliceId(index=i, sop_instance_uid=f"{prefix}{i}") for i in range(n))


class Log:
    """Stands in for the saver: applies each change to a copy, as a store would."""

    def __init__(self, annotation: Annotation) -> None:
        self.annotation = annotation
        self.changes: list[AnnotationChange] = []
        self.blobs: dict[str, bytes] = {}
        self.told: list[tuple[int, ...]] = []

    def __call__(self, change: AnnotationChange, blobs: Mapping[str, bytes]) -> None:
        self.changes.append(change)
        self.blobs.update(blobs)
        self.annotation = self.annotation.apply(change, revision=0)

    def read_blob(self, digest: str) -> bytes:
        return self.blobs[digest]


class Kit:
    """Makes what the tests edit."""

    labels = LABELS
    shape = SHAPE
    n_slices = N_SLICES
    project = staticmethod(project)
    slice_ids = staticmethod(slice_ids)

    @staticmethod
    def editor(
        annotation: Annotation | None = None,
        *,
        n: int = N_SLICES,
        slices: tuple[SliceId, ...] | None = None,
        locked: bool = False,
        log: Log | None = None,
        **options: bool,
    ) -> CaseEditor:
        annotation = annotation or Annotation(case_id="case", person="ana")
        log = log or Log(annotation)
        editor = CaseEditor(
            annotation,
            slices or slice_ids(n),
            project(**options),
            person="ana",
            read_blob=log.read_blob,
            on_change=log,
            locked=locked,
        )
        editor.log = log  # type: ignore[attr-defined]
        editor.changed.connect(log.told.append)
        return editor

    @staticmethod
    def mask(label: int = 6, rows: Any = slice(1, 3), value: int | None = None) -> Any:
        mask = np.zeros(SHAPE, np.uint16)
        mask[rows] = label
        return mask

    @staticmethod
    def box(label: int = 5, at: float = 1.0, **fields: Any) -> Box:
        return Box(
            label=label, top=at, left=at, bottom=at + 2, right=at + 2.5, **fields
        )

    @staticmethod
    def said(annotation: Annotation) -> dict[str, Any]:
        """Return all that an annotation says, without when and which revision."""
        said = annotation.model_dump(mode="json")
        del said["modified"], said["revision"]
        return said

"""Proves that what was done in the demo is what its files say.

The files are read with Pillow and json alone: nothing that wrote them helps to read
them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Slice", "Stroke", "WalkRecord", "faults_of"]

NEAR = 1.0
"""How far, in pixels, a box may lie from where the mouse drew it."""
EDGE = 1.5
"""How far, in pixels, the edge of a stroke may: the brush is made of whole pixels."""


@dataclass(frozen=True)
class Stroke:
    """One drag with the brush.

    Parameters
    ----------
    label : str
        The name of what was painted.
    path : tuple of (float, float)
        Rows and columns that the mouse went along, in pixels.
    width : float
        Of the brush, in pixels.
    """

    label: str
    path: tuple[tuple[float, float], ...]
    width: float

    def distances(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return how far each pixel's middle is from the path, (rows, columns)."""
        places = np.moveaxis(np.indices(shape, float), 0, -1)
        found = np.full(shape, np.inf)
        for start, end in zip(self.path, self.path[1:] or self.path, strict=False):
            first, way = np.array(start), np.subtract(end, start)
            along = (places - first) @ way / max(float(way @ way), 1e-9)
            nearest = first + np.clip(along, 0, 1)[..., None] * way
            found = np.minimum(found, np.linalg.norm(places - nearest, axis=-1))
        return found


@dataclass
class Slice:
    """What was done on one slice.

    Parameters
    ----------
    labels : set of str
        Class labels by name.
    nothing, excluded : bool
        What was pressed.
    strokes : list of Stroke
        What was painted, as the mouse was moved.
    boxes : list
        Label and (top, left, bottom, right) as dragged, in pixels.
    """

    labels: set[str] = field(default_factory=set)
    nothing: bool = False
    excluded: bool = False
    strokes: list[Stroke] = field(default_factory=list)
    boxes: list[tuple[str, tuple[float, float, float, float]]] = field(
        default_factory=list
    )


@dataclass
class WalkRecord:
    """What was done in one case.

    Parameters
    ----------
    slices : dict of int to Slice
        By place in the series; the others were left alone.
    case_labels : set of str
        Labels of the whole case, by name.
    comments : list of str
        As they were typed.
    submitted : int
        How often it was submitted.
    """

    slices: dict[int, Slice] = field(default_factory=dict)
    case_labels: set[str] = field(default_factory=set)
    comments: list[str] = field(default_factory=list)
    submitted: int = 0

    def on(self, index: int) -> Slice:
        """Return the entry of a slice, a new one if need be."""
        return self.slices.setdefault(index, Slice())


def faults_of(
    folder: Path, case_id: str, record: WalkRecord, *, person: str | None = None
) -> list[str]:
    """Compare a case's files with what was done.

    Parameters
    ----------
    folder : Path
        The job's folder.
    case_id : str
        The case.
    record : WalkRecord
        What was done.
    person : str, optional
        Who did it; by default the only one who annotated the case.

    Returns
    -------
    list of str
        What does not agree; empty if everything does.
    """
    (place,) = (folder / "annotations" / case_id).glob(person or "*")
    names = _label_names(folder)
    faults = _compare(place, _draft(place), names, record)
    numbers = sorted(place.glob("submissions/[0-9][0-9][0-9][0-9].json"))
    if len(numbers) != record.submitted:
        faults.append(f"{len(numbers)} submissions, not {record.submitted}")
    elif numbers:
        frozen = _read(numbers[-1])["submission"]["annotation"]
        faults += [
            f"last submission: {fault}"
            for fault in _compare(place, frozen, names, record)
        ]
    return [f"{folder.name}, {case_id}: {fault}" for fault in faults]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _draft(place: Path) -> dict[str, Any]:
    """Return the draft: a document, and what was saved since it was written."""
    draft: dict[str, Any] = {"revision": 0, "slices": {}}
    if (place / "annotation.json").exists():
        draft = _read(place / "annotation.json")["annotation"]
    journal = place / "changes.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else ()
    for line in lines:
        entry = json.loads(line)["entry"]
        if entry["revision"] <= draft["revision"]:
            continue
        change = dict(entry["change"])
        slices = {**draft["slices"], **change.pop("slices", {})}
        slices = {key: content for key, content in slices.items() if content}
        draft |= {**change, "slices": slices, "revision": entry["revision"]}
    return draft


def _label_names(folder: Path) -> dict[int, str]:
    project = _read(folder / "job.json")["job"]["project"]
    return {label["id"]: label["name"] for label in project["label_set"]["labels"]}


def _compare(
    place: Path, found: dict[str, Any], names: dict[int, str], record: WalkRecord
) -> list[str]:
    faults = []
    case_labels = {names[i] for i in found.get("case_labels", ())}
    if case_labels != record.case_labels:
        faults.append(f"case labels {case_labels}, not {record.case_labels}")
    comments = [comment["text"] for comment in found.get("comments", ())]
    if comments != record.comments:
        faults.append(f"comments {comments}, not {record.comments}")
    contents = {content["index"]: content for content in found["slices"].values()}
    for index in sorted({*contents, *record.slices}):
        content = contents.get(index, {})
        done = record.slices.get(index, Slice())
        faults += [
            f"slice {index + 1}: {fault}"
            for fault in _compare_slice(place, content, names, done)
        ]
    return faults


def _compare_slice(
    place: Path, content: dict[str, Any], names: dict[int, str], done: Slice
) -> list[str]:
    faults = []
    labels = {names[i] for i in content.get("class_labels", ())}
    if labels != done.labels:
        faults.append(f"class labels {labels or 'none'}, not {done.labels or 'none'}")
    for key, word in (("nothing_to_label", "nothing"), ("excluded", "excluded")):
        if bool(content.get(key)) != getattr(done, word):
            faults.append(f"{key} is {bool(content.get(key))}")
    return (
        faults
        + _compare_mask(place, content, names, done)
        + _compare_boxes(content, names, done)
    )


def _compare_mask(
    place: Path, content: dict[str, Any], names: dict[int, str], done: Slice
) -> list[str]:
    refs = list(content.get("masks", {}).values())
    if not done.strokes:
        return [f"{len(refs)} masks where nothing was painted"] if refs else []
    if len(refs) != 1:
        return [f"{len(refs)} masks, not 1"]
    tag = refs[0]["digest"][:16]
    (path,) = place.glob(f"masks/*-{tag}*.png")
    with Image.open(path) as picture:
        saved = np.asarray(picture)
    faults = []
    beside = saved != 0
    for stroke in done.strokes:
        distances = stroke.distances(saved.shape)
        inside = distances <= stroke.width / 2 - EDGE
        right = {label for label, name in names.items() if name == stroke.label}
        missed = int((inside & ~np.isin(saved, list(right))).sum())
        if missed or not inside.any():
            faults.append(f"{missed} pixels under the brush are not {stroke.label}")
        beside &= distances > stroke.width / 2 + EDGE
    if beside.any():
        faults.append(f"{int(beside.sum())} pixels are painted beside the strokes")
    return faults


def _compare_boxes(
    content: dict[str, Any], names: dict[int, str], done: Slice
) -> list[str]:
    boxes = content.get("boxes", [])
    if len(boxes) != len(done.boxes):
        return [f"{len(boxes)} boxes, not {len(done.boxes)}"]
    faults = []
    for label, corners in done.boxes:
        near = [
            box
            for box in boxes
            if names[box["label"]] == label
            and all(
                abs(box[side] - wanted) <= NEAR
                for side, wanted in zip(
                    ("top", "left", "bottom", "right"), corners, strict=True
                )
            )
        ]
        if not near:
            faults.append(f"no box of {label} near {corners}")
    return faults

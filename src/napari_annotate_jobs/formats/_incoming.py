"""Annotations that come from elsewhere, whatever file they were in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Concept, Method

    Corners = tuple[float, float, float, float]

__all__ = ["Incoming", "IncomingLabel", "IncomingSlice", "unique_names"]


@dataclass(frozen=True, kw_only=True)
class IncomingLabel:
    """A class that a file brings.

    Parameters
    ----------
    name : str
        As the file has it; unique in its :class:`Incoming`.
    method : Method
        How it was annotated.
    color : str, optional
        ``#RRGGBB``, where the file says.
    concept : Concept, optional
        What it is in a terminology, where the file says.
    number : int, optional
        Its value or number in the file, by which it can be named too.
    """

    name: str
    method: Method
    color: str | None = None
    concept: Concept | None = None
    number: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class IncomingSlice:
    """What a file says of one image.

    Which image that is, the first of these that is known tells: the UID (and frame),
    the origin, the index.

    Parameters
    ----------
    sop_instance_uid : str, optional
        Of the image.
    frame : int, optional
        Number of the frame in it, from 1.
    origin : tuple of float, optional
        Centre of the first pixel in patient LPS, mm.
    index : int, optional
        Place of the slice in the image, from 0.
    masks : mapping of str to ndarray of bool
        By name of the label, each of the shape :attr:`Incoming.plane`. They may
        overlap. A mapping may decode them when they are asked for, anew each time.
    boxes : mapping of str to sequence of tuple of float
        By name of the label: (top, left, bottom, right) each, in pixels as
        :class:`~napari_annotate_jobs.model.Box` counts them.
    classes : tuple of str
        Names of class labels.
    nothing_to_label : bool
        Whether the file says that there is nothing.
    excluded : bool
        Whether the file says that the slice is not to be used.
    answers : mapping of (Method, str) to mapping of str to str
        Answers to attributes of class labels and masks, by method and label's name.
    box_answers : mapping of str to sequence of mapping of str to str
        Answers of each of `boxes`, in their order; empty where there are none.
    """

    sop_instance_uid: str | None = None
    frame: int | None = None
    origin: tuple[float, float, float] | None = None
    index: int | None = None
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    boxes: Mapping[str, Sequence[Corners]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    nothing_to_label: bool = False
    excluded: bool = False
    answers: Mapping[tuple[Method, str], Mapping[str, str]] = field(
        default_factory=dict
    )
    box_answers: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Incoming:
    """All that a file says of one case.

    Parameters
    ----------
    path : Path
        The file, or folder.
    title : str
        What made it, for people and for provenance: format, program, version.
    labels : tuple of IncomingLabel
        The classes it brings.
    slices : tuple of IncomingSlice
        Of which it says anything; in the order of the file.
    plane : tuple of int
        (rows, columns) of its masks; (0, 0) where it has none and does not say.
    provenance : Provenance
        Predicted where the file says that a program made it.
    case_labels : tuple of str
        Names of class labels of the whole case.
    case_answers : mapping of str to mapping of str to str
        Answers to what is asked once for the case, by name of the label.
    image : str, optional
        The image it speaks of, as the file names it, with ``/`` between folders.
    case : str, optional
        Id of the case, where the file says.
    series_uid, study_uid : str, optional
        Of the images it was made on.
    frame_of_reference : str, optional
        UID; places compare only where it is that of the images.
    affine : ndarray, optional
        Shape (4, 4), float64: (slice, row, column, 1) to patient LPS in mm, as
        :attr:`SeriesHeader.affine`. Where slices bring an ``origin`` only its
        directions and the distances of rows and columns count.
    notes : tuple of str
        What could not be taken over, for people.
    """

    path: Path
    title: str
    labels: tuple[IncomingLabel, ...]
    slices: tuple[IncomingSlice, ...]
    plane: tuple[int, int]
    provenance: Provenance = Provenance.IMPORTED
    case_labels: tuple[str, ...] = ()
    case_answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    image: str | None = None
    case: str | None = None
    series_uid: str | None = None
    study_uid: str | None = None
    frame_of_reference: str | None = None
    affine: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [(label.method, label.name) for label in self.labels]
        if len(set(names)) < len(names):
            raise InvalidValueError(
                "two classes have the same name",
                where=self.path,
                remedy="Give each class in the file a name of its own",
            )

    def label(self, name: str) -> IncomingLabel:
        """Return the first label with this name.

        Raises
        ------
        KeyError
            If there is none.
        """
        found = next((each for each in self.labels if each.name == name), None)
        if found is None:
            raise KeyError(name)
        return found


def unique_names(names: Sequence[str]) -> list[str]:
    """Return names told apart by a number behind those that came before.

    ``["Lesion", "Lesion", ""]`` becomes ``["Lesion", "Lesion (2)", "unnamed"]``.
    Upper and lower case do not tell names apart, as in label sets.
    """
    taken: set[str] = set()
    found = []
    for name in names:
        base = " ".join(name.split()) or "unnamed"
        each, count = base, 1
        while each.casefold() in taken:
            count += 1
            each = f"{base} ({count})"
        taken.add(each.casefold())
        found.append(each)
    return found

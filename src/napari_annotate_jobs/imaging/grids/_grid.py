"""What NIfTI, NRRD and MHA have in common: a grid with an affine.

Their third axis stays the slice axis, so that ``index:n`` is the file's own k.
The first two become rows and columns such that the plane looks as radiology
shows it; the affine is changed alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import GeometryError, UnsupportedImageError
from napari_annotate_jobs.imaging._geometry import display_layout, layout_affine
from napari_annotate_jobs.imaging._header import SeriesHeader
from napari_annotate_jobs.imaging._types import FileRef, FrameSource, ImageWarning
from napari_annotate_jobs.model import SliceId

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["check_count", "file_ref", "grid_header", "to_plane"]

_MOST_PLANES = 1 << 18
"""More are taken for a damaged header: a long functional scan has a third of it."""


def file_ref(path: Path) -> FileRef:
    """Return the file as it is now."""
    stat = path.stat()
    return FileRef(path, stat.st_size, stat.st_mtime_ns)


def check_count(path: Path, slices: int, volumes: int) -> None:
    """Refuse a file of more slices than anybody has, before they are all described.

    Raises
    ------
    UnsupportedImageError
        Says how many there are.
    """
    if slices * volumes > _MOST_PLANES:
        raise UnsupportedImageError(
            f"says that it has {volumes} volumes of {slices} slices",
            where=path,
            remedy=f"Split it into files of at most {_MOST_PLANES} slices",
        )


def grid_header(
    *,
    path: Path,
    format: str,
    files: tuple[FileRef, ...],
    size: tuple[int, int, int],
    channels: int,
    affine: NDArray[np.float64] | None,
    spacing: tuple[float, float, float] | None,
    part: int = 0,
    **fields: Any,
) -> SeriesHeader:
    """Describe a grid.

    Parameters
    ----------
    path : Path
        What was opened.
    format : str
        ``"nifti"`` or ``"itk"``.
    files : tuple of FileRef
        The file, and its data file where it has one.
    size : tuple of int
        Length of the file's axes i, j, k.
    channels : int
        1, or 3 for colour.
    affine : numpy.ndarray, optional
        Shape (4, 4): (i, j, k, 1) to LPS in mm; None where the file has none.
    spacing : tuple of float, optional
        Along i, j, k in mm, used where there is no affine.
    part : int
        Which volume of a file with more than three axes.
    **fields
        Further fields of the header.

    Raises
    ------
    GeometryError
        If the affine is not finite or flattens the grid.
    """
    notes = list(fields.pop("warnings", ()))
    layout = (1, 1, 1)
    placed: NDArray[np.float64] | None = None
    steps = (1.0, 1.0, 1.0)
    known = True
    if affine is not None:
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            raise GeometryError(
                "has an affine that is not finite or flattens the image",
                where=path,
                remedy="Write the file again with a valid orientation and spacing",
            )
        layout = display_layout(affine[:3, :3])
        placed = layout_affine(affine, layout, (size[0], size[1]))
        lengths = np.linalg.norm(placed[:3, :3], axis=0)
        normal = np.cross(placed[:3, 2], placed[:3, 1])
        along = abs(float(placed[:3, 0] @ normal)) / float(np.linalg.norm(normal))
        steps = (along, float(lengths[1]), float(lengths[2]))
        if along < 0.999 * lengths[0]:
            angle = float(np.degrees(np.arccos(min(along / lengths[0], 1.0))))
            notes.append(
                ImageWarning(
                    "gantry-tilt",
                    f"The slices are sheared by {angle:.1f} degrees: each is shown "
                    "as it was acquired",
                )
            )
    elif spacing is not None and all(np.isfinite(s) and s > 0 for s in spacing):
        steps = (spacing[2], spacing[1], spacing[0])
    else:
        known = False
        notes.append(
            ImageWarning(
                "spacing-unknown",
                "The image does not say how large its voxels are: measures are in "
                "voxels",
            )
        )
    rows, columns = size[layout[0]], size[1 - layout[0]]
    shape = (size[2], rows, columns)
    return SeriesHeader(
        path=path,
        format=format,
        files=files,
        frames=tuple(FrameSource(0, part * size[2] + k) for k in range(size[2])),
        slices=tuple(SliceId(index=k) for k in range(size[2])),
        shape=shape if channels == 1 else (*shape, channels),
        spacing=steps,
        has_spacing=known,
        affine=placed,
        origins=None
        if placed is None
        else placed[:3, 3] + np.arange(size[2])[:, None] * placed[:3, 0],
        layout=layout,
        warnings=tuple(notes),
        **fields,
    )


def to_plane(plane: NDArray[Any], layout: tuple[int, int, int]) -> NDArray[Any]:
    """Turn a file's plane, indexed (i, j[, channel]), into (row, column[, channel]).

    Returns
    -------
    numpy.ndarray
        A view.
    """
    row_axis, row_sign, column_sign = layout
    if row_axis == 1:
        plane = plane.swapaxes(0, 1)
    return plane[::row_sign, ::column_sign]

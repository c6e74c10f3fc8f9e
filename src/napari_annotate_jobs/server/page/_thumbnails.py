"""Small pictures of cases, with what somebody drew on them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import StoreError
from napari_annotate_jobs.files import make_folders, read_if_there, write_durably
from napari_annotate_jobs.imaging import (
    default_window,
    draw_annotated,
    most_telling,
)
from napari_annotate_jobs.model import SliceAnnotation, decode_mask, encode_png
from napari_annotate_jobs.server._collecting import stored_mask
from napari_annotate_jobs.server._drafts import find_case, find_work
from napari_annotate_jobs.server._image_routes import open_case

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._visit import Visit

__all__ = ["case_picture"]

SIZE = 168


def case_picture(visit: Visit, job: str, case: str, person: str | None) -> bytes:
    """Return a PNG of the slice that tells most; it is drawn once for each revision.

    Parameters
    ----------
    visit : Visit
        Of an owner.
    job, case : str
        Which.
    person : str, optional
        Whose annotation is drawn in; none by default.

    Raises
    ------
    NotFoundError, RoleError
        If there is none, or it is not for who asks.
    ImagingError
        If the images cannot be read.
    """
    with visit.owning(job) as (connection, permit):
        row = find_case(connection, permit, case)
        labels, version = permit.job.project.label_set, permit.project["labels"]
        shelf = visit.service.settings.home / "pictures" / f"{permit.id}-{row['id']}"
        whose, state, work = 0, "", None
        if person is not None:
            work = find_work(connection, permit, case, person=person)
            # Colours may have been changed since, too.
            state = f"{work.revision}-{version}"
            whose = 0 if work.row is None else work.id
        kept = shelf / f"{whose}-{state}.png"
        with suppress(StoreError, OSError):
            data = read_if_there(kept)
            if data is not None:
                return data
        annotation = None if work is None else work.annotation()
    series = open_case(visit, job, case, None).series
    keys = {each.key: index for index, each in enumerate(series.header.slices)}
    said: dict[int, SliceAnnotation] = {}
    if annotation is not None:
        said = {
            keys[key]: content
            for key, content in annotation.slices.items()
            if key in keys
        }
    index = most_telling(said.items(), len(series.header.slices))
    content = said.get(index, SliceAnnotation(index=index))

    def mask(group: str) -> NDArray[np.integer] | None:
        found = stored_mask(visit.service, content.masks[group].digest)
        return None if found is None else decode_mask(found)

    plane = series.read_slice(index)
    window = default_window(plane, series.header)
    drawn = draw_annotated(plane, series.header, window, content, labels, mask, SIZE)
    data = encode_png(drawn, filtered=True)
    with suppress(StoreError, OSError):
        make_folders(shelf, root=shelf.parent.parent)
        for old in shelf.glob(f"{whose}-*.png"):
            old.unlink(missing_ok=True)
        write_durably(kept, data)
    return data

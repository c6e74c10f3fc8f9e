"""Images of cases, from the folders of the server."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from napari_annotate_jobs.errors import NoImageError, NotFoundError
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.folder._headers import open_remembered
from napari_annotate_jobs.stores.wire import ImageFile, SeriesIndex

from ._asking import AgainRoute, Ask, Asking, Key, answer
from ._drafts import case_of, find_case

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from napari_annotate_jobs.imaging import Series, SeriesHeader

    from ._permits import Permit
    from ._service import ServerSettings

__all__ = ["ROUTER", "FoundImages", "open_case", "open_images"]

ROUTER = APIRouter(route_class=AgainRoute)

Place = Annotated[int, InPath(ge=0, le=1_000_000)]


@dataclass(frozen=True)
class FoundImages:
    """A series of a case.

    Parameters
    ----------
    path : Path
        Where it is on the server.
    series : Series
        To read from.
    """

    path: Path
    series: Series

    @property
    def header(self) -> SeriesHeader:
        """Of the series."""
        return self.series.header


def open_case(ask: Asking, job: str, case: str, place: int | None) -> FoundImages:
    """Return a series of a case, by default the one that is annotated.

    Raises
    ------
    NoImageError
        If it cannot be opened, or lies where nothing is given out from.
    """
    with ask.reading(job) as (connection, permit):
        row = find_case(connection, permit, case)
    return open_images(ask.service.settings, permit, row, place)


def open_images(
    settings: ServerSettings, permit: Permit, row: RowMapping, place: int | None
) -> FoundImages:
    """Return a series of the case of a row; see :func:`open_case`."""
    base = Path(permit.project["base"])
    found = case_of(row)
    ref = _rules.series_of(found, place)
    place = found.series.index(ref)
    path = Path(os.path.abspath(base / ref.path))
    _require_inside(path, (base, *settings.images), ref.path)
    note = settings.home / "headers" / f"{permit.id}-{row['id']}-{place}.json"
    try:
        series = open_remembered(path, ref.series_uid, note)
    except NoImageError as error:
        # Where the folder is on the server is nobody's business.
        raise NoImageError(
            error.what, where=ref.path, remedy="Tell the owner of the server"
        ) from error
    return FoundImages(path, series)


def _require_inside(path: Path, roots: tuple[Path, ...], shown: str) -> None:
    """Raise NoImageError for what lies elsewhere, also by a link."""
    real = Path(os.path.realpath(path))
    for root in roots:
        if str(root) and real.is_relative_to(os.path.realpath(root)):
            return
    raise NoImageError(
        "the images lie outside of the folders that the server gives out",
        where=shown,
        remedy="Have its owner name their folder with: serve --images FOLDER",
    )


def _tag(size: int, mtime_ns: int) -> str:
    return f"{size:x}-{mtime_ns:x}"


@ROUTER.get("/jobs/{job}/cases/{case}/series/{place}", response_model=SeriesIndex)
def get_series(
    request: Request, ask: Ask, job: Key, case: Key, place: Place
) -> Response:
    """Return the header of a series, and its files."""
    return answer(request, _index(open_case(ask, job, case, place), case))


@ROUTER.get("/jobs/{job}/cases/{case}/series", response_model=SeriesIndex)
def get_reference(request: Request, ask: Ask, job: Key, case: Key) -> Response:
    """Return the header of the series that is annotated, and its files."""
    return answer(request, _index(open_case(ask, job, case, None), case))


def _index(found: FoundImages, case: str) -> SeriesIndex:
    header = found.header
    for file in header.all_files:
        place = Path(os.path.abspath(file.path))
        if not place.is_relative_to(os.path.abspath(header.root)):
            raise NoImageError(
                "a part of the image lies outside of its folder",
                where=case,
                remedy="Put all files of an image into one folder",
            )
    document = json.loads(header.to_json())
    document["path"] = ""
    files = tuple(
        ImageFile(
            name=file.path.relative_to(header.root).as_posix(),
            size=file.size,
            tag=_tag(file.size, file.mtime_ns),
        )
        for file in header.all_files
    )
    return SeriesIndex(
        header=json.dumps(document), single=found.path.is_file(), files=files
    )


@ROUTER.get(
    "/jobs/{job}/cases/{case}/series/{place}/files/{number}",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": {}}},
        206: {"description": "A part of it"},
        304: {"description": "Who asks has it"},
    },
)
def get_file(
    request: Request, ask: Ask, job: Key, case: Key, place: Place, number: Place
) -> Response:
    """Return a file of a series as it is, or the bytes that Range asks for."""
    found = open_case(ask, job, case, place)
    files = found.header.all_files
    if number >= len(files):
        raise NotFoundError(f"there is no file {number}", where=case)
    file = files[number]
    roots = (found.header.root, *ask.service.settings.images)
    _require_inside(file.path, roots, file.path.name)
    if not file.is_current():
        raise NoImageError(
            "the file is gone, or was changed",
            where=file.path.name,
            remedy="Open the case again",
        )
    tag = f'"{_tag(file.size, file.mtime_ns)}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        file.path, headers=headers, media_type="application/octet-stream"
    )

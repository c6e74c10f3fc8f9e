"""The routes of exports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from napari_annotate_jobs.errors import TransitionError

from ._asking import AgainRoute, Ask, Asking, Key, answer
from ._exports import (
    ExportForm,
    ExportRow,
    ExportState,
    ask_for_export,
    find_export,
    list_exports,
    read_export,
    remove_export,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ROUTER", "ExportKey", "send_export"]

ROUTER = APIRouter(route_class=AgainRoute)

ExportKey = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_AT = "/jobs/{job}/exports"
_PART = 1 << 20
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


@ROUTER.get(_AT, response_model=list[ExportRow])
def get_exports(request: Request, ask: Ask, job: Key) -> Response:
    """Return the exports of a project, for its owners."""
    with ask.reading(job) as (connection, permit):
        return answer(request, list_exports(connection, permit))


@ROUTER.post(_AT, response_model=ExportRow, status_code=202)
def post_export(ask: Ask, job: Key, form: ExportForm) -> Response:
    """Have an export made in the background."""
    with ask.writing(job) as (connection, permit):
        made = ask_for_export(connection, permit, form)
        kept = ask.kept(connection, answer(None, made, 202))
    ask.service.asked.set()
    return kept


@ROUTER.get(_AT + "/{export}", response_model=ExportRow)
def get_export(request: Request, ask: Ask, job: Key, export: ExportKey) -> Response:
    """Say how far an export is."""
    with ask.reading(job) as (connection, permit):
        return answer(request, find_export(connection, permit, export))


@ROUTER.delete(_AT + "/{export}", status_code=204)
def delete_export(ask: Ask, job: Key, export: ExportKey) -> Response:
    """Take an export away; one that is being made is stopped."""
    with ask.writing(job) as (connection, permit):
        remove_export(connection, permit, export, ask.service)
    return Response(status_code=204)


@ROUTER.get(
    _AT + "/{export}/file",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/zip": {}}},
        206: {"description": "A part of it"},
    },
)
def get_export_file(
    request: Request, ask: Ask, job: Key, export: ExportKey
) -> Response:
    """Return what was exported as one file, or the bytes that Range asks for."""
    return send_export(request, ask, job, export)


def send_export(request: Request, ask: Asking, job: str, export: str) -> Response:
    """Return the file of an export.

    Raises
    ------
    TransitionError
        If it is not ready.
    """
    with ask.reading(job) as (connection, permit):
        row = find_export(connection, permit, export)
        name = permit.job.name
    if row.state is not ExportState.READY:
        raise TransitionError(
            f"the export is {row.state}",
            remedy=row.problem or "Wait until it is ready",
        )
    start, stop, part = 0, row.size, False
    found = re.fullmatch(
        r"bytes=(\d{1,18})-(\d{0,18})", request.headers.get("range", "")
    )
    if found is not None:
        start, part = int(found[1]), True
        stop = min(row.size, int(found[2]) + 1) if found[2] else row.size
        if start >= stop:
            headers = {"Content-Range": f"bytes */{row.size}"}
            return Response(status_code=416, headers=headers)
    safe = "".join(c if c.isalnum() or c in " -_." else "_" for c in name)
    title = quote(f"{safe} {row.form.format}.zip")
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"attachment; filename*=UTF-8''{title}",
        "Content-Length": str(stop - start),
        "ETag": f'"{row.id}"',
    }
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{row.size}"
    # What is gone is told before the answer begins.
    first = read_export(ask.service, export, start, min(stop, start + _PART))

    def parts() -> Iterator[bytes]:
        yield first
        for at in range(start + _PART, stop, _PART):
            yield read_export(ask.service, export, at, min(stop, at + _PART))

    return StreamingResponse(
        parts(), 206 if part else 200, headers, media_type="application/zip"
    )

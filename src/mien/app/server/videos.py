"""`/v1/analyze/video`: a video becomes a job with progress; its time line can be fetched, and it can be deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from mien.app.server.bodies import RAW_KINDS
from mien.app.server.problems import Problem
from mien.app.server.schemas import JobOut, TimelineOut
from mien.app.server.service import Service, service_of
from mien.app.server.work.jobs import Job, timeline_text
from mien.app.server.work.uploads import KNOWN_CONTAINERS, Upload, is_container
from mien.core.text import whole_number

__all__ = ["router"]

router = APIRouter(tags=["Videos"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {"video/mp4": _BINARY, "application/octet-stream": _BINARY}}}
_BLOCK = 1 << 20
_LOOK_S = 0.1  # between two looks at a job
_SILENT_S = 15.0
_EVENT_ROWS = 500  # rows in one event

JobId = Annotated[str, Path(max_length=64, description="The id that the upload answered.")]


@router.post(
    "/v1/analyze/video",
    status_code=202,
    summary="Read a video in the background",
    response_model=JobOut,
    openapi_extra=_BODY,
)
async def start(
    request: Request,
    every_s: Annotated[float, Query(ge=0.01, le=60, description="At most one frame per so many seconds.")] = 0.1,
) -> JSONResponse:
    """The raw body is the video. It is deleted as soon as it has been read; its time line is kept for a while."""
    service = service_of(request)
    service.jobs.check_room()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("video/") and kind not in RAW_KINDS:
        raise Problem(415, f"Send the video itself (video/...), not {kind[:80]}.")
    upload = Upload()
    try:
        await _take(request, upload)
    except OSError as error:
        upload.close()
        told = "The service has no room for this video now; try again later, or send a shorter one."
        raise Problem(503, told, {"Retry-After": "60"}, reason="disk") from error
    except BaseException:
        upload.close()
        raise
    job = service.jobs.start(upload, every_s)
    service.metrics.count("mien_pictures_total", kind="video")
    return JSONResponse(job.to_dict(), 202, {"Location": str(request.url_for("status", job_id=job.id).path)})


async def _take(request: Request, upload: Upload) -> None:
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) >= _BLOCK:
            await asyncio.to_thread(upload.write, bytes(held))
            held.clear()
    upload.write(bytes(held))
    head = upload.head()
    if not head:
        raise Problem(400, "The body is empty; send the bytes of a video.")
    if not is_container(head):
        raise Problem(415, f"The body is not a video in a known container ({KNOWN_CONTAINERS}).")


@router.get("/v1/analyze/video/{job_id}", summary="How far a video is", response_model=JobOut)
async def status(request: Request, job_id: JobId) -> JSONResponse:
    """State, progress and size of a video."""
    return JSONResponse(service_of(request).jobs.get(job_id).to_dict())


@router.get(
    "/v1/analyze/video/{job_id}/timeline",
    summary="The time line of a video that has been read",
    response_model=TimelineOut,
    responses={200: {"content": {"text/csv": {}, "application/x-ndjson": {}}}},
)
async def timeline(
    request: Request,
    job_id: JobId,
    form: Annotated[Literal["json", "csv", "jsonl"], Query(alias="format", description="json, csv or jsonl.")] = "json",
) -> Response:
    """One row per face and frame, in order of time."""
    from mien.media.columns import columns

    job = service_of(request).jobs.get(job_id)
    if job.state == "failed":
        raise Problem(422, job.error or "The video could not be read.")
    if job.open:
        raise Problem(404, "The time line is not there yet; ask again when the state is done.")
    if form == "json":
        return JSONResponse({"labels": job.labels, "columns": columns(job.labels), "rows": job.rows})
    text = await asyncio.to_thread(timeline_text, job, form)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="timeline.{form}"'})


@router.get(
    "/v1/analyze/video/{job_id}/events",
    summary="A video's progress and readings as they come",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    request: Request,
    job_id: JobId,
    seen: Annotated[str, Header(alias="Last-Event-ID", max_length=20, description="Rows that have come before.")] = "0",
) -> StreamingResponse:
    """Server-Sent Events: `rows` with new rows of the time line, `state` with what the status tells."""
    start = whole_number(seen)
    if start is None:
        raise Problem(422, f"Last-Event-ID: expected the number of rows that have come, got {seen!r}.")
    job = service_of(request).jobs.get(job_id)
    return StreamingResponse(_events(job, start), media_type="text/event-stream")


async def _events(job: Job, seen: int) -> AsyncIterator[str]:
    """The text of the stream; `id` counts rows, so that a client that lost the connection goes on where it was."""
    last, silent_s = None, 0.0
    while True:
        state, rows = job.to_dict(), [{**row, "plausible": None} for row in job.rows[seen:]]  # told at the end
        for block in (rows[i : i + _EVENT_ROWS] for i in range(0, len(rows), _EVENT_ROWS)):
            seen += len(block)
            yield f"id: {seen}\nevent: rows\ndata: {json.dumps(block, allow_nan=False)}\n\n"
        if state != last:
            yield f"id: {seen}\nevent: state\ndata: {json.dumps(state, allow_nan=False)}\n\n"
        if state["state"] in ("done", "failed"):
            return
        silent_s = 0.0 if state != last or rows else silent_s + _LOOK_S
        if silent_s > _SILENT_S:  # so that proxies keep the connection
            silent_s = 0.0
            yield ": waiting\n\n"
        last = state
        await asyncio.sleep(_LOOK_S)


@router.delete("/v1/analyze/video/{job_id}", status_code=204, summary="Stop reading a video and forget it")
async def delete(request: Request, job_id: JobId) -> Response:
    """Whatever of the video is still here is deleted."""
    jobs: Service = service_of(request)
    jobs.jobs.delete(job_id)
    return Response(status_code=204)

"""`/v1/analyze/video`: a video becomes a job with progress; its time line can be fetched, and it can be deleted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from mien.app.server.bodies import RAW_KINDS
from mien.app.server.jobs import timeline_text
from mien.app.server.problems import Problem
from mien.app.server.schemas import JobOut, TimelineOut
from mien.app.server.service import Service, service_of
from mien.app.server.uploads import KNOWN_CONTAINERS, Upload, is_container

__all__ = ["router"]

router = APIRouter(tags=["Videos"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {"video/mp4": _BINARY, "application/octet-stream": _BINARY}}}
_BLOCK = 1 << 20

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


@router.delete("/v1/analyze/video/{job_id}", status_code=204, summary="Stop reading a video and forget it")
async def delete(request: Request, job_id: JobId) -> Response:
    """Whatever of the video is still here is deleted."""
    jobs: Service = service_of(request)
    jobs.jobs.delete(job_id)
    return Response(status_code=204)

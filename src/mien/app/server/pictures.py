"""`POST /v1/analyze`: pictures in, the documented JSON out. Nothing is written to disk."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from mien.app.server.bodies import LONGEST_NAME, Sent, pictures_of
from mien.app.server.problems import sentence_of
from mien.app.server.schemas import AnalysisOut
from mien.app.server.service import service_of
from mien.app.server.watch.stages import note_stages
from mien.app.server.work.reading import read_picture
from mien.core.errors import ImageError
from mien.core.types import Analysis

__all__ = ["router"]

router = APIRouter(tags=["Pictures"])

_BINARY = {"type": "string", "format": "binary"}
_FILES = {"type": "array", "items": _BINARY, "minItems": 1}
_TEXT = {"type": "string", "contentEncoding": "base64", "description": "A picture's bytes in base64, or a data: URI."}
_NAMED: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "data": _TEXT},
    "required": ["data"],
    "additionalProperties": False,
}
_JSON: dict[str, Any] = {
    "type": "object",
    "properties": {"image": {"oneOf": [_TEXT, {"type": "array", "items": {"oneOf": [_TEXT, _NAMED]}, "minItems": 1}]}},
    "required": ["image"],
    "additionalProperties": False,
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": {"schema": _BINARY},
            "image/png": {"schema": _BINARY},
            "application/octet-stream": {"schema": _BINARY},
            "application/json": {"schema": _JSON},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"image": _FILES}, "required": ["image"]},
            },
        },
    }
}


@router.post(
    "/v1/analyze",
    summary="Read the expressions of all faces in one or several pictures",
    response_model=AnalysisOut | list[AnalysisOut],
    openapi_extra=_BODY,
)
async def analyze(
    request: Request,
    name: Annotated[str, Query(max_length=LONGEST_NAME, description="What to call the picture.")] = "picture",
    model: Annotated[str | None, Query(max_length=80, description="A packaged model instead of the service's.")] = None,
) -> JSONResponse:
    """A raw body is one picture and gives one object; a picture that cannot be read is an error.

    A multipart form is one or several pictures and gives a list, in order; a picture that cannot be read is an object
    with `error`. JSON holds base64: `{"image": TEXT}` gives one object, `{"image": [TEXT, ...]}` a list (`img` instead
    of `image` will do). The formats are those of `mien analyze`.
    """
    start = time.perf_counter()
    service = service_of(request)
    chosen = service.chosen(model)
    sent, several = await pictures_of(request, name, service.settings.limits)
    if several:
        found = [await _tolerant(request, one, chosen) for one in sent]
    else:
        found = [await _read(request, sent[0], chosen)]
    service.metrics.count("mien_pictures_total", len(found), kind="picture")
    service.metrics.count("mien_faces_total", sum(len(a.faces) for a in found), kind="picture")
    told = [analysis.to_dict() for analysis in found]
    began = time.perf_counter()
    answer = JSONResponse(told if several else told[0])
    note_stages(service.metrics, request.scope, "picture", {"encode": time.perf_counter() - began})
    service.metrics.time("mien_stage_seconds", time.perf_counter() - start, kind="picture", stage="whole")
    return answer


async def _read(request: Request, sent: Sent, model: str | None) -> Analysis:
    service = service_of(request)
    read = await service.pool.run(partial(read_picture, data=sent.data, name=sent.name, model=model))
    note_stages(service.metrics, request.scope, "picture", read.stages)
    return read.value


async def _tolerant(request: Request, sent: Sent, model: str | None) -> Analysis:
    """A picture that cannot be read is a record that says so."""
    problem = f"The picture {sent.problem}"
    if not sent.problem:
        try:
            return await _read(request, sent, model)
        except ImageError as error:
            problem = sentence_of(error)
    facts = service_of(request).facts
    return Analysis(sent.name, None, None, facts.detector, model or facts.model, error=problem)

"""`POST /v1/analyze`: pictures in, the documented JSON out. Nothing is written to disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from mien.app.server.bodies import LONGEST_NAME, Sent, pictures_of
from mien.app.server.problems import problem_of, sentence_of
from mien.app.server.schemas import AnalysisOut
from mien.app.server.service import Service, service_of
from mien.core.errors import ImageError, MienError
from mien.core.types import Analysis

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

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
    service = service_of(request)
    reader = service.reader(model)
    sent, several = await pictures_of(request, name, service.settings.limits)
    if several:
        found = [await service.pool.run(partial(_report, reader, one)) for one in sent]
        _count(service, found)
        return JSONResponse([analysis.to_dict() for analysis in found])
    try:
        analysis = await service.pool.run(lambda analyzer: reader(analyzer).report(sent[0].data, name=sent[0].name))
    except MienError as error:
        raise problem_of(error) from error
    _count(service, [analysis])
    return JSONResponse(analysis.to_dict())


def _report(reader: Any, sent: Sent, analyzer: Analyzer) -> Analysis:
    """In a worker's thread."""
    chosen: Analyzer = reader(analyzer)
    problem = sent.problem
    if not problem:
        try:
            return chosen.report(sent.data, name=sent.name)
        except ImageError as error:
            return _unread(chosen, sent.name, sentence_of(error))
    return _unread(chosen, sent.name, f"The picture {problem}")


def _unread(analyzer: Analyzer, name: str, why: str) -> Analysis:
    return Analysis(name, None, None, analyzer.detector.name, analyzer.classifier.name, error=why)


def _count(service: Service, found: list[Analysis]) -> None:
    service.metrics.count("mien_pictures_total", len(found), kind="picture")
    service.metrics.count("mien_faces_total", sum(len(a.faces) for a in found), kind="picture")

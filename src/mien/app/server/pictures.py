"""`POST /v1/analyze`: pictures in, the documented JSON out. Nothing is written to disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mien.app.server.problems import Problem, problem_of, sentence_of
from mien.app.server.schemas import AnalysisOut
from mien.app.server.service import Service, service_of
from mien.core.errors import ImageError, MienError
from mien.core.types import Analysis

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["RAW_KINDS", "router"]

router = APIRouter(tags=["Pictures"])

RAW_KINDS = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""Content types of a raw body that says nothing of what it is; the last is what curl sends unless told otherwise."""

_LONGEST_NAME = 200

_BINARY = {"type": "string", "format": "binary"}
_FILES = {"type": "array", "items": _BINARY, "minItems": 1}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": {"schema": _BINARY},
            "image/png": {"schema": _BINARY},
            "application/octet-stream": {"schema": _BINARY},
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
    name: Annotated[str, Query(max_length=_LONGEST_NAME, description="What to call the picture.")] = "picture",
) -> JSONResponse:
    """A raw body is one picture and gives one object; a picture that cannot be read is an error.

    A multipart form is one or several pictures and gives a list, in order; a picture that cannot be read is an object
    with `error`. JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and JPEG 2000 are read.
    """
    service = service_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return JSONResponse([analysis.to_dict() for analysis in await _read_form(request, service)])
    if not kind.startswith("image/") and kind not in RAW_KINDS:
        raise Problem(415, f"Send a picture (image/...) or multipart/form-data, not {kind[:80]}.")
    picture = await request.body()
    if not picture:
        raise Problem(400, "The body is empty; send the bytes of a picture.")
    try:
        analysis = await service.pool.run(lambda analyzer: analyzer.report(picture, name=_tidy(name)))
    except MienError as error:
        raise problem_of(error) from error
    _count(service, [analysis])
    return JSONResponse(analysis.to_dict())


async def _read_form(request: Request, service: Service) -> list[Analysis]:
    limits = service.settings.limits
    parser = _InMemory(request.headers, request.stream(), max_files=limits.images, max_fields=limits.images)
    parser.spool_max_size = limits.body_bytes + 1
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem(400, f"The form cannot be read: {error.message}") from error
    except (KeyError, ValueError) as error:
        raise Problem(400, "The form cannot be read: it has no usable boundary.") from error
    except BaseException:
        for unfinished in getattr(parser, "_files_to_close_on_error", ()):  # Starlette closes them on errors of its own
            unfinished.close()
        raise
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if not files:
            raise Problem(400, "The form holds no file; send each picture as a file with a name.")
        pictures = [(_tidy(file.filename or "picture"), await file.read()) for file in files]
    finally:
        await form.close()
    found = []
    for name, data in pictures:
        found.append(await service.pool.run(partial(_report, name=name, data=data)))
    _count(service, found)
    return found


class _InMemory(MultiPartParser):
    """Starlette's parser; `spool_max_size` is raised so that no part ever reaches the disk."""


def _report(analyzer: Analyzer, name: str, data: bytes) -> Analysis:
    """In a worker's thread."""
    try:
        return analyzer.report(data, name=name)
    except ImageError as error:
        model, detector = analyzer.classifier.name, analyzer.detector.name
        return Analysis(name, None, None, detector, model, error=sentence_of(error))


def _tidy(name: str) -> str:
    """A client's name for a picture: its last part, printable, not too long. It is shown back, and used for nothing."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:_LONGEST_NAME] or "picture"


def _count(service: Service, found: list[Analysis]) -> None:
    service.metrics.count("mien_pictures_total", len(found), kind="picture")
    service.metrics.count("mien_faces_total", sum(len(a.faces) for a in found), kind="picture")

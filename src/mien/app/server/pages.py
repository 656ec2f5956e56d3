"""The page itself: its files with content types and validators, the models and runtime for the visitor's device."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from mien.app.server import runtime
from mien.app.server.packing import SUFFIXES, chosen_coding, packed, same_tag
from mien.app.server.pagefiles import (
    KINDS,
    detector_info,
    device_facts,
    packaged_facts,
    page_detector,
    page_files,
    page_models,
    palette,
)
from mien.app.server.problems import Problem
from mien.app.server.service import service_of
from mien.app.server.settings import Settings
from mien.core.contract import DetectorInfo
from mien.pictures.formats import suffixes

__all__ = ["Page", "open_page", "router"]

_METHODS = ["GET", "HEAD"]
_REVALIDATE = "no-cache"  # may be kept, but is asked for again: a new version shows at once
_FRESH = "no-store"  # facts of the service as it is now


router = APIRouter(include_in_schema=False)
_NOTHING = Problem(404, "There is nothing at this address.")


@dataclass(frozen=True, eq=False)
class Page:
    """What the routes of the page serve; lies in the application's state.

    Args:
        files: the page's own files.
        detector: the detector that visitors' devices get, if there is one.
        info: its metadata.
        models: expression models in the package, by name.

    """

    files: Mapping[str, bytes]
    detector: Path | None
    info: DetectorInfo | None
    models: Mapping[str, Path]


def open_page(settings: Settings) -> Page:
    """The page for some settings."""
    detector = page_detector(str(settings.analyzer.detector))
    return Page(page_files(), detector, None if detector is None else detector_info(detector), page_models())


def _page(request: Request) -> Page:
    return cast(Page, request.app.state.page)


@router.api_route("/", methods=_METHODS)
async def index(request: Request) -> Response:
    """The page."""
    return _bytes(request, "index.html", _page(request).files["index.html"])


@router.api_route("/docs", methods=_METHODS)
async def docs(request: Request) -> Response:
    """The service's description for people; works offline."""
    return _bytes(request, "docs.html", _page(request).files["docs.html"])


@router.api_route("/sw.mjs", methods=_METHODS)
async def keeper(request: Request) -> Response:
    """What keeps the page for the time without a network."""
    return _bytes(request, "sw.mjs", _page(request).files["sw.mjs"])


@router.api_route("/config.json", methods=_METHODS)
async def config(request: Request) -> Response:
    """What the page starts from."""
    return _json(request, _config(request, _page(request).info), _FRESH)


@router.api_route("/static/{name:path}", methods=_METHODS)
async def static(request: Request, name: str) -> Response:
    """Styles, scripts, words and drawings."""
    data = _page(request).files.get(name)
    if data is None or name.endswith(".html"):
        raise _NOTHING
    return _bytes(request, name, data)


@router.api_route("/runtime/{name}", methods=_METHODS)
async def runtime_file(request: Request, name: str) -> Response:
    """onnxruntime-web, where `mien page pull` has put it."""
    if name not in runtime.here():
        raise _NOTHING
    return _file(request, runtime.runtime_folder() / name)


@router.api_route("/models/{name}", methods=_METHODS)
async def models(request: Request, name: str) -> Response:
    """The same model files that the service itself uses, and the others in the package with what is known of them."""
    if name == "expression.onnx":
        return _file(request, Path(service_of(request).facts.model_file))
    page, (stem, _, kind) = _page(request), name.rpartition(".")
    if name == "detector.onnx" and page.detector is not None:
        return _file(request, page.detector)
    if stem not in page.models or kind not in ("onnx", "json"):
        raise _NOTHING
    if kind == "onnx":
        return _file(request, page.models[stem])
    told = await asyncio.to_thread(packaged_facts, stem, service_of(request).facts.detector)
    return _json(request, told, _FRESH)


def _config(request: Request, info: DetectorInfo | None) -> dict[str, Any]:
    settings = service_of(request).settings
    device, reason = device_facts(info)
    limits = asdict(settings.limits)
    return {
        "model": service_of(request).model_facts(),
        "models": list(_page(request).models),
        "palette": palette(),
        "data": _data_facts(request),
        "server": {
            "live": "v1/live",
            "analyze": "v1/analyze",
            "video": "v1/analyze/video",
            "token": settings.token is not None,
            "pictures": suffixes(),
            "limits": {key: limits[key] for key in ("body_bytes", "images", "video_bytes", "video_s", "frame_bytes")},
        },
        "device": device,
        "why_no_device": reason,
    }


def _data_facts(request: Request) -> dict[str, str | None] | None:
    """Where the page finds the data set that it shows."""
    shown = service_of(request).data
    if shown is None:
        return None
    return {"facts": "v1/data", "samples": "v1/data/samples" if shown.shows_pictures else None}


def _bytes(request: Request, name: str, data: bytes) -> Response:
    """A file of the page, compressed where the browser takes that."""
    kind = KINDS.get(Path(name).suffix, mimetypes.guess_type(name)[0] or "application/octet-stream")
    return _packed(request, data, kind, _REVALIDATE)


def _json(request: Request, body: Mapping[str, Any], cache: str) -> Response:
    data = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return _packed(request, data, KINDS[".json"], cache)


def _packed(request: Request, data: bytes, kind: str, cache: str) -> Response:
    file = packed(data, kind)
    coding = chosen_coding(request.headers.get("accept-encoding", ""), file.bodies)
    tag = f'"{file.digest}{f"-{coding}" if coding else ""}"'  # each coding is a representation with a tag of its own
    headers = {"ETag": tag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if same_tag(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    if coding is None:
        return Response(data, media_type=kind, headers=headers)
    return Response(file.bodies[coding], media_type=kind, headers={**headers, "Content-Encoding": coding})


def _file(request: Request, path: Path) -> Response:
    """A large file from the disk, or its compressed twin (`NAME.br`, `NAME.gz`) where the browser takes that."""
    if not path.is_file():
        raise _NOTHING
    kind = KINDS.get(path.suffix, "application/octet-stream")
    headers = {"Cache-Control": _REVALIDATE, "Vary": "Accept-Encoding"}
    twins = {coding: path.with_name(path.name + suffix) for coding, suffix in SUFFIXES.items()}
    twins = {coding: twin for coding, twin in twins.items() if twin.is_file()}
    coding = chosen_coding(request.headers.get("accept-encoding", ""), twins)
    if coding is not None:
        path, headers = twins[coding], {**headers, "Content-Encoding": coding}
    response = FileResponse(path, media_type=kind, headers=headers)
    response.set_stat_headers(path.stat())
    if same_tag(request.headers.get("if-none-match", ""), response.headers["etag"]):
        return Response(status_code=304, headers={**headers, "ETag": response.headers["etag"]})
    return response

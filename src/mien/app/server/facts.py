"""`/v1/model`, `/healthz`, `/readyz`, `/metrics`: what the service is and how it is doing."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from mien.app.server.pagefiles import packaged_facts
from mien.app.server.problems import Problem
from mien.app.server.schemas import ModelOut, ReadyOut, StateOut
from mien.app.server.service import service_of

__all__ = ["router"]

router = APIRouter(tags=["Service"])


@router.head("/v1/model", include_in_schema=False)
@router.get("/v1/model", summary="What reads the faces, and how well", response_model=ModelOut)
async def model(
    request: Request,
    model: Annotated[str | None, Query(max_length=80, description="A packaged model instead of the service's.")] = None,
) -> JSONResponse:
    """Labels, crop, training data, measured figures with their protocol, hash of the model file."""
    service = service_of(request)
    chosen = service.chosen(model)
    if chosen is None:
        return JSONResponse(service.model_facts())
    below = service.settings.reading.min_confidence
    return JSONResponse(await asyncio.to_thread(packaged_facts, chosen, service.facts.detector, below))


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Whether the process lives", response_model=StateOut)
async def healthz() -> JSONResponse:
    """Always ok while the process answers."""
    return JSONResponse({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Whether the models are loaded", response_model=ReadyOut)
async def readyz(request: Request) -> JSONResponse:
    """Ready when pictures can be read; 503 before and after."""
    if not service_of(request).pool.ready:
        raise Problem(503, "The models are not loaded.")
    return JSONResponse({"status": "ready"})


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_model=None,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> PlainTextResponse:
    """Text format 0.0.4."""
    return PlainTextResponse(service_of(request).metrics.render(), media_type="text/plain; version=0.0.4")

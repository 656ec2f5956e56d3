"""`/v1/model`, `/v1/data`, `/healthz`, `/readyz`, `/metrics`: what the service is and how it is doing."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from mien.app.server.dataset import Dataset
from mien.app.server.pagefiles import packaged_facts
from mien.app.server.problems import Problem
from mien.app.server.schemas import DataOut, ModelOut, ReadyOut, SamplesOut, StateOut
from mien.app.server.service import service_of
from mien.core.errors import unknown_name

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


@router.get("/v1/data", summary="The data set that the service shows", response_model=DataOut)
async def data(request: Request) -> JSONResponse:
    """Counts of every class and split, sizes, mean faces, faults; no picture and no name of one."""
    return JSONResponse(_data(request).facts)


@router.get("/v1/data/samples", summary="Some pictures of a class", response_model=SamplesOut)
async def samples(
    request: Request,
    label: Annotated[str, Query(min_length=1, max_length=200, description="A class of the data set.")],
) -> JSONResponse:
    """Pictures chosen at random, others each time; only where the service was told to show them."""
    shown = _data(request)
    if not shown.shows_pictures:
        raise Problem(404, "This service shows no pictures of its data set; --data-samples lets it.")
    if label not in shown.facts["labels"]:
        raise Problem(422, f"label: {unknown_name('class', label, shown.facts['labels'])}")
    pictures = await asyncio.to_thread(shown.samples, label)
    return JSONResponse({"label": label, "pictures": pictures})


def _data(request: Request) -> Dataset:
    shown = service_of(request).data
    if shown is None:
        raise Problem(404, "This service shows no data set; name one with --data.")
    return shown


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

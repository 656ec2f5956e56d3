"""Analyses as the rows of one flat table: a row per face. CSV, TSV, Parquet and data frames have these columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mien.core.types import Analysis, Reading

__all__ = ["columns", "rows"]

_BEFORE = ("source", "width", "height", "detector", "model", "face", "x1", "y1", "x2", "y2", "score", "emotion")


def columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns for a model with these labels; probabilities are `p_LABEL`."""
    return (*_BEFORE, "confidence", "uncertain", *(f"p_{label}" for label in labels), "error")


def rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """One row per face, by column; a picture without a face, or that could not be read, gives one without a face."""
    common = {
        "source": analysis.source,
        "width": analysis.width,
        "height": analysis.height,
        "detector": analysis.detector,
        "model": analysis.model,
        "error": analysis.error,
    }
    if not analysis.faces:
        yield common
    for i, reading in enumerate(analysis.faces):
        yield {**common, "face": i, **_of_face(reading)}


def _of_face(reading: Reading) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(("x1", "y1", "x2", "y2"), reading.box, strict=True))
    values |= {"score": reading.score, "emotion": reading.emotion, "confidence": reading.confidence}
    values["uncertain"] = reading.uncertain
    return values | {f"p_{label}": p for label, p in reading.probabilities.items()}

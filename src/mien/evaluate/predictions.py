"""What a model answered for every judged picture, as a CSV beside the report: to sort, to filter, to look at errors.

Texts are safe in a spreadsheet (`mien.core.cells`); docs/judging.md describes the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.cells import TableWriter
from mien.core.files import atomic_write
from mien.data.manifest import Manifest

__all__ = ["PREDICTIONS_NAME", "columns", "write_predictions"]

PREDICTIONS_NAME = "predictions.csv"

_BEFORE = ("row", "name", "split", "label", "predicted", "right", "confidence", "uncertain")


def columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns for a model with these labels."""
    return (*_BEFORE, *(f"p_{label}" for label in labels))


def write_predictions(
    path: Path,
    judged: Manifest,
    label: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    labels: Sequence[str],
    uncertain_below: float,
) -> None:
    """Write a row per judged picture.

    Args:
        path: the CSV file.
        judged: N rows, the pictures that were judged.
        label: (N,) position in `labels`: what the model was judged by.
        probabilities: (N, K) in 0..1.
        labels: K labels of the model.
        uncertain_below: confidence below which a reading is uncertain.

    Raises:
        OutputError: the file cannot be written.

    """
    with atomic_write(path, "w", newline="") as file:
        writer = TableWriter(file, columns(labels))
        for row in _rows(judged, label, probabilities, labels, uncertain_below):
            writer.write(row)


def _rows(
    judged: Manifest,
    label: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    labels: Sequence[str],
    uncertain_below: float,
) -> Iterator[dict[str, Any]]:
    best = probabilities.argmax(axis=1)
    for i in range(len(judged)):
        p = [float(v) for v in probabilities[i]]
        yield {
            "row": int(judged.rows[i]),
            "name": str(judged.names[i]),
            "split": str(judged.split[i]),
            "label": labels[label[i]],
            "predicted": labels[best[i]],
            "right": bool(best[i] == label[i]),
            "confidence": p[best[i]],
            "uncertain": p[best[i]] < uncertain_below,
            **{f"p_{name}": value for name, value in zip(labels, p, strict=True)},
        }

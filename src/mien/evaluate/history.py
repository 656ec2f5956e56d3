"""The figures of a training, epoch by epoch, from its CSV.

The file has a column "epoch"; another column is "train_loss", "clean_loss" (training pictures as they are),
"validation_accuracy" and so on, or stands alone ("lr"). Empty cells are skipped. Draws nothing.
"""

from __future__ import annotations

import csv
from pathlib import Path

from mien.core.errors import DataError

__all__ = ["History", "read_history"]

History = dict[tuple[str, str], tuple[list[float], list[float]]]
"""Epochs and values by (kind, part): ("loss", "train"), ("accuracy", "validation"), ("lr", "")."""

_NO_FIGURES = {None, "epoch", "step", "seconds"}


def read_history(path: Path | str) -> History:
    """Figures of a training's CSV.

    Raises:
        DataError: the file cannot be read, or has no column "epoch" or no figures.

    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read the training figures {path}: {error}.") from error
    if not rows or "epoch" not in rows[0]:
        raise DataError(f"{path}: expected a CSV with a column 'epoch' and at least one row.")
    series: History = {}
    for row in rows:
        for name, text in row.items():
            if name in _NO_FIGURES or not text or not row["epoch"]:
                continue
            x, y = series.setdefault(_kind(name), ([], []))
            x.append(_number(row["epoch"], path))
            y.append(_number(text, path))
    if not series:
        raise DataError(f"{path}: the file has no figures beside the epoch.")
    return series


def _number(text: str, path: Path) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DataError(f"{path}: {text!r} is not a number.") from error


def _kind(name: str) -> tuple[str, str]:
    for short, part in (("train", "train"), ("clean", "clean"), ("validation", "validation"), ("val", "validation")):
        for mark in ("_", "/"):
            if name.startswith(short + mark):
                return name[len(short) + 1 :], part
    return name, ""

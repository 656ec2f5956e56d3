"""The folder of a training run: what lies where, and reading a finished run back.

    config.toml            every setting, resolved
    run.json               data, leaks, sizes, times, versions, figures
    metrics.csv            a row per epoch
    data.csv               which picture is in which split, where the run made the validation split
    tensorboard/           the same for TensorBoard
    checkpoints/           last.ckpt to go on from, best.ckpt
    model.safetensors      weights of the best epoch
    model.json             what is needed to build the network again
    model.onnx             the model file; model-votes.onnx for a second head
    evaluation/            validation.json, predictions.csv, classification_report.txt
    curves.png, confusion.png, report.html

Detectors and expression models share it. A cross-validation is a folder of such folders, `fold-1`, `fold-2` and so on,
with a `config.toml`, a `run.json` (figures of all folds), `folds.csv` (which picture is in which fold),
`report.html` and its pictures.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.core.errors import OutputError, TrainError
from mien.core.files import atomic_write
from mien.core.text import parse_json

__all__ = [
    "BEST", "CARD", "CONFIG", "FOLDS_FILE", "LAST", "METRICS", "RECORD", "SPLITS_FILE", "WEIGHTS", "main_process",
    "read_json", "refuse_existing", "write_history", "write_json",
]  # fmt: skip

CONFIG = "config.toml"
RECORD = "run.json"
METRICS = "metrics.csv"
SPLITS_FILE = "data.csv"
FOLDS_FILE = "folds.csv"
CARD = "model.json"
WEIGHTS = "model.safetensors"
LAST = "checkpoints/last.ckpt"
BEST = "checkpoints/best.ckpt"


def main_process() -> bool:
    """Whether this process is the one of a run on several devices that writes and speaks."""
    return int(os.environ.get("LOCAL_RANK", "0")) == 0 and int(os.environ.get("NODE_RANK", "0")) == 0


def refuse_existing(out: Path | str) -> None:
    """Check that a new run can have the folder.

    Raises:
        OutputError: it holds something already.

    """
    run = Path(out)
    if main_process() and run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise OutputError(f"{run} exists already; name a new folder, or go on with the run in it by --resume.")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a run.

    Raises:
        TrainError: the file cannot be read or is damaged.

    """
    try:
        body = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TrainError(f"Cannot read {path}: {error}.") from error
    if not isinstance(body, dict):
        raise TrainError(f"{path} must hold a JSON object, got {type(body).__name__}.")
    return body


def write_json(path: Path, body: Mapping[str, Any]) -> None:
    """Write a JSON object in one step.

    Raises:
        OutputError: the file cannot be written.

    """
    with atomic_write(path, "w") as file:
        json.dump(body, file, ensure_ascii=False, indent=1, allow_nan=False)
        file.write("\n")


def write_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write the figures of all epochs as CSV; the first row names the columns.

    Raises:
        OutputError: the file cannot be written.

    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[0]) if history else ["epoch"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())

"""The folder of a training run: what lies where, and reading a finished run back.

    config.toml            every setting, resolved
    run.json               data, leaks, sizes, times, versions, figures
    metrics.csv            a row per epoch
    tensorboard/           the same for TensorBoard
    checkpoints/           last.ckpt to go on from, best.ckpt
    model.safetensors      weights of the best epoch
    model.json             what is needed to build the network again
    model.onnx             the model file; model-votes.onnx for a second head
    evaluation/validation.json
    curves.png, confusion.png, report.html

Knows no training loop.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mien.core.contract import CropSpec
from mien.core.errors import DataError, ModelError, TrainError
from mien.core.files import atomic_write
from mien.core.labels import LabelSet
from mien.core.text import parse_json
from mien.learn.models import Network, build
from mien.learn.weights import load_weights

__all__ = ["CARD", "CONFIG", "LAST", "METRICS", "RECORD", "ModelCard", "load_network", "read_json", "write_json"]

CONFIG = "config.toml"
RECORD = "run.json"
METRICS = "metrics.csv"
CARD = "model.json"
WEIGHTS = "model.safetensors"
LAST = "checkpoints/last.ckpt"
BEST = "checkpoints/best.ckpt"


@dataclass(frozen=True)
class ModelCard:
    """What `model.json` holds: enough to build the network that `model.safetensors` fills.

    Args:
        model: name of the architecture.
        heads: labels of every head, by its name; the first one is the model's.
        crop: what crops must look like.
        temperatures: calibrated temperature per head.
        calibration: how each head was calibrated; runs of earlier versions do not say.

    """

    model: str
    heads: Mapping[str, tuple[str, ...]]
    crop: CropSpec
    temperatures: Mapping[str, float]
    calibration: Mapping[str, str] = field(default_factory=dict)

    @property
    def first_head(self) -> str:
        """Name of the head that the run is judged by."""
        return next(iter(self.heads))

    def write(self, run: Path) -> None:
        """Write `model.json` into a run folder."""
        write_json(run / CARD, {"format": "mien-network/1", **asdict(self)})

    @classmethod
    def read(cls, run: Path) -> ModelCard:
        """Read `model.json` of a run folder.

        Raises:
            TrainError: the folder is not a finished run.

        """
        if not run.is_dir():
            raise TrainError(f"There is no run folder {run}.")
        if not (run / CARD).is_file():
            raise TrainError(f"{run} has no {CARD}: it is not a finished run; go on with mien train --resume.")
        body = read_json(run / CARD)
        try:
            heads = {name: LabelSet(labels).names for name, labels in body["heads"].items()}
            temperatures = {name: float(body["temperatures"][name]) for name in heads}
            crop = CropSpec.from_body(body["crop"], str(run / CARD))
            methods = {name: _checked_text(method) for name, method in body.get("calibration", {}).items()}
            return cls(_checked_text(body["model"]), heads, crop, temperatures, methods)
        except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError, DataError, ModelError) as error:
            raise TrainError(f"{run / CARD} is damaged ({error!r}); export or train again.") from error


def _checked_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}")
    return value


def load_network(run: Path | str) -> tuple[Network, ModelCard]:
    """Network of a finished run with its weights, in evaluation mode, on the processor.

    Raises:
        TrainError: the folder is not a finished run, or its files do not fit each other.

    """
    run = Path(run)
    card = ModelCard.read(run)
    heads = {name: len(labels) for name, labels in card.heads.items()}
    network = build(card.model, heads, size=card.crop.size, color=card.crop.color)
    load_weights(network, run / WEIGHTS)
    return network.eval(), card


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

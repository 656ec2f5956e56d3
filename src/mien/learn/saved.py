"""The network of a finished run, read back from model.json and model.safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mien.core.contract import CropSpec
from mien.core.errors import DataError, ModelError, TrainError
from mien.core.labels import LabelSet
from mien.learn.models import Network, build
from mien.learn.runfolder import CARD, WEIGHTS, read_json, write_json
from mien.learn.weights import load_weights

__all__ = ["ModelCard", "load_network"]


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

"""Trained weights to start a run from: where they are, and what they say of themselves. Loads no torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from mien.core.contract import CropSpec
from mien.core.errors import DataError, ModelError, TrainError
from mien.learn.runfolder import CARD, WEIGHTS, read_json

__all__ = ["FACTS_KEY", "Start", "packaged_weights", "start_of", "weights_file"]

FACTS_KEY = "mien"
"""Key of the metadata in which weights say what they belong to."""

_MOST_HEADER = 100_000_000  # bytes, as the format's own readers allow


@dataclass(frozen=True)
class Start:
    """Trained weights that a run starts from.

    Args:
        name: as the caller names them.
        settings: architecture and crops, as far as the weights say them: what a run must share with them.

    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def packaged_weights() -> dict[str, Path]:
    """Weights that come with mien to start a training from, by name."""
    folder = Path(str(resources.files("mien") / "assets" / "weights"))
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def weights_file(name: Path | str) -> Path:
    """The file of a packaged name, of a run's folder or of a path; what lies on disk wins.

    Raises:
        TrainError: there is none.

    """
    path = Path(name)
    if path.is_dir() and (path / WEIGHTS).is_file():
        return path / WEIGHTS
    if path.is_file():
        return path
    packaged = packaged_weights()
    if str(name) in packaged:
        return packaged[str(name)]
    known = f" With mien come {', '.join(packaged)}." if packaged else ""
    raise TrainError(f"There is no file of weights {path}.{known}")


def start_of(weights: str) -> Start | None:
    """What trained weights of mien say of themselves; None for weights of other makers.

    Raises:
        TrainError: there is no such file, or it is damaged.

    """
    path = weights_file(weights)
    if path.suffix != ".safetensors":
        return None
    header = _header(path)
    if not any(name.startswith("trunk.") for name in header):
        return None
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        return Start(weights, _of_run(path.parent))
    architecture = _facts(header).get("architecture")
    if not isinstance(architecture, str):
        return Start(weights)
    return Start(weights, {"model": architecture, **_packaged_crop(weights)})


def _header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: its tensors by name, and its metadata."""
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            body = json.loads(file.read(size)) if size <= _MOST_HEADER else None
    except (OSError, ValueError, struct.error, RecursionError) as error:
        raise TrainError(f"Cannot read the weights {path}: {error}; expected a whole safetensors file.") from error
    if not isinstance(body, dict):
        raise TrainError(f"Cannot read the weights {path}: it has no header; expected a whole safetensors file.")
    return body


def _facts(header: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        facts = json.loads(header.get("__metadata__", {}).get(FACTS_KEY, "{}"))
    except (ValueError, AttributeError, TypeError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _of_run(run: Path) -> dict[str, Any]:
    body = read_json(run / CARD)
    try:
        return {"model": str(body["model"]), **_crop_settings(CropSpec.from_body(body["crop"], str(run / CARD)))}
    except (KeyError, TypeError, ModelError, DataError) as error:
        raise TrainError(f"{run / CARD} is damaged ({error!r}); export or train again.") from error


def _packaged_crop(name: str) -> dict[str, Any]:
    """The crops of the packaged model of the same name, where there is one."""
    from mien.infer.classify import load_classifier
    from mien.infer.registry import ENTRIES

    return _crop_settings(load_classifier(name).crop) if name in ENTRIES else {}


def _crop_settings(crop: CropSpec) -> dict[str, Any]:
    values = asdict(crop)
    return {key: values[key] for key in ("size", "color", "margin", "shift_y")}

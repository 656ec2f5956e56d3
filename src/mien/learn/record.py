"""What a run says of itself in run.json: data, settings that matter, sizes, versions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np
import torch

from mien.core.contract import Color
from mien.data.manifest import Manifest
from mien.learn.config import Config
from mien.learn.dataset import CropTable
from mien.learn.leaks import Splits
from mien.learn.models import Network, count_macs, count_parameters
from mien.learn.runfolder import WEIGHTS
from mien.learn.targets import Head
from mien.learn.weights import weights_of

__all__ = ["data_record", "environment", "sizes"]


def data_record(manifest: Manifest, splits: Splits, config: Config, table: CropTable) -> dict[str, Any]:
    """What run.json says of data and settings."""
    return {
        "format": "mien-run/1",
        "model": config.model,
        "labels": {head.name: list(head.labels.names) for head in table.heads},
        "data": {
            "source": manifest.source,
            "sha256": manifest.digest,
            "pictures": manifest.split_counts(),
            "trained_on": len(table),
            "class_counts": {head.name: _class_counts(head) for head in table.heads},
            "leaked": splits.leaked,
            "removed_from_training": splits.removed,
            "leaks_kept": splits.kept,
        },
        "teachers": {str(run): _digest(Path(run) / WEIGHTS) for run in config.teachers},
        "weights": {config.weights: _digest(weights_of(config.weights).path)} if config.weights else {},
    }


def _class_counts(head: Head) -> dict[str, int]:
    """Training pictures of every class; by the majority of the votes where there are votes."""
    counts = np.bincount(head.label[head.label >= 0], minlength=len(head.labels))
    return dict(zip(head.labels.names, counts.tolist(), strict=True))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sizes(network: Network, config: Config, history: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Parameters, multiply-adds and seconds of training."""
    return {
        "parameters": count_parameters(network),
        "multiply_adds": count_macs(network, config.size, cast(Color, config.color)),
        "seconds": round(sum(row["seconds"] for row in history), 1),
    }


def environment(device: str) -> dict[str, Any]:
    """Versions and device of the training."""
    import platform

    import timm

    import mien

    return {
        "mien": mien.__version__,
        "torch": torch.__version__,
        "lightning": L.__version__,
        "timm": timm.__version__,
        "python": platform.python_version(),
        "device": device,
        "threads": torch.get_num_threads(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }

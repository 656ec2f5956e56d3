"""The layers of a network as a table, by torchinfo."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mien.core.contract import Color
from mien.core.errors import MissingExtraError, TrainError
from mien.core.layers import Layer, Summary
from mien.infer.classify import load_classifier
from mien.infer.registry import ENTRIES
from mien.learn.models import Network, build
from mien.learn.runfolder import WEIGHTS
from mien.learn.saved import load_network
from mien.learn.starts import packaged_weights, start_of

__all__ = ["has_layers", "layers_of", "summarize_layers"]


def has_layers(model: str | Path) -> bool:
    """Whether a model's network can be built: a run's folder, or a packaged model whose weights come with mien."""
    return Path(model).is_dir() or (str(model) in ENTRIES and str(model) in packaged_weights())


def summarize_layers(model: str | Path) -> Summary:
    """Layers of a finished run, or of a packaged model with weights to train from.

    Args:
        model: a run's folder, or a name for which `has_layers` is true.

    Raises:
        MissingExtraError: torchinfo is not installed.
        TrainError: the folder is not a finished run, or nothing says what the network is.

    """
    if Path(model).is_dir():
        run = Path(model)
        network, card = load_network(run)
        file = run / "model.onnx" if (run / "model.onnx").is_file() else run / WEIGHTS
        name, crop, labels = run.resolve().name, card.crop, card.heads[card.first_head]
    else:
        opened = load_classifier(model)
        file, name, crop, labels = opened.path, opened.name, opened.crop, opened.labels
        network = _packaged(str(model), len(labels), crop.size, crop.color)
    shape = (1, crop.size, crop.size) if crop.color == "gray" else (1, crop.size, crop.size, 3)
    return Summary(name, "layers", shape, tuple(layers_of(network, shape)), file.name, file.stat().st_size, labels)


def _packaged(name: str, classes: int, size: int, color: Color) -> Network:
    start = start_of(name)
    if start is None or "model" not in start.settings:
        raise TrainError(f"The weights of {name} do not say what their network is; install mien again.")
    return build(str(start.settings["model"]), {"labels": classes}, size=size, color=color)


def layers_of(network: nn.Module, shape: tuple[int, ...]) -> list[Layer]:
    """Layers in the order of computation; multiply-adds of convolutions and dense layers, biases left out.

    Args:
        network: left as it was.
        shape: of a batch of uint8 crops.

    Raises:
        MissingExtraError: torchinfo is not installed.

    """
    try:
        from torchinfo import summary
    except ImportError as error:
        raise MissingExtraError("The table of layers", "torchinfo", "train") from error
    device = next(network.parameters()).device
    crops = torch.zeros(shape, dtype=torch.uint8, device=device)
    found = summary(network, input_data=crops, depth=99, mode="eval", verbose=0, device=device).summary_list
    seen: set[int] = set()
    return [_layer(row, seen) for row in found if row.depth > 0]


def _layer(row: Any, seen: set[int]) -> Layer:
    """A row of torchinfo; weights that occur again count once."""
    parameters = 0
    for parameter in row.module.parameters(recurse=False):
        parameters += 0 if id(parameter) in seen else parameter.numel()
        seen.add(id(parameter))
    shape = tuple(int(size) for size in row.output_size)
    macs = 0
    if isinstance(row.module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        macs = row.module.weight.numel() * math.prod(shape[2:])
    elif isinstance(row.module, nn.Linear):
        macs = row.module.weight.numel() * math.prod(shape[1:-1])
    return Layer(_path(row), row.class_name, shape[1:], parameters, macs, row.depth - 1)


def _path(row: Any) -> str:
    """Name of a layer from the network on: trunk.layers.0."""
    names = []
    while row is not None and row.depth > 0:
        names.append(row.var_name)
        row = row.parent_info
    return ".".join(reversed(names))

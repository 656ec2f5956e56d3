"""Models by name: normalisation, trunk and heads in one network that takes crops as they come.

Because normalisation sits inside `forward`, training, evaluation and export cannot disagree about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from mien.core.contract import Color
from mien.core.errors import OptionError, unknown_name
from mien.learn.backbones import ANY_PREFIX, TIMM_NAMES, build_backbone, input_side, is_backbone
from mien.learn.nets import OWN_NETS, OWN_SIZE, build_own, fixed, standardise, to_planes
from mien.learn.weights import is_ours, load_trunk

__all__ = ["Network", "build", "count_macs", "count_parameters", "default_size", "known_models"]


class Network(nn.Module):
    """Normalisation, a trunk, and one linear head per label set.

    Args:
        trunk: planes (N, C, S, S) -> features (N, D); its attribute `features` is D.
        heads: number of classes per head, by the head's name.
        dropout: share of features that training drops in front of the heads.
        mean, std: channel means and deviations in 0..1; None standardises every picture by itself.

    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        trunk: nn.Module,
        heads: Mapping[str, int],
        dropout: float = 0.0,
        mean: tuple[float, ...] | None = None,
        std: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(cast(int, trunk.features), k) for name, k in heads.items()})
        self.register_buffer("mean", None if mean is None else torch.tensor(mean))
        self.register_buffer("std", None if std is None else torch.tensor(std))

    def linear_heads(self) -> dict[str, nn.Linear]:
        """The heads by name."""
        return {name: cast(nn.Linear, head) for name, head in self.heads.items()}

    @staticmethod
    def planes(crops: Tensor) -> Tensor:
        """Crops (N, S, S) or (N, S, S, 3), any type -> planes (N, C, S, S) float32 in the same range."""
        return to_planes(crops)

    def normalise(self, planes: Tensor) -> Tensor:
        """Planes (N, C, S, S) in 0..255 -> planes as the trunk wants them."""
        if self.mean is None or self.std is None:
            return standardise(planes)
        return fixed(planes, self.mean, self.std)

    def from_planes(self, x: Tensor) -> dict[str, Tensor]:
        """Normalised planes (N, C, S, S) -> logits (N, K) per head."""
        features = self.dropout(self.trunk(x))
        return {name: head(features) for name, head in self.heads.items()}

    def forward(self, crops: Tensor) -> dict[str, Tensor]:
        """Crops (N, S, S) or (N, S, S, 3) in 0..255 -> logits (N, K) per head."""
        return self.from_planes(self.normalise(self.planes(crops)))


def known_models() -> tuple[str, ...]:
    """Names that `build` knows, besides "timm:" and any name of timm's."""
    return (*OWN_NETS, *TIMM_NAMES)


def default_size(name: str) -> int:
    """Side of the crops that an architecture is made for, in pixels.

    Raises:
        OptionError: no architecture has such a name.

    """
    _check_name(name)
    return input_side(name) if is_backbone(name) else OWN_SIZE


def build(
    name: str,
    heads: Mapping[str, int],
    *,
    size: int,
    color: Color = "gray",
    dropout: float = 0.0,
    pretrained: bool = False,
    weights: Path | None = None,
) -> Network:
    """Network by the name of its architecture.

    Args:
        name: one of `known_models`, or "timm:" and a name of timm's.
        heads: number of classes per head.
        size: side of the crops in pixels.
        color: "gray" or "rgb".
        dropout: see `Network`.
        pretrained: let timm fetch weights; the project's own nets have none to fetch.
        weights: local file of weights: a run's model.safetensors, or one of timm's for a timm architecture.

    Raises:
        OptionError: an unknown name, or no weights to fetch.
        StoreError: weights could not be fetched.
        TrainError: the file of weights does not fit.

    """
    _check_name(name)
    channels = 1 if color == "gray" else 3
    ours = weights is not None and is_ours(weights)
    if is_backbone(name):
        foreign = None if ours else weights
        trunk, mean, std = build_backbone(name, channels, size, pretrained=pretrained, weights=foreign)
        network = Network(trunk, heads, dropout, mean, std)
    else:
        if pretrained:
            raise OptionError(f"There are no weights to fetch for {name}; name a file with --weights instead.")
        network = Network(build_own(name, channels, size), heads, dropout)
    if weights is not None and (ours or not is_backbone(name)):
        load_trunk(network, weights)
    return network


def _check_name(name: str) -> None:
    if name not in OWN_NETS and not is_backbone(name):
        raise OptionError(unknown_name("model", name, (*known_models(), f"{ANY_PREFIX}ANY")))


def count_parameters(network: nn.Module) -> int:
    """Number of trainable and frozen weights."""
    return sum(p.numel() for p in network.parameters())


def count_macs(network: Network, size: int, color: Color) -> int:
    """Multiply-adds of one crop in convolutions and dense layers."""
    total = 0

    def add(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += module.weight.numel() * output.shape[2] * output.shape[3]
        elif isinstance(module, nn.Linear):
            total += module.weight.numel() * (output.numel() // output.shape[-1])

    hooks = [m.register_forward_hook(add) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    training = network.training
    device = next(network.parameters()).device
    shape = (1, size, size) if color == "gray" else (1, size, size, 3)
    network.eval()
    with torch.no_grad():
        network(torch.zeros(shape, dtype=torch.uint8, device=device))
    network.train(training)
    for hook in hooks:
        hook.remove()
    return total

"""Targets softened by teachers: what finished runs say of the training pictures, mixed with labels and votes.

Hinton et al. 2015. Either the answers are computed once, as the mean over several random views of every picture, and
kept; or the teachers are asked at every step about the very pictures that the student sees (Beyer et al. 2022), which
costs their forward pass each time and teaches more, for mixed and changed pictures are new to them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.core.errors import TrainError
from mien.learn.augment import Augmentation, augment
from mien.learn.models import Network
from mien.learn.saved import ModelCard, load_network
from mien.learn.targets import Head

__all__ = ["VIEWS", "Teachers", "mixed", "soft_targets", "soften", "teachers_of"]

VIEWS = Augmentation(flip=0.5, shift=0.06, rotate=8, zoom=0.1, contrast=0.2, brightness=0.06)
"""How the views differ that a teacher is asked about."""

_BATCH = 512


def teachers_of(runs: Sequence[str | Path], heads: Sequence[Head], size: int, color: str) -> list[Network]:
    """Networks of finished runs, after a check that they take these crops and give these heads.

    Raises:
        TrainError: a folder is no finished run, or its crops, heads or classes are others.

    """
    networks = []
    for run in runs:
        network, card = load_network(run)
        _check(run, card, heads, size, color)
        networks.append(network)
    return networks


def _check(run: str | Path, card: ModelCard, heads: Sequence[Head], size: int, color: str) -> None:
    if (card.crop.size, card.crop.color) != (size, color):
        raise TrainError(
            f"The teacher {run} takes crops of {card.crop.size} px in {card.crop.color}, this run {size} px in "
            f"{color}; take a teacher of the same crops."
        )
    for head in heads:
        if card.heads.get(head.name) != head.labels.names:
            raise TrainError(
                f"The teacher {run} has no head {head.name!r} with the classes {', '.join(head.labels.names)}; "
                "take one that was trained with the same targets."
            )


@torch.no_grad()
def soft_targets(
    networks: Sequence[Network], crops: Tensor, *, views: int, seed: int = 0, bf16: bool = False
) -> dict[str, NDArray[np.float32]]:
    """Soft targets: mean probabilities (N, K) of every head, over networks and random views of every picture.

    Args:
        networks: teachers with the same heads.
        crops: (N, S, S) or (N, S, S, 3) uint8.
        views: how often every picture is looked at, each time changed by `VIEWS`; the first time as it is.
        seed: of the views.
        bf16: compute in bfloat16.

    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts: dict[str, list[Tensor]] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for network in networks:
            network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for start in range(0, len(crops), _BATCH):
            for name, mean in _batch(networks, crops[start : start + _BATCH].to(device), views, bf16).items():
                parts.setdefault(name, []).append(mean.cpu())
    return {name: torch.cat(blocks).numpy() for name, blocks in parts.items()}


def _batch(networks: Sequence[Network], crops: Tensor, views: int, bf16: bool) -> dict[str, Tensor]:
    sums: dict[str, Tensor] = {}
    for view in range(views):
        planes = networks[0].planes(crops)
        planes = augment(planes, VIEWS) if view else planes
        for name, share in _mean_answer(networks, planes, bf16).items():
            sums[name] = sums[name] + share / views if name in sums else share / views
    return sums


def _mean_answer(networks: Sequence[Network], planes: Tensor, bf16: bool) -> dict[str, Tensor]:
    """Mean probabilities (N, K) per head, over networks, for planes (N, C, S, S) in 0..255."""
    sums: dict[str, Tensor] = {}
    for network in networks:
        x = network.normalise(planes).contiguous(memory_format=torch.channels_last)
        with torch.autocast(planes.device.type, torch.bfloat16, enabled=bf16):
            logits = network.from_planes(x)
        for name, values in logits.items():
            share = torch.softmax(values.float(), dim=1) / len(networks)
            sums[name] = sums[name] + share if name in sums else share
    return sums


def soften(heads: Sequence[Head], said: dict[str, NDArray[np.float32]], share: float) -> tuple[Head, ...]:
    """Heads whose targets are mixed with the teachers' soft targets.

    Args:
        heads: targets (N, K) each.
        said: soft targets (N, K) per head, as `soft_targets` gives them.
        share: weight of the teachers in 0..1. A picture without a target of its own takes theirs alone.

    """
    out = []
    for head in heads:
        targets = mixed(torch.from_numpy(head.targets), torch.from_numpy(said[head.name]), share)
        out.append(dataclasses.replace(head, targets=targets.numpy()))
    return tuple(out)


def mixed(target: Tensor, said: Tensor, share: float) -> Tensor:
    """Targets (N, K) with a share of what teachers said; a picture without a target of its own takes theirs alone."""
    own = target.sum(dim=1, keepdim=True) > 0
    return torch.where(own, torch.lerp(target, said, share), said)


@final
class Teachers:
    """Networks that are asked at every step.

    Args:
        networks: teachers with the same heads, as `teachers_of` gives them.
        share: weight of the teachers' answers in 0..1 against the targets that the batch has.
        bf16: let the teachers compute in bfloat16.

    """

    def __init__(self, networks: Sequence[Network], share: float, *, bf16: bool = False) -> None:
        self._networks = [n.to(memory_format=torch.channels_last) for n in networks]
        self._share, self._bf16 = share, bf16

    @torch.no_grad()
    def soften(self, planes: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Targets (N, K) per head, mixed with what the teachers say of these planes (N, C, S, S) in 0..255.

        A picture without a target of its own takes the teachers' alone.
        """
        for network in self._networks:
            network.to(planes.device)
        said = _mean_answer(self._networks, planes, self._bf16)
        return {name: mixed(target, said[name], self._share) for name, target in targets.items()}

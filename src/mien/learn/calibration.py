"""Calibration of a network's heads on the validation split: a temperature, or vector scaling in the head's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mien.evaluate.calibrate import fit_temperature, fit_vector_scaling, vector_scaling_helps
from mien.learn.models import Network
from mien.learn.targets import Head

__all__ = ["TEMPERATURE", "VECTOR", "calibrate", "fold_vector_scaling"]

TEMPERATURE, VECTOR = "temperature", "vector scaling"


def calibrate(
    network: Network, heads: Sequence[Head], logits: Mapping[str, NDArray[np.float32]]
) -> tuple[dict[str, float], dict[str, str]]:
    """Temperature of every head, and by which method it was calibrated; vector scaling changes the network's heads.

    The method is the one with the lower log-loss on held-out fifths of the validation split. The temperature of a head
    with vector scaling is 1: scale and bias are in its weights.

    Args:
        network: its heads are calibrated in place.
        heads: labels (N,) of the validation split; pictures without a label do not count.
        logits: (N, K) of every head, by its name.

    """
    temperatures, methods = {}, {}
    for head in heads:
        counts = head.label >= 0
        z, label = logits[head.name][counts], head.label[counts]
        if vector_scaling_helps(z, label):
            fold_vector_scaling(cast(nn.Linear, network.heads[head.name]), *fit_vector_scaling(z, label))
            temperatures[head.name], methods[head.name] = 1.0, VECTOR
        else:
            temperatures[head.name], methods[head.name] = fit_temperature(z, label), TEMPERATURE
    return temperatures, methods


@torch.no_grad()
def fold_vector_scaling(head: nn.Linear, scale: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
    """Make a head give s (z - mean of z) + b where it gave z, for s and b (K,); in place."""
    s, b = (torch.as_tensor(x, dtype=torch.float64) for x in (scale, bias))
    weight, offset = head.weight.double(), head.bias.double()
    head.weight.copy_(s[:, None] * (weight - weight.mean(dim=0)))
    head.bias.copy_(s * (offset - offset.mean()) + b)

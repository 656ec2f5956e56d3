"""Channels of like size: what one range must hold for all of them, none wastes.

A channel may be divided by a number where it arises and multiplied by it where it is read, as long as only activations,
sums and enlargements lie between: the network computes the same (Nagel et al. 2019, "Data-free quantization through
weight equalization and bias correction").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mien.learn.detector.eight.network import Layer, Network

__all__ = ["equalise"]

_POWER = 0.75  # 0 leaves the channels as they are, 1 makes them alike, at the expense of the weights
_LEAST = 1e-3  # of a channel's size


@dataclass(frozen=True, eq=False)
class _Group:
    """Values whose channels share their sizes, the convolutions that give them and those that read them."""

    names: tuple[str, ...]
    writers: tuple[Layer, ...]
    readers: tuple[Layer, ...]


@torch.no_grad()
def equalise(network: Network, images: Sequence[Tensor]) -> None:
    """Change the weights of a network without ranges so that the channels of each value have sizes more alike.

    A channel's size is its largest magnitude in a picture, the mean over pictures.

    Args:
        network: computes the same afterwards, but for rounding in float.
        images: (1, H, W, 3) uint8, of training.

    """
    groups = list(_groups(network))
    sizes = [torch.zeros(len(network.weights[group.writers[0].inputs[1]])) for group in groups]
    for image in images:
        values = network.values(image)
        for group, size in zip(groups, sizes, strict=True):
            size += torch.stack([values[name].abs().amax((0, 2, 3)) for name in group.names]).mean(0) / len(images)
    for group, size in zip(groups, sizes, strict=True):
        logarithm = size.clamp(min=_LEAST).log()
        factor = (_POWER * (logarithm - logarithm.mean())).exp()
        for layer in group.writers:
            network.weights[layer.inputs[1]] /= factor[:, None, None, None]
            network.weights[layer.inputs[2]] /= factor
        for layer in group.readers:
            network.weights[layer.inputs[1]] *= factor[:, None, None]


def _groups(network: Network) -> Iterator[_Group]:
    """Groups all of whose convolutions have weights of their own, and that lead on to another convolution."""
    convolutions = [layer for layer in network.layers if layer.kind == "Conv"]
    kernels = [layer.inputs[1] for layer in convolutions]
    for names in _together(network.layers):
        writers = tuple(layer for layer in convolutions if layer.output in names)
        readers = tuple(layer for layer in convolutions if layer.inputs[0] in names)
        if readers and all(kernels.count(layer.inputs[1]) == 1 for layer in (*writers, *readers)):
            yield _Group(tuple(sorted(names)), writers, readers)


def _together(layers: Sequence[Layer]) -> list[set[str]]:
    """Names of values between which there are no convolutions."""
    groups: list[set[str]] = []
    for layer in layers:
        joined = {layer.output} if layer.kind == "Conv" else {layer.output, *layer.inputs}
        apart = [group for group in groups if not group & joined]
        touched = [group for group in groups if group & joined]
        groups = [*apart, joined.union(*touched)]
    return groups

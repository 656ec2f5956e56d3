"""Which values 8 bits hold: as few of the rare large ones as the detector's answers allow.

The smallest and the largest value of a calibration waste most of the 256 steps on values that hardly ever come, or that
mean nothing below zero, before an activation. Each tensor's limits are drawn in as long as the maps differ less from
those in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mien.learn.detector.eight.network import Network, Range

__all__ = ["difference", "fitted_ranges", "likely", "seen_ranges"]

_SHARES = (1.0, 0.8, 0.65, 0.5, 0.35)  # of a limit
_SCORE, _FACE = 4.0, 3.0  # added to logits: cells with a score above some hundredths count
_BOX, _POINT = 50.0, 5.0  # weights of boxes and landmarks, in strides squared, beside the logit's


@torch.no_grad()
def seen_ranges(network: Network, images: Sequence[Tensor]) -> dict[str, Range]:
    """Smallest and largest values of all tensors that are rounded, and 0, over pictures (1, H, W, 3).

    Leaves the network without ranges.
    """
    network.ranges = {}
    ranges: dict[str, Range] = {}
    for image in images:
        values = network.values(image)
        for name in (layer.output for layer in network.layers if layer.rounds):
            low, high = ranges.get(name, (0.0, 0.0))
            ranges[name] = min(low, float(values[name].min())), max(high, float(values[name].max()))
    return ranges


@torch.no_grad()
def fitted_ranges(network: Network, images: Sequence[Tensor], ranges: dict[str, Range]) -> dict[str, Range]:
    """Ranges that change the network's maps least, each tensor judged with all others in float.

    Args:
        network: in float32; left without ranges.
        images: (1, H, W, 3) uint8, of training; enough of them that what is rare is among them.
        ranges: what `seen_ranges` gives; no limit becomes wider.

    """
    network.ranges = {}
    fitted = {name: limits for name, limits in ranges.items() if limits[0] < limits[1]}
    for at in (1, 0):  # the upper limits, then the lower ones
        tried = {name: _tried(limits, at) for name, limits in fitted.items() if limits[at]}
        errors = {name: [0.0] * len(_SHARES) for name in tried}
        for image in images:
            values = network.values(image)
            exact = network.maps_in(values)
            for name, choices in tried.items():
                for place, limits in enumerate(choices):
                    maps = network.maps_in(network.with_limits(values, name, limits))
                    errors[name][place] += difference(exact, maps)
        fitted |= {name: tried[name][found.index(min(found))] for name, found in errors.items()}
    return fitted


def _tried(limits: Range, at: int) -> list[Range]:
    """The limits with the lower (0) or upper (1) one drawn in by each share."""
    low, high = limits
    return [(low, high * share) if at else (low * share, high) for share in _SHARES]


def difference(wanted: Sequence[Tensor], got: Sequence[Tensor]) -> float:
    """How far raw maps (1, 15, h, w) are off: squares, weighted, of cells that see a face or what passes for one."""
    total = 0.0
    for exact, other in zip(wanted, got, strict=True):
        square = (exact - other).square()
        seen = torch.sigmoid(torch.maximum(exact[:, :1], other[:, :1]) + _SCORE)
        place = _BOX * square[:, 1:5].sum(1, keepdim=True) + _POINT * square[:, 5:].sum(1, keepdim=True)
        total += float((square[:, :1] * seen + place * likely(exact)).sum())
    return total


def likely(maps: Tensor) -> Tensor:
    """Where raw maps (1, 15, h, w) see a face or what passes for one, (1, 1, h, w) in 0..1."""
    return torch.sigmoid(maps[:, :1] + _FACE)

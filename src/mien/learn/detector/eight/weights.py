"""Weights of 8 bits: what rounding one of them changes is made up for by those that are not rounded yet.

After Frantar et al. 2023 ("GPTQ"), layer by layer in the order of computation, each on what the layers before it give
in 8 bits. The bias, which keeps 32 bits, is the last to make up.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mien.learn.detector.eight.network import WEIGHT_STEPS, Layer, Network, step_of
from mien.learn.detector.eight.ranges import likely

__all__ = ["compensated", "round_weights"]

_PLACES = 400  # of a map, that a picture's moments are of
_FACES = 20.0  # how much more often a place is taken where a face is seen, besides 1
_DAMPING = 0.01  # of the mean second moment, on the diagonal
_TINY = 1e-9  # where all that a layer reads is 0


@torch.no_grad()
def round_weights(network: Network, images: Sequence[Tensor], seed: int = 1) -> None:
    """Round the weights of a network that has ranges.

    Args:
        network: its kernels become multiples of `step_of` what they were; the biases change.
        images: (1, H, W, 3) of values 0..255, of training.
        seed: of the places that are drawn.

    """
    generator = torch.Generator().manual_seed(seed)
    places = [_faces(network.maps(image)) for image in images]
    for layer in (one for one in network.layers if one.kind == "Conv" and one.eight):
        kernel, bias = (network.weights[name] for name in layer.inputs[1:3])
        moments = torch.zeros(kernel[0].numel() + 1, kernel[0].numel() + 1, dtype=torch.float64)
        for image, where in zip(images, places, strict=True):
            given = network.values(image, layer.inputs[0])[layer.inputs[0]]
            columns = _columns(given, where, layer, kernel.shape[2:], generator)
            moments += columns @ columns.T / (columns.shape[1] * len(images))
        rows = torch.cat([kernel.flatten(1), bias[:, None]], 1).double()
        rows = compensated(rows, moments, step_of(kernel).double())
        kernel.copy_(rows[:, :-1].reshape(kernel.shape))
        bias.copy_(rows[:, -1])


def compensated(rows: Tensor, moments: Tensor, steps: Tensor) -> Tensor:
    """Rows (O, K + 1) of weights, all but the last column rounded to multiples of `steps` (O,).

    Args:
        rows: a row for each output, the bias last.
        moments: (K + 1, K + 1) mean products of what the weights are multiplied by; 1 for the bias.
        steps: what a rounded weight is a multiple of; at most 64 of them either way.

    """
    count = rows.shape[1] - 1
    largest = moments.diagonal()[:count]
    order = torch.cat([largest.argsort(descending=True), torch.tensor([count])])  # those that matter most first
    damping = torch.full((count + 1,), max(_DAMPING * float(largest.mean()), _TINY)).double()
    damping[count] = 0.0  # nothing holds the bias back
    rows, moments = rows[:, order].clone(), moments[order][:, order] + torch.diag(damping)
    factor = torch.linalg.cholesky(torch.linalg.inv(moments), upper=True)
    for column in range(count):
        rounded = (rows[:, column] / steps).round().clamp(-WEIGHT_STEPS, WEIGHT_STEPS) * steps
        missed = (rows[:, column] - rounded) / factor[column, column]
        rows[:, column + 1 :] -= missed[:, None] * factor[column, column + 1 :]
        rows[:, column] = rounded
    return rows[:, order.argsort()]


def _faces(maps: Sequence[Tensor]) -> Tensor:
    """Where a picture's maps (1, 15, h, w) see a face or what passes for one: (1, 1, h, w) in 0..1, of the finest."""
    near = [F.max_pool2d(likely(one), 3, 1, 1) for one in maps]
    size = max(tuple(one.shape[2:]) for one in near)
    return torch.stack([F.interpolate(one, size) for one in near]).amax(0)


def _columns(given: Tensor, faces: Tensor, layer: Layer, kernel: torch.Size, generator: torch.Generator) -> Tensor:
    """What a convolution multiplies its weights by at some places, (K + 1, P): K numbers and a 1 for each."""
    (rows, columns), (down, right) = layer.padding, layer.stride
    padded = F.pad(given, (columns, columns, rows, rows))
    high, wide = ((padded.shape[2] - kernel[0]) // down + 1, (padded.shape[3] - kernel[1]) // right + 1)
    finer = high > faces.shape[2]
    chance = F.interpolate(faces, (high, wide), mode="nearest" if finer else "area").flatten() * _FACES + 1
    drawn = torch.multinomial(chance, min(_PLACES, high * wide), generator=generator)
    top, left = drawn // wide * down, drawn % wide * right
    around = [padded[0, :, top + y, left + x] for y in range(kernel[0]) for x in range(kernel[1])]  # (I, P) each
    taken = torch.stack(around, 1).flatten(0, 1)
    return torch.cat([taken, torch.ones(1, len(drawn))]).double()

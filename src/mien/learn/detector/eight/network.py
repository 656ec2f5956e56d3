"""A detector's graph in torch, as it computes in 8 bits: every value may be rounded as ONNX Runtime rounds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional as F

__all__ = ["WEIGHT_STEPS", "Layer", "Network", "Range", "step_of"]

Range = tuple[float, float]
"""Smallest and largest value that a tensor's 8 bits hold; 0 lies between them."""

_MIDDLE = 128.0  # what the graph takes from the pixels' values
_LEVELS = 255
WEIGHT_STEPS = 64
"""Steps of a rounded weight either way: 7 bits with a sign (`mien.learn.quantize.eight_bit`)."""

_KINDS = ("Conv", "Relu", "Add", "Resize")


@dataclass(frozen=True)
class Layer:
    """An operator of the graph.

    Args:
        kind: "Conv", "Relu", "Add" or "Resize" (to twice the side, nearest).
        inputs: names of the values that it reads; of a convolution the kernel and the bias, too.
        output: name of what it gives.
        stride: of a convolution, (rows, columns).
        padding: of a convolution, (rows, columns) on either side.
        eight: whether it computes in 8 bits.
        rounds: whether what it gives is rounded.

    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    stride: tuple[int, int]
    padding: tuple[int, int]
    eight: bool
    rounds: bool


class Network:
    """The part of a detector's graph between the pixels and the raw maps.

    Args:
        graph: in float32, as it is quantised: a convolution's norm in its weights.
        kept: names of the nodes that stay in float; the last convolutions, which give the maps, are among them.

    Attributes:
        layers: in the order of computation.
        weights: kernels (O, I, H, W) and biases (O,) by name.
        ranges: of the values that are rounded, by name; a value without one stays as it is.

    """

    def __init__(self, graph: onnx.GraphProto, kept: Collection[str]) -> None:
        nodes = [node for node in graph.node if node.op_type in _KINDS]
        used = {name for node in nodes if node.op_type == "Conv" for name in node.input[1:]}
        self.weights = {
            item.name: torch.from_numpy(np.array(numpy_helper.to_array(item))).float()
            for item in graph.initializer
            if item.name in used
        }
        self.layers = [_layer(node, nodes, kept) for node in nodes]
        self.ranges: dict[str, Range] = {}
        read = {name for layer in self.layers for name in layer.inputs}
        self._maps = [layer.output for layer in self.layers if layer.output not in read]

    def maps(self, image: Tensor) -> list[Tensor]:
        """Raw maps (1, 15, h, w), the score as a logit, of a picture (1, H, W, 3) uint8."""
        return self.maps_in(self.values(image))

    def maps_in(self, values: Mapping[str, Tensor]) -> list[Tensor]:
        """The raw maps among all values of a picture."""
        return [values[name] for name in self._maps]

    def values(self, image: Tensor, last: str = "") -> dict[str, Tensor]:
        """All values inside the graph for a picture, by name, up to the one called `last`."""
        height, width = image.shape[1:3]
        values = {self.layers[0].inputs[0]: (image.float() - _MIDDLE).reshape(1, 1, height, 3 * width)}
        self._run(values, 0, last)
        return values

    def with_limits(self, values: Mapping[str, Tensor], name: str, limits: Range) -> dict[str, Tensor]:
        """All values, given those that `values` gave, if one of them is rounded (once more)."""
        changed = {**values, name: _rounded(values[name], limits)}
        self._run(changed, 1 + next(i for i, layer in enumerate(self.layers) if layer.output == name))
        return changed

    def _run(self, values: dict[str, Tensor], start: int, last: str = "") -> None:
        for layer in self.layers[start:]:
            value = self._computed(layer, [values[name] for name in layer.inputs if name in values])
            limits = self.ranges.get(layer.output) if layer.rounds else None
            values[layer.output] = value if limits is None else _rounded(value, limits)
            if layer.output == last:
                break

    def _computed(self, layer: Layer, given: Sequence[Tensor]) -> Tensor:
        if layer.kind == "Conv":
            kernel, bias = (self.weights[name] for name in layer.inputs[1:3])
            return F.conv2d(given[0], kernel, bias, layer.stride, layer.padding)
        if layer.kind == "Relu":
            return given[0].relu()
        if layer.kind == "Add":
            return given[0] + given[1]
        return F.interpolate(given[0], scale_factor=2.0, mode="nearest")


def step_of(kernel: Tensor) -> Tensor:
    """What one step of 8-bit weights is worth, for each output (O,) of a kernel (O, I, H, W)."""
    return (kernel.abs().amax((1, 2, 3)) / WEIGHT_STEPS).clamp(min=torch.finfo(torch.float32).tiny)


def _rounded(value: Tensor, limits: Range) -> Tensor:
    low, high = limits
    step = (high - low) / _LEVELS
    zero = round(-low / step)
    return ((value / step).round() + zero).clamp(0, _LEVELS).sub(zero).mul(step)


def _layer(node: onnx.NodeProto, nodes: Sequence[onnx.NodeProto], kept: Collection[str]) -> Layer:
    readers = [other for other in nodes if node.output[0] in other.input]
    eight = node.name not in kept
    # The runtime computes an activation together with the one operator before it.
    joined = node.op_type in {"Conv", "Add"} and [other.op_type for other in readers] == ["Relu"]
    needed = any(other.name not in kept for other in readers) or eight
    shared = node.op_type == "Resize"  # gives what it reads, rounded as that is
    numbers = {a.name: (*a.ints, 0, 0)[:2] for a in node.attribute}
    return Layer(
        node.op_type,
        tuple(node.input[:1] if node.op_type == "Resize" else node.input),
        node.output[0],
        numbers.get("strides", (1, 1)),
        numbers.get("pads", (0, 0)),
        eight,
        needed and not joined and not shared,
    )

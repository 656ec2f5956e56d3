"""From the network inside a detector's file back to one that can learn on (`mien.learn.detector.recover`)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from mien.core.errors import TrainError
from mien.learn.detector.net import Widths
from mien.learn.detector.recover import measure, plain
from mien.learn.detector.second.export import SecondFile
from mien.learn.detector.second.net import SecondNet

__all__ = ["filled_second", "layers_of", "recovered_second"]

_OF_POINTS = 2  # layers that give the landmarks, the last ones


def recovered_second(file: SecondFile, widths: Widths, squares: Iterable[Tensor]) -> SecondNet:
    """Network with the weights of a second look's file.

    Args:
        file: in float32.
        widths: of the detector whose first stages it has.
        squares: batches (N, 3, S, S) of values 0..255 as in training, which give the norms' statistics.

    Raises:
        TrainError: the file is in 8 bit, or of another network.

    """
    net = filled_second(file, widths)
    measure(net, squares)
    return net


def filled_second(file: SecondFile, widths: Widths) -> SecondNet:
    """The same without statistics: it answers as the file does, but cannot learn.

    Raises:
        TrainError: as `recovered_second`.

    """
    net = SecondNet(widths, file.side)
    try:
        _fill(net, file.data)
    except (ValueError, RuntimeError, IndexError, KeyError) as error:
        raise TrainError(
            f"The file's second look is not a float32 network of these widths ({error}); take the float32 file of a "
            "run with the same widths."
        ) from error
    return net


def layers_of(graph: onnx.GraphProto) -> list[list[str]]:
    """Names of weight and bias of every layer of a network's file, in the order of the forward pass."""
    return [list(node.input[1:]) for node in graph.node if node.op_type in {"Conv", "Gemm"}]


@torch.no_grad()
def _fill(net: SecondNet, data: bytes) -> None:
    """Weights into a network whose norms do nothing but add the bias."""
    graph = onnx.load_from_string(data).graph
    values = {item.name: torch.from_numpy(np.array(numpy_helper.to_array(item))) for item in graph.initializer}
    known = [[values[name] for name in names] for names in layers_of(graph)]
    known[0][0] = known[0][0] / net.unit
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    if len(known) == len(layers) - _OF_POINTS:
        layers = layers[: len(known)]  # a file from before it had landmarks, which the network learns anew
    for layer, (weight, bias) in zip(layers, known, strict=True):
        if layer.weight.shape != weight.shape:
            raise ValueError(f"a layer of {tuple(weight.shape)} instead of {tuple(layer.weight.shape)}")
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.copy_(bias)
    for norm, (_, bias) in zip(norms, known[: len(norms)], strict=True):
        plain(norm, torch.ones(len(bias)), bias)

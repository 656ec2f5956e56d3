"""Rounded weights into the file that ONNX Runtime's quantiser made of the same graph."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.learn.detector.eight.network import Network

__all__ = ["write_floats", "write_weights"]

_SUFFIX = "_quantized"  # of what the quantiser makes of a weight


def write_floats(graph: onnx.GraphProto, network: Network) -> None:
    """Put a network's kernels and biases into the graph in float32 that it is of."""
    for item in graph.initializer:
        if item.name in network.weights:
            item.CopyFrom(numpy_helper.from_array(network.weights[item.name].numpy(), item.name))


def write_weights(model: onnx.ModelProto, network: Network) -> None:
    """Put a network's rounded kernels and its biases in the place of those of the quantiser; their scales stay.

    Args:
        model: of the graph that the network is of, in 8 bits, its ranges the network's.
        network: after `mien.learn.detector.eight.weights.round_weights`.

    """
    stored = {item.name: item for item in model.graph.initializer}
    behind = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in behind:
            continue
        for name in node.input[1:3]:
            number, scale = behind[name].input[:2]
            exact = network.weights[number.removesuffix(_SUFFIX)].numpy()
            kind = numpy_helper.to_array(stored[number]).dtype
            steps = _steps(exact, numpy_helper.to_array(stored[scale]))
            stored[number].CopyFrom(numpy_helper.from_array(steps.astype(kind), number))


def _steps(values: NDArray[np.float32], scales: NDArray[np.float32]) -> NDArray[np.float64]:
    """Whole numbers of scales (O,) that come nearest to values (O, ...)."""
    return np.rint(values / scales.astype(np.float64).reshape(-1, *[1] * (values.ndim - 1)))

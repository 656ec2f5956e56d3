"""Mean of the weights of two files' networks for second looks (Wortsman et al. 2022, "Model soups")."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mien.core.errors import TrainError
from mien.learn.detector.second.export import SecondFile

__all__ = ["mixed_second"]

_LAYERS = {"Conv", "Gemm"}


def mixed_second(file: SecondFile, other: SecondFile, share: float) -> SecondFile:
    """The mean of two networks; layers that the other has not stay as they are.

    Args:
        file: in float32.
        other: of the same layers, in float32, perhaps from before there were landmarks.
        share: of the other's weights, in 0..1.

    Raises:
        TrainError: the other is in 8 bit or of other layers.

    """
    model = onnx.load_from_string(file.data)
    values = {item.name: item for item in model.graph.initializer}
    ours, theirs = _layers(model.graph), _weights(onnx.load_from_string(other.data).graph)
    if not theirs or len(theirs) > len(ours):
        raise TrainError("The second look to mix in is not a float32 network of these layers; choose another file.")
    for names, weights in zip(ours, theirs, strict=False):
        for name, weight in zip(names, weights, strict=True):
            own = numpy_helper.to_array(values[name])
            if own.shape != weight.shape:
                raise TrainError(f"The second look to mix in has a layer of {weight.shape} instead of {own.shape}.")
            mean = own + np.float32(share) * (weight - own)
            values[name].CopyFrom(numpy_helper.from_array(mean.astype(own.dtype), name))
    return replace(file, data=model.SerializeToString())


def _layers(graph: onnx.GraphProto) -> list[list[str]]:
    """Names of the weights of every layer, in the order of the forward pass."""
    return [list(node.input[1:]) for node in graph.node if node.op_type in _LAYERS]


def _weights(graph: onnx.GraphProto) -> list[list[NDArray[np.float32]]]:
    """Weights of every layer; none where they are not kept as such, as in 8 bit."""
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    if any(name not in values or values[name].dtype != np.float32 for names in _layers(graph) for name in names):
        return []
    return [[values[name] for name in names] for names in _layers(graph)]

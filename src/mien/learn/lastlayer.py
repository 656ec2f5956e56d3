"""The last layer of a model file: what goes into it, and another one in its place.

Works on the graph, so that it takes every float32 model file whose probabilities are the softmax of one dense layer,
divided by a temperature or not.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from mien.core.contract import INPUT_NAME
from mien.core.errors import ModelError
from mien.learn.export import load_onnx, one_thread

__all__ = ["LastLayer", "last_layer"]

_BATCH = 256


class _Found(NamedTuple):
    node: onnx.NodeProto
    weight: onnx.TensorProto
    bias: onnx.TensorProto
    temperature: float


class LastLayer:
    """The last dense layer of a model's graph.

    Args:
        model: float32, its weights not stored as halves; `replaced` leaves it as it is.
        where: its file, for messages.

    Raises:
        ModelError: the graph does not end in one dense layer and a softmax.

    """

    def __init__(self, model: onnx.ModelProto, where: str) -> None:
        self._model, self._where = model, where
        found = self._find(model)
        weight, bias = (torch.from_numpy(numpy_helper.to_array(t).copy()) for t in (found.weight, found.bias))
        self.head = nn.Linear(weight.shape[1], weight.shape[0]).requires_grad_(False)
        self.head.weight.copy_(weight / found.temperature)
        self.head.bias.copy_(bias / found.temperature)
        self._features_name = found.node.input[0]

    def features(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the layer sees (N, F) of crops (N, S, S) or (N, S, S, 3) uint8, on one thread."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        model.graph.output.append(helper.make_tensor_value_info(self._features_name, TensorProto.FLOAT, None))
        session = one_thread(model.SerializeToString())
        blocks = (crops[i : i + _BATCH] for i in range(0, len(crops), _BATCH))
        return np.concatenate([session.run([self._features_name], {INPUT_NAME: block})[0] for block in blocks])

    def replaced(self, head: nn.Linear) -> onnx.ModelProto:
        """A copy of the model with another layer of the same size; its temperature, if any, is made up for."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        found = self._find(model)
        for tensor, values in ((found.weight, head.weight), (found.bias, head.bias)):
            scaled = values.detach().numpy() * np.float32(found.temperature)
            tensor.CopyFrom(numpy_helper.from_array(scaled, tensor.name))
        return model

    def _find(self, model: onnx.ModelProto) -> _Found:
        """The layer's node and tensors in a copy of the graph."""
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        by_output = {node.output[0]: node for node in model.graph.node}
        soft = by_output.get(model.graph.output[0].name)
        node = by_output.get(soft.input[0]) if soft is not None and soft.op_type == "Softmax" else None
        temperature = 1.0
        if node is not None and node.op_type == "Div" and node.input[1] in tensors:
            temperature = float(numpy_helper.to_array(tensors[node.input[1]]).reshape(-1)[0])
            node = by_output.get(node.input[0])
        known = [tensors.get(name) for name in node.input[1:]] if node is not None and node.op_type == "Gemm" else []
        transposed = node is not None and any(a.name == "transB" and a.i == 1 for a in node.attribute)
        if len(known) != 2 or None in known or not transposed:
            raise ModelError(f"{self._where} does not end in one dense layer and a softmax; name a file that does.")
        weight, bias = known
        assert node is not None
        assert weight is not None
        assert bias is not None
        return _Found(node, weight, bias, temperature)


def last_layer(path: Path | str) -> LastLayer:
    """The last layer of a float32 model file, also of one that stores its weights as halves.

    Raises:
        ModelError: the file cannot be read, or does not end so.

    """
    return LastLayer(_whole(load_onnx(path)), str(path))


def _whole(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with weights in float32 that `mien.learn.halve` stored as halves."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    casts = [n for n in model.graph.node if n.op_type == "Cast" and n.input[0] in tensors]
    for node in casts:
        values = numpy_helper.to_array(tensors[node.input[0]]).astype(np.float32)
        tensors[node.input[0]].CopyFrom(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)
    return model

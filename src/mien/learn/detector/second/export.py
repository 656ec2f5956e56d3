"""A second look's network as an ONNX file, in float32 or 8 bit, as it lies in a detector's file."""

from __future__ import annotations

import copy
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from mien.core.contract import SECOND_INPUT_NAME, SECOND_OUTPUT_NAME, SECOND_POINTS_NAME
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.infer.detectors.second_network import network_inside
from mien.infer.session import read_model
from mien.learn.detector.second.net import SecondNet
from mien.learn.quantize import PERCENTILE, Batches, eight_bit, outer

__all__ = ["SecondFile", "network_file", "quantized_file", "second_file"]

_OUTPUTS = [SECOND_OUTPUT_NAME, SECOND_POINTS_NAME]
_OPSET = 17
_BATCH = 64
_OPERATORS = ("Conv", "Relu", "Add", "AveragePool", "Concat")


@dataclass(frozen=True)
class SecondFile:
    """A second look's network as it lies in a detector's file, and which squares it takes.

    Args:
        data: bytes of an ONNX file.
        side: of the squares, px.
        margin: side of a square as a multiple of the square root of the area of the face's box.
        points: whether it gives landmarks.

    """

    data: bytes
    side: int
    margin: float
    points: bool = True


def second_file(detector: Path) -> SecondFile | None:
    """The network inside a detector's file, or None where it has no second look.

    Raises:
        ModelError: not a detector's file.

    """
    look = OwnDetector(detector, DetectOptions()).info.second_look
    if look is None:
        return None
    return SecondFile(network_inside(read_model(detector)), look.side, look.margin, look.points is not None)


class _Exported(nn.Module):
    """Pixels (N, S, S, 3) uint8 BGR in, chances (N,) in 0..1 and landmarks (N, 5, 2) out."""

    def __init__(self, net: SecondNet) -> None:
        super().__init__()
        self.net = copy.deepcopy(net).eval()
        with torch.no_grad():
            next(self.net.stem.parameters()).mul_(self.net.unit)
        self.net.unit = 1.0

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        logits, points = self.net(squares.permute(0, 3, 1, 2).float())
        return logits.sigmoid(), points


def network_file(net: SecondNet, margin: float) -> SecondFile:
    """An ONNX file for any number of squares."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that keeps plain operators announces its retirement
        torch.onnx.export(
            _Exported(net).eval(),
            (torch.zeros(2, net.side, net.side, 3, dtype=torch.uint8),),
            f"{folder}/net.onnx",
            input_names=[SECOND_INPUT_NAME],
            output_names=_OUTPUTS,
            dynamic_axes={name: {0: "faces"} for name in (SECOND_INPUT_NAME, *_OUTPUTS)},
            opset_version=_OPSET,
            dynamo=False,
        )
        return SecondFile(_checked(onnx.load(f"{folder}/net.onnx")), net.side, margin)


def quantized_file(source: SecondFile, squares: NDArray[np.uint8]) -> SecondFile:
    """An 8-bit copy of a network's file; the first convolution and the last layers stay in float, their weights halved.

    Args:
        source: what `network_file` gives.
        squares: of training photographs, which set the ranges, (N, S, S, 3) uint8.

    """
    kept = outer(onnx.load_from_string(source.data).graph)
    batches = Batches(squares, SECOND_INPUT_NAME, _BATCH)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.onnx"
        file.write_bytes(source.data)
        model = eight_bit(file, batches, _OPERATORS, kept, percentile=PERCENTILE)
    _halve_last(model.graph)
    return replace(source, data=_checked(model))


def _checked(model: onnx.ModelProto) -> bytes:
    model.doc_string = ""
    _shorten(model.graph)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _halve_last(graph: onnx.GraphProto) -> None:
    """Keep the weights of fully connected layers in half precision: they would be a tenth of the file."""
    values = {item.name: item for item in graph.initializer}
    for place, node in reversed(list(enumerate(graph.node))):
        if node.op_type == "Gemm" and node.input[1] in values:
            weight = values[node.input[1]]
            half = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(half, f"{node.input[1]}_half"))
            cast = helper.make_node("Cast", [weight.name], [node.input[1]], f"{node.name}_cast", to=TensorProto.FLOAT)
            graph.node.insert(place, cast)


def _shorten(graph: onnx.GraphProto) -> None:
    """Short names for all values inside: the long ones would be a tenth of the 8-bit file."""
    names = {item.name: item.name for item in (*graph.input, *graph.output)} | {"": ""}

    def short(name: str) -> str:
        return names.setdefault(name, f"v{len(names)}")

    for item in graph.initializer:
        item.name = short(item.name)
    for number, node in enumerate(graph.node):
        node.name = f"n{number}"
        for field in (node.input, node.output):
            field[:] = [short(name) for name in field]
    del graph.value_info[:]

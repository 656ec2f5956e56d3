"""From a checkpoint to a model file that explains itself."""

from __future__ import annotations

import copy
import tempfile
import warnings
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from mien.core.contract import DETECTOR_INPUT_NAME, METADATA_KEY, SECOND_LOOK_KEY, DetectorInfo
from mien.core.errors import OutputError
from mien.core.files import atomic_write
from mien.learn.detector.config import STRIDES
from mien.learn.detector.net import DetectorNet

__all__ = ["Exported", "export_detector", "write_detector"]

_OPSET = 17


class Exported(nn.Module):
    """The network as it ships: pixels (1, H, W, 3) uint8 BGR in, maps with scores in 0..1 out."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = _folded(net)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Maps (1, 15, H / s, W / s) for each stride s."""
        maps = self.net(image.permute(0, 3, 1, 2).float())
        return tuple(torch.cat([m[:, :1].sigmoid(), m[:, 1:]], 1) for m in maps)


def _folded(net: DetectorNet) -> DetectorNet:
    """Copy of a network that ships better.

    Its first convolution takes the pixels' values as they are: one pass over them less. The norms of the head are plain
    products and sums, so that the file holds the one convolution before them once.
    """
    copied = copy.deepcopy(net).eval()
    first = next(copied.stem.parameters())
    with torch.no_grad():
        first.mul_(copied.unit)
    copied.unit = 1.0
    copied.norms = nn.ModuleList(_Affine(norm) for norm in copied.norms)
    return copied


class _Affine(nn.Module):
    """A batch norm with fixed statistics as one product and one sum."""

    factor: Tensor
    shift: Tensor

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        values = norm.state_dict()
        factor = values["weight"] / (values["running_var"] + getattr(norm, "eps", 0.0)).sqrt()
        self.register_buffer("factor", factor[:, None, None])
        self.register_buffer("shift", (values["bias"] - values["running_mean"] * factor)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.shift


def _lean_start(graph: onnx.GraphProto) -> None:
    """Take the pixels in their own order; the outputs stay the same.

    Transposing, casting and centring the picture were three passes over it. A picture (1, H, W, 3) is in memory also
    one plane (1, 1, H, 3 W), and a convolution of 3 x 3 px over three planes is one of 3 x 9 numbers over that; casting
    and centring together are one `DequantizeLinear`.
    """
    start = [node for node in graph.node if node.op_type in {"Transpose", "Cast", "Sub"}]
    convolution = next(node for node in graph.node if node.op_type == "Conv")
    assert [node.op_type for node in start] == ["Transpose", "Cast", "Sub"]
    assert convolution.input[0] == start[-1].output[0]
    for node in [*start, *(n for n in graph.node if n.output[0] == start[-1].input[1])]:
        graph.node.remove(node)
    weights = next(item for item in graph.initializer if item.name == convolution.input[1])
    kernel = numpy_helper.to_array(weights)  # (O, 3, 3, 3): output, plane, row, column
    rows = np.ascontiguousarray(kernel.transpose(0, 2, 3, 1)).reshape(-1, 1, 3, 9)
    weights.CopyFrom(numpy_helper.from_array(rows, weights.name))
    shape = {"kernel_shape": [3, 9], "strides": [2, 6], "pads": [1, 3, 1, 3], "dilations": [1, 1], "group": 1}
    del convolution.attribute[:]
    convolution.attribute.extend(helper.make_attribute(key, value) for key, value in shape.items())
    convolution.input[0] = "plane"
    constants = {
        "unit": np.float32(1),
        "middle": np.uint8(128),
        "axis": np.array([1], np.int64),
        "join": np.array([0, 0, 0, -1], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), key) for key, v in constants.items())
    first = (
        helper.make_node("DequantizeLinear", [DETECTOR_INPUT_NAME, "unit", "middle"], ["centred"]),
        helper.make_node("Unsqueeze", ["centred", "axis"], ["pixels"]),  # (1, 1, H, W, 3)
        helper.make_node("Reshape", ["pixels", "join"], ["plane"]),  # (1, 1, H, 3 W)
    )
    for place, node in enumerate(first):
        graph.node.insert(place, node)


def export_detector(net: DetectorNet, info: DetectorInfo, path: Path) -> None:
    """Write a network and its metadata as one ONNX file with dynamic height and width, without a second look.

    Raises:
        OutputError: the file cannot be written.

    """
    names = [f"stride{stride}" for stride in STRIDES]
    axes: dict[str, Any] = {name: {2: f"rows{name[6:]}", 3: f"columns{name[6:]}"} for name in names}
    axes[DETECTOR_INPUT_NAME] = {1: "height", 2: "width"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that keeps plain operators announces its retirement
        torch.onnx.export(
            Exported(net).eval(),
            (torch.zeros(1, 64, 96, 3, dtype=torch.uint8),),
            f"{folder}/net.onnx",
            input_names=[DETECTOR_INPUT_NAME],
            output_names=names,
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
        model = onnx.load(f"{folder}/net.onnx")
    _lean_start(model.graph)
    write_detector(model, info, path)


def write_detector(model: onnx.ModelProto, info: DetectorInfo, path: Path, second: bytes | None = None) -> None:
    """Write a detector's graph with its metadata.

    Args:
        model: the graph.
        info: the metadata.
        path: the file.
        second: the second look's network, an ONNX file; it is left out where `info` has no second look.

    Raises:
        OutputError: the file cannot be written.

    """
    model.doc_string = ""
    del model.metadata_props[:]
    texts = {METADATA_KEY: info.to_json()}
    if second is not None and info.second_look is not None:
        texts[SECOND_LOOK_KEY] = b64encode(second).decode()
    for key, value in texts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    try:
        with atomic_write(path) as file:
            file.write(model.SerializeToString())
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error

"""The detector in 8 bit: convolutions and what lies between them, their ranges set by training photographs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader

from mien.core.contract import DETECTOR_INPUT_NAME
from mien.data.faces import FacePicture, load_bgr
from mien.infer.detectors.own import VALUES
from mien.learn.detector.config import STRIDES
from mien.learn.quantize import eight_bit

__all__ = ["quantized"]

_OPERATORS = ("Conv", "Relu", "Add", "Resize")  # with Relu, so that it becomes a part of the convolution before it


class _Photographs(CalibrationDataReader):
    """Photographs one by one, as the detector sees them."""

    def __init__(self, pictures: Sequence[FacePicture], side: int) -> None:
        self._images: Iterator[NDArray[np.uint8]] = (_padded(load_bgr(picture), side) for picture in pictures)

    def get_next(self) -> dict[str, Any] | None:
        """The next photograph, or None at the end."""
        image = next(self._images, None)
        return None if image is None else {DETECTOR_INPUT_NAME: image}


def _padded(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """(1, H, W, 3) with sides of at most `side`, padded with black to multiples of the largest stride."""
    factor = side / max(image.shape[:2])
    if factor < 1:
        image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = image.shape[:2]
    step = STRIDES[-1]
    canvas = np.zeros((1, -(-height // step) * step, -(-width // step) * step, 3), np.uint8)
    canvas[0, :height, :width] = image
    return canvas


def quantized(source: Path, pictures: Sequence[FacePicture], side: int) -> onnx.ModelProto:
    """Graph of a detector's file in 8 bit.

    The first convolution stays in float: with so few inputs the runtime gathers its pixels one by one, which takes
    four times as long as the float layer. So does the last, whose outputs are the boxes.

    Args:
        source: the file in float32.
        pictures: training photographs that set the ranges.
        side: longest side in pixels at which they are looked at.

    Raises:
        DataError: a photograph cannot be read.

    """
    model = onnx.load(str(source))
    graph = model.graph
    _float_start(graph)
    _fold(graph)
    _drop_unused(graph)
    first = next(node for node in graph.node if node.op_type == "Conv")
    relu = next(node for node in graph.node if first.output[0] in node.input)
    outer = {item.name for item in graph.initializer if item.dims and item.dims[0] == VALUES}
    last = [node.name for node in graph.node if node.op_type == "Conv" and node.input[1] in outer]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.onnx"
        onnx.save(model, str(file))
        return eight_bit(file, _Photographs(pictures, side), _OPERATORS, [first.name, relu.name, *last])


def _fold(graph: onnx.GraphProto) -> None:
    """Put the product and the sum after a convolution (the head's norms) into a copy of its weights."""
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    readers = {name: node for node in graph.node for name in node.input}
    for node in [n for n in graph.node if n.op_type == "Conv"]:
        product = readers.get(node.output[0])
        total = readers.get(product.output[0]) if product is not None and product.op_type == "Mul" else None
        if product is None or total is None or total.op_type != "Add":
            continue
        factor, shift = (values[next(i for i in n.input if i in values)].ravel() for n in (product, total))
        weights = values[node.input[1]] * factor[:, None, None, None]
        copies = {f"{node.name}/weights": weights, f"{node.name}/bias": shift}
        graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in copies.items())
        del node.input[1:]
        node.input.extend(copies)
        node.output[0] = total.output[0]
        graph.node.remove(product)
        graph.node.remove(total)


def _float_start(graph: onnx.GraphProto) -> None:
    """Centre the pixels by a cast and a difference.

    After `DequantizeLinear` the runtime would compute the first convolution in 8 bits all the same.
    """
    start = graph.node[0]
    if start.op_type != "DequantizeLinear":
        return  # a file of an older export
    graph.node.remove(start)
    graph.initializer.append(numpy_helper.from_array(np.float32(128), "middle_value"))
    cast = helper.make_node("Cast", [DETECTOR_INPUT_NAME], ["pixel_values"], to=onnx.TensorProto.FLOAT, name="cast")
    centre = helper.make_node("Sub", ["pixel_values", "middle_value"], list(start.output), name="centre")
    graph.node.insert(0, cast)
    graph.node.insert(1, centre)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Take out the weights that no node reads any more."""
    used = {name for node in graph.node for name in node.input}
    for item in [i for i in graph.initializer if i.name not in used]:
        graph.initializer.remove(item)

"""The operators of a model file as a table: shapes by running the graph once, the rest by counting.

Needs ONNX Runtime alone, neither torch nor the package onnx.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.contract import METADATA_KEY
from mien.core.errors import ModelError
from mien.core.layers import Layer, Summary
from mien.core.text import parse_json
from mien.infer.detectors.second_network import network_inside
from mien.infer.session import OnnxFile, read_model
from mien.infer.wire import Node, Tensor, output_fields, read_graph

__all__ = ["summarize_file"]

FREE_SIDE = 320
"""Pixels that stand for a height or width that the graph leaves open."""

_TYPES = {
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
}
_WEIGHT_AT = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "ConvTranspose": 1}  # input that holds the kernel
_PRODUCTS = ("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul")
_WEIGHT_TYPES = {1, 2, 3, 6, 10, 11, 16}  # float, uint8, int8, int32 (biases), float16, double, bfloat16
_PASSING = ("DequantizeLinear", "QuantizeLinear", "Constant", "Cast", "Identity")

_Sizes = dict[str, tuple[int, ...]]
Shapes = Mapping[str, tuple[int, ...]]


def summarize_file(path: Path, name: str = "") -> Summary:
    """Operators of an ONNX file with their output shapes, parameters and multiply-adds.

    What only changes the numbers' type (quantisation, casts of constants) is left out; the weights behind it count for
    the operator that reads them. Scales, zero points and single numbers are no parameters. A detector's network for
    second looks is shown as `Summary.inside`, for one face.

    Args:
        path: the file; any ONNX model of pictures will do.
        name: what to call it; "" takes the name in its metadata, else the file's.

    Raises:
        ModelError: no such file, not an ONNX model, or one whose input cannot be made up.

    """
    data = read_model(path)
    found = _summarized(data, path, name)
    try:
        second = network_inside(data)
    except ValueError:  # most files are of one network
        return found
    return dataclasses.replace(found, inside=_summarized(second, path, f"{found.name}, second look"))


def _summarized(data: bytes, path: Path, name: str) -> Summary:
    """The graph in the bytes of a file or of a part of it."""
    file = OnnxFile(data, path)  # says in a sentence what is wrong with a damaged file
    try:
        nodes, tensors = read_graph(data)
    except ValueError as error:
        raise ModelError(f"{path} cannot be taken apart ({error}); fetch or export it again.") from error
    seen, fed = _run(file, data, nodes)
    shapes = {key: tensor.dims for key, tensor in tensors.items()} | seen
    reads = {out: node for node in nodes for out in node.outputs if node.kind in _PASSING}
    counted: set[str] = set()
    layers = []
    for node in nodes:
        parameters = _parameters(node, reads, tensors, counted)
        if node.kind in _PASSING and not _of_data(node, reads, tensors):
            continue
        if node.kind in _PASSING[:2]:
            continue
        out = shapes.get(node.outputs[0], ()) if node.outputs else ()
        layers.append(Layer(_name(node), node.kind, out[1:], parameters, _macs(node, shapes)))
    stated = _metadata(file.metadata)
    shown = name or str(stated.get("name") or path.stem)
    names = stated.get("labels")
    labels = tuple(str(label) for label in names) if isinstance(names, list) else ()
    return Summary(shown, "operators", fed, tuple(layers), path.name, len(data), labels)


def _name(node: Node) -> str:
    """Name of the layer whose weights an operator reads, else its own."""
    layer = next((name.partition(".weight")[0] for name in node.inputs if ".weight" in name), "")
    return layer or node.name or "".join(node.outputs[:1])


def _metadata(texts: Mapping[str, str]) -> dict[str, Any]:
    try:
        body = parse_json(texts.get(METADATA_KEY, "{}"))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _run(file: OnnxFile, data: bytes, nodes: list[Node]) -> tuple[_Sizes, tuple[int, ...]]:
    """Shapes of all values for one black picture, and the shape of that picture."""
    names = [out for node in nodes for out in node.outputs if out]
    own = {node.name for node in file.session.get_outputs()}
    told = OnnxFile(data + output_fields([name for name in names if name not in own]), file.path)
    feeds = {node.name: np.zeros(_shape(node.shape), _type(file.path, node)) for node in told.session.get_inputs()}
    wanted = [node.name for node in told.session.get_outputs()]
    shapes = {name: tuple(value.shape) for name, value in zip(wanted, told.run(feeds, wanted), strict=True)}
    first = next(iter(feeds.values())).shape if feeds else ()
    return shapes | {name: value.shape for name, value in feeds.items()}, first


def _shape(stated: list[Any]) -> tuple[int, ...]:
    """Sizes of an input: 1 for a free batch, `FREE_SIDE` for others that the graph leaves open."""
    return tuple(size if isinstance(size, int) else FREE_SIDE if at else 1 for at, size in enumerate(stated))


def _type(path: Path, node: Any) -> Any:
    if node.type not in _TYPES:
        raise ModelError(f"{path} has an input of type {node.type}; a table needs one of {', '.join(_TYPES)}.")
    return _TYPES[node.type]


def _of_data(node: Node, reads: Mapping[str, Node], tensors: Mapping[str, Tensor]) -> bool:
    """Whether what an operator reads depends on the picture."""
    if not node.inputs:
        return False
    first = node.inputs[0]
    return first not in tensors and (first not in reads or _of_data(reads[first], reads, tensors))


def _parameters(node: Node, reads: Mapping[str, Node], tensors: Mapping[str, Tensor], counted: set[str]) -> int:
    """Weights that an operator reads, each counted once in a graph; behind a quantisation too."""
    if node.kind in _PASSING:
        return 0
    total = 0
    for name in node.inputs:
        while name in reads and reads[name].inputs:
            name = reads[name].inputs[0]
        tensor = tensors.get(name)
        if tensor is None or name in counted or tensor.data_type not in _WEIGHT_TYPES:
            continue
        counted.add(name)
        size = math.prod(tensor.dims)
        total += size if size > 1 else 0
    return total


def _macs(node: Node, shapes: Shapes) -> int:
    """Multiply-adds of convolutions and matrix products for one picture."""
    out = shapes.get(node.outputs[0], ()) if node.outputs else ()
    if node.kind in _WEIGHT_AT:
        kernel = shapes.get(node.inputs[_WEIGHT_AT[node.kind]], ())
        map_of = shapes.get(node.inputs[0], ()) if node.kind == "ConvTranspose" else out
        return math.prod(kernel) * math.prod(map_of[2:])
    if node.kind in _PRODUCTS:
        return math.prod(out) * shapes.get(node.inputs[0], (0,))[-1]
    return 0

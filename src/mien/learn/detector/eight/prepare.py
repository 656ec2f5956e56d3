"""A detector's graph in float32 as it is quantised: norms in the weights, pixels centred in float."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mien.core.contract import DETECTOR_INPUT_NAME
from mien.infer.detectors.own import VALUES

__all__ = ["prepared"]


def prepared(graph: onnx.GraphProto) -> list[str]:
    """Change a detector's graph so that it can be quantised; it computes the same.

    Returns:
        Names of the nodes that stay in float: the first convolution, since with so few inputs the runtime gathers its
        pixels one by one, which takes four times as long as the float layer, and its activation; and the last ones,
        whose outputs are the boxes.

    """
    _float_start(graph)
    _fold(graph)
    _drop_unused(graph)
    first = next(node for node in graph.node if node.op_type == "Conv")
    relu = next(node for node in graph.node if first.output[0] in node.input)
    outer = {item.name for item in graph.initializer if item.dims and item.dims[0] == VALUES}
    last = [node.name for node in graph.node if node.op_type == "Conv" and node.input[1] in outer]
    return [first.name, relu.name, *last]


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

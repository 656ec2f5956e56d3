"""A float32 model file with its weights stored in half precision; it computes in float32 as before.

ONNX Runtime turns the weights back when it opens the file, so that it is half as large and as quick. Weights lose
what lies beyond eleven bits: probabilities change by less than a thousandth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mien.core.files import atomic_write

__all__ = ["halve"]

_STORED = "_stored"


def halve(source: Path | str, target: Path | str) -> None:
    """Write a copy of a model file whose matrices are stored as float16.

    Raises:
        OutputError: the file cannot be written.

    """
    model = onnx.load(str(source))
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name = tensor.name
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, name + _STORED))
        casts.append(helper.make_node("Cast", [name + _STORED], [name], name=f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    with atomic_write(target) as file:
        file.write(model.SerializeToString())

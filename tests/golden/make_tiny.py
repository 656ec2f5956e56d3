"""Makes tiny.onnx: the smallest model that keeps docs/model-format.md. Run it only to change the format.

The brighter a crop, the happier: logits are (-b, b) with b = 8 * (mean / 255 - 0.5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mien.core.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, CropSpec, ModelInfo

SIZE = 8
INFO = ModelInfo(
    name="tiny",
    labels=("sad", "happy"),
    crop=CropSpec(size=SIZE, margin=1.0, shift_y=0.0),
    training={"data": "none: made by hand"},
    license="MIT",
    created="2026-11-21",
)


def build(metadata: dict[str, str] | None = None, **options: Any) -> onnx.ModelProto:
    """The tiny model, with other metadata or other names for tests of broken files."""
    weights = {
        "scale": np.array(1 / 255, np.float32),
        "half": np.array(0.5, np.float32),
        "slope": np.array([[-8.0, 8.0]], np.float32),
        "axes": np.array([1, 2], np.int64),
        "column": np.array([-1, 1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", [options.get("input_name", INPUT_NAME)], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "scale"], ["unit"]),
        helper.make_node("ReduceMean", ["unit", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "half"], ["centred"]),
        helper.make_node("Reshape", ["centred", "column"], ["feature"]),
        helper.make_node("MatMul", ["feature", "slope"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [OUTPUT_NAME], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(options.get("input_name", INPUT_NAME), TensorProto.UINT8, ["N", SIZE, SIZE])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {METADATA_KEY: INFO.to_json()} if metadata is None else metadata)
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    onnx.save(build(), Path(__file__).with_name("tiny.onnx"))

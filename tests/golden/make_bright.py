"""Makes bright.onnx: the smallest detector file that keeps docs/detector.md. Run it only to change the format.

Every square of 16 px is a face as sure as it is bright; its box is the square, its eyes lie 4 px left and right of the
centre, the nose on it, the mouth's corners 4 px below the eyes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mien.core.contract import DETECTOR_INPUT_NAME, METADATA_KEY, DetectorInfo

INFO = DetectorInfo(
    name="bright",
    strides=(16,),
    score=0.5,
    overlap=0.4,
    training={"data": "none: made by hand"},
    license="MIT",
    created="2026-11-21",
)
_OFFSETS = (0, 0, 0, 0, -0.25, 0, 0.25, 0, 0, 0, -0.25, 0.25, 0.25, 0.25)


def build(metadata: dict[str, str] | None = None, output: str = "stride16") -> onnx.ModelProto:
    """The detector, with other metadata or another name of its output for tests of broken files."""
    weights = {
        "scale": np.array(1 / 255, np.float32),
        "nothing": np.array(0, np.float32),
        "offsets": np.array(_OFFSETS, np.float32).reshape(1, 14, 1, 1),
        "channels": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Transpose", [DETECTOR_INPUT_NAME], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["pixels"], ["squares"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("ReduceMean", ["squares", "channels"], ["light"], keepdims=1),
        helper.make_node("Mul", ["light", "scale"], ["score"]),
        helper.make_node("Mul", ["light", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "offsets"], ["rest"]),
        helper.make_node("Concat", ["score", "rest"], [output], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info(DETECTOR_INPUT_NAME, TensorProto.UINT8, [1, "height", "width", 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 15, "rows", "columns"])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {METADATA_KEY: INFO.to_json()} if metadata is None else metadata)
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    onnx.save(build(), Path(__file__).with_name("bright.onnx"))

"""Fixtures for judging: a small data set in memory and on disk, and a classifier for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from judging_worlds import LABELS, Brightness, manifest_of, squares

from mien.core.contract import METADATA_KEY, CropSpec, ModelInfo
from mien.data import Manifest


@pytest.fixture
def world() -> Manifest:
    """Thirty pictures: 12 train, 6 validation, 12 test; the first two of test also occur in train."""
    label = [i % 3 for i in range(30)]
    images = squares([c / 2 for c in label])
    images[18], images[19] = images[0], images[1]
    return manifest_of(images, label, ["train"] * 12 + ["validation"] * 6 + ["test"] * 12)


@pytest.fixture
def brightness() -> Brightness:
    """A classifier that reads brightness."""
    return Brightness()


@pytest.fixture(scope="session")
def brightness_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The brightness classifier as a model file of the project's format."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    k = len(LABELS)
    weight = np.array([[2 * i * 20.0 * (k - 1) / 255 for i in range(k)]], np.float32)  # of the mean, in grey levels
    bias = np.array([-(i**2) * 20.0 for i in range(k)], np.float32)
    nodes = [
        helper.make_node("Cast", ["crops"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("Gemm", ["column", "weight", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", k])],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(np.array([1], np.int64), "one"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    info = ModelInfo("brightness", LABELS, CropSpec(8), training={"data": "squares", "data_sha256": "0" * 64})
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    path = tmp_path_factory.mktemp("model") / "brightness.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture
def folders(tmp_path: Path, world: Manifest) -> Path:
    """The small world as a folder of PNG files: split/class/number.png."""
    from PIL import Image

    root = tmp_path / "squares"
    for i in range(len(world)):
        folder = root / str(world.split[i]) / LABELS[world.label[i]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(world.load(i)).save(folder / f"{i}.png")
    return root

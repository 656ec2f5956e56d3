"""Fixtures for judging: a small data set in memory and on disk, and a classifier for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from judging_worlds import LABELS, Brightness, manifest_of, squares

from mien.app.cli import main
from mien.core.contract import METADATA_KEY, CropSpec, ModelInfo
from mien.data import Manifest
from mien.evaluate.judge import judge
from mien.evaluate.records import write_evaluation


class Outcome(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


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


@pytest.fixture
def mien(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command line in this process: `mien("evaluate", ...)` gives status, standard output and error."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["mien", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            status = 0
        text = capsys.readouterr()
        return Outcome(status, text.out, text.err)

    return run


@pytest.fixture
def run_folder(tmp_path: Path, brightness_file: Path, world: Manifest) -> Callable[..., Path]:
    """Makes folders of finished runs; `accuracy` overwrites the figure that they are ranked by."""

    def make(name: str, accuracy: float = 1.0, parameters: int | None = 1000) -> Path:
        folder = tmp_path / "runs" / name
        (folder / "evaluation").mkdir(parents=True)
        (folder / "model.onnx").write_bytes(brightness_file.read_bytes())
        body = judge(Brightness(), world, split="validation").to_dict()
        body["figures"] |= {"accuracy": accuracy, "accuracy_interval": (accuracy - 0.1, min(accuracy + 0.1, 1))}
        write_evaluation(folder / "evaluation" / "validation.json", body)
        if parameters is not None:
            (folder / "run.json").write_text(json.dumps({"model": "mien-s", "parameters": parameters}))
        return folder

    return make

"""One last layer for two data sets: what it learns, the file that it is put into, and a whole refit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from mien.core.contract import CropSpec, ModelInfo
from mien.core.errors import ModelError, TrainError
from mien.core.scores import softmax
from mien.data.convert import convert
from mien.data.manifest import Manifest
from mien.learn.blend import even_weights
from mien.learn.export import export, read_info, run_file
from mien.learn.halve import halve
from mien.learn.joint import Features, choose_head, joint_head
from mien.learn.lastlayer import last_layer
from mien.learn.models import build
from mien.learn.multi.parts import framed_crops
from mien.learn.multi.recipe import Frame, Recipe, SetPlan
from mien.learn.multi.refit import refit

CROPS = np.random.default_rng(0).integers(0, 256, (9, 48, 48)).astype(np.uint8)


def _features(seed: int, n: int, shift: float) -> Features:
    """Three classes, the first with eight tenths of the pictures; the features of one set lie beside the other's."""
    rng = np.random.default_rng(seed)
    label = rng.choice(3, n, p=[0.8, 0.1, 0.1])
    x = np.eye(4)[label] * 2 + rng.normal(0, 1, (n, 4)) + [0, 0, 0, shift]
    return Features(torch.from_numpy(x).float(), label.astype(np.int64))


def _file(folder: Path, temperature: float) -> Path:
    torch.manual_seed(0)
    info = ModelInfo("m", ("a", "b", "c"), CropSpec(size=48), temperature=temperature)
    export(build("mien-xs", {"labels": 3}, size=48).eval(), "labels", info, folder / "m.onnx")
    return folder / "m.onnx"


def test_both_sets_and_rare_classes_are_learnt() -> None:
    """The joint head must find the rare classes of both sets, and choosing must not be worse than any share."""
    sets = [_features(0, 4000, 0.0), _features(1, 4000, 3.0)]
    held = [_features(2, 2000, 0.0), _features(3, 2000, 3.0)]
    head = joint_head(sets, (0.5, 0.5), 3)
    for part in held:
        answer = head(part.x).argmax(dim=1).numpy()
        recall = [float((answer[part.label == k] == k).mean()) for k in range(3)]
        assert min(recall) > 0.6, recall
    assert even_weights(sets[0].label, 0.7).sum() == pytest.approx(1, abs=1e-5)
    first = choose_head(sets, held, 3, tolerance=10.0)
    assert first.share == 0.8  # all are as good, so the first set has the most
    assert choose_head(sets, held, 3).loss <= first.loss


@pytest.mark.parametrize("stored", ["whole", "halves"])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_last_layer(tmp_path: Path, stored: str, temperature: float) -> None:
    """Features and layer must give the file's probabilities, and another layer its own, whatever the temperature."""
    file = _file(tmp_path, temperature)
    if stored == "halves":
        halve(file, file)
    layer = last_layer(file)
    x = torch.from_numpy(layer.features(CROPS))
    np.testing.assert_allclose(softmax(layer.head(x).numpy()), run_file(file, CROPS), atol=1e-5)
    torch.manual_seed(1)
    other = nn.Linear(x.shape[1], 3).requires_grad_(False)
    changed = layer.replaced(other).SerializeToString()
    np.testing.assert_allclose(run_file(changed, CROPS), softmax(other(x).numpy()), atol=1e-5)
    np.testing.assert_allclose(softmax(last_layer(file).head(x).numpy()), run_file(file, CROPS), atol=1e-5)


def test_files_without_such_a_layer(tmp_path: Path) -> None:
    """What is no model, or ends otherwise, must be refused with the file's name."""
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match=r"text\.onnx"):
        last_layer(tmp_path / "text.onnx")
    model = onnx.load(str(_file(tmp_path, 1.0)))
    model.graph.node[-1].op_type = "Sigmoid"
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match=r"other\.onnx does not end in one dense layer"):
        last_layer(tmp_path / "other.onnx")


def test_refit(drawn: Manifest, tmp_path: Path) -> None:
    """A refit must leave files that know both sets better, in float32 and 8 bit, and say what the layer learnt.

    The model names the classes in another order than the data, and labels are softened by what a teacher says.
    """
    for name in ("first", "second"):
        convert(drawn, tmp_path / name, "parquet")
    torch.manual_seed(0)
    spec = CropSpec(size=48)
    names = drawn.labels.names[::-1]
    info = ModelInfo("toy", names, spec, training={"architecture": "mien-xs", "heads": {"labels": 1.0}})
    export(build("mien-xs", {"labels": 3}, size=48).eval(), "labels", info, tmp_path / "toy.onnx")
    sets = (
        SetPlan(str(tmp_path / "first"), "labels", share=0.5),
        SetPlan(str(tmp_path / "second"), "other", share=0.5, cleaning=0.3),
    )
    teachers = {"labels": str(tmp_path / "toy.onnx")}
    recipe = Recipe(model="mien-xs", weights="", minutes=1.0, sets=sets, teachers=teachers)
    said: list[str] = []
    found = refit(recipe, tmp_path / "toy.onnx", tmp_path / "out", said.append)
    assert len(said) == 1
    assert said[0].startswith("Asking 1 teacher about ")
    told = read_info(tmp_path / "out" / "toy-int8.onnx")
    assert (told.name, told.precision) == ("toy-int8", "int8")
    assert told.training["last_layer"] == {"labels": found.share, "other": pytest.approx(1 - found.share)}
    assert "heads" not in told.training
    validation = drawn.of_split("validation")
    crops = framed_crops(validation, (Frame(),), 48)[0].numpy()
    before, after = (2 - run_file(tmp_path / name, crops).argmax(axis=1) for name in ("toy.onnx", "out/toy.onnx"))
    assert (after == validation.label).mean() > (before == validation.label).mean() + 0.2
    assert found.figures["toy.onnx"]["first"]["accuracy"] == pytest.approx((after == validation.label).mean())
    refit(recipe, tmp_path / "toy.onnx", tmp_path / "out", said.append)
    assert len(said) == 1  # the answers are kept
    alone = dataclasses.replace(recipe, sets=(dataclasses.replace(sets[0], share=1.0),))
    with pytest.raises(TrainError, match="two data sets, the recipe has 1"):
        refit(alone, tmp_path / "toy.onnx", tmp_path, print)

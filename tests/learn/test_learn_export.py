"""Model files: parity with torch, metadata, 8 bit, and Grad-CAM on a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mien.core.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, CropSpec, ModelInfo
from mien.core.errors import InputError, ModelError, OptionError, OutputError, TrainError
from mien.data import read
from mien.data.manifest import Manifest
from mien.infer.classify import load_classifier
from mien.learn.convert import convert, set_threshold
from mien.learn.export import ModelFileNet, export, read_info, rewrite_info, run_file
from mien.learn.gradcam import gradcam
from mien.learn.models import build
from mien.learn.quantize import quantize
from mien.learn.saved import load_network
from mien.learn.train import Outcome


def test_file_keeps_the_contract(finished: Outcome) -> None:
    """The file must take any number of crops under the names of the contract, carry no weights outside, and fold
    batch norm.
    """
    model = onnx.load(str(finished.run / "model.onnx"))
    onnx.checker.check_model(model)
    assert [i.name for i in model.graph.input] == [INPUT_NAME]
    assert [o.name for o in model.graph.output] == [OUTPUT_NAME]
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    assert [entry.key for entry in model.metadata_props] == [METADATA_KEY]
    text = model.SerializeToString()
    for trace in (b".py", b"/site-packages/", str(Path.home()).encode() + b"/"):
        assert trace not in text


def test_parity(finished: Outcome, drawn: Manifest) -> None:
    """Torch and the file must agree to 1e-4, the temperature included."""
    network, card = load_network(finished.run)
    crops = drawn.crops(np.arange(40), 24, "gray")
    for head, name in (("labels", "model.onnx"), ("votes", "model-votes.onnx")):
        with torch.no_grad():
            wanted = ModelFileNet(network, head, card.temperatures[head])(torch.from_numpy(crops)).numpy()
        got = load_classifier(finished.run / name).classify(crops)
        assert np.abs(got - wanted).max() <= 1e-4


def test_parity_on_fer2013(fer2013: Path, tmp_path: Path) -> None:
    """The shipped architecture must agree with torch to 1e-4 on 200 real crops, after training statistics moved."""
    manifest = read(fer2013 / "validation.parquet", check=False)
    crops = manifest.crops(np.arange(200), 48, "gray")
    torch.manual_seed(0)
    network = build("mien-s", {"labels": 7}, size=48).train()
    with torch.no_grad():
        network(torch.from_numpy(crops))
    info = ModelInfo("test", manifest.labels.names, CropSpec(48), temperature=0.7)
    export(network, "labels", info, tmp_path / "m.onnx")
    with torch.no_grad():
        wanted = ModelFileNet(network.eval(), "labels", 0.7)(torch.from_numpy(crops)).numpy()
    assert np.abs(run_file(tmp_path / "m.onnx", crops) - wanted).max() <= 1e-4


def test_rewrite_info(finished: Outcome, tmp_path: Path) -> None:
    """Metadata can be changed without the graph, but not what the graph fixes."""
    copy = tmp_path / "copy.onnx"
    copy.write_bytes((finished.run / "model.onnx").read_bytes())
    rewrite_info(copy, name="other", crop_margin=1.35)
    info = read_info(copy)
    assert (info.name, info.crop.margin) == ("other", 1.35)
    assert info.labels == read_info(finished.run / "model.onnx").labels
    graphs = [onnx.load(str(f)).graph for f in (copy, finished.run / "model.onnx")]
    assert graphs[0].node == graphs[1].node
    with pytest.raises(OptionError, match="Unknown field"):
        rewrite_info(copy, labels=("a",))
    with pytest.raises(ModelError, match="margin"):
        rewrite_info(copy, crop_margin=-1.0)


def test_threshold_of_uncertain_readings(finished: Outcome, drawn: Manifest, tmp_path: Path) -> None:
    """Training and 8-bit export set the confidence below which readings are uncertain; the command sets it again."""
    copy = tmp_path / "copy.onnx"
    copy.write_bytes((finished.run / "model.onnx").read_bytes())
    chosen = read_info(copy).uncertain_below
    rewrite_info(copy, uncertain_below=0.123)
    assert set_threshold(copy, copy, drawn) == read_info(copy).uncertain_below == chosen
    assert convert(finished.run, tmp_path / "again.onnx").path.is_file()
    assert read_info(tmp_path / "again.onnx").uncertain_below == chosen
    with pytest.raises(ModelError, match="uncertain_below"):
        rewrite_info(copy, uncertain_below=2.0)


def test_foreign_files(tmp_path: Path) -> None:
    """A file that is no model of ours must be named as such."""
    with pytest.raises(ModelError, match="Cannot read"):
        read_info(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("hello", encoding="utf-8")
    with pytest.raises(ModelError, match="is not an ONNX file"):
        read_info(tmp_path / "text.onnx")
    empty = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    onnx.save(empty, str(tmp_path / "empty.onnx"))
    with pytest.raises(ModelError, match="no metadata"):
        read_info(tmp_path / "empty.onnx")


def test_int8(finished: Outcome, drawn: Manifest, tmp_path: Path) -> None:
    """An 8-bit file must be smaller, say that it is 8 bit, and answer nearly as before; figures come from judging
    it.
    """
    target = tmp_path / "int8.onnx"
    result = convert(finished.run, target, manifest=drawn, crops=64)
    info = read_info(target)
    assert info.precision == "int8"
    assert result.bytes < 0.5 * (finished.run / "model.onnx").stat().st_size
    crops = drawn.crops(np.arange(60), 24, "gray")
    before = load_classifier(finished.run).classify(crops)
    after = load_classifier(target).classify(crops)
    assert (before.argmax(1) == after.argmax(1)).mean() > 0.9
    assert result.before is not None
    assert result.after is not None
    assert info.metrics["validation"]["accuracy"] == result.after["accuracy"]
    assert result.before["accuracy"] == pytest.approx(finished.validation["accuracy"])
    with pytest.raises(ModelError, match="int8"):
        quantize(target, tmp_path / "again.onnx", crops)
    with pytest.raises(ModelError, match="at least one crop"):
        quantize(finished.run / "model.onnx", tmp_path / "x.onnx", crops[:0])


def test_convert(finished: Outcome, drawn: Manifest, tmp_path: Path) -> None:
    """Exporting a run again must give the figures of the run, and refuse what does not fit."""
    result = convert(finished.run, tmp_path / "votes.onnx", head="votes")
    assert result.parity <= 1e-4
    assert read_info(result.path).labels == ("neutral", "happiness", "sadness")
    assert read_info(result.path).metrics["validation"]["n"] == 36
    with pytest.raises(OptionError, match="Did you mean 'votes'"):
        convert(finished.run, tmp_path / "x.onnx", head="vote")
    with pytest.raises(OutputError, match=r"ends in \.onnx"):
        convert(finished.run, tmp_path / "x.bin")
    with pytest.raises(TrainError, match="is not the data set"):
        convert(finished.run, tmp_path / "x.onnx", manifest=drawn.select(np.arange(len(drawn)) != 3))
    with pytest.raises(TrainError, match="not a finished run"):
        convert(tmp_path, tmp_path / "x.onnx")


def test_gradcam(finished: Outcome, drawn: Manifest) -> None:
    """Grad-CAM must give a map of the crop's size in 0..1 that depends on the label, and refuse what does not fit."""
    crop = drawn.load(0)
    maps = [gradcam(finished.run, crop, label) for label in range(3)]
    for heat in maps:
        assert (heat.shape, heat.dtype) == ((24, 24), np.float32)
        assert heat.min() >= 0
        assert heat.max() <= 1
    assert max(heat.max() for heat in maps) == 1
    assert not np.array_equal(maps[0], maps[1])
    with pytest.raises(InputError, match="takes a uint8 crop"):
        gradcam(finished.run, crop[:10], 0)
    with pytest.raises(InputError, match=r"0\.\.2"):
        gradcam(finished.run, crop, 3)


def test_gradcam_needs_maps(drawn: Manifest) -> None:
    """A network without feature maps has no Grad-CAM, and says so."""
    from mien.learn.gradcam import gradcam_of

    with pytest.raises(TrainError, match="feature maps"):
        gradcam_of(build("ann", {"labels": 3}, size=24).eval(), "labels", drawn.load(0), 0)


def test_temperature_is_in_the_graph(drawn: Manifest, tmp_path: Path) -> None:
    """Metadata that disagrees with the graph must not be written: the temperature comes from the metadata."""
    network = build("ann", {"labels": 3}, size=24).eval()
    crops = drawn.crops(np.arange(10), 24, "gray")
    info = ModelInfo("t", drawn.labels.names, CropSpec(24))
    export(network, "labels", info, tmp_path / "one.onnx")
    export(network, "labels", dataclasses.replace(info, temperature=2.0), tmp_path / "two.onnx")
    one, two = (np.log(run_file(tmp_path / f, crops)) for f in ("one.onnx", "two.onnx"))
    assert (one[:, 0] - one[:, 1]) == pytest.approx(2 * (two[:, 0] - two[:, 1]), abs=1e-4)

"""Models for Core ML: what the package says of itself, everywhere; that it computes what torch does, on macOS."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mien.core.contract import CropSpec, ModelInfo
from mien.core.errors import MissingExtraError, OptionError, OutputError
from mien.learn.convert import convert
from mien.learn.coreml import LABEL_NAME, PROBABILITIES_NAME, export_coreml
from mien.learn.models import build

LABELS = ("joy", "gloom", "calm")


@pytest.fixture(scope="session")
def coremltools() -> Any:
    """The converter; skips where it is not installed."""
    if not any((Path(place) / "coremltools").is_dir() for place in sys.path):
        pytest.skip('coremltools is not installed: pip install "mien[mobile]"')
    from mien.learn.coreml import _quiet

    with _quiet():
        import coremltools

        return coremltools


def _written(folder: Path, color: Any = "gray", temperature: float = 1.5) -> tuple[Path, ModelInfo, float | None]:
    info = ModelInfo("mine", LABELS, CropSpec(24, color=color), temperature=temperature, license="CC0-1.0")
    network = build("mien-xs", {"labels": 3}, size=24, color=color).eval()
    return folder / "m.mlpackage", info, export_coreml(network, "labels", info, folder / "m.mlpackage")


@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_what_the_package_says(coremltools: Any, tmp_path: Path, color: Any) -> None:
    """Input, outputs, labels, metadata, and the operators of the network; nothing half-written lies beside it."""
    path, info, _ = _written(tmp_path, color)
    model = coremltools.models.MLModel(str(path), skip_model_load=True)
    spec = model.get_spec()

    (given,) = spec.description.input
    picture = given.type.imageType
    assert (given.name, picture.width, picture.height) == ("crops", 24, 24)
    assert picture.colorSpace == {"gray": picture.GRAYSCALE, "rgb": picture.RGB}[color]
    assert {out.name for out in spec.description.output} == {LABEL_NAME, PROBABILITIES_NAME}
    assert ModelInfo.from_json(model.user_defined_metadata["mien"], "here") == info
    assert model.license == "CC0-1.0"
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    kinds = [operation.type for operation in block.operations]
    assert kinds.count("conv") >= 8
    assert kinds.count("softmax") == 1
    (classify,) = [operation for operation in block.operations if operation.type == "classify"]
    assert all(label in str(block) for label in LABELS), classify
    assert "FLOAT16" not in str(block.operations[-1])
    assert [file.name for file in tmp_path.iterdir()] == ["m.mlpackage"]


@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on macOS only")
def test_parity(coremltools: Any, tmp_path: Path) -> None:
    """Core ML gives the probabilities of torch, to 0.001, with the temperature."""
    _, _, gap = _written(tmp_path)
    assert gap is not None
    assert gap <= 1e-3


def test_a_run_becomes_a_package(coremltools: Any, finished: Any, command: Any, tmp_path: Path) -> None:
    """`mien export RUN OUT.mlpackage` writes it with the metadata of the run, and says whether it was compared."""
    out = tmp_path / "grins.mlpackage"
    ended = command("export", finished.run, out, "--name", "grins", "--license", "MIT")
    assert ended.code == 0, ended.err
    assert "from torch" in ended.out or "macOS only" in ended.out
    told = json.loads(coremltools.models.MLModel(str(out), skip_model_load=True).user_defined_metadata["mien"])
    assert (told["name"], told["license"], told["labels"]) == ("grins", "MIT", ["happy", "sad", "neutral"])

    again = command("export", finished.run, out)
    assert again.code
    assert "is there already" in again.err


def test_without_coremltools(finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence names the extra, and nothing is written."""
    monkeypatch.setitem(sys.modules, "coremltools", None)
    with pytest.raises(MissingExtraError, match=r"mien\[mobile\]"):
        convert(finished.run, tmp_path / "m.mlpackage")
    assert not any(tmp_path.iterdir())


def test_what_it_is_not_for(finished: Any, drawn: Any, command: Any, tmp_path: Path) -> None:
    """8 bit and a threshold are for .onnx files; another suffix is named."""
    with pytest.raises(OptionError, match="8 bit"):
        convert(finished.run, tmp_path / "m.mlpackage", manifest=drawn)
    with pytest.raises(OutputError, match=r"\.mlpackage or \.tflite, got"):
        convert(finished.run, tmp_path / "m.pt")
    ended = command("export", finished.run, tmp_path / "m.mlpackage", "--int8")
    assert ended.code
    assert "leave them out for .mlpackage" in ended.err

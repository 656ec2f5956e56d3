"""Models for TensorFlow Lite: parity with torch, the names and types of the contract, the metadata in the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.contract import INPUT_NAME, METADATA_KEY, OUTPUT_NAME, ModelInfo
from mien.core.errors import OptionError
from mien.infer.classify import load_classifier
from mien.learn.convert import convert
from mien.learn.litert import _quiet


@pytest.fixture(scope="session")
def interpreter() -> Any:
    """LiteRT's interpreter; skips where litert-torch is not installed."""
    if not any((Path(place) / "litert_torch").is_dir() for place in sys.path):
        pytest.skip("litert-torch is not installed; it takes an older torch, so it has an environment of its own")
    with _quiet():
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter


def test_parity_and_contract(interpreter: Any, finished: Any, drawn: Any, command: Any, tmp_path: Path) -> None:
    """A run as a .tflite file gives the probabilities of its .onnx file, under the same names, and says what it is."""
    out = tmp_path / "grins.tflite"
    ended = command("export", finished.run, out, "--name", "grins")
    assert ended.code == 0, ended.err
    assert "from torch" in ended.out

    opened = interpreter(model_path=str(out))
    assert opened.get_signature_list()["serving_default"] == {"inputs": [INPUT_NAME], "outputs": [OUTPUT_NAME]}
    crops = drawn.crops(np.arange(6), 24, "gray")
    run = opened.get_signature_runner()
    told = np.concatenate([run(**{INPUT_NAME: crop[None]})[OUTPUT_NAME] for crop in crops])
    assert np.abs(told - load_classifier(finished.run).classify(crops)).max() <= 1e-4

    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(out.read_bytes()), 0)
    (entry,) = [entry for entry in model.metadata if entry.name in (METADATA_KEY, METADATA_KEY.encode())]
    text = bytes(bytearray(model.buffers[entry.buffer].data)).decode()
    info = ModelInfo.from_json(text, "here")
    assert (info.name, info.labels, info.crop.size) == ("grins", ("happy", "sad", "neutral"), 24)


def test_without_litert_torch(finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what is missing and where to install it; nothing is written."""
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    with pytest.raises(OptionError, match="an environment of its own"):
        convert(finished.run, tmp_path / "m.tflite")
    assert not any(tmp_path.iterdir())

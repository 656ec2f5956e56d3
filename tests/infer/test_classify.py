"""Classifier files: the golden model reads as it should, and no broken file gets further than one sentence."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

from mien.core.contract import METADATA_KEY
from mien.core.errors import InputError, MienError, ModelError, OptionError
from mien.core.types import Classifier
from mien.infer.classify import load_classifier

GOLDEN = Path(__file__).parents[1] / "golden"


def _crops(*levels: int) -> np.ndarray:
    return np.stack([np.full((8, 8), level, np.uint8) for level in levels])


def test_golden_model(tiny_model):
    """The file of the first format version reads as it did on the day it was made: logits are +-8 * (mean / 255 -
    0.5).
    """
    classifier: Classifier = load_classifier(tiny_model)
    bright = 1 / (1 + np.exp(-16 * (255 / 255 - 0.5)))

    probabilities = classifier.classify(_crops(0, 255))

    assert classifier.labels == ("sad", "happy")
    assert (classifier.crop.size, classifier.crop.color, classifier.crop.margin) == (8, "gray", 1.0)
    np.testing.assert_allclose(probabilities, [[bright, 1 - bright], [1 - bright, bright]], atol=1e-6)
    assert probabilities.dtype == np.float32


def test_no_crops_give_no_rows(tiny_model):
    """N = 0 is ordinary."""
    assert load_classifier(tiny_model).classify(np.empty((0, 8, 8), np.uint8)).shape == (0, 2)


def test_batches_agree_with_single_crops(tiny_model):
    """50 crops at once (more than one chunk) are what 50 calls give."""
    classifier = load_classifier(tiny_model)
    crops = np.random.default_rng(0).integers(0, 256, (50, 8, 8)).astype(np.uint8)

    single = np.concatenate([classifier.classify(crop[None]) for crop in crops])

    np.testing.assert_allclose(classifier.classify(crops), single, atol=1e-6)


@pytest.mark.parametrize(
    "crops", [np.zeros((1, 9, 9), np.uint8), np.zeros((1, 8, 8), np.float32), np.zeros((8, 8), np.uint8)]
)
def test_wrong_crops(tiny_model, crops):
    """Another size, type or rank is named with what was expected."""
    with pytest.raises(InputError, match=r"expects uint8 crops of shape \(N, 8, 8\), got"):
        load_classifier(tiny_model).classify(crops)


def test_files_that_are_no_models(tmp_path):
    """Missing, empty, text, a folder without a run: one sentence each."""
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "text.onnx").write_text("hello")
    (tmp_path / "folder.onnx").mkdir()
    for name, message in (
        ("missing.onnx", "There is no model file"),
        ("empty.onnx", "is empty"),
        ("text.onnx", "is not a model that ONNX Runtime can load"),
        ("folder.onnx", "holds no model.onnx"),
    ):
        with pytest.raises(ModelError, match=message):
            load_classifier(tmp_path / name)
    with pytest.raises(OptionError, match="from 1 to 256, got 0"):
        load_classifier(GOLDEN / "tiny.onnx", threads=0)


@pytest.fixture(scope="module")
def make():
    """The maker of the golden model, to build broken relatives of it."""
    pytest.importorskip("onnx")
    spec = importlib.util.spec_from_file_location("make_tiny", GOLDEN / "make_tiny.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _save(model, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def test_the_golden_file_is_what_its_maker_makes(make, tiny_model):
    """The committed bytes and the code that documents them do not drift apart."""
    assert load_classifier(tiny_model).info == make.INFO


def test_a_model_without_metadata(make, tmp_path):
    """Labels are never guessed."""
    with pytest.raises(ModelError, match="without the metadata 'mien'"):
        load_classifier(_save(make.build({}), tmp_path / "m.onnx"))


def test_a_model_of_an_unknown_format(make, tmp_path):
    """A file of a later version says that mien must be upgraded."""
    text = json.dumps({**json.loads(make.INFO.to_json()), "format_version": 99})
    with pytest.raises(ModelError, match=r"format version 99 is not known.*upgrade mien"):
        load_classifier(_save(make.build({METADATA_KEY: text}), tmp_path / "m.onnx"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["a", "b", "c"]}, "expected 3 float32 probabilities"),
        (
            {"crop": {"size": 16, "margin": 1, "shift_y": 0}},
            r"expected an input 'crops' of uint8 and shape \(N, 16, 16\)",
        ),
        ({"crop": {"size": 8, "margin": 1, "shift_y": 0, "color": "rgb"}}, r"shape \(N, 8, 8, 3\)"),
    ],
)
def test_a_graph_that_does_not_do_what_it_says(make, tmp_path, changes, message):
    """Metadata and graph must agree: number of labels, crop size, colour."""
    text = json.dumps({**json.loads(make.INFO.to_json()), **changes})
    with pytest.raises(ModelError, match=message):
        load_classifier(_save(make.build({METADATA_KEY: text}), tmp_path / "m.onnx"))


def test_an_input_of_another_name(make, tmp_path):
    """A foreign graph with our metadata is refused."""
    with pytest.raises(ModelError, match="expected an input 'crops'"):
        load_classifier(_save(make.build(input_name="image"), tmp_path / "m.onnx"))


def test_mutated_files_never_crash(tiny_model, tmp_path):
    """200 files with flipped bytes (fixed seed) load or give a MienError; the interpreter lives on."""
    rng = np.random.default_rng(0)
    original = tiny_model.read_bytes()
    path = tmp_path / "m.onnx"
    for _ in range(200):
        data = bytearray(original)
        for position in rng.integers(0, len(data), 3):
            data[position] = rng.integers(256)
        path.write_bytes(data[: rng.integers(1, len(data) + 1)] if rng.random() < 0.3 else data)
        try:
            load_classifier(path).classify(_crops(9))
        except MienError as error:
            assert os.fspath(path) in str(error) or "crops" in str(error)

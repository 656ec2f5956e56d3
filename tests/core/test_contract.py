"""The metadata of a model file: there and back, and every way in which it can be wrong."""

import json

import pytest

from mien.core.contract import CropSpec, ModelInfo
from mien.core.errors import ModelError

_INFO = ModelInfo(
    name="mine",
    labels=("sad", "happy"),
    crop=CropSpec(size=64, margin=1.2, color="rgb", align="eyes", shift_y=0.1, least_tilt=12.5),
    temperature=1.5,
    training={"data": "own"},
    metrics={"accuracy": 0.5},
    created="2026-11-21",
)


def test_there_and_back():
    """What is written is what is read."""
    assert ModelInfo.from_json(_INFO.to_json(), "x.onnx") == _INFO


def test_a_file_without_a_threshold():
    """Older files do not say from where a reading is uncertain: it is a half, and a stated one is kept."""
    body = json.loads(_INFO.to_json())
    del body["uncertain_below"]
    assert ModelInfo.from_json(json.dumps(body), "x.onnx").uncertain_below == 0.5
    assert ModelInfo.from_json(_changed(uncertain_below=0.25), "x.onnx").uncertain_below == 0.25


def _changed(**changes):
    return json.dumps({**json.loads(_INFO.to_json()), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "x.onnx: the metadata is not JSON"),
        ("[1]", "must be a JSON object, got list"),
        (_changed(format_version=2), "format version 2 is not known to this version of mien"),
        (_changed(format_version=None), "format version None"),
        (_changed(kind="detector"), "expected a model of kind 'expression', got 'detector'"),
        (_changed(name=""), "'name' must be a text"),
        (_changed(labels=[]), "'labels' must be a list of names"),
        (_changed(labels=["a", 1]), "'labels' must be a list of names"),
        (_changed(crop=None), "'crop' must be an object"),
        (_changed(crop={"size": 4}), r"'crop.size' must be a whole number of pixels in 8..1024, got 4"),
        (_changed(crop={"size": 48}), "'crop.margin' must be a finite number, got None"),
        (_changed(crop={"size": 48, "margin": 1}), "'crop.shift_y' must be a finite number, got None"),
        (_changed(crop={"size": 48, "margin": 0}), "'crop.margin' must be greater than 0"),
        (_changed(crop={"size": 48, "margin": 1, "color": "hsv"}), "'crop.color' must be one of gray, rgb, got 'hsv'"),
        (_changed(crop={"size": 48, "margin": 1, "align": "up"}), "'crop.align' must be one of none, eyes"),
        (
            _changed(crop={"size": 48, "margin": 1, "shift_y": 0, "least_tilt": -1}),
            r"'crop.least_tilt' must be in 0..180 degrees, got -1",
        ),
        (_changed(temperature="warm"), "'temperature' must be a finite number"),
        (_changed(uncertain_below=1.5), "'uncertain_below' must be in 0..1, got 1.5"),
        (_changed(metrics=3), "'metrics' must be an object"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    """Each fault has a sentence that names the file and the field."""
    with pytest.raises(ModelError, match=message):
        ModelInfo.from_json(text, "x.onnx")


def test_two_labels_of_one_meaning_are_refused():
    """`happy` and `happiness` cannot both be outputs of one model."""
    with pytest.raises(ModelError, match="mean the same"):
        ModelInfo.from_json(_changed(labels=["happy", "happiness"]), "x.onnx")

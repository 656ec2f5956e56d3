"""Our own detector: what its maps mean, broken files, and pictures of every shape."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.contract import METADATA_KEY, DetectorInfo
from mien.core.errors import ModelError
from mien.infer.detect import DetectOptions, open_detector
from mien.infer.detectors.own import decode, merged, padded, suppress


def test_decode_by_hand():
    """A cell at column 2, row 1 of stride 8 has its centre at (20, 12); offsets and logarithms are in strides."""
    grid = np.zeros((1, 15, 3, 4), np.float32)
    grid[0, :, 1, 2] = [0.9, 0.5, -0.25, np.log(3), np.log(4), -1, -1, 1, -1, 0, 0, -1, 1, 1, 1]

    rows = decode([grid], [8], 0.5)

    assert rows.shape == (1, 15)
    assert rows[0, 0] == pytest.approx(0.9)
    assert rows[0, 1:5] == pytest.approx([12, -6, 36, 26])  # centre (24, 10), sides 24 and 32
    assert rows[0, 5:] == pytest.approx([12, 4, 28, 4, 20, 12, 12, 20, 28, 20])


def test_decode_puts_the_best_first_and_leaves_out_what_is_not_finite():
    """Cells of all strides come in one list by score; a cell with an endless number is no face, a huge one is
    bounded.
    """
    fine, coarse = np.zeros((1, 15, 2, 2), np.float32), np.zeros((1, 15, 1, 1), np.float32)
    fine[0, 0] = [[0.6, 0.1], [0.7, 0.8]]
    fine[0, 1, 1, 1] = np.nan
    fine[0, 3, 1, 0] = 1e9
    coarse[0, 0] = 0.65

    rows = decode([fine, coarse], [8, 16], 0.5)

    assert rows[:, 0] == pytest.approx([0.7, 0.65, 0.6])
    assert np.isfinite(rows).all()


def test_suppress_keeps_the_surest_of_faces_that_overlap():
    """Two boxes with IoU 0.6 are one face at 0.5 and two at 0.7."""
    rows = np.zeros((2, 15), np.float32)
    rows[:, :5] = [[0.9, 0, 0, 10, 10], [0.8, 2.5, 0, 12.5, 10]]

    assert [f.score for f in suppress(rows, 0.5)] == pytest.approx([0.9])
    assert len(suppress(rows, 0.7)) == 2
    assert suppress(rows[:0], 0.5) == []


def test_a_face_lies_where_all_its_cells_see_it():
    """Cells that are half as sure, or see another box, have no say; a quarter of a say moves the box by a quarter."""
    rows = np.zeros((4, 15), np.float32)
    rows[:, :5] = [[0.8, 0, 0, 10, 10], [0.6, 1, 0, 11, 10], [0.4, 0, 1, 10, 11], [0.3, 40, 40, 50, 50]]
    rows[:, 5] = [2, 4, 9, 9]
    weight = 0.25 * (90 / 110 - 0.6) / (0.5 * 0.4)  # of the second cell, in that of the first

    face, other = merged(rows, 0.4, 0.3)
    (alone,) = merged(rows, 0.4, 0.5)

    assert (face.score, other.score) == (pytest.approx(0.8), pytest.approx(0.3))
    assert face.box == pytest.approx([weight / (1 + weight), 0, 10 + weight / (1 + weight), 10])
    assert face.landmarks[0][0] == pytest.approx((2 + 4 * weight) / (1 + weight))
    assert (alone, merged(rows[:0], 0.4, 0.3)) == (face, [])


def test_padded():
    """Black comes at the right and below; a picture that fits stays as it is."""
    image = np.full((33, 64, 3), 7, np.uint8)

    out = padded(image, 32)

    assert out.shape == (64, 64, 3)
    assert (out[:33] == 7).all()
    assert (out[33:] == 0).all()
    assert padded(image[:32], 32).shape == (32, 64, 3)


def test_a_detector_by_file(bright_detector):
    """The golden file finds the one bright square, where it is, with its points; a shrunk picture is mapped back."""
    image = np.zeros((100, 70, 3), np.uint8)
    image[16:32, 48:64] = 255

    (face,) = open_detector(bright_detector).detect(image)

    assert face.box == pytest.approx((48, 16, 64, 32))
    assert face.score == pytest.approx(1.0)
    assert face.landmarks is not None
    assert np.array(face.landmarks) == pytest.approx(np.array([(52, 24), (60, 24), (56, 24), (52, 28), (60, 28)]))
    large = image.repeat(20, 0).repeat(20, 1)
    (face,) = open_detector(bright_detector, DetectOptions(side=100)).detect(large)
    assert face.box == pytest.approx((960, 320, 1280, 640))


def test_threshold(bright_detector):
    """A square of 0.4 is below the file's threshold; a caller may ask for less sure faces."""
    image = np.full((16, 16, 3), 102, np.uint8)

    assert open_detector(bright_detector).detect(image) == []
    assert len(open_detector(bright_detector, DetectOptions(min_score=0.3)).detect(image)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "expression"}, "kind 'detector', got 'expression'"),
        ({"format_version": 99}, "99 is not known"),
        ({"strides": [16, 8]}, "'strides' must be rising"),
        ({"strides": [8]}, "has no output stride8"),
        ({"score": 1.5}, r"'score' must be in 0..1"),
        ({"overlap": "much"}, "'overlap' must be a finite number"),
        ({"name": ""}, "'name' must be a text"),
    ],
)
def test_broken_files(bright_detector, tmp_path, change, message):
    """A file whose metadata is missing or impossible is refused in one sentence."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bright_detector)
    body = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps({**body, **change})
    onnx.save(model, tmp_path / "broken.onnx")

    with pytest.raises(ModelError, match=message):
        open_detector(tmp_path / "broken.onnx")


def test_other_models_are_no_detectors(tiny_model, bright_detector, tmp_path):
    """An expression model is no detector; nor is a file without metadata."""
    onnx = pytest.importorskip("onnx")
    with pytest.raises(ModelError, match="kind 'detector', got 'expression'"):
        open_detector(tiny_model)
    model = onnx.load(bright_detector)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(ModelError, match="no metadata of mien"):
        open_detector(tmp_path / "bare.onnx")


def test_the_golden_file_is_what_its_script_makes(bright_detector, monkeypatch):
    """The format stands still: the committed file has the same graph and metadata as its script gives today."""
    onnx = pytest.importorskip("onnx")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "golden"))
    import make_bright

    stored = onnx.load(bright_detector)
    sys.modules.pop("make_bright")

    assert stored == make_bright.build()
    assert DetectorInfo.from_json(stored.metadata_props[0].value, "") == make_bright.INFO
    assert stored.metadata_props[0].key == METADATA_KEY

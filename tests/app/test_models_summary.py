"""`mien models summary`: a table and a figure of any model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest


def test_operators_and_totals(command):
    """Operator, output, parameters and multiply-adds, and the totals with the size of the file; figures are whole."""
    shown = command("models", "summary", "fer2013-int8")

    assert shown.code == 0
    assert "Conv" in shown.out
    for figure in ("256 × 6 × 6", "1,045,319", "60,016,384", "fer2013-int8.onnx"):
        assert figure in shown.out


def test_the_figure(command, tmp_path):
    """PNG by its suffix, with something on it; as SVG its words are text."""
    pytest.importorskip("matplotlib")
    for name in ("a.png", "a.svg"):
        done = command("models", "summary", "wild", "--operators", "--figure", str(tmp_path / name))
        assert done.code == 0
        assert name in done.err
    picture = np.asarray(cv2.imread(str(tmp_path / "a.png")))
    assert picture.shape[1] > 2 * picture.shape[0]
    assert picture.std() > 10
    text = (tmp_path / "a.svg").read_text("utf-8")
    for word in ("6 × 6 × 512", "surprise", "Multiply-adds"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "Unknown model"),
        (("fer2013", "--figure", "a.jpg"), "ends in .png"),
        (("pyproject.toml",), "is not a model"),
    ],
)
def test_bad_input_is_one_sentence(command, arguments, said):
    """What was expected, and a status that is not zero."""
    done = command("models", "summary", *arguments)
    assert done.code
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1

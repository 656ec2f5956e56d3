"""Plots are PNG files of a sensible size, the same for the same figures, also in odd cases."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError
from mien.evaluate import plots
from mien.evaluate.coverage import coverage_curve
from mien.evaluate.history import read_history
from mien.evaluate.metrics import evaluate

pytest.importorskip("matplotlib")


def size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("k", [2, 10])
def test_every_plot_is_drawn(k: int):
    """Every plot is a PNG of 400 to 2,500 px with more than one colour, for 2 classes and for 10."""
    rng = np.random.default_rng(0)
    p, y = rng.dirichlet(np.ones(k), 200), rng.integers(0, k, 200)
    m = evaluate(p, y, [f"expression {i}" for i in range(k)])
    pictures = [
        plots.confusion(m.confusion, m.names),
        plots.classes(m.classes),
        plots.reliability(m.reliability, m.ece),
        plots.coverage(coverage_curve(p, y)),
        plots.corruptions({"noise": [0.5, 0.4, 0.3, 0.2, 0.1]}, 0.6),
        plots.comparison(
            [{"name": "a", "accuracy": 0.5, "parameters": 1e6, "ms": None, "interval": (0.4, 0.6)}], "accuracy"
        ),
    ]
    for png in pictures:
        assert all(400 <= side <= 2500 for side in size(png))
        with Image.open(io.BytesIO(png)) as picture:
            assert len(picture.convert("P", palette=Image.Palette.ADAPTIVE).getcolors() or []) > 10


def test_plots_are_reproducible():
    """Equal figures give equal bytes, so reports do not change without a reason."""
    assert plots.confusion([[3, 1], [0, 4]], ("a", "b")) == plots.confusion([[3, 1], [0, 4]], ("a", "b"))


def test_smallest_cases():
    """One picture, and a class without pictures, can be drawn."""
    m = evaluate([[0.7, 0.3]], [0], ("a", "b"))
    assert plots.confusion(m.confusion, m.names)
    assert plots.classes(m.classes)
    assert plots.reliability(m.reliability)
    assert plots.coverage(coverage_curve([[0.7, 0.3]], [0]))


def history(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    return path


def test_history_is_read(tmp_path: Path):
    """The CSV of a training becomes series by kind and part; empty cells are skipped."""
    path = history(tmp_path, "epoch,step,train_loss,validation_loss,lr\n0,9,2.0,,0.1\n1,19,1.0,1.5,\n")
    assert read_history(path) == {
        ("loss", "train"): ([0, 1], [2.0, 1.0]),
        ("loss", "validation"): ([1], [1.5]),
        ("lr", ""): ([0], [0.1]),
    }
    assert size(plots.curves(path))[0] > 400


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "column 'epoch'"),
        ("step,loss\n1,2\n", "column 'epoch'"),
        ("epoch,step\n0,1\n", "no figures"),
        ("epoch,loss\n0,low\n", "'low' is not a number"),
    ],
)
def test_other_files_are_no_history(tmp_path: Path, text: str, says: str):
    """A file that is no history is refused with the reason."""
    with pytest.raises(DataError, match=says):
        read_history(history(tmp_path, text))


def test_missing_history_is_named(tmp_path: Path):
    """A history that is not there is named."""
    with pytest.raises(DataError, match=r"metrics\.csv"):
        read_history(tmp_path / "metrics.csv")


def test_no_curve_is_drawn_twice(tmp_path: Path):
    """The log-loss of hard labels is the loss, so it gets no panel; a figure of its own does."""
    text = "epoch,train_loss,clean_loss,validation_loss,validation_log_loss,validation_ece\n"
    path = history(tmp_path, text + "1,2.0,1.6,1.8,1.8,0.1\n2,1.5,1.1,1.4,1.4,0.2\n")
    assert plots._told_once(read_history(path)) == ["loss", "ece"]
    assert size(plots.curves(path, best_epoch=2))[0] > 400

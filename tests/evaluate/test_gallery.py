"""The error gallery shows the most certain wrong answers; predictions.csv holds every answer."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from judging_worlds import Brightness, manifest_of, squares

from mien.core.cells import cell_text
from mien.data import Manifest
from mien.evaluate.gallery import PRIVACY, error_gallery, worst_pairs
from mien.evaluate.judge import judge
from mien.evaluate.predictions import columns, write_predictions

Mien = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mislabelled() -> Manifest:
    """Twelve squares; three dark ones are labelled happy, one bright one neutral."""
    levels = [0.0, 0.5, 1.0] * 4
    label = [0, 1, 2] * 4
    label[0] = label[3] = label[6] = 2
    label[2] = 1
    return manifest_of(squares(levels), label, ["test"] * 12)


def test_pairs_by_count_and_certainty():
    """The most frequent confusion comes first; of its pictures the most certain ones, in order."""
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.2, 0.8]])
    found = worst_pairs(p, np.array([1, 1, 1, 0, 1, 1]), each=2)
    assert [(f.label, f.predicted, f.count, f.of, f.rows) for f in found] == [(1, 0, 3, 5, (0, 2)), (0, 1, 1, 1, (3,))]
    assert worst_pairs(p, p.argmax(axis=1)) == []


def test_the_gallery(mislabelled: Manifest, brightness: Brightness):
    """It names pairs and pictures, says whose pictures these are and how to leave them out, and holds maps."""
    found = judge(brightness, mislabelled, bootstrap=0)
    shown: list[int] = []
    html = error_gallery(
        mislabelled, found.label, found.probabilities, brightness, leave_out="--no-pictures", advance=shown.append
    )
    assert PRIVACY in html
    assert "--no-pictures leaves them out" in html
    assert "happy called sad <small>3 of 6 pictures" in html
    assert "neutral called happy" in html
    assert html.count('class="card"') == sum(shown) == 4
    assert html.count("data:image/jpeg;base64,") == 8  # each crop and its map
    assert "blue where the picture speaks against it" in html


def test_no_errors_no_pictures(world: Manifest, brightness: Brightness):
    """A model that is always right has a sentence instead."""
    test = world.of_split("test")
    found = judge(brightness, test, bootstrap=0)
    html = error_gallery(test, found.label, found.probabilities, brightness, leave_out="x")
    assert "No picture was called wrong" in html
    assert "<img" not in html


def test_predictions(tmp_path: Path, mislabelled: Manifest, brightness: Brightness):
    """A row per picture with every probability in full; a name that a spreadsheet would run stays text."""
    names = mislabelled.names.astype("<U20")
    names[1] = "=1+1.jpg"
    manifest = dataclasses.replace(mislabelled, names=names)
    found = judge(brightness, manifest, bootstrap=0)
    path = tmp_path / "predictions.csv"
    write_predictions(path, manifest, found.label, found.probabilities, brightness.labels, 0.9)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == columns(brightness.labels)
    assert len(rows) == 12
    assert rows[1]["name"] == "'=1+1.jpg"
    assert cell_text(rows[1]["name"]) == "=1+1.jpg"
    p = np.array([[float(row[f"p_{name}"]) for name in brightness.labels] for row in rows], np.float32)
    assert np.array_equal(p, found.probabilities)
    right = [row["right"] == "true" for row in rows]
    assert np.mean(right) == found.figures.accuracy
    assert all((row["uncertain"] == "true") == (float(row["confidence"]) < 0.9) for row in rows)
    assert rows[0]["label"] == "happy"
    assert rows[0]["predicted"] == "sad"


def test_the_command_writes_all_of_it(mien: Mien, brightness_file: Path, folders: Path, tmp_path: Path):
    """A report holds the gallery unless --no-pictures; predictions and text lie beside it; --text prints the text."""
    (folders / "test/sad").rename(folders / "test/x")
    (folders / "test/happy").rename(folders / "test/sad")
    (folders / "test/x").rename(folders / "test/happy")
    report = tmp_path / "report"
    status, out, _ = mien("evaluate", brightness_file, folders, "--report", report, "--text")
    assert status == 0
    assert out == (report / "classification_report.txt").read_text()
    assert "weighted avg" in out
    figures = json.loads((report / "evaluation.json").read_text())["figures"]
    assert (report / "predictions.csv").read_text().count("\n") == figures["n"] + 1
    assert "happy called sad" in (report / "report.html").read_text()
    mien("evaluate", brightness_file, folders, "--report", tmp_path / "plain", "--no-pictures")
    assert "data:image/jpeg" not in (tmp_path / "plain" / "report.html").read_text()
    assert "Error gallery" not in (tmp_path / "plain" / "report.html").read_text()
    assert mien("evaluate", brightness_file, folders, "--text", "--json")[0] == 2

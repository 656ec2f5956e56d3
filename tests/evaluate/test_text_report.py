"""The classification report as text is that of scikit-learn, and its figures are those of the JSON."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.evaluate.metrics import evaluate
from mien.evaluate.text_report import classification_report, write_text


@pytest.mark.parametrize("digits", [2, 4])
@pytest.mark.parametrize("names", [("sad", "neutral", "happy"), ("a", "a name that is longer than usual", "c")])
def test_as_scikit_learn(names: tuple[str, ...], digits: int):
    """Letter by letter what scikit-learn prints of the same answers."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(3), 200)
    label = np.where(rng.random(200) < 0.6, p.argmax(axis=1), rng.integers(0, 3, 200))
    ours = classification_report(evaluate(p, label, names, bootstrap=0).to_dict(), digits)
    theirs = metrics.classification_report(label, p.argmax(axis=1), target_names=names, digits=digits)
    assert ours == theirs


def test_classes_that_never_occur(tmp_path: Path):
    """A class without a picture and without an answer has no row; one that is only answered has one, with recall 0."""
    metrics = pytest.importorskip("sklearn.metrics")
    names = ("never", "answered", "seen", "missed")
    label, answer = np.array([2, 2, 3, 2]), np.array([2, 1, 2, 2])
    p = np.full((4, 4), 0.1)
    p[np.arange(4), answer] = 0.7
    figures = evaluate(p, label, names, bootstrap=0).to_dict()
    write_text(tmp_path / "report.txt", figures)
    ours = (tmp_path / "report.txt").read_text()
    theirs = metrics.classification_report(label, answer, target_names=names[1:], zero_division=0)
    assert ours == theirs
    assert "never" not in ours
    assert f"{figures['macro_f1']:.2f}" in ours.splitlines()[-2]

"""Temperature and vector scaling against a brute-force search and against known truths."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.core.scores import log_softmax, softmax
from mien.evaluate.calibrate import TEMPERATURES, fit_temperature, fit_vector_scaling, vector_scaling_helps
from mien.evaluate.metrics import evaluate


def truth(n: int, temperature: float, bias: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits (N, K) and labels (N,) drawn from softmax(logits / temperature + bias)."""
    rng = np.random.default_rng(0)
    z = rng.normal(0, 3, (n, len(bias)))
    p = softmax(z / temperature + bias)
    return z, (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


def loss(z: NDArray[np.float64], y: NDArray[np.int64], temperature: float) -> float:
    return float(-log_softmax(z, temperature)[np.arange(len(y)), y].mean())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_finds_the_temperature_that_made_the_labels(temperature: float):
    """The temperature that made the labels is found again, and no temperature of a fine grid is better."""
    z, y = truth(8_000, temperature, np.zeros(5))
    fitted = fit_temperature(z, y)
    assert fitted == pytest.approx(temperature, rel=0.06)
    assert loss(z, y, fitted) <= min(loss(z, y, t) for t in np.linspace(0.3, 4, 150)) + 1e-12


def test_calibrates_without_changing_answers():
    """Overconfident scores become calibrated without any answer changing."""
    z, y = truth(5_000, 3.0, np.zeros(7))
    names = tuple("abcdefg")
    before = evaluate(softmax(z), y, names)
    after = evaluate(softmax(z, fit_temperature(z, y)), y, names)
    assert after.accuracy == before.accuracy
    assert before.ece > 0.15
    assert after.ece < 0.03


def test_targets_may_be_votes_and_logits_log_probabilities():
    """Labels, one-hot rows and vote counts that say the same give the same temperature; log-probabilities are
    logits.
    """
    z, y = truth(500, 2.0, np.zeros(4))
    fitted = fit_temperature(z, y)
    assert fit_temperature(z, np.eye(4)[y] * 10) == pytest.approx(fitted)
    assert fit_temperature(log_softmax(z), y) == pytest.approx(fitted)


def test_stays_within_the_limits():
    """Logits that are always right would want temperature 0, always wrong ones infinity; both stop at the limit."""
    z = np.eye(3)[[0, 1, 2]] * 4
    assert fit_temperature(z, np.array([0, 1, 2])) == pytest.approx(TEMPERATURES[0])
    assert fit_temperature(z, np.array([1, 2, 0])) == pytest.approx(TEMPERATURES[1])
    assert fit_temperature(np.zeros((3, 3)), np.array([0, 1, 2])) == 1.0


def test_finds_the_vector_that_made_the_labels():
    """Scale and bias per class that made the labels are found again, up to the pull towards the temperature."""
    scale, bias = np.array([0.5, 0.9, 0.4]), np.array([0.8, -0.2, -0.6])
    rng = np.random.default_rng(0)
    z = rng.normal(0, 3, (40_000, 3))
    z -= z.mean(axis=1, keepdims=True)
    y = (softmax(z * scale + bias).cumsum(axis=1) < rng.random((len(z), 1))).sum(axis=1)
    fitted, moved = fit_vector_scaling(z + 7, y)  # what all logits of an image share means nothing
    np.testing.assert_allclose(fitted, scale, atol=0.04)
    np.testing.assert_allclose(moved, bias, atol=0.06)
    assert moved.sum() == pytest.approx(0)
    assert vector_scaling_helps(z, y)


def test_vector_never_hurts_and_stays_finite():
    """It is never less likely than the temperature alone, also where a class never occurs."""
    z, y = truth(300, 2.0, np.array([1.0, 0.0, -30.0]))
    z = z - z.mean(axis=1, keepdims=True)
    scale, bias = fit_vector_scaling(z, y)
    assert np.isfinite(scale).all()
    assert np.isfinite(bias).all()
    with_both = -log_softmax(z * scale + bias)[np.arange(len(y)), y].mean()
    assert with_both <= loss(z, y, fit_temperature(z, y))


def test_vector_is_not_taken_for_noise():
    """Where one temperature is the truth, or images are few, the simpler calibration is kept."""
    z, y = truth(1_000, 2.0, np.zeros(7))
    assert not vector_scaling_helps(z, y)
    assert not vector_scaling_helps(*(part[:99] for part in truth(2_000, 2.0, np.array([3.0, 0.0, -3.0]))))


@pytest.mark.parametrize(
    ("logits", "targets", "says"),
    [
        (np.zeros((0, 3)), np.zeros(0, np.int64), "shape"),
        (np.zeros((2, 1)), np.zeros(2, np.int64), "shape"),
        (np.zeros(3), np.zeros(3, np.int64), "shape"),
        ([[np.inf, 0]], np.array([0]), "finite"),
        ([[1.0, 0]], np.array([2]), r"0\.\.1"),
        ([[1.0, 0]], np.array([0.5]), "whole numbers"),
        ([[1.0, 0]], np.array([[0.0, 0.0]]), "positive sum"),
        ([[1.0, 0]], np.array([[1.0, 0.0, 0.0]]), r"shape \(1,\) or"),
    ],
)
def test_bad_input_is_refused(logits: object, targets: NDArray[np.generic], says: str):
    """What cannot be fitted is refused with a sentence."""
    with pytest.raises(InputError, match=says):
        fit_temperature(logits, targets)  # type: ignore[arg-type]

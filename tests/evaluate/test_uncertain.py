"""The threshold below which readings are uncertain: how it is chosen, and what the evaluation tells about it."""

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.evaluate.coverage import coverage_curve
from mien.evaluate.records import uncertain_text
from mien.evaluate.threshold import choose_threshold, least_threshold


@pytest.mark.parametrize(
    ("confidence", "correct", "right", "expected"),
    [
        # Sums of +-1/2 from the surest: 0.5, 1, 0.5, 1, 0.5, 0; the best with most answers is the fourth.
        ([0.9, 0.8, 0.7, 0.6, 0.4, 0.2], [1, 1, 0, 1, 0, 0], 0.5, 0.5),
        # An answer must be right in 80 of 100 cases: 0.2, 0.4, -0.4, ...: the second.
        ([0.9, 0.8, 0.7, 0.6, 0.4, 0.2], [1, 1, 0, 1, 0, 0], 0.8, 0.75),
        ([0.9, 0.3], [1, 1], 0.5, 0.0),
        ([0.9, 0.3], [0, 0], 0.5, 1.0),
        # Equal confidences are answered together or not at all.
        ([0.9, 0.6, 0.6, 0.6], [1, 1, 0, 0], 0.5, 0.75),
        ([0.2, 0.9], [0, 1], 0.5, 0.55),
    ],
)
def test_threshold_worked_by_hand(confidence, correct, right, expected):
    """The threshold makes the sum of gains largest; the order of the pictures does not matter."""
    sample = choose_threshold(confidence, correct, classes=1000, right=right, prior=0, bootstrap=0)
    assert sample.value == pytest.approx(max(expected, least_threshold(1000)))
    assert sample.interval == (sample.value, sample.value)


def test_threshold_of_a_calibrated_confidence():
    """Where the confidence is the probability of being right, the threshold is the wanted one."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1, 200_000)
    correct = rng.uniform(size=confidence.size) < confidence
    assert choose_threshold(confidence, correct, classes=7, bootstrap=0).value == pytest.approx(0.5, abs=0.02)
    chosen = choose_threshold(confidence, correct, classes=7, right=0.8, bootstrap=0).value
    assert chosen == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("confidence", "correct"),
    [([], []), ([0.5], [1, 0]), ([[0.5]], [[1]]), ([1.5], [1]), ([float("nan")], [1]), ([-0.1], [0])],
)
def test_what_is_no_confidence(confidence, correct):
    """Empty, unequal or impossible values are refused with a sentence."""
    with pytest.raises(InputError, match="confidence|Confidences"):
        choose_threshold(confidence, correct, classes=7)


def test_few_pictures_move_it_little():
    """All of 120 sure answers right says nothing about unsure ones: the rule for calibrated confidence stays, as
    it does for 4 classes whose every answer is right; never is the threshold below chance and a margin.
    """
    rng = np.random.default_rng(1)
    sure = choose_threshold(rng.uniform(0.6, 1, 120), np.ones(120), classes=7)
    assert sure.value == pytest.approx(0.5, abs=0.01)
    unsure = choose_threshold(rng.uniform(0.25, 1, 120), np.ones(120), classes=4)
    assert least_threshold(4) == pytest.approx(0.325)
    assert 0.325 <= unsure.value < 0.5
    assert choose_threshold(rng.uniform(0.25, 1, 20_000), np.ones(20_000), classes=4).value == pytest.approx(0.325)


def test_interval_narrows_with_pictures():
    """The interval holds the threshold, and is narrower for more pictures."""
    rng = np.random.default_rng(2)
    widths = []
    for n in (120, 12_000):
        confidence = rng.uniform(0.2, 1, n)
        chosen = choose_threshold(confidence, rng.uniform(size=n) < confidence * 0.8, classes=7)
        assert chosen.interval[0] <= chosen.value <= chosen.interval[1]
        widths.append(chosen.interval[1] - chosen.interval[0])
    assert widths[1] < widths[0]


def test_what_a_threshold_does():
    """Confidences 0.9 right, 0.8 wrong, 0.6 right: below 0.7 one of three is marked; 0 marks none, 1 all."""
    curve = coverage_curve([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]], [0, 0, 1])
    assert curve.below(0.7) == (pytest.approx(2 / 3), pytest.approx(0.5), pytest.approx(1.0))
    assert curve.below(0.8)[0] == pytest.approx(2 / 3)
    assert curve.below(0.0) == (1.0, pytest.approx(2 / 3), None)
    assert curve.below(1.0) == (0.0, None, pytest.approx(2 / 3))


def test_the_sentence_about_it():
    """The words give the share that is marked, and how right both parts are, where there are both."""
    body = {"below": 0.5, "coverage": 0.75, "accuracy": 0.8, "accuracy_uncertain": 0.4}
    assert uncertain_text(body) == (
        "Readings with a confidence below 50.0 % are marked as uncertain: 25.0 % of these pictures. "
        "Right are 80.0 % of the others and 40.0 % of the marked ones."
    )
    assert uncertain_text(body | {"coverage": 1.0, "accuracy_uncertain": None}).endswith(
        "Right are 80.0 % of the others."
    )

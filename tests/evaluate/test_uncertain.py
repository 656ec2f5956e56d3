"""The threshold below which readings are uncertain: how it is chosen, and what the evaluation tells about it."""

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.evaluate.coverage import choose_threshold, coverage_curve
from mien.evaluate.records import uncertain_text


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
    # The threshold makes the sum of gains largest; the order of the pictures does not matter.
    assert choose_threshold(confidence, correct, right=right) == pytest.approx(expected)


def test_threshold_of_a_calibrated_confidence():
    # Where the confidence is the probability of being right, the threshold is the wanted one.
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1, 200_000)
    correct = rng.uniform(size=confidence.size) < confidence
    assert choose_threshold(confidence, correct) == pytest.approx(0.5, abs=0.02)
    assert choose_threshold(confidence, correct, right=0.8) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("confidence", "correct"),
    [([], []), ([0.5], [1, 0]), ([[0.5]], [[1]]), ([1.5], [1]), ([float("nan")], [1]), ([-0.1], [0])],
)
def test_what_is_no_confidence(confidence, correct):
    # Empty, unequal or impossible values are refused with a sentence.
    with pytest.raises(InputError, match="confidence|Confidences"):
        choose_threshold(confidence, correct)


def test_what_a_threshold_does():
    # Confidences 0.9 right, 0.8 wrong, 0.6 right: below 0.7 one of three is marked; 0 marks none, 1 all.
    curve = coverage_curve([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]], [0, 0, 1])
    assert curve.below(0.7) == (pytest.approx(2 / 3), pytest.approx(0.5), pytest.approx(1.0))
    assert curve.below(0.8)[0] == pytest.approx(2 / 3)
    assert curve.below(0.0) == (1.0, pytest.approx(2 / 3), None)
    assert curve.below(1.0) == (0.0, None, pytest.approx(2 / 3))


def test_the_sentence_about_it():
    # The words give the share that is marked, and how right both parts are, where there are both.
    body = {"below": 0.5, "coverage": 0.75, "accuracy": 0.8, "accuracy_uncertain": 0.4}
    assert uncertain_text(body) == (
        "Readings with a confidence below 50.0 % are marked as uncertain: 25.0 % of these pictures. "
        "Right are 80.0 % of the others and 40.0 % of the marked ones."
    )
    assert uncertain_text(body | {"coverage": 1.0, "accuracy_uncertain": None}).endswith(
        "Right are 80.0 % of the others."
    )

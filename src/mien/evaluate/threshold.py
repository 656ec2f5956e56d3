"""The confidence below which a model's answers are uncertain, chosen on a validation split of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import InputError

__all__ = ["MARGIN", "PRIOR", "Threshold", "choose_threshold", "least_threshold"]

PRIOR = 500
"""Pictures that the rule for a calibrated confidence counts for against those of the validation split."""
MARGIN = 0.1
"""How far above chance the threshold lies at least, as a share of what lies between chance and certainty."""


@dataclass(frozen=True)
class Threshold:
    """A threshold in 0..1, its 95 % interval by bootstrap over the N pictures that it was chosen on."""

    value: float
    interval: tuple[float, float]
    n: int


def least_threshold(classes: int) -> float:
    """Confidence that every answer should have: chance and `MARGIN`; 0.23 for seven classes."""
    return 1 / classes + MARGIN * (1 - 1 / classes)


def choose_threshold(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    classes: int,
    right: float = 0.5,
    prior: int = PRIOR,
    bootstrap: int = 200,
) -> Threshold:
    """Confidence below which an answer is not worth giving: it would be right with a probability of less than `right`.

    Chow's rule (1970) on a sample. A given answer counts 1 - `right` when it is right and -`right` when it is wrong, a
    withheld one counts 0; the threshold makes the sum largest. That is where the isotonic calibration of the
    confidence crosses `right`, so it comes out as `right` itself for a confidence that is calibrated perfectly. `prior`
    pictures of such a confidence, spread evenly between chance and 1, count with the sample, so that a few pictures
    move the threshold a little and thousands decide it. It never lies below `least_threshold`.

    Args:
        confidence: (N,) in 0..1, of the validation split.
        correct: (N,) whether each answer is right.
        classes: number of classes, 2 or more.
        right: probability of being right from which an answer is given, in 0..1.
        prior: pictures that the prior counts for; 0 leaves the sample alone.
        bootstrap: resamples for the interval, drawn by seed 0; 0 gives the value itself as the interval.

    Returns:
        A threshold halfway between the last answer that is given and the first that is withheld; 1 when none is given.

    Raises:
        InputError: no images, shapes that do not fit, or a value out of range.

    """
    c, hit = np.asarray(confidence, np.float64), np.asarray(correct)
    if c.ndim != 1 or not len(c) or hit.shape != c.shape:
        raise InputError(f"A threshold needs one confidence and one truth per image, got {c.shape} and {hit.shape}.")
    if not (np.isfinite(c).all() and c.min() >= 0 and c.max() <= 1 + 1e-6 and 0 <= right <= 1) or classes < 2:
        raise InputError("Confidences and the wanted share of right answers must lie in 0..1, for two classes or more.")
    c, gain = np.minimum(c, 1.0), hit.astype(np.float64) - right
    assumed = np.linspace(1 / classes, 1, prior) if prior else np.zeros(0)
    least = least_threshold(classes)

    def chosen(rows: NDArray[np.int64]) -> float:
        return max(_cut(np.concatenate([c[rows], assumed]), np.concatenate([gain[rows], assumed - right])), least)

    value = chosen(np.arange(len(c)))
    rng = np.random.default_rng(0)
    drawn = [chosen(rng.integers(0, len(c), len(c))) for _ in range(bootstrap)] or [value]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Threshold(value, (float(low), float(high)), len(c))


def _cut(confidence: NDArray[np.float64], gain: NDArray[np.float64]) -> float:
    """The cut of the surest answers with the largest sum of gains; the most answers among the best cuts."""
    order = np.argsort(-confidence, kind="stable")
    c = confidence[order]
    total = np.concatenate([[0.0], np.cumsum(gain[order])])  # of answering the first 0, 1, ...
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(c)) + 1, [len(c)]])  # equal confidences stay together
    answered = int(cuts[::-1][np.argmax(total[cuts[::-1]])])
    if answered == len(c):
        return 0.0
    return 1.0 if answered == 0 else float((c[answered - 1] + c[answered]) / 2)

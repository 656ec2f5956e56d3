"""Accuracy against coverage: what is gained when a model abstains where it is least certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.evaluate.metrics import check_scores

__all__ = ["Coverage", "Marked", "coverage_curve"]


class Marked(NamedTuple):
    """What a threshold does: the share that is answered, and the accuracy of the answered and of the marked ones."""

    coverage: float
    accuracy: float | None
    """None when nothing is answered."""
    accuracy_uncertain: float | None
    """None when nothing is marked."""


@dataclass(frozen=True)
class Coverage:
    """Accuracy among the images that a model is surest of; each (N,), one step per image.

    `accuracy[i]` is the accuracy of the `i + 1` surest images, which are the share `coverage[i]` and all have at least
    the confidence `threshold[i]`.
    """

    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    threshold: NDArray[np.float64]

    @property
    def area_under_risk(self) -> float:
        """Mean error over all coverages (AURC, Geifman et al. 2019); lower is better."""
        return float((1 - self.accuracy).mean())

    def at(self, coverage: float) -> tuple[float, float]:
        """Accuracy and confidence threshold where the share `coverage` (0..1) of the images is answered."""
        i = max(round(coverage * len(self.coverage)), 1) - 1
        return float(self.accuracy[i]), float(self.threshold[i])

    def below(self, threshold: float) -> Marked:
        """What happens when images with a confidence below `threshold` (0..1) are marked as uncertain."""
        n = len(self.threshold)
        answered = int((self.threshold >= threshold).sum())
        right = np.concatenate([[0.0], self.accuracy * np.arange(1, n + 1)])  # right among the surest 0, 1, ... n
        return Marked(
            coverage=answered / n,
            accuracy=float(right[answered] / answered) if answered else None,
            accuracy_uncertain=float((right[n] - right[answered]) / (n - answered)) if answered < n else None,
        )


def coverage_curve(probabilities: ArrayLike, labels: ArrayLike) -> Coverage:
    """Accuracy against the share of images answered, when the least certain ones are abstained from.

    Args:
        probabilities: (N, K), rows summing to 1.
        labels: (N,) in 0..K-1.

    Raises:
        InputError: as `evaluate`.

    """
    p = np.asarray(probabilities, np.float64)
    p, y = check_scores(p, labels, p.shape[1] if p.ndim == 2 else 0)
    confidence, hit = p.max(axis=1), p.argmax(axis=1) == y
    order = np.argsort(-confidence, kind="stable")
    steps = np.arange(1, len(y) + 1)
    return Coverage(
        coverage=steps / len(y),
        accuracy=np.cumsum(hit[order]) / steps,
        threshold=confidence[order],
    )

"""The confusion matrix, the figures that follow from it, and its resampling.

Pure arithmetic on arrays of counts (..., K, K), whose rows are true labels and columns predicted labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "class_scores",
    "confusion_counts",
    "macro_f1",
    "resample",
    "resample_clusters",
]

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_DRAWN = 4_000_000  # numbers drawn at a time, 32 MB


def confusion_counts(labels: ArrayLike, answers: ArrayLike, classes: int) -> Counts:
    """Counts (K, K): row = true label (N,), column = predicted label (N,)."""
    cell = np.asarray(labels, np.int64) * classes + np.asarray(answers, np.int64)
    return np.bincount(cell, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def accuracy(counts: NDArray[Any]) -> Floats:
    """Share of right answers of counts (..., K, K): (...)."""
    return _divide(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def macro_f1(counts: NDArray[Any]) -> Floats:
    """Mean F1 over the classes that occur among labels or answers of counts (..., K, K): (...)."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    total = counts.sum(axis=-1) + counts.sum(axis=-2)  # 2 tp + fp + fn
    return _divide(_divide(2 * right, total).sum(axis=-1), (total > 0).sum(axis=-1))


def balanced_accuracy(counts: NDArray[Any]) -> Floats:
    """Mean recall over the classes that occur among labels of counts (..., K, K): (...)."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    support = counts.sum(axis=-1)
    return _divide(_divide(right, support).sum(axis=-1), (support > 0).sum(axis=-1))


def class_scores(counts: Counts) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 of every class (K,), 0 where there is nothing to divide by."""
    right, support, called = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    return _divide(right, called), _divide(right, support), _divide(2 * right, support + called)


def resample(counts: Counts, times: int, rng: np.random.Generator) -> Counts:
    """Counts (B, K, K) of B data sets, each drawn with replacement from the pictures of `counts` (K, K).

    Drawing N pictures with replacement makes the counts multinomial, so they are drawn directly: the same distribution
    as resampling pictures, without touching them.
    """
    n = int(counts.sum())
    draws = rng.multinomial(n, counts.ravel() / n, size=times)
    return draws.reshape(times, *counts.shape)


def resample_clusters(
    labels: Counts, answers: Counts, clusters: NDArray[Any], classes: int, times: int, rng: np.random.Generator
) -> Counts:
    """As `resample`, but whole clusters (N,), such as people, are drawn with all their pictures.

    Pictures of one person are not independent; resampling them one by one would make intervals too narrow.
    """
    _, cluster = np.unique(clusters, return_inverse=True)
    groups = int(cluster.max()) + 1
    cells = classes * classes
    cell = cluster.reshape(-1) * cells + labels * classes + answers
    tables = np.bincount(cell, minlength=groups * cells).reshape(groups, cells)
    out = np.empty((times, cells), np.int64)
    step = max(_MOST_DRAWN // groups, 1)
    for start in range(0, times, step):
        part = out[start : start + step]
        part[:] = rng.multinomial(groups, np.full(groups, 1 / groups), size=len(part)) @ tables  # (b, groups) @ tables
    return out.reshape(times, classes, classes)


def _divide(a: NDArray[Any], b: NDArray[Any]) -> Floats:
    """Quotient, and 0 where `b` is 0."""
    a, b = np.asarray(a), np.asarray(b)
    out: Floats = np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape)), where=b > 0)
    return out

"""How good probabilities are: accuracy with an interval, F1, confusion matrix, proper scores, calibration.

Pure arithmetic on arrays; reports and training both call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import InputError
from mien.evaluate.confusion import (
    accuracy,
    balanced_accuracy,
    class_scores,
    confusion_counts,
    macro_f1,
    resample,
    resample_clusters,
)

__all__ = [
    "BINS",
    "ClassFigures",
    "Metrics",
    "ReliabilityBin",
    "check_scores",
    "evaluate",
]

BINS = 15
"""Number of confidence bins of ECE, as in Guo et al. 2017."""

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_SUM_TOLERANCE = 1e-3  # probabilities in float32, or from an int8 graph
_TINY = float(np.finfo(np.float64).eps)  # what scikit-learn clips probabilities to before the logarithm


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class, each in 0..1; a figure with nothing to divide by is 0, as in scikit-learn."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    """Number of images whose label it is."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Images whose confidence lies in (lower, upper]; mean confidence and accuracy are None in an empty bin."""

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Metrics:
    """Figures of one model on one set of images; see `evaluate` for what each means."""

    n: int
    names: tuple[str, ...]
    accuracy: float
    accuracy_interval: tuple[float, float] | None
    """Bootstrap 95 % interval, or None when no bootstrap was asked for."""
    macro_f1: float
    macro_f1_interval: tuple[float, float] | None
    balanced_accuracy: float
    balanced_accuracy_interval: tuple[float, float] | None
    top2_accuracy: float
    log_loss: float
    brier: float
    ece: float
    adaptive_ece: float
    mean_confidence: float
    kl_votes: float | None
    """Mean Kullback-Leibler divergence from the votes to the probabilities in nats, or None without votes."""
    n_votes: int
    """Number of images that have votes."""
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    """`confusion[i][j]`: number of images with the true label i and the predicted label j."""
    reliability: tuple[ReliabilityBin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; nothing is rounded, and there is no NaN."""
        return asdict(self)


def evaluate(
    probabilities: ArrayLike,
    labels: ArrayLike,
    names: Sequence[str],
    *,
    votes: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Metrics:
    """All figures of probabilities against labels.

    Accuracy, macro-F1 and balanced accuracy come with a percentile bootstrap over images or clusters (Efron 1979).
    Macro-F1 and balanced accuracy are means over the classes that occur, as scikit-learn's defaults. `log_loss` is in
    nats; `brier` is summed over classes (0..2); `ece` has 15 bins of equal width (Guo et al. 2017), `adaptive_ece` 15
    of equal count (Nixon et al. 2019).

    Args:
        probabilities: (N, K) in 0..1, each row summing to 1.
        labels: (N,) whole numbers in 0..K-1.
        names: the K names, in the order of the columns.
        votes: (N, K) counts or shares of raters' votes in the same order, to measure agreement with; rows without a
            vote are left out of that figure.
        clusters: (N,) whose picture it is, as text or numbers: whole people are resampled then.
        bootstrap: number of resamples; 0 leaves the intervals out.
        seed: seed of the resampling.

    Raises:
        InputError: shapes that do not fit, no images, a value that is not finite, a row that does not sum to 1, or a
            label out of range.

    """
    p, y = check_scores(probabilities, labels, len(names))
    answers = p.argmax(axis=1)
    confidence, hit = p.max(axis=1), answers == y
    confusion = confusion_counts(y, answers, len(names))
    intervals = _intervals(_draws(y, answers, confusion, clusters, bootstrap, seed))
    kl, n_votes = (None, 0) if votes is None else _kl(p, votes)
    reliability = _reliability(confidence, hit)
    return Metrics(
        n=len(y),
        names=tuple(names),
        accuracy=float(hit.mean()),
        accuracy_interval=intervals[0],
        macro_f1=float(macro_f1(confusion)),
        macro_f1_interval=intervals[1],
        balanced_accuracy=float(balanced_accuracy(confusion)),
        balanced_accuracy_interval=intervals[2],
        top2_accuracy=float(_top(p, y, 2).mean()),
        log_loss=float(-np.log(np.clip(p[np.arange(len(y)), y], _TINY, 1)).mean()),
        brier=float(((p - np.eye(len(names))[y]) ** 2).sum(axis=1).mean()),
        ece=_ece(reliability),
        adaptive_ece=_adaptive_ece(confidence, hit),
        mean_confidence=float(confidence.mean()),
        kl_votes=kl,
        n_votes=n_votes,
        classes=_class_figures(confusion, names),
        confusion=tuple(tuple(int(v) for v in row) for row in confusion),
        reliability=reliability,
    )


def check_scores(probabilities: ArrayLike, labels: ArrayLike, classes: int) -> tuple[_Floats, _Ints]:
    """Probabilities (N, K) as float64 and labels (N,) as int64, once they are known to fit each other.

    Raises:
        InputError: as `evaluate`.

    """
    p = np.asarray(probabilities, np.float64)
    y = np.asarray(labels)
    if p.ndim != 2 or p.shape[1] != classes:
        raise InputError(f"Probabilities must have the shape (images, {classes}), one column per label, got {p.shape}.")
    if y.shape != (len(p),):
        raise InputError(f"Labels must have the shape ({len(p)},), one per row of probabilities, got {y.shape}.")
    if len(p) == 0:
        raise InputError("There are no images to judge.")
    if not np.issubdtype(y.dtype, np.integer):
        raise InputError(f"Labels must be whole numbers, got {y.dtype}.")
    if y.min() < 0 or y.max() >= classes:
        wrong = int(y.min() if y.min() < 0 else y.max())
        raise InputError(f"Labels must lie in 0..{classes - 1}, got {wrong}.")
    _check_rows(p)
    return p, y.astype(np.int64)


def _check_rows(p: _Floats) -> None:
    finite = np.isfinite(p).all(axis=1)
    if not finite.all():
        raise InputError(f"Probabilities must be finite, but row {int((~finite).argmax())} is not.")
    sums = p.sum(axis=1)
    wrong = (np.abs(sums - 1) > _SUM_TOLERANCE) | (p.min(axis=1) < -_SUM_TOLERANCE)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"Each row of probabilities must be at least 0 and sum to 1, but row {row} has the minimum "
            f"{p[row].min():.4g} and the sum {sums[row]:.4g}; were logits given?"
        )


def _draws(
    y: _Ints, answers: _Ints, confusion: _Ints, clusters: ArrayLike | None, bootstrap: int, seed: int
) -> NDArray[np.int64]:
    """Resampled counts (B, K, K)."""
    if bootstrap < 0:
        raise InputError(f"The number of bootstrap resamples must be 0 or more, got {bootstrap}.")
    rng = np.random.default_rng(seed)
    if clusters is None:
        return resample(confusion, bootstrap, rng)
    c = np.asarray(clusters)
    if c.shape != y.shape:
        raise InputError(f"Clusters must have the shape {y.shape}, one per label, got {c.shape}.")
    return resample_clusters(y, answers, c, len(confusion), bootstrap, rng)


def _top(p: _Floats, y: _Ints, k: int) -> NDArray[np.bool_]:
    """Whether the label is among the k most probable classes (N,); ties go to the lower index, as in argmax."""
    order = np.argsort(-p, axis=1, kind="stable")[:, :k]
    hit: NDArray[np.bool_] = (order == y[:, None]).any(axis=1)
    return hit


def _intervals(draws: NDArray[np.int64]) -> Sequence[tuple[float, float] | None]:
    """95 % intervals of accuracy, macro-F1 and balanced accuracy from resampled counts (B, K, K); none for B = 0."""
    if not len(draws):
        return (None, None, None)
    figures = (accuracy(draws), macro_f1(draws), balanced_accuracy(draws))
    return tuple((float(low), float(high)) for low, high in (np.percentile(f, [2.5, 97.5]) for f in figures))


def _class_figures(counts: NDArray[np.int64], names: Sequence[str]) -> tuple[ClassFigures, ...]:
    precision, recall, f1 = class_scores(counts)
    support = counts.sum(axis=1)
    return tuple(
        ClassFigures(name, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
        for i, name in enumerate(names)
    )


def _reliability(confidence: _Floats, hit: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    mean = np.bincount(place, confidence, BINS) / np.maximum(count, 1)
    right = np.bincount(place, hit, BINS) / np.maximum(count, 1)
    return tuple(
        ReliabilityBin(
            lower=float(edges[i]),
            upper=float(edges[i + 1]),
            count=int(count[i]),
            confidence=float(mean[i]) if count[i] else None,
            accuracy=float(right[i]) if count[i] else None,
        )
        for i in range(BINS)
    )


def _ece(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: mean |accuracy - confidence| over bins, weighted by their counts."""
    total = sum(b.count for b in bins)
    gaps = (
        b.count * abs(b.accuracy - b.confidence) for b in bins if b.accuracy is not None and b.confidence is not None
    )
    return float(sum(gaps) / total)


def _adaptive_ece(confidence: _Floats, hit: NDArray[np.bool_]) -> float:
    """ECE over bins that hold equally many images each, by rising confidence."""
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    gaps = [len(part) * abs(hit[part].mean() - confidence[part].mean()) for part in parts]
    return float(sum(gaps) / len(order))


def _kl(p: _Floats, votes: ArrayLike) -> tuple[float | None, int]:
    """Mean KL(votes || p) in nats over the images with votes, and how many those are."""
    v = np.asarray(votes, np.float64)
    if v.shape != p.shape:
        raise InputError(f"Votes must have the shape of the probabilities, {p.shape}, got {v.shape}.")
    if not np.isfinite(v).all() or v.min() < 0:
        raise InputError("Votes must be finite and at least 0.")
    total = v.sum(axis=1)
    some = total > 0
    if not some.any():
        return None, 0
    share = v[some] / total[some, None]
    ratio = np.where(share > 0, share, 1.0) / np.clip(p[some], _TINY, 1)
    return float(np.where(share > 0, share * np.log(ratio), 0.0).sum(axis=1).mean()), int(some.sum())

"""Whether a difference between two models is more than chance.

On the same pictures: a paired bootstrap and McNemar's exact test. Over the folds of a cross-validation: a t-test whose
variance allows for training sets that overlap. Pure arithmetic on arrays; needs numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import InputError
from mien.evaluate.confusion import accuracy, macro_f1

__all__ = ["FoldTest", "McNemar", "Paired", "corrected_t_test", "holm", "mcnemar", "paired_bootstrap", "student_p"]

Floats = NDArray[np.float64]
_MOST_DRAWN = 4_000_000  # numbers at a time, 32 MB


@dataclass(frozen=True)
class Paired:
    """The difference of a figure, first model less second, with a 95 % interval."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Pictures that only one of two models called right, and the two-sided p-value of such a split by chance."""

    only_first: int
    only_second: int
    p: float


@dataclass(frozen=True)
class FoldTest:
    """The mean difference over folds, its deviation, and the corrected resampled t-test.

    Args:
        mean: of the differences, first model less second.
        deviation: their standard deviation (n - 1).
        low, high: 95 % interval of the mean.
        t: the statistic; infinite where every fold differs by the same amount.
        p: two-sided.
        folds: number of differences.

    """

    mean: float
    deviation: float
    low: float
    high: float
    t: float
    p: float
    folds: int


def paired_bootstrap(
    label: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    classes: int,
    *,
    clusters: ArrayLike | None = None,
    times: int = 2000,
    seed: int = 0,
) -> dict[str, Paired]:
    """Differences in accuracy and macro-F1 of two models' answers to the same pictures (Efron 1979).

    Every resample takes the same pictures for both models, so what they have in common cancels out.

    Args:
        label: (N,) true classes.
        first: (N,) answers of the one model.
        second: (N,) answers of the other.
        classes: K.
        clusters: (N,) whose picture it is; whole people are drawn then.
        times: number of resamples.
        seed: of the resampling.

    Raises:
        InputError: no pictures, or shapes that do not fit.

    """
    y, a, b = (np.asarray(v, np.int64) for v in (label, first, second))
    if not len(y) or not y.shape == a.shape == b.shape:
        raise InputError(f"Labels and answers must have one length of at least 1, got {y.shape}, {a.shape}, {b.shape}.")
    kinds, kind = np.unique(np.stack([y, a, b], axis=1), axis=0, return_inverse=True)  # few: at most K^3
    whole = np.bincount(kind.reshape(-1), minlength=len(kinds))
    draws = _draws(kind.reshape(-1), whole, clusters, times, np.random.default_rng(seed))
    out = {}
    for name, figure in (("accuracy", accuracy), ("macro_f1", macro_f1)):
        values = [
            figure(_confusion(counts, kinds, 1, classes)) - figure(_confusion(counts, kinds, 2, classes))
            for counts in (whole[None], draws)
        ]
        low, high = np.percentile(values[1], (2.5, 97.5))
        out[name] = Paired(float(values[0][0]), float(low), float(high))
    return out


def _draws(
    kind: NDArray[np.int64],
    whole: NDArray[np.int64],
    clusters: ArrayLike | None,
    times: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Pictures of each kind (B, M) in B resamples of pictures or clusters."""
    if clusters is None:
        return rng.multinomial(len(kind), whole / len(kind), size=times)
    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    groups = int(cluster.max()) + 1
    tables = np.bincount(cluster.reshape(-1) * len(whole) + kind, minlength=groups * len(whole))
    tables = tables.reshape(groups, len(whole))
    step = max(_MOST_DRAWN // groups, 1)
    parts = [
        rng.multinomial(groups, np.full(groups, 1 / groups), size=min(step, times - start)) @ tables
        for start in range(0, times, step)
    ]
    return np.concatenate(parts)


def _confusion(counts: NDArray[np.int64], kinds: NDArray[np.int64], model: int, classes: int) -> NDArray[np.int64]:
    """Confusion matrices (B, K, K) of one of the models; rows of `kinds` (M, 3) are label, first and second answer."""
    cell = np.eye(classes * classes, dtype=np.int64)[kinds[:, 0] * classes + kinds[:, model]]  # (M, K * K)
    return np.asarray((counts @ cell).reshape(len(counts), classes, classes))


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """McNemar's exact test: do two models (N,) right or wrong err on the same number of pictures (McNemar 1947)?

    Only pictures that one of them calls right and the other wrong count; under the null hypothesis either is as
    likely, so their number is binomial.

    Raises:
        InputError: shapes that do not fit.

    """
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    if a.shape != b.shape:
        raise InputError(f"Both models must be judged on the same pictures, got {a.shape} and {b.shape}.")
    only_first, only_second = int((a & ~b).sum()), int((b & ~a).sum())
    n, least = only_first + only_second, min(only_first, only_second)
    term = total = 1
    for k in range(1, least + 1):  # whole numbers, so that thousands of pictures are no matter of rounding
        term = term * (n - k + 1) // k
        total += term
    return McNemar(only_first, only_second, float(min(Fraction(2 * total, 2**n), Fraction(1))))


def corrected_t_test(differences: Sequence[float], test_share: float) -> FoldTest:
    """Corrected resampled t-test over folds (Nadeau & Bengio 2003, Machine Learning 52).

    Folds share most of their training pictures, so the plain t-test finds too much. The variance of the mean is taken
    as (1/J + n_test / n_train) times that of the differences.

    Args:
        differences: J figures of the first model less those of the second, on the same folds.
        test_share: n_test / n_train.

    Raises:
        InputError: fewer than two differences.

    """
    d = np.asarray(differences, np.float64)
    if len(d) < 2:
        raise InputError(f"A test over folds needs at least two of them, got {len(d)}.")
    mean, deviation = float(d.mean()), float(d.std(ddof=1))
    error = math.sqrt(1 / len(d) + test_share) * deviation
    t = mean / error if error else math.copysign(math.inf, mean) if mean else 0.0
    reach = _student_limit(len(d) - 1) * error
    return FoldTest(mean, deviation, mean - reach, mean + reach, t, student_p(t, len(d) - 1), len(d))


def student_p(t: float, freedom: int) -> float:
    """Two-sided p-value of Student's t with a whole number of degrees of freedom, by the finite series.

    Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
    """
    if math.isinf(t):
        return 0.0
    angle = math.atan(abs(t) / math.sqrt(freedom))
    cos2 = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cos2
        total += term
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return float(min(max(1 - inside, 0.0), 1.0))


def _student_limit(freedom: int) -> float:
    """The t that 95 % lie below, both sides taken together."""
    low, high = 0.0, 1e3
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_p(middle, freedom) > 0.05 else (low, middle)
    return high


def holm(p: Sequence[float]) -> list[float]:
    """p-values of several comparisons made one after the other, so that any false alarm stays rare (Holm 1979)."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    out, highest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(p[i] * (len(p) - rank), 1.0))
        out[i] = highest
    return out

"""Calibration of confidences: a temperature, or a scale and a bias per class.

Fitted on logits of the validation split, before they go into a model file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import InputError
from mien.core.scores import log_softmax, softmax

__all__ = ["TEMPERATURES", "fit_temperature", "fit_vector_scaling", "vector_scaling_helps"]

TEMPERATURES = (0.05, 20.0)
"""Lowest and highest temperature that is ever given; logits that are always right would otherwise go to 0."""

_STEPS = 100  # bisections; each halves the interval, so float64 is exhausted long before
_NEWTON_STEPS = 50
_RIDGE = 1e-3  # pull towards the temperature; keeps rare classes finite, and the bias unique (a shift changes nothing)


def fit_temperature(logits: ArrayLike, targets: ArrayLike) -> float:
    """Temperature T that makes softmax(logits / T) most likely (Guo et al. 2017).

    The log-loss is convex in 1/T, so its slope is bisected; there are no settings and no starting point.
    Logarithms of probabilities serve as logits.

    Args:
        logits: (N, K), finite.
        targets: (N,) labels in 0..K-1, or (N, K) votes or shares of at least 0, each row with a positive sum.

    Returns:
        A temperature within `TEMPERATURES`; 1 when the logits of every image are all equal.

    Raises:
        InputError: shapes that do not fit, no images, or a value that is not finite or out of range.

    """
    z, target = _check(logits, targets)
    wanted = (target * z).sum(axis=1)  # (N,) logit under the target
    if not np.any(z):
        return 1.0

    def slope(inverse: float) -> float:
        """Derivative of the log-loss by 1/T."""
        return float(((softmax(z, 1 / inverse) * z).sum(axis=1) - wanted).mean())

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5
        if slope(middle) > 0:
            high = middle
        else:
            low = middle
    return float(np.clip(1 / (low * high) ** 0.5, *TEMPERATURES))


def fit_vector_scaling(logits: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scale s and bias b per class that make softmax(s z + b) most likely, z being the logits less their row's mean.

    Vector scaling (Guo et al. 2017), by Newton's method with step halving on a convex loss: the log-loss and a small
    pull towards the best temperature without bias, which keeps rare classes near it. It also moves the balance between
    classes, so it may change which class is answered.

    Args:
        logits: (N, K), finite.
        targets: as `fit_temperature`.

    Returns:
        s (K,), and b (K,) with mean 0.

    Raises:
        InputError: as `fit_temperature`.

    """
    z, target = _check(logits, targets)
    classes = z.shape[1]
    centre = np.concatenate([np.full(classes, 1 / fit_temperature(z, target)), np.zeros(classes)])

    def loss(now: NDArray[np.float64]) -> float:
        scores = log_softmax(z * now[:classes] + now[classes:])
        return float(-(target * scores).sum(axis=1).mean() + _RIDGE * ((now - centre) ** 2).sum() / 2)

    now, best = centre.copy(), loss(centre)
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(z, target, now, centre)
        scale = 1.0
        while scale > 1e-6 and loss(now + scale * step) > best:
            scale /= 2
        after = loss(now + scale * step)
        if scale <= 1e-6 or best - after < 1e-12:
            break
        now, best = now + scale * step, after
    return now[:classes], now[classes:] - now[classes:].mean()


def _newton_step(
    z: NDArray[np.float64], target: NDArray[np.float64], now: NDArray[np.float64], centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Newton step (2 K,) of the pulled log-loss at (s, b) = `now`."""
    n, classes = z.shape
    p = softmax(z * now[:classes] + now[classes:])  # (N, K)
    off, pz = p - target, p * z
    gradient = np.concatenate([(off * z).mean(axis=0), off.mean(axis=0)]) + _RIDGE * (now - centre)
    both = np.concatenate([pz, p], axis=1)  # (N, 2 K)
    hessian = -both.T @ both / n
    own = np.arange(classes)
    hessian[own, own] += (pz * z).mean(axis=0)
    hessian[own, own + classes] += pz.mean(axis=0)
    hessian[own + classes, own] += pz.mean(axis=0)
    hessian[own + classes, own + classes] += p.mean(axis=0)
    hessian += _RIDGE * np.eye(2 * classes)
    return -np.linalg.solve(hessian, gradient).astype(np.float64)


def vector_scaling_helps(logits: ArrayLike, targets: ArrayLike, folds: int = 5) -> bool:
    """Whether vector scaling gives held-out images a lower log-loss than a temperature; their order is drawn by seed 0.

    Args:
        logits: (N, K), finite.
        targets: as `fit_temperature`.
        folds: parts that are held out in turn, at least 2; with fewer than 20 images in each the answer is no.

    Raises:
        InputError: as `fit_temperature`.

    """
    z, target = _check(logits, targets)
    if len(z) < 20 * folds:
        return False
    part = np.random.default_rng(0).permutation(len(z)) % folds
    gain = 0.0
    for k in range(folds):
        rest, held = part != k, part == k
        scale, bias = fit_vector_scaling(z[rest], target[rest])
        plain = log_softmax(z[held], fit_temperature(z[rest], target[rest]))
        gain += float((target[held] * (log_softmax(z[held] * scale + bias) - plain)).sum())
    return gain > 0


def _check(logits: ArrayLike, targets: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits (N, K) with row mean 0, and targets as shares (N, K)."""
    z, t = np.asarray(logits, np.float64), np.asarray(targets)
    if z.ndim != 2 or z.shape[0] == 0 or z.shape[1] < 2:
        raise InputError(f"Logits must have the shape (images, labels) with at least 1 and 2, got {z.shape}.")
    if not np.isfinite(z).all():
        raise InputError("Logits must be finite.")
    return z - z.mean(axis=1, keepdims=True), _shares(t, z.shape)


def _shares(t: NDArray[np.generic], shape: tuple[int, ...]) -> NDArray[np.float64]:
    if t.shape == (shape[0],):
        if not np.issubdtype(t.dtype, np.integer):
            raise InputError(f"Labels must be whole numbers, got {t.dtype}.")
        labels = t.astype(np.int64)
        if labels.min() < 0 or labels.max() >= shape[1]:
            raise InputError(f"Labels must lie in 0..{shape[1] - 1}, got {labels.min()}..{labels.max()}.")
        one_hot: NDArray[np.float64] = np.eye(shape[1])[labels]
        return one_hot
    if t.shape != shape:
        raise InputError(f"Targets must have the shape ({shape[0]},) or {shape}, got {t.shape}.")
    votes = t.astype(np.float64)
    total = votes.sum(axis=1, keepdims=True)
    if not np.isfinite(votes).all() or votes.min() < 0 or total.min() <= 0:
        raise InputError("Target shares must be finite and at least 0, with a positive sum in each row.")
    shares: NDArray[np.float64] = votes / total
    return shares

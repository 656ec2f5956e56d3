"""Temperature and bias that make a confidence mean what it says.

Fitted on logits of the validation split, before they go into a model file. Knows no models and no files.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import InputError
from mien.core.scores import log_softmax, softmax

__all__ = ["TEMPERATURES", "fit_temperature", "fit_temperature_and_bias"]

TEMPERATURES = (0.05, 20.0)
"""Lowest and highest temperature that is ever given; logits that are always right would otherwise go to 0."""

_STEPS = 100  # bisections; each halves the interval, so float64 is exhausted long before
_NEWTON_STEPS = 50
_RIDGE = 1e-6  # keeps the bias finite where a class never occurs, and unique (a constant shift changes nothing)


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


def fit_temperature_and_bias(logits: ArrayLike, targets: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Temperature T and bias b that make softmax(logits / T + b) most likely.

    Bias-corrected temperature scaling (Alexandari et al. 2020), by Newton's method on (1/T, b) with step halving.
    The bias also moves the balance between classes, so it may change which class is answered.

    Args:
        logits: (N, K), finite.
        targets: as `fit_temperature`.

    Returns:
        T, and b (K,) with mean 0.

    Raises:
        InputError: as `fit_temperature`.

    """
    z, target = _check(logits, targets)
    classes = z.shape[1]
    centre = np.concatenate([[1 / fit_temperature(z, target)], np.zeros(classes)])

    def loss(parameters: NDArray[np.float64]) -> float:
        scores = log_softmax(z * parameters[0] + parameters[1:])
        return float(-(target * scores).sum(axis=1).mean() + _RIDGE * ((parameters - centre) ** 2).sum() / 2)

    now, best = centre.copy(), loss(centre)
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(z, target, now, centre)
        scale = 1.0
        while scale > 1e-6 and (now[0] + scale * step[0] < 1 / TEMPERATURES[1] or loss(now + scale * step) > best):
            scale /= 2
        after = loss(now + scale * step)
        if scale <= 1e-6 or best - after < 1e-12:
            break
        now, best = now + scale * step, after
    bias = now[1:] - now[1:].mean()
    return float(np.clip(1 / now[0], *TEMPERATURES)), bias


def _newton_step(
    z: NDArray[np.float64], target: NDArray[np.float64], now: NDArray[np.float64], centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Newton step (1 + K,) of the regularised log-loss at (1/T, b) = `now`."""
    n, classes = z.shape
    p = softmax(z * now[0] + now[1:])  # (N, K)
    off = p - target
    gradient = np.concatenate([[(off * z).sum() / n], off.mean(axis=0)]) + _RIDGE * (now - centre)
    mean = (p * z).sum(axis=1)  # (N,) expected logit
    hessian = np.empty((classes + 1, classes + 1))
    hessian[0, 0] = ((p * z**2).sum(axis=1) - mean**2).mean()
    hessian[0, 1:] = hessian[1:, 0] = (p * (z - mean[:, None])).mean(axis=0)
    hessian[1:, 1:] = np.diag(p.mean(axis=0)) - p.T @ p / n
    hessian += _RIDGE * np.eye(classes + 1)
    return -np.linalg.solve(hessian, gradient).astype(np.float64)


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

"""Arithmetic on scores: softmax and temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["log_softmax", "softmax"]


def log_softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Logarithm of the softmax over the last axis, at `temperature` > 0 (Guo et al. 2017, section 4.2)."""
    z = np.asarray(logits, np.float64) / temperature
    z = z - z.max(axis=-1, keepdims=True)
    out: NDArray[np.float64] = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return out


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities in 0..1 over the last axis, at `temperature` > 0."""
    return np.exp(log_softmax(logits, temperature))

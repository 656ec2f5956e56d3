"""Scores that are the chance that a box is a face: one slope and one shift in the weights of the score (Platt 1999).

Fitted on boxes found in validation photographs. The order of the boxes stays as it is.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import TrainError
from mien.learn.detector.net import DetectorNet

__all__ = ["calibrated", "fit_scores"]

_STEPS = 50
_RIDGE = 1e-3  # pull towards scores as they are; keeps them finite where all boxes are faces
_SURE = 1e-6


def fit_scores(scores: ArrayLike, hits: ArrayLike) -> tuple[float, float]:
    """Slope a > 0 and shift b for which sigmoid(a logit(score) + b) is the most likely chance of a hit.

    Args:
        scores: (N,) in 0..1.
        hits: (N,) whether each box is a face.

    Raises:
        TrainError: no boxes, or none that is a face, or none that is not.

    """
    score = np.clip(np.asarray(scores, np.float64), _SURE, 1 - _SURE)
    hit = np.asarray(hits, np.float64)
    if not len(hit) or hit.min() == hit.max():
        raise TrainError("Scores are calibrated on boxes some of which are faces and some not; the pictures give none.")
    logit = np.log(score / (1 - score))
    design = np.stack([logit, np.ones_like(logit)], 1)  # (N, 2)
    found: NDArray[np.float64] = np.array([1.0, 0.0])
    for _ in range(_STEPS):  # Newton; the log-loss is convex
        chance = 1 / (1 + np.exp(-design @ found))
        slope = design.T @ (chance - hit) / len(hit) + _RIDGE * (found - [1, 0])
        bend = (design * (chance * (1 - chance))[:, None]).T @ design / len(hit) + _RIDGE * np.eye(2)
        found = found - np.linalg.solve(bend, slope)
    if found[0] <= 0:
        raise TrainError("The scores say nothing about which boxes are faces, so they cannot be calibrated.")
    return float(found[0]), float(found[1])


@torch.no_grad()
def calibrated(net: DetectorNet, slope: float, shift: float) -> DetectorNet:
    """The network with slope and shift in the weights of its score; the network itself is changed."""
    assert net.out.bias is not None
    net.out.weight[0].mul_(slope)
    net.out.bias[0].mul_(slope).add_(shift)
    return net

"""Scores that are the chance that a box is a face: a slope for each look at it and one shift (Platt 1999).

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
_STEP, _FAR = 1.0, 50.0  # longest step, so that few boxes do not make it jump, and largest logit
_SURE = 1e-6


def fit_scores(scores: ArrayLike, hits: ArrayLike) -> tuple[float, ...]:
    """Slopes a, b, ... > 0 and a shift c with which sigmoid(a logit(p) + b logit(q) + ... + c) is the chance of a hit.

    Args:
        scores: (N,), or (N, K) of K looks, in 0..1.
        hits: (N,) whether each box is a face.

    Returns:
        The K slopes and the shift.

    Raises:
        TrainError: no boxes, or none that is a face, or none that is not.

    """
    hit = np.asarray(hits, np.float64)
    if not len(hit) or hit.min() == hit.max():
        raise TrainError("Scores are calibrated on boxes some of which are faces and some not; the pictures give none.")
    score = np.clip(np.asarray(scores, np.float64), _SURE, 1 - _SURE).reshape(len(hit), -1)
    design = np.append(np.log(score / (1 - score)), np.ones((len(hit), 1)), 1)  # (N, K + 1)
    start = np.zeros(design.shape[1])
    start[0] = 1.0  # the first score as it is
    found: NDArray[np.float64] = start
    for _ in range(_STEPS):  # Newton; the log-loss is convex
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -_FAR, _FAR)))
        slope = design.T @ (chance - hit) / len(hit) + _RIDGE * (found - start)
        bend = (design * (chance * (1 - chance))[:, None]).T @ design / len(hit) + _RIDGE * np.eye(len(found))
        found = found - np.clip(np.linalg.solve(bend, slope), -_STEP, _STEP)
    if (found[:-1] <= 0).any():
        raise TrainError("The scores say nothing about which boxes are faces, so they cannot be calibrated.")
    return tuple(found.tolist())


@torch.no_grad()
def calibrated(net: DetectorNet, slope: float, shift: float) -> DetectorNet:
    """The network with slope and shift in the weights of its score; the network itself is changed."""
    assert net.out.bias is not None
    net.out.weight[0].mul_(slope)
    net.out.bias[0].mul_(slope).add_(shift)
    return net

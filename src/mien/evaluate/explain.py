"""Which parts of a crop an answer rests on, found by covering them one after another.

Needs only the classifier, so it works on the file that ships, without torch. Draws nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, OptionError
from mien.core.types import Classifier

__all__ = ["PATCH", "occlusion_map"]

PATCH = 0.2
"""Side of the covering square as a share of the crop's: about an eye or half a mouth."""

_STEPS = 20  # positions along a side
_BLUR = 0.125  # sigma as a share of the side: features vanish, brightness stays
_BATCH = 64
_LEAST = 1e-12  # probabilities are told apart down to here; a softmax in float32 goes further


def occlusion_map(
    classifier: Classifier, crop: NDArray[np.uint8], label: int, *, patch: float = PATCH
) -> NDArray[np.float64]:
    """How much the odds of a label fall when a part of the crop is covered.

    A square slides over the crop (Zeiler and Fergus 2014); what it covers is replaced by a blurred copy, which takes
    away the features but not the brightness (Fong and Vedaldi 2017). A pixel's value is the mean, over all squares that
    cover it, of the logarithm of odds before / odds after: positive where the answer rests on the part, negative where
    the part speaks against it. Odds, p / (1 - p), still tell differences where the model is sure.

    Args:
        classifier: what is explained.
        crop: (S, S) grey or (S, S, 3) RGB uint8, as the classifier wants it.
        label: column of the probabilities.
        patch: side of the square, as a share of S in 0..1.

    Returns:
        (S, S) natural logarithms: 0.69 where covering halves the odds.

    Raises:
        InputError: the crop does not fit the classifier.
        OptionError: an impossible label or size.

    """
    size = classifier.crop.size
    expected = (size, size) if classifier.crop.color == "gray" else (size, size, 3)
    if crop.shape != expected or crop.dtype != np.uint8:
        raise InputError(f"Expected a uint8 crop of the shape {expected}, got {crop.dtype} {crop.shape}.")
    if not 0 <= label < len(classifier.labels):
        raise OptionError(f"The label must be a column in 0..{len(classifier.labels) - 1}, got {label}.")
    if not 0 < patch < 1:
        raise OptionError(f"The patch must be a share of the crop in 0..1, got {patch}.")
    side = max(round(size * patch), 1)
    blurred = cv2.GaussianBlur(crop, (0, 0), size * _BLUR, borderType=cv2.BORDER_REPLICATE)
    corners = np.unique(np.linspace(0, size - side, _STEPS).round().astype(int))
    places = [(y, x) for y in corners for x in corners]
    whole = float(_log_odds(classifier.classify(crop[None]), label)[0])
    loss, covered = np.zeros((size, size)), np.zeros((size, size))
    for start in range(0, len(places), _BATCH):
        part = places[start : start + _BATCH]
        changed = np.repeat(crop[None], len(part), axis=0)
        for image, (y, x) in zip(changed, part, strict=True):
            image[y : y + side, x : x + side] = blurred[y : y + side, x : x + side]
        for (y, x), odds in zip(part, _log_odds(classifier.classify(changed), label), strict=True):
            loss[y : y + side, x : x + side] += whole - odds
            covered[y : y + side, x : x + side] += 1
    found: NDArray[np.float64] = loss / np.maximum(covered, 1)
    return found


def _log_odds(probabilities: NDArray[np.float32], label: int) -> NDArray[np.float64]:
    """Logarithm of p / (1 - p) of one column (N,); 1 - p is summed up, which is exact where p is nearly 1."""
    p = probabilities.astype(np.float64)
    others = np.delete(p, label, axis=1).sum(axis=1)
    odds: NDArray[np.float64] = np.log(np.maximum(p[:, label], _LEAST)) - np.log(np.maximum(others, _LEAST))
    return odds

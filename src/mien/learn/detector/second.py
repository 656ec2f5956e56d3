"""What a second look at faces that are not sure says: fitted on validation photographs.

How it is done is in `mien.infer.detectors.second_look`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from mien.core.contract import SecondLook
from mien.core.errors import TrainError
from mien.data.faces import FacePicture, load_bgr
from mien.evaluate.detection import enlarged
from mien.evaluate.matching import match
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.infer.detectors.second_look import HIGHEST, LOWEST, seen_again
from mien.learn.detector.calibrate import fit_scores

__all__ = ["fitted"]

_SIDE, _MARGIN = 96, 2.4  # px, and sides of the face: it comes to be 40 px
_BELOW = 0.95
_FROM = 0.02  # first score from which boxes count for the fit
_log = logging.getLogger("mien")


def fitted(file: Path, validation: Sequence[FacePicture], side: int) -> SecondLook | None:
    """The second look that fits a detector's file without one, or None where the photographs do not show that it helps.

    Args:
        file: a model file whose own threshold is low.
        validation: photographs that the network has not seen; they are judged as they are and enlarged.
        side: longest side in pixels at which the first look is taken, and to which they are enlarged.

    Raises:
        DataError: a photograph cannot be read.

    """
    look = SecondLook(_SIDE, _MARGIN, _BELOW, 1.0, 1.0, 0.0)
    detector = OwnDetector(file, DetectOptions(side=side, min_score=_FROM))
    scores: list[tuple[float, float]] = []
    hits: list[bool] = []
    for picture, enlarge in product(validation, (None, side)):
        image, factor = enlarged(load_bgr(picture), enlarge)
        size = (image.shape[1], image.shape[0])
        found = match(detector.detect(image), picture.boxes * factor, picture.ignore * factor, size)
        for score, hit, box in zip(found.scores.tolist(), found.hits.tolist(), found.boxes.tolist(), strict=True):
            if score < look.below:
                scores.append((score, seen_again(image, box, look, detector.rows)))
                hits.append(hit)
    try:
        first, second, shift = fit_scores(np.clip(scores, LOWEST, HIGHEST), hits)
    except TrainError as error:
        _log.info("No second look at faces that are not sure: %s", error)
        return None
    return SecondLook(_SIDE, _MARGIN, _BELOW, *(round(value, 3) for value in (first, second, shift)))

"""What both looks at a face say together: fitted on validation photographs.

How it is used is in `mien.infer.detectors.second_look`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from mien.infer.detectors.second_network import SecondNetwork
from mien.infer.session import read_model
from mien.learn.detector.calibrate import fit_scores
from mien.learn.detector.second.export import SecondFile
from mien.learn.detector.second.squares import SIDE, seen

__all__ = ["fitted", "unfitted"]

_BELOW = 0.98
_POINTS_FROM = 24.0  # px
_log = logging.getLogger("mien")


def unfitted(second: SecondFile) -> SecondLook:
    """A second look before it is fitted."""
    return SecondLook(second.side, second.margin, _BELOW, 1.0, 1.0, 0.0, _POINTS_FROM if second.points else None)


def fitted(file: Path, look: SecondLook, validation: Sequence[FacePicture]) -> SecondLook | None:
    """The second look that fits a detector's file, or None where the photographs do not show that it helps.

    Args:
        file: a detector's file with a second look's network.
        look: its squares.
        validation: photographs that neither network has seen; they are judged as they are and enlarged.

    Raises:
        DataError: a photograph cannot be read.

    """
    pairs = list(_looks(file, look, validation))
    try:
        scores = np.clip([(first, second) for first, second, _ in pairs], LOWEST, HIGHEST)
        first, second, shift = fit_scores(scores, [hit for _, _, hit in pairs])
    except TrainError as error:
        _log.info("No second look at faces that are not sure: %s", error)
        return None
    return replace(look, first=round(first, 3), second=round(second, 3), shift=round(shift, 3))


def _looks(file: Path, look: SecondLook, validation: Sequence[FacePicture]) -> Iterator[tuple[float, float, bool]]:
    """Scores of both looks at all that is not sure, and whether it is a face."""
    detector = OwnDetector(file, DetectOptions(side=SIDE))
    judge = SecondNetwork(read_model(file), file, look)
    for picture, enlarge in product(validation, (None, SIDE)):
        image, factor = enlarged(load_bgr(picture), enlarge)
        size = (image.shape[1], image.shape[0])
        found = match(seen(detector, image), picture.boxes * factor, picture.ignore * factor, size)
        doubted = [
            (face, hit) for face, hit in zip(found.faces, found.hits.tolist(), strict=True) if face.score < look.below
        ]
        again = seen_again([(image, face.box) for face, _ in doubted], look, judge)
        yield from ((face.score, seen.chance, hit) for (face, hit), seen in zip(doubted, again, strict=True))

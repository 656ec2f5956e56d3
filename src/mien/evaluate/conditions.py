"""How well pictures can be read, by what can be measured on them: pose, brightness, sharpness, size, colour.

Age, skin tone and origin are no such things: nobody measured them here. Pose comes from landmarks that the packaged
detector finds in the crop; where it finds none, the pose is not known. Thirds are those of the judged pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Face, Image
from mien.data.manifest import Manifest
from mien.evaluate.judge import Evaluation
from mien.evaluate.metrics import evaluate
from mien.evaluate.order import NOT_KNOWN, THIRDS, place_of
from mien.infer.detect import open_detector
from mien.infer.options import DetectOptions
from mien.media.quality import Quality, measure

__all__ = ["conditions_of", "judge_conditions"]

_SIDE = 160  # px, to which a crop is enlarged, with half of that around it, so that a face is of a size to be found
_LOOK = 2 * _SIDE
_UPRIGHT, _TILTED = 10.0, 20.0  # degrees
_FRONTAL, _TURNED = 15.0, 30.0
_COLOURFUL = 8.0  # grey levels between the channels from which a picture is one in colour


def conditions_of(manifest: Manifest) -> dict[str, NDArray[np.str_]]:
    """Conditions by name, each with the group (N,) of every picture, "" where it is not known.

    Raises:
        DataError: a picture cannot be read.

    """
    detector = open_detector(options=DetectOptions(side=_LOOK, max_faces=1))
    pictures = [_bgr(manifest.load(i)) for i in range(len(manifest))]
    faces = [next(iter(detector.detect(_enlarged(picture))), None) for picture in pictures]
    looks = [_look(picture, face) for picture, face in zip(pictures, faces, strict=True)]
    found = {
        "head leans": _grouped([q.roll for q in looks], (_UPRIGHT, _TILTED), "degrees"),
        "head turned": _grouped([q.yaw for q in looks], (_FRONTAL, _TURNED), "degrees"),
        "brightness": _thirds([q.exposure for q in looks]),
        "sharpness": _thirds([q.sharpness for q in looks]),
        "colour": np.array(["colour" if _colourful(picture) else "grey" for picture in pictures]),
    }
    return {name: groups for name, groups in found.items() if len(set(groups[groups != ""])) > 1}


def judge_conditions(
    found: Evaluation, judged: Manifest, *, bootstrap: int = 1000, seed: int = 0
) -> list[dict[str, Any]]:
    """Figures for every group of every condition, as docs/judging.md describes.

    Args:
        found: the evaluation of N pictures.
        judged: these pictures, in the same order.
        bootstrap: resamples for the intervals.
        seed: of the resampling.

    Raises:
        DataError: a picture cannot be read.

    """
    rows = []
    for name, groups in conditions_of(judged).items():
        for group in sorted(set(groups.tolist()), key=place_of):
            pick = groups == group
            figures = evaluate(
                found.probabilities[pick], found.label[pick], found.task.names, bootstrap=bootstrap, seed=seed
            )
            rows.append({"condition": name, "group": group or NOT_KNOWN, "figures": figures.to_dict()})
    return rows


def _bgr(picture: NDArray[np.uint8]) -> Image:
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def _enlarged(picture: Image) -> Image:
    way = cv2.INTER_LINEAR if min(picture.shape[:2]) < _SIDE else cv2.INTER_AREA
    edge = _SIDE // 2
    large = cv2.resize(picture, (_SIDE, _SIDE), interpolation=way)
    return np.asarray(cv2.copyMakeBorder(large, edge, edge, edge, edge, cv2.BORDER_REPLICATE), np.uint8)


def _look(picture: Image, face: Face | None) -> Quality:
    """Quality of a whole crop, with the pose of the face that was found in it."""
    height, width = picture.shape[:2]
    whole = Face((0.0, 0.0, float(width), float(height)), 1.0, None if face is None else face.landmarks, whole=True)
    return measure(picture, whole)


def _grouped(values: Sequence[float | None], ends: tuple[float, float], unit: str) -> NDArray[np.str_]:
    names = (f"below {ends[0]:g} {unit}", f"{ends[0]:g} to {ends[1]:g} {unit}", f"from {ends[1]:g} {unit}")
    return np.array(["" if v is None else names[int(np.searchsorted(ends, abs(v), side="right"))] for v in values])


def _thirds(values: Sequence[float]) -> NDArray[np.str_]:
    ends = np.quantile(values, (1 / 3, 2 / 3))
    return np.array([THIRDS[i] for i in np.searchsorted(ends, values, side="right")])


def _colourful(picture: Image) -> bool:
    spread = picture.max(axis=2).astype(np.int16) - picture.min(axis=2)
    return bool(spread.mean() > _COLOURFUL)

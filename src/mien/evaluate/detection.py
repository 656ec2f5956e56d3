"""Judge face detectors on photographs with boxes: average precision, recall by size and condition, false faces, time.

The same code judges any detector. Draws nothing and writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.types import Detector, Image
from mien.data.faces import FacePicture, load_bgr
from mien.evaluate.matching import Found, average_precision, match
from mien.evaluate.metrics import ReliabilityBin

__all__ = ["SIZES", "ConditionRecall", "DetectionFigures", "Judgement", "SizeRecall", "enlarged", "judge_detector"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

SIZES = (0.0, 10.0, 20.0, 40.0, 80.0)
"""Lower ends of the groups of faces, in pixels of the square root of a box's area; the last one has no upper end."""

_COUNTED_FROM = 20.0  # px: the figure `recall_20`
_LANDMARKS_FROM = 40.0  # px: the figure `landmark_error`
_FAINT = 0.05  # score of the faintest boxes whose reliability counts
_BINS = 10  # of the reliability of scores


@dataclass(frozen=True)
class SizeRecall:
    """Recall of the faces of one group of sizes; None where there is no such face."""

    smallest: float
    largest: float | None
    faces: int
    recall: float | None


@dataclass(frozen=True)
class ConditionRecall:
    """Recall of the faces that the data call profile, cut, blurred or the like."""

    condition: str
    faces: int
    recall: float


@dataclass(frozen=True)
class DetectionFigures:
    """What one detector did on a set of photographs.

    `ap` is the average precision at IoU 0.5 over all scores that were asked for; every other figure holds at the
    detector's own threshold. `landmark_error` is the mean distance of the five landmarks of found faces from 40 px, in
    distances between the eyes. `calibration_error` and `reliability` say how far scores are the chance that a box is a
    face, over all boxes from 0.05; None where a score lies outside 0..1. `cpu_ms` is the median of the processor time
    of the calling thread per picture, `ms` that of the wall time.
    """

    detector: str
    pictures: int
    faces: int
    ap: float
    precision: float | None
    recall: float | None
    recall_20: float | None
    by_size: tuple[SizeRecall, ...]
    by_condition: tuple[ConditionRecall, ...]
    landmark_error: float | None
    calibration_error: float | None
    reliability: tuple[ReliabilityBin, ...]
    empty_pictures: int
    false_per_empty_picture: float | None
    ms: float
    cpu_ms: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; nothing is rounded."""
        body = dict(vars(self))
        for name in ("by_size", "by_condition", "reliability"):
            body[name] = [dict(vars(group)) for group in body[name]]
        return body


@dataclass(frozen=True, eq=False)
class Judgement:
    """Figures of a detector, and what it found in every picture: at its own threshold, and down to the lowest score."""

    figures: DetectionFigures
    used: tuple[Found, ...]
    curve: tuple[Found, ...]


def judge_detector(
    detector: Detector,
    curve: Detector,
    pictures: Sequence[FacePicture],
    *,
    enlarge: int | None = None,
    advance: Callable[[int], None] = lambda _n: None,
) -> Judgement:
    """Judge a detector.

    Args:
        detector: as it is used, with its own threshold.
        curve: the same detector with a threshold near its lowest score, for the average precision.
        pictures: photographs with boxes.
        enlarge: enlarge photographs whose longest side is shorter than this, in pixels, before they are judged.
        advance: called with the number of photographs that are done.

    Raises:
        DataError: there are no pictures, or one cannot be read.

    """
    if not pictures:
        raise DataError("There are no pictures to judge a detector on.")
    used, all_scores, wall, cpu = [], [], [], []
    for picture in pictures:
        image, factor = enlarged(load_bgr(picture), enlarge)
        start, start_cpu = time.perf_counter(), time.thread_time()
        faces = detector.detect(image)
        cpu.append(time.thread_time() - start_cpu)
        wall.append(time.perf_counter() - start)
        size = (image.shape[1], image.shape[0])
        labels = (picture.boxes * factor, picture.ignore * factor, size, picture.landmarks * factor)
        used.append(match(faces, *labels))
        all_scores.append(match(curve.detect(image), *labels))
        advance(1)
    times = (float(np.median(wall)), float(np.median(cpu)))
    return Judgement(_figures(detector.name, used, all_scores, pictures, times), tuple(used), tuple(all_scores))


def enlarged(image: Image, side: int | None) -> tuple[Image, float]:
    """Picture whose longest side is at least `side`, and the factor by which it was multiplied (>= 1)."""
    longest = max(image.shape[:2])
    if side is None or longest >= side:
        return image, 1.0
    factor = side / longest
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8), factor


def _figures(
    name: str,
    used: Sequence[Found],
    curve: Sequence[Found],
    pictures: Sequence[FacePicture],
    times: tuple[float, float],
) -> DetectionFigures:
    hits = np.concatenate([f.hits for f in used])
    sizes = np.concatenate([f.sizes for f in used])
    seen = np.isfinite(np.concatenate([f.matched for f in used]))
    errors = np.concatenate([f.errors for f in used])[sizes >= _LANDMARKS_FROM]
    known = errors[np.isfinite(errors)]
    scores, right = (np.concatenate([getattr(f, part) for f in curve]) for part in ("scores", "hits"))
    bins, gap = _reliability(scores, right)
    empty = [f for f in used if not len(f.sizes)]
    return DetectionFigures(
        detector=name,
        pictures=len(used),
        faces=len(sizes),
        ap=average_precision(scores, right, len(sizes)),
        precision=_share(hits),
        recall=_share(seen),
        recall_20=_share(seen[sizes >= _COUNTED_FROM]),
        by_size=_by_size(sizes, seen),
        by_condition=_by_condition(pictures, seen),
        landmark_error=float(known.mean()) if len(known) else None,
        calibration_error=gap,
        reliability=bins,
        empty_pictures=len(empty),
        false_per_empty_picture=sum(len(f.scores) for f in empty) / len(empty) if empty else None,
        ms=times[0] * 1e3,
        cpu_ms=times[1] * 1e3,
    )


def _by_condition(pictures: Sequence[FacePicture], seen: Bools) -> tuple[ConditionRecall, ...]:
    """A row for each condition that some face has, in the order of the alphabet."""
    of_faces = [found for p in pictures for found in (p.conditions or (frozenset(),) * len(p.boxes))]
    rows = []
    for name in sorted(frozenset().union(*of_faces)):
        members = np.array([name in found for found in of_faces], np.bool_)
        rows.append(ConditionRecall(name, int(members.sum()), float(seen[members].mean())))
    return tuple(rows)


def _reliability(scores: Floats, hits: Bools) -> tuple[tuple[ReliabilityBin, ...], float | None]:
    """Share of faces among the boxes of each tenth of the scores, and the mean gap to their scores by count.

    Boxes below 0.05, of which there are very many and which nobody uses, are left out.
    """
    if len(scores) and (scores.min() < 0 or scores.max() > 1):
        return (), None
    used = scores >= _FAINT
    rows, gap = [], 0.0
    for low, high in zip(np.arange(_BINS) / _BINS, np.arange(1, _BINS + 1) / _BINS, strict=True):
        members = used & (scores > low) & (scores <= high)
        count = int(members.sum())
        chance, share = (float(v[members].mean()) if count else None for v in (scores, hits))
        rows.append(ReliabilityBin(float(low), float(high), count, chance, share))
        gap += count * abs((share or 0.0) - (chance or 0.0))
    return tuple(rows), gap / int(used.sum()) if used.any() else None


def _by_size(sizes: Floats, seen: Bools) -> tuple[SizeRecall, ...]:
    groups = []
    for low, high in zip(SIZES, (*SIZES[1:], None), strict=True):
        members = (sizes >= low) & (sizes < (np.inf if high is None else high))
        groups.append(SizeRecall(low, high, int(members.sum()), _share(seen[members])))
    return tuple(groups)


def _share(values: Bools) -> float | None:
    return float(values.mean()) if len(values) else None

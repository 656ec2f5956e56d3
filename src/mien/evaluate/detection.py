"""Judge face detectors on photographs with boxes: average precision, recall by size, false faces, time.

The same code judges any detector. Draws nothing and writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError
from mien.core.geometry import area, iou
from mien.core.types import Detector, Face, Image
from mien.data.faces import FacePicture, load_bgr

__all__ = [
    "SIZES",
    "DetectionFigures",
    "Found",
    "SizeRecall",
    "average_precision",
    "judge_detector",
    "match",
    "score_for_false_faces",
]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

SIZES = (0.0, 10.0, 20.0, 40.0, 80.0)
"""Lower ends of the groups of faces, in pixels of the square root of a box's area; the last one has no upper end."""

_MATCH_IOU = 0.5
_IGNORE_SHARE = 0.5  # a found box that lies so far inside a region to ignore counts for nothing
_COUNTED_FROM = 20.0  # px: the figure `recall_20`


@dataclass(frozen=True)
class SizeRecall:
    """Recall of the faces of one group of sizes; None where there is no such face."""

    smallest: float
    largest: float | None
    faces: int
    recall: float | None


@dataclass(frozen=True)
class DetectionFigures:
    """What one detector did on a set of photographs.

    `ap` is the average precision at IoU 0.5 over all scores that were asked for; every other figure holds at the
    detector's own threshold. `cpu_ms` is the median of the processor time of the calling thread per picture, `ms`
    that of the wall time.
    """

    detector: str
    pictures: int
    faces: int
    ap: float
    precision: float | None
    recall: float | None
    recall_20: float | None
    by_size: tuple[SizeRecall, ...]
    empty_pictures: int
    false_per_empty_picture: float | None
    ms: float
    cpu_ms: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; nothing is rounded."""
        body = dict(vars(self))
        body["by_size"] = [dict(vars(group)) for group in self.by_size]
        return body


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one picture, best first, against its faces.

    Args:
        scores: (N,) of the found boxes that count; those in regions to ignore are left out.
        hits: (N,) whether each is a face.
        matched: (G,) score of the box that found each face; NaN where none did.
        sizes: (G,) square roots of the faces' areas, px.

    """

    scores: Floats
    hits: Bools
    matched: Floats
    sizes: Floats


def judge_detector(
    detector: Detector,
    curve: Detector,
    pictures: Sequence[FacePicture],
    *,
    enlarge: int | None = None,
    advance: Callable[[int], None] = lambda _n: None,
) -> DetectionFigures:
    """Figures of a detector.

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
        used.append(match(faces, picture.boxes * factor, picture.ignore * factor, size))
        all_scores.append(match(curve.detect(image), picture.boxes * factor, picture.ignore * factor, size))
        advance(1)
    return _figures(detector.name, used, all_scores, float(np.median(wall)), float(np.median(cpu)))


def enlarged(image: Image, side: int | None) -> tuple[Image, float]:
    """Picture whose longest side is at least `side`, and the factor by which it was multiplied (>= 1)."""
    longest = max(image.shape[:2])
    if side is None or longest >= side:
        return image, 1.0
    factor = side / longest
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8), factor


def match(faces: Sequence[Face], boxes: Floats, ignore: Floats, size: tuple[int, int]) -> Found:
    """Give every found box to the free face that it overlaps most, best score first (Everingham et al. 2010, VOC).

    Args:
        faces: what was found.
        boxes: (G, 4) the faces that are there, xyxy px.
        ignore: (M, 4) regions where a found box counts for nothing.
        size: width and height of the picture; boxes are cut at its edges, as the annotations are.

    """
    limits = np.array([*size, *size], np.float32)
    ordered = sorted(faces, key=lambda face: -face.score)
    found = np.clip(np.array([f.box for f in ordered], np.float32).reshape(-1, 4), 0, limits)
    overlap, inside = iou(found, boxes), _share_inside(found, ignore)
    matched = np.full(len(boxes), np.nan, np.float32)
    scores, hits = [], []
    for i, face in enumerate(ordered):
        free = np.where(np.isnan(matched), overlap[i], 0)
        best = int(free.argmax()) if len(free) else 0
        hit = bool(len(free)) and bool(free[best] >= _MATCH_IOU)
        if hit:
            matched[best] = face.score
        elif inside[i] >= _IGNORE_SHARE:
            continue
        scores.append(face.score)
        hits.append(hit)
    return Found(np.array(scores, np.float32), np.array(hits, np.bool_), matched, np.sqrt(area(boxes)))


def _share_inside(found: Floats, regions: Floats) -> Floats:
    """Largest share of each found box (N, 4) that lies in one of the regions (M, 4): (N,)."""
    if not len(regions):
        return np.zeros(len(found), np.float32)
    low = np.maximum(found[:, None, :2], regions[None, :, :2])
    high = np.minimum(found[:, None, 2:], regions[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    share: Floats = (shared / np.maximum(area(found), 1e-6)[:, None]).max(1)
    return share


def average_precision(scores: ArrayLike, hits: ArrayLike, faces: int) -> float:
    """Area under the precision/recall curve, precision made non-increasing (VOC 2010 and later); 0 without faces.

    Args:
        scores: (N,) of all found boxes.
        hits: (N,) whether each found a face.
        faces: number of faces that are there.

    """
    if faces == 0:
        return 0.0
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    true = np.cumsum(np.asarray(hits, np.float64)[order])
    precision = true / np.arange(1, len(true) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(true, prepend=0) * highest).sum() / faces)


def score_for_false_faces(found: Sequence[Found], rate: float, lowest: float = 0.0) -> float:
    """Smallest threshold at which pictures without faces show at most `rate` false faces each, on average.

    Args:
        found: with a threshold near the lowest score.
        rate: such as 0.05 for one false face in 20 pictures.
        lowest: no threshold below this.

    """
    empty = [f for f in found if not len(f.sizes)]
    scores = np.sort(np.concatenate([f.scores for f in empty]))[::-1] if empty else np.zeros(0)
    allowed = int(rate * len(empty))
    if len(scores) <= allowed:
        return lowest
    return max(float(np.nextafter(np.float32(scores[allowed]), np.float32(np.inf))), lowest)


def _figures(name: str, used: Sequence[Found], curve: Sequence[Found], wall: float, cpu: float) -> DetectionFigures:
    hits = np.concatenate([f.hits for f in used])
    sizes = np.concatenate([f.sizes for f in used])
    seen = np.isfinite(np.concatenate([f.matched for f in used]))
    empty = [f for f in used if not len(f.sizes)]
    return DetectionFigures(
        detector=name,
        pictures=len(used),
        faces=len(sizes),
        ap=average_precision(
            np.concatenate([f.scores for f in curve]), np.concatenate([f.hits for f in curve]), len(sizes)
        ),
        precision=_share(hits),
        recall=_share(seen),
        recall_20=_share(seen[sizes >= _COUNTED_FROM]),
        by_size=_by_size(sizes, seen),
        empty_pictures=len(empty),
        false_per_empty_picture=sum(len(f.scores) for f in empty) / len(empty) if empty else None,
        ms=wall * 1e3,
        cpu_ms=cpu * 1e3,
    )


def _by_size(sizes: Floats, seen: Bools) -> tuple[SizeRecall, ...]:
    groups = []
    for low, high in zip(SIZES, (*SIZES[1:], None), strict=True):
        members = (sizes >= low) & (sizes < (np.inf if high is None else high))
        groups.append(SizeRecall(low, high, int(members.sum()), _share(seen[members])))
    return tuple(groups)


def _share(values: Bools) -> float | None:
    return float(values.mean()) if len(values) else None

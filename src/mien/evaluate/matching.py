"""Which found boxes are faces: matching, average precision, a threshold by false faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.geometry import area, iou
from mien.core.types import Face

__all__ = ["Found", "average_precision", "curve_of", "match", "score_for_false_faces"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_MATCH_IOU = 0.5
_IGNORE_SHARE = 0.5  # a found box that lies so far inside a region to ignore counts for nothing
_LEAST_EYES = 0.2  # sides of the box: eyes that lie closer, as in a profile, count as this far apart


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one picture, best first, against its faces.

    Args:
        scores: (N,) of the found boxes that count; those in regions to ignore are left out.
        hits: (N,) whether each is a face.
        matched: (G,) score of the box that found each face; NaN where none did.
        sizes: (G,) square roots of the faces' areas, px.
        boxes: (N, 4) the found boxes that count, px.
        errors: (G,) mean distance of a found face's five landmarks from the labelled ones, in distances between the
            labelled eyes; NaN where the face was not found or either has no landmarks.
        faces: (N,) the found faces that count, their boxes not cut at the picture's edges.

    """

    scores: Floats
    hits: Bools
    matched: Floats
    sizes: Floats
    boxes: Floats
    errors: Floats
    faces: tuple[Face, ...] = ()


def match(
    faces: Sequence[Face], boxes: Floats, ignore: Floats, size: tuple[int, int], landmarks: Floats | None = None
) -> Found:
    """Give every found box to the free face that it overlaps most, best score first (Everingham et al. 2010, VOC).

    Args:
        faces: what was found.
        boxes: (G, 4) the faces that are there, xyxy px.
        ignore: (M, 4) regions where a found box counts for nothing.
        size: width and height of the picture; boxes are cut at its edges, as the annotations are.
        landmarks: (G, 5, 2) of the faces that are there, px, NaN where not known.

    """
    limits = np.array([*size, *size], np.float32)
    ordered = sorted(faces, key=lambda face: -face.score)
    found = np.clip(np.array([f.box for f in ordered], np.float32).reshape(-1, 4), 0, limits)
    overlap, inside = iou(found, boxes), _share_inside(found, ignore)
    matched, errors = (np.full(len(boxes), np.nan, np.float32) for _ in range(2))
    kept, hits = [], []
    for i, face in enumerate(ordered):
        free = np.where(np.isnan(matched), overlap[i], 0)
        best = int(free.argmax()) if len(free) else 0
        hit = bool(len(free)) and bool(free[best] >= _MATCH_IOU)
        if hit:
            matched[best] = face.score
            if landmarks is not None and face.landmarks is not None:
                errors[best] = _landmark_error(np.array(face.landmarks, np.float32), landmarks[best], boxes[best])
        elif inside[i] >= _IGNORE_SHARE:
            continue
        kept.append(i)
        hits.append(hit)
    scores = np.array([ordered[i].score for i in kept], np.float32)
    counted = tuple(ordered[i] for i in kept)
    return Found(scores, np.array(hits, np.bool_), matched, np.sqrt(area(boxes)), found[kept], errors, counted)


def _landmark_error(found: Floats, wanted: Floats, box: Floats) -> float:
    side = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
    eyes = max(float(np.hypot(*(wanted[0] - wanted[1]))), _LEAST_EYES * side)
    return float(np.hypot(*(found - wanted).T).mean()) / eyes


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
    precision, recall, _ = curve_of(scores, hits, faces)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * highest).sum())


def curve_of(
    scores: ArrayLike, hits: ArrayLike, faces: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Precision, recall and score (N,) along the falling scores of the found boxes.

    Args:
        scores: (N,) of all found boxes.
        hits: (N,) whether each found a face.
        faces: number of faces that are there, at least 1.

    """
    values = np.asarray(scores, np.float64)
    order = np.argsort(-values, kind="stable")
    true = np.cumsum(np.asarray(hits, np.float64)[order])
    return true / np.arange(1, len(true) + 1), true / faces, values[order]


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

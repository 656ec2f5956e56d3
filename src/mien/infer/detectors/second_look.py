"""A second look at faces: each by itself, by a network that tells faces from what passes for one and places landmarks.

Of faces that are not sure, what the two looks say together is a better score than either; measured in dev/log.md
(2026-11-27, a network for the second look). Landmarks come from both too, and turn with the face
(`mien.infer.detectors.second_landmarks`). The page does the same (`detector.mjs`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import SecondLook
from mien.core.types import Box, Face, Image
from mien.infer.cut import region, resized
from mien.infer.detectors.second_landmarks import of_both
from mien.infer.detectors.second_network import Answers

__all__ = [
    "FAINTEST",
    "HIGHEST",
    "LOWEST",
    "Judge",
    "Seen",
    "affordable",
    "combined",
    "least_first",
    "looked_again",
    "seen_again",
    "square",
]

Squares = NDArray[np.uint8]
Judge = Callable[[Squares], Answers]
"""Says of each square (N, S, S, 3) uint8 BGR whether it is a face, and where its landmarks are."""

LOWEST, HIGHEST = 1e-3, 0.999
"""Scores of either look are taken for at least and at most so much: what is surer says no more."""
CONVINCED = 0.96
"""What a second look is taken to say at most where it is asked whether one is worth its time."""
FAINTEST = 0.005
"""First score below which no box is looked at again, and none is a face."""

_TIMES = 4  # the pixels of the first look, that all squares have together at most
_FAR = 5  # sides of the picture: the side of the largest square


class Seen(NamedTuple):
    """What a second look says of one box.

    Args:
        chance: of a face in its middle, in 0..1.
        points: its landmarks (5, 2) from the middle, in halves of the side of `square`; None where not known.

    """

    chance: float
    points: NDArray[np.float32] | None = None


def looked_again(image: Image, small: Image, faces: Iterable[Face], look: SecondLook, judge: Judge) -> list[Face]:
    """The faces, best first: those below `look.below` with the score of both looks, large ones with landmarks of both.

    The surest of those that are not sure are looked at first, then the others, and at most as many as `affordable`
    says. Of faces that are not looked at, a second look is taken to say what the first one said.

    Args:
        image: the picture at full size, (H, W, 3) uint8 BGR; faces that are tiny in `small` are cut out of it.
        small: the picture of the first look.
        faces: with boxes in pixels of `small`.
        look: how.
        judge: the second look's network.

    """
    ordered = sorted(faces, key=lambda face: -face.score)
    doubted = [face for face in ordered if face.score < look.below]
    sure = ordered[: len(ordered) - len(doubted)]
    large = math.inf if look.points is None else look.points * max(small.shape[:2]) / max(image.shape[:2])
    asked = doubted + [face for face in sure if _size(face.box) >= large]
    most = affordable((small.shape[1], small.shape[0]), look)
    seen: list[Seen | None] = [
        *seen_again([_finest(image, small, face.box, look) for face in asked[:most]], look, judge)
    ]
    seen += [None] * (len(asked) - len(seen))
    told = [_told(face, answer, look, large) for face, answer in zip(asked, seen, strict=True)]
    return sorted([*told, *(face for face in sure if _size(face.box) < large)], key=lambda face: -face.score)


def _told(face: Face, seen: Seen | None, look: SecondLook, large: float) -> Face:
    """A face with what a second look says of it, which is what the first one said if there was none."""
    if face.score < look.below:
        face = replace(face, score=combined(face.score, face.score if seen is None else seen.chance, look))
    if seen is None or seen.points is None or _size(face.box) < large:
        return face
    (x1, y1, x2, y2), half = face.box, _half(face.box, look)
    points = np.array([x1 + x2, y1 + y2]) / 2 + seen.points.astype(np.float64) * half
    return replace(face, landmarks=of_both(face.landmarks, points, _size(face.box)))


def affordable(size: tuple[int, int], look: SecondLook) -> int:
    """How many faces are looked at again: squares of at most four times the pixels of a (width, height) first look."""
    return max(_TIMES * size[0] * size[1] // look.side**2, 1)


def _finest(image: Image, small: Image, box: Box, look: SecondLook) -> tuple[Image, Box]:
    """The picture to cut the square of a face out of, and its box there: the small one where that has the pixels."""
    if _half(box, look) * 2 >= look.side or small.shape == image.shape:
        return small, box
    wide, high = image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]
    return image, (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high)


def seen_again(places: Sequence[tuple[Image, Box]], look: SecondLook, judge: Judge) -> list[Seen]:
    """What is seen in each box of a picture, looked at by itself; the lowest chance where `square` gives none."""
    cut = [square(image, box, look) for image, box in places]
    known = [part for part in cut if part is not None]
    answers = iter(_split(judge(np.stack(known))) if known else ())
    return [Seen(LOWEST) if part is None else next(answers) for part in cut]


def _split(answers: Answers) -> list[Seen]:
    chances, points = answers
    if points is None:
        return [Seen(chance) for chance in chances.tolist()]
    pairs = zip(chances.tolist(), points, strict=True)
    return [Seen(chance, five if np.isfinite(five).all() else None) for chance, five in pairs]


def square(image: Image, box: Box, look: SecondLook) -> Image | None:
    """What the network sees of a face: (S, S, 3), black where the square leaves the picture.

    A box whose square has more than five sides of the picture is none: no such face was ever learnt.
    """
    x1, y1, x2, y2 = box
    half = _half(box, look)
    if 2 * half > _FAR * max(image.shape[:2]):
        return None
    left, top = (x1 + x2) / 2 - half, (y1 + y2) / 2 - half
    return resized(region(image, (left, top, left + 2 * half, top + 2 * half), black=True), look.side)


def _half(box: Box, look: SecondLook) -> float:
    """Half of the side of a face's square, px."""
    return _size(box) * look.margin / 2


def _size(box: Box) -> float:
    """Root of the area of a box, px."""
    x1, y1, x2, y2 = box
    return math.sqrt(max(x2 - x1, 1.0) * max(y2 - y1, 1.0))


def combined(first: float, second: float, look: SecondLook) -> float:
    """The chance that a box is a face, from the scores of both looks."""
    return _chance(look.first * _logit(first) + look.second * _logit(second) + look.shift)


def least_first(score: float, look: SecondLook) -> float:
    """The lowest first score that a convinced second look raises to a score: at most that score, but no faint one."""
    least = _chance((_logit(score) - look.shift - look.second * _logit(CONVINCED)) / look.first)
    return max(min(least, score), FAINTEST)


def _logit(score: float) -> float:
    kept = min(max(score, LOWEST), HIGHEST)
    return math.log(kept / (1 - kept))


def _chance(logit: float) -> float:
    return 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))

"""A second look at faces that are not sure: each by itself, by a network that tells faces from what passes for one.

What the two looks say together is a better score than either; measured in dev/log.md (2026-11-27, a network for the
second look). The page does the same (`detector.mjs`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import SecondLook
from mien.core.types import Box, Face, Image
from mien.infer.cut import region, resized

__all__ = [
    "FAINTEST",
    "HIGHEST",
    "LOWEST",
    "Judge",
    "affordable",
    "combined",
    "least_first",
    "looked_again",
    "seen_again",
    "square",
]

Squares = NDArray[np.uint8]
Chances = NDArray[np.float32]
Judge = Callable[[Squares], Chances]
"""Gives the chance of a face for each square: (N, S, S, 3) uint8 BGR to (N,)."""

LOWEST, HIGHEST = 1e-3, 0.999
"""Scores of either look are taken for at least and at most so much: what is surer says no more."""
CONVINCED = 0.96
"""What a second look is taken to say at most where it is asked whether one is worth its time."""
FAINTEST = 0.005
"""First score below which no box is looked at again, and none is a face."""

_TIMES = 4  # the pixels of the first look, that all squares have together at most
_FAR = 5  # sides of the picture: the side of the largest square


def looked_again(image: Image, small: Image, faces: Iterable[Face], look: SecondLook, judge: Judge) -> list[Face]:
    """The faces, best first, those below `look.below` with the score of both looks.

    The surest are looked at first, and at most as many as `affordable` says; of the others a second look is taken to
    say what the first one said.

    Args:
        image: the picture at full size, (H, W, 3) uint8 BGR; faces that are tiny in `small` are cut out of it.
        small: the picture of the first look.
        faces: with boxes in pixels of `small`.
        look: how.
        judge: the second look's network.

    """
    ordered = sorted(faces, key=lambda face: -face.score)
    doubted = [face for face in ordered if face.score < look.below]
    most = affordable((small.shape[1], small.shape[0]), look)
    scores = seen_again([_finest(image, small, face.box, look) for face in doubted[:most]], look, judge)
    scores += [face.score for face in doubted[most:]]
    judged = [replace(face, score=combined(face.score, q, look)) for face, q in zip(doubted, scores, strict=True)]
    return sorted([*ordered[: len(ordered) - len(doubted)], *judged], key=lambda face: -face.score)


def affordable(size: tuple[int, int], look: SecondLook) -> int:
    """How many faces are looked at again: squares of at most four times the pixels of a (width, height) first look."""
    return max(_TIMES * size[0] * size[1] // look.side**2, 1)


def _finest(image: Image, small: Image, box: Box, look: SecondLook) -> tuple[Image, Box]:
    """The picture to cut the square of a face out of, and its box there: the small one where that has the pixels."""
    if _half(box, look) * 2 >= look.side or small.shape == image.shape:
        return small, box
    wide, high = image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]
    return image, (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high)


def seen_again(places: Sequence[tuple[Image, Box]], look: SecondLook, judge: Judge) -> list[float]:
    """The chance of a face in each box of a picture, looked at by itself; the lowest where `square` gives none."""
    cut = [square(image, box, look) for image, box in places]
    known = [part for part in cut if part is not None]
    chances = iter(judge(np.stack(known)).tolist() if known else ())
    return [LOWEST if part is None else next(chances) for part in cut]


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
    x1, y1, x2, y2 = box
    return math.sqrt(max(x2 - x1, 1.0) * max(y2 - y1, 1.0)) * look.margin / 2


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

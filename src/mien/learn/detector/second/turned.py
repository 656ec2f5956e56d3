"""Squares of labelled faces, turned any way, from which the second look's network learns where their landmarks are."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Image
from mien.learn.detector.appearance import degrade
from mien.learn.detector.augment import MIRRORED, Labels, Sample, sides
from mien.learn.detector.second.config import SecondConfig

__all__ = ["TurnedFaces"]

Floats = NDArray[np.float64]

_LEAST = 18.0  # px: smaller faces have no landmarks worth learning
_SHIFT, _SCALE = 0.06, 0.07  # of the squares, standard deviations in sides of the face
_STRETCH, _STRETCHED = 0.08, 0.3  # logarithm at most, and share of the faces
_SOFT, _SOFT_SIZE = 0.3, (18.0, 40.0)  # share of the faces that are shrunk first, to so many px
_AROUND = 1.8  # sides of the square: what is shrunk around a face, so that it may be turned


class TurnedFaces:
    """Endless squares of faces with known landmarks.

    Args:
        samples: training photographs.
        config: side and margin of the squares.

    """

    def __init__(self, samples: Sequence[Sample], config: SecondConfig) -> None:
        self._samples, self._side, self._margin = samples, config.side, config.margin
        self._faces = [(i, j) for i, sample in enumerate(samples) for j in _known(sample.labels)]

    def __len__(self) -> int:
        """How many faces there are."""
        return len(self._faces)

    def draw(self, rng: np.random.Generator) -> tuple[Image, Floats]:
        """A square (S, S, 3) uint8 BGR, and landmarks (5, 2) from its centre, in halves of its side."""
        number, face = self._faces[int(rng.integers(len(self._faces)))]
        image, labels = self._samples[number].image, self._samples[number].labels
        box, points = labels.boxes[face].astype(np.float64), labels.landmarks[face].astype(np.float64)
        centre, size = (box[:2] + box[2:]) / 2, float(sides(box[None])[0])
        flip = -1.0 if rng.random() < 0.5 else 1.0
        linear = self._linear(size, flip, rng)
        at = self._side / 2 + rng.normal(0, _SHIFT * self._side / self._margin, 2)
        square = self._square(image, linear, centre, at, size, rng)
        if flip < 0:
            points = points[MIRRORED]
        seen = (points - centre) @ linear.T + at
        return degrade(square, rng) if rng.random() < 0.5 else square, seen / (self._side / 2) - 1

    def _linear(self, size: float, flip: float, rng: np.random.Generator) -> Floats:
        """Turn, scale, stretch and mirror image: from a photograph's pixels to the square's, (2, 2)."""
        turn = np.radians(_turn(rng))
        scale = self._side / (self._margin * size) * np.exp(rng.normal(0, _SCALE))
        stretch = np.exp(rng.uniform(-_STRETCH, _STRETCH)) if rng.random() < _STRETCHED else 1.0
        cos, sin = np.cos(turn), np.sin(turn)
        whole: Floats = np.array([[cos, -sin], [sin, cos]]) @ np.diag([flip * stretch, 1 / stretch]) * scale
        return whole

    def _square(
        self, image: Image, linear: Floats, centre: Floats, at: Floats, size: float, rng: np.random.Generator
    ) -> Image:
        """The square, out of a shrunk copy of what is around the face where that is larger or shall be less sharp."""
        wanted = float(np.exp(rng.uniform(*np.log(_SOFT_SIZE)))) if rng.random() < _SOFT else np.inf
        factor = min(wanted, self._side / self._margin) / size
        corner, shrunk = np.zeros(2), np.ones(2)
        if factor < 1:
            image, corner, shrunk = _smaller(image, centre, size * self._margin * _AROUND / 2, factor)
        matrix = np.concatenate([linear / shrunk, (at + linear @ (corner - centre))[:, None]], axis=1)
        border = (0.0, 0.0, 0.0) if rng.random() < 0.7 else tuple(float(v) for v in rng.integers(0, 256, 3))
        room = (self._side, self._side)
        return np.asarray(cv2.warpAffine(image, matrix, room, flags=cv2.INTER_LINEAR, borderValue=border), np.uint8)


def _known(labels: Labels) -> list[int]:
    """Which faces are large enough and have all landmarks."""
    known: list[int] = np.flatnonzero(
        np.isfinite(labels.landmarks).all((1, 2)) & (sides(labels.boxes) >= _LEAST)
    ).tolist()
    return known


def _smaller(image: Image, centre: Floats, half: float, factor: float) -> tuple[Image, Floats, Floats]:
    """What lies within `half` px of a point, shrunk by areas; where it begins in the picture, and its exact factors."""
    size = np.array([image.shape[1], image.shape[0]])
    low = np.clip(np.floor(centre - half), 0, size - 1).astype(int)
    high = np.clip(np.ceil(centre + half), low + 1, size).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    small = np.maximum(np.round((high - low) * factor), 1).astype(int)
    way = cv2.INTER_AREA
    shrunk = np.asarray(cv2.resize(part, (int(small[0]), int(small[1])), interpolation=way), np.uint8)
    return shrunk, low.astype(np.float64), small / (high - low)


def _turn(rng: np.random.Generator) -> float:
    """Degrees: a third upright, most tilted, some lying or upside-down."""
    kind = rng.random()
    if kind < 0.35:
        return 0.0
    if kind < 0.7:
        return float(rng.normal(0, 15))
    return float(rng.uniform(-60, 60)) if kind < 0.85 else float(rng.uniform(-180, 180))

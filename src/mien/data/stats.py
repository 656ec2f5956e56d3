"""What one pass over the pixels of a data set tells: digests, shapes, brightness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.data.pictures import Array, digest_of

__all__ = ["Facts", "Stats", "picture_facts", "stats_of"]

Facts = tuple[str, tuple[int, int, int], float, float]
"""Digest, (height, width, channels), mean and standard deviation of the grey levels of one picture."""


@dataclass(frozen=True)
class Stats:
    """What one pass over the pixels tells, a row per picture.

    Args:
        digests: (N,) SHA-256 hex of the pixels with their shape.
        shapes: (N, 3) height, width, channels.
        mean: (N,) mean brightness of the grey picture, in 0..255.
        spread: (N,) standard deviation of the grey picture, in grey levels.

    """

    digests: NDArray[np.str_]
    shapes: NDArray[np.int32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> Stats:
        """The named rows."""
        return Stats(self.digests[rows], self.shapes[rows], self.mean[rows], self.spread[rows])


def picture_facts(image: Array) -> Facts:
    """Digest, (height, width, channels), mean and standard deviation of the grey levels of one picture."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    mean, spread = cv2.meanStdDev(grey)
    shape = (image.shape[0], image.shape[1], 1 if image.ndim == 2 else 3)
    return digest_of(image), shape, float(mean[0, 0]), float(spread[0, 0])


def stats_of(facts: Sequence[Facts]) -> Stats:
    """Columns from the facts of single pictures."""
    return Stats(
        digests=np.array([f[0] for f in facts], dtype="<U64"),
        shapes=np.array([f[1] for f in facts], dtype=np.int32).reshape(-1, 3),
        mean=np.array([f[2] for f in facts], dtype=np.float32),
        spread=np.array([f[3] for f in facts], dtype=np.float32),
    )

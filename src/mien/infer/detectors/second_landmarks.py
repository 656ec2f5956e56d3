"""Landmarks of a face that two looks have placed.

The first look has learnt them from upright faces and is the steadier there; the second turns with the face. Where they
agree their mean is better than either; where they do not, the face is turned, and the second is right: measured in
dev/log.md (2026-11-28, what both looks say of landmarks). The page does the same (`detector.mjs`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.types import Point

__all__ = ["AGREED", "APART", "of_both"]

AGREED = 0.07
"""Mean distance of the points of both looks, in sizes of the box, up to which both count the same."""
APART = 0.13
"""Distance from which on the second look alone counts; between the two the first one's share falls evenly."""


def of_both(first: tuple[Point, ...] | None, second: NDArray[np.floating], size: float) -> tuple[Point, ...]:
    """The five landmarks of a face, px.

    Args:
        first: of the first look, px.
        second: of the second look, (5, 2), px.
        size: root of the area of the face's box, px.

    """
    if first is not None:
        own = np.array(first)
        distance = np.hypot(*(own - second).T).mean() / size
        share = 0.5 * np.clip((APART - distance) / (APART - AGREED), 0, 1)
        second = second + share * (own - second)
    return tuple((float(x), float(y)) for x, y in second)

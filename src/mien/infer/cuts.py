"""Whether two frames belong to one shot, judged by structure and not by brightness.

Two frames of a shot show the same things at the same place (a flash, a fade, people who move), or all moved together
(a pan, a shaking hand), or in parts (somebody walks through). Each kind has a measure of its own, and all of them are
correlations, so the light and the contrast do not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Image

__all__ = ["Glance", "glance", "same_shot"]

_SIZE = (64, 48)
_BLUR = 9  # cells: structure is what is finer than this
_PLAIN_CONTRAST = 1.5  # grey levels: a frame with less shows nothing (black, white, a fade's end)
_SURE_CONTRAST = 10.0  # no noise has so much in cells of several pixels
_PLAIN_LIKENESS = 0.4  # correlation of neighbouring samples; noise has none
_BAR_RANGE = 8  # grey levels within a row or column of a black bar, with the codec's ringing
_LEAST_CONTENT = 12  # cells between bars; with fewer they are taken for content

# Synthetic shots of 600 photographs (benchmarks/video_cuts.py): two shots reach at most .15, .46, .70 and .86.
_SAME_PLACE = 0.25  # correlation of the structure where it stands
_SAME_MOVED = 0.5  # peak of the phase correlation
_BLOCKS_HALF = 0.72  # every other block is found again with at least this correlation
_BLOCKS_QUARTER = 0.88  # or every fourth with this one

_SAME_MOVE = 2  # cells by which blocks that moved alike may differ
_ALIKE = 0.6  # of the blocks that were found again

_BLOCK = (16, 12)  # 4 x 4 blocks
_REACH = (12, 8)  # cells in which a block is looked for: a fifth and a sixth of the picture

Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Glance:
    """A frame in 64 x 48 cells."""

    samples: NDArray[np.uint8]  # (96, 128) single pixels
    grey: Grey  # (48, 64)
    fine: Grey  # (48, 64) without what is coarser than `_BLUR`
    bars: tuple[int, int, int, int]  # rows above and below, columns left and right, that show nothing

    @cached_property
    def plain(self) -> bool:
        """Whether it shows nothing but noise."""
        contrast = _contrast(self.grey)
        if not _PLAIN_CONTRAST <= contrast < _SURE_CONTRAST:
            return contrast < _PLAIN_CONTRAST
        odd, even = self.samples[1::2, 1::2].astype(np.float32), self.samples[::2, ::2].astype(np.float32)
        return _correlation(odd - odd.mean(), even - even.mean()) < _PLAIN_LIKENESS


def glance(image: Image) -> Glance:
    """Take a frame in; every few pixels of a large picture are enough for that."""
    coarse = cv2.resize(image, (2 * _SIZE[0], 2 * _SIZE[1]), interpolation=cv2.INTER_NEAREST)
    samples = cast(NDArray[np.uint8], cv2.cvtColor(coarse, cv2.COLOR_BGR2GRAY))
    cells = cv2.resize(samples, _SIZE, interpolation=cv2.INTER_AREA)
    grey = cells.astype(np.float32)
    return Glance(samples, grey, _fine(grey), _bars(cells))


def same_shot(a: Glance, b: Glance) -> bool:
    """Whether both frames, neither of them plain, show one shot."""
    rows, columns = _content(a, b)
    fine_a, fine_b = a.fine[rows, columns], b.fine[rows, columns]
    if _correlation(fine_a, fine_b) >= _SAME_PLACE:
        return True
    grey_a, grey_b = (_fitted(grey[rows, columns]) for grey in (a.grey, b.grey))
    return _moved_together(grey_a, grey_b) or _found_again(grey_a, grey_b)


def _correlation(a: Grey, b: Grey) -> float:
    """Correlation of two pictures whose mean is 0, or all but 0."""
    x, y = a.ravel(), b.ravel()
    return float(x @ y) / math.sqrt(max(float(x @ x) * float(y @ y), 1e-12))


def _fine(grey: Grey) -> Grey:
    return np.asarray(grey - cv2.blur(grey, (_BLUR, _BLUR)), np.float32)


def _contrast(grey: Grey) -> float:
    return float(cv2.meanStdDev(grey)[1].item())


def _moved_together(a: Grey, b: Grey) -> bool:
    """Whether the whole picture moved by one shift, after which the structure stands at the same place."""
    (dx, dy), peak = cv2.phaseCorrelate(_standard(a), _standard(b), cv2.createHanningWindow(_SIZE, cv2.CV_32F))
    if peak < _SAME_MOVED or abs(dx) >= _SIZE[0] / 2 or abs(dy) >= _SIZE[1] / 2:
        return False
    back = cv2.warpAffine(b, np.array([[1, 0, -dx], [0, 1, -dy]], np.float32), _SIZE)
    left, right, above, below = (math.ceil(max(0.0, edge)) for edge in (-dx, dx, -dy, dy))
    seen = (slice(above, _SIZE[1] - below), slice(left, _SIZE[0] - right))
    return _correlation(_fine(a[seen]), _fine(np.asarray(back[seen], np.float32))) >= _SAME_PLACE


def _found_again(a: Grey, b: Grey) -> bool:
    """Whether blocks of one frame are found in the other, and moved alike: soft patches look like others elsewhere."""
    found = sorted(_blocks(a, b), reverse=True)
    ways = ((len(found) // 2, _BLOCKS_HALF), (len(found) // 4, _BLOCKS_QUARTER))
    return any(found[count - 1][0] >= least and _moved_alike(found[:count]) for count, least in ways)


def _blocks(a: Grey, b: Grey) -> Iterator[tuple[float, int, int]]:
    """Best correlation of each block, and how far it moved, in cells."""
    (wide, high), (across, down) = _BLOCK, _REACH
    for y in range(0, _SIZE[1], high):
        for x in range(0, _SIZE[0], wide):
            top, left = max(0, y - down), max(0, x - across)
            area = b[top : y + high + down, left : x + wide + across]
            scores = cv2.matchTemplate(area, a[y : y + high, x : x + wide], cv2.TM_CCOEFF_NORMED)
            _, best, _, (at_x, at_y) = cv2.minMaxLoc(scores)
            yield float(best), left + at_x - x, top + at_y - y


def _moved_alike(found: Sequence[tuple[float, int, int]]) -> bool:
    moves = np.array([move for _, *move in found])  # (N, 2)
    apart = np.abs(moves - np.median(moves, axis=0)).max(axis=1)
    return bool((apart <= _SAME_MOVE).mean() >= _ALIKE)


def _standard(grey: Grey) -> Grey:
    """Mean 0 and standard deviation 1; always a copy, since OpenCV puts the window over it."""
    return np.asarray((grey - grey.mean()) / max(_contrast(grey), 1e-6), np.float32)


def _fitted(grey: Grey) -> Grey:
    """The content in the usual number of cells."""
    return grey if grey.shape == _SIZE[::-1] else np.asarray(cv2.resize(grey, _SIZE), np.float32)


def _bars(cells: NDArray[Any]) -> tuple[int, int, int, int]:
    ends = []
    for dim in (1, 0):
        most, least = (cv2.reduce(cells, dim, which).ravel() for which in (cv2.REDUCE_MAX, cv2.REDUCE_MIN))
        shown = (most - least > _BAR_RANGE).nonzero()[0]
        ends += [int(shown[0]), len(most) - 1 - int(shown[-1])] if len(shown) else [0, 0]
    return (ends[0], ends[1], ends[2], ends[3])


def _content(a: Glance, b: Glance) -> tuple[slice, slice]:
    """Rows and columns that are no bars in both frames, with their edges left out."""
    margin = _BLUR // 2 + 1
    above, below, left, right = (min(x, y) and min(x, y) + margin for x, y in zip(a.bars, b.bars, strict=True))
    if _SIZE[1] - above - below < _LEAST_CONTENT:
        above = below = 0
    if _SIZE[0] - left - right < _LEAST_CONTENT:
        left = right = 0
    return slice(above, _SIZE[1] - below), slice(left, _SIZE[0] - right)

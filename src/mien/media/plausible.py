"""Which tracks of a video are people: seen for long enough, by a detector that is sure, steady, shaped like a face.

One rule for the time line, the report, the terminal, the service and studies. It judges whole tracks, so the verdict
is known when the video has ended. Where the thresholds come from and what they miss: `docs/video.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.core.types import Box, Frame, Reading
from mien.media.holds import Holds

__all__ = ["RULES", "Evidence", "Plausible", "Rule", "doubtful_text"]

SEEN_FROM_S = 0.5
"""Seconds; half of the video's length where that is less."""
RESTLESS_BELOW = 1.5
"""Growing and shrinking in turn, in natural logarithms of the size per second."""
HEIGHT_FROM, HEIGHT_BELOW = 0.2, 0.75
"""From the middle of the eyes to that of the mouth, in sides of the box."""
WIDTH_BELOW = 0.75
"""Between the eyes, and between the corners of the mouth, in sides of the box."""


@dataclass(eq=False)
class Evidence:
    """What speaks for one track, as sums over the time in which it was seen."""

    sure_score: float
    """Mean score from which on the detector is sure, in its own scale."""
    seen_s: float = 0.0
    needed_s: float = SEEN_FROM_S
    score_s: float = 0.0
    points_s: float = 0.0
    """Seconds in which it had landmarks."""
    shape_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros((5, 2)))
    """Landmarks from the middle of the box in its sides, times seconds."""
    first_size: float | None = None
    size: float | None = None
    """Natural logarithm of the box's side, in the first and the latest frame."""
    way: float = 0.0
    """Sum of all changes of that logarithm, whichever way."""

    def add(self, reading: Reading, seconds: float) -> None:
        """Take in one frame."""
        middle, side = _place(reading.box)
        size = math.log(side)
        if self.size is None or self.first_size is None:
            self.first_size = self.size = size
        self.way += abs(size - self.size)
        self.size = size
        self.seen_s += seconds
        self.score_s += reading.score * seconds
        if reading.landmarks is not None and len(reading.landmarks) == len(self.shape_s):
            self.points_s += seconds
            self.shape_s += (np.asarray(reading.landmarks, np.float64) - middle) / side * seconds

    @property
    def score(self) -> float:
        """Mean score of the detector."""
        return self.score_s / max(self.seen_s, 1e-9)

    @property
    def restless(self) -> float:
        """How much the size changed to and fro, per second: 0 where it only grew or only shrank."""
        net = 0.0 if self.size is None or self.first_size is None else abs(self.size - self.first_size)
        return (self.way - net) / max(self.seen_s, 1e-9)

    @property
    def shape(self) -> NDArray[np.float64] | None:
        """Mean landmarks (5, 2) from the middle of the box, in its sides; None where the detector gives none."""
        return self.shape_s / self.points_s if self.points_s > 0 else None


@dataclass(frozen=True)
class Rule:
    """One thing that a person's track has."""

    text: str
    """For people to read."""
    holds: Callable[[Evidence], bool]


def _face_like(track: Evidence) -> bool:
    if track.shape is None:
        return True
    right, left, _, right_mouth, left_mouth = track.shape
    height = float(np.hypot(*((right_mouth + left_mouth) - (right + left)) / 2))
    widest = max(float(np.hypot(*(left - right))), float(np.hypot(*(left_mouth - right_mouth))))
    return HEIGHT_FROM <= height < HEIGHT_BELOW and widest < WIDTH_BELOW


RULES: Mapping[str, Rule] = {
    "seen": Rule(
        f"seen for at least {SEEN_FROM_S:g} s, or for half of a video that is shorter than {2 * SEEN_FROM_S:g} s",
        lambda track: track.seen_s >= track.needed_s - 1e-6,
    ),
    "sure": Rule("the detector's mean score is one of faces", lambda track: track.score >= track.sure_score),
    "steady": Rule(
        f"the size doesn't grow and shrink in turn by {RESTLESS_BELOW:g} (natural logarithm) per second",
        lambda track: track.restless < RESTLESS_BELOW,
    ),
    "face": Rule(
        f"from eyes to mouth it is {HEIGHT_FROM:g} to {HEIGHT_BELOW:g} sides of the box, and eyes and corners of the "
        f"mouth are less than {WIDTH_BELOW:g} apart, on the mean; where there are landmarks",
        _face_like,
    ),
}
"""What all must hold of a track for it to be a person."""


class Plausible:
    """Follows the tracks of one video; fed frame by frame.

    Args:
        sure_score: mean score from which on the detector is sure, in its own scale (`Analyzer.sure_score`); 0 asks
            for nothing.

    """

    def __init__(self, sure_score: float = 0.0) -> None:
        self._sure_score = sure_score
        self._holds = Holds()
        self._tracks: dict[int | None, Evidence] = {}
        self._length_s = 0.0

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Take in one frame."""
        held = self._holds.next(frame, readings)
        if held is not None:
            self.add(held.readings, held.seconds)

    def close(self) -> None:
        """The video has ended."""
        held = self._holds.last()
        if held is not None:
            self.add(held.readings, held.seconds)

    def add(self, readings: Sequence[Reading], seconds: float) -> None:
        """Take in what was shown for so many seconds; for those who know how long frames hold, instead of `write`."""
        self._length_s += seconds
        for reading in readings:
            self._tracks.setdefault(reading.track, Evidence(self._sure_score)).add(reading, seconds)

    def verdicts(self, track: int | None) -> dict[str, bool]:
        """Name of each rule -> whether it holds of a track, from what was seen so far."""
        evidence = self._tracks[track]
        evidence.needed_s = min(SEEN_FROM_S, self._length_s / 2)
        return {name: rule.holds(evidence) for name, rule in RULES.items()}

    def people(self) -> frozenset[int | None]:
        """Tracks that are people, from what was seen so far; a photograph's faces are the track None."""
        return frozenset(track for track in self._tracks if all(self.verdicts(track).values()))


def doubtful_text(count: int) -> str:
    """A sentence about tracks that are no people."""
    faces = "1 face that was followed is" if count == 1 else f"{count:,} faces that were followed are"
    return f"{faces} not plausible as a person and not counted."


def _place(box: Box) -> tuple[NDArray[np.float64], float]:
    """Middle and side (root of the area, in pixels, at least 1) of a box."""
    x1, y1, x2, y2 = box
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2]), max(math.sqrt(max(x2 - x1, 0) * max(y2 - y1, 0)), 1.0)

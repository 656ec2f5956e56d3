"""For how long each frame of a video is shown: what it shows holds until the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mien.core.types import Frame, Reading

__all__ = ["LONE_S", "Held", "Holds"]

LONE_S = 0.1
"""For how long the only frame of a video holds, in seconds."""
_LONGEST_S = 10.0  # what a frame shows is not believed to hold longer than this


class Held(NamedTuple):
    """A frame that is over."""

    time_s: float
    seconds: float
    readings: Sequence[Reading]


class Holds:
    """Frames in, each out again once it is known for how long it held; a gap of a live source does not count."""

    def __init__(self) -> None:
        self._then: tuple[float, Sequence[Reading]] | None = None
        self._usual_s: float | None = None

    def next(self, frame: Frame, readings: Sequence[Reading]) -> Held | None:
        """The frame before this one; None at the first."""
        held = self._end(frame.time_s - frame.gap_s)
        self._then = (frame.time_s, readings)
        return held

    def last(self) -> Held | None:
        """The last frame, which holds as long as the one before it; an only one for `LONE_S`. None without frames."""
        if self._then is None:
            return None
        held = self._end(self._then[0] + (LONE_S if self._usual_s is None else self._usual_s))
        self._then = None
        return held

    def _end(self, now_s: float) -> Held | None:
        if self._then is None:
            return None
        then_s, readings = self._then
        self._usual_s = min(max(now_s - then_s, 0.0), _LONGEST_S)
        return Held(then_s, self._usual_s, readings)

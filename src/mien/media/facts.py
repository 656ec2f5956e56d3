"""What a video file's container may say, as one value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What could be learnt about the video of a file; None where the container does not say."""

    start_s: float | None = None
    """Presentation time of the first picture on the container's clock, as ffprobe's `pts_time`."""
    clock_s: float = 0.0
    """Where that clock begins: players show the time since then."""
    codec: str | None = None
    """Name of the codec of the pictures, as the container writes it."""
    turn: tuple[int, int, int, int] | None = None
    """How to show the pictures: (a, b, c, d) in -1..1, from x' = a x + c y and y' = b x + d y."""
    counted: bool = False
    """Whether the number of pictures is stated for the video itself and not estimated from the longest stream."""
    shown_s: float | None = None
    """How many seconds of the pictures an edit list shows."""
    cut: bool = False
    """Whether the file is shorter than its header says."""

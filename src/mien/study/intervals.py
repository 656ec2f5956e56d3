"""Labelled stretches of time, in seconds of the video, alone and in tiers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Interval", "Tier"]


@dataclass(frozen=True)
class Interval:
    """A stretch of time with its text; `start_s` <= `end_s`, in seconds of the video."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Tier:
    """Intervals under a name, in order of time."""

    name: str
    intervals: tuple[Interval, ...]

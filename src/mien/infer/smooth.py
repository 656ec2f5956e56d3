"""Probabilities over time -> steady labels, one face at a time.

Exponential smoothing with a time constant in seconds, so that the frame rate does not matter, and a label that holds
until it has trailed the leading one by a margin for long enough. The page does the same (`app/static/people.mjs`);
a test compares both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError

__all__ = ["Smoother"]

_FORGOTTEN = 3.0  # time constants after which smoothing keeps less than 5 % of what was before


@dataclass(slots=True)
class _State:
    values: NDArray[np.float64]  # (K,)
    time_s: float
    seen: int
    label: int
    trailing_s: float | None = None  # since when the label trails the leading one by the margin; None: it does not


@final
class Smoother:
    """Smooths the probabilities of each track and holds its label.

    A step of length d moves the smoothed values by 1 - exp(-d / time constant) towards the new ones; the first frames
    of a face are averaged instead, so that one odd first frame does not stay. The label gives way to the most probable
    one when it has trailed by the margin for `hold_s`, whichever labels led in the meantime. Frames that lie so far
    apart that the smoothed values owe nothing to the one before decide at once.

    Args:
        time_constant_s: seconds after which 63 % of a change is followed; 0 turns smoothing off.
        margin: by how much the held label's smoothed probability must trail the largest one, in 0..1.
        hold_s: for how long it must trail, in seconds.

    Raises:
        OptionError: a negative time, or a margin outside 0..1.

    """

    def __init__(self, time_constant_s: float = 0.2, margin: float = 0.1, hold_s: float = 0.2) -> None:
        for name, value in (("time constant", time_constant_s), ("hold time", hold_s)):
            if not (math.isfinite(value) and value >= 0):
                raise OptionError(f"The {name} of the smoothing must be 0 seconds or more, got {value:g}.")
        if not 0 <= margin <= 1:
            raise OptionError(f"The margin between labels must lie in 0..1, got {margin:g}.")
        self._time_constant_s = time_constant_s
        self._margin = margin
        self._hold_s = hold_s
        self._apart_s = hold_s + _FORGOTTEN * time_constant_s
        self._states: dict[int, _State] = {}

    def update(
        self, track: int, values: Sequence[float] | NDArray[np.floating], time_s: float
    ) -> tuple[tuple[float, ...], int]:
        """Smoothed probabilities (K), summing to 1 as `values` do, and the position of the label that holds.

        Args:
            track: id of the face.
            values: probabilities (K) in this frame.
            time_s: presentation time of the frame, not before the track's last one.

        """
        new = np.asarray(values, np.float64)
        state = self._states.get(track)
        if state is None:
            best = int(new.argmax())
            state = self._states[track] = _State(new.copy(), time_s, 1, best)
        else:
            step_s = max(time_s - state.time_s, 0.0)
            self._blend(state, new, step_s)
            state.time_s = time_s
            self._hold(state, step_s)
        return tuple(float(v) for v in state.values), state.label

    def keep(self, tracks: frozenset[int]) -> None:
        """Forget every other track."""
        for track in self._states.keys() - tracks:
            del self._states[track]

    def _blend(self, state: _State, new: NDArray[np.float64], step_s: float) -> None:
        state.seen += 1
        weight = 1.0 if self._time_constant_s == 0 else 1 - math.exp(-step_s / self._time_constant_s)
        state.values = state.values + max(weight, 1 / state.seen) * (new - state.values)

    def _hold(self, state: _State, step_s: float) -> None:
        best = int(state.values.argmax())
        if state.values[best] - state.values[state.label] <= self._margin:
            state.trailing_s = None
            return
        if state.trailing_s is None:
            state.trailing_s = state.time_s
        if state.time_s - state.trailing_s >= self._hold_s - 1e-9 or step_s >= self._apart_s:
            state.label, state.trailing_s = best, None

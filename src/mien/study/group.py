"""From rows to a group: participants' values, their mean and spread, and curves over time.

A participant counts once, however many files or windows there are: the rows of one participant are averaged first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.study.series import EXCLUDED, NOTHING, USED, Series
from mien.study.table import Figures, short_names

__all__ = ["Cell", "Curves", "Seen", "cells_of", "curves_of", "epochs_of", "seen_of"]

_MOST_STEPS = 120  # of a curve
_NICE_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """A measure of a label in an epoch, over participants."""

    values: tuple[float, ...]
    """One per participant who has any."""

    @property
    def mean(self) -> float:
        """Over participants; NaN without any."""
        return float(np.mean(self.values)) if self.values else math.nan

    @property
    def sd(self) -> float:
        """Over participants (sample, n - 1); NaN with fewer than two."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan


@dataclass(frozen=True, eq=False)
class Curves:
    """Mean probabilities over time, in equal steps; P people, T steps, K labels; NaN where no face counts."""

    step_s: float
    start_s: float
    names: tuple[str, ...]
    """(P,) whose curves these are."""
    mean: Floats
    """(P, T, K)."""
    sd: Floats
    """(P, T, K) over the frames of a step; NaN with fewer than two."""

    @property
    def times(self) -> Floats:
        """(T,) middle of each step, in seconds."""
        steps: Floats = np.arange(self.mean.shape[1], dtype=np.float64)
        return self.start_s + (steps + 0.5) * self.step_s


@dataclass(frozen=True)
class Seen:
    """What could be used of one person in one file, in frames."""

    name: str
    frames: int
    face: int
    excluded: int
    uncertain: int
    several: int


def epochs_of(figures: Figures) -> list[str]:
    """Names of the epochs, in order of their first row."""
    return list(dict.fromkeys(row["epoch"] for row in figures.rows))


def cells_of(figures: Figures, prefix: str) -> dict[str, dict[str, Cell]]:
    """Epoch -> label -> a measure over participants.

    Args:
        figures: the study.
        prefix: of the measure's columns, such as "t".

    """
    names = short_names(figures.labels)
    out: dict[str, dict[str, Cell]] = {}
    for epoch in epochs_of(figures):
        rows = [row for row in figures.rows if row["epoch"] == epoch]
        out[epoch] = {
            label: Cell(_per_participant(rows, f"{prefix}_{name}"))
            for label, name in zip(figures.labels, names, strict=True)
        }
    return out


def _per_participant(rows: Sequence[dict[str, Any]], column: str) -> tuple[float, ...]:
    """Means per participant, weighted by the time that counts, so that windows make no difference to a share."""
    sums: dict[str, list[float]] = {}
    for row in rows:
        if row[column] is not None and row["used_s"] > 0:
            total = sums.setdefault(row["participant"], [0.0, 0.0])
            total[0] += row[column] * row["used_s"]
            total[1] += row["used_s"]
    return tuple(total / weight for total, weight in sums.values())


def curves_of(figures: Figures) -> Curves:
    """Curves of every person and file on one axis of time; the step follows from the longest file."""
    series = [person.series for person in figures.people]
    start_s = min((float(s.times[0]) for s in series if len(s.times)), default=0.0)
    end_s = max((float(s.times[-1] + s.holds[-1]) for s in series if len(s.times)), default=1.0)
    length_s = max(end_s - start_s, 0.1)
    step_s = next((s for s in _NICE_S if length_s / s <= _MOST_STEPS), length_s / _MOST_STEPS)
    start_s = math.floor(start_s / step_s + 1e-9) * step_s
    steps = max(math.ceil((end_s - start_s) / step_s - 1e-6), 1)
    drawn = [_curve(one, start_s, step_s, steps, len(figures.labels)) for one in series]
    several = len({person.source.file for person in figures.people}) > len({p.series.person for p in figures.people})
    names = [f"{p.series.person} – {p.source.file}" if several else p.series.person for p in figures.people]
    return Curves(
        float(step_s), start_s, tuple(names), np.stack([m for m, _ in drawn]), np.stack([s for _, s in drawn])
    )


def _curve(series: Series, start_s: float, step_s: float, steps: int, classes: int) -> tuple[Floats, Floats]:
    used = series.state == USED
    at = np.minimum(((series.times[used] - start_s) / step_s + 1e-9).astype(np.int64), steps - 1)
    values = series.values[used]
    count = np.bincount(at, minlength=steps)[:, None].astype(np.float64)
    total, squares = np.zeros((steps, classes)), np.zeros((steps, classes))
    np.add.at(total, at, values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = total / count
        np.add.at(squares, at, (values - mean[at]) ** 2)
        sd: Floats = np.sqrt(squares / np.where(count > 1, count - 1, np.nan))
    return mean, sd


def seen_of(figures: Figures) -> list[Seen]:
    """Counts of frames of every person and file."""
    out = []
    for person in figures.people:
        state = person.series.state
        out.append(
            Seen(
                f"{person.series.person} – {person.source.file}",
                len(state),
                int((state != NOTHING).sum()),
                int((state == EXCLUDED).sum()),
                int((person.series.uncertain & (state == USED)).sum()),
                int(person.series.several.sum()),
            )
        )
    return out

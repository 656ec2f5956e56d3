"""The figures of one person in one span of time. Pure arithmetic; `docs/study.md` and the codebook say what each is.

Means, deviations and medians are over frames; shares, spells and rates are over time: a frame lasts until the next
one, cut at the edges of the span.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.study.epochs import Span
from mien.study.series import NOTHING, USED, Series

__all__ = ["Measures", "Spell", "differences", "measure_span", "spells_of"]

_TOUCH_S = 1e-6  # frames that follow each other more closely than this belong together


@dataclass(frozen=True)
class Spell:
    """A stretch of time in which one label was shown without a break; seconds of the file."""

    label: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Measures:
    """Figures of a person in a span; K labels; None where there is nothing to tell."""

    n_frames: int
    n_face: int
    n_used: int
    n_several: int
    n_uncertain: int
    used_s: float
    changes: int
    mean: tuple[float | None, ...]
    sd: tuple[float | None, ...]
    """Of a sample (n - 1), as R, SPSS and pandas have it."""
    median: tuple[float | None, ...]
    share: tuple[float | None, ...]
    longest_s: tuple[float | None, ...]
    onset_s: tuple[float | None, ...]
    offset_s: tuple[float | None, ...]

    @property
    def per_minute(self) -> float | None:
        """Changes of label per minute with a face that counts."""
        return self.changes / (self.used_s / 60) if self.used_s > 0 else None


def measure_span(series: Series, spells: Sequence[Spell], span: Span) -> Measures:
    """Figures of a person between two times.

    Args:
        series: the person.
        spells: of the person, from `spells_of`.
        span: the frames whose time lies in it count; start <= time < end.

    """
    classes = series.values.shape[1]
    inside = (series.times >= span.start_s - _TOUCH_S) & (series.times < span.end_s - _TOUCH_S)
    used = inside & (series.state == USED)
    values = series.values[used]  # (n, K)
    cut = [(max(s.start_s, span.start_s), min(s.end_s, span.end_s), s.label) for s in spells]
    cut = [piece for piece in cut if piece[1] - piece[0] > _TOUCH_S]
    by_label = [[(start, end) for start, end, label in cut if label == k] for k in range(classes)]
    seconds = [sum(end - start for start, end in pieces) for pieces in by_label]
    total = sum(seconds)
    n = len(values)
    nothing: tuple[None, ...] = (None,) * classes
    return Measures(
        n_frames=int(inside.sum()),
        n_face=int((inside & (series.state != NOTHING)).sum()),
        n_used=n,
        n_several=int((inside & series.several).sum()),
        n_uncertain=int((used & series.uncertain).sum()),
        used_s=total,
        changes=_changes(series, span),
        mean=tuple(values.mean(axis=0).tolist()) if n else nothing,
        sd=tuple(values.std(axis=0, ddof=1).tolist()) if n > 1 else nothing,
        median=tuple(np.median(values, axis=0).tolist()) if n else nothing,
        share=tuple(s / total for s in seconds) if total else nothing,
        longest_s=tuple(max((b - a for a, b in p), default=0.0) for p in by_label) if total else nothing,
        onset_s=tuple(p[0][0] if p else None for p in by_label),
        offset_s=tuple(p[-1][1] if p else None for p in by_label),
    )


def spells_of(series: Series) -> list[Spell]:
    """Spells of a person, in order; a frame without a face that counts ends a spell."""
    spells: list[Spell] = []
    for i in np.flatnonzero(series.state == USED):
        start_s, end_s = float(series.times[i]), float(series.times[i] + series.holds[i])
        label = int(series.label[i])
        if spells and spells[-1].label == label and start_s - spells[-1].end_s <= _TOUCH_S:
            spells[-1] = Spell(label, spells[-1].start_s, end_s)
        else:
            spells.append(Spell(label, start_s, end_s))
    return spells


def _changes(series: Series, span: Span) -> int:
    """Changes of label from one frame to the very next, both with a face that counts; the later lies in the span."""
    later = series.times[1:]
    inside = (later >= span.start_s - _TOUCH_S) & (later < span.end_s - _TOUCH_S)
    joined = later - (series.times + series.holds)[:-1] <= _TOUCH_S
    pair = joined & (series.state[1:] == USED) & (series.state[:-1] == USED) & (series.label[1:] != series.label[:-1])
    return int((inside & pair).sum())


def differences(mean: Sequence[float | None], base: Sequence[float | None] | None) -> tuple[float | None, ...]:
    """Means less those of the baseline; None where either is missing."""
    if base is None:
        return (None,) * len(mean)
    return tuple(None if a is None or b is None else a - b for a, b in zip(mean, base, strict=True))

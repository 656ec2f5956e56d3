"""Agreement of labels with a human coder's: confusion matrix, Cohen's kappa, F1 per label, and lag.

Frames are compared whose time lies in an interval of the coder and whose face counts. Frames that follow each other
are not independent, so no interval of confidence is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.labels import LabelSet
from mien.evaluate.confusion import class_scores, confusion_counts
from mien.study.intervals import Interval
from mien.study.series import USED, Series

__all__ = ["Agreement", "agreement", "kappa"]

LAGS_S = tuple(round(0.04 * i, 2) for i in range(-50, 51))
"""Delays that are tried: -2 to 2 s in steps of 0.04 s."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far labels agree with a coder's; rows of `counts` are the coder's labels, columns those of mien."""

    labels: tuple[str, ...]
    counts: Counts
    kappa: float | None
    """Cohen's kappa; None where only one label occurs on both sides."""
    best_lag_s: float
    """The delay at which kappa is highest; positive: mien shows a label later than the coder."""
    best_kappa: float | None
    others: Mapping[str, int]
    """Labels of the coder that the model does not have -> frames, which were left out."""

    @property
    def frames(self) -> int:
        """Frames that were compared."""
        return int(self.counts.sum())

    @property
    def agreed(self) -> float:
        """Share of frames with the same label."""
        return float(np.trace(self.counts) / max(self.frames, 1))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        precision, recall, f1 = class_scores(self.counts)
        return {
            "frames": self.frames,
            "agreement": self.agreed,
            "cohens_kappa": self.kappa,
            "best_lag_s": self.best_lag_s,
            "kappa_at_best_lag": self.best_kappa,
            "labels": {
                label: {
                    "precision": float(precision[k]),
                    "recall": float(recall[k]),
                    "f1": float(f1[k]),
                    "frames": int(self.counts[k].sum()),
                }
                for k, label in enumerate(self.labels)
            },
            "confusion_matrix": {"rows": "coder", "columns": "mien", "counts": self.counts.tolist()},
            "left_out": dict(self.others),
        }


def agreement(
    pairs: Sequence[tuple[Series, Sequence[Interval]]], labels: Sequence[str], renamed: Mapping[str, str] | None = None
) -> Agreement:
    """Agreement over several files.

    Args:
        pairs: a person's series, and the coder's intervals of the same file, which do not overlap.
        labels: of the model.
        renamed: the coder's word -> label of the model; known spellings ("joy", "anger") need none.

    Raises:
        DataError: a name in `renamed` is no label, intervals overlap, or no frame can be compared.

    """
    known = LabelSet(labels)
    targets = {word.strip().lower(): known.index(label) for word, label in (renamed or {}).items()}
    others: Counter[str] = Counter()
    prepared = [(series, *_coded(series, intervals, known, targets, others)) for series, intervals in pairs]
    counts = _counts(prepared, len(known), 0.0)
    if not counts.sum():
        left = f" Its labels {', '.join(sorted(others))} are none of the model's." if others else ""
        raise DataError(f"No frame with a face lies in an annotation of a known label.{left}")
    scored = {lag: kappa(_counts(prepared, len(known), lag)) for lag in LAGS_S}
    best = max(LAGS_S, key=lambda lag: (-2.0 if scored[lag] is None else scored[lag], -abs(lag)))
    return Agreement(known.names, counts, kappa(counts), best, scored[best], others)


def kappa(counts: Counts) -> float | None:
    """Cohen's kappa of counts (K, K) (Cohen 1960), or None where chance alone agrees fully."""
    total = counts.sum()
    if not total:
        return None
    seen = np.trace(counts) / total
    chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum()) / float(total) ** 2
    return None if chance >= 1 else float((seen - chance) / (1 - chance))


Prepared = tuple[Series, NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def _coded(
    series: Series, intervals: Sequence[Interval], known: LabelSet, targets: Mapping[str, int], others: Counter[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Starts, ends and labels of the intervals with a known label; frames of the others are counted."""
    ordered = sorted(intervals, key=lambda i: i.start_s)
    for one, next_one in pairwise(ordered):
        if next_one.start_s < one.end_s - 1e-3:
            raise DataError(
                f"Annotations overlap: {one.text!r} until {one.end_s:g} s and {next_one.text!r} from "
                f"{next_one.start_s:g} s; use one tier per coder and person."
            )
    starts, ends, codes = [], [], []
    for interval in ordered:
        word = interval.text.strip()
        code = targets.get(word.lower(), known.index(word) if word in known else None)
        if code is None:
            inside = (series.times >= interval.start_s) & (series.times < interval.end_s) & (series.state == USED)
            others[word] += int(inside.sum())
            continue
        starts.append(interval.start_s)
        ends.append(interval.end_s)
        codes.append(code)
    return np.array(starts, np.float64), np.array(ends, np.float64), np.array(codes, np.int64)


def _counts(prepared: Sequence[Prepared], classes: int, lag_s: float) -> Counts:
    """Confusion counts when the label at a time is held against the coder's `lag_s` earlier."""
    total = np.zeros((classes, classes), np.int64)
    for series, starts, ends, codes in prepared:
        used = series.state == USED
        times = series.times[used] - lag_s
        at = np.searchsorted(starts, times + 1e-9, side="right") - 1
        inside = at >= 0
        inside[inside] = times[inside] < ends[at[inside]] - 1e-9
        total += confusion_counts(codes[at[inside]], series.label[used][inside], classes)
    return total

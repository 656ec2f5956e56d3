"""Labels that out-of-fold probabilities speak against: confident learning (Northcutt, Jiang and Chuang, JAIR 2021).

Takes probabilities; where they come from is up to the caller. They must be of models that have not seen the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.cells import TableWriter
from mien.core.errors import InputError
from mien.core.files import atomic_write
from mien.data.manifest import Manifest

__all__ = ["COLUMNS", "DECISION", "Doubts", "find_doubts", "write_doubts"]

DECISION = "decision"
"""Column that a person fills in; `mien.data.review` reads it."""

COLUMNS = (DECISION, "label", "suggested", "doubt", "p_label", "p_suggested", "name", "split", "row", "sha256")

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Doubts:
    """Doubted labels, the most doubted first.

    Args:
        rows: (M,) positions among the N pictures.
        suggested: (M,) class that the probabilities speak for.
        thresholds: (K,) mean probability of a class over the pictures that bear it; NaN for a class without pictures.
        probabilities: (N, K) what was looked at.
        label: (N,) the given labels.

    """

    rows: NDArray[np.int64]
    suggested: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    probabilities: Floats
    label: NDArray[np.int64]

    @property
    def doubt(self) -> NDArray[np.float64]:
        """(M,) probability of the suggested class minus that of the label, in -1..1."""
        p = self.probabilities.astype(np.float64)
        return p[self.rows, self.suggested] - p[self.rows, self.label[self.rows]]

    @property
    def share(self) -> float:
        """Doubted pictures among all, in 0..1: an estimate of how many labels are wrong."""
        return len(self.rows) / max(len(self.label), 1)


def find_doubts(probabilities: Floats, label: NDArray[np.int64]) -> Doubts:
    """Pictures off the diagonal of the confident joint.

    A picture counts as of class j with confidence where its probability of j is at least the mean that pictures
    labelled j have; where several classes are, the most probable one counts. It is doubted where that is not its label
    and more probable than it. So a class of which the model is never sure is held to a lower standard than an easy one.

    Args:
        probabilities: (N, K) in 0..1, each row from a model that did not see the picture.
        label: (N,) in 0..K-1.

    Raises:
        InputError: the shapes do not fit, or a label is out of range.

    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or label.shape != p.shape[:1] or (len(label) and not 0 <= label.min() <= label.max() < p.shape[1]):
        raise InputError(
            f"Expected probabilities (N, K) and labels (N,) in 0..K-1, got the shapes {p.shape} and {label.shape}."
        )
    thresholds = np.array([p[label == j, j].mean() if (label == j).any() else np.nan for j in range(p.shape[1])])
    sure = p >= np.where(np.isnan(thresholds), np.inf, thresholds)
    best = np.where(sure, p, -1).argmax(axis=1)
    every = np.arange(len(p))
    rows = np.flatnonzero(sure.any(axis=1) & (p[every, best] > p[every, label]))
    doubt = p[rows, best[rows]] - p[rows, label[rows]]
    rows = rows[np.argsort(-doubt, kind="stable")]
    return Doubts(rows, best[rows], thresholds, probabilities, label)


def write_doubts(path: Path, manifest: Manifest, doubts: Doubts) -> None:
    """Write a table for a person to decide on; no picture and no label is changed.

    Raises:
        OutputError: the file cannot be written.

    """
    with atomic_write(path, "w", newline="") as file:
        writer = TableWriter(file, COLUMNS)
        for row in _rows(manifest, doubts):
            writer.write(row)


def _rows(manifest: Manifest, doubts: Doubts) -> Iterator[dict[str, Any]]:
    names, p = manifest.labels.names, doubts.probabilities
    for i, to, doubt in zip(doubts.rows.tolist(), doubts.suggested.tolist(), doubts.doubt.tolist(), strict=True):
        label = int(doubts.label[i])
        yield {
            DECISION: "",
            "label": names[label],
            "suggested": names[to],
            "doubt": doubt,
            "p_label": float(p[i, label]),
            "p_suggested": float(p[i, to]),
            "name": str(manifest.names[i]),
            "split": str(manifest.split[i]),
            "row": int(manifest.rows[i]),
            "sha256": str(manifest.digests[i]),
        }

"""Which pictures of the validation and test splits occur, pixel by pixel, in the training split.

It only reports; training refuses a data set or leaves pictures out by what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.data.manifest import Manifest

__all__ = ["LIMIT", "Leaks", "leaks"]

LIMIT = 0.2
"""A held-out split of which more than this fraction occurs in training measures memory; training refuses it."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Leaks:
    """Pictures that occur both in training and in a held-out split.

    Args:
        rows: for "validation" and "test", where they exist, the rows whose picture occurs in training.
        totals: the number of rows of the same splits.
        train: the training rows whose picture occurs in validation or test.

    """

    rows: Mapping[str, Rows]
    totals: Mapping[str, int]
    train: Rows

    def fraction(self, split: str) -> float:
        """Part of a held-out split that occurs in training, in 0..1; 0 where the set has no such split."""
        total = self.totals.get(split, 0)
        return len(self.rows[split]) / total if total else 0.0

    @property
    def worst(self) -> tuple[str, float]:
        """The held-out split of which most occurs in training, and the fraction; ("", 0.0) where there is none."""
        return max(
            ((split, self.fraction(split)) for split in self.totals), key=lambda pair: pair[1], default=("", 0.0)
        )

    @property
    def refused(self) -> tuple[str, ...]:
        """The held-out splits of which more than `LIMIT` occurs in training."""
        return tuple(split for split in self.totals if self.fraction(split) > LIMIT)


def leaks(manifest: Manifest) -> Leaks:
    """Compare the pixels of the splits, exactly; for pictures that are nearly the same see `mien.data.audit`.

    Raises:
        DataError: a picture cannot be read.

    """
    digests = manifest.digests
    train = np.flatnonzero(manifest.split == "train")
    rows: dict[str, Rows] = {}
    totals: dict[str, int] = {}
    for split in ("validation", "test"):
        held_out = np.flatnonzero(manifest.split == split)
        if len(held_out):
            rows[split] = held_out[np.isin(digests[held_out], digests[train])]
            totals[split] = len(held_out)
    leaked = np.concatenate([digests[r] for r in rows.values()]) if rows else digests[:0]
    return Leaks(rows, totals, train[np.isin(digests[train], leaked)])

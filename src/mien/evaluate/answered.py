"""What models answered picture by picture, read back from `predictions.csv`, for comparisons."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.evaluate.predictions import columns

__all__ = ["Answered", "read_answered"]

_FIRST = columns(())


@dataclass(frozen=True, eq=False)
class Answered:
    """Answers to N pictures.

    Args:
        labels: K names, of the model.
        rows: (N,) int64, the pictures' rows in the data set.
        label: (N,) int64, true class.
        probabilities: (N, K) float64 in 0..1.

    """

    labels: tuple[str, ...]
    rows: NDArray[np.int64]
    label: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def answer(self) -> NDArray[np.int64]:
        """Class (N,) that each picture was called."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each answer is right, (N,)."""
        return np.asarray(self.answer == self.label)

    @classmethod
    def joined(cls, parts: Sequence[Answered]) -> Answered:
        """Answers to several sets of pictures by models with the same labels, as one."""
        return cls(
            parts[0].labels,
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
        )


def read_answered(path: Path) -> Answered:
    """Answers that `mien.evaluate.predictions.write_predictions` wrote.

    Raises:
        DataError: the file cannot be read or is no such table.

    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            names = tuple(name.removeprefix("p_") for name in (reader.fieldnames or ())[len(_FIRST) :])
            where = {_plain(name): k for k, name in enumerate(names)}
            rows = [
                (int(row["row"]), where[_plain(row["label"])], [float(row[f"p_{name}"]) for name in names])
                for row in reader
            ]
    except (OSError, csv.Error, ValueError, KeyError, TypeError) as error:
        raise DataError(f"Cannot read the predictions {path}: {error!r}.") from error
    if not rows:
        raise DataError(f"{path} has no predictions.")
    index, label, p = zip(*rows, strict=True)
    return Answered(names, np.array(index, np.int64), np.array(label, np.int64), np.array(p, np.float64))


def _plain(name: str) -> str:
    """A name without the mark that keeps spreadsheets from running it."""
    return name.removeprefix("'")

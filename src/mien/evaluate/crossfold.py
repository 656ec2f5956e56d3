"""The figures of a cross-validation: of every fold, their mean and deviation, and of all pictures pooled.

Reads the folders of its folds; every picture was answered once, by the model that saw nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.answered import Answered, read_answered
from mien.evaluate.judge import FORMAT, coverage_points
from mien.evaluate.metrics import evaluate
from mien.evaluate.predictions import PREDICTIONS_NAME
from mien.evaluate.records import FILE_NAME, read_evaluation

__all__ = ["FOLDS_FORMAT", "FOLD_FIGURES", "POOLED", "TESTED", "answered_folds", "fold_folder", "mean_and_deviation",
           "pooled_evaluation"]  # fmt: skip

FOLDS_FORMAT = "mien-folds/1"
"""Format of the `run.json` of a cross-validation."""
FOLD_FIGURES = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece")
"""Figures that are given for every fold."""
TESTED = "test"
"""Folder in a fold's run with the judgement of its test part."""
POOLED = Path("evaluation") / FILE_NAME
"""The judgement of all pictures, in the folder of the cross-validation."""


def fold_folder(run: Path, fold: int) -> Path:
    """Run folder of a fold, from 1."""
    return run / f"fold-{fold}"


def answered_folds(run: Path, folds: Sequence[int]) -> list[Answered]:
    """Answers to the test part of each fold.

    Raises:
        DataError: a table is missing or damaged.

    """
    return [read_answered(fold_folder(run, fold) / TESTED / PREDICTIONS_NAME) for fold in folds]


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean, and standard deviation (n - 1), None for a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def pooled_evaluation(
    run: Path, folds: Sequence[int], data: Mapping[str, Any], people: Mapping[int, str]
) -> dict[str, Any]:
    """The judgement of all pictures of some folds, as `mien.evaluate.judge.Evaluation.to_dict` gives one.

    Args:
        run: the folder of the cross-validation.
        folds: numbers of the folds, from 1.
        data: `source` and `sha256` of the pictures.
        people: row of the data set -> who it is, where that is known.

    Raises:
        DataError: a fold's files are missing or damaged.

    """
    parts = [read_evaluation(fold_folder(run, fold) / TESTED / f"{TESTED}.json") for fold in folds]
    answers = Answered.joined(answered_folds(run, folds))
    figures = evaluate(
        answers.probabilities,
        answers.label,
        answers.labels,
        clusters=_clusters(answers.rows, people) if people else None,
    )
    below = float(np.mean([part["model"]["uncertain_below"] for part in parts]))
    return {
        "format": FORMAT,
        "model": {"name": run.resolve().name, "labels": list(answers.labels), "uncertain_below": below},
        "data": {
            "source": data["source"],
            "sha256": data["sha256"],
            "split": f"{len(folds)} folds, each tested once",
            "pictures": sum(part["data"]["pictures"] for part in parts),
            "judged": len(answers.rows),
            "protocol": parts[0]["data"]["protocol"],
            "left_out": {},
            "unreadable": [],
            "view": "single",
            "resampled": "people" if people else "pictures",
        },
        "figures": figures.to_dict(),
        "coverage": coverage_points(answers.probabilities.astype(np.float32), answers.label, below),
        "unseen": None,
        "groups": [],
        "flip": None,
    }


def _clusters(rows: NDArray[np.int64], people: Mapping[int, str]) -> list[str]:
    return [people.get(int(row)) or f"picture {row}" for row in rows]

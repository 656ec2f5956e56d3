"""What the difference between two runs is worth, in numbers and in a sentence.

Runs judged on the same pictures: a paired bootstrap and McNemar's exact test on their predictions. Cross-validations
over the same folds: the corrected resampled t-test too. What does not fit together is said, and not tested.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.errors import DataError
from mien.evaluate.answered import Answered, read_answered
from mien.evaluate.crossfold import answered_folds
from mien.evaluate.predictions import PREDICTIONS_NAME
from mien.evaluate.significance import FoldTest, McNemar, Paired, corrected_t_test, holm, mcnemar, paired_bootstrap

__all__ = ["READING", "Judged", "Pair", "compare_pairs"]

READING = (
    "An interval that holds 0, or a p-value above 0.05, means that these pictures do not tell the two apart. Where "
    "pictures chose the epoch, as those of a validation split did, the p-values flatter; and another seed moves a "
    "run, too: mien train --folds gives several."
)

_FOLDS_TABLE = "folds.csv"


@dataclass(frozen=True)
class Judged:
    """A run to compare: name, folder, what it was judged on, and the `run.json` of a cross-validation or None."""

    name: str
    folder: Path
    data: Mapping[str, Any]
    folds: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Pair:
    """The difference of two runs, the first less the second.

    Args:
        first: name.
        second: name.
        pictures: number that both were judged on; 0 where nothing can be tested.
        figures: "accuracy" and "macro_f1" -> difference with a 95 % interval.
        errors: McNemar's test.
        adjusted_p: its p-value, raised for the number of pairs that are compared (Holm).
        over_folds: the t-test over folds, of accuracy, where both are cross-validations over the same folds.
        reason: why nothing, or no more, was tested; "" where all was.

    """

    first: str
    second: str
    pictures: int = 0
    figures: Mapping[str, Paired] | None = None
    errors: McNemar | None = None
    adjusted_p: float | None = None
    over_folds: FoldTest | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; an infinite t is left out."""
        body = asdict(self)
        if self.over_folds and not np.isfinite(self.over_folds.t):
            body["over_folds"]["t"] = None
        return body

    def text(self) -> str:
        """The difference in words."""
        parts = []
        if self.figures and self.errors:
            first, second = self.errors.only_first, self.errors.only_second
            raised = f" ({p_text(self.adjusted_p)} after Holm)" if self._raised else ""
            parts.append(
                f"{self.first} less {self.second}: {_gap(self.figures['accuracy'])} accuracy, "
                f"{_gap(self.figures['macro_f1'])} macro-F1 (95 % intervals, paired bootstrap), on the same "
                f"{self.pictures:,} pictures. Only {self.first} is right on {first:,}, only {self.second} on "
                f"{second:,}: McNemar's exact p = {p_text(self.errors.p)}{raised}."
            )
        if self.over_folds:
            test = self.over_folds
            spread = points(test.deviation, sign=False)
            parts.append(
                f"Over {test.folds} folds: {points(test.mean)} ± {spread} accuracy, 95 % interval "
                f"{points(test.low)} to {points(test.high)}, p = {p_text(test.p)} (corrected resampled t-test)."
            )
        if self.reason:
            parts.append(f"{self.first} and {self.second}: {self.reason}")
        return " ".join(parts)

    @property
    def _raised(self) -> bool:
        return self.errors is not None and self.adjusted_p is not None and self.adjusted_p > self.errors.p


def _gap(found: Paired) -> str:
    return f"{points(found.difference)} ({points(found.low)} to {points(found.high)})"


def points(value: float, *, sign: bool = True) -> str:
    """A difference of shares in percentage points: "+1.2"."""
    return f"{value * 100:+.1f}" if sign else f"{value * 100:.1f}"


def p_text(p: float | None) -> str:
    """A p-value with two digits, or "<0.0001"."""
    return "–" if p is None else "<0.0001" if p < 1e-4 else f"{p:.2g}"


def compare_pairs(runs: Sequence[Judged]) -> list[Pair]:
    """The first run against each of the others.

    Raises:
        DataError: a table of predictions or folds is damaged.

    """
    pairs = [_pair(runs[0], other) for other in runs[1:]]
    tested = [pair.errors.p for pair in pairs if pair.errors]
    raised = iter(holm(tested))
    return [dataclasses.replace(pair, adjusted_p=next(raised)) if pair.errors else pair for pair in pairs]


def _pair(first: Judged, second: Judged) -> Pair:
    if (first.folds is None) != (second.folds is None):
        return Pair(
            first.name, second.name, reason="one is a cross-validation and one a single run; nothing is tested."
        )
    if first.data["sha256"] != second.data["sha256"] or first.data["protocol"] != second.data["protocol"]:
        return Pair(
            first.name, second.name, reason=f"not judged on the same pictures and labels.{_means(first, second)}"
        )
    try:
        a, b = _answers(first), _answers(second)
    except FileNotFoundError as error:
        return Pair(
            first.name, second.name,
            reason=f"{error} is missing, which holds what was answered picture by picture; mien train --finish RUN "
            f"writes it.{_means(first, second)}",
        )  # fmt: skip
    if a.labels != b.labels or set(a.rows) != set(b.rows):
        return Pair(first.name, second.name, reason="their labels or pictures differ, so nothing is tested.")
    b = _ordered_as(a, b)
    reason, test = _over_folds(first, second)
    return Pair(
        first.name,
        second.name,
        pictures=len(a.rows),
        figures=paired_bootstrap(a.label, a.answer, b.answer, len(a.labels)),
        errors=mcnemar(a.right, b.right),
        over_folds=test,
        reason=reason,
    )


def _answers(run: Judged) -> Answered:
    if run.folds is None:
        path = run.folder / "evaluation" / PREDICTIONS_NAME
        if not path.is_file():
            raise FileNotFoundError(path)
        return read_answered(path)
    return Answered.joined(answered_folds(run.folder, run.folds["done"]))


def _ordered_as(like: Answered, answers: Answered) -> Answered:
    place = np.searchsorted(answers.rows, like.rows, sorter=(order := np.argsort(answers.rows)))
    pick = order[place]
    return Answered(answers.labels, answers.rows[pick], answers.label[pick], answers.probabilities[pick])


def _over_folds(first: Judged, second: Judged) -> tuple[str, FoldTest | None]:
    """Why there is no test over folds, or the test; neither for single runs."""
    if first.folds is None or second.folds is None:
        return "", None
    if _division(first.folder) != _division(second.folder) or first.folds["done"] != second.folds["done"]:
        return f"their folds differ, so there is no test over folds.{_means(first, second)}", None
    results = [[run.folds["results"][str(f)] for f in run.folds["done"]] for run in (first, second) if run.folds]
    gaps = [a["accuracy"] - b["accuracy"] for a, b in zip(*results, strict=True)]
    if len(gaps) < 2:
        return "one fold is no test.", None
    share = np.mean([a["n"] / a["trained_on"] for a in results[0]])
    return "", corrected_t_test(gaps, float(share))


def _division(folder: Path) -> list[tuple[str, str]]:
    try:
        with (folder / _FOLDS_TABLE).open(encoding="utf-8", newline="") as file:
            return sorted((row["sha256"], row["fold"]) for row in csv.DictReader(file))
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise DataError(f"Cannot read {folder / _FOLDS_TABLE}: {error!r}.") from error


def _means(first: Judged, second: Judged) -> str:
    """Mean and deviation of both where they are cross-validations, as a sentence that follows another."""
    parts = [
        f"{run.name} {run.folds['mean']['accuracy'] * 100:.1f} ± "
        f"{(run.folds['deviation']['accuracy'] or 0) * 100:.1f} %"
        for run in (first, second)
        if run.folds and "mean" in run.folds
    ]
    return f" Mean accuracy and deviation over folds: {', '.join(parts)}." if parts else ""

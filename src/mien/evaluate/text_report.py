"""Figures of an evaluation as the text that scikit-learn's `classification_report` prints.

Made from the JSON, so text and JSON cannot disagree; scikit-learn is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.files import atomic_write

__all__ = ["TEXT_NAME", "classification_report", "write_text"]

TEXT_NAME = "classification_report.txt"

_COLUMNS = ("precision", "recall", "f1-score", "support")
_LAST = "weighted avg"


def classification_report(figures: Mapping[str, Any], digits: int = 2) -> str:
    """Precision, recall, F1 and support of every class, accuracy, and means, laid out as by scikit-learn.

    Classes that occur neither among the labels nor among the answers have no row and do not count in the macro mean,
    as in scikit-learn, where nobody names the labels.

    Args:
        figures: that part of an evaluation (`mien.evaluate.metrics.Metrics.to_dict`).
        digits: after the point.

    """
    answered = np.array(figures["confusion"]).sum(axis=0)
    rows = [c for c, n in zip(figures["classes"], answered, strict=True) if c["support"] or n]
    table = np.array([(c["precision"], c["recall"], c["f1"]) for c in rows])
    support = np.array([c["support"] for c in rows])
    width = max(len(_LAST), digits, *(len(str(c["name"])) for c in rows))
    total = int(support.sum())

    def line(name: str, values: Sequence[float], n: int) -> str:
        return f"{name:>{width}} " + "".join(f" {v:>9.{digits}f}" for v in values) + f" {n:>9}\n"

    text = " " * width + " " + "".join(f" {name:>9}" for name in _COLUMNS) + "\n\n"
    text += "".join(line(c["name"], values, n) for c, values, n in zip(rows, table, support.tolist(), strict=True))
    accuracy = f"{'accuracy':>{width}} " + " " * 20 + f" {figures['accuracy']:>9.{digits}f} {total:>9}\n"
    means = line("macro avg", table.mean(axis=0).tolist(), total)
    return text + "\n" + accuracy + means + line(_LAST, np.average(table, axis=0, weights=support).tolist(), total)


def write_text(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the classification report to a file.

    Raises:
        OutputError: the file cannot be written.

    """
    with atomic_write(path, "w") as file:
        file.write(classification_report(figures))

"""The line that a person reads after every epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.learn.config import Config
from mien.learn.pace import Pace
from mien.learn.progress import Progress


@pytest.mark.parametrize(
    ("monitor", "expected"),
    [("validation_macro_f1", "macro f1 0.6500"), ("validation_log_loss", "accuracy 0.7000")],
)
def test_line(monitor: str, expected: str) -> None:
    """The figure that chooses the epoch stands beside the log-loss; where that is the log-loss itself, the
    accuracy does.
    """
    row = {
        "epoch": 3.0, "train_loss": 0.7, "train_accuracy": 0.5, "validation_accuracy": 0.7, "validation_macro_f1": 0.65,
        "validation_log_loss": 0.82, "seconds": 28.2,
    }  # fmt: skip
    assert Progress(Path("metrics.csv"), monitor, Pace(Config(epochs=20)), print).line(row, 700.0) == (
        f"epoch 3/20  training: loss 0.700, accuracy 0.5000  validation: {expected}, log-loss 0.8200  28 s, 12 min left"
    )

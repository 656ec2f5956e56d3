"""Lines about a training run for a person, metrics.csv after every epoch, and less noise from Lightning.

Knows no data and no networks.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L

from mien.learn.runfolder import write_history

__all__ = ["Progress", "quiet"]


class Progress(L.Callback):
    """Writes metrics.csv and says one line per epoch.

    Args:
        path: metrics.csv.
        monitor: the figure that chooses the epoch, shown in the line beside the log-loss.
        epochs: length of the run.
        say: is given every line.

    """

    def __init__(self, path: Path, monitor: str, epochs: int, say: Callable[[str], None]) -> None:
        self.path, self.monitor, self.epochs, self.say = path, monitor, epochs, say
        self._start = 0.0

    def on_train_epoch_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_validation_end(self, trainer: L.Trainer, module: Any) -> None:
        """Add the seconds, before the checkpoint is written."""
        if not trainer.sanity_checking and module.history:
            module.history[-1]["seconds"] = round(time.perf_counter() - self._start, 2)

    def on_train_epoch_end(self, trainer: L.Trainer, module: Any) -> None:
        """Write the file and say the line."""
        if trainer.is_global_zero and module.history:
            write_history(self.path, module.history)
            self.say(self.line(module.history[-1]))

    def line(self, row: Mapping[str, float]) -> str:
        """One epoch in words."""
        shown = "validation_accuracy" if self.monitor == "validation_log_loss" else self.monitor
        name = shown.removeprefix("validation_").replace("_", " ")
        return (
            f"epoch {row['epoch']:.0f}/{self.epochs}  loss {row['train_loss']:.3f}  "
            f"validation: {name} {row[shown]:.4f}, log-loss {row['validation_log_loss']:.4f}  "
            f"{row['seconds']:.0f} s"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's notices and advice to itself; our own lines say what is going on."""
    names = ("lightning.pytorch", "lightning.fabric", "lightning")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for text in (".*does not have many workers.*", ".*weights_only.*", ".*GPU available but not used.*",
                         ".*smaller than the logging interval.*", ".*lr_scheduler.step.*", ".*litlogger.*",
                         ".*sync_dist=True.*", ".*isinstance.treespec, LeafSpec.*",
                         ".*exists and is not empty.*"):  # fmt: skip
                warnings.filterwarnings("ignore", message=text)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

"""What a person is told about a training run: a line per epoch, how far it is inside one; and metrics.csv."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L

from mien.core.text import duration
from mien.learn.hush import errors_only
from mien.learn.pace import Pace
from mien.learn.runfolder import write_history

__all__ = ["Moment", "Progress", "Watch", "quiet"]

_EVERY_S = 0.2


@dataclass(frozen=True)
class Moment:
    """How far a run is, inside an epoch.

    Args:
        epoch: the epoch, from 1.
        epochs: epochs that are planned.
        share: part of the epoch that is done, in 0..1.
        loss: mean training loss of the epoch so far.
        accuracy: share of right answers on its training pictures so far, as they are augmented.
        left_s: seconds until the loop's end; None where nothing tells it yet.

    """

    epoch: int
    epochs: int
    share: float
    loss: float
    accuracy: float
    left_s: float | None


Watch = Callable[[Moment], None]


class Progress(L.Callback):
    """Writes metrics.csv, says one line per epoch, and shows the place inside an epoch.

    Args:
        path: metrics.csv.
        monitor: the figure that chooses the epoch, shown in the line beside the log-loss.
        pace: where the run is in its schedule.
        say: is given every line.
        watch: is given the place, a few times a second.

    """

    def __init__(
        self, path: Path, monitor: str, pace: Pace, say: Callable[[str], None], watch: Watch = lambda _: None
    ) -> None:
        self.path, self.monitor, self.pace, self.say, self.watch = path, monitor, pace, say, watch
        self._start = self._begin = self._shown = time.perf_counter()

    def on_train_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Start the clock of the whole loop."""
        self._begin = time.perf_counter()

    def on_train_epoch_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Start the clock of the epoch."""
        self._start = time.perf_counter()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, _outputs: Any, _batch: Any, index: int) -> None:
        """Show the place."""
        now = time.perf_counter()
        if now - self._shown < _EVERY_S or not trainer.is_global_zero:
            return
        self._shown = now
        figures = module.running
        self.watch(
            Moment(
                epoch=trainer.current_epoch + 1,
                epochs=max(self.pace.config.total_epochs, trainer.current_epoch + 1),
                share=(index + 1) / max(trainer.num_training_batches, 1),
                loss=figures["train_loss"],
                accuracy=figures["train_accuracy"],
                left_s=self.pace.left_s(trainer.global_step, now - self._begin),
            )
        )

    def on_validation_end(self, trainer: L.Trainer, module: Any) -> None:
        """Add the seconds, before the checkpoint is written."""
        if not trainer.sanity_checking and module.history:
            module.history[-1]["seconds"] = round(time.perf_counter() - self._start, 2)

    def on_train_epoch_end(self, trainer: L.Trainer, module: Any) -> None:
        """Write the file and say the line."""
        if trainer.is_global_zero and module.history:
            write_history(self.path, module.history)
            self.say(self.line(module.history[-1], self.pace.left_s(trainer.global_step, self._spent_s())))

    def _spent_s(self) -> float:
        return time.perf_counter() - self._begin

    def line(self, row: Mapping[str, float], left_s: float | None = None) -> str:
        """One epoch in words."""
        shown = "validation_accuracy" if self.monitor == "validation_log_loss" else self.monitor
        name = shown.removeprefix("validation_").replace("_", " ")
        epochs = max(self.pace.config.total_epochs, int(row["epoch"]))
        left = "" if left_s is None or row["epoch"] >= epochs else f", {duration(left_s)} left"
        return (
            f"epoch {row['epoch']:.0f}/{epochs}  training: loss {row['train_loss']:.3f}, accuracy "
            f"{row['train_accuracy']:.4f}  validation: {name} {row[shown]:.4f}, "
            f"log-loss {row['validation_log_loss']:.4f}  {row['seconds']:.0f} s{left}"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's notices and advice to itself; our own lines say what is going on."""
    with errors_only("lightning.pytorch", "lightning.fabric", "lightning"), warnings.catch_warnings():
        for text in (".*does not have many workers.*", ".*weights_only.*", ".*GPU available but not used.*",
                     ".*smaller than the logging interval.*", ".*lr_scheduler.step.*", ".*litlogger.*",
                     ".*sync_dist=True.*", ".*isinstance.treespec, LeafSpec.*",
                     ".*exists and is not empty.*"):  # fmt: skip
            warnings.filterwarnings("ignore", message=text)
        yield

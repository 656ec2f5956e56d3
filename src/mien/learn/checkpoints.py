"""Checkpoints that are whole or absent, and which epoch is the best."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from mien.core.errors import OutputError, TrainError
from mien.core.files import atomic_write, make_folder
from mien.learn.runfolder import BEST, LAST

__all__ = ["AtomicCheckpoints", "Keeper", "better", "load_state", "save_state"]


# What torch and pickle raise on damaged files.
_DAMAGED = (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError)


def better(monitor: str, value: float, than: float | None) -> bool:
    """Whether a monitored figure beats the best so far (None: there is none)."""
    if than is None:
        return True
    return value < than if monitor.endswith("log_loss") else value > than


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its target and renames it: a full disk leaves the last good one in place."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """See Lightning.

        Raises:
            TrainError: the checkpoint cannot be written.

        """
        save_state(Path(path), checkpoint)

    def load_checkpoint(self, path: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        """See Lightning.

        Raises:
            TrainError: the checkpoint is damaged.

        """
        try:
            return super().load_checkpoint(path, *arguments, **options)
        except _DAMAGED as error:
            raise _damaged(path, error) from error


def save_state(target: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint in one step; its folder is made where it is missing.

    Raises:
        TrainError: the checkpoint cannot be written.

    """
    data = io.BytesIO()
    torch.save(dict(state), data)
    try:
        make_folder(target.parent)
        with atomic_write(target) as file:
            file.write(data.getvalue())
    except OutputError as error:
        kept = "the last one is whole" if target.exists() else "there is none yet"
        raise TrainError(f"{error} Of the run's checkpoints {kept}; make room and go on with --resume.") from error


def load_state(path: Path) -> dict[str, Any]:
    """What a checkpoint of a run holds, on the processor.

    Raises:
        TrainError: there is none, or it is damaged.

    """
    if not path.is_file():
        raise TrainError(f"There is no checkpoint {path}.")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    return state


def _damaged(path: Any, error: Exception) -> TrainError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return TrainError(f"The checkpoint {path} is damaged ({lines[0][:200]}); train anew, or put back a copy of it.")


class Keeper(L.Callback):
    """After every validation keeps `last.ckpt`, `best.ckpt` where the monitored figure is the best, and stops early.

    Args:
        run: the run folder.
        monitor: name of the figure.
        early_stop: epochs without a better figure before the run stops; 0 never stops.

    """

    def __init__(self, run: Path, monitor: str, early_stop: int = 0) -> None:
        self.run, self.monitor, self.early_stop = run, monitor, early_stop
        self.best: float | None = None
        self.best_epoch = 0

    def on_validation_end(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Judge and save."""
        if trainer.sanity_checking:
            return
        value = float(trainer.callback_metrics[self.monitor])
        epoch = trainer.current_epoch + 1
        won = better(self.monitor, value, self.best)
        if won:
            self.best, self.best_epoch = value, epoch
        if self.early_stop and epoch - self.best_epoch >= self.early_stop:
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, module: Any) -> None:
        """Save once the epoch is complete, so that a resumed run starts with the next one."""
        if self.best_epoch == trainer.current_epoch + 1:
            trainer.save_checkpoint(self.run / BEST)
        if not module.interrupted:
            trainer.save_checkpoint(self.run / LAST)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `state_dict`."""
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]

"""The loop of a run: Lightning's trainer for the settings, what ends it early, and what it leaves in the module.

What follows the loop is in `mien.learn.finish`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from mien.core.errors import OptionError, TrainError
from mien.learn.checkpoints import AtomicCheckpoints, Keeper
from mien.learn.config import Config
from mien.learn.dataset import BatchSampler, CropTable, class_weights, loader
from mien.learn.distill import Teachers
from mien.learn.loggers import logger_for
from mien.learn.models import Network
from mien.learn.module import Expression, Probe
from mien.learn.pace import Pace
from mien.learn.progress import Progress, Watch
from mien.learn.runfolder import BEST, LAST, METRICS
from mien.learn.stopping import Stop
from mien.learn.targets import Head

__all__ = ["fit", "trainer_for"]

_PROBE = 2000
"""Training pictures, at most, on which every epoch's network is judged as they are, for the curves."""
_NO_END = 1_000_000  # epochs


class _Stopped(Exception):  # noqa: N818 (leaves Lightning's loop; never seen outside)
    pass


@final
class Halt(L.Callback):
    """Ends the loop when a signal asks for it or the time is up.

    An epoch that a signal interrupts does not count, but where none is complete it is judged as it is; an epoch in
    which the time ends counts.

    Args:
        stop: whether a signal came.
        pace: knows whether the time is up.

    """

    def __init__(self, stop: Stop, pace: Pace) -> None:
        self.stop, self.pace = stop, pace

    def on_train_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Take the signals back from Lightning."""
        self.stop.listen()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Look at both, after every step."""
        if trainer.strategy.reduce_boolean_decision(bool(self.stop), all=False):
            if module.history:
                raise _Stopped
            module.interrupted = not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
            trainer.should_stop = True
        elif trainer.strategy.reduce_boolean_decision(self.pace.over, all=False):
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Between two epochs too."""
        if self.stop:
            trainer.should_stop = True


def fit(
    run: Path,
    trainer: L.Trainer,
    network: Network,
    config: Config,
    tables: tuple[CropTable, CropTable],
    *,
    teachers: list[Network] | None,
    stop: Stop,
    pace: Pace,
) -> Expression:
    """Train until the schedule, the time or a signal ends it.

    Raises:
        TrainError: the training diverged, the device has too little memory, or nothing is left to finish.

    """
    table, validation = tables
    weights = {head.name: class_weights(head) for head in table.heads} if config.balance == "weights" else {}
    asked = Teachers(teachers, config.teacher_share, bf16=config.precision == "bf16") if teachers else None
    module = Expression(network, config, validation.heads, weights, asked, pace=pace, probe=_probe(table, config))
    rank, world = trainer.global_rank, trainer.world_size
    order = BatchSampler(
        len(table),
        config.batch_size,
        seed=config.seed,
        epoch=lambda: trainer.current_epoch,
        weights=_row_weights(table.heads[0], config),
        drop_last=True,
        rank=rank,
        world=world,
    )
    judged = BatchSampler(len(validation), max(config.batch_size, 256), rank=rank, world=world)
    last = run / LAST
    pace.steps_per_epoch = max(-(-len(order) // config.accumulate), 1)
    try:
        trainer.fit(
            module,
            loader(table, order, config.workers),
            loader(validation, judged, config.workers),
            ckpt_path=str(last) if last.exists() else None,
        )
    except (_Stopped, SystemExit) as stopped:  # Lightning leaves by SystemExit
        if not (run / BEST).is_file():
            text = f"Stopped before there was anything to finish; go on with mien train --resume --out {run}."
            raise TrainError(text) from (stopped if isinstance(stopped, _Stopped) else KeyboardInterrupt())
    except torch.OutOfMemoryError as error:
        raise TrainError(
            "The device has too little memory; lower 'batch_size' and raise 'accumulate' by the same factor."
        ) from error
    return module


def _probe(table: CropTable, config: Config) -> Probe:
    """A sample of the training pictures, drawn by the seed, with the labels to judge by."""
    rows = np.random.default_rng((config.seed, 2)).permutation(len(table))[:_PROBE]
    rows = np.sort(rows[table.heads[0].label[rows] >= 0])
    return Probe(table.crops(torch.from_numpy(rows)), table.heads[0], rows)


def _row_weights(head: Head, config: Config) -> Any:
    """Chance of every row for the balanced sampler, or None."""
    if config.balance != "sampler":
        return None
    return (head.targets * class_weights(head)).sum(axis=1).astype(np.float64)


def trainer_for(
    run: Path, config: Config, stop: Stop, pace: Pace, say: Callable[[str], None], watch: Watch
) -> L.Trainer:
    """Lightning's loop for these settings; nothing is written yet.

    Raises:
        OptionError: the machine does not have the device, as many of them, or the precision.

    """
    try:
        return _loop(run, config, stop, pace, say, watch)
    except MisconfigurationException as error:
        raise OptionError(f"This machine cannot train so: {str(error).splitlines()[0]}") from error


def _loop(run: Path, config: Config, stop: Stop, pace: Pace, say: Callable[[str], None], watch: Watch) -> L.Trainer:
    if config.precision == "16" and not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        raise OptionError("The precision '16' needs a GPU; take 'bf16' or '32' here.")
    several = config.devices > 1 or config.nodes > 1
    frozen = any(stage.freeze != "none" for stage in config.plan)
    strategy = ("ddp_find_unused_parameters_true" if frozen else "ddp") if several else "auto"
    monitor = f"validation_{config.monitor}"
    return L.Trainer(
        accelerator=config.device,
        devices=config.devices or ("auto" if config.device != "cpu" else 1),
        num_nodes=config.nodes,
        strategy=strategy,
        precision={"32": "32-true", "auto": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[config.precision],
        max_epochs=_NO_END if pace.timed else config.total_epochs,
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.clip or None,
        callbacks=[
            Halt(stop, pace),
            Keeper(run, monitor, config.early_stop),
            Progress(run / METRICS, monitor, pace, say, watch),
        ],
        plugins=[AtomicCheckpoints()],
        logger=logger_for(config.logger, run),
        log_every_n_steps=50,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )

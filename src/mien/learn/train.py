"""One training run, from a data set to a run folder; Lightning runs the loop.

Puts the pieces together: splits without leaks, network, loop, the best epoch's weights, calibration, model file,
judgement of that file, report. Knows no command line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from mien.core.contract import Color
from mien.core.errors import OptionError, TrainError
from mien.core.files import atomic_write, make_folder
from mien.data.manifest import Manifest
from mien.learn.augment import augmentation
from mien.learn.checkpoints import AtomicCheckpoints, Keeper
from mien.learn.config import Config
from mien.learn.dataset import BatchSampler, CropTable, class_weights, loader
from mien.learn.distill import Teachers, opinions, soften, teachers_of
from mien.learn.finish import finish
from mien.learn.leaks import Splits, split_for_training
from mien.learn.models import Network, build, default_size
from mien.learn.module import Expression
from mien.learn.progress import Progress, quiet
from mien.learn.record import data_record, environment, sizes
from mien.learn.runfolder import CONFIG, LAST, METRICS, RECORD, main_process, read_json, refuse_existing, write_json
from mien.learn.settings import read_config, to_toml
from mien.learn.targets import Head, heads_of
from mien.learn.weights import load_weights

__all__ = ["Outcome", "resolve", "saved_config", "train"]

Say = Callable[[str], None]


def _say_nothing(_text: str) -> None:
    pass


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its folder, the epochs it ran, the best one, and the judgement on the validation split."""

    run: Path
    epochs: int
    best_epoch: int
    validation: dict[str, Any]


def train(
    manifest: Manifest, config: Config, out: Path | str, *, resume: bool = False, say: Say = _say_nothing
) -> Outcome:
    """Train a model and write the run folder.

    Args:
        manifest: the data set, with the splits "train" and "validation"; "test" is looked at for leaks only.
        config: settings.
        out: the run folder, which must not exist yet or be empty.
        resume: go on with the run in `out`, with the same settings and the same data.
        say: is given lines of progress and notices for a person.

    Raises:
        TrainError: the data cannot be trained on, or the run cannot be resumed.
        OptionError: a setting that does not fit.
        OutputError: the folder holds something already, or cannot be written.

    """
    run = Path(out)
    if config.threads:
        torch.set_num_threads(config.threads)
    config = resolve(config)
    manifest = manifest.with_labels(config.classes) if config.classes else manifest
    splits = split_for_training(manifest, keep_leaks=config.keep_leaks)
    if not main_process():
        say = _say_nothing
    if splits.message():
        say(splits.message())
    tables = _tables(splits, config)
    teachers = _teachers(tables[0], config)
    network = _network(config, tables[0])  # this and the trainer before the folder is made: they may not be had
    with quiet():
        trainer = _trainer(run, config, say)
    record = data_record(manifest, splits, config, tables[0])
    _open_run(run, config, record, resume)
    if teachers and config.teacher_views:  # takes minutes, so whatever can be refused has been by now
        tables = (_taught(tables[0], teachers, config, say), tables[1])
    with quiet():
        module = _fit(run, trainer, network, config, tables, None if config.teacher_views else teachers)
        if not main_process():
            return Outcome(run, len(module.history), 0, {})
        record |= sizes(module, config) | {"environment": environment(module)}
        return Outcome(run, *finish(run, module, manifest, tables[1].heads, config=config, record=record))


def saved_config(run: Path | str) -> Config:
    """Settings of a run that is to be resumed.

    Raises:
        TrainError: there is no run in the folder.

    """
    path = Path(run) / CONFIG
    if not path.is_file():
        raise TrainError(f"There is no run to resume in {run}: it has no {CONFIG}.")
    return read_config(path)


def resolve(config: Config) -> Config:
    """Settings with the size that the architecture is made for, where none is asked for.

    Raises:
        OptionError: no architecture or augmentation has such a name, a change to the augmentation is impossible, the
            crops would have to shrink to grow, or there is no start to keep.

    """
    augmentation(config.augment, config.augmentation)  # checks both
    own = default_size(config.model)  # also checks the name
    config = config if config.size else dataclasses.replace(config, size=own)
    if config.grow_from > config.size:
        raise OptionError(f"'grow_from' must be at most the size, {config.size} px, got {config.grow_from}.")
    if config.keep_start and not config.weights:
        raise OptionError("'keep_start' is a share of the weights that a run starts from; name these with 'weights'.")
    return config


def _tables(splits: Splits, config: Config) -> tuple[CropTable, CropTable]:
    """Training and validation tables; a sample of the training rows where the settings ask for one."""
    part = splits.train
    if config.sample and config.sample < len(part):
        rows = np.random.default_rng((config.seed, 1)).permutation(len(part))[: config.sample]
        part = part.select(np.sort(rows))
    color = cast(Color, config.color)
    heads = heads_of(part, config.targets, config.label_smoothing, config.vote_share)
    judged = heads_of(splits.validation, config.targets)
    return CropTable(part, heads, config.size, color), CropTable(splits.validation, judged, config.size, color)


def _teachers(table: CropTable, config: Config) -> list[Network]:
    return teachers_of(config.teachers, table.heads, config.size, config.color)


def _taught(table: CropTable, networks: list[Network], config: Config, say: Say) -> CropTable:
    """The training table with its targets softened by the teachers."""
    say(f"Asking {len(networks)} teachers about {len(table)} pictures, {config.teacher_views} views each.")
    bf16 = config.precision == "bf16"
    said = opinions(networks, table.all_crops(), views=config.teacher_views, seed=config.seed, bf16=bf16)
    return table.with_heads(soften(table.heads, said, config.teacher_share))


def _network(config: Config, table: CropTable) -> Network:
    torch.manual_seed(config.seed)
    heads = {head.name: len(head.labels) for head in table.heads}
    start = Path(config.weights) if config.weights and not config.keep_start else None
    network = build(
        config.model, heads, size=config.size, color=cast(Color, config.color), dropout=config.dropout,
        pretrained=config.pretrained, weights=start,
    )  # fmt: skip
    if config.keep_start:
        load_weights(network, config.weights)  # all of them, or the mean at the end would not be possible
    return network


def _fit(
    run: Path,
    trainer: L.Trainer,
    network: Network,
    config: Config,
    tables: tuple[CropTable, CropTable],
    asked: list[Network] | None,
) -> Expression:
    train_table, validation_table = tables
    weights = {head.name: class_weights(head) for head in train_table.heads} if config.balance == "weights" else {}
    teachers = Teachers(asked, config.teacher_share, bf16=config.precision == "bf16") if asked else None
    module = Expression(network, config, validation_table.heads, weights, teachers)
    rank, world = trainer.global_rank, trainer.world_size
    order = BatchSampler(
        len(train_table),
        config.batch_size,
        seed=config.seed,
        epoch=lambda: trainer.current_epoch,
        weights=_row_weights(train_table.heads[0], config),
        drop_last=True,
        rank=rank,
        world=world,
    )
    judged = BatchSampler(len(validation_table), max(config.batch_size, 256), rank=rank, world=world)
    last = run / LAST
    try:
        trainer.fit(
            module,
            loader(train_table, order, config.workers),
            loader(validation_table, judged, config.workers),
            ckpt_path=str(last) if last.exists() else None,
        )
    except SystemExit as stop:  # how Lightning leaves on Ctrl-C
        raise TrainError(f"Stopped after {len(module.history)} epochs; go on with --resume --out {run}.") from stop
    except torch.OutOfMemoryError as error:
        raise TrainError(
            "The device has too little memory; lower 'batch_size' and raise 'accumulate' by the same factor."
        ) from error
    return module


def _row_weights(head: Head, config: Config) -> Any:
    """Chance of every row for the balanced sampler, or None."""
    if config.balance != "sampler":
        return None
    return (head.targets * class_weights(head)).sum(axis=1).astype(np.float64)


def _trainer(run: Path, config: Config, say: Say) -> L.Trainer:
    """Lightning's loop for these settings; nothing is written yet.

    Raises:
        OptionError: the machine does not have the device, as many of them, or the precision.

    """
    try:
        return _loop(run, config, say)
    except MisconfigurationException as error:
        raise OptionError(f"This machine cannot train so: {str(error).splitlines()[0]}") from error


def _loop(run: Path, config: Config, say: Say) -> L.Trainer:
    from lightning.pytorch.loggers import TensorBoardLogger

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
        precision={"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[config.precision],
        max_epochs=config.total_epochs,
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.clip or None,
        callbacks=[Keeper(run, monitor, config.early_stop), Progress(run / METRICS, monitor, config.total_epochs, say)],
        plugins=[AtomicCheckpoints()],
        logger=TensorBoardLogger(str(run), name="tensorboard", version=""),
        log_every_n_steps=50,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )


def _open_run(run: Path, config: Config, record: dict[str, Any], resume: bool) -> None:
    """Make the run folder, or check that the run in it is the one to go on with."""
    if not main_process():
        return
    if resume:
        before = read_json(run / RECORD)
        if before.get("data", {}).get("sha256") != record["data"]["sha256"]:
            raise TrainError(f"The data have changed since {run} was started; train into a new folder.")
        if before.get("labels") != record["labels"]:
            raise TrainError(
                f"The run {run} was started with the labels {before.get('labels')}, the data now give "
                f"{record['labels']}; train into a new folder."
            )
        return
    refuse_existing(run)
    make_folder(run / "checkpoints")
    with atomic_write(run / CONFIG, "w") as file:
        file.write(to_toml(config))
    write_json(run / RECORD, record | {"state": "started"})

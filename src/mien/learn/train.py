"""One training run, from a data set to a run folder.

Puts the pieces together: splits without leaks, network, loop, and what follows it: the best epoch's weights,
calibration, model file, judgement of that file, report.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from mien.core.contract import Color
from mien.core.errors import OptionError, TrainError
from mien.data.manifest import Manifest
from mien.learn.augment import augmentation
from mien.learn.begin import check_data, open_run
from mien.learn.checkpoints import load_state
from mien.learn.clock import Clock
from mien.learn.config import Config
from mien.learn.dataset import CropTable
from mien.learn.distill import soft_targets, soften, teachers_of
from mien.learn.finish import finish
from mien.learn.leaks import Splits, prepared, split_for_training
from mien.learn.loop import fit, trainer_for
from mien.learn.models import Network, build, default_size
from mien.learn.pace import Pace
from mien.learn.plan import going_on, planned
from mien.learn.progress import Watch, quiet
from mien.learn.record import data_record, environment, sizes
from mien.learn.runfolder import (
    BEST,
    CONFIG,
    LAST,
    RECORD,
    main_process,
    read_json,
)
from mien.learn.settings import read_config
from mien.learn.starts import start_of
from mien.learn.stopping import Stop, announce
from mien.learn.targets import Head, heads_of
from mien.learn.weights import load_weights

__all__ = ["Outcome", "finish_run", "network_for", "resolve", "saved_config", "spent_s", "tables_for", "train"]

Say = Callable[[str], None]


def _say_nothing(_text: str) -> None:
    pass


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its folder, the epochs it ran, the best one, and the judgement on the validation split.

    `stopped` is the signal that ended the loop before its time, or 0.
    """

    run: Path
    epochs: int
    best_epoch: int
    validation: dict[str, Any]
    stopped: int = 0


def train(
    manifest: Manifest,
    config: Config,
    out: Path | str,
    *,
    resume: bool = False,
    say: Say = _say_nothing,
    watch: Watch = lambda _moment: None,
    since_s: float | None = None,
) -> Outcome:
    """Train a model and write the run folder.

    Ctrl-C and SIGTERM end the loop, and the best epoch so far is finished as a model; a second one ends at once.

    Args:
        manifest: the data set, with the splits "train" and "validation" (but see `Config.validation`); "test" is
            looked at for leaks only.
        config: settings.
        out: the run folder, which must not exist yet or be empty.
        resume: go on with the run in `out`, with the same data; epochs and minutes may differ from the run's so far.
        say: is given lines of progress and notices for a person.
        watch: is given the place inside an epoch, a few times a second.
        since_s: `time.monotonic` at which the minutes began, where that was before this call.

    Raises:
        TrainError: the data cannot be trained on, the run cannot be resumed, or the training diverged.
        OptionError: a setting that does not fit.
        OutputError: the folder holds something already, or cannot be written.

    """
    run, begun_s = Path(out), time.monotonic() if since_s is None else since_s
    if config.threads:
        torch.set_num_threads(config.threads)
    config = resolve(config)
    say = say if main_process() else _say_nothing
    manifest = prepared(manifest, config, run, say)
    splits = split_for_training(manifest, keep_leaks=config.keep_leaks)
    if splits.message():
        say(splits.message())
    tables = _tables(splits, config)
    teachers = teachers_of(config.teachers, tables[0].heads, config.size, config.color)
    # The network and the trainer before the folder is made: they may not be had.
    network = network_for(config, tables[0].heads)
    stop = Stop(announce)
    config, pace = _pace(config, network, tables, _Earlier.of(run, config) if resume else _Earlier(), begun_s, say)
    with quiet():
        trainer = trainer_for(run, config, stop, pace, say, watch)
    record = data_record(manifest, splits, config, tables[0])
    open_run(run, config, record, manifest, resume=resume)
    if teachers and config.teacher_views:  # takes minutes, so whatever can be refused has been by now
        tables = (_taught(tables[0], teachers, config, say), tables[1])
    stop.listen()
    try:
        with quiet():
            asked = None if config.teacher_views else teachers
            module = fit(run, trainer, network, config, tables, teachers=asked, stop=stop, pace=pace)
            if not main_process():
                return Outcome(run, len(module.history), 0, {})
            say("Finishing: calibration, model file, judgement, report.")
            record |= sizes(module.network, config, module.history) | {"environment": environment(str(module.device))}
            judged = module.judged
            done = finish(run, judged, module.history, manifest, tables[1].heads, config=config, record=record)
            return Outcome(run, *done, stopped=stop.signal)
    finally:
        stop.let_go()


def finish_run(manifest: Manifest, out: Path | str, *, say: Say = _say_nothing) -> Outcome:
    """Finish the best epoch so far of a run that was killed: calibration, model file, judgement, report.

    Args:
        manifest: the data set of the run.
        out: the run folder.
        say: is given lines for a person.

    Raises:
        TrainError: there is no run in the folder, none of its epochs is complete, or the data are others.

    """
    run = Path(out)
    config = resolve(saved_config(run))
    if not (run / BEST).is_file():
        raise TrainError(f"No epoch of {run} is complete, so there is nothing to finish; go on with --resume.")
    record = read_json(run / RECORD)
    manifest = prepared(manifest, config, run, say)
    check_data(run, record, manifest.digest, record["labels"])
    heads = heads_of(manifest.of_split("validation"), config.targets)
    network = network_for(dataclasses.replace(config, weights="", keep_start=0.0, pretrained=False), heads)
    history = load_state(run / (LAST if (run / LAST).is_file() else BEST))["mien_history"]
    say(f"Finishing {run} after {len(history)} of {config.total_epochs} epochs.")
    record |= sizes(network, config, history) | {"environment": environment("cpu")}
    with quiet():
        return Outcome(run, *finish(run, network, history, manifest, heads, config=config, record=record))


def spent_s(run: Path | str) -> float:
    """Seconds that the epochs of a run took so far; 0 where none is complete."""
    last = Path(run) / LAST
    return float(sum(row["seconds"] for row in load_state(last)["mien_history"])) if last.is_file() else 0.0


def saved_config(run: Path | str) -> Config:
    """Settings of a run that is to be resumed or finished.

    Raises:
        TrainError: there is no run in the folder.

    """
    path = Path(run) / CONFIG
    if not path.is_file():
        raise TrainError(f"There is no run in {run}: it has no {CONFIG}.")
    return read_config(path)


def resolve(config: Config) -> Config:
    """Settings with the size that the architecture is made for, where none is asked for.

    Weights of mien bring their architecture, unless another than the default is asked for.

    Raises:
        OptionError: no architecture or augmentation has such a name, a change to the augmentation is impossible, the
            crops would have to shrink to grow, or there is no start to keep.
        TrainError: there are no such weights, or they are damaged.

    """
    augmentation(config.augment, config.augmentation)  # checks both
    start = start_of(config.weights) if config.weights and config.model == Config().model else None
    if start is not None:
        config = dataclasses.replace(config, model=str(start.settings.get("model", config.model)))
    own = default_size(config.model)  # also checks the name
    config = config if config.size else dataclasses.replace(config, size=own)
    if config.grow_from > config.size:
        raise OptionError(f"'grow_from' must be at most the size, {config.size} px, got {config.grow_from}.")
    if config.keep_start and not config.weights:
        raise OptionError("'keep_start' is a share of the weights that a run starts from; name these with 'weights'.")
    return config


@dataclass(frozen=True)
class _Earlier:
    """What a run that is resumed has behind it: whole epochs, and its place in the schedule."""

    epochs: int = 0
    place: float = 0.0

    @classmethod
    def of(cls, run: Path, config: Config) -> _Earlier:
        if not (run / LAST).is_file():
            return cls()
        state = load_state(run / LAST)
        history = state["mien_history"]
        if not config.minutes and len(history) > config.total_epochs:
            raise TrainError(
                f"{run} has {len(history)} epochs already, more than {config.total_epochs}; ask for more with "
                f"--epochs, or finish it with mien train --finish {run}."
            )
        return cls(len(history), float(state.get("mien_place", len(history))))


def _pace(
    config: Config,
    network: Network,
    tables: tuple[CropTable, CropTable],
    earlier: _Earlier,
    begun_s: float,
    say: Say,
) -> tuple[Config, Pace]:
    """Settings with the epochs that the minutes allow, and the place where the run begins."""
    if not config.minutes:
        return config, Pace(config)
    if config.device in {"auto", "cpu"} and config.devices > 1:
        raise OptionError("'minutes' plans for one device; name the epochs for several.")
    left_s = config.minutes * 60 - (time.monotonic() - begun_s)
    schedule = planned(config, network, *tables, left_s)
    say(schedule.message)
    config = going_on(schedule.config, config.stages, earlier.place) if earlier.epochs else schedule.config
    return config, Pace(config, Clock(schedule.budget.loop_s), earlier.place)


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


def _taught(table: CropTable, networks: list[Network], config: Config, say: Say) -> CropTable:
    """The training table with its targets softened by the teachers."""
    say(f"Asking {len(networks)} teachers about {len(table)} pictures, {config.teacher_views} views each.")
    bf16 = config.precision == "bf16"
    said = soft_targets(networks, table.all_crops(), views=config.teacher_views, seed=config.seed, bf16=bf16)
    return table.with_heads(soften(table.heads, said, config.teacher_share))


def tables_for(manifest: Manifest, config: Config) -> tuple[CropTable, CropTable]:
    """Training and validation pictures with their targets, as a run of these settings has them.

    Raises:
        TrainError: the data cannot be trained on.

    """
    return _tables(split_for_training(manifest, keep_leaks=config.keep_leaks), config)


def network_for(config: Config, heads: Sequence[Head]) -> Network:
    """The network that a run of these settings begins with; seeds torch.

    Raises:
        OptionError, StoreError, TrainError: as `mien.learn.models.build`.

    """
    torch.manual_seed(config.seed)
    start = Path(config.weights) if config.weights and not config.keep_start else None
    network = build(
        config.model, {head.name: len(head.labels) for head in heads}, size=config.size,
        color=cast(Color, config.color), dropout=config.dropout, pretrained=config.pretrained, weights=start,
    )  # fmt: skip
    if config.keep_start:
        load_weights(network, config.weights)  # all of them, or the mean at the end would not be possible
    return network

"""Settings of a training run: defaults, and checks of what fits together; `mien.learn.settings` reads them from files.

Names of models and losses are checked where they are used.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from mien.core.contract import CropSpec
from mien.core.errors import OptionError, unknown_name
from mien.core.text import whole_number

__all__ = ["Config", "Stage"]


@dataclass(frozen=True)
class Stage:
    """One part of a staged schedule.

    Args:
        freeze: as `Config.freeze`.
        epochs: length.
        lr: learning rate at its highest; 0 takes that of the run.

    """

    freeze: str = "none"
    epochs: int = 1
    lr: float = 0.0


@dataclass(frozen=True)
class Config:
    """Everything that decides a training run, besides the data.

    Args:
        model: name of the architecture.
        size: side of the crops in pixels; 0 takes the architecture's own.
        grow_from: side of the crops at the start of the run; it grows to `size` over the first 60 % of the epochs, in
            steps of 8 pixels, which saves a quarter of the time (Howard's progressive resizing, DAWNBench 2018;
            measured in dev/log.md). 0 trains at `size` throughout.
        color: "gray" or "rgb".
        margin, shift_y: how the model file wants faces to be cut, see `CropSpec`; pictures of a data set are taken
            whole. The defaults frame a detected face as FER-2013 does.
        dropout: share of features dropped in front of the head.
        pretrained: start from weights that timm fetches.
        weights: trained weights to start from instead: a name that comes with mien, the folder of a run, or a file.
        keep_start: share of those weights in the ones that the run leaves, which are then the mean of both, so that a
            short run on other pictures keeps more of what was learnt before (Wortsman et al. 2022).
        classes: keep only these classes; empty keeps all.
        labels: what numbers as names mean, as `mien.data.named_labels` takes it; "" where names stand for themselves.
        subject: who is in each picture, as `mien.data.read` takes it; for a validation split without people in two.
        validation: share of the training pictures that is taken out for validation, where the data have no such split.
        folds: cross-validate: so many models, each judged on a fold of its own (`mien.learn.folds`); 0 trains one.
        fold: train the model of this fold alone, from 1; 0 trains all folds.
        license: licence of the weights (an SPDX name) for the model file; "" leaves it unstated.
        targets: "hard" labels, "votes" (distributions of raters), or "both" (one head each on one trunk).
        balance: "none", "weights" (loss by inverse class frequency) or "sampler" (classes drawn equally often).
        keep_leaks: train also on pictures that occur in the validation or test split.
        sample: train on so many pictures at most, drawn by the seed; 0 takes all.
        augment: name of an augmentation preset.
        augmentation: single values that differ from the preset.
        label_smoothing: share of a hard target that is spread over all classes.
        vote_share: weight of what raters' votes say about a hard label against the label itself
            (`mien.learn.raters`); for data sets that have both.
        teachers: folders of finished runs whose answers soften the targets (`mien.learn.distill`).
        teacher_share: weight of the teachers' answers against labels and votes.
        teacher_views: how many views of every picture the teachers are asked about, once, before the run; 0 asks them
            at every step about the changed pictures that the student sees, which teaches more and takes longer.
        optimizer: "sgd" (Nesterov) or "adamw".
        lr: learning rate at its highest.
        momentum: of SGD, or the first beta of AdamW.
        weight_decay: not applied to batch norm and biases.
        schedule: "cosine", "one-cycle", "plateau" or "constant".
        warmup: epochs of linear rise before "cosine" (at most half of the run or stage) and "constant".
        patience: epochs without a better monitored figure before "plateau" halves the rate.
        epochs: length of the run; staged runs take the sum of their stages.
        minutes: time for the whole run, from reading the data to the report; the epochs are counted out from what a
            step takes, and the learning rate follows the time. 0 runs the epochs, however long they take.
        batch_size: pictures per step and device.
        accumulate: batches per step of the optimiser.
        clip: largest norm of the gradient; 0 clips nothing.
        ema: decay of the exponential moving average of the weights; 0 keeps none.
        early_stop: epochs without a better monitored figure before the run stops; 0 never stops.
        monitor: "accuracy", "macro_f1", "balanced_accuracy" or "log_loss" on the validation split.
        freeze: "none", "head-only", or N: only the last N layers of the trunk and the head learn.
        stages: parts of a staged schedule; empty is one stage. With `minutes` their epochs are shares of the time.
        seed: of everything random.
        precision: "32", "bf16" or "16"; "auto" takes the faster of "32" and "bf16" where a run has minutes, else "32".
        device: "auto", "cpu", "gpu" or "mps".
        devices: how many; 0 takes all.
        nodes: machines.
        threads: processor threads of torch; 0 leaves torch's choice.
        logger: where figures go beside metrics.csv: "tensorboard", "csv", "wandb" or "mlflow" (`mien.learn.loggers`).
        workers: processes that load pictures which do not fit into memory.
        report_pictures: show pictures of the validation split in the report, those that were called wrong.

    """

    model: str = "mien-s"
    size: int = 0
    grow_from: int = 0
    color: str = "gray"
    margin: float = CropSpec.margin
    shift_y: float = CropSpec.shift_y
    dropout: float = 0.2
    pretrained: bool = False
    weights: str = ""
    keep_start: float = 0.0
    classes: tuple[str, ...] = ()
    labels: str = ""
    subject: str = ""
    validation: float = 0.0
    folds: int = 0
    fold: int = 0
    license: str = ""
    targets: str = "hard"
    balance: str = "none"
    keep_leaks: bool = False
    sample: int = 0
    augment: str = "standard"
    augmentation: Mapping[str, float] = field(default_factory=dict)
    label_smoothing: float = 0.1
    vote_share: float = 0.0
    teachers: tuple[str, ...] = ()
    teacher_share: float = 0.7
    teacher_views: int = 4
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    warmup: float = 1.0
    patience: int = 5
    epochs: int = 60
    minutes: float = 0.0
    batch_size: int = 128
    accumulate: int = 1
    clip: float = 0.0
    ema: float = 0.999
    early_stop: int = 0
    monitor: str = "accuracy"
    freeze: str = "none"
    stages: tuple[Stage, ...] = ()
    seed: int = 0
    precision: str = "32"
    device: str = "auto"
    devices: int = 0
    nodes: int = 1
    threads: int = 0
    workers: int = 2
    logger: str = "tensorboard"
    report_pictures: bool = True

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_ranges(self)
        _check_schedule(self)
        _check_folds(self)

    @property
    def plan(self) -> tuple[Stage, ...]:
        """The stages of the run, with their learning rates; one for a run without stages."""
        if not self.stages:
            return (Stage(self.freeze, self.epochs, self.lr),)
        return tuple(dataclasses.replace(s, lr=s.lr or self.lr) for s in self.stages)

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.plan)

    def of_length(self, epochs: int) -> Config:
        """The same run with so many epochs; the last stage takes the difference.

        Raises:
            OptionError: nothing would be left of the last stage.

        """
        if not self.stages:
            return dataclasses.replace(self, epochs=epochs)
        *earlier, last = self.stages
        begun = sum(stage.epochs for stage in earlier)
        if epochs <= begun:
            raise OptionError(
                f"The run has stages of {' and '.join(str(stage.epochs) for stage in self.stages)} epochs; another "
                f"length moves the end of the last one, so ask for more than {begun}, got {epochs}."
            )
        return dataclasses.replace(self, stages=(*earlier, dataclasses.replace(last, epochs=epochs - begun)))

    def scaled(self, epochs: int) -> Config:
        """The same run with about so many epochs; each stage keeps its share of them, and one epoch at least."""
        total = self.total_epochs
        stages = tuple(
            dataclasses.replace(stage, epochs=max(round(epochs * stage.epochs / total), 1)) for stage in self.stages
        )
        return dataclasses.replace(self, epochs=epochs, stages=stages)


_CHOICES: dict[str, tuple[str, ...]] = {
    "color": ("gray", "rgb"),
    "targets": ("hard", "votes", "both"),
    "balance": ("none", "weights", "sampler"),
    "optimizer": ("sgd", "adamw"),
    "schedule": ("cosine", "one-cycle", "plateau", "constant"),
    "monitor": ("accuracy", "macro_f1", "balanced_accuracy", "log_loss"),
    "precision": ("auto", "32", "bf16", "16"),
    "logger": ("tensorboard", "csv", "wandb", "mlflow"),
    "device": ("auto", "cpu", "gpu", "mps"),
}

_SMALLEST = 8
"""Pixels of a crop's side below which there is no model file (docs/model-format.md)."""

# Name: (lowest, highest) value.
_RANGES: dict[str, tuple[float, float]] = {
    "size": (0, 1024), "grow_from": (0, 1024), "margin": (0.5, 4), "shift_y": (-1, 1), "dropout": (0, 0.95),
    "sample": (0, math.inf), "keep_start": (0, 1), "label_smoothing": (0, 0.9), "vote_share": (0, 1),
    "teacher_share": (0, 1), "teacher_views": (0, 1024), "lr": (1e-9, 100), "momentum": (0, 0.9999),
    "weight_decay": (0, 10), "warmup": (0, math.inf), "minutes": (0, 100_000), "validation": (0, 0.5),
    "patience": (1, math.inf), "epochs": (1, 100_000), "batch_size": (1, 65_536),
    "accumulate": (1, 65_536), "clip": (0, math.inf), "ema": (0, 0.999999), "early_stop": (0, math.inf),
    "folds": (0, 100), "fold": (0, 100),
    "seed": (0, 2**31 - 1), "devices": (0, 4096), "nodes": (1, 4096), "threads": (0, 4096), "workers": (0, 256),
}  # fmt: skip


def _check_choices(config: Config) -> None:
    for key, known in _CHOICES.items():
        if getattr(config, key) not in known:
            raise OptionError(unknown_name(f"value of {key!r}", str(getattr(config, key)), known))
    for freeze in (config.freeze, *(stage.freeze for stage in config.stages)):
        if freeze not in {"none", "head-only"} and not whole_number(freeze):
            raise OptionError(
                f'\'freeze\' must be "none", "head-only" or how many of the last layers learn, got {freeze!r}.'
            )


def _check_ranges(config: Config) -> None:
    for key, (low, high) in _RANGES.items():
        value = getattr(config, key)
        if not (math.isfinite(value) and low <= value <= high):
            limits = f"lie in {low}..{high}" if math.isfinite(high) else f"be {low} or more"
            raise OptionError(f"{key!r} must {limits}, got {value}.")
    if 0 < config.size < _SMALLEST:
        raise OptionError(f"'size' must be 0 (the model's own) or at least {_SMALLEST} pixels, got {config.size}.")
    for stage in config.stages:
        if stage.epochs < 1 or stage.lr < 0 or not math.isfinite(stage.lr):
            raise OptionError(
                "A stage needs epochs of at least 1 and a learning rate of at least 0, got "
                f"epochs = {stage.epochs}, lr = {stage.lr:g}."
            )


def _check_schedule(config: Config) -> None:
    """Refuse a schedule that never changes the rate although its name promises it."""
    epochs = config.total_epochs
    if config.schedule == "plateau" and config.stages:
        raise OptionError("The schedule 'plateau' does not go with stages; take 'cosine', 'one-cycle' or 'constant'.")
    if config.minutes and config.schedule == "plateau":
        raise OptionError("'minutes' plans the whole schedule; take 'cosine', 'one-cycle' or 'constant'.")
    if config.schedule == "plateau" and config.patience >= epochs:
        raise OptionError(
            f"The schedule 'plateau' would never step: its patience of {config.patience} epochs is not shorter than "
            f"the run of {epochs}; lower 'patience' or raise 'epochs'."
        )
    if config.schedule == "plateau" and 0 < config.early_stop <= config.patience:
        raise OptionError(
            f"The schedule 'plateau' would never step: the run stops after {config.early_stop} epochs without a "
            f"better figure, the rate falls after {config.patience}; raise 'early_stop' above 'patience'."
        )


def _check_folds(config: Config) -> None:
    if config.folds == 1 or config.fold > config.folds:
        raise OptionError(
            f"'folds' must be 0 or at least 2, and 'fold' at most 'folds'; got folds = {config.folds}, fold = "
            f"{config.fold}."
        )
    if config.folds and config.validation:
        raise OptionError("'folds' makes validation splits of its own; leave out 'validation'.")

"""Settings of a run that starts from trained weights: what few pictures need, where nobody asks for something else.

The new head learns alone first, on the frozen trunk (its first gradients would spoil what the trunk knows, Kumar et al.
2022); then all of it, slowly. Loads no torch. How the figures were chosen stands in dev/log.md (2026-11-26).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.core.text import counted
from mien.data.manifest import Manifest
from mien.learn.config import Config, Stage
from mien.learn.settings import OF_TRAINED_WEIGHTS, config_from
from mien.learn.starts import Start, start_of

__all__ = ["learning_from", "photographs", "taught", "teaching_settings", "told"]

_HEAD_LR = 0.05
_LOWEST, _HIGHEST = 0.001, 0.02  # learning rate of the whole network
_PER_PICTURE = 5e-6  # of that rate, between the two
_EPOCHS = 8
_BATCHES = ((500, 16), (2000, 32), (8000, 64))  # up to so many pictures, batches of so many
_LARGE_BATCH = 128
_SQUARE = 1.25  # longer by shorter side, up to which a picture may be a face crop
_FEW = 2000  # pictures up to which a fifth validates, else a tenth
_WHO = {"head-only": "the new head alone", "none": "the whole network"}


def teaching_settings(start: Start, given: Mapping[str, Any], pictures: int, *, has_validation: bool) -> dict[str, Any]:
    """Settings for fine-tuning, to be changed by those that the caller gave.

    Args:
        start: the weights.
        given: what the caller asks for, by name.
        pictures: to learn from, before a validation split is taken out.
        has_validation: whether the data have such a split.

    """
    lr = min(max(pictures * _PER_PICTURE, _LOWEST), _HIGHEST)
    values: dict[str, Any] = {
        **start.settings,
        "weights": start.name,
        "lr": lr,
        "weight_decay": 1e-4,
        "warmup": 0.5,
        "ema": 0.95,
        "batch_size": next((size for most, size in _BATCHES if pictures <= most), _LARGE_BATCH),
        "augment": "standard",
        "monitor": "log_loss",
        "grow_from": 0,
        "epochs": int(given.get("epochs", _EPOCHS)),
    }
    if not has_validation and not given.get("validation"):
        values["validation"] = 0.2 if pictures <= _FEW else 0.1
    if given.get("minutes"):
        values["epochs"] = 2  # each stage has half of the time
    if given.get("freeze", "none") != "none":
        return values | {"lr": _HEAD_LR}
    if not given.get("stages") and given.get("schedule") != "plateau" and values["epochs"] > 1:
        first = values["epochs"] // 2
        head = Stage("head-only", first, 0.0 if "lr" in given else _HEAD_LR)
        values["stages"] = (head, Stage("none", values["epochs"] - first))
    return values


def told(config: Config, pictures: int) -> str:
    """What fine-tuning does, and how to change it, as a sentence or two.

    Args:
        config: the settings, resolved.
        pictures: to learn from, before a validation split is taken out.

    """
    parts = [
        f"{_length(config, stage)} of {_learning(stage)} at a learning rate of {stage.lr:g}" for stage in config.plan
    ]
    taken = f", {config.validation:.0%} of them taken out for validation" if config.validation else ""
    return (
        f"Fine-tuning {config.weights} on {counted(pictures, 'picture')}{taken}: {', then '.join(parts)}; batches of "
        f"{config.batch_size}, weight decay {config.weight_decay:g}, pictures changed by '{config.augment}', the best "
        f"epoch by {config.monitor}. What you name yourself is taken instead: --epochs 20, --lr 0.01, --freeze "
        "head-only, --set batch_size=32, or a whole recipe by --config."
    )


def _length(config: Config, stage: Stage) -> str:
    if not config.minutes:
        return counted(stage.epochs, "epoch")
    share = stage.epochs / config.total_epochs
    return f"{config.minutes:g} minutes" if share == 1 else f"{share:.0%} of {config.minutes:g} minutes"


def _learning(stage: Stage) -> str:
    return _WHO.get(stage.freeze, f"the last {stage.freeze} layers and the head")


def learning_from(manifest: Manifest) -> int:
    """Pictures that a run may learn from, with those that it will take out for validation."""
    counts = manifest.split_counts()
    return counts.get("train", 0) or (counts.get("", 0) if set(counts) == {""} else 0)


def taught(layers: Sequence[tuple[Mapping[str, Any], str]], manifest: Manifest) -> tuple[Config, str]:
    """The settings of a run, with those for fine-tuning below them where it starts from trained weights.

    Args:
        layers: what was asked for, later ones win; see `mien.learn.settings.from_layers`.
        manifest: the data set, not yet decoded.

    Returns:
        The settings, and a line about them for a person, or "".

    Raises:
        OptionError: settings that do not fit.
        TrainError: there are no such weights, or they are damaged.

    """
    given = {key: value for values, _ in layers for key, value in values.items()}
    start = start_of(str(given["weights"])) if given.get("weights") else None
    if start is None or given.get("keep_start") or given.get("teachers"):
        return config_from(layers), ""
    pictures = learning_from(manifest)
    base = teaching_settings(start, given, pictures, has_validation=bool(manifest.split_counts().get("validation")))
    config = config_from([(base, OF_TRAINED_WEIGHTS), *layers])
    return config, told(config, pictures)


def photographs(manifest: Manifest) -> str:
    """A warning where most pictures are no face crops, since they are taken whole; "" where they are.

    Args:
        manifest: a data set whose pictures have been looked at.

    """
    height, width = manifest.stats.shapes[:, 0], manifest.stats.shapes[:, 1]
    odd = float(np.mean(np.maximum(height, width) > _SQUARE * np.minimum(height, width)))
    if odd <= 0.5:
        return ""
    return (
        f"{odd:.0%} of the pictures are not square. Pictures are taken whole, as face crops; if these are photographs, "
        "cut the faces out first: mien data crop SOURCE FACES."
    )

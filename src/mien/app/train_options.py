"""The options of `mien train` that are settings of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["SETTINGS", "settings"]

_F = TypeVar("_F", bound=Callable[..., Any])

# Options whose name and meaning are those of a setting; without a value the configuration file or the default decides.
SETTINGS: tuple[tuple[str, Any, str], ...] = (
    ("model", str, "ann, cnn, mien-xs, mien-s, mien-s2, mien-s3, mien-m, mien-l, mobilenetv2, resnet50v2, vgg16, "
                   "densenet121, densenet169, efficientnet_b0, or timm:NAME."),
    ("size", int, "Side of the crops in pixels; 0 takes the model's own."),
    ("color", str, "gray or rgb."),
    ("weights", str, "Weights to start from: wild, fer2013, the folder of a run, or timm's file for a timm model. Then "
                     "settings for fine-tuning hold where you name no others."),
    ("freeze", str, "none, head-only, or N: only the last N layers and the head learn."),
    ("validation", float, "Share of the training pictures to take out for validation, such as 0.1, where there is no "
                          "such split."),
    ("folds", int, "Cross-validate: so many models, each tested on pictures that it did not see."),
    ("labels", str, "What numbers as class names mean: raf-db, affectnet, expw, names in order, or 1=sad,2=happy."),
    ("subject", str, "Who is in a picture: a pattern with a group, such as 'S(\\d+)', or a column."),
    ("license", str, "Licence of the weights, an SPDX name, for the model file.  [default: not stated]"),
    ("targets", str, "hard labels, votes, or both (one head each)."),
    ("balance", str, "none, weights (of the loss) or sampler."),
    ("augment", str, "Preset: none, flip, light, standard, strong."),
    ("label-smoothing", float, "Share of a hard target that is spread over all classes."),
    ("optimizer", str, "sgd (Nesterov) or adamw."),
    ("lr", float, "Learning rate at its highest."),
    ("weight-decay", float, "Weight decay, not on batch norm and biases."),
    ("schedule", str, "cosine, one-cycle, plateau or constant."),
    ("epochs", int, "Length of the run."),
    ("minutes", float, "Time for the whole run, reading and report included, instead of --epochs."),
    ("batch-size", int, "Pictures per step and device."),
    ("accumulate", int, "Batches per step of the optimiser."),
    ("dropout", float, "Share of features dropped in front of the head."),
    ("ema", float, "Decay of the moving average of the weights; 0 keeps none."),
    ("early-stop", int, "Epochs without a better figure before the run stops; 0 never stops."),
    ("monitor", str, "Figure that chooses the epoch: accuracy, macro_f1, balanced_accuracy or log_loss."),
    ("sample", int, "Train on so many pictures at most."),
    ("logger", str, "Where figures go beside metrics.csv: tensorboard, csv, wandb or mlflow, all on this machine."),
    ("seed", int, "Seed of everything random."),
    ("precision", str, "32, bf16 or 16."),
    ("device", str, "auto, cpu, gpu or mps."),
    ("devices", int, "How many devices; 0 takes all."),
    ("nodes", int, "Machines."),
    ("threads", int, "Processor threads; 0 leaves the choice to torch."),
)  # fmt: skip


def settings(function: _F) -> _F:
    """Give a command all of them."""
    for name, kind, text in reversed(SETTINGS):
        function = click.option(f"--{name}", type=kind, default=None, help=text)(function)
    return function

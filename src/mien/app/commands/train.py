"""`mien train`: a data set in, a run folder out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mien.core.errors import OptionError
from mien.core.text import counted

if TYPE_CHECKING:
    from mien.learn.config import Config

__all__ = ["command"]

_F = TypeVar("_F", bound=Callable[..., Any])

# Options whose name and meaning are those of a setting; without a value the configuration file or the default decides.
_SETTINGS: tuple[tuple[str, Any, str], ...] = (
    ("model", str, "ann, cnn, mien-xs, mien-s, mien-s2, mien-s3, mien-m, mien-l, mobilenetv2, resnet50v2, vgg16, "
                   "densenet121, densenet169, efficientnet_b0, or timm:NAME."),
    ("size", int, "Side of the crops in pixels; 0 takes the model's own."),
    ("color", str, "gray or rgb."),
    ("weights", str, "File of weights to start from: a run's model.safetensors, or timm's for a timm model."),
    ("freeze", str, "none, head-only, or N: only the last N layers and the head learn."),
    ("targets", str, "hard labels, votes, or both (one head each)."),
    ("balance", str, "none, weights (of the loss) or sampler."),
    ("augment", str, "Preset: none, flip, light, standard, strong."),
    ("label-smoothing", float, "Share of a hard target that is spread over all classes."),
    ("optimizer", str, "sgd (Nesterov) or adamw."),
    ("lr", float, "Learning rate at its highest."),
    ("weight-decay", float, "Weight decay, not on batch norm and biases."),
    ("schedule", str, "cosine, one-cycle, plateau or constant."),
    ("epochs", int, "Length of the run."),
    ("batch-size", int, "Pictures per step and device."),
    ("accumulate", int, "Batches per step of the optimiser."),
    ("dropout", float, "Share of features dropped in front of the head."),
    ("ema", float, "Decay of the moving average of the weights; 0 keeps none."),
    ("early-stop", int, "Epochs without a better figure before the run stops; 0 never stops."),
    ("monitor", str, "Figure that chooses the epoch: accuracy, macro_f1, balanced_accuracy or log_loss."),
    ("sample", int, "Train on so many pictures at most."),
    ("seed", int, "Seed of everything random."),
    ("precision", str, "32, bf16 or 16."),
    ("device", str, "auto, cpu, gpu or mps."),
    ("devices", int, "How many devices; 0 takes all."),
    ("nodes", int, "Machines."),
    ("threads", int, "Processor threads; 0 leaves the choice to torch."),
)  # fmt: skip


def _settings(function: _F) -> _F:
    for name, kind, text in reversed(_SETTINGS):
        function = click.option(f"--{name}", type=kind, default=None, help=text)(function)
    return function


@click.command()
@click.argument("source")
@click.option("--out", required=True, metavar="RUN", help="Folder of the run.")
@click.option("--config", "configs", multiple=True, metavar="TOML", help="File of settings; later ones win.")
@click.option("--classes", help="Keep only these classes: happy,sad,neutral.")
@click.option("--pretrained", is_flag=True, default=None, help="Start from weights that timm fetches.")
@click.option(
    "--keep-leaks", is_flag=True, default=None, help="Train also on pictures of the validation or test split."
)
@click.option(
    "--set",
    "extra",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other setting, as in the TOML file: warmup=0, augmentation.rotate=20.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in the folder, with its settings.")
@_settings
def command(source: str, out: str, resume: bool, **options: Any) -> None:
    """Train a model on the data set SOURCE and write everything about it into the folder RUN.

    Settings come from the defaults, then from files (--config), then from options; docs/training.md explains each.
    The epoch and the calibration are chosen on the validation split; the test split is not read, except to keep its
    pictures out of training.
    """
    from mien.app.terminal import notice, progress
    from mien.data import read
    from mien.data.formats import refuse_inside
    from mien.learn.runfolder import refuse_existing
    from mien.learn.train import resolve, saved_config, train

    if resume:
        _check_resume(options)
        config = saved_config(out)
    else:
        config = resolve(_config(options))
        refuse_existing(out)
        refuse_inside(Path(out), Path(source))
    with progress(f"Reading {source}", None, "pictures") as advance:
        manifest = read(source, advance=advance)
    if manifest.unreadable:
        count = counted(len(manifest.unreadable), "picture")
        notice(f"{count} cannot be read, left out; the first: {': '.join(manifest.unreadable[0])}.")
    if manifest.passed:
        notice(f"Files that are no part of the data set, {manifest.passed}.")
    outcome = train(manifest, config, out, resume=resume, say=_say)
    if outcome.validation:
        click.echo(
            f"{outcome.run}: best epoch {outcome.best_epoch} of {outcome.epochs}; validation accuracy "
            f"{outcome.validation['accuracy']:.4f}, macro-F1 {outcome.validation['macro_f1']:.4f}, "
            f"log-loss {outcome.validation['log_loss']:.4f}, ECE {outcome.validation['ece']:.4f}"
        )
        click.echo(f"Report: {outcome.run / 'report.html'}")


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()


def _check_resume(options: Mapping[str, Any]) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise OptionError(
            f"--resume goes on with the settings of the run; leave out --{given[0].replace('_', '-')}, or train anew."
        )


def _config(options: Mapping[str, Any]) -> Config:
    from mien.learn.settings import from_layers, read_toml

    layers = [(read_toml(path), str(path)) for path in options["configs"]]
    known = [name.replace("-", "_") for name, _, _ in _SETTINGS]
    values = {name: options[name] for name in (*known, "pretrained", "keep_leaks") if options[name] is not None}
    if options["classes"]:
        values["classes"] = tuple(name.strip() for name in options["classes"].split(","))
    return from_layers([*layers, (values, "the command line"), *_extra(options["extra"])])


def _extra(pairs: tuple[str, ...]) -> list[tuple[dict[str, Any], str]]:
    """Settings from KEY=VALUE, the value as TOML (a word needs no quotes); TABLE.KEY=VALUE names an entry of a table.

    Each is a layer of its own for `mien.learn.settings.from_layers`.
    """
    import tomllib

    layers: list[tuple[dict[str, Any], str]] = []
    for pair in pairs:
        key, mark, text = pair.partition("=")
        if not mark or not key.strip():
            raise OptionError(f"--set expects KEY=VALUE, got {pair!r}.")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            value = text
        table, dot, entry = key.strip().partition(".")
        layers.append(({table: {entry: value} if dot else value}, "--set"))
    return layers

"""`mien train`: a data set in, a run folder out."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.app.train_options import SETTINGS, settings
from mien.core.errors import OptionError
from mien.core.text import counted

if TYPE_CHECKING:
    from mien.data.manifest import Manifest
    from mien.learn.config import Config
    from mien.learn.train import Outcome

__all__ = ["command"]


@click.command()
@click.argument("source", default="")
@click.option("--out", default="", metavar="RUN", help="Folder of the run.")
@click.option("--config", "configs", multiple=True, metavar="TOML", help="File of settings; later ones win.")
@click.option("--classes", help="Keep only these classes: happy,sad,neutral.")
@click.option("--pretrained", is_flag=True, default=None, help="Start from weights that timm fetches.")
@click.option(
    "--keep-leaks", is_flag=True, default=None, help="Train also on pictures of the validation or test split."
)
@click.option(
    "--no-pictures",
    "report_pictures",
    flag_value=False,
    type=bool,
    default=None,
    help="Leave pictures of the data set out of the report.",
)
@click.option(
    "--set",
    "extra",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other setting, as in the TOML file: warmup=0, augmentation.rotate=20.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in the folder; only --epochs or --minutes may change.")
@click.option(
    "--find-lr",
    default="",
    metavar="PNG",
    help="Test learning rates and draw them into this file; with --out, train with the one that is suggested.",
)
@click.option("--finish", default="", metavar="RUN", help="Make a model of the best epoch so far of a killed run.")
@settings
def command(source: str, out: str, resume: bool, find_lr: str, finish: str, **options: Any) -> int:
    """Train a model on the data set SOURCE and write everything about it into the folder RUN.

    Settings come from the defaults, then from files (--config), then from options; docs/training.md explains each.
    The epoch and the calibration are chosen on the validation split; the test split is not read, except to keep its
    pictures out of training. Ctrl-C makes a model of the best epoch so far; a second one ends at once.
    """
    since_s = time.monotonic()
    if finish:
        return _finish(finish, source, options | {"out": out, "resume": resume})
    if find_lr:
        _refuse({"resume": resume}, "--find-lr is for new runs")
        options |= {"lr": _rate_for(source, out, find_lr, options)}
        if not out:
            return 0
    if not out or not (source or resume):
        raise click.UsageError("mien train needs SOURCE and --out RUN.")
    if resume:
        config, since_s = _resumed(out, options, since_s)
        source = source or _source_of(out)
    else:
        config = _new_run(source, out, options)
    from mien.app.training_view import training_view
    from mien.learn.train import resolve

    config = resolve(config)
    manifest = _read(source, config)
    with training_view() as watch:
        how = {"resume": resume, "say": _say, "watch": watch, "since_s": since_s}
        try:
            stopped = (
                _cross_validated(manifest, config, out, how)
                if _all_folds(config)
                else _trained(manifest, config, out, how)
            )
        except KeyboardInterrupt:
            _tell_how_to_go_on(out)
            raise
    return 128 + stopped if stopped else 0


def _trained(manifest: Manifest, config: Config, out: str, how: Mapping[str, Any]) -> int:
    from mien.learn.train import train

    outcome = train(manifest, config, out, **how)
    _tell(outcome)
    return outcome.stopped


def _cross_validated(manifest: Manifest, config: Config, out: str, how: Mapping[str, Any]) -> int:
    from mien.app.folds import tell
    from mien.learn.folds import train_folds

    outcome = train_folds(manifest, config, out, **how)
    tell(outcome)
    return outcome.stopped


def _all_folds(config: Config) -> bool:
    return config.folds > 0 and not config.fold


def _tell_how_to_go_on(run: str) -> None:
    from mien.app.terminal import notice
    from mien.learn.runfolder import FOLDS_FILE, LAST

    if (Path(run) / LAST).is_file() or (Path(run) / FOLDS_FILE).is_file():
        notice(f"Make a model of what there is with --finish {run}, or go on with --resume.")


def _new_run(source: str, out: str, options: Mapping[str, Any]) -> Config:
    """Settings of a new run, after whatever can be refused without decoding a picture or loading torch."""
    from mien.data import read
    from mien.data.carve import refuse_without_validation
    from mien.data.formats import refuse_inside
    from mien.learn.runfolder import refuse_existing

    config = _config(options)
    refuse_existing(out)
    refuse_inside(Path(out), Path(source))
    manifest = read(source, labels=config.labels, subject=config.subject, check=False)
    if config.weights and not options["configs"]:
        from mien.learn.teaching import taught

        config, text = taught(_layers(options), manifest)
        if text:
            click.echo(text)
    if not config.folds:
        refuse_without_validation(manifest, config.validation)
    return config


def _finish(run: str, source: str, options: Mapping[str, Any]) -> int:
    _refuse(options, "--finish takes the run as it is")
    from mien.learn.train import finish_run, saved_config

    config = saved_config(run)
    manifest = _read(source or _source_of(run), config)
    if _all_folds(config):
        from mien.app.folds import tell
        from mien.learn.folds import finish_folds

        tell(finish_folds(manifest, run, say=_say))
    else:
        _tell(finish_run(manifest, run, say=_say))
    return 0


def _rate_for(source: str, out: str, png: str, options: Mapping[str, Any]) -> float:
    """The learning rate that a test of them suggests; draws the test."""
    from mien.app.rates import test_rates

    if not source:
        raise click.UsageError("mien train --find-lr needs SOURCE.")
    config = _new_run(source, out, options) if out else _config(options)
    return test_rates(lambda: _read(source, config), config, Path(png))


def _source_of(run: str) -> str:
    """The data set that a run was started on, as it was named then."""
    from mien.learn.runfolder import RECORD, read_json

    return str(read_json(Path(run) / RECORD)["data"]["source"])


def _read(source: str, config: Config) -> Manifest:
    from mien.app.terminal import notice, progress
    from mien.data import read
    from mien.learn.teaching import photographs

    with progress(f"Reading {source}", None, "pictures") as advance:
        manifest = read(source, labels=config.labels, subject=config.subject, advance=advance)
    if manifest.unreadable:
        count = counted(len(manifest.unreadable), "picture")
        notice(f"{count} cannot be read, left out; the first: {': '.join(manifest.unreadable[0])}.")
    if manifest.passed:
        notice(f"Files that are no part of the data set, {manifest.passed}.")
    if text := photographs(manifest):
        notice(text)
    return manifest


def _tell(outcome: Outcome) -> None:
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


def _resumed(out: str, options: Mapping[str, Any], since_s: float) -> tuple[Config, float]:
    """Settings of a run that goes on, and when its minutes began: with new minutes now, else when it was started."""
    epochs, minutes = options["epochs"], options["minutes"]
    if epochs and minutes:
        raise OptionError("--epochs and --minutes each say how long a run goes on; give one of them.")
    _refuse({k: v for k, v in options.items() if k not in {"epochs", "minutes"}}, "--resume keeps the run's settings")
    from mien.learn.train import saved_config

    config = saved_config(out)
    if epochs and _all_folds(config):
        raise OptionError(f"The folds of {out} keep their epochs, or they would not compare; train anew with more.")
    if epochs:
        config = dataclasses.replace(config.of_length(epochs), minutes=0.0)
    elif minutes:
        config = dataclasses.replace(config, minutes=minutes)
    elif config.minutes:
        since_s -= _spent_s(out, config)
    return config, since_s


def _spent_s(out: str, config: Config) -> float:
    from mien.learn.folds import seconds_of_folds
    from mien.learn.train import spent_s

    return seconds_of_folds(out) if _all_folds(config) else spent_s(out)


def _refuse(options: Mapping[str, Any], why: str) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        option = {"configs": "config", "extra": "set"}.get(given[0], given[0]).replace("_", "-")
        raise OptionError(f"{why}; leave out --{option}, or train anew.")


def _config(options: Mapping[str, Any]) -> Config:
    from mien.learn.settings import config_from

    return config_from(_layers(options))


def _layers(options: Mapping[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """What was asked for, by files and options, each with its origin; later ones win."""
    from mien.learn.settings import read_toml

    layers = [(read_toml(path), str(path)) for path in options["configs"]]
    known = [name.replace("-", "_") for name, _, _ in SETTINGS]
    flags = ("pretrained", "keep_leaks", "report_pictures")
    values = {name: options[name] for name in (*known, *flags) if options[name] is not None}
    if options["classes"]:
        values["classes"] = tuple(name.strip() for name in options["classes"].split(","))
    return [*layers, (values, "the command line"), *_extra(options["extra"])]


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

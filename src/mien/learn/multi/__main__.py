"""`python -m mien.learn.multi`: train on several data sets by a recipe, then write the model files."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import click

from mien.core.errors import MienError
from mien.learn.multi.heads import release_heads
from mien.learn.multi.recipe import read_recipe
from mien.learn.multi.refit import refit
from mien.learn.multi.release import release
from mien.learn.multi.run import run_recipe


@click.group()
def cli() -> None:
    """Train one trunk on several data sets, with a head for every label set."""


@cli.command()
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run; an old run goes on.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Instead of the recipe's.")
def train(recipe: Path, out: Path, minutes: float | None) -> None:
    """Train by the RECIPE; says first what it will cost."""
    plan = read_recipe(recipe)
    if minutes is not None:
        plan = dataclasses.replace(plan, minutes=minutes)
    run_recipe(plan, out, _say)


@cli.command("release")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the model files.")
@click.option("--name", default="wild", show_default=True)
@click.option("--license", "license_", default="MIT", show_default=True, help="What the files say of rights.")
@click.option("--least-accuracy", type=click.FloatRange(0, 1), default=0.0, help="Of the blend, on the first data set.")
def release_command(recipe: Path, run: Path, out: Path, **options: Any) -> None:
    """Calibrate and blend the heads of a finished RUN on validation splits and write the model files."""
    found = release(read_recipe(recipe), run, out, **options)
    click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False, allow_nan=False))


@cli.command("refit")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the model files.")
def refit_command(recipe: Path, model: Path, out: Path) -> None:
    """Let the last layer of the float32 file MODEL learn from both data sets of the RECIPE together."""
    found = refit(read_recipe(recipe), model, out, lambda text: click.echo(text, err=True))
    click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False, allow_nan=False))


@cli.command("heads")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the model files.")
@click.option("--name", "names", multiple=True, required=True, metavar="HEAD=NAME", help="Name of a head's model.")
@click.option("--wild", default="wild", show_default=True, help="Name of the model with evened class shares.")
@click.option("--also", multiple=True, help="Data set whose validation split helps to choose the power.")
@click.option("--whole", is_flag=True, help="NAME.onnx is the float32 file, NAME-int8.onnx the 8-bit one.")
@click.option("--license", "license_", default="MIT", show_default=True, help="What the files say of rights.")
def heads_command(recipe: Path, run: Path, out: Path, names: tuple[str, ...], **options: Any) -> None:
    """Write the model files of every head of a finished RUN on one data set, calibrated on its validation split."""
    pairs = [text.partition("=") for text in names]
    if not all(head and name for head, _, name in pairs):
        raise click.BadParameter(f"--name: expected HEAD=NAME, got {' '.join(names)}.")
    named = {head: name for head, _, name in pairs}
    found = release_heads(read_recipe(recipe), run, out, named, **options)
    click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False, allow_nan=False))


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        cli(prog_name="python -m mien.learn.multi")
    except MienError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)

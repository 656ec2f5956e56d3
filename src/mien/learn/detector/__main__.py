"""`python -m mien.learn.detector`: train a detector, then write its model file."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from mien.core.errors import MienError, TrainError
from mien.data.faces import read_faces
from mien.learn.detector.config import DetectorConfig
from mien.learn.detector.release import data_hash, release, release_int8
from mien.learn.detector.train import CHECKPOINT, Trainer, load_net
from mien.learn.runfolder import write_json


@click.group()
def cli() -> None:
    """Train the face detector and turn it into a model file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


@cli.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run; an old run goes on.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=90.0, show_default=True)
@click.option(
    "--start", type=click.Path(path_type=Path, dir_okay=False), help="Checkpoint whose weights to begin with."
)
@click.option("--batch", type=click.IntRange(1), default=DetectorConfig.batch, show_default=True)
@click.option("--size", type=int, default=DetectorConfig.size, show_default=True)
@click.option("--lr", type=float, default=DetectorConfig.lr, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=DetectorConfig.threads, show_default=True)
@click.option("--workers", type=click.IntRange(0), default=DetectorConfig.workers, show_default=True)
@click.option("--seed", type=int, default=DetectorConfig.seed, show_default=True)
def train(sources: tuple[Path, ...], *, out: Path, start: Path | None, **settings: Any) -> None:
    """Learn from photographs with face boxes (see `mien.data.faces`) for so many minutes."""
    pictures = [picture for source in sources for picture in read_faces(source)]
    Trainer(pictures, DetectorConfig(**settings), out, start).run()
    write_json(out / "training.json", _training(sources, len(pictures), start, settings))


def _training(sources: tuple[Path, ...], pictures: int, start: Path | None, settings: dict[str, Any]) -> dict[str, Any]:
    names = ", ".join(source.name for source in sources)
    started = {"started_from_sha256": data_hash([start])} if start else {}
    return {"data": names, "data_sha256": data_hash(sources), "pictures": pictures, **started, **settings}


@cli.command("export")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.argument("validation", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The model file to write.")
def export_command(run: Path, validation: Path, *, out: Path) -> None:
    """Write the model file of a finished RUN; the threshold is chosen on the VALIDATION photographs."""
    try:
        training = json.loads((run / "training.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainError(f"{run} holds no training.json; the run has not finished.") from error
    info = release(load_net(run / CHECKPOINT), read_faces(validation), out, training)
    click.echo(info.to_json())


@cli.command("quantize")
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("calibration", type=click.Path(path_type=Path))
@click.argument("validation", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The model file to write.")
@click.option("--pictures", type=click.IntRange(1), default=128, show_default=True, help="Photographs for the ranges.")
def quantize_command(source: Path, calibration: Path, validation: Path, *, out: Path, pictures: int) -> None:
    """Write an 8-bit copy of the detector's file SOURCE; CALIBRATION are training photographs, as for train."""
    known = read_faces(calibration)
    order = np.random.default_rng(0).permutation(len(known))[:pictures]
    info = release_int8(source, [known[i] for i in order], read_faces(validation), out)
    click.echo(info.to_json())


if __name__ == "__main__":
    try:
        cli(prog_name="python -m mien.learn.detector")
    except MienError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)

"""`python -m mien.learn.detector`: train a detector, or export one."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from mien.data.faces import read_faces
from mien.learn.detector.config import DetectorConfig
from mien.learn.detector.train import Trainer


@click.group()
def cli() -> None:
    """Train the face detector and turn it into a model file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


@cli.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run; an old run goes on.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=90.0, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=DetectorConfig.batch, show_default=True)
@click.option("--size", type=int, default=DetectorConfig.size, show_default=True)
@click.option("--lr", type=float, default=DetectorConfig.lr, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=DetectorConfig.threads, show_default=True)
@click.option("--workers", type=click.IntRange(0), default=DetectorConfig.workers, show_default=True)
@click.option("--seed", type=int, default=DetectorConfig.seed, show_default=True)
def train(
    sources: tuple[str, ...],
    out: Path,
    minutes: float,
    batch: int,
    size: int,
    lr: float,
    threads: int,
    workers: int,
    seed: int,
) -> None:
    """Learn from photographs with face boxes (see `mien.data.faces`) for so many minutes."""
    pictures = [picture for source in sources for picture in read_faces(source)]
    config = DetectorConfig(size=size, batch=batch, minutes=minutes, lr=lr, seed=seed, threads=threads, workers=workers)
    Trainer(pictures, config, out).run()


if __name__ == "__main__":
    cli(prog_name="python -m mien.learn.detector")

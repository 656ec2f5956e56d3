"""`mien bench batch`: pictures per second of `mien batch`, by number of processes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mien.app.bench.results import Column, Result, read_stored, result_options, tell
from mien.core.errors import InputError, MienError

_FIGURE = "per_s"
_LEAST_S = 1e-3  # of work beyond the start, against a division by a difference that is only noise
_COLUMNS: Sequence[Column] = (
    ("engine, processes", lambda row: row["name"]),
    ("pictures", lambda row: str(row["pictures"])),
    ("seconds", lambda row: f"{row['seconds']:.2f}"),
    ("start s", lambda row: f"{row['start_s']:.2f}"),
    ("pictures/s", lambda row: f"{row['per_s']:.1f}"),
    ("after the start", lambda row: f"{row['steady_per_s']:.1f}"),
)


@click.command()
@click.argument("source", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--pictures", type=click.IntRange(2, 100_000), default=400, show_default=True, help="Made pictures.")
@click.option("--size", default="640x480", show_default=True, help="Size of the made pictures, with one face each.")
@click.option("--workers", type=click.IntRange(1, 256), multiple=True, default=(1, 2), show_default=True)
@click.option("--engine", type=click.Choice(("local", "ray")), default="local", show_default=True)
@click.option("--model", default="fer2013", show_default=True, help="As for mien batch.")
@click.option("--detector", default="auto", show_default=True, help="As for mien batch.")
@result_options
def command(
    source: Path | None,
    pictures: int,
    size: str,
    workers: tuple[int, ...],
    engine: str,
    model: str,
    detector: str,
    out: Path | None,
    against: Path | None,
) -> None:
    """Run `mien batch` on SOURCE, or on made pictures, with different numbers of processes.

    The start is the time of a job with a single picture; what comes after it is the rate that a long job keeps.
    """
    stored = read_stored(against, "batch", _FIGURE)
    options = ["--engine", engine, "--model", model, "--detector", detector]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        one, many = _made(Path(folder), pictures if source is None else 1, size, detector)
        for count in workers:
            given = [*options, "--workers", str(count)]
            start_s, _ = _run(one, Path(folder) / f"start{count}", given)
            seconds, read = _run(source or many, Path(folder) / f"all{count}", given)
            rows.append(_row(f"{engine}, {count}", read, start_s, seconds))
    settings = {"size": size if source is None else None, "engine": engine, "model": model, "detector": detector}
    tell(Result("batch", _FIGURE, settings, rows), "mien batch", _COLUMNS, out, stored)


def _row(name: str, pictures: int, start_s: float, seconds: float) -> dict[str, Any]:
    steady = (pictures - 1) / max(seconds - start_s, _LEAST_S)
    return {
        "name": name,
        "pictures": pictures,
        "seconds": seconds,
        "start_s": start_s,
        "per_s": pictures / seconds,
        "steady_per_s": steady,
    }


def _made(folder: Path, pictures: int, size: str, detector: str) -> tuple[Path, Path]:
    """A folder with one picture, and one with all of them; each shifted a little, so that none is like another."""
    import numpy as np

    from mien.app.bench.pictures import crowd, heads, jpeg, parse_size
    from mien.infer.detect import open_detector

    wanted = parse_size(size)
    portrait = crowd(heads(open_detector(detector)), wanted, 1)
    one, many = folder / "one", folder / "many"
    for place, count in ((one, 1), (many, pictures)):
        place.mkdir()
        for i in range(count):
            (place / f"{i:06}.jpg").write_bytes(jpeg(np.roll(portrait, i % wanted[0], axis=1)))
    return one, many


def _run(source: Path, out: Path, options: Sequence[str]) -> tuple[float, int]:
    """Seconds of a whole job, and how many inputs it read; an input that cannot be read does not end it."""
    command = [sys.executable, "-m", "mien", "batch", str(source), str(out), *options]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    read = _inputs(out)
    if not read:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise MienError(f"mien batch failed with status {done.returncode}: {said[-1].removeprefix('Error: ')}")
    return seconds, read


def _inputs(out: Path) -> int:
    """Rows of the table of inputs."""
    import pyarrow.parquet as pq

    try:
        return sum(pq.read_metadata(str(file)).num_rows for file in sorted((out / "inputs").glob("*.parquet")))
    except OSError as error:
        raise InputError(f"Cannot read the tables of the job in {out}: {error}.") from error

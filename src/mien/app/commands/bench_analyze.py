"""`mien bench analyze`: milliseconds from a JPEG file to its readings, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.bench.results import Column, Result, read_stored, result_options, tell
from mien.app.options import analyzer_options, make_analyzer

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer
    from mien.infer.options import AnalyzerOptions

_FIGURE = "median_ms"
_STAGES = ("decode", "resize", "detect", "crop", "classify", "rest")


def _stage(name: str) -> Column:
    return name, lambda row: f"{row['stages_cpu_ms'][name]:.2f}"


_COLUMNS: Sequence[Column] = (
    ("picture", lambda row: row["name"]),
    ("median ms", lambda row: f"{row['median_ms']:.2f}"),
    ("p95 ms", lambda row: f"{row['p95_ms']:.2f}"),
    *(_stage(name) for name in _STAGES),
)


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="[PHOTO]...")
@click.option(
    "--size", "sizes", multiple=True, default=("640x480",), show_default=True, help="Size of a synthetic picture."
)
@click.option("--faces", type=click.IntRange(0, 1000), multiple=True, default=(1,), show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=100, show_default=True, help="Timed calls of each row.")
@click.option("--warm-up", type=click.IntRange(0), default=3, show_default=True, help="Calls before them.")
@analyzer_options()
@result_options
def command(
    photos: tuple[Path, ...],
    sizes: tuple[str, ...],
    faces: tuple[int, ...],
    repeats: int,
    warm_up: int,
    out: Path | None,
    against: Path | None,
    analysis: AnalyzerOptions,
) -> None:
    """Milliseconds from the bytes of a picture file to the readings, stage by stage, with OpenCV on one thread.

    Measures the PHOTOs that are given, else synthetic pictures of the given sizes and numbers of faces. Median
    and 95th percentile are the clock's, the stages are the processor's: on a busy machine the clock runs on.
    """
    import cv2

    from mien.app.bench.stages import time_stages
    from mien.infer.plug import model_file

    stored = read_stored(against, "analyze", _FIGURE)
    side = analysis.detect_side
    analyzer = make_analyzer(analysis)
    cv2.setNumThreads(1)
    pictures = _read(photos) if photos else _made(analyzer, sizes, faces)
    rows = [{"name": name, **time_stages(analyzer, data, side, repeats, warm_up).to_dict()} for name, data in pictures]
    settings = {
        "model": analyzer.classifier.name,
        "precision": model_file(analyzer.classifier).info.precision,
        "detector": analyzer.detector.name,
        "detect_size": side,
        "threads": analysis.threads,
        "repeats": repeats,
        "warm_up": warm_up,
    }
    title = f"From file to readings: {settings['model']} ({settings['precision']}), detector {settings['detector']}"
    tell(Result("analyze", _FIGURE, settings, rows), title, _COLUMNS, out, stored)


def _read(photos: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    from mien.core.errors import ImageError, code_of

    for photo in photos:
        try:
            yield photo.name, photo.read_bytes()
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}."
            raise ImageError(str(photo), reason, code=code_of(error)) from error


def _made(analyzer: Analyzer, sizes: Sequence[str], faces: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    from mien.app.bench.pictures import crowd, heads, jpeg, parse_size

    wanted = [parse_size(size) for size in sizes]
    found = heads(analyzer.detector)
    for width, height in wanted:
        for count in faces:
            yield f"{width}x{height}, {count}", jpeg(crowd(found, (width, height), count))

"""`mien bench detect`: milliseconds to find the faces of a picture, by detector, size and number of faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.app.bench.results import Column, Result, read_stored, result_options, tell
from mien.app.options import detect_side

if TYPE_CHECKING:
    from mien.core.types import Detector, Image

_FIGURE = "median_ms"
_COLUMNS: Sequence[Column] = (
    ("detector, size, faces", lambda row: row["name"]),
    ("found", lambda row: str(row["faces_found"])),
    ("median ms", lambda row: f"{row['median_ms']:.2f}"),
    ("p95 ms", lambda row: f"{row['p95_ms']:.2f}"),
    ("best", lambda row: f"{row['best_ms']:.2f}"),
    ("processor ms", lambda row: f"{row['cpu_ms']:.2f}"),
)


@click.command()
@click.option(
    "--detector",
    "detectors",
    multiple=True,
    default=("auto",),
    show_default=True,
    help="Name or file.",
)
@click.option(
    "--size", "sizes", multiple=True, default=("320x240", "640x480"), show_default=True, help="Pictures to look at."
)
@click.option("--faces", type=click.IntRange(0, 1000), multiple=True, default=(1,), show_default=True)
@click.option("--detect-size", default="640", show_default=True, metavar="PX|full", help="Longest side to look at.")
@click.option("--repeats", type=click.IntRange(1), default=100, show_default=True, help="Timed calls of each row.")
@click.option("--warm-up", type=click.IntRange(0), default=5, show_default=True, help="Calls before them.")
@result_options
def command(
    detectors: tuple[str, ...],
    sizes: tuple[str, ...],
    faces: tuple[int, ...],
    detect_size: str,
    repeats: int,
    warm_up: int,
    out: Path | None,
    against: Path | None,
) -> None:
    """Milliseconds to find the faces of a decoded picture on one thread, the resize before it included."""
    import cv2

    from mien.app.bench.pictures import crowd, heads, parse_size
    from mien.infer.detect import DetectOptions, open_detector

    stored = read_stored(against, "detect", _FIGURE)
    wanted = [parse_size(size) for size in sizes]
    options = DetectOptions(side=detect_side(detect_size))
    opened = [(Path(name).name, open_detector(name, options)) for name in detectors]
    cv2.setNumThreads(1)
    found = heads(opened[0][1])
    rows = []
    for width, height in wanted:
        for count in faces:
            picture = crowd(found, (width, height), count)
            rows += [
                _row(f"{name}, {width}x{height}, {count}", detector, picture, repeats, warm_up)
                for name, detector in opened
            ]
    settings = {"detect_size": options.side, "repeats": repeats, "warm_up": warm_up}
    tell(Result("detect", _FIGURE, settings, rows), "Finding faces, one thread", _COLUMNS, out, stored)


def _row(name: str, detector: Detector, picture: Image, repeats: int, warm_up: int) -> dict[str, Any]:
    from mien.app.bench.timing import measure

    timing = measure(lambda: detector.detect(picture), repeats, warm_up)
    return {"name": name, "faces_found": len(detector.detect(picture)), **timing.to_dict()}

"""`mien evaluate-detector`: judge face detectors side by side on photographs with boxes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.options import analyzer_options
from mien.app.terminal import console, progress
from mien.core.text import counted
from mien.infer.detectors.table import AUTO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.evaluate.detection import DetectionFigures
    from mien.infer.options import AnalyzerOptions


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--detector", "names", multiple=True, default=(AUTO,), show_default=True, help="Name or file; may be repeated."
)
@analyzer_options("detect_side")
@click.option("--enlarge", is_flag=True, help="First enlarge smaller pictures to --detect-size.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Judge on the first N pictures only.")
def command(source: Path, names: tuple[str, ...], analysis: AnalyzerOptions, enlarge: bool, limit: int | None) -> None:
    """Judge face detectors on photographs with boxes.

    SOURCE is a Parquet file (columns image, boxes, ignore), a WIDER FACE list or folder, or a folder of Pascal VOC
    files. A found box is right when its IoU with a face is at least 0.5; regions to ignore count for nothing. Sizes of
    faces are square roots of areas in pixels of the judged picture. Prints a table and, as the last line, JSON.
    """
    from mien.data.faces import read_faces
    from mien.evaluate.detection import judge_detector
    from mien.infer.detect import lowest_score, open_detector

    side = analysis.detect_side
    if enlarge and side is None:
        raise click.UsageError("--enlarge needs --detect-size PX.")
    pictures = read_faces(source)[:limit]
    figures = []
    for name in names:
        options = analysis.looking
        curve = dataclasses.replace(options, min_score=lowest_score(name))
        with progress(f"Judging {name}", len(pictures), "pictures") as advance:
            figures.append(
                judge_detector(
                    open_detector(name, options),
                    open_detector(name, curve),
                    pictures,
                    enlarge=side if enlarge else None,
                    advance=advance,
                )
            )
    _show(figures)
    protocol = {"source": source.name, "detect_size": side, "enlarged": enlarge, "iou": 0.5}
    click.echo(json.dumps({**protocol, "detectors": [f.to_dict() for f in figures]}, allow_nan=False))


def _show(figures: Sequence[DetectionFigures]) -> None:
    from rich.table import Table

    first = figures[0]
    out = console()
    found = f"{counted(first.pictures, 'picture')}, {counted(first.faces, 'face')}"
    out.print(f"{found}, {counted(first.empty_pictures, 'picture')} without a face")
    table = Table("", box=None, pad_edge=False)
    for row in figures:
        table.add_column(row.detector, justify="right")
    rows: dict[str, list[str]] = {
        "average precision": [f"{f.ap:.3f}" for f in figures],
        "precision": [_share(f.precision) for f in figures],
        "recall": [_share(f.recall) for f in figures],
        "recall of faces from 20 px": [_share(f.recall_20) for f in figures],
    }
    for i, group in enumerate(first.by_size):
        size = (
            f"from {group.smallest:.0f} px" if group.largest is None else f"{group.smallest:.0f}-{group.largest:.0f} px"
        )
        rows[f"  {size} ({counted(group.faces, 'face')})"] = [_share(f.by_size[i].recall) for f in figures]
    rows["false faces per picture without one"] = [_share(f.false_per_empty_picture) for f in figures]
    rows["processor ms per picture"] = [f"{f.cpu_ms:.1f}" for f in figures]
    rows["ms per picture"] = [f"{f.ms:.1f}" for f in figures]
    for title, cells in rows.items():
        table.add_row(title, *cells)
    out.print(table)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

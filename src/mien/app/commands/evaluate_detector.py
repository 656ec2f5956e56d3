"""`mien evaluate-detector`: judge face detectors side by side on photographs with boxes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.options import analyzer_options
from mien.app.terminal import console, notice, progress
from mien.core.text import counted
from mien.infer.detectors.table import AUTO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.evaluate.detection import Judgement
    from mien.infer.options import AnalyzerOptions


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--detector", "names", multiple=True, default=(AUTO,), show_default=True, help="Name or file; may be repeated."
)
@analyzer_options("detect_side")
@click.option("--enlarge", is_flag=True, help="First enlarge smaller pictures to --detect-size.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a page with plots and galleries.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Judge on the first N pictures only.")
def command(
    source: Path,
    names: tuple[str, ...],
    analysis: AnalyzerOptions,
    *,
    enlarge: bool,
    report: Path | None,
    limit: int | None,
) -> None:
    """Judge face detectors on photographs with boxes.

    SOURCE is a Parquet file (columns image, boxes, ignore, landmarks, conditions), a WIDER FACE list or folder, or a
    folder of Pascal VOC files. A found box is right when its IoU with a face is at least 0.5; regions to ignore count
    for nothing. Sizes of faces are square roots of areas in pixels of the judged picture. Prints a table and, as the
    last line, JSON. The page of --report shows parts of the photographs: missed and false faces.
    """
    from mien.data.faces import read_faces
    from mien.evaluate.detection import judge_detector
    from mien.infer.detect import lowest_score, open_detector

    side = analysis.detect_side
    if enlarge and side is None:
        raise click.UsageError("--enlarge needs --detect-size PX.")
    pictures = read_faces(source)[:limit]
    judgements = []
    for name in names:
        options = analysis.looking
        curve = dataclasses.replace(options, min_score=lowest_score(name))
        with progress(f"Judging {name}", len(pictures), "pictures") as advance:
            judgements.append(
                judge_detector(
                    open_detector(name, options),
                    open_detector(name, curve),
                    pictures,
                    enlarge=side if enlarge else None,
                    advance=advance,
                )
            )
    _show(judgements)
    protocol = {"source": source.name, "detect_size": side, "enlarged": enlarge, "iou": 0.5}
    if report is not None:
        from mien.evaluate.detection_report import write_detection_report

        notice(f"Report: {write_detection_report(judgements, pictures, protocol, report)}")
    click.echo(json.dumps({**protocol, "detectors": [j.figures.to_dict() for j in judgements]}, allow_nan=False))


def _show(judgements: Sequence[Judgement]) -> None:
    from rich.table import Table

    from mien.evaluate.detection_report import figure_rows

    first = judgements[0].figures
    out = console()
    found = f"{counted(first.pictures, 'picture')}, {counted(first.faces, 'face')}"
    out.print(f"{found}, {counted(first.empty_pictures, 'picture')} without a face")
    table = Table("", box=None, pad_edge=False)
    for judged in judgements:
        table.add_column(judged.figures.detector, justify="right")
    for title, cells in figure_rows(judgements).items():
        table.add_row(title, *cells)
    out.print(table)

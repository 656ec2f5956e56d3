"""`mien compare`: training runs ranked in a table and a plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mien.app.terminal import console, notice, progress

if TYPE_CHECKING:
    from mien.evaluate.compare import Run

_METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece")


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--by", "metric", type=click.Choice(_METRICS), default="accuracy", show_default=True, help="Rank by this."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write a page, a plot and JSON here.")
@click.option(
    "--curves",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PNG",
    help="Draw the curves of all runs into this file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the ranking as JSON.")
@click.option("--no-speed", is_flag=True, help="Do not measure milliseconds.")
def command(
    *, runs: tuple[Path, ...], metric: str, out: Path | None, curves: Path | None, as_json: bool, no_speed: bool
) -> None:
    """Rank training runs by a figure of their validation split, and say what the differences to the best are worth.

    RUN is the folder of a finished `mien train`, or of one with --folds, which is ranked by all its pictures pooled.
    Where two were judged on the same pictures, a paired bootstrap and McNemar's exact test are made; over the same
    folds, a corrected resampled t-test. The test split plays no part here: it is read once, for the run that was
    chosen.
    """
    from mien.core.files import atomic_write
    from mien.evaluate.compare import (
        comparison_body,
        curves_of,
        differences,
        pairs_of,
        rank,
        read_run,
        write_comparison,
    )

    read = []
    with progress("Measuring", len(runs), "runs") as advance:
        for folder in runs:
            read.append(read_run(folder, speed_s=0.0 if no_speed else 0.5))
            advance(1)
    ranked = rank(read, metric)
    warning = differences(ranked)
    if warning:
        notice(f"Warning: {warning}")
    pairs = pairs_of(ranked)
    drawn = curves_of(ranked) if curves is not None or (out is not None and _have_curves(ranked)) else b""
    if out is not None:
        notice(f"Comparison: {write_comparison(ranked, metric, out, pairs, drawn)}")
    if curves is not None:
        with atomic_write(curves) as file:
            file.write(drawn)
    if as_json:
        click.echo(json.dumps(comparison_body(ranked, metric, pairs), indent=1, allow_nan=False))
    else:
        _show(ranked)
        for pair in pairs:
            click.echo(pair.text())


def _have_curves(runs: Sequence[Run]) -> bool:
    from mien.evaluate.compare import HISTORY_FILE

    return all(run.folds is not None or (run.folder / HISTORY_FILE).is_file() for run in runs)


def _show(ranked: Sequence[Run]) -> None:
    from rich.table import Table

    from mien.evaluate.compare import COLUMNS

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    shown = [column for column in COLUMNS if column[0] not in {"MB", "balanced", "log-loss"}]
    for name, _ in shown:
        table.add_column(name, justify="left" if name in {"run", "model"} else "right", overflow="fold")
    for run in ranked:
        table.add_row(*(text(run) for _, text in shown))
    console().print(table)

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
@click.option("--json", "as_json", is_flag=True, help="Print the ranking as JSON.")
@click.option("--no-speed", is_flag=True, help="Do not measure milliseconds.")
def command(*, runs: tuple[Path, ...], metric: str, out: Path | None, as_json: bool, no_speed: bool) -> None:
    """Rank training runs by a figure of their validation split.

    RUN is the folder of a finished `mien train`. The test split plays no part here: it is read once, for the run that
    was chosen.
    """
    from mien.evaluate.compare import differences, rank, read_run, write_comparison

    read = []
    with progress("Measuring", len(runs), "runs") as advance:
        for folder in runs:
            read.append(read_run(folder, speed_s=0.0 if no_speed else 0.5))
            advance(1)
    ranked = rank(read, metric)
    warning = differences(ranked)
    if warning:
        notice(f"Warning: {warning}")
    if out is not None:
        notice(f"Comparison: {write_comparison(ranked, metric, out)}")
    if as_json:
        body = {"metric": metric, "runs": [run.to_dict() for run in ranked]}
        click.echo(json.dumps(body, indent=1, allow_nan=False))
    else:
        _show(ranked)


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

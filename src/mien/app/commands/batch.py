"""`mien batch`: readings of a whole archive of pictures and videos, as Parquet."""

from __future__ import annotations

import shlex
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from mien.app.ending import STOPPED
from mien.app.options import analyzer_options
from mien.app.terminal import notice, progress
from mien.app.timespan import seconds
from mien.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from mien.batch.job import Engine, Outcome
    from mien.infer.options import AnalyzerOptions


@click.command()
@click.argument("source")
@click.argument("out")
@click.option(
    "--engine",
    type=click.Choice(("local", "ray")),
    default="local",
    show_default=True,
    help="Processes of this machine, or Ray (RAY_ADDRESS names a cluster).",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes.  [default: one per processor]")
@click.option("--resume", is_flag=True, help="Go on with the job in OUT, or begin it.")
@click.option("--chunk", type=click.IntRange(1), default=256, show_default=True, metavar="N", help="Inputs per part.")
@click.option("--column", default="image", show_default=True, help="Column of a Parquet table with image files.")
@click.option(
    "--keep-columns",
    metavar="NAME,...",
    default="",
    help="Columns of tables, or fields of the JSON beside pictures in archives, that go into the results as text.",
)
@click.option("--every", type=seconds, metavar="SECONDS", help="Read one frame of a video per so many seconds.")
@analyzer_options()
def command(
    source: str,
    out: str,
    *,
    engine: Engine,
    workers: int | None,
    resume: bool,
    chunk: int,
    column: str,
    keep_columns: str,
    every: float | None,
    analysis: AnalyzerOptions,
) -> None:
    """Read the expressions in any number of pictures and videos.

    SOURCE is a folder (with its subfolders), a tar or zip archive, a Parquet table with image files, a fer2013.csv, a
    picture or a video; a path, or an address such as s3://bucket/photos. OUT becomes a folder with two Parquet tables:
    `faces`, one row per face, and `inputs`, one row per input, which says what could not be read.

    A job that was stopped or killed goes on with --resume; nothing is lost or written twice. An input that cannot be
    read does not stop the others; the exit status is then 1.
    """
    from mien.batch import Settings, run_batch

    started = time.monotonic()
    try:
        outcome = run_batch(
            source,
            out,
            Settings.of(analysis, every_s=every, column=column, chunk=chunk, keep_columns=_names(keep_columns)),
            engine=engine,
            workers=workers,
            resume=resume,
            progress=_progress,
        )
    except KeyboardInterrupt:
        notice(f"Stopped; go on with: {shlex.join(['mien', 'batch', source, out, '--resume'])} (and the same options).")
        raise SystemExit(STOPPED) from None
    _tell(outcome, time.monotonic() - started)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()


def _progress(left: int) -> AbstractContextManager[Callable[[int], None]]:
    return progress("Reading", left, "inputs")


def _tell(outcome: Outcome, spent_s: float) -> None:
    new = outcome.inputs - outcome.earlier
    if not new:
        notice(f"{outcome.out} is complete already; nothing was left to do.")
    elif outcome.earlier:
        notice(f"Done before: {counted(outcome.earlier, 'input')}.")
    frames = f", {counted(outcome.frames, 'frame')} of videos" if outcome.frames else ""
    failed = f", {outcome.errors:,} could not be read" if outcome.errors else ""
    speed = f" {counted(new, 'input')} in {spent_s:.1f} s ({new / max(spent_s, 1e-9):,.0f} per second)." if new else ""
    notice(f"{counted(outcome.inputs, 'input')}{frames}, {counted(outcome.faces, 'face')}{failed}.{speed}")
    if outcome.passed:
        notice(f"Files that are no inputs, {outcome.passed}.")
    notice(f"The tables are in {outcome.out}: faces/*.parquet and inputs/*.parquet.")
    if outcome.errors:
        raise SystemExit(1)

"""`mien study`: a folder of videos of several people -> one table, a codebook and a report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.app.ending import STOPPED
from mien.app.options import analyzer_options
from mien.app.terminal import console, notice, progress
from mien.app.timespan import seconds
from mien.core.errors import OptionError
from mien.core.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from mien.infer.options import AnalyzerOptions
    from mien.study.clips import Clip
    from mien.study.job import Outcome
    from mien.study.whole import Made, Wanted

_PATH = click.Path(path_type=Path)
_MOST_ROWS = 20


@dataclass(frozen=True)
class _Options:
    """Values of the command's own options."""

    pattern: str | None
    participants: Path | None
    window: float | None
    epochs: Path | None
    epoch_tier: str | None
    baseline: str | None
    people: Path | None
    each_track: bool
    exclude: str
    annotations: Path | None
    annotation_tier: str | None
    rename: tuple[str, ...]
    export: tuple[str, ...]
    figures: tuple[str, ...]
    kind: str
    workers: int | None
    resume: bool
    every: float | None
    detector_every: str


@click.command()
@click.argument("folder", type=_PATH)
@click.argument("out", type=_PATH)
@click.option(
    "--pattern", metavar="TEXT", help="Participants from names of files, such as '{participant}_{condition}'."
)
@click.option("--participants", type=_PATH, metavar="CSV", help="Table: file, participant and anything else.")
@click.option("--window", type=seconds, metavar="SECONDS", help="A row per window of this length.")
@click.option("--epochs", type=_PATH, metavar="PATH", help="Table (file, start_s, end_s, name), ELAN or Praat file(s).")
@click.option("--epoch-tier", metavar="NAME", help="The tier of the ELAN or Praat files that holds the epochs.")
@click.option("--baseline", metavar="NAME", help="Take off the means of this epoch (columns d_...).")
@click.option("--people", type=_PATH, metavar="CSV", help="Table that merges ids: file, track, person.")
@click.option("--each-track", is_flag=True, help="Every track is a person; else the largest face is the participant.")
@click.option("--exclude", default="", metavar="FLAGS", help="Faces that don't count: small,blurred,dark,turned,edge.")
@click.option(
    "--annotations", type=_PATH, metavar="PATH", help="A coder's labels (file, start_s, end_s, label), or tiers."
)
@click.option("--annotation-tier", metavar="NAME", help="The tier that holds them.")
@click.option("--rename", multiple=True, metavar="WORD=LABEL", help="A coder's word for a label; may be repeated.")
@click.option("--export", type=click.Choice(("eaf", "textgrid")), multiple=True, help="Labels as ELAN or Praat files.")
@click.option("--figures", type=click.Choice(("svg", "pdf", "png")), multiple=True, help="Figures as files too.")
@click.option(
    "--format", "kind", type=click.Choice(("csv", "parquet")), default="csv", show_default=True, help="Of the tables."
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes.  [default: one per processor]")
@click.option("--resume", is_flag=True, help="Go on with the study in OUT, or make its tables anew.")
@click.option("--every", type=seconds, metavar="SECONDS", help="Read one frame per so many seconds.")
@click.option("--detector-every", default="auto", show_default=True, metavar="N|auto", help="Detect in each Nth frame.")
@analyzer_options()
def command(folder: Path, out: Path, *, analysis: AnalyzerOptions, **values: Any) -> None:
    """Turn the videos of a study into one table.

    FOLDER holds the videos. OUT becomes a folder with a time line per video, `summary` (a row per participant, file
    and epoch or window), `spells`, a codebook and a report. Videos are read once: with --resume the tables are made
    anew with other windows, epochs or exclusions, and a study that was stopped goes on.

    A video that cannot be read does not stop the others; the exit status is then 1.
    """
    from mien.study.clips import find_clips
    from mien.study.whole import make_all

    options = _Options(**values)
    started = time.monotonic()
    clips = find_clips(folder, options.pattern, options.participants)
    wanted = _wanted(clips, options)
    outcome = _read(folder, out, clips, options, analysis)
    made = make_all(folder, out, clips, outcome.records, f".{options.kind}", wanted)
    _tell(made, outcome, out, time.monotonic() - started)


def _wanted(clips: Sequence[Clip], options: _Options) -> Wanted:
    """What is wrong with the tables made by hand is told before any video is read."""
    from mien.study.epochs import load_intervals
    from mien.study.frames import excluded_flags
    from mien.study.table import Plan
    from mien.study.whole import Wanted, load_people

    files = [clip.file for clip in clips]
    if options.baseline is not None and options.epochs is None:
        raise OptionError("--baseline names an epoch: give the epochs with --epochs.")
    if options.people is not None and options.each_track:
        raise OptionError("--people says who counts, and so does --each-track: use one of the two.")
    epochs = None if options.epochs is None else load_intervals(options.epochs, files, "name", options.epoch_tier)
    if epochs is not None and options.baseline is not None:
        names = sorted({interval.text for intervals in epochs.values() for interval in intervals})
        if options.baseline not in names:
            raise OptionError(f"No epoch is called {options.baseline!r}; there are {', '.join(names)}.")
    coded = None
    if options.annotations is not None:
        coded = load_intervals(options.annotations, files, "label", options.annotation_tier)
    plan = Plan(
        window_s=options.window,
        epochs=epochs,
        baseline=options.baseline,
        exclude=excluded_flags(options.exclude),
        each=options.each_track,
        merged={} if options.people is None else load_people(options.people, files),
    )
    return Wanted(plan, options.export, coded, dict(_renamed(text) for text in options.rename), options.figures)


def _renamed(text: str) -> tuple[str, str]:
    word, sign, label = text.partition("=")
    if not (word.strip() and sign and label.strip()):
        raise OptionError(f"--rename expects WORD=LABEL such as Freude=happy, got {text!r}.")
    return word.strip(), label.strip()


def _read(folder: Path, out: Path, clips: Sequence[Clip], options: _Options, analysis: AnalyzerOptions) -> Outcome:
    from mien.app.commands.video import parse_every
    from mien.batch.local import default_workers
    from mien.study.job import read_all
    from mien.study.read import Reading

    every = parse_every(options.detector_every)
    reading = Reading(analysis, options.every, every, f".{options.kind}")
    workers = options.workers or default_workers()
    try:
        return read_all(
            folder,
            [clip.file for clip in clips],
            out,
            reading,
            workers=workers,
            resume=options.resume,
            progress=_progress,
        )
    except KeyboardInterrupt:
        again = shlex.join(["mien", "study", str(folder), str(out), "--resume"])
        notice(f"Stopped; what was read is kept: go on with {again} (and the same options).")
        raise SystemExit(STOPPED) from None


def _progress(left: int) -> AbstractContextManager[Callable[[int], None]]:
    return progress("Reading", left, "videos")


def _tell(made: Made, outcome: Outcome, out: Path, spent_s: float) -> None:
    console().print(_table(made))
    failed = [record for record in outcome.records if record.error is not None]
    for record in outcome.records:
        for text in (*record.notes, *([record.error] if record.error else [])):
            notice(f"{record.file}: {text}")
    for text in made.figures.notes:
        notice(f"Note: {text}")
    if made.agreement is not None and made.agreement.kappa is not None:
        compared = counted(made.agreement.frames, "frame")
        notice(f"Agreement with the annotations: Cohen's kappa {made.agreement.kappa:.2f}, {compared}.")
    frames = sum(record.frames for record in outcome.records)
    before = f", {outcome.earlier} of them read before" if outcome.earlier else ""
    unread = f", {len(failed)} could not be read" if failed else ""
    notice(
        f"{counted(len(outcome.records), 'video')}{before}{unread}, {counted(frames, 'frame')}, in {spent_s:.1f} s. "
        f"{counted(len(made.figures.rows), 'row')} in {made.files[0]}; see {out / 'report.html'}."
    )
    if failed:
        raise SystemExit(1)


def _table(made: Made) -> Any:
    """Share of time per label, a line per row of the summary; the first ones."""
    from rich.table import Table

    from mien.app.records import plain
    from mien.study.table import short_names

    figures = made.figures
    table = Table(title="Share of time", title_justify="left", box=None, pad_edge=False, header_style="bold")
    files = {row["file"] for row in figures.rows}
    told = len(files) > len({row["participant"] for row in figures.rows})  # else the participant says it
    for name in ("participant", *(["file"] if told else []), "epoch"):
        table.add_column(name, no_wrap=name != "file", overflow="fold")
    table.add_column("face", justify="right")
    for label in figures.labels:
        table.add_column(label, justify="right", no_wrap=True)
    for row in figures.rows[:_MOST_ROWS]:
        who = row["participant"] if row["person"] == row["participant"] else f"{row['participant']}: {row['person']}"
        epoch = row["epoch"] if row["window"] is None else f"{row['epoch']} {row['window']}"
        shares = [row[f"t_{name}"] for name in short_names(figures.labels)]
        cells = ["–" if share is None else f"{share:.0%}" if share >= 0.005 else "·" for share in shares]
        face = "–" if row["face"] is None else f"{row['face']:.0%}"
        table.add_row(plain(who), *([plain(row["file"])] if told else []), plain(epoch), face, *cells)
    if len(figures.rows) > _MOST_ROWS:
        table.add_row(f"{len(figures.rows) - _MOST_ROWS} more", *[""] * (len(table.columns) - 1))
    return table

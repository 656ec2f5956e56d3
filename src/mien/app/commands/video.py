"""`mien video`: expressions over time, as a table, a report and an annotated video."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mien.app.ending import STOPPED
from mien.app.options import VIDEO, analyzer_options, make_analyzer
from mien.app.terminal import console, notice, progress
from mien.app.timespan import seconds
from mien.core.errors import OptionError, VideoError
from mien.core.files import is_file
from mien.core.text import counted, whole_number

if TYPE_CHECKING:
    from rich.table import Table

    from mien.core.types import Image, Reading
    from mien.infer.analyzer import Analyzer
    from mien.infer.options import AnalyzerOptions
    from mien.infer.stream import StreamReader
    from mien.media.sink import Sink
    from mien.media.source import Source
    from mien.media.summary import Summary, VideoSummary

_MOST_PEOPLE = 20
RECONNECT = "Open a camera or stream that breaks off again, for up to so long."


@click.command()
@click.argument("source", metavar="INPUT")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write an annotated video: .mp4, .m4v, .mov, .mkv, .avi or .webm.",
)
@click.option(
    "--timeline", type=click.Path(path_type=Path), help="Write a row per face and frame: .csv/.jsonl/.parquet."
)
@click.option("--report", type=click.Path(path_type=Path), help="Write a page with curves, shares and changes (.html).")
@click.option("--start", type=seconds, metavar="TIME", help="Begin here (seconds, or 1:05).")
@click.option("--end", type=seconds, metavar="TIME", help="Stop here.")
@click.option("--every", type=seconds, metavar="SECONDS", help="Read one frame per so many seconds.")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Frames per second of a folder of pictures. [25]")
@click.option("--reconnect", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help=RECONNECT)
@click.option("--detector-every", default="auto", show_default=True, metavar="N|auto", help="Detect in each Nth frame.")
@click.option("--anonymize", is_flag=True, help="Cover the faces in the video and the thumbnails.")
@click.option("--thumbnails", is_flag=True, help="Put a small picture of each face into the report.")
@click.option("--panel", is_flag=True, help="Draw the probabilities in a panel beside the video, not in the picture.")
@analyzer_options(*VIDEO)
def command(source: str, detector_every: str, **values: Any) -> None:
    """Turn a video into a time line of expressions.

    INPUT is a video file, a folder of frames, or an http or rtsp address.

    Without any output the summary is printed and nothing is stored. Ctrl-C finishes the files with what was read
    until then; the exit status is then 130.
    """
    from mien.media.source import open_source

    wanted = _Wanted(detector_every=parse_every(detector_every), **values)
    _check(source, wanted)
    opened = open_source(
        source,
        start_s=wanted.start,
        end_s=wanted.end,
        every_s=wanted.every,
        fps=wanted.fps,
        reconnect_s=wanted.reconnect,
        max_pixels=wanted.analysis.max_pixels,
    )
    with opened:
        # The largest faces are chosen per video, so that a shown face stays in; the detector finds them all.
        analyzer = make_analyzer(replace(wanted.analysis, max_faces=None))
        reader = analyzer.reader(detector_every=wanted.detector_every, max_faces=wanted.analysis.max_faces)
        job = _Job(opened, analyzer, reader, wanted)
        ended = _run(opened, reader, job.sinks)
    _tell(job, ended)


@dataclass(frozen=True)
class _Wanted:
    """The values of the command's options."""

    output: Path | None
    timeline: Path | None
    report: Path | None
    start: float | None
    end: float | None
    every: float | None
    fps: float | None
    reconnect: float | None
    detector_every: int | Literal["auto"]
    anonymize: bool
    thumbnails: bool
    panel: bool
    analysis: AnalyzerOptions

    @property
    def files(self) -> list[Path]:
        """What is to be written."""
        return [path for path in (self.output, self.timeline, self.report) if path is not None]


def parse_every(text: str) -> int | Literal["auto"]:
    """Value of `--detector-every`.

    Raises:
        OptionError: neither a whole number from 1 nor "auto".

    """
    if text == "auto":
        return "auto"
    every = whole_number(text)
    if not every:
        raise OptionError(f"--detector-every expects a whole number from 1 or 'auto', got {text!r}.")
    return every


def _check(source: str, wanted: _Wanted) -> None:
    """What can be wrong is told before anything is opened."""
    from mien.media.names import without_secrets

    resolved = [path.resolve() for path in wanted.files]
    if len(set(resolved)) < len(resolved):
        raise OptionError("Two results have the same name; give each its own.")
    if "://" not in source and Path(source).resolve() in resolved:
        raise OptionError(f"{source} is the input; give the result another name.")
    if wanted.fps is not None and not _holds_pictures(source):
        name = without_secrets(source)
        raise OptionError(f"--fps is for a folder of pictures; {name} has times of its own: leave --fps out.")
    if wanted.report is not None and wanted.report.suffix.lower() not in {".html", ".htm"}:
        raise OptionError(f"{wanted.report}: a report ends in .html.")
    if wanted.thumbnails and wanted.report is None:
        raise OptionError("--thumbnails are part of the report: add --report PAGE.html.")
    if wanted.anonymize and wanted.output is None and not wanted.thumbnails:
        raise OptionError("--anonymize covers faces in pictures that are written: add -o VIDEO or --thumbnails.")
    if wanted.anonymize and wanted.analysis.max_faces is not None:
        raise OptionError("--max-faces leaves faces out, so --anonymize could not cover them: use one of the two.")


def _holds_pictures(source: str) -> bool:
    """Whether a source is a folder or a photograph; what does not exist is told when it is opened."""
    from mien.pictures.formats import is_picture
    from mien.pictures.moving import is_animation

    path = Path(source)
    if is_file(path):
        return is_picture(path) and not is_animation(path)
    return "://" not in source


class _Job:
    """What is made of one video."""

    def __init__(self, source: Source, analyzer: Analyzer, reader: StreamReader, wanted: _Wanted) -> None:
        from mien.media.summary import Summary

        self.source = source
        self.reader = reader
        self.summary: Summary = Summary(analyzer.labels, thumbnails=wanted.thumbnails, sure_score=analyzer.sure_score)
        self.files = wanted.files
        self.sinks = self._sinks(analyzer, wanted)

    def _sinks(self, analyzer: Analyzer, wanted: _Wanted) -> list[Sink]:
        from mien.media.anonymize import AnonymizingSink
        from mien.media.report import ReportSink
        from mien.media.timeline import TimelineSink
        from mien.media.video_writer import VideoSink

        shown: list[Sink] = [self.summary]  # sinks that keep pictures of faces
        if wanted.report is not None:
            facts = _facts(analyzer, wanted.detector_every)
            name = Path(self.source.name).name or self.source.name
            shown = [ReportSink(wanted.report, self.summary, name, facts, lambda: self.source.notes)]
        if wanted.output is not None:
            zero_s = None if wanted.start else self.source.clock_s  # plays in step with its source
            shown.append(VideoSink(wanted.output, _draw(wanted.panel), _rate(self.source), zero_s))
        sinks: list[Sink] = [AnonymizingSink(shown)] if wanted.anonymize else shown
        if wanted.timeline is not None:
            sinks.append(TimelineSink(wanted.timeline, analyzer.labels, sure_score=analyzer.sure_score))
        return sinks


@dataclass(frozen=True)
class _Ended:
    """How the run came to its end."""

    seconds: float
    stopped: bool = False
    failed: VideoError | None = None


def _run(source: Source, reader: StreamReader, sinks: Sequence[Sink]) -> _Ended:
    """Read to the end, to Ctrl-C, or to where the source fails; the sinks are finished in each case."""
    from mien.media.live import ReadAhead
    from mien.media.sink import BackgroundSinks

    started = time.monotonic()
    stopped, failed = False, None
    with ExitStack() as stack:
        out = stack.enter_context(BackgroundSinks(sinks))
        frames = stack.enter_context(ReadAhead(source))
        advance = stack.enter_context(progress("Reading", source.expected_frames, "frames"))
        try:
            for frame in frames:
                out.write(frame, reader.read(frame))
                advance(1)
        except KeyboardInterrupt:
            stopped = True
        except VideoError as error:
            failed = error
    return _Ended(time.monotonic() - started, stopped, failed)


def _tell(job: _Job, ended: _Ended) -> None:
    from mien.media.plausible import doubtful_text

    summary = job.summary.result()
    if summary.people:
        console().print(_table(summary))
    for text in job.source.notes:
        notice(f"Note: {text}")
    if summary.doubtful:
        notice(f"Note: {doubtful_text(summary.doubtful)}")
    for path in job.files:
        if path.is_file():  # a video without any frame is none
            notice(f"Wrote {path}.")
    speed = summary.frames / max(ended.seconds, 1e-9)
    people = "no face" if not summary.people else counted(len(summary.people), "person", "people")
    looked = min(job.reader.detections, summary.frames)  # a frame that Ctrl-C interrupted was looked at, not written
    notice(
        f"{counted(summary.frames, 'frame')}, {people}, in {ended.seconds:.1f} s "
        f"({speed:.0f} frames per second); faces were looked for in {looked} of them."
    )
    if ended.failed is not None:
        raise VideoError(f"{ended.failed} What was read before, up to {summary.end_s:.1f} s, is kept.")
    if ended.stopped:
        notice(f"Stopped at {summary.end_s:.1f} s; what was read until then is whole.")
        raise SystemExit(STOPPED)


def _table(summary: VideoSummary) -> Table:
    """Seconds per expression, one line per person, those who were seen longest."""
    from rich.table import Table

    from mien.draw.charts import clock

    total = summary.seconds
    labels = sorted(summary.labels, key=lambda label: -total.get(label, 0.0))
    table = Table(title="Seconds per expression", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("person")
    table.add_column("from", justify="right")
    table.add_column("seen", justify="right")
    for label in labels:
        table.add_column(label, justify="right", no_wrap=True)
    longest = sorted(summary.people, key=lambda person: -person.seen_s)
    for person in sorted(longest[:_MOST_PEOPLE], key=lambda person: person.track):
        _add_row(table, str(person.track), clock(person.first_s), person.seconds, labels)
    if len(longest) > _MOST_PEOPLE:
        rest = longest[_MOST_PEOPLE:]
        sums = {label: sum(person.seconds.get(label, 0.0) for person in rest) for label in labels}
        _add_row(table, f"{len(rest)} more", "", sums, labels)
    if len(longest) > 1:
        _add_row(table, "all", "", total, labels)
    return table


def _add_row(table: Table, name: str, since: str, seconds: Mapping[str, float], labels: Iterable[str]) -> None:
    cells = [f"{seconds[label]:.1f}" if seconds.get(label, 0.0) >= 0.05 else "·" for label in labels]
    table.add_row(name, since, f"{sum(seconds.values()):.1f}", *cells)


def _draw(panel: bool) -> Callable[[Image, Sequence[Reading]], Image]:
    from mien.media.overlay import SteadyDrawing

    return SteadyDrawing(panel=panel)


def _rate(source: Source) -> float | None:
    """Frames per second that come out."""
    if source.every_s is None:
        return source.fps
    return min(1 / source.every_s, source.fps or 1 / source.every_s)


def _facts(analyzer: Analyzer, every: int | Literal["auto"]) -> list[tuple[str, str]]:
    import mien
    from mien.infer.plug import model_file

    return [
        ("mien", mien.__version__),
        ("model", f"{analyzer.classifier.name}, sha256 {model_file(analyzer.classifier).sha256[:12]}"),
        ("detector", f"{analyzer.detector.name}, " + ("as often as needed" if every == "auto" else f"every {every}")),
        ("labels", ", ".join(analyzer.labels)),
    ]

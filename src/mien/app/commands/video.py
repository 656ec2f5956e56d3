"""`mien video`: expressions over time, as a table, a report and an annotated video."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mien.app.ending import STOPPED
from mien.app.options import analyzer_options, make_analyzer, most_pixels
from mien.app.terminal import console, notice, progress
from mien.app.timespan import seconds
from mien.core.errors import OptionError, VideoError
from mien.core.files import is_file
from mien.core.text import counted, whole_number

if TYPE_CHECKING:
    from rich.table import Table

    from mien.core.types import Image, Reading
    from mien.infer.analyzer import Analyzer
    from mien.infer.stream import StreamReader
    from mien.media.sink import Sink
    from mien.media.source import Source
    from mien.media.summary import Summary, VideoSummary

_MOST_PEOPLE = 20


@click.command()
@click.argument("source", metavar="INPUT")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write an annotated video (.mp4, .webm, ...).")
@click.option(
    "--timeline", type=click.Path(path_type=Path), help="Write a row per face and frame: .csv/.jsonl/.parquet."
)
@click.option("--report", type=click.Path(path_type=Path), help="Write a page with curves, shares and changes (.html).")
@click.option("--start", type=seconds, metavar="TIME", help="Begin here (seconds, or 1:05).")
@click.option("--end", type=seconds, metavar="TIME", help="Stop here.")
@click.option("--every", type=seconds, metavar="SECONDS", help="Read one frame per so many seconds.")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Frames per second of a folder of pictures. [25]")
@click.option("--detector-every", default="auto", show_default=True, metavar="N|auto", help="Detect in each Nth frame.")
@click.option("--anonymize", is_flag=True, help="Cover the faces in the video and the thumbnails.")
@click.option("--thumbnails", is_flag=True, help="Put a small picture of each face into the report.")
@click.option("--panel", is_flag=True, help="Draw the probabilities in a panel beside the video, not in the picture.")
@analyzer_options
def command(source: str, **options: Any) -> None:
    """Turn a video into a time line of expressions.

    INPUT is a video file, a folder of frames, or an http or rtsp address.

    Without any output the summary is printed and nothing is stored. Ctrl-C finishes the files with what was read
    until then; the exit status is then 130.
    """
    from mien.media.source import open_source

    _check(source, options)
    opened = open_source(
        source,
        start_s=options["start"],
        end_s=options["end"],
        every_s=options["every"],
        fps=options["fps"],
        max_pixels=most_pixels(options["max_megapixels"]),
    )
    with opened:
        # The largest faces are chosen per video, so that a shown face stays in; the detector finds them all.
        analyzer = make_analyzer({**options, "max_faces": None})
        reader = _stream_reader(analyzer, options)
        job = _Job(opened, analyzer, reader, options)
        ended = _run(opened, reader, job.sinks)
    _tell(job, ended, options)


def _stream_reader(analyzer: Analyzer, options: Mapping[str, Any]) -> StreamReader:
    return analyzer.reader(detector_every=parse_every(options["detector_every"]), max_faces=options["max_faces"])


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


def _check(source: str, options: Mapping[str, Any]) -> None:
    """What can be wrong is told before anything is opened."""
    parse_every(options["detector_every"])
    files = [options[name] for name in ("output", "timeline", "report") if options[name] is not None]
    resolved = [path.resolve() for path in files]
    if len(set(resolved)) < len(resolved):
        raise OptionError("Two results have the same name; give each its own.")
    if "://" not in source and Path(source).resolve() in resolved:
        raise OptionError(f"{source} is the input; give the result another name.")
    if options["fps"] is not None and not _holds_pictures(source):
        raise OptionError(f"--fps is for a folder of pictures; {source} has times of its own: leave --fps out.")
    if options["report"] is not None and options["report"].suffix.lower() not in {".html", ".htm"}:
        raise OptionError(f"{options['report']}: a report ends in .html.")
    if options["thumbnails"] and options["report"] is None:
        raise OptionError("--thumbnails are part of the report: add --report PAGE.html.")
    if options["anonymize"] and options["output"] is None and not options["thumbnails"]:
        raise OptionError("--anonymize covers faces in pictures that are written: add -o VIDEO or --thumbnails.")
    if options["anonymize"] and options["max_faces"] is not None:
        raise OptionError("--max-faces leaves faces out, so --anonymize could not cover them: use one of the two.")


def _holds_pictures(source: str) -> bool:
    """Whether a source is a folder or a photograph; what does not exist is told when it is opened."""
    from mien.media.pictures import PICTURE_SUFFIXES

    path = Path(source)
    return (not is_file(path) and "://" not in source) or path.suffix.lower() in PICTURE_SUFFIXES


class _Job:
    """What is made of one video."""

    def __init__(self, source: Source, analyzer: Analyzer, reader: StreamReader, options: Mapping[str, Any]) -> None:
        from mien.media.summary import Summary

        self.source = source
        self.reader = reader
        self.summary: Summary = Summary(analyzer.labels, thumbnails=options["thumbnails"])
        self.files = [options[name] for name in ("output", "timeline", "report") if options[name] is not None]
        self.sinks = self._sinks(analyzer, options)

    def _sinks(self, analyzer: Analyzer, options: Mapping[str, Any]) -> list[Sink]:
        from mien.media.anonymize import AnonymizingSink
        from mien.media.report import ReportSink
        from mien.media.timeline import TimelineSink
        from mien.media.video_writer import VideoSink

        shown: list[Sink] = [self.summary]  # sinks that keep pictures of faces
        if options["report"] is not None:
            facts = _facts(analyzer, options)
            name = Path(self.source.name).name or self.source.name
            shown = [ReportSink(options["report"], self.summary, name, facts, lambda: self.source.notes)]
        if options["output"] is not None:
            shown.append(VideoSink(options["output"], _draw(options["panel"]), _rate(self.source)))
        sinks: list[Sink] = [AnonymizingSink(shown)] if options["anonymize"] else shown
        if options["timeline"] is not None:
            sinks.append(TimelineSink(options["timeline"], analyzer.labels))
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


def _tell(job: _Job, ended: _Ended, options: Mapping[str, Any]) -> None:
    summary = job.summary.result()
    if summary.people:
        console().print(_table(summary))
    for text in job.source.notes:
        notice(f"Note: {text}")
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
    from mien.media.overlay import draw_panel, draw_readings

    return draw_panel if panel else draw_readings


def _rate(source: Source) -> float | None:
    """Frames per second that come out."""
    if source.every_s is None:
        return source.fps
    return min(1 / source.every_s, source.fps or 1 / source.every_s)


def _facts(analyzer: Analyzer, options: Mapping[str, Any]) -> list[tuple[str, str]]:
    import mien

    info = analyzer.classifier.info
    every = options["detector_every"]
    return [
        ("mien", mien.__version__),
        ("model", f"{info.name}, sha256 {analyzer.classifier.sha256[:12]}"),
        ("detector", f"{analyzer.detector.name}, " + ("as often as needed" if every == "auto" else f"every {every}")),
        ("labels", ", ".join(analyzer.labels)),
    ]

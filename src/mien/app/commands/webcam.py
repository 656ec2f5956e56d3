"""`mien webcam`: expressions live from a camera, as a table in the terminal or in a window."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from mien.app.commands.video import RECONNECT, parse_every
from mien.app.options import VIDEO, analyzer_options, make_analyzer
from mien.app.terminal import console, notice
from mien.core.errors import OutputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mien.core.types import Frame, Reading
    from mien.infer.analyzer import Analyzer
    from mien.infer.options import AnalyzerOptions
    from mien.media.live import NewestFrames
    from mien.media.sink import Sink

_STALLED_S = 10.0  # without a picture
_REDRAW_S = 0.1  # a terminal that is drawn more often flickers
_LINE_S = 1.0  # between lines when the output is no terminal
_BAR = 20  # characters of a full bar
_NO_WINDOW = (
    "This OpenCV cannot open windows, because it is the headless package. Leave out --window to see the table, or run "
    "pip uninstall opencv-python-headless and pip install opencv-python."
)


@click.command()
@click.option(
    "--camera", default="0", show_default=True, metavar="N", help="Number of the camera, or an address or file."
)
@click.option("--window", is_flag=True, help="Show the picture in a window (needs an OpenCV that can).")
@click.option("--record", type=click.Path(path_type=Path), help="Write the annotated video to this file.")
@click.option(
    "--timeline", type=click.Path(path_type=Path), help="Write a row per face and frame: .csv/.jsonl/.parquet."
)
@click.option("--reconnect", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help=RECONNECT)
@click.option("--detector-every", default="auto", show_default=True, metavar="N|auto", help="Detect in each Nth frame.")
@analyzer_options(*VIDEO)
def command(
    camera: str,
    window: bool,
    record: Path | None,
    timeline: Path | None,
    reconnect: float | None,
    detector_every: str,
    analysis: AnalyzerOptions,
) -> None:
    """Read expressions live from a camera.

    All probabilities of each face are shown as bars in the terminal. Nothing is stored unless --record or --timeline
    asks for it. Ctrl-C ends.
    """
    from mien.media.live import NewestFrames
    from mien.media.opencv import has_windows
    from mien.media.sink import BackgroundSinks
    from mien.media.source import open_source

    every = parse_every(detector_every)
    if window and not has_windows():
        raise OutputError(_NO_WINDOW)
    analyzer = make_analyzer(replace(analysis, max_faces=None))
    reader = analyzer.reader(detector_every=every, max_faces=analysis.max_faces)
    with open_source(camera, reconnect_s=reconnect) as source, ExitStack() as stack:
        sinks = _sinks(record, timeline, analyzer, source.fps)
        out = stack.enter_context(BackgroundSinks(sinks)) if sinks else None
        stored = [str(path) for path in (record, timeline) if path is not None]
        view = _view(window, stored)
        shown = source if source.live else _at_its_speed(source)
        frames = stack.enter_context(NewestFrames(shown, timeout_s=_STALLED_S + (reconnect or 0.0)))
        try:
            for frame in frames:
                readings = reader.read(frame)
                if out is not None:
                    out.write(frame, readings)
                if not view.show(frame, readings, frames):
                    break
        except KeyboardInterrupt:
            pass
        finally:
            view.close()
    for path in stored:
        notice(f"Wrote {path}.")


def _at_its_speed(frames: Iterable[Frame]) -> Iterator[Frame]:
    """A file that stands for a camera plays as fast as it was filmed."""
    started: float | None = None
    for frame in frames:
        started = time.monotonic() - frame.time_s if started is None else started
        time.sleep(max(0.0, started + frame.time_s - time.monotonic()))
        yield frame


def _sinks(record: Path | None, timeline: Path | None, analyzer: Analyzer, fps: float | None) -> list[Sink]:
    from mien.media.overlay import SteadyDrawing
    from mien.media.timeline import TimelineSink
    from mien.media.video_writer import VideoSink

    sinks: list[Sink] = []
    if record is not None:
        sinks.append(VideoSink(record, SteadyDrawing(panel=True), fps))
    if timeline is not None:
        sinks.append(TimelineSink(timeline, analyzer.labels, sure_score=analyzer.sure_score))
    return sinks


class _View(Protocol):
    """Where a person sees what is read."""

    def show(self, frame: Frame, readings: Sequence[Reading], frames: NewestFrames) -> bool:
        """Show a frame's readings; False when the person wants to end."""
        ...

    def close(self) -> None:
        """Put the screen back."""
        ...


def _view(window: bool, stored: Sequence[str]) -> _View:
    if window:
        return _Window()
    return _Table(stored) if sys.stdout.isatty() else _Lines()


class _Pace:
    """Frames per second and how old a frame is when its readings are shown, as running means."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._step_s = 0.0
        self._lag_s = 0.0

    def tick(self, arrived_s: float) -> str:
        now_s = time.monotonic()
        if self._last_s is not None:
            self._step_s += 0.1 * (now_s - self._last_s - self._step_s) if self._step_s else now_s - self._last_s
        self._last_s = now_s
        self._lag_s += 0.1 * (now_s - arrived_s - self._lag_s)
        rate = f"{1 / self._step_s:.0f} frames per second, " if self._step_s else ""
        return f"{rate}{self._lag_s * 1000:.0f} ms behind"


class _Table:
    """A table with a bar for every expression of every face, drawn in place."""

    def __init__(self, stored: Sequence[str]) -> None:
        from rich.live import Live

        self._foot = f"storing {', '.join(stored)}" if stored else "nothing is stored"
        self._pace = _Pace()
        self._drawn_s = 0.0
        self._live = Live(console=console(), auto_refresh=False, screen=False)
        self._live.start()

    def show(self, frame: Frame, readings: Sequence[Reading], frames: NewestFrames) -> bool:
        pace = self._pace.tick(frames.arrived_s)
        now_s = time.monotonic()
        if now_s - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now_s
            late = f", {frames.dropped} frames left out" if frames.dropped else ""
            self._live.update(faces_view(readings, f"{pace}{late} · {self._foot} · Ctrl-C ends"), refresh=True)
        return True

    def close(self) -> None:
        self._live.stop()


class _Lines:
    """A line per second, for outputs that are no terminal."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def show(self, frame: Frame, readings: Sequence[Reading], frames: NewestFrames) -> bool:
        if frame.time_s >= self._next_s:
            self._next_s = frame.time_s + _LINE_S
            faces = ", ".join(f"person {r.track} {r.caption} {r.confidence:.0%}" for r in readings) or "no face"
            print(f"{frame.time_s:7.1f} s  {faces}", flush=True)
        return True

    def close(self) -> None:
        """Nothing to put back."""


class _Window:
    """The picture with a panel of all probabilities; Escape or q ends."""

    _NAME = "mien"

    def __init__(self) -> None:
        import cv2

        from mien.media.overlay import SteadyDrawing

        self._draw = SteadyDrawing(panel=True)
        cv2.namedWindow(self._NAME, cv2.WINDOW_AUTOSIZE)

    def show(self, frame: Frame, readings: Sequence[Reading], frames: NewestFrames) -> bool:
        import cv2

        cv2.imshow(self._NAME, self._draw(frame.image, readings))
        key = cv2.waitKey(1) & 0xFF
        return key not in {27, ord("q")} and cv2.getWindowProperty(self._NAME, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        import cv2

        cv2.destroyAllWindows()


def faces_view(readings: Sequence[Reading], foot: str) -> RenderableType:
    """All probabilities of each face as bars, side by side, with a line below.

    Args:
        readings: of one frame.
        foot: the line below.

    """
    from rich.columns import Columns
    from rich.console import Group
    from rich.text import Text

    line = Text(foot, style="dim")
    if not readings:
        return Group(Text("No face in the picture."), line)
    return Group(Columns([_face(reading) for reading in readings], padding=(0, 2)), line)


def _face(reading: Reading) -> RenderableType:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from mien.draw.lettering import colour_of

    values = reading.smooth_values or reading.values
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(justify="left")
    table.add_column(width=_BAR)
    table.add_column(justify="right", width=5)
    table.title = f"person {reading.track}: {reading.caption} {reading.confidence:.0%}"
    table.title_justify = "left"
    table.title_style = "bold"
    for label, value in zip(reading.labels, values, strict=True):
        colour = "rgb({},{},{})".format(*colour_of(label, reading.labels))
        held = "bold" if label == reading.emotion else ""
        table.add_row(Text(label, style=held), Text(_bar(value), style=colour), Text(f"{value:.0%}", style=held))
    return Padding(table, (0, 0, 1, 0))


def _bar(value: float) -> str:
    """A bar in eighths of a character."""
    eighths = round(value * _BAR * 8)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]

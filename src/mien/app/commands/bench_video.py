"""`mien bench video`: frames per second on synthetic clips, and what skipping detections costs.

The clips are 640x480 at 30 frames per second: one moving face, four, and one with a second person who walks through.
The pictures of the faces come from scikit-image and, if it is installed, matplotlib. Everything runs on one thread,
from the file to the readings.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mien.app.bench.results import Column, Result, read_stored, result_options, tell
from mien.app.options import VIDEO, analyzer_options, make_analyzer
from mien.app.terminal import console
from mien.core.errors import MissingExtraError

if TYPE_CHECKING:
    from mien.app.scenes import Head, Scene
    from mien.core.types import Detector
    from mien.infer.analyzer import Analyzer
    from mien.infer.options import AnalyzerOptions

_WIDTH, _HEIGHT, _FPS = 640, 480, 30.0
_SAME_IOU = 0.5
_FIGURE = "fps_cpu"
_COLUMNS: Sequence[Column] = (
    ("clip, detect every", lambda row: row["name"]),
    ("detections", lambda row: f"{row['detections']}/{row['frames']}"),
    ("frames/s", lambda row: f"{row['fps']:.0f}"),
    ("per CPU s", lambda row: f"{row['fps_cpu']:.0f}"),
    ("no classifier", lambda row: f"{row['fps_cpu_faces']:.0f}"),
    ("same faces", lambda row: f"{row['same']:.1%}"),
)

Boxes = list[list[tuple[float, float, float, float]]]


@dataclass(frozen=True)
class _Row:
    name: str
    clip: str
    detector_every: str
    frames: int
    faces_per_frame: float
    detections: int
    fps: float
    """Frames per second of the clock, from the file to the readings."""
    fps_cpu: float
    """The same, per second of processor time: what one undisturbed core does."""
    fps_cpu_faces: float
    """Without the classifier: decoding, detecting, following."""
    same: float
    """Share of the frames whose faces are those of detecting everywhere (one to one, IoU >= 0.5)."""


@click.command()
@click.option("--seconds", type=click.FloatRange(1), default=10.0, show_default=True, help="Length of each clip.")
@analyzer_options(*VIDEO)
@result_options
def command(seconds: float, out: Path | None, against: Path | None, analysis: AnalyzerOptions) -> None:
    """Frames per second of video on one thread, with detection in every frame and as often as needed."""
    import cv2

    from mien.app.scenes import two_heads

    stored = read_stored(against, "video", _FIGURE)
    cv2.setNumThreads(1)
    analyzer = make_analyzer(replace(analysis, threads=1))
    heads = two_heads(analyzer.detector)
    if heads is None:
        raise MissingExtraError("Making the clips", "scikit-image", "demo")
    rows: list[_Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, scene in _scenes(heads).items():
            clip = _write(Path(folder) / f"{name}.mp4", scene, seconds)
            everywhere = _detected(clip, analyzer.detector)
            rows += [_measure(clip, analyzer, 1, everywhere), _measure(clip, analyzer, "auto", everywhere)]
        decode_fps = _decode(clip)
    name = analyzer.detector.name
    settings = {"size": [_WIDTH, _HEIGHT], "seconds": seconds, "detector": name, "decode_fps_cpu": decode_fps}
    console().print(f"Decoding alone: {decode_fps:,.0f} frames per CPU second.")
    result = Result("video", _FIGURE, settings, [asdict(row) for row in rows])
    tell(result, f"Video, {_WIDTH}x{_HEIGHT}, one thread, {name}", _COLUMNS, out, stored)


def _scenes(heads: Sequence[Head]) -> dict[str, Scene]:
    from mien.app.scenes import Actor, Scene, backdrop, swaying

    a, b = heads[0], heads[-1]
    room = backdrop(_WIDTH, _HEIGHT)
    one = [Actor(a, swaying((320, 240), 150, (120, 40), 3.0))]
    four = [
        Actor(a, swaying((110, 120), 90, (40, 20), 3.0)),
        Actor(b, swaying((330, 130), 80, (40, 20), 2.5, 0.3)),
        Actor(a, swaying((540, 340), 110, (40, 30), 3.4, 0.6)),
        Actor(b, swaying((200, 350), 100, (60, 20), 4.0, 0.8)),
    ]
    visited = [Actor(a, swaying((320, 150), 110, (30, 15), 3.0)), Actor(b, _passer_by)]
    clips = {"one face": one, "four faces": four, "passer-by": visited}
    return {name: Scene(room, actors, noise=2.0) for name, actors in clips.items()}


def _passer_by(time_s: float) -> tuple[float, float, float] | None:
    """Crosses the picture in six seconds, every eight seconds."""
    x = -80 + 140 * (time_s % 8)
    return (x, 350.0, 90.0) if x < _WIDTH + 80 else None


def _write(path: Path, scene: Scene, seconds: float) -> Path:
    from mien.media.video_writer import VideoSink

    sink = VideoSink(path, lambda image, _readings: image, _FPS)
    for frame in scene.frames(seconds, _FPS):
        sink.write(frame, ())
    sink.close()
    return path


def _decode(clip: Path) -> float:
    from mien.media.source import open_source

    started = time.process_time()
    with open_source(clip) as source:
        frames = sum(1 for _ in source)
    return frames / (time.process_time() - started)


def _detected(clip: Path, detector: Detector) -> Boxes:
    from mien.media.source import open_source

    with open_source(clip) as source:
        return [[face.box for face in detector.detect(frame.image)] for frame in source]


def _measure(clip: Path, analyzer: Analyzer, every: int | Literal["auto"], everywhere: Boxes) -> _Row:
    from mien.infer.stream import StreamOptions, StreamReader
    from mien.media.source import open_source

    reader = StreamReader(analyzer.detector, analyzer.classifier, StreamOptions(detector_every=every))
    boxes: Boxes = []
    wall, cpu = time.perf_counter(), time.process_time()
    with open_source(clip) as source:
        for frame in source:
            boxes.append([reading.box for reading in reader.read(frame)])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return _Row(
        name=f"{clip.stem}, {every}",
        clip=clip.stem,
        detector_every=str(every),
        frames=len(boxes),
        faces_per_frame=sum(map(len, boxes)) / len(boxes),
        detections=reader.detections,
        fps=len(boxes) / wall,
        fps_cpu=len(boxes) / cpu,
        fps_cpu_faces=_without_classifier(clip, analyzer, every),
        same=sum(map(same_faces, everywhere, boxes)) / len(boxes),
    )


def _without_classifier(clip: Path, analyzer: Analyzer, every: int | Literal["auto"]) -> float:
    from mien.infer.stream import StreamOptions, StreamReader
    from mien.media.source import open_source

    reader = StreamReader(analyzer.detector, analyzer.classifier, StreamOptions(detector_every=every))
    cpu = time.process_time()
    with open_source(clip) as source:
        frames = sum(1 for frame in source if reader.find(frame) is not None)
    return frames / (time.process_time() - cpu)


def same_faces(a: Sequence[Sequence[float]], b: Sequence[Sequence[float]]) -> bool:
    """Whether two frames hold the same faces: as many, and one to one at IoU >= 0.5."""
    from mien.core.geometry import iou

    if len(a) != len(b):
        return False
    if not a:
        return True
    hits = iou(a, b) >= _SAME_IOU
    return bool(hits.any(axis=1).all() and hits.any(axis=0).all())

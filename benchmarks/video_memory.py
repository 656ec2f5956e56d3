"""Memory of `mien video` over a long clip: it must not grow with the video.

    python benchmarks/video_memory.py [--minutes 30] [--detector FILE]

Makes a clip of moving faces (640x480, 30 frames per second), reads it with every output that the command has, and
prints the process's memory after each tenth. Prints a table and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from mien.app.scenes import Actor, Scene, backdrop, swaying, two_heads
from mien.infer.analyzer import Analyzer
from mien.infer.detect import open_detector
from mien.infer.stream import StreamReader
from mien.media.anonymize import AnonymizingSink
from mien.media.live import ReadAhead
from mien.media.overlay import draw_readings
from mien.media.report import ReportSink
from mien.media.sink import BackgroundSinks
from mien.media.source import open_source
from mien.media.summary import Summary
from mien.media.timeline import TimelineSink
from mien.media.video_writer import VideoSink

_FPS = 30
_LOOP_S = 20.0


def _resident_mb() -> float:
    """Memory that the process occupies now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def _make(path: Path, minutes: float, detector: str) -> None:
    """Twenty seconds of two moving faces, over and over, as one file."""
    heads = two_heads(open_detector(detector))
    if heads is None:
        raise SystemExit("The clip needs scikit-image: pip install scikit-image.")
    actors = [
        Actor(heads[0], swaying((200, 240), 120, (100, 40), 4.0)),
        Actor(heads[-1], swaying((460, 240), 110, (80, 40), 3.3)),
    ]
    images = [frame.image for frame in Scene(backdrop(640, 480), actors).frames(_LOOP_S, _FPS)]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), _FPS, (640, 480))
    for i in range(round(minutes * 60 * _FPS)):
        writer.write(images[i % len(images)])
    writer.release()


def main() -> None:
    """Run from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--detector", default="auto")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        # In a process of its own, so that the pictures of the loop do not count.
        maker = multiprocessing.get_context("spawn").Process(target=_make, args=(clip, given.minutes, given.detector))
        maker.start()
        maker.join()
        _measure(clip, folder, Analyzer(detector=given.detector))


def _measure(clip: Path, folder: Path, analyzer: Analyzer) -> None:
    reader = StreamReader(analyzer.detector, analyzer.classifier)
    report = ReportSink(folder / "a.html", Summary(analyzer.labels, thumbnails=True), "clip")
    shown = [report, VideoSink(folder / "a.mp4", draw_readings, _FPS)]
    sinks = [AnonymizingSink(shown), TimelineSink(folder / "a.csv", analyzer.labels)]
    samples: list[tuple[float, float]] = []  # seconds of video, MB
    started = time.monotonic()
    with open_source(clip) as source, BackgroundSinks(sinks) as out, ReadAhead(source) as frames:
        total = source.frame_count or 1
        marks = set(np.linspace(0, total - 1, 11).astype(int).tolist())
        for frame in frames:
            out.write(frame, reader.read(frame))
            if frame.index in marks:
                samples.append((frame.time_s, _resident_mb()))
                print(f"{frame.time_s / 60:5.1f} min of video  {samples[-1][1]:7.1f} MB", flush=True)
    seconds = time.monotonic() - started
    settled = [mb for _, mb in samples[1:]]  # the first frame is read before the caches are filled
    result = {
        "benchmark": "video_memory",
        "minutes": round(total / _FPS / 60, 1),
        "frames": total,
        "mb": [round(mb, 1) for _, mb in samples],
        "growth_mb": round(settled[-1] - settled[0], 1),
        "fps": round(total / seconds, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

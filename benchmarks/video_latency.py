"""How late the readings of a camera are, and whether late frames are dropped.

    python benchmarks/video_latency.py [--seconds 600] [--work-ms 40] [--detector FILE]

A simulated camera gives a 640x480 frame of a moving face every 33.3 ms. In the second half each frame costs
`--work-ms` more, so the reader is slower than the camera: frames must be dropped and the delay must not grow. The
delay runs from the moment when the camera has the frame to the moment when its readings are there. Prints a table and
ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np

from mien.app.scenes import Actor, Scene, backdrop, swaying, two_heads
from mien.core.types import Frame
from mien.infer.analyzer import Analyzer
from mien.infer.stream import StreamReader
from mien.media.live import NewestFrames

_FPS = 30
_LOOP_S = 12.0


def _camera(scene: Scene, seconds: float) -> Iterator[Frame]:
    """Frames at their time; a camera does not wait for its reader."""
    images = [frame.image for frame in scene.frames(_LOOP_S, _FPS)]
    started = time.monotonic()
    for i in range(round(seconds * _FPS)):
        wait = started + i / _FPS - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield Frame(images[i % len(images)], i, time.monotonic() - started)


def main() -> None:
    """Run from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600.0)
    options.add_argument("--work-ms", type=float, default=40.0)
    options.add_argument("--detector", default="auto")
    given = options.parse_args()
    analyzer = Analyzer(detector=given.detector)
    heads = two_heads(analyzer.detector)
    if heads is None:
        raise SystemExit("The scene needs scikit-image: pip install scikit-image.")
    scene = Scene(backdrop(640, 480), [Actor(heads[0], swaying((320, 240), 140, (120, 40), 3.0))], noise=2.0)
    halves = [_measure(analyzer, scene, given.seconds / 2, work_ms) for work_ms in (0.0, given.work_ms)]
    for half in halves:
        print(
            f"{half['work_ms']:5.0f} ms of extra work: {half['read']} of {half['sent']} frames read, delay "
            f"median {half['median_ms']:.0f} ms, 95 % below {half['p95_ms']:.0f} ms, longest {half['max_ms']:.0f} ms"
        )
    print(json.dumps({"benchmark": "video_latency", "seconds": given.seconds, "fps": _FPS, "halves": halves}))


def _measure(analyzer: Analyzer, scene: Scene, seconds: float, work_ms: float) -> dict[str, float]:
    reader = StreamReader(analyzer.detector, analyzer.classifier)
    late_ms = []
    with NewestFrames(_camera(scene, seconds)) as frames:
        for frame in frames:
            reader.read(frame)
            time.sleep(work_ms / 1000)
            late_ms.append((time.monotonic() - frames.arrived_s) * 1000)
        dropped = frames.dropped
    late = np.array(late_ms)
    tenths = [float(np.median(part)) for part in np.array_split(late, 10)]
    return {
        "work_ms": work_ms,
        "sent": round(seconds * _FPS),
        "read": len(late),
        "dropped": dropped,
        "median_ms": round(float(np.median(late)), 1),
        "p95_ms": round(float(np.quantile(late, 0.95)), 1),
        "max_ms": round(float(late.max()), 1),
        "share_below_100_ms": round(float((late < 100).mean()), 4),
        "first_tenth_ms": round(tenths[0], 1),
        "last_tenth_ms": round(tenths[-1], 1),
    }


if __name__ == "__main__":
    main()

"""Where the time of one photograph goes, from the bytes of its file to the readings.

Calls the same functions as `mien.infer.analyzer`, one after the other, and takes the processor's time between them: on
an idle machine and one thread it is the clock's, on a busy one it is nearer to the truth.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.app.bench.timing import Timing, timing_of
from mien.infer.analyzer import Analyzer
from mien.infer.crop import crop_faces
from mien.infer.detectors.scaling import shrink
from mien.pictures.decode import load_image

__all__ = ["STAGES", "StageTimes", "time_stages"]

STAGES = ("decode", "resize", "detect", "crop", "classify", "rest")
"""Decode the file; shrink it for the detector; find faces; cut them out; classify them; everything else."""


@dataclass(frozen=True)
class StageTimes:
    """Median processor milliseconds of the stages, and the times of the whole as the analyzer does it."""

    stages: dict[str, float]
    whole: Timing
    faces: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"faces_found": self.faces, **self.whole.to_dict(), "stages_cpu_ms": self.stages}


def time_stages(
    analyzer: Analyzer, data: bytes, side: int | None, repeats: int, warm_up: int = 2, budget_s: float = 20.0
) -> StageTimes:
    """Time an analyzer on the bytes of one picture file.

    Stages and whole take turns, so that a busy moment of the machine hits both.

    Args:
        analyzer: what is measured.
        data: the file.
        side: the longest side at which its detector looks; None for full size.
        repeats: at most so many rounds.
        warm_up: rounds before the first timed one.
        budget_s: no further round is begun after so many seconds.

    Raises:
        ImageError: `data` is no picture.

    """
    faces = 0
    for _ in range(max(warm_up, 1)):
        faces = len(analyzer.analyze(data))
        _round(analyzer, data, side)
    rounds: list[Sequence[float]] = []
    whole: list[float] = []
    cpu: list[float] = []
    end = time.perf_counter() + budget_s
    while len(whole) < repeats and (len(whole) < 3 or time.perf_counter() < end):
        rounds.append(_round(analyzer, data, side))
        start, start_cpu = time.perf_counter(), time.process_time()
        analyzer.analyze(data)
        cpu.append(time.process_time() - start_cpu)
        whole.append(time.perf_counter() - start)
    timing = timing_of(whole, cpu)
    parts = (np.median(np.array(rounds), axis=0) * 1e3).tolist()
    stages = dict(zip(STAGES, [*parts, max(timing.cpu_ms - sum(parts), 0.0)], strict=True))
    return StageTimes(stages, timing, faces)


def _round(analyzer: Analyzer, data: bytes, side: int | None) -> Sequence[float]:
    """Processor seconds of each stage but the rest, in their order."""
    start = time.process_time()
    picture = load_image(data)
    decoded = time.process_time()
    shrink(picture, side)  # the detector does the same again inside; its share is taken off below
    resized = time.process_time()
    faces = list(analyzer.detector.detect(picture))
    found = time.process_time()
    crops = crop_faces(picture, faces, analyzer.classifier.crop)
    cut = time.process_time()
    if len(crops):
        analyzer.classifier.classify(crops)
    read = time.process_time()
    resize = resized - decoded
    return decoded - start, resize, max(found - resized - resize, 0.0), cut - found, read - cut

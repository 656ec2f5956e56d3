"""How long a call takes: warm-up, repeats, median and 95th percentile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["Timing", "measure", "timing_of"]

_LEAST = 3  # repeats, however long one takes


@dataclass(frozen=True)
class Timing:
    """Times of repeated calls in milliseconds; `cpu_ms` is the processor's time of this process, over all threads."""

    repeats: int
    median_ms: float
    p95_ms: float
    best_ms: float
    cpu_ms: float
    """Median; on a busy machine nearer to the truth than the clock."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def measure(call: Callable[[], object], repeats: int, warm_up: int = 3, budget_s: float = 20.0) -> Timing:
    """Time a call.

    Args:
        call: what is measured.
        repeats: how often it is timed.
        warm_up: calls before the first timed one.
        budget_s: seconds after which no further repeat is begun, so that slow calls end in time; three are always
            made.

    """
    for _ in range(warm_up):
        call()
    wall: list[float] = []
    cpu: list[float] = []
    end = time.perf_counter() + budget_s
    while len(wall) < repeats and (len(wall) < _LEAST or time.perf_counter() < end):
        start, start_cpu = time.perf_counter(), time.process_time()
        call()
        cpu.append(time.process_time() - start_cpu)
        wall.append(time.perf_counter() - start)
    return timing_of(wall, cpu)


def timing_of(wall_s: Sequence[float], cpu_s: Sequence[float] = ()) -> Timing:
    """Figures of times in seconds; without processor times `cpu_ms` is 0.

    Raises:
        ValueError: there are no times.

    """
    if not wall_s:
        raise ValueError("Expected at least one time.")
    wall = np.asarray(wall_s) * 1e3
    cpu = float(np.median(cpu_s)) * 1e3 if len(cpu_s) else 0.0
    return Timing(len(wall), float(np.median(wall)), float(np.percentile(wall, 95)), float(wall.min()), cpu)

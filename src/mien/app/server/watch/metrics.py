"""Counters in the text format of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Metrics"]

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[tuple[str, str], ...]

_HELP = {
    "mien_requests_total": "Requests that were answered.",
    "mien_request_seconds": "Seconds from the first byte of a request to the last of its answer.",
    "mien_pictures_total": "Pictures that were read, by how they came.",
    "mien_faces_total": "Faces that were read, by how they came.",
    "mien_frames_total": "Live frames, by what became of them.",
    "mien_open": "Requests and live connections that are open now.",
    "mien_connections": "Connections that are open now, busy or not.",
    "mien_connections_closed_total": "Connections that the service closed, by why.",
    "mien_live_connections": "Live connections that are open now.",
    "mien_waiting": "Pictures and frames that wait for a worker or are being read.",
    "mien_video_jobs": "Videos that wait or are being read.",
    "mien_stage_seconds": "Seconds of each stage of a picture or live frame.",
    "mien_queue_seconds": "Seconds for which a picture or frame waited for its worker.",
    "mien_queue_length": "Pictures and frames, or videos, that wait and have not begun.",
    "mien_queue_age_seconds": "Seconds for which the first of them has waited.",
    "mien_refused_total": "Requests that were refused, by why.",
    "mien_workers": "Workers that read pictures.",
    "mien_worker_restarts_total": "Processes of workers that had ended and were started again.",
    "mien_reloads_total": "Reloads by SIGHUP, by how they ended.",
}


@dataclass
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * len(_BUCKETS_S))
    total: int = 0
    sum_s: float = 0.0


class Metrics:
    """Counts, gauges and durations; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, Labels], int] = {}
        self._gauges: dict[tuple[str, Labels], Callable[[], float]] = {}
        self._times: dict[tuple[str, Labels], _Histogram] = {}

    def count(self, name: str, by: int = 1, **labels: str) -> None:
        """Add to a counter."""
        key = (name, tuple(sorted(labels.items())))
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + by

    def gauge(self, name: str, read: Callable[[], float], **labels: str) -> None:
        """Show what `read` gives whenever somebody looks; a name that ends in `_total` is a counter."""
        self._gauges[name, tuple(sorted(labels.items()))] = read

    def time(self, name: str, seconds: float, **labels: str) -> None:
        """Add a duration to a histogram."""
        with self._lock:
            histogram = self._times.setdefault((name, tuple(sorted(labels.items()))), _Histogram())
            histogram.total += 1
            histogram.sum_s += seconds
            for i, edge in enumerate(_BUCKETS_S):
                histogram.counts[i] += seconds <= edge

    def render(self) -> str:
        """Everything as text."""
        with self._lock:
            counts = sorted(self._counts.items())
            times = sorted((key, list(h.counts), h.total, h.sum_s) for key, h in self._times.items())
        lines: list[str] = []
        for (name, labels), value in counts:
            _head(lines, name, "counter")
            lines.append(f"{name}{_text(labels)} {value}")
        for (name, labels), read in sorted(self._gauges.items(), key=lambda item: item[0]):
            _head(lines, name, "counter" if name.endswith("_total") else "gauge")
            lines.append(f"{name}{_text(labels)} {read():g}")
        for (name, labels), cumulative, total, sum_s in times:
            _head(lines, name, "histogram")
            for edge, number in zip(_BUCKETS_S, cumulative, strict=True):
                lines.append(f"{name}_bucket{_text((*labels, ('le', f'{edge:g}')))} {number}")
            lines.append(f"{name}_bucket{_text((*labels, ('le', '+Inf')))} {total}")
            lines.append(f"{name}_sum{_text(labels)} {sum_s:.6f}")
            lines.append(f"{name}_count{_text(labels)} {total}")
        return "\n".join(lines) + "\n"


def _head(lines: list[str], name: str, kind: str) -> None:
    line = f"# TYPE {name} {kind}"
    if line not in lines:
        lines += [f"# HELP {name} {_HELP.get(name, name)}", line]


def _text(labels: Labels) -> str:
    if not labels:
        return ""
    escaped = (f'{key}="{_escape(value)}"' for key, value in labels)
    return "{" + ",".join(escaped) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

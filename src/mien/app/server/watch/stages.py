"""Seconds by stage of a request: into the histogram of `/metrics`, and kept with the request for its trace."""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from mien.app.server.watch.metrics import Metrics

__all__ = ["STAGES", "note_stages", "stages_of"]

STAGES = ("decode", "detect", "classify", "read", "encode", "whole")
"""From bytes to pixels, faces, probabilities; `read` is all of it for a live frame, whose faces are followed; the
answer's JSON; from the head of a request (or the coming of a frame) to its answer.
"""

_KEY = "mien.stages"


def note_stages(
    metrics: Metrics, scope: MutableMapping[str, Any] | None, kind: str, stages: Mapping[str, float]
) -> None:
    """Count the stages of a picture or frame.

    Args:
        metrics: where they are counted.
        scope: of the request that they belong to, or None.
        kind: "picture" or "live".
        stages: seconds of each, in the order in which they were done, the last one just now.

    """
    for stage, seconds in stages.items():
        metrics.time("mien_stage_seconds", seconds, kind=kind, stage=stage)
    if scope is not None:
        scope.setdefault(_KEY, []).append((time.time_ns(), dict(stages)))


def stages_of(scope: Mapping[str, Any]) -> list[tuple[int, dict[str, float]]]:
    """What was noted of a request: the end in nanoseconds since 1970 and the seconds of each stage before it."""
    return list(scope.get(_KEY, ()))

"""The columns of a time line: names, kinds, units and meanings, which codebooks and documentation share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mien.media.quality import FLAGS

__all__ = ["GAP", "POINTS", "Column", "Kind", "columns", "describe", "labels_of"]

Kind = Literal["number", "whole", "text", "truth"]


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""


GAP = "gap"
"""What `quality` says where a live source broke off; such a row has a time and no face."""

POINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
"""Landmarks in their order; the person's right."""

_FACE = (
    Column("time_s", "number", "presentation time of the frame", "s"),
    Column("frame", "whole", "number of the frame, from 0, over the frames that were read"),
    Column("track", "whole", "who: a face that was followed without a longer break keeps its number"),
    Column("x1", "number", "left edge of the box", "px"),
    Column("y1", "number", "upper edge of the box", "px"),
    Column("x2", "number", "right edge of the box (outside)", "px"),
    Column("y2", "number", "lower edge of the box (outside)", "px"),
    Column("score", "number", "the detector's score; between detections that of the last one"),
    Column("emotion", "text", "the expression that holds"),
    Column("confidence", "number", "smoothed probability of `emotion`", "0..1"),
    Column("uncertain", "truth", "whether the confidence is below the threshold"),
)
_QUALITY = (
    *(
        Column(f"{point}_{axis}", "number", f"{axis} of the {point.replace('_', ' ')}, as the person has it", "px")
        for point in POINTS
        for axis in "xy"
    ),
    Column("roll", "number", "lean of the head; positive: clockwise in the picture", "degrees"),
    Column("yaw", "number", "coarse turn of the head; positive: to the right edge of the picture", "degrees"),
    Column("face_px", "number", "size of the face: shorter side of the box", "px"),
    Column("sharpness", "number", "strength of fine detail over contrast, at a side of 64 px"),
    Column("exposure", "number", "mean brightness of the face", "0..1"),
    Column(
        "quality",
        "text",
        f"flaws of the face, joined by spaces: {', '.join(FLAGS)}; {GAP}: the source broke off; empty: none",
    ),
    Column("plausible", "truth", "whether the whole track is plausible as a person; others count nowhere"),
)


def describe(labels: Sequence[str]) -> tuple[Column, ...]:
    """The columns, in order, for a model with these labels."""
    raw = (Column(f"p_{label}", "number", f"probability of {label} in this very frame", "0..1") for label in labels)
    smooth = (Column(f"smooth_{label}", "number", f"smoothed probability of {label}", "0..1") for label in labels)
    return (*_FACE, *raw, *smooth, *_QUALITY)


def columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns, in order, for a model with these labels."""
    return tuple(column.name for column in describe(labels))


def labels_of(names: Sequence[str]) -> tuple[str, ...]:
    """The labels that the columns of a time line name."""
    return tuple(name.removeprefix("p_") for name in names if name.startswith("p_"))

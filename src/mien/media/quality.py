"""How well a face can be read: its size, pose, sharpness and exposure, and flags from stated thresholds.

Pose comes from five points only, so yaw is coarse; `docs/study.md` says how far it can be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.core.types import Box, Face, Image, Point

__all__ = [
    "BLURRED_BELOW", "DARK_BELOW", "EDGE_SHARE", "FLAGS", "SMALL_BELOW_PX", "TURNED_FROM", "Flag", "Quality",
    "measure", "pose",
]  # fmt: skip

# Where 5 to 10 labels in 100 become others on photographs that are shrunk, blurred or darkened (docs/study.md).
SMALL_BELOW_PX = 32.0
"""Shorter side of the box."""
BLURRED_BELOW = 0.2
DARK_BELOW = 0.1
TURNED_FROM = 30.0
"""Degrees of yaw to either side."""
EDGE_SHARE = 0.02
"""A box that comes nearer to the picture's edge, in its own sides, is cut by it."""

_NOSE = 0.6
"""How far the nose stands out before the middle of eyes and mouth, in distances between the eyes (docs/study.md)."""
_SIDE = 64  # px at which sharpness and exposure are measured, so that they don't depend on the face's size


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of one face in one frame."""

    face_px: float
    """Shorter side of the box, in pixels."""
    roll: float | None
    """Degrees, -180..180; positive: the head leans clockwise in the picture. None without landmarks."""
    yaw: float | None
    """Degrees, -90..90; positive: turned to the right edge of the picture. None without landmarks."""
    sharpness: float
    """Strength of fine detail over contrast at a side of 64 px, from 0."""
    exposure: float
    """Mean brightness of the face, 0..1."""
    edge: bool
    """Whether the picture's edge cuts the face."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Names from `FLAGS` of what is wrong with this face; empty when it is good."""
        return tuple(name for name, flag in FLAGS.items() if flag.holds(self))


@dataclass(frozen=True)
class Flag:
    """One thing that can be wrong with a face."""

    rule: str
    """When it is set, for people to read."""
    holds: Callable[[Quality], bool]


FLAGS: Mapping[str, Flag] = {
    "small": Flag(f"the shorter side of the box is below {SMALL_BELOW_PX:g} px", lambda q: q.face_px < SMALL_BELOW_PX),
    "blurred": Flag(f"sharpness is below {BLURRED_BELOW:g}", lambda q: q.sharpness < BLURRED_BELOW),
    "dark": Flag(f"exposure is below {DARK_BELOW:g}", lambda q: q.exposure < DARK_BELOW),
    "turned": Flag(
        f"yaw is {TURNED_FROM:g} degrees or more to either side",
        lambda q: q.yaw is not None and abs(q.yaw) >= TURNED_FROM,
    ),
    "edge": Flag(f"the box comes within {EDGE_SHARE:.0%} of its side of the picture's edge", lambda q: q.edge),
}
"""Name of a quality flag -> its rule. Every flag of the time line stands here."""


def measure(image: Image, face: Face) -> Quality:
    """Quality of a face in its picture, (H, W, 3) uint8 BGR."""
    x1, y1, x2, y2 = face.box
    roll, yaw = pose(face.landmarks) if face.landmarks is not None else (None, None)
    sharpness, exposure = _appearance(image, face.box)
    return Quality(
        face_px=min(x2 - x1, y2 - y1),
        roll=roll,
        yaw=yaw,
        sharpness=sharpness,
        exposure=exposure,
        edge=not face.whole and _is_cut(face.box, image),
    )


def pose(landmarks: Sequence[Point]) -> tuple[float, float]:
    """Roll and coarse yaw, in degrees, from right eye, left eye, nose and both mouth corners.

    Roll is the slope of the line through the eyes. Yaw compares how far the nose has left the middle line of the face
    with the distance between the eyes, as on a head whose nose stands out by `_NOSE` of it.
    """
    right, left, nose, right_mouth, left_mouth = (np.asarray(point, np.float64) for point in landmarks)
    across = left - right
    apart = float(np.hypot(*across))
    roll = math.degrees(math.atan2(across[1], across[0]))
    if apart < 1e-6:
        return roll, 0.0
    middle = (right + left + right_mouth + left_mouth) / 4
    offset = float((nose - middle) @ across) / apart
    return roll, math.degrees(math.atan2(offset, _NOSE * apart))


def _appearance(image: Image, box: Box) -> tuple[float, float]:
    """Sharpness and exposure of the part of a box that lies in the picture."""
    height, width = image.shape[:2]
    x1, y1 = max(math.floor(box[0]), 0), max(math.floor(box[1]), 0)
    x2, y2 = min(math.ceil(box[2]), width), min(math.ceil(box[3]), height)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return 0.0, 0.0
    part = image[y1:y2, x1:x2]
    way = cv2.INTER_AREA if min(part.shape[:2]) >= _SIDE else cv2.INTER_LINEAR
    grey = cv2.cvtColor(cv2.resize(part, (_SIDE, _SIDE), interpolation=way), cv2.COLOR_BGR2GRAY)
    contrast = float(grey.std())
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).std())
    return (detail / contrast if contrast > 1e-6 else 0.0), float(grey.mean()) / 255


def _is_cut(box: Box, image: Image) -> bool:
    x, y = EDGE_SHARE * (box[2] - box[0]), EDGE_SHARE * (box[3] - box[1])
    return box[0] < x or box[1] < y or box[2] > image.shape[1] - x or box[3] > image.shape[0] - y

"""Synthetic clips with moving faces: for `mien bench video`, the longer measurements in `benchmarks/`, and the tests.

A scene is a background and some actors that move along given paths; where every face truly is, is known. Nothing is
stored here: the pictures of the faces are given (`head_of` cuts one out of a photograph).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Box, Detector, Frame, Image

__all__ = ["Actor", "Head", "Scene", "backdrop", "head_of", "swaying", "two_heads"]

_SHIFT = 97  # px by which a sheet of noise is larger than a picture


@dataclass(frozen=True, eq=False)
class Head:
    """A face with its surroundings, cut out with a soft edge."""

    image: Image  # (h, w, 3)
    alpha: NDArray[np.float32]  # (h, w, 1) in 0..1
    face: Box  # in pixels of `image`


Path = Callable[[float], tuple[float, float, float] | None]
"""Time in seconds -> (centre x, centre y, height of the face) in pixels, or None while the actor is away."""


@dataclass(frozen=True, eq=False)
class Actor:
    """A head that moves."""

    head: Head
    path: Path


@dataclass(frozen=True, eq=False)
class Scene:
    """Actors before a background; later actors stand in front of earlier ones.

    Args:
        background: (H, W, 3) picture.
        actors: who is in it.
        noise: standard deviation of the camera's noise in grey levels.

    """

    background: Image
    actors: Sequence[Actor]
    noise: float = 0.0

    def image(self, time_s: float) -> Image:
        """The picture at a time, (H, W, 3) uint8."""
        canvas = self.background.copy()
        for actor in self.actors:
            if (place := actor.path(time_s)) is not None:
                _paste(canvas, actor.head, place)
        if self.noise:
            height, width = canvas.shape[:2]
            grain = _grain(height, width, self.noise, round(time_s * 1e6))
            canvas = np.clip(canvas + grain, 0, 255).astype(np.uint8)
        return canvas

    def boxes(self, time_s: float) -> list[Box | None]:
        """Where the face of each actor is at a time, hidden by others or not; None while away."""
        places = [actor.path(time_s) for actor in self.actors]
        return [p and _face_box(actor.head, p) for actor, p in zip(self.actors, places, strict=True)]

    def frames(self, duration_s: float, fps: float = 30.0, start_s: float = 0.0) -> Iterator[Frame]:
        """Frames of the scene, one after the other."""
        for i in range(round(duration_s * fps)):
            time_s = start_s + i / fps
            yield Frame(self.image(time_s), i, time_s)


def head_of(image: Image, face: Box) -> Head:
    """Cut a head out of a photograph, around the box of its face: an ellipse with a soft edge."""
    x1, y1, x2, y2 = face
    width, height = x2 - x1, y2 - y1
    left, top = max(0, round(x1 - 0.55 * width)), max(0, round(y1 - 0.5 * height))
    right = min(image.shape[1], round(x2 + 0.55 * width))
    bottom = min(image.shape[0], round(y2 + 0.35 * height))
    part = np.ascontiguousarray(image[top:bottom, left:right])
    mask = np.zeros(part.shape[:2], np.float32)
    centre = (part.shape[1] // 2, part.shape[0] // 2)
    cv2.ellipse(mask, centre, (int(part.shape[1] * 0.44), int(part.shape[0] * 0.46)), 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.04 * part.shape[1])
    alpha = cast(NDArray[np.float32], soft[..., None])
    return Head(part, alpha, (x1 - left, y1 - top, x2 - left, y2 - top))


def two_heads(detector: Detector) -> list[Head] | None:
    """Heads of Eileen Collins (from scikit-image) and Grace Hopper (from matplotlib), as far as they are installed.

    Returns:
        One or two heads; None without scikit-image, or when the detector finds no face.

    """
    try:
        from skimage import data
    except ImportError:
        return None
    pictures = [np.ascontiguousarray(data.astronaut()[..., ::-1])]
    try:
        from matplotlib import get_data_path
    except ImportError:
        pass
    else:
        hopper = cv2.imread(str(FilePath(get_data_path()) / "sample_data" / "grace_hopper.jpg"))
        pictures += [] if hopper is None else [np.asarray(hopper, np.uint8)]
    found = [(picture, list(detector.detect(picture))) for picture in pictures]
    return [head_of(picture, faces[0].box) for picture, faces in found if faces] or None


def backdrop(width: int, height: int, seed: int = 0) -> Image:
    """A quiet room: soft patches of colour, always the same for a seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(60, 170, (6, 8, 3), dtype=np.uint8)
    return cast(Image, cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def swaying(
    centre: tuple[float, float], size: float, reach: tuple[float, float], period_s: float, phase: float = 0.0
) -> Path:
    """Path of somebody who moves around a place and nods to and fro.

    Args:
        centre: x, y in pixels.
        size: height of the face in pixels.
        reach: how far in x and y, in pixels.
        period_s: seconds for once to and fro.
        phase: where to begin, in turns.

    """

    def path(time_s: float) -> tuple[float, float, float]:
        turn = 2 * np.pi * (time_s / period_s + phase)
        x = centre[0] + reach[0] * np.sin(turn)
        y = centre[1] + reach[1] * np.sin(1.7 * turn)
        return float(x), float(y), float(size * (1 + 0.12 * np.sin(0.6 * turn)))

    return path


def _grain(height: int, width: int, noise: float, seed: int) -> NDArray[np.int16]:
    """Noise (height, width, 3) of a moment: a random piece of one large sheet, which is quicker than new noise."""
    sheet = _sheet(height + _SHIFT, width + _SHIFT, noise)
    top, left = np.random.default_rng(seed).integers(0, _SHIFT, 2)
    return sheet[top : top + height, left : left + width]


@lru_cache(maxsize=4)
def _sheet(height: int, width: int, noise: float) -> NDArray[np.int16]:
    return np.random.default_rng(0).normal(0, noise, (height, width, 3)).round().astype(np.int16)


def _face_box(head: Head, place: tuple[float, float, float]) -> Box:
    cx, cy, size = place
    width = size * (head.face[2] - head.face[0]) / (head.face[3] - head.face[1])
    return (cx - width / 2, cy - size / 2, cx + width / 2, cy + size / 2)


def _paste(canvas: Image, head: Head, place: tuple[float, float, float]) -> None:
    """Lay a head on a picture so that its face has the given centre and height, to a fraction of a pixel."""
    cx, cy, size = place
    scale = size / (head.face[3] - head.face[1])
    face_x, face_y = (head.face[0] + head.face[2]) / 2, (head.face[1] + head.face[3]) / 2
    shrunk = cv2.resize(head.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(head.alpha, (shrunk.shape[1], shrunk.shape[0]), interpolation=cv2.INTER_AREA)
    left, top = cx - face_x * scale, cy - face_y * scale
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    size_out = (shrunk.shape[1] + 1, shrunk.shape[0] + 1)
    shift = np.array([[1, 0, left - x0], [0, 1, top - y0]], np.float32)
    moved = cv2.warpAffine(shrunk, shift, size_out, borderMode=cv2.BORDER_REPLICATE)
    faded = cv2.warpAffine(alpha, shift, size_out)[..., None]
    height, width = canvas.shape[:2]
    x1, y1, x2, y2 = max(x0, 0), max(y0, 0), min(x0 + size_out[0], width), min(y0 + size_out[1], height)
    if x1 >= x2 or y1 >= y2:
        return
    inner = (slice(y1 - y0, y2 - y0), slice(x1 - x0, x2 - x0))
    below = canvas[y1:y2, x1:x2].astype(np.float32)
    canvas[y1:y2, x1:x2] = (below + faded[inner] * (moved[inner] - below)).astype(np.uint8)

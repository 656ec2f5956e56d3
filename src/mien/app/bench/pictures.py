"""Synthetic photographs for measuring: any size, any number of faces, from two photographs that come with packages.

The detector that is given decides which faces are cut out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mien.app.scenes import Actor, Head, Scene, backdrop, two_heads
from mien.core.errors import MissingExtraError, OptionError
from mien.core.types import Detector, Image

__all__ = ["crowd", "heads", "jpeg", "parse_size"]

_FACE = 0.62  # height of a face in the lesser side of its cell
_SINGLE = 0.42  # the same for one face in a picture, as in a portrait
_QUALITY = 90


def heads(detector: Detector) -> list[Head]:
    """One or two cut-out heads.

    Raises:
        MissingExtraError: the photographs are not installed.

    """
    found = two_heads(detector)
    if found is None:
        raise MissingExtraError("Making photographs to measure on", "scikit-image", "demo")
    return found


def crowd(found: Sequence[Head], size: tuple[int, int], faces: int) -> Image:
    """A picture with so many faces in rows, (H, W, 3) uint8 BGR.

    Args:
        found: heads to take, in turn.
        size: width and height in pixels.
        faces: how many; 0 gives an empty room.

    """
    width, height = size
    columns = max(1, min(faces, round(math.sqrt(faces * width / height))))
    rows = max(1, math.ceil(faces / columns))
    cell = (width / columns, height / rows)
    tall = min(cell) * (_SINGLE if faces == 1 else _FACE)
    places = [((i % columns + 0.5) * cell[0], (i // columns + 0.5) * cell[1], tall) for i in range(faces)]
    actors = [Actor(found[i % len(found)], _standing(place)) for i, place in enumerate(places)]
    return Scene(backdrop(width, height), actors, noise=2.0).image(0.0)


def _standing(place: tuple[float, float, float]) -> Callable[[float], tuple[float, float, float]]:
    return lambda _time_s: place


def jpeg(image: Image) -> bytes:
    """A picture as the bytes of a JPEG file of ordinary quality."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise OptionError(f"A picture of {image.shape[1]} x {image.shape[0]} px cannot be packed as JPEG.")
    return np.asarray(data).tobytes()


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from a text such as "640x480".

    Raises:
        OptionError: another form, or a side outside 32 to 16,384 px.

    """
    from mien.core.text import whole_number

    width, _, height = text.lower().partition("x")
    sides = (whole_number(width), whole_number(height))
    if sides[0] is None or sides[1] is None or not all(32 <= (side or 0) <= 16_384 for side in sides):
        raise OptionError(f"Expected a size such as 640x480 with sides from 32 to 16384 px, got {text!r}.")
    return sides[0], sides[1]

"""Draw readings on a picture: boxes, labels, and a small bar for every expression. Pure: the picture stays as it was.

Knows readings; knows no files, and nothing of how faces are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.geometry import area, iou
from mien.core.types import Face, Image, Reading
from mien.draw.lettering import Patch, bars, chip, colour_of, lay

__all__ = ["annotated", "draw_panel", "draw_readings"]

_SHOWN_SIDE = 480  # px: smaller pictures are enlarged to this for a person to look at
_LETTERS = 15  # px high in a picture of 640 px
_FILLS = 0.4  # share of the picture above which a single face leaves no room for bars
_HIDES = 0.1  # share of a plate that may hide faces and other plates
_PANEL_WIDTH = 230  # px of a side panel in a picture of 480 px height

_Rectangle = tuple[int, int, int, int]


def annotated(image: Image, readings: Sequence[Reading]) -> Image:
    """As `draw_readings`, after enlarging a small picture so that a person can read what is drawn."""
    longest = max(image.shape[:2])
    if longest >= _SHOWN_SIDE:
        return _drawn(image, readings)
    factor = _SHOWN_SIDE / longest
    size = (max(round(image.shape[1] * factor), 1), max(round(image.shape[0] * factor), 1))
    large = cast(Image, cv2.resize(image, size, interpolation=cv2.INTER_CUBIC))
    return _drawn(large, [replace(r, face=_scaled(r.face, factor)) for r in readings])


def _drawn(image: Image, readings: Sequence[Reading]) -> Image:
    """Bars in the picture, or beside it when the only face leaves no room for them."""
    fills = len(readings) == 1 and area(readings[0].box)[0] > _FILLS * image.shape[0] * image.shape[1]
    return draw_panel(image, readings) if fills else draw_readings(image, readings)


def draw_readings(image: Image, readings: Sequence[Reading], *, show_bars: bool = True) -> Image:
    """Copy of a picture with a box, a label and bars for each face.

    Args:
        image: (H, W, 3) uint8 BGR.
        readings: faces in pixels of `image`.
        show_bars: draw the bars of all expressions beside each face; where several faces leave no room for them
            without hiding one another, they are left out.

    """
    out = image.copy()
    letters = _letters(image)
    boxes = [_whole_pixels(r.face) for r in readings]
    taken: list[_Rectangle] = list(boxes)
    for reading, box in zip(readings, boxes, strict=True):
        _draw_box(out, box, colour_of(reading.emotion), letters)
    for reading, box in zip(readings, boxes, strict=True):
        taken.append(_draw_chip(out, reading, box, letters))
    if show_bars:
        for reading, box in zip(readings, boxes, strict=True):
            taken += _draw_bars(out, reading, box, letters, taken)
    return out


def draw_panel(image: Image, readings: Sequence[Reading]) -> Image:
    """Picture with a panel at its right that shows all probabilities of each face, below one another.

    The panel is there also when no face is, so that a video keeps one size.
    """
    height, width = image.shape[:2]
    letters = _letters(image)
    panel_width = round(_PANEL_WIDTH * max(letters / _LETTERS, 1))
    out = np.full((height, width + panel_width, 3), 24, np.uint8)
    out[:, :width] = draw_readings(image, readings, show_bars=False)
    y = letters
    for reading in readings:
        values = reading.values if reading.smooth_values is None else reading.smooth_values
        head, body = chip(_caption(reading), reading.emotion, letters), bars(reading.labels, values, letters)
        lay(out, head, width + letters, y)
        lay(out, body, width + letters, y + head.shape[0])
        y += head.shape[0] + body.shape[0] + letters
    return out


def _letters(image: Image) -> int:
    """Height of letters that can be read at the size at which a picture of this many pixels is looked at."""
    return int(np.clip(round(max(image.shape[:2]) / 640 * _LETTERS), 11, 96))


def _scaled(face: Face, factor: float) -> Face:
    x1, y1, x2, y2 = (v * factor for v in face.box)
    return replace(face, box=(x1, y1, x2, y2), landmarks=None)


def _whole_pixels(face: Face) -> _Rectangle:
    x1, y1, x2, y2 = (round(v) for v in face.box)
    return (x1, y1, x2, y2)


def _caption(reading: Reading) -> str:
    who = "" if reading.track is None else f"{reading.track}  "
    return f"{who}{reading.caption} {reading.confidence:.0%}"


def _draw_box(image: Image, box: _Rectangle, colour: tuple[int, int, int], letters: int) -> None:
    """A coloured line between two dark ones: it shows on any background."""
    x1, y1, x2, y2 = box[0], box[1], box[2] - 1, box[3] - 1
    line = max(round(letters / 7), 1)
    cv2.rectangle(image, (x1, y1), (x2, y2), (18, 22, 26), line + 2, cv2.LINE_AA)
    cv2.rectangle(image, (x1, y1), (x2, y2), colour[::-1], line, cv2.LINE_AA)


def _draw_chip(image: Image, reading: Reading, box: _Rectangle, letters: int) -> _Rectangle:
    patch = chip(_caption(reading), reading.emotion, letters)
    height, width = patch.shape[:2]
    above = box[1] - height - 1
    x, y = _inside(image, patch, box[0], above if above >= 0 else box[1] + 1)
    lay(image, patch, x, y)
    return (x, y, x + width, y + height)


def _draw_bars(
    image: Image, reading: Reading, box: _Rectangle, letters: int, taken: Sequence[_Rectangle]
) -> list[_Rectangle]:
    """Draw the bars of one face where they hide least; where that is, or nothing when they would hide too much."""
    values = reading.values if reading.smooth_values is None else reading.smooth_values
    # A plate never takes more than about a third of the picture's height.
    room = int(image.shape[0] * 0.4 / (1.35 * len(values) + 0.5))
    for share in (0.9, 0.65):
        patch = bars(reading.labels, values, max(min(round(letters * share), room), 7))
        x, y, hidden = _free_place(image, patch, box, taken)
        height, width = patch.shape[:2]
        if hidden <= _HIDES * height * width or len(taken) <= 2:
            lay(image, patch, x, y)
            return [(x, y, x + width, y + height)]
    return []


def _free_place(image: Image, patch: Patch, box: _Rectangle, taken: Sequence[_Rectangle]) -> tuple[int, int, float]:
    """Place beside a box (right, left, below, above) where a patch hides least, and how many pixels it hides there."""
    height, width = patch.shape[:2]
    gap = max(height // 20, 3)
    x1, y1, x2, y2 = box
    wanted = chain(
        ((x, y) for x in (x2 + gap, x1 - gap - width) for y in (y1, y2 - height)),
        ((x, y) for y in (y2 + gap, y1 - gap - height) for x in (x1, x2 - width)),
    )
    places = [_inside(image, patch, x, y) for x, y in wanted]
    boxes = np.array([(x, y, x + width, y + height) for x, y in places], np.float32)
    hidden = _hidden(boxes, np.array(taken, np.float32))
    best = int(np.argmin(hidden))
    return (*places[best], float(hidden[best]))


def _hidden(boxes: NDArray[np.float32], taken: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels of `taken` (M, 4) that each of `boxes` (P, 4) covers, summed: (P,)."""
    overlap = iou(boxes, taken)  # (P, M)
    areas = area(boxes)[:, None] + area(taken)[None, :]
    # IoU = s / (a + b - s), so the shared area is s = IoU / (1 + IoU) * (a + b).
    hidden: NDArray[np.float32] = (overlap / (1 + overlap) * areas).sum(1)
    return hidden


def _inside(image: Image, patch: Patch, x: int, y: int) -> tuple[int, int]:
    """Nearest place at which a patch lies inside the picture (at its left upper corner when it is larger)."""
    x = max(min(x, image.shape[1] - patch.shape[1]), 0)
    y = max(min(y, image.shape[0] - patch.shape[0]), 0)
    return x, y

"""Draw readings on a picture: boxes, labels, and a small bar for every expression. Pure: the picture stays as it was.

Knows readings; knows no files, and nothing of how faces are found. `mien.draw.layout` says where labels go.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import cv2
import numpy as np

from mien.core.types import Face, Image, Reading
from mien.draw.layout import BESIDE, OVER, Place, Rectangle, lay_out
from mien.draw.lettering import Colour, Patch, bars, bars_size, chip, chip_size, colour_of, lay

__all__ = ["SteadyDrawing", "annotated", "draw_panel", "draw_readings"]

_SHOWN_SIDE = 480  # px: smaller pictures are enlarged to this for a person to look at
_LETTERS = 15  # px high in a picture of 640 px
_SMALLEST = 9  # px: letters that can just be read
_PANEL_WIDTH = 230  # px of a side panel in a picture of 480 px height

# Of a tag: with its probability? and its letters' size, from the most wanted to what a crowd leaves room for.
_TAGS = ((True, 1.0), (True, 0.8), (True, 0.65), (False, 0.65), (False, 0.5), (False, 0.35))
_CROWD = 3.0  # letters of tags are at most as high as that many median faces over the root of their number
_LEAST = 0.35  # share of their size below which a crowd does not shrink letters
_STEP = 0.15  # share by which that must change from frame to frame before letters do
_BARS = (0.9, 0.75, 0.65)  # letters' size in a plate of bars, most wanted first
_SMALL = 3.5  # heights of a letter: of several faces those with a shorter side get no bars
_STILL_LARGE = 0.9  # share of that at which a face that had bars still keeps them


@dataclass(frozen=True, slots=True)
class _Labels:
    """Where the labels of one face are; None: it has none."""

    tag: Place | None
    bars: Place | None
    letters: int
    """Height of the letters of a tag at its full size, in px."""


def annotated(image: Image, readings: Sequence[Reading]) -> Image:
    """As `draw_readings`, after enlarging a small picture so that a person can read what is drawn.

    The bars of an only face that leaves no room for them are in a panel beside the picture.
    """
    longest = max(image.shape[:2])
    if longest < _SHOWN_SIDE:
        factor = _SHOWN_SIDE / longest
        size = (max(round(image.shape[1] * factor), 1), max(round(image.shape[0] * factor), 1))
        image = cast(Image, cv2.resize(image, size, interpolation=cv2.INTER_CUBIC))
        readings = [replace(r, face=_scaled(r.face, factor)) for r in readings]
    labels = _arranged(image, readings)
    if len(labels) == 1 and labels[0].bars is None:
        return draw_panel(image, readings)
    return _drawn(image, readings, labels)


def draw_readings(image: Image, readings: Sequence[Reading], *, show_bars: bool = True) -> Image:
    """Copy of a picture with a box, a label and bars for each face.

    No label covers a face or another label or leaves the picture: in crowds labels shrink, and one that finds no room
    is left out. Only a large face without any room around it has its label inside its box.

    Args:
        image: (H, W, 3) uint8 BGR.
        readings: faces in pixels of `image`.
        show_bars: draw the bars of all expressions beside each face that is large enough, or the only one.

    """
    return _drawn(image, readings, _arranged(image, readings, show_bars=show_bars))


@dataclass(slots=True)
class SteadyDrawing:
    """Draws frame after frame of one video; labels stay on their side of a face while that is free."""

    panel: bool = False
    """Show the probabilities in a panel beside the picture, as `draw_panel` does."""
    _before: dict[int, _Labels] = field(default_factory=dict)

    def __call__(self, image: Image, readings: Sequence[Reading]) -> Image:
        """The frame with its readings, as `draw_readings` or `draw_panel` draws them."""
        labels = _arranged(image, readings, show_bars=not self.panel, before=self._before)
        self._before = {r.track: there for r, there in zip(readings, labels, strict=True) if r.track is not None}
        return _with_panel(image, readings, labels) if self.panel else _drawn(image, readings, labels)


def draw_panel(image: Image, readings: Sequence[Reading]) -> Image:
    """Picture with a panel at its right that shows all probabilities of each face, below one another.

    The panel is there also when no face is, so that a video keeps one size. Where it has no room for the bars of all,
    it has a line for each; it says how many faces have none.
    """
    return _with_panel(image, readings, _arranged(image, readings, show_bars=False))


def _arranged(
    image: Image,
    readings: Sequence[Reading],
    *,
    show_bars: bool = True,
    before: Mapping[int, _Labels] | None = None,
) -> list[_Labels]:
    """Places of all labels: first a tag for each face, then bars where there is room for them."""
    letters, size = _letters(image), (image.shape[1], image.shape[0])
    boxes = [_whole_pixels(r.face) for r in readings]
    known = before or {}
    held = {i: known[r.track] for i, r in enumerate(readings) if r.track is not None and r.track in known}
    gap = _line(letters) // 2 + 2
    tag_letters = _tag_letters(boxes, letters, {there.letters for there in held.values()})
    tags = lay_out(
        size,
        boxes,
        {i: [chip_size(*lettered) for lettered in _tags(r, tag_letters)] for i, r in enumerate(readings)},
        OVER,
        before={i: there.tag for i, there in held.items()},
        gap=gap,
        may_cover=True,
    )
    plates = lay_out(
        size,
        boxes,
        {
            i: [bars_size(r.labels, of) for of in _bar_letters(image, r, letters)]
            for i, r in enumerate(readings)
            if show_bars and (len(boxes) == 1 or _is_large(boxes[i], letters, held.get(i)))
        },
        BESIDE,
        taken=[place.box for place in tags.values() if place is not None],
        before={i: there.bars for i, there in held.items()},
        gap=gap + letters // 3,
    )
    return [_Labels(tags[i], plates.get(i), tag_letters) for i in range(len(boxes))]


def _drawn(image: Image, readings: Sequence[Reading], labels: Sequence[_Labels]) -> Image:
    out = image.copy()
    letters = _letters(image)
    for reading in readings:
        _draw_box(out, _whole_pixels(reading.face), colour_of(reading.emotion, reading.labels), letters)
    for reading, there in zip(readings, labels, strict=True):
        if there.tag is not None:
            text, size = _tags(reading, there.letters)[there.tag.size]
            lay(out, chip(text, reading.emotion, size, reading.labels), *there.tag.box[:2])
        if there.bars is not None:
            size = _bar_letters(image, reading, letters)[there.bars.size]
            lay(out, bars(reading.labels, _values(reading), size), *there.bars.box[:2])
    return out


def _with_panel(image: Image, readings: Sequence[Reading], labels: Sequence[_Labels]) -> Image:
    height, width = image.shape[:2]
    letters = _letters(image)
    panel_width = round(_PANEL_WIDTH * max(letters / _LETTERS, 1))
    out = np.full((height, width + panel_width, 3), 24, np.uint8)
    out[:, :width] = _drawn(image, readings, labels)
    y = letters
    for patch in _panel(readings, letters, panel_width - 2 * letters, height - 2 * letters):
        lay(out, patch, width + letters, y)
        y += patch.shape[0]
    return out


def _panel(readings: Sequence[Reading], letters: int, width: int, height: int) -> list[Patch]:
    """What stands in a panel of that size, from top to bottom: the most that it has room for."""
    sizes = [max(round(letters * share), _SMALLEST) for share in (1.0, 0.85, 0.7)]
    for size in sizes:
        gap = np.zeros((size, 1, 4), np.uint8)
        rows = sum(chip_size("", size)[1] + bars_size(r.labels, size)[1] + size for r in readings) - size
        if rows <= height:
            return [patch for r in readings for patch in (_head(r, size, width), bars(r.labels, _values(r), size), gap)]
    line = chip_size("", sizes[-1])[1] + 1
    fit = max(height // line, 1)
    shown = readings if len(readings) <= fit else readings[: fit - 1]
    gap = np.zeros((1, 1, 4), np.uint8)
    lines = [patch for r in shown for patch in (_head(r, sizes[-1], width), gap)]
    more = len(readings) - len(shown)
    return [*lines, chip(f"{more} more", "", sizes[-1])] if more else lines


def _head(reading: Reading, size: int, width: int) -> Patch:
    """The caption of a face, smaller where it is wider than the panel."""
    text = _caption(reading)
    wide = chip_size(text, size)[0]
    fitting = size if wide <= width else max(size * width // wide, _SMALLEST)
    return chip(text, reading.emotion, fitting, reading.labels)


def _letters(image: Image) -> int:
    """Height of letters that can be read at the size at which a picture of this many pixels is looked at."""
    return int(np.clip(round(max(image.shape[:2]) / 640 * _LETTERS), 11, 96))


def _tag_letters(boxes: Sequence[Rectangle], letters: int, held: Collection[int]) -> int:
    """Height of the letters of tags: smaller in a crowd, and as in the last frame while little changes."""
    if not boxes:
        return letters
    median = sorted(_side(box) for box in boxes)[len(boxes) // 2]
    wanted = min(max(_CROWD * median / math.sqrt(len(boxes)), _LEAST * letters), letters)
    steady = next((size for size in held if abs(wanted / size - 1) < _STEP), None)
    return steady or max(round(wanted), _SMALLEST)


def _tags(reading: Reading, letters: int) -> list[tuple[str, int]]:
    """Text and letters' size of the tags that a face may get, the most wanted first."""
    texts = {True: _caption(reading), False: _name(reading)}
    return [(texts[full], max(round(letters * share), _SMALLEST)) for full, share in _TAGS]


def _bar_letters(image: Image, reading: Reading, letters: int) -> list[int]:
    """Letters' sizes of the bars that a face may get; a plate takes at most four tenths of the height."""
    room = int(image.shape[0] * 0.4 / (1.35 * len(reading.values) + 0.5))
    return [max(min(round(letters * share), room), 7) for share in _BARS]


def _is_large(box: Rectangle, letters: int, held: _Labels | None) -> bool:
    """Whether one of several faces is large enough for bars."""
    steady = _STILL_LARGE if held is not None and held.bars is not None else 1.0
    return _side(box) >= _SMALL * letters * steady


def _side(box: Rectangle) -> int:
    return max(min(box[2] - box[0], box[3] - box[1]), 0)


def _scaled(face: Face, factor: float) -> Face:
    x1, y1, x2, y2 = (v * factor for v in face.box)
    return replace(face, box=(x1, y1, x2, y2), landmarks=None)


def _whole_pixels(face: Face) -> Rectangle:
    x1, y1, x2, y2 = (round(v) for v in face.box)
    return (x1, y1, x2, y2)


def _values(reading: Reading) -> tuple[float, ...]:
    return reading.values if reading.smooth_values is None else reading.smooth_values


def _name(reading: Reading) -> str:
    return reading.caption if reading.track is None else f"{reading.track}  {reading.caption}"


def _caption(reading: Reading) -> str:
    return f"{_name(reading)} {reading.confidence:.0%}"


def _line(letters: int) -> int:
    """Width of the line around a face in px."""
    return max(round(letters / 7), 1)


def _draw_box(image: Image, box: Rectangle, colour: Colour, letters: int) -> None:
    """A coloured line between two dark ones: it shows on any background."""
    x1, y1, x2, y2 = box[0], box[1], box[2] - 1, box[3] - 1
    line = _line(letters)
    cv2.rectangle(image, (x1, y1), (x2, y2), (18, 22, 26), line + 2, cv2.LINE_AA)
    cv2.rectangle(image, (x1, y1), (x2, y2), colour[::-1], line, cv2.LINE_AA)

"""A tidy picture of one answer: the crop, maps over it, and the probabilities as bars. Uses Pillow only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Map", "draw_panel", "overlaid"]

_TILE = 300  # px, side of a picture in the panel
_GAP = 28
_HEAD = 78  # px above the tiles
_FOOT = 64  # px below the tiles, for the scale and its words
_BARS = 330
_INK, _SOFT, _LINE, _BLUE, _RED = "#1c2326", "#5b676d", "#d9dfe2", "#2f6690", "#d1495b"
_STRONG = 0.72  # opacity of the strongest place of a map


@dataclass(frozen=True, eq=False)
class Map:
    """A map over the crop.

    Args:
        title: what it is, a few words.
        values: (S, S); positive is drawn red, negative blue.
        full: value that is drawn in full colour, unless a place is stronger: then that one is.
        low, high: words at the ends of the scale; "" for `low` where there are no negative values.

    """

    title: str
    values: NDArray[np.floating[Any]]
    full: float
    low: str
    high: str


def draw_panel(
    crop: NDArray[np.uint8],
    maps: Sequence[Map],
    labels: Sequence[str],
    probabilities: Sequence[float],
    *,
    chosen: int,
    title: str,
) -> bytes:
    """PNG of a crop, its maps and the probabilities.

    Args:
        crop: (S, S) grey or (S, S, 3) RGB uint8.
        maps: drawn from left to right over the crop.
        labels: K names.
        probabilities: K values in 0..1.
        chosen: position of the label that the maps explain; its bar is drawn red.
        title: line on top.

    """
    width = _GAP + (1 + len(maps)) * (_TILE + _GAP) + _BARS + _GAP
    canvas = Image.new("RGB", (width, _HEAD + _TILE + _FOOT), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((_GAP, 18), title, _INK, font=_font(20))
    face = Image.fromarray(crop).convert("RGB").resize((_TILE, _TILE), Image.Resampling.BICUBIC)
    _tile(canvas, face, 0, f"the crop, {crop.shape[1]} px")
    for i, item in enumerate(maps, start=1):
        _tile(canvas, overlaid(face, item), i, item.title)
        _scale(canvas, i, item)
    _bars(draw, _GAP + (1 + len(maps)) * (_TILE + _GAP), labels, probabilities, chosen)
    buffer = io.BytesIO()
    canvas.save(buffer, format="PNG")
    return buffer.getvalue()


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _left(column: int) -> int:
    return _GAP + column * (_TILE + _GAP)


def _tile(canvas: Image.Image, picture: Image.Image, column: int, title: str) -> None:
    canvas.paste(picture, (_left(column), _HEAD))
    ImageDraw.Draw(canvas).text((_left(column), _HEAD - 24), title, _SOFT, font=_font(15))


def overlaid(face: Image.Image, item: Map) -> Image.Image:
    """The face, a little faded, under the colours of a map."""
    strongest = max(float(np.abs(item.values).max()), item.full)
    smooth = Image.fromarray((item.values / strongest).astype(np.float32)).resize(face.size, Image.Resampling.BICUBIC)
    strength = np.clip(np.asarray(smooth), -1, 1)
    grey = np.asarray(face.convert("L").convert("RGB"), np.float64) * 0.85 + 255 * 0.15
    return Image.fromarray(_blend(grey, strength))


def _blend(ground: NDArray[np.float64], strength: NDArray[Any]) -> NDArray[np.uint8]:
    """Red over `ground` (H, W, 3) where the strength (H, W) is 1, blue where it is -1, nothing where it is 0."""
    opacity = (np.abs(strength) * _STRONG)[..., None]
    color = np.where(strength[..., None] > 0, _rgb(_RED), _rgb(_BLUE))
    mixed: NDArray[np.uint8] = np.rint(ground * (1 - opacity) + color * opacity).astype(np.uint8)
    return mixed


def _rgb(color: str) -> NDArray[np.float64]:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], np.float64)


def _scale(canvas: Image.Image, column: int, item: Map) -> None:
    """A strip of the map's colours with its ends in words."""
    left, top, height = _left(column), _HEAD + _TILE + 12, 10
    strength = np.linspace(-1 if item.low else 0, 1, _TILE)[None].repeat(height, axis=0)
    canvas.paste(Image.fromarray(_blend(np.full((height, _TILE, 3), 235.0), strength)), (left, top))
    draw = ImageDraw.Draw(canvas)
    draw.text((left, top + 15), item.low, _SOFT, font=_font(13))
    draw.text((left + _TILE, top + 15), item.high, _SOFT, font=_font(13), anchor="ra")


def _bars(
    draw: ImageDraw.ImageDraw, left: int, labels: Sequence[str], probabilities: Sequence[float], chosen: int
) -> None:
    draw.text((left, _HEAD - 24), "probabilities", _SOFT, font=_font(15))
    row = min(_TILE / len(labels), 44)
    name_width = max(draw.textlength(name, font=_font(15)) for name in labels) + 12
    full = _BARS - name_width - 62
    for i, (name, p) in enumerate(zip(labels, probabilities, strict=True)):
        middle = _HEAD + (i + 0.5) * row
        color = _RED if i == chosen else _BLUE
        draw.text((left, middle), name, _INK, font=_font(15), anchor="lm")
        x, half = left + name_width, row * 0.28
        draw.rectangle((x, middle - half, x + full, middle + half), fill="#f0f3f4")
        draw.rectangle((x, middle - half, x + max(full * p, 1), middle + half), fill=color)
        draw.text((left + _BARS, middle), f"{p * 100:.1f} %", _SOFT, font=_font(14), anchor="rm")

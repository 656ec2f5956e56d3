"""Small patches of text and bars, drawn once with Pillow and laid on a picture with transparency.

Takes text, labels and numbers; `marks.py` and `mien.media.overlay` place them beside faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from mien.core.types import Image
from mien.draw.palette import Colour, colours_of

__all__ = ["Colour", "Patch", "bars", "bars_size", "chip", "chip_size", "colour_of", "lay", "plate"]

Patch = NDArray[np.uint8]
"""(h, w, 4) uint8 RGBA."""

_BACK = (18, 22, 26, 205)
_TROUGH = (66, 73, 79, 215)
_INK = (255, 255, 255, 255)


def colour_of(label: str, among: Sequence[str] = ()) -> Colour:
    """Colour of a label as (r, g, b) in 0..255; the same in pictures, pages and videos, for any label.

    Args:
        label: known or not.
        among: the labels that are shown together with it, whose colours are to differ (`mien.draw.palette`).

    """
    return _colours(tuple(among) or (label,)).get(label) or _colours((label,))[label]


@lru_cache(maxsize=256)
def _colours(labels: tuple[str, ...]) -> dict[str, Colour]:
    return colours_of(labels)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=512)
def _text_width(text: str, size: int) -> int:
    return int(np.ceil(_font(size).getlength(text)))


def chip_size(text: str, size: int) -> tuple[int, int]:
    """Width and height in px of `chip(text, ..., size)`, without drawing it."""
    pad, stripe = _margins(size)
    return stripe + 2 * pad + _text_width(text, size), size + 2 * pad


def chip(text: str, label: str, size: int, among: Sequence[str] = ()) -> Patch:
    """A line of text on a dark plate with a stripe in the label's colour.

    Args:
        text: what to write.
        label: whose colour the stripe takes.
        size: height of the letters' line in px.
        among: labels that are shown with it, as for `colour_of`.

    """
    return plate(text, colour_of(label, among), size)


@lru_cache(maxsize=256)
def plate(text: str, colour: Colour, size: int) -> Patch:
    """As `chip`, with any colour."""
    pad, stripe = _margins(size)
    width, height = chip_size(text, size)
    image = PilImage.new("RGBA", (width, height), _BACK)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, stripe - 1, height), fill=(*colour, 255))
    draw.text((stripe + pad, height / 2), text, font=_font(size), fill=_INK, anchor="lm")
    return np.asarray(image)


def _margins(size: int) -> tuple[int, int]:
    """Room around the text, and width of the stripe, in px."""
    return max(size // 3, 2), max(size // 4, 2)


@lru_cache(maxsize=64)
def bars_size(labels: tuple[str, ...], size: int) -> tuple[int, int]:
    """Width and height in px of `bars(labels, ..., size)`, without drawing it."""
    pad = max(size // 2, 3)
    names = max(_text_width(label, size) for label in labels)
    return 4 * pad + names + size * 5 + _text_width("100", size), round(size * 1.35) * len(labels) + pad


def bars(labels: tuple[str, ...], values: tuple[float, ...], size: int) -> Patch:
    """A dark plate with one row per label: its name, a bar for its probability, the probability in per cent.

    Args:
        labels: K names.
        values: K probabilities in 0..1.
        size: height of the letters in px.

    """
    per_mille = tuple(round(v * 100) * 10 for v in values)
    return _bars(labels, per_mille, size)


@lru_cache(maxsize=256)
def _bars(labels: tuple[str, ...], per_mille: tuple[int, ...], size: int) -> Patch:
    pad = max(size // 2, 3)
    row = round(size * 1.35)
    bar_w = size * 5
    width, height = bars_size(labels, size)
    image = PilImage.new("RGBA", (width, height), _BACK)
    draw = ImageDraw.Draw(image)
    left = width - 2 * pad - _text_width("100", size) - bar_w
    best = max(per_mille)
    for i, (label, value) in enumerate(zip(labels, per_mille, strict=True)):
        middle = pad / 2 + row * (i + 0.5)
        ink = _INK if value == best else (255, 255, 255, 190)
        half = size * 0.3
        draw.text((left - pad, middle), label, font=_font(size), fill=ink, anchor="rm")
        draw.rectangle((left, middle - half, left + bar_w, middle + half), fill=_TROUGH)
        if value:
            end = left + max(bar_w * value / 1000, 1)
            draw.rectangle((left, middle - half, end, middle + half), fill=(*colour_of(label, labels), 255))
        draw.text((width - pad, middle), str(round(value / 10)), font=_font(size), fill=ink, anchor="rm")
    return np.asarray(image)


def lay(image: Image, patch: Patch, x: int, y: int) -> None:
    """Lay a patch on a picture, in place, its left upper corner at (x, y); what leaves the picture is cut."""
    height, width = image.shape[:2]
    x1, y1 = max(x, 0), max(y, 0)
    x2, y2 = min(x + patch.shape[1], width), min(y + patch.shape[0], height)
    if x1 >= x2 or y1 >= y2:
        return
    part = patch[y1 - y : y2 - y, x1 - x : x2 - x]
    alpha = part[..., 3:].astype(np.uint16)  # (h, w, 1)
    under = image[y1:y2, x1:x2].astype(np.uint16)
    over = part[..., 2::-1].astype(np.uint16)  # RGBA -> BGR
    image[y1:y2, x1:x2] = ((over * alpha + under * (255 - alpha) + 127) // 255).astype(np.uint8)

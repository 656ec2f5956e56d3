"""A colour for every class: known expressions keep theirs, own names get colours that nobody mistakes for another.

The page has the same rule (`app/static/palette.mjs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.core.colour import lab_of, separation
from mien.core.labels import concept

__all__ = ["KNOWN", "Colour", "colours_of", "hex_of", "line_colours"]

Colour = tuple[int, int, int]
"""r, g, b in 0..255."""

KNOWN: dict[str, Colour] = {
    "angry": (228, 87, 107),
    "disgust": (181, 154, 76),
    "fear": (177, 132, 214),
    "happy": (242, 182, 50),
    "sad": (91, 155, 213),
    "surprise": (242, 142, 74),
    "neutral": (170, 183, 189),
    "contempt": (77, 187, 152),
}
"""Colours of the usual expressions, by their concept (`mien.core.labels.concept`)."""

_LEVELS = range(17, 256, 34)
_DARKEST, _LIGHTEST = 42.0, 88.0
"""CIELAB lightness of colours that show on white pages and on dark ones."""
_DULLEST, _LOUDEST = 25.0, 68.0
"""CIELAB chroma: two shades of one hue, one dull and one loud, would be of one family."""
_DARKENED = 0.72
"""For lines on white paper."""


def colours_of(labels: Sequence[str]) -> dict[str, Colour]:
    """A colour for each label of a set.

    A known expression, in any spelling, has its own colour, whatever the set. Other names get, in alphabetical order,
    the colour that is farthest from those taken so far: in CIELAB, also as people with red-green deficiencies see it
    (`mien.core.colour.separation`). So the colours of a set do not depend on its order.
    """
    own = tuple(sorted({concept(label) for label in labels} - KNOWN.keys()))
    present = tuple(sorted({concept(label) for label in labels} & KNOWN.keys()))
    chosen = dict(zip(own, _farthest(present, len(own)), strict=True))
    return {label: KNOWN.get(concept(label)) or chosen[concept(label)] for label in labels}


def hex_of(colour: Iterable[int]) -> str:
    """As text: "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def line_colours(count: int) -> list[str]:
    """So many colours for lines on white paper, as "#rrggbb"."""
    colours = _farthest(("sad", "surprise"), max(count - 2, 0))
    first = [KNOWN["sad"], KNOWN["surprise"]]
    return [hex_of(round(_DARKENED * v) for v in colour) for colour in (*first, *colours)][:count]


@lru_cache(maxsize=64)
def _farthest(present: tuple[str, ...], count: int) -> tuple[Colour, ...]:
    """Colours for so many own names beside known expressions, one after the other the farthest from all before."""
    candidates = _candidates()
    taken = [KNOWN[name] for name in present] or [KNOWN["sad"]]
    near = separation(candidates, taken).min(axis=1)  # (C,)
    chosen: list[Colour] = []
    for _ in range(count):
        best = candidates[int(np.argmax(np.round(near, 2)))]
        chosen.append((int(best[0]), int(best[1]), int(best[2])))
        near = np.minimum(near, separation(candidates, best).reshape(-1))
    return tuple(chosen)


@lru_cache(maxsize=1)
def _candidates() -> NDArray[np.int64]:
    """The colours to choose from, (C, 3)."""
    grid = np.array([(r, g, b) for r in _LEVELS for g in _LEVELS for b in _LEVELS], np.int64)
    lightness, a, b = lab_of(grid).T
    chroma = np.hypot(a, b)
    return np.asarray(
        grid[(lightness >= _DARKEST) & (lightness <= _LIGHTEST) & (chroma >= _DULLEST) & (chroma <= _LOUDEST)]
    )

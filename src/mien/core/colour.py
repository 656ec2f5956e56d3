"""Colours as numbers: CIELAB, and how people with red-green deficiencies see them.

sRGB to CIELAB (D65) after IEC 61966-2-1 and CIE 15; protanopia and deuteranopia after Machado, Oliveira & Fernandes
2009 (full severity), on linear RGB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SIGHTS", "lab_of", "separation"]

Floats = NDArray[np.float64]

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])

SIGHTS: dict[str, Floats] = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
"""Name of a way to see colours -> what it makes of linear RGB."""

_LESS = 1.6
"""A distance seen with a deficiency counts so much more, for there are fewer colours to choose from."""


def lab_of(colours: ArrayLike, sight: str = "usual") -> Floats:
    """CIELAB (..., 3) of sRGB colours (..., 3) in 0..255, as one of `SIGHTS` sees them."""
    c = np.asarray(colours, np.float64) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SIGHTS[sight].T, 0, 1)
    xyz = linear @ _XYZ.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def separation(first: ArrayLike, second: ArrayLike) -> Floats:
    """How far colours (N, 3) and (M, 3) are apart for the one who tells them apart worst, (N, M) in CIELAB units."""
    a, b = np.asarray(first, np.float64).reshape(-1, 3), np.asarray(second, np.float64).reshape(-1, 3)
    out = np.full((len(a), len(b)), np.inf)
    for sight in SIGHTS:
        apart = np.linalg.norm(lab_of(a, sight)[:, None] - lab_of(b, sight)[None], axis=-1)
        out = np.minimum(out, apart if sight == "usual" else _LESS * apart)
    return out

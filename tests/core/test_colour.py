"""CIELAB and colour deficiencies, by known values."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab

from mien.core.colour import lab_of, separation


def test_cielab_is_that_of_scikit_image() -> None:
    """White, black and random colours have scikit-image's coordinates."""
    colours = np.concatenate([[[255, 255, 255], [0, 0, 0]], np.random.default_rng(0).integers(0, 256, (50, 3))])
    assert lab_of(colours) == pytest.approx(rgb2lab(colours / 255), abs=0.02)


def test_deficiencies() -> None:
    """Greys look the same to everybody; a red and a green of one lightness fall together."""
    for sight in ("protanopia", "deuteranopia"):
        assert lab_of([128, 128, 128], sight) == pytest.approx(lab_of([128, 128, 128]), abs=0.05)
    red, green = (200, 90, 60), (120, 130, 50)
    assert np.linalg.norm(lab_of(red) - lab_of(green)) > 50
    assert separation(red, green) < 30

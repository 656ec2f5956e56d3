"""The occlusion map finds what an answer rests on, and the panel draws it."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from judging_worlds import Brightness
from numpy.typing import NDArray
from PIL import Image

from mien.core.contract import CropSpec
from mien.core.errors import InputError, OptionError
from mien.evaluate.explain import occlusion_map
from mien.evaluate.panel import Map, draw_panel


class Corner:
    """Answers "mark" where the upper left quarter holds a bright dot, and looks nowhere else."""

    labels = ("none", "mark")
    crop = CropSpec(40)

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        p = crops[:, :20, :20].max(axis=(1, 2)).astype(np.float32) / 255
        return np.stack([1 - p, p], axis=1)


def marked() -> NDArray[np.uint8]:
    crop = np.full((40, 40), 30, np.uint8)
    crop[9:11, 9:11] = 255
    crop[30, 30] = 255  # outside the quarter: plays no part
    return crop


def test_finds_the_mark():
    """The strongest place is the dot that the answer rests on; the far corner has no effect at all."""
    found = occlusion_map(Corner(), marked(), 1)
    assert found.shape == (40, 40)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert abs(y - 9.5) <= 4
    assert abs(x - 9.5) <= 4
    assert found.max() > math.log(100)
    assert np.all(found[24:, 24:] == 0)


def test_sign_follows_the_label():
    """What is lost for one of two labels is won for the other."""
    np.testing.assert_allclose(occlusion_map(Corner(), marked(), 0), -occlusion_map(Corner(), marked(), 1), atol=1e-6)


class Fixed:
    """Gives probabilities that a covered upper left corner changes in a known way."""

    labels = ("a", "b", "c")
    crop = CropSpec(10)

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen = crops[:, 0, 0] == 255
        return np.where(seen[:, None], [0.9, 0.06, 0.04], [0.6, 0.3, 0.1]).astype(np.float32)


def test_value_worked_by_hand():
    """By hand: odds of 0.9 / 0.1 = 9 fall to 0.6 / 0.4 = 1.5 where the corner is covered, which is a factor of 6."""
    crop = np.zeros((10, 10), np.uint8)
    crop[0, 0] = 255
    found = occlusion_map(Fixed(), crop, 0)
    assert found[0, 0] == pytest.approx(math.log(6), abs=1e-5)
    assert found[9, 9] == 0


def test_colour_crop():
    """Colour crops work as grey ones do."""

    class Red(Corner):
        crop = CropSpec(40, color="rgb")

        def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().classify(crops[..., 0])

    crop = np.stack([marked(), np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)], axis=2)
    np.testing.assert_allclose(occlusion_map(Red(), crop, 1), occlusion_map(Corner(), marked(), 1), atol=1e-6)


def test_bad_requests_are_refused():
    """Crops, labels and sizes that do not fit are refused."""
    with pytest.raises(InputError, match=r"\(40, 40\), got uint8 \(39, 40\)"):
        occlusion_map(Corner(), np.zeros((39, 40), np.uint8), 0)
    with pytest.raises(InputError, match="float64"):
        occlusion_map(Corner(), np.zeros((40, 40)), 0)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"0\.\.1, got 2"):
        occlusion_map(Corner(), marked(), 2)
    with pytest.raises(OptionError, match="share of the crop"):
        occlusion_map(Corner(), marked(), 1, patch=1.5)


@pytest.mark.parametrize("shape", [(40, 40), (40, 40, 3)])
def test_panel_is_drawn(shape: tuple[int, ...]):
    """The panel grows with its maps, and a flat map (nothing matters) can be drawn too."""
    crop = np.full(shape, 128, np.uint8)
    flat = Map("occlusion", np.zeros((40, 40)), 1.0, "against", "needed")
    strong = Map("Grad-CAM", np.eye(40), 1.0, "", "looked at")
    sizes = []
    for maps in ([], [flat], [flat, strong]):
        png = draw_panel(crop, maps, Brightness().labels, [0.2, 0.5, 0.3], chosen=1, title="a title")
        with Image.open(io.BytesIO(png)) as picture:
            sizes.append(picture.size)
    assert sizes[0][0] < sizes[1][0] < sizes[2][0]
    assert len({height for _, height in sizes}) == 1

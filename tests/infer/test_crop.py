"""Crops: framing, borders, colours, and that training and live pictures end in the same resize."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.contract import CropSpec
from mien.core.types import Face
from mien.infer.crop import crop_box, crop_faces, fit_crops, tilt_of

PLAIN = CropSpec(size=16, margin=1.0, shift_y=0.0)


def _gradient(height: int, width: int) -> np.ndarray:
    """BGR picture whose blue is the column and whose green is the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([columns, rows, np.zeros_like(rows)]).astype(np.uint8)


def test_crop_box_by_hand():
    """A 40 x 90 box has the area of a 60 px square: margin 1.5 gives 90 px about the shifted centre."""
    face = Face((10, 0, 50, 90), 1.0)

    assert crop_box(face, CropSpec(size=48, margin=1.5, shift_y=0.1)) == pytest.approx((-15, 6, 75, 96))


def test_a_face_inside_is_cut_as_it_is():
    """A box as large as the crop gives just its pixels."""
    image = _gradient(100, 100)
    spec = CropSpec(size=16, margin=1.0, color="rgb", shift_y=0.0)

    crop = crop_faces(image, [Face((20, 30, 36, 46), 1.0)], spec)[0]

    np.testing.assert_array_equal(crop, image[30:46, 20:36, ::-1])


def test_a_face_at_the_border_repeats_the_nearest_pixels():
    """A box that leaves the picture at the left and top is filled from the first column and row."""
    image = _gradient(100, 100)
    spec = CropSpec(size=16, margin=1.0, color="rgb", shift_y=0.0)

    crop = crop_faces(image, [Face((-8, -8, 8, 8), 1.0)], spec)[0]

    np.testing.assert_array_equal(crop[8:, 8:], image[:8, :8, ::-1])
    np.testing.assert_array_equal(crop[8:, 0], crop[8:, 8])
    np.testing.assert_array_equal(crop[0], crop[8])


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(*[st.floats(-300, 400)] * 2, *[st.floats(0, 500)] * 2),
    st.sampled_from(["gray", "rgb"]),
    st.sampled_from(["none", "eyes"]),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_any_box_gives_a_crop(box, color, align, shape):
    """Boxes far outside, tiny or huge, upright or not: a crop of the right shape, never an exception."""
    x, y, w, h = box
    face = Face((x, y, x + w, y + h), 1.0, tuple((x + i, y + i * i) for i in range(5)))
    spec = CropSpec(size=12, color=color, align=align)

    crops = crop_faces(np.zeros((*shape, 3), np.uint8), [face], spec)

    assert crops.shape == ((1, 12, 12) if color == "gray" else (1, 12, 12, 3))
    assert crops.dtype == np.uint8


def test_no_faces_give_no_crops():
    """N = 0 keeps its shape."""
    assert crop_faces(_gradient(9, 9), [], PLAIN).shape == (0, 16, 16)


def test_the_whole_picture_gets_no_margin():
    """A face that is the picture is resized as training does it, whatever the margin."""
    image = _gradient(64, 48)
    spec = CropSpec(size=16, margin=1.5)
    whole = Face((0, 0, 48, 64), 1.0, whole=True)

    np.testing.assert_array_equal(crop_faces(image, [whole], spec), fit_crops([image], spec))


def test_crops_of_the_right_size_are_not_touched():
    """FER-2013's 48 x 48 pictures reach a 48 px model bit by bit."""
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48)).astype(np.uint8)

    np.testing.assert_array_equal(fit_crops(crops, CropSpec(size=48)), crops)


def test_pictures_of_any_size_and_colour_fit():
    """Grey and colour pictures of several sizes become one batch; grey ones get three equal channels for RGB models."""
    pictures = [np.full((10, 30), 50, np.uint8), _gradient(99, 20), np.full((48, 48), 9, np.uint8)]

    assert fit_crops(pictures, CropSpec(size=24)).shape == (3, 24, 24)
    rgb = fit_crops(pictures, CropSpec(size=24, color="rgb"))
    assert rgb.shape == (3, 24, 24, 3)
    assert rgb[0, 0, 0].tolist() == [50, 50, 50]


def test_alignment_levels_the_eyes(astronaut):
    """A picture turned by 20 degrees and the upright one give nearly the same aligned crop."""
    points = ((200, 102), (247, 102), (220, 125), (199, 143), (240, 143))
    face = Face((178, 63, 268, 176), 1.0, points)
    centre = (223.0, 119.5)
    turn = cv2.getRotationMatrix2D(centre, -20, 1.0)
    turned = cv2.warpAffine(astronaut, turn, (512, 512), flags=cv2.INTER_CUBIC)
    moved = tuple((float(x), float(y)) for x, y in np.array(points) @ turn[:, :2].T + turn[:, 2])
    spec = CropSpec(size=48, margin=1.0, align="eyes", shift_y=0.0)

    upright = crop_faces(astronaut, [face], spec).astype(float)
    aligned = crop_faces(turned, [Face(face.box, 1.0, moved)], spec).astype(float)
    unaligned = crop_faces(turned, [face], spec).astype(float)

    assert np.abs(aligned - upright).mean() < 6
    assert np.abs(unaligned - upright).mean() > 15


@pytest.mark.parametrize(("tilt", "least", "turns"), [(8, 10, False), (12, 10, True), (-12, 10, True), (3, 0, True)])
def test_only_tilted_faces_are_turned(astronaut, tilt, least, turns):
    """Faces that are tilted by no more than the least tilt stay as they are."""
    turn = np.radians(tilt)
    points = np.array([[-20, -15], [20, -15], [0, 5], [-15, 25], [15, 25]], float)
    moved = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + (223, 120)
    face = Face((178, 63, 268, 176), 1.0, tuple((float(x), float(y)) for x, y in moved))

    plain = crop_faces(astronaut, [face], CropSpec(size=48))
    crop = crop_faces(astronaut, [face], CropSpec(size=48, align="eyes", least_tilt=least))

    assert tilt_of(face.landmarks) == pytest.approx(tilt)
    assert bool((crop != plain).any()) is turns


def test_the_tilt_of_a_face_from_the_side():
    """Eyes that nearly coincide say little; the line down to the mouth decides."""
    assert tilt_of([(10, 10), (10, 11), (12, 20), (10, 30), (10, 31)]) == pytest.approx(3, abs=0.5)


@pytest.mark.parametrize("box", [(-90, 10, -40, 60), (150, 10, 200, 60), (10, -90, 60, -40), (10, 300, 60, 350)])
def test_a_face_wholly_outside_repeats_the_border(box):
    """Beyond the border there is only the nearest row or column, whichever side it is."""
    image = _gradient(100, 100)
    spec = CropSpec(size=50, margin=1.0, color="rgb", shift_y=0.0)

    crop = crop_faces(image, [Face(box, 1.0)], spec)[0]

    rows = np.clip(np.arange(box[1], box[3]), 0, 99)
    columns = np.clip(np.arange(box[0], box[2]), 0, 99)
    np.testing.assert_array_equal(crop, image[np.ix_(rows, columns)][..., ::-1])

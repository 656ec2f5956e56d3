"""Quality of a face: pose from five points, sharpness, exposure, and flags by their rules."""

import cv2
import numpy as np
import pytest

from mien.core.types import Face
from mien.media.quality import BLURRED_BELOW, FLAGS, Quality, measure, pose

FRONT = ((-1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-0.8, 2.0), (0.8, 2.0))
GOOD = {"face_px": 100.0, "roll": 0.0, "yaw": 0.0, "sharpness": 1.0, "exposure": 0.5, "edge": False}


def turned(points, degrees):
    """The points, turned clockwise in the picture."""
    a = np.radians(degrees)
    return [(x * np.cos(a) - y * np.sin(a), x * np.sin(a) + y * np.cos(a)) for x, y in points]


@pytest.mark.parametrize("degrees", [0, 30, -30, 90, 170, -120])
def test_roll(degrees):
    """Roll is the angle by which a picture was turned, and turning changes no yaw."""
    roll, yaw = pose(turned(FRONT, degrees))
    assert (roll, yaw) == (pytest.approx(degrees), pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize("degrees", [-60, -30, -10, 0, 20, 45])
def test_yaw_of_a_solid_head(degrees):
    """A head whose nose stands out by 0.6 eye distances, turned about its axis and drawn from afar, has that yaw."""
    a = np.radians(degrees)
    points = [(x * np.cos(a) + depth * np.sin(a), y) for (x, y), depth in zip(FRONT, (0, 0, 1.2, 0, 0), strict=True)]
    assert pose(points)[1] == pytest.approx(degrees)


def test_mirrored_yaw():
    """A mirrored face is turned to the other side."""
    points = ((10.0, 0.0), (20.0, 1.0), (17.0, 5.0), (11.0, 10.0), (19.0, 11.0))
    right, left, nose, right_mouth, left_mouth = ((-x, y) for x, y in points)
    assert pose((left, right, nose, left_mouth, right_mouth))[1] == pytest.approx(-pose(points)[1])


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"face_px": 31.9}, "small"),
        ({"sharpness": BLURRED_BELOW - 0.001}, "blurred"),
        ({"exposure": 0.099}, "dark"),
        ({"yaw": 30.0}, "turned"),
        ({"yaw": -30.0}, "turned"),
        ({"edge": True}, "edge"),
    ],
)
def test_flags(change, flag):
    """Each flag is set by its own rule, and by nothing else."""
    assert Quality(**GOOD).flags == ()
    assert Quality(**{**GOOD, **change}).flags == (flag,)
    assert Quality(**{**GOOD, "yaw": None, "roll": None}).flags == ()
    assert set(FLAGS) == {"small", "blurred", "dark", "turned", "edge"}


def test_sharpness_and_exposure(astronaut):
    """Blur lowers the sharpness and not the exposure; half the light halves the exposure and not the sharpness."""
    face = Face((180.0, 70.0, 270.0, 190.0), 0.9)
    plain = measure(astronaut, face)
    blurred = measure(cv2.GaussianBlur(astronaut, (0, 0), 6), face)
    dim = measure((astronaut * 0.5).astype(np.uint8), face)

    assert blurred.sharpness < BLURRED_BELOW < plain.sharpness
    assert blurred.exposure == pytest.approx(plain.exposure, abs=0.03)
    assert dim.exposure == pytest.approx(plain.exposure / 2, abs=0.01)
    assert dim.sharpness == pytest.approx(plain.sharpness, rel=0.05)


@pytest.mark.parametrize(
    ("box", "edge"),
    [((10, 10, 60, 60), False), ((0, 10, 50, 60), True), ((-9, 5, 40, 60), True), ((60, 60, 99, 120), True)],
)
def test_edge(box, edge):
    """A box at or over any edge of the picture is cut; one that has room is not."""
    assert measure(np.full((100, 100, 3), 128, np.uint8), Face(box, 0.9)).edge is edge
    assert not measure(np.full((100, 100, 3), 128, np.uint8), Face(box, 0.9, whole=True)).edge


def test_face_outside_the_picture():
    """A box wholly outside gives zeros, not an error."""
    seen = measure(np.zeros((50, 50, 3), np.uint8), Face((100, 100, 150, 150), 0.9))
    assert (seen.sharpness, seen.exposure, seen.edge) == (0.0, 0.0, True)

"""Following a face without a detector, and noticing cuts and motion."""

import cv2
import numpy as np
import pytest
from made_people import person, room

from mien.app.scenes import Actor
from mien.core.geometry import iou
from mien.core.types import Face
from mien.infer.follow import Follower
from mien.infer.watch import Watch


def at(x, y, size=60.0, seed=1):
    """Picture of a person at a place, and the box of the face."""
    scene = room(Actor(person(seed), lambda _t: (x, y, size)))
    return scene.image(0.0), scene.boxes(0.0)[0]


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (7, -5), (18, 12), (-20, 3)])
def test_shift(dx, dy):
    """A face that moved by up to a third of its side is found to a pixel, and its landmarks with it."""
    image, box = at(150, 120)
    follower = Follower()
    follower.learn(image, {1: Face(box, 0.9, ((150.0, 110.0),))})
    moved, truth = at(150 + dx, 120 + dy)
    face, score = follower.find(moved, {1: box})[1]

    assert face.box == pytest.approx(truth, abs=1.2)
    assert face.landmarks[0] == pytest.approx((150 + dx, 110 + dy), abs=1.2)
    assert face.score == 0.9
    assert score > 0.9


@pytest.mark.parametrize("growth", [0.8, 1.25])
def test_growth_over_some_frames(growth):
    """A face that comes nearer or goes away is followed in size over ten frames."""
    image, box = at(150, 120)
    follower = Follower()
    follower.learn(image, {1: Face(box, 0.9)})
    for i in range(1, 11):
        image, truth = at(150, 120, 60 * growth ** (i / 10))
        face, _ = follower.find(image, {1: box})[1]
        box = face.box
    assert iou(box, truth)[0, 0] > 0.85


def test_somebody_else_is_not_followed():
    """Where another face stands the correlation is low."""
    image, box = at(150, 120)
    follower = Follower()
    follower.learn(image, {1: Face(box, 0.9)})
    _, score = follower.find(at(150, 120, seed=2)[0], {1: box})[1]
    assert score < 0.5


def test_at_the_edge_and_outside():
    """Faces that leave the picture, tiny ones and places far outside are no error."""
    image, box = at(10, 10)
    follower = Follower()
    follower.learn(image, {1: Face(box, 0.9), 2: Face((5, 5, 7, 7), 0.9), 3: Face((0, 0, 40, 40), 0.9)})
    found = follower.find(image, {1: box, 2: (5, 5, 7, 7), 3: (900.0, 900.0, 940.0, 940.0), 4: box})
    assert set(found) == {1, 3}
    assert np.isfinite(found[3][1])


def test_forgetting():
    """After a cut nobody is looked for."""
    image, box = at(150, 120)
    follower = Follower()
    follower.learn(image, {1: Face(box, 0.9)})
    follower.forget()
    assert follower.find(image, {1: box}) == {}


def photograph_like(seed, size=(320, 240)):
    """A picture with structure of every size, as photographs have it, (width, height)."""
    random, image = np.random.default_rng(seed), np.zeros((size[1], size[0], 3), np.float32)
    for cells in (3, 6, 12, 24, 48):
        coarse = random.normal(0, 90 / cells**0.5, (cells * 3 // 4, cells, 3)).astype(np.float32)
        image += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return (image + 128).clip(0, 255).astype(np.uint8)


def test_cuts():
    """Another scene is a cut; motion, noise, a flash and a fade of the light are none."""
    one, _ = at(150, 120)
    watch = Watch()
    assert not watch.look(one)
    assert not watch.look(at(170, 130)[0])
    assert not watch.look(np.clip(one.astype(int) + 80, 0, 255).astype(np.uint8))
    assert not watch.look((one * 0.5).astype(np.uint8))
    assert watch.look(np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(40, 0).repeat(40, 1))


def test_people_who_move_far_are_no_cut():
    """Half a second between frames: a large face is somewhere else, the room is the same."""
    watch = Watch()
    watch.look(at(80, 120, 110.0)[0])
    assert not watch.look(at(240, 110, 110.0)[0])


def test_frames_that_show_nothing():
    """Black, white and noise are no shots: what comes after them is compared with what was before."""
    one, other = at(150, 120)[0], photograph_like(3)
    noise = np.random.default_rng(0).normal(12, 6, (240, 320, 3)).clip(0, 255).astype(np.uint8)
    for plain in (np.zeros_like(one), np.full_like(one, 255), noise):
        watch = Watch()
        assert [watch.look(image) for image in (one, plain, plain, one)] == [False] * 4
        assert [watch.look(image) for image in (plain, other, other)] == [False, True, False]


@pytest.mark.parametrize("gain", [1.0, 0.35, 0.15])
def test_cuts_in_the_dark(gain):
    """A cut is one at every brightness, in a picture with black bars too; noise is none."""
    random = np.random.default_rng(1)
    for bar in (0, 40):
        watch, found = Watch(), []
        for seed in (1, 1, 2, 2, 3, 3):
            image = photograph_like(seed) * gain + random.normal(0, 2, (240, 320, 3))
            image[:bar], image[240 - bar :] = 0, 0
            found.append(watch.look(image.clip(0, 255).astype(np.uint8)))
        assert found == [False, False, True, False, True, False]


def test_a_camera_that_moves_is_no_cut():
    """Shake by 2 % of the height, a pan by a tenth of the width per frame, and a zoom stay one shot."""
    wide = photograph_like(4, (640, 480))
    random, watch = np.random.default_rng(2), Watch()
    for _ in range(20):
        x, y = 100 + random.normal(0, 5), 100 + random.normal(0, 5)
        assert not watch.look(cv2.getRectSubPix(wide, (320, 240), (x + 160, y + 120)))
    for step in range(10):
        assert not watch.look(np.ascontiguousarray(wide[100:340, 100 + 22 * step : 420 + 22 * step]))
    for step in range(10):
        half_w, half_h = round(160 * 0.96**step), round(120 * 0.96**step)
        part = wide[220 - half_h : 220 + half_h, 458 - half_w : 458 + half_w]
        assert not watch.look(cv2.resize(part, (320, 240)))


def test_motion():
    """Something new away from the known face is motion; the known face that moves is none, nor is noise."""
    image, box = at(100, 120)
    watch = Watch()
    watch.look(image)
    watch.mark([box])
    moved, now = at(115, 125)
    watch.look(moved)
    assert not watch.moved([now])
    newcomer = moved.copy()
    newcomer[60:120, 240:300] = 255
    watch.look(newcomer)
    assert watch.moved([now])


def test_motion_before_the_first_detection():
    """Without anything to compare with, everything may be new."""
    assert Watch().moved([])

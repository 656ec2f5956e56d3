"""The camera's motion: measured where the whole picture moves, and nowhere else."""

import cv2
import numpy as np
import pytest
from made_people import Bright, Oracle, person

from mien.app.scenes import Actor, Scene, swaying
from mien.core.types import Face, Frame
from mien.infer.camera import STILL, Camera
from mien.infer.stream import StreamOptions, StreamReader
from mien.infer.track import APPEARANCE_SIZE, Tracker

_EDGE = 60  # px around the visible part


def _room(seed=0, width=320, height=240):
    """Patches and texture, larger than the picture by `_EDGE` on each side."""
    random = np.random.default_rng(seed)
    out = np.zeros((height + 2 * _EDGE, width + 2 * _EDGE, 3), np.float32)
    for cells, weight in ((6, 1.0), (24, 0.5)):
        coarse = random.integers(0, 255, (cells, cells, 3)).astype(np.float32)
        out += weight / 1.5 * cv2.resize(coarse, out.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(out, 0, 255).astype(np.uint8)


def _standing(x):
    """The path of somebody who stays at x."""
    return lambda _time_s: (x, 120, 80.0)


def _seen(image, dx=0, dy=0):
    """The visible part after the content moved by (dx, dy)."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[_EDGE - dy : height - _EDGE - dy, _EDGE - dx : width - _EDGE - dx])


@pytest.mark.parametrize(("dx", "dy"), [(7, -4), (-20, 12), (33, 0), (0, -30)])
def test_a_move_of_the_whole_picture(dx, dy):
    """A picture that moved is measured to two pixels."""
    camera, image = Camera(), _room()
    assert camera.look(_seen(image)) == STILL
    motion = camera.look(_seen(image, dx, dy))
    assert (motion.dx, motion.dy) == pytest.approx((dx, dy), abs=2)


def test_noise_and_people_are_not_the_camera():
    """Noise, a flash and a person who walks before a room at rest move no camera."""
    camera, image = Camera(), _room()
    random = np.random.default_rng(0)
    walker = [Scene(_seen(image), [Actor(person(1), _standing(x))]).image(0) for x in (100, 125, 150)]
    noisy = np.clip(_seen(image) + random.normal(0, 4, (240, 320, 3)), 0, 255).astype(np.uint8)
    flash = np.clip(_seen(image).astype(int) + 60, 0, 255).astype(np.uint8)
    assert not any(camera.look(picture) for picture in (*walker, _seen(image), noisy, flash, _seen(image)))


def test_another_size_is_no_move():
    """A picture of another size has no move; a grey picture is no error."""
    camera = Camera()
    camera.look(_seen(_room(0)))
    assert camera.look(_seen(_room(5))[:100]) == STILL
    grey = np.full((240, 320, 3), 90, np.uint8)
    assert [camera.look(grey), camera.look(grey + 60), camera.look(grey)] == [STILL] * 3


def _ids(paths, frames=60):
    """Ids of faces of 40 px whose centre x follows `paths` (camera x, face x in the room) at 25 frames per second."""
    tracker, appearance, before = Tracker(), np.ones((1, APPEARANCE_SIZE), np.float32) / APPEARANCE_SIZE**0.5, None
    ids = set()
    for i in range(frames):
        camera_x, x = paths(i)
        if before is not None:
            tracker.carry(camera_x - before, 0.0)
        before = camera_x
        ids |= set(tracker.update([Face((x - 20, 80.0, x + 20, 120.0), 0.9)], appearance, i / 25))
    return ids


def test_a_face_goes_with_the_camera():
    """A face that a shaking camera throws to and fro by more than its side keeps its id."""
    shake = np.random.default_rng(2).normal(0, 40, 60)
    assert _ids(lambda i: (shake[i], 200 + shake[i])) == {1}


def test_who_films_himself_does_not_go_with_the_room():
    """A face that stays in its place while the room moves behind it keeps its id too."""
    shake = np.random.default_rng(2).normal(0, 40, 60)
    assert _ids(lambda i: (shake[i], 200 + i / 10)) == {1}


@pytest.mark.parametrize("every", [1, "auto"])
def test_shaken_stream(every):
    """Two faces in a picture that shakes by 5 % of its height keep their ids over 80 frames."""
    room, shake = _room(3), np.random.default_rng(4).normal(0, 12, (80, 2)).clip(-40, 40).round().astype(int)
    places = (((150, 170), 40), ((300, 160), 44))
    scene = Scene(room, [Actor(person(i), swaying(at, side, (5, 3), 2.0)) for i, (at, side) in enumerate(places)])

    class Shaken(Oracle):
        def detect(self, image):
            dx, dy = shake[round(self.now_s * 25)] - _EDGE
            faces = [(f.box[0] + dx, f.box[1] + dy, f.box[2] + dx, f.box[3] + dy) for f in super().detect(room)]
            return [Face(box, 0.9) for box in faces]

    oracle = Shaken(scene)
    reader = StreamReader(oracle, Bright(), StreamOptions(detector_every=every))
    seen = []
    for frame, (dx, dy) in zip(oracle.frames(80 / 25), shake, strict=True):
        seen.append(set(reader.find(Frame(_seen(frame.image, dx, dy), frame.index, frame.time_s))))
    assert seen == [{1, 2}] * 80

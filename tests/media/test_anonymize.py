"""Covered faces: nothing of a face stays, also where the detector missed it for a moment."""

import numpy as np
import pytest
from made_clips import reading

from mien.core.types import Frame
from mien.media.anonymize import AnonymizingSink, cover

BOX = (20.0, 20.0, 60.0, 70.0)


class Keeper:
    """A sink that keeps the pictures."""

    def __init__(self):
        self.images, self.times_s, self.closed, self.aborted = [], [], False, False

    def write(self, frame, readings):
        self.images.append(frame.image)
        self.times_s.append(frame.time_s)

    def close(self):
        self.closed = True

    def abort(self):
        self.aborted = True


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 255, (100, 120, 3), np.uint8)


def detail(image, box=BOX):
    """Change from pixel to pixel inside a box: noise has about 85, a covered face almost none."""
    x1, y1, x2, y2 = map(int, box)
    return float(np.abs(np.diff(image[y1:y2, x1:x2].astype(int), axis=1)).mean())


def run(noise, seen, fps=10.0, around_s=0.5):
    """Pictures after covering, when the face was found in the frames of `seen`."""
    keeper = Keeper()
    sink = AnonymizingSink([keeper], around_s)
    for i, found in enumerate(seen):
        sink.write(Frame(noise, i, i / fps), [reading(1, box=BOX)] if found else [])
    sink.close()
    return keeper


def test_cover(noise):
    """Inside the box no detail stays; far from it nothing changes; the given picture stays as it was."""
    before = noise.copy()
    out = cover(noise, [BOX])
    assert detail(noise) > 60
    assert detail(out) < 12
    assert (out[:, 90:] == noise[:, 90:]).all()
    assert (noise == before).all()


def test_cover_at_the_edge(noise):
    """A box that leaves the picture is covered as far as it is in it; one outside changes nothing."""
    out = cover(noise, [(-20, -20, 15, 15)])
    assert detail(out, (0, 0, 12, 12)) < 14
    assert (cover(noise, [(200, 200, 260, 260)]) == noise).all()


def test_missed_frames_are_covered(noise):
    """Two frames in which the detector missed the face are covered like their neighbours."""
    keeper = run(noise, [True, True, False, False, True, True])
    assert len(keeper.images) == 6
    assert all(detail(image) < 14 for image in keeper.images)


def test_before_it_was_found(noise):
    """A face is covered for half a second before it is found and after it is lost, and not for longer."""
    keeper = run(noise, [False] * 10 + [True] + [False] * 10)
    covered = [detail(image) < 14 for image in keeper.images]
    assert covered == [False] * 5 + [True] * 11 + [False] * 5


def test_frames_keep_order_and_time(noise):
    """Frames come out half a second late, all of them, in order."""
    keeper = run(noise, [True] * 20)
    assert keeper.times_s == pytest.approx([i / 10 for i in range(20)])
    assert keeper.closed


def test_giving_up(noise):
    """What waits is dropped and the sinks are given up."""
    keeper = Keeper()
    sink = AnonymizingSink([keeper])
    sink.write(Frame(noise, 0, 0.0), [])
    sink.abort()
    assert keeper.images == []
    assert keeper.aborted

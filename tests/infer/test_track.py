"""Ids: the same for the same face through motion, gaps and crossings, new for anybody else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.types import Face
from mien.infer.track import APPEARANCE_SIZE, Tracker, face_appearances


def appearance(seed):
    vector = np.random.default_rng(seed).normal(size=APPEARANCE_SIZE).astype(np.float32)
    return vector / np.linalg.norm(vector)


A, B = appearance(1), appearance(2)


def face(x, y=100.0, side=50.0):
    return Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 0.9)


def track(tracker, time_s, *people):
    """Ids of (x, appearance) or (x, appearance, side) in one frame."""
    faces = [face(p[0], side=p[2] if len(p) > 2 else 50.0) for p in people]
    return tracker.update(faces, np.array([p[1] for p in people], np.float32).reshape(-1, APPEARANCE_SIZE), time_s)


def test_moving_face_keeps_its_id():
    """300 px/s, six face sides per second, at 30 frames per second."""
    tracker = Tracker()
    ids = [track(tracker, i / 30, (50 + 10 * i, A)) for i in range(60)]
    assert ids == [[1]] * 60


def test_order_of_the_faces_does_not_matter():
    """Detectors sort by score; ids belong to faces."""
    tracker = Tracker()
    assert track(tracker, 0.0, (50, A), (300, B)) == [1, 2]
    assert track(tracker, 0.1, (302, B), (52, A)) == [2, 1]


def test_ids_are_never_used_again():
    """Who comes after somebody left for good is somebody else."""
    tracker = Tracker(max_gap_s=1.0)
    assert track(tracker, 0.0, (50, A)) == [1]
    assert track(tracker, 0.5) == []
    assert track(tracker, 1.6, (50, A)) == [2]


@pytest.mark.parametrize("fps", [5, 25, 60])
def test_short_gap_in_seconds(fps):
    """A face that is not found for 0.6 s keeps its id at every frame rate, although it moved on."""
    tracker = Tracker(max_gap_s=1.0)
    for i in range(fps):
        track(tracker, i / fps, (100 + 80 * i / fps, A))
    for i in range(fps, round(1.6 * fps)):
        assert track(tracker, i / fps) == []
    assert track(tracker, 1.6, (100 + 80 * 1.6, A)) == [1]


def test_frames_that_lie_seconds_apart():
    """With one frame per five seconds a face in the same place is the same; after an empty frame it is not."""
    tracker = Tracker(max_gap_s=1.0)
    assert [track(tracker, t, (100, A)) for t in (0.0, 5.0, 10.0)] == [[1], [1], [1]]
    track(tracker, 15.0)
    assert track(tracker, 20.0, (100, A)) == [2]


def test_crossing():
    """Two faces pass; for 0.4 s the one behind is not found. Each keeps its id."""
    tracker = Tracker()
    last = []
    for i in range(75):
        time_s = i / 25
        left, right = 50 + 100 * time_s, 350 - 100 * time_s
        hidden = abs(left - right) < 40
        people = [(right, B)] if hidden else [(left, A), (right, B)]
        last = track(tracker, time_s, *people)
    assert last == [1, 2]


def test_two_that_look_alike_cross():
    """Where appearances cannot decide, motion does."""
    tracker = Tracker()
    for i in range(75):
        time_s = i / 25
        left, right = 50 + 100 * time_s, 350 - 100 * time_s
        people = [(right, A)] if abs(left - right) < 20 else [(left, A), (right, A)]
        last = track(tracker, time_s, *people)
    assert last == [1, 2]


def test_somebody_else_in_the_same_area():
    """Another appearance a face side away is another person, not the first one who jumped."""
    tracker = Tracker()
    assert track(tracker, 0.0, (100, A)) == [1]
    assert track(tracker, 0.04, (150, B)) == [2]


def test_another_face_at_the_same_place_from_one_frame_to_the_next():
    """An unnoticed cut: nobody changes so much within a frame. After a while of not being seen, a face may."""
    tracker = Tracker()
    assert [track(tracker, i / 25, (100, A)) for i in range(5)] == [[1]] * 5
    assert [track(tracker, i / 25, (100, B)) for i in range(5, 10)] == [[2]] * 5

    tracker = Tracker()
    assert [track(tracker, time_s, (100, seen)) for time_s, seen in ((0.0, A), (0.5, B))] == [[1], [1]]


def test_size_does_not_jump():
    """A face three times as large in the next frame is another one, nearer to the camera."""
    tracker = Tracker()
    assert track(tracker, 0.0, (100, A, 40.0)) == [1]
    assert track(tracker, 0.04, (100, A, 130.0)) == [2]


@pytest.mark.parametrize("fps", [15, 30])
def test_size_follows_growth(fps):
    """A face that grows from 45 to 300 px in 1.5 s keeps its id."""
    tracker = Tracker()
    times = np.arange(0, 2.0, 1 / fps)
    sides = np.interp(times, (0.3, 1.8), (45, 300))
    assert {track(tracker, t, (320, A, side))[0] for t, side in zip(times, sides, strict=True)} == {1}


def test_reset_at_a_cut():
    """After a cut nobody is known; ids go on counting."""
    tracker = Tracker()
    track(tracker, 0.0, (100, A))
    tracker.reset()
    assert tracker.alive == frozenset()
    assert track(tracker, 0.04, (100, A)) == [2]


def test_prediction():
    """A face at 100 px/s is expected 10 px further after a tenth of a second."""
    tracker = Tracker()
    for i in range(26):
        track(tracker, i / 25, (100 + 4 * i, A))
    box = tracker.predict(1, 1.1)
    assert (box[0] + box[2]) / 2 == pytest.approx(210, abs=1)
    with pytest.raises(KeyError):
        tracker.predict(7, 1.1)


def test_looks():
    """The appearance of a face is the same at another size and brightness, and differs between textures."""
    random = np.random.default_rng(0)
    import cv2

    one, other = (cv2.resize(random.integers(0, 200, (8, 8, 3), np.uint8), (64, 64)) for _ in range(2))
    canvas = np.zeros((200, 400, 3), np.uint8)
    canvas[10:74, 10:74] = one
    canvas[10:138, 100:228] = cv2.resize(one, (128, 128)) + 30
    canvas[10:74, 300:364] = other
    appearances = face_appearances(
        canvas, [Face(b, 1.0) for b in ((10, 10, 74, 74), (100, 10, 228, 138), (300, 10, 364, 74))]
    )

    assert appearances.shape == (3, APPEARANCE_SIZE)
    assert appearances[0] @ appearances[1] > 0.95
    assert appearances[0] @ appearances[2] < 0.4


def test_look_outside_the_picture():
    """A box beside the picture has an empty appearance, not an error."""
    appearances = face_appearances(np.zeros((20, 20, 3), np.uint8), [Face((50, 50, 60, 60), 1.0)])
    assert not appearances.any()


@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 600), st.integers(1, 6), st.floats(10, 200)), max_size=5),
        min_size=1,
        max_size=12,
    ),
    st.floats(0.01, 2.0),
)
@settings(max_examples=60, deadline=None)
def test_any_faces_get_distinct_ids(frames, step_s):
    """Whatever the faces do: within a frame ids are distinct, and an id that was given up never comes back."""
    tracker = Tracker(max_gap_s=0.5)
    last_seen: dict[int, int] = {}
    for i, people in enumerate(frames):
        ids = track(tracker, i * step_s, *((x, appearance(seed), side) for x, seed, side in people))
        assert len(set(ids)) == len(ids) == len(people)
        for track_id in ids:
            since = i - last_seen.get(track_id, i)
            assert since <= 1 or since * step_s <= 0.5 + 1e-6
            last_seen[track_id] = i
        assert set(ids) <= tracker.alive

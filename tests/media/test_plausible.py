"""Which tracks are people: each rule on tracks with known values, and one verdict for a whole track."""

import math

import pytest
from made_clips import LABELS, blank, reading

from mien.core.types import Face, Reading
from mien.media.plausible import RULES, Plausible, doubtful_text
from mien.media.summary import Summary

FRONT = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))


def face(track=1, side=50.0, score=0.9, shape=FRONT):
    """A face whose box begins at (10, 10), with landmarks in sides of it."""
    points = None if shape is None else tuple((10 + side * x, 10 + side * y) for x, y in shape)
    return Reading(Face((10.0, 10.0, 10 + side, 10 + side), score, points), LABELS, (0.8, 0.2), track=track)


def people(frames, sure_score=0.75, fps=10.0):
    """The tracks that count, of frames that are lists of readings."""
    plausible = Plausible(sure_score)
    for i, readings in enumerate(frames):
        plausible.write(blank(i, i / fps), readings)
    plausible.close()
    return plausible.people()


@pytest.mark.parametrize(("frames", "counts"), [(4, False), (5, True), (20, True)])
def test_seen_for_long_enough(frames, counts):
    """In a video of two seconds a face counts from half a second on."""
    assert people([[face()] if i < frames else [] for i in range(20)]) == ({1} if counts else set())


@pytest.mark.parametrize(("frames", "counts"), [(1, False), (2, True), (4, True)])
def test_short_video(frames, counts):
    """In a video of 0.4 s a face counts when it is there for half of it."""
    assert people([[face()] if i < frames else [] for i in range(4)]) == ({1} if counts else set())


def test_one_frame():
    """A photograph shows people, too; a frame that stands for two seconds is enough."""
    assert people([[face(None)]]) == {None}
    assert people([[face(1)], [face(2)], [face(3)]], fps=0.5) == {1, 2, 3}


def test_sure_detector():
    """The mean score counts, not the best one; without a threshold none is asked for."""
    doubtful = [[face(score=0.9 if i < 5 else 0.65)] for i in range(20)]
    assert people(doubtful) == set()
    assert people(doubtful, sure_score=0.0) == {1}
    assert people([[face(score=0.65 if i < 5 else 0.9)] for i in range(20)]) == {1}


def test_steady_size():
    """A face may come from 45 to 300 px within 0.8 s; a box that jumps between two sizes is none."""
    nearer = [[face(side=45 * math.exp(math.log(300 / 45) * i / 15))] for i in range(16)]
    assert people(nearer, fps=20.0) == {1}
    assert people([[face(side=50 if i % 2 else 80)] for i in range(20)]) == set()


@pytest.mark.parametrize(
    ("shape", "counts"),
    [
        (FRONT, True),
        (None, True),  # the detector has no landmarks
        (((0.45, 0.4), (0.5, 0.4), (0.3, 0.6), (0.42, 0.8), (0.5, 0.8)), True),  # a profile
        (((0.4, 0.3), (0.4, 0.7), (0.6, 0.5), (0.8, 0.35), (0.8, 0.65)), True),  # lying
        (((0.5, 0.5),) * 5, False),
        (((0.3, 0.4), (0.7, 0.4), (0.5, 0.45), (0.3, 0.5), (0.7, 0.5)), False),  # the mouth between the eyes
        (((0.1, 0.4), (0.9, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)), False),  # eyes as far apart as the box
    ],
)
def test_shape_of_a_face(shape, counts):
    """Landmarks make a face however it is turned; heaps and stretched ones don't."""
    assert people([[face(shape=shape)] for _ in range(20)]) == ({1} if counts else set())


def test_summary_counts_people_only():
    """What is not plausible is in no sum: neither rows, frames with a face, most at once, curves nor seconds."""
    summary = Summary(LABELS, sure_score=0.75)
    for i in range(20):
        summary.write(blank(i, i / 10), [face(1)] * (i < 10) + [face(2, score=0.5)] * (5 <= i < 15))
    summary.close()
    result = summary.result()

    assert ([person.track for person in result.people], result.doubtful) == ([1], 1)
    assert (result.rows, result.frames_with_faces, result.most_faces, result.frames) == (10, 10, 1, 20)
    assert sum(result.seconds.values()) == pytest.approx(1.0)
    assert sum(result.everyone.weights.values()) == pytest.approx(1.0)
    assert (result.faces[0], result.faces[12]) == (pytest.approx(1.0), 0.0)


def test_told():
    """Rules and what was left out are sentences."""
    assert all(rule.text for rule in RULES.values())
    assert doubtful_text(1).startswith("1 face that was followed is not")
    assert doubtful_text(3).startswith("3 faces that were followed are not")


def test_readings_without_landmarks_count():
    """Detectors without landmarks and scores of their own lose nobody who is seen for long enough."""
    assert people([[reading()] for _ in range(10)], sure_score=0.0) == {1}

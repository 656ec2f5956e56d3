"""The summary of a video: seconds, changes and curves worked out by hand, in bounded memory."""

import numpy as np
import pytest
from made_clips import LABELS, blank, reading

from mien.media.summary import Summary


def summed(frames, **options):
    """Summary of (time, readings) pairs."""
    summary = Summary(LABELS, **options)
    for i, (time_s, readings) in enumerate(frames):
        summary.write(blank(i, time_s), readings)
    summary.close()
    return summary.result()


def test_seconds_hold_until_the_next_frame():
    """Happy from 0 to 1 s, neutral from 1 to 1.5 s and, in the last frame, for as long as the frame before: 0.5 s."""
    result = summed([(0.0, [reading(happy=0.9)]), (1.0, [reading(happy=0.1)]), (1.5, [reading(happy=0.1)])])

    (person,) = result.people
    assert person.seconds == pytest.approx({"happy": 1.0, "neutral": 1.0})
    assert (person.seen_s, person.first_s, person.last_s, person.frames) == (2.0, 0.0, 1.5, 3)
    assert result.length_s == 2.0


def test_an_only_frame_counts():
    """A photograph has no next frame; it holds for a tenth of a second, so that there is something to show."""
    result = summed([(3.0, [reading(happy=0.9)])])

    assert result.people[0].seconds == pytest.approx({"happy": 0.1})
    assert result.length_s == pytest.approx(0.1)


def test_seconds_of_uncertain_readings():
    """For one second happy holds at a smoothed 0.41, below the threshold of 0.5; it counts as happy all the same."""
    frames = [(0.0, [reading(happy=0.9)]), (1.0, [reading(happy=0.4, steady="happy")]), (2.0, [reading(happy=0.9)])]
    result = summed(frames)

    assert result.people[0].unsure_s == result.unsure_s == pytest.approx(1.0)
    assert result.people[0].seconds == pytest.approx({"happy": 3.0})


def test_changes():
    """happy, neutral, neutral, happy: one change each way, per person and over all."""
    values = [0.9, 0.1, 0.1, 0.9]
    result = summed([(i / 10, [reading(1, v), reading(2, 0.9)]) for i, v in enumerate(values)])

    assert result.people[0].changes == {("happy", "neutral"): 1, ("neutral", "happy"): 1}
    assert not result.people[1].changes
    assert sum(result.changes.values()) == 2


def test_counts():
    """Frames, frames with a face, rows and the most faces at once."""
    result = summed([(0.0, []), (0.1, [reading(1)]), (0.2, [reading(1), reading(2)]), (0.8, [])])

    assert (result.frames, result.frames_with_faces, result.rows, result.most_faces) == (4, 2, 3, 2)
    assert [p.track for p in result.people] == [1, 2]


def test_curve():
    """Mean smoothed probabilities per step of 0.1 s, weighted by time; steps without the face are absent."""
    frames = [(0.0, [reading(happy=1.0)]), (0.05, [reading(happy=0.0)]), (0.1, []), (0.3, [reading(happy=1.0)])]
    curve = summed(frames).people[0].curve.means()

    assert list(curve) == [0, 3]
    assert curve[0] == pytest.approx([0.5, 0.5])
    assert curve[3] == pytest.approx([0.95, 0.05])


def test_held_label_per_step():
    """The lanes show the label that was held, not the most probable one."""
    frames = [(0.0, [reading(happy=0.9, steady="neutral")]), (0.1, [reading(happy=0.9, steady="happy")])]
    held = summed(frames).people[0].held.means()
    assert {step: LABELS[int(mean.argmax())] for step, mean in held.items()} == {0: "neutral", 1: "happy"}


def test_an_hour_takes_no_more_steps_than_a_minute():
    """Steps are joined as the video grows: at most 400, and the means stay true."""
    result = summed([(i * 0.5, [reading(happy=1.0 if i < 3600 else 0.0)]) for i in range(7200)])
    curve = result.people[0].curve.means()

    assert len(curve) <= 400
    assert result.step_s * len(curve) == pytest.approx(3600, rel=0.02)
    assert curve[0][0] == pytest.approx(0.95)
    assert curve[max(curve)][0] == pytest.approx(0.05)
    assert result.people[0].seen_s == pytest.approx(3600)


def test_late_start():
    """A video that is read from its 100th second counts from there."""
    result = summed([(100.0, [reading()]), (100.5, [reading()])])
    assert (result.start_s, result.end_s) == (100.0, 101.0)
    assert list(result.everyone.means()) == [0, 1]


def test_thumbnails_only_when_asked():
    """No picture of anybody is kept unless thumbnails are wanted; then a small JPEG, also at the picture's edge."""
    frames = [(0.0, [reading(1), reading(2, box=(-30.0, -30.0, 20.0, 20.0))])]
    assert all(p.thumbnail is None for p in summed(frames).people)

    import cv2

    for person in summed(frames, thumbnails=True).people:
        image = cv2.imdecode(np.frombuffer(person.thumbnail, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (96, 96, 3)


def test_nothing():
    """A run without frames is an empty summary."""
    result = summed([])
    assert (result.frames, result.people, result.length_s) == (0, (), 0.0)

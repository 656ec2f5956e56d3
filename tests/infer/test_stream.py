"""Streams: every frame once, steady ids, and few detections without losing anybody."""

import numpy as np
import pytest
from made_people import Bright, Oracle, person, room

from mien.app.scenes import Actor, Scene, backdrop, swaying
from mien.core.errors import OptionError
from mien.core.geometry import iou
from mien.core.types import Face, Frame
from mien.infer.stream import StreamOptions, StreamReader

LEFT = Actor(person(1), swaying((90, 120), 60, (30, 10), 2.0))
RIGHT = Actor(person(2), swaying((235, 110), 60, (20, 15), 1.7))


def read_stream(frames, detector, classifier, options=None):
    """Every frame with its readings, one after the other."""
    reader = StreamReader(detector, classifier, options)
    return ((frame, reader.read(frame)) for frame in frames)


def stream(oracle, seconds, fps=25.0, **options):
    """All frames with their readings."""
    return list(read_stream(oracle.frames(seconds, fps), oracle, Bright(), StreamOptions(**options)))


def tracks(result):
    return [[r.track for r in readings] for _, readings in result]


@pytest.mark.parametrize("every", [1, 4, "auto"])
def test_boxes_are_true_in_every_frame(every):
    """Two moving faces keep their ids and their boxes (IoU >= 0.7 with the truth), however often is detected."""
    scene = room(LEFT, RIGHT)
    result = stream(Oracle(scene), 4, detector_every=every)

    assert tracks(result) == [[1, 2]] * 100
    for frame, readings in result:
        overlap = iou([r.box for r in readings], scene.boxes(frame.time_s))
        assert overlap.diagonal().min() >= 0.7


def test_detections_are_few():
    """`auto` asks the detector about twice per second when nothing happens, a number every so many frames."""
    calm = Oracle(room(LEFT, RIGHT))
    stream(calm, 4)
    fixed = Oracle(room(LEFT))
    stream(fixed, 4, detector_every=5)

    assert len(calm.asked) <= 12
    assert len(fixed.asked) == 20


def test_frames_without_faces():
    """Every frame comes out once, in order, with an empty list where nobody is."""
    result = stream(Oracle(room()), 1)
    assert [f.index for f, _ in result] == list(range(25))
    assert all(readings == [] for _, readings in result)


def test_new_face_comes_in_quickly():
    """Somebody appears at 1.1 s without warning: shown within 0.2 s because something moved."""
    late = Actor(person(2), lambda t: (235, 110, 60.0) if t >= 1.1 else None)
    result = stream(Oracle(room(LEFT, late)), 2)
    first = next(f.time_s for f, readings in result if len(readings) == 2)
    assert first <= 1.3


def test_face_that_leaves():
    """Who leaves is gone within a few frames, and no box stays behind."""
    leaver = Actor(person(2), lambda t: (235, 110, 60.0) if t < 1.1 else None)
    result = stream(Oracle(room(LEFT, leaver)), 2)
    last = max(f.time_s for f, readings in result if len(readings) == 2)
    assert last <= 1.3


@pytest.mark.parametrize("every", [1, "auto"])
def test_crossing(every):
    """Two people walk past each other; each has one id before and after."""
    front = Actor(person(1), lambda t: (60 + 60 * t, 115, 70.0))
    back = Actor(person(2), lambda t: (260 - 60 * t, 125, 60.0))
    scene = room(back, front)
    result = stream(Oracle(scene), 3.3, detector_every=every)

    assert tracks(result)[0] == [1, 2]
    assert tracks(result)[-1] == [1, 2]
    at_end = {r.track: (r.box[0] + r.box[2]) / 2 for r in result[-1][1]}
    assert at_end[1] < at_end[2]  # 1 is the one behind, who walked to the left
    assert {i for ids in tracks(result) for i in ids} == {1, 2}


def test_gap_of_the_detector():
    """The detector finds nobody for 0.7 s: the id is the same afterwards."""
    result = stream(Oracle(room(LEFT), blind=(1.0, 1.7)), 3, detector_every=1)
    assert tracks(result)[0] == tracks(result)[-1] == [1]
    assert [] in tracks(result)


def test_one_missed_detection_leaves_no_hole():
    """In `auto` a face that is plainly still there survives one detection that missed it."""
    oracle = Oracle(room(LEFT), blind=(0.95, 1.05))
    assert tracks(stream(oracle, 2)) == [[1]] * 50


def test_cut():
    """After a cut everybody is new, at once, also where a face stands in the same place."""
    first, second = Scene(backdrop(320, 240, 1), [LEFT]), Scene(backdrop(320, 240, 5), [Actor(person(9), LEFT.path)])
    a, b = Oracle(first), Oracle(second)
    detector = a

    class Both:
        name = "both"

        def detect(self, image):
            return detector.detect(image)

    reader = StreamReader(Both(), Bright())
    before = [reader.read(f) for f in a.frames(1)]
    detector = b
    after = [reader.read(f) for f in b.frames(1, start_s=1.0)]
    assert {r.track for readings in before for r in readings} == {1}
    assert {r.track for readings in after for r in readings} == {2}
    assert all(len(readings) == 1 for readings in after)


def test_flash_is_no_cut():
    """A photographer's flash brightens everything for one frame; the ids stay."""
    oracle = Oracle(room(LEFT))

    def flashing():
        for frame in oracle.frames(2):
            image = np.clip(frame.image.astype(int) + 90, 0, 255).astype(np.uint8) if frame.index == 20 else frame.image
            yield Frame(image, frame.index, frame.time_s)

    result = list(read_stream(flashing(), oracle, Bright()))
    assert {i for ids in tracks(result) for i in ids} == {1}


def test_most_faces():
    """The largest faces are kept, and the choice does not flip between two of about the same size."""
    big = Actor(person(1), lambda t: (70, 110, 60 + 3 * np.sin(4 * t)))
    same = Actor(person(2), lambda t: (170, 110, 60 + 3 * np.cos(4 * t)))
    small = Actor(person(3), swaying((260, 110), 30, (5, 5), 2.0))
    result = stream(Oracle(room(small, same, big)), 3, max_faces=1)
    assert len({i for ids in tracks(result) for i in ids}) == 1
    assert all(len(ids) == 1 for ids in tracks(result))


def test_whole_pictures_as_faces():
    """A detector that takes the whole picture as the face works as well: one track, nothing to follow."""

    class Whole:
        name = "none"

        def detect(self, image):
            return [Face((0.0, 0.0, float(image.shape[1]), float(image.shape[0])), 1.0, whole=True)]

    oracle = Oracle(room(LEFT))
    result = list(read_stream(oracle.frames(1), Whole(), Bright()))
    assert tracks(result) == [[1]] * 25


def test_change_of_size_on_the_way():
    """A stream that changes its resolution goes on as after a cut."""
    oracle = Oracle(room(LEFT))
    reader = StreamReader(oracle, Bright())
    frames = list(oracle.frames(1))
    for frame in frames[:10]:
        reader.read(frame)
    small = Frame(np.ascontiguousarray(frames[10].image[:200]), 10, frames[10].time_s)
    assert [r.track for r in reader.read(small)] == [2]


def test_readings_are_raw_and_smoothed():
    """A reading has the raw and the smoothed probabilities; the first frame of a face is both."""
    (_, first), *_, (_, last) = stream(Oracle(room(LEFT)), 1)
    assert first[0].values == pytest.approx(first[0].smooth_values)
    assert sum(last[0].smooth_values) == pytest.approx(1)
    assert last[0].steady_label in Bright.labels
    assert last[0].to_dict()["track"] == 1


def test_faces_are_classified_once_per_frame():
    """One crop per face and frame."""
    classifier, oracle = Bright(), Oracle(room(LEFT, RIGHT))
    list(read_stream(oracle.frames(1), oracle, classifier))
    assert classifier.crops == 50


def test_nothing_is_read_ahead():
    """The caller owns the loop: a frame is taken from the source when it is asked for."""
    taken = []

    def frames():
        for frame in oracle.frames(1):
            taken.append(frame.index)
            yield frame

    oracle = Oracle(room(LEFT))
    reader = read_stream(frames(), oracle, Bright())
    assert taken == []
    next(reader)
    assert taken == [0]


@pytest.mark.parametrize(
    "options",
    [{"detector_every": 0}, {"detector_every": "often"}, {"max_faces": 0}, {"detect_s": -1.0}, {"margin": 2.0}],
)
def test_impossible_options(options):
    """Wrong options are told before the first frame."""
    with pytest.raises(OptionError):
        StreamReader(Oracle(room()), Bright(), StreamOptions(**options))

"""Two real faces (Eileen Collins, Grace Hopper) in synthetic clips: ids, times, rows are right from file to table."""

import csv
from itertools import chain

import pytest

import mien
from mien.app.scenes import Actor, Scene, backdrop, head_of, swaying
from mien.core.geometry import iou
from mien.media.source import open_source
from mien.media.timeline import TimelineSink
from mien.media.video_writer import VideoSink

FPS = 15.0


@pytest.fixture(scope="module")
def analyzer(yunet_file, tiny_model):
    return mien.Analyzer(tiny_model, yunet_file)


@pytest.fixture(scope="module")
def heads(analyzer, astronaut, hopper):
    """The two heads, with the boxes that the detector gives them."""
    return [head_of(image, analyzer.detector.detect(image)[0].box) for image in (astronaut, hopper)]


def film(path, *shots):
    """One clip of (scene, seconds) after one another, 360 x 270 px."""
    sink = VideoSink(path, lambda image, _readings: image, FPS)
    start_s = 0.0
    for scene, seconds in shots:
        for frame in scene.frames(seconds, FPS, start_s):
            sink.write(frame, ())
        start_s += seconds
    sink.close()
    return path


def room(*actors, seed=0):
    return Scene(backdrop(360, 270, seed), actors, noise=3.0)


def table(analyzer, clip, **options):
    """The rows of the clip's time line, as frame -> {track: box}, and the frames' times."""
    path = clip.with_suffix(".csv")
    sink = TimelineSink(path, analyzer.labels)
    times = []
    with open_source(clip) as source:
        for frame, readings in analyzer.stream(source, **options):
            sink.write(frame, readings)
            times.append(frame.time_s)
    sink.close()
    found = {i: {} for i in range(len(times))}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            assert float(row["time_s"]) == pytest.approx(times[int(row["frame"])], abs=1e-6)
            found[int(row["frame"])][int(row["track"])] = [float(row[edge]) for edge in ("x1", "y1", "x2", "y2")]
    return found, times


@pytest.mark.parametrize("every", [1, 4, "auto"])
def test_two_moving_faces(analyzer, heads, tmp_path, every):
    """Two people sway, come nearer and go away: two ids in every frame, each box on its face, times to the
    millisecond.
    """
    a = Actor(heads[0], swaying((95, 140), 75, (35, 15), 2.5))
    b = Actor(heads[1], swaying((265, 130), 80, (30, 20), 1.9))
    scene = room(a, b)
    found, times = table(analyzer, film(tmp_path / "a.mp4", (scene, 4.0)), detector_every=every)

    assert times == pytest.approx([i / FPS for i in range(60)], abs=1e-3)
    assert {tuple(boxes) for boxes in found.values()} == {(1, 2)}
    who = [int(iou([found[0][1]], scene.boxes(0.0))[0].argmax()), int(iou([found[0][2]], scene.boxes(0.0))[0].argmax())]
    assert sorted(who) == [0, 1]
    for i, boxes in found.items():
        truth = scene.boxes(times[i])
        assert iou([boxes[1]], [truth[who[0]]])[0, 0] > 0.6
        assert iou([boxes[2]], [truth[who[1]]])[0, 0] > 0.6


@pytest.mark.parametrize("every", [1, "auto"])
def test_crossing(analyzer, heads, tmp_path, every):
    """One walks behind the other and is hidden for about half a second: each has one id before and after."""
    behind = Actor(heads[1], lambda t: (50 + 85 * t, 135, 70.0))
    front = Actor(heads[0], lambda t: (310 - 85 * t, 140, 76.0))
    scene = room(behind, front)
    found, times = table(analyzer, film(tmp_path / "a.mp4", (scene, 3.1)), detector_every=every)

    assert set(chain.from_iterable(found.values())) == {1, 2}
    assert min(len(boxes) for boxes in found.values()) == 1
    first, last = found[0], found[len(times) - 1]
    assert set(first) == set(last) == {1, 2}
    for i in (1, 2):  # each ended on the other side
        assert (first[i][0] < 180) != (last[i][0] < 180)


@pytest.mark.parametrize(("away_s", "ids"), [(0.5, {1, 2}), (2.0, {1, 2, 3})])
def test_leaving(analyzer, heads, tmp_path, away_s, ids):
    """Who is away for half a second keeps the id, who is away for two seconds comes back as somebody new."""
    stays = Actor(heads[0], swaying((90, 140), 75, (15, 10), 2.0))
    leaves = Actor(heads[1], lambda t: None if 1.0 <= t < 1.0 + away_s else (270, 130, 78.0))
    found, times = table(analyzer, film(tmp_path / "a.mp4", (room(stays, leaves), 4.0)))

    assert set(chain.from_iterable(found.values())) == ids
    gone = [t for i, t in enumerate(times) if len(found[i]) == 1]
    assert gone[0] == pytest.approx(1.0, abs=0.1)
    assert gone[-1] == pytest.approx(1.0 + away_s, abs=0.2)


def test_cut(analyzer, heads, tmp_path):
    """A cut to another person at the same place: a new id from the very frame of the cut."""
    one = room(Actor(heads[0], lambda _t: (180, 140, 90.0)))
    other = room(Actor(heads[1], lambda _t: (180, 140, 90.0)), seed=7)
    found, _ = table(analyzer, film(tmp_path / "a.mp4", (one, 1.0), (other, 1.0)))

    assert [set(found[i]) for i in range(30)] == [{1}] * 15 + [{2}] * 15

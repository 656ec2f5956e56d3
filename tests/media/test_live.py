"""Threads around a source: no late frames from a camera, no lost frames from a file, and no thread that stays."""

import threading
import time
from itertools import pairwise

import pytest
from made_clips import blank

from mien.core.errors import VideoError
from mien.media.live import NewestFrames, ReadAhead

_OTHERS: set[threading.Thread] = set()
PUMPS = (NewestFrames, ReadAhead)


def endless():
    """A camera that is faster than anybody."""
    i = 0
    while True:
        yield blank(i, i / 100)
        i += 1
        time.sleep(0.002)


def dying(count):
    """A source that breaks after some frames."""
    for i in range(count):
        yield blank(i, i / 25)
    raise VideoError("The camera was unplugged.")


@pytest.fixture(autouse=True)
def before():
    """Threads of other tests, such as those of a server that lives for a module."""
    _OTHERS.clear()
    _OTHERS.update(threading.enumerate())


def threads():
    return {t.name for t in threading.enumerate() if t.name.startswith("mien-") and t not in _OTHERS}


def test_file_loses_nothing():
    """A file's frames all come out in order, however slow the taker is, and then the end."""
    with ReadAhead((blank(i, i / 25) for i in range(50)), size=4) as frames:
        assert [f.index for f in frames] == list(range(50))
        assert list(frames) == []


def test_camera_gives_the_newest():
    """A slow taker gets ever newer frames, each at most once; the others are dropped and counted."""
    with NewestFrames(endless()) as frames:
        taken = []
        for frame in frames:
            taken.append(frame.index)
            time.sleep(0.05)
            if len(taken) == 5:
                break

    assert all(b > a + 3 for a, b in pairwise(taken))
    assert frames.dropped > 10


def test_camera_gives_each_frame_once():
    """A fast taker waits for the next frame; what it gets are all frames of the source, in order."""

    def slow():
        for i in range(5):
            time.sleep(0.02)
            yield blank(i, i / 25)

    with NewestFrames(slow()) as frames:
        indices = [f.index for f in frames]
    assert indices == sorted(set(indices))
    assert indices[-1] == 4


def test_age_of_a_frame():
    """The time of arrival tells how old a frame is when it is taken."""
    with NewestFrames(endless()) as frames:
        next(frames)
        assert 0 <= time.monotonic() - frames.arrived_s < 1


@pytest.mark.parametrize("pump", PUMPS)
def test_source_died(pump):
    """The source's own error reaches the taker, within two seconds, and no thread stays."""
    started = time.monotonic()
    with pytest.raises(VideoError, match="unplugged"), pump(dying(3)) as frames:
        for _ in frames:
            pass
    assert time.monotonic() - started < 2
    assert not threads()


def test_frames_before_the_end_come_out():
    """The frames that a file gave before it broke are not lost."""
    taken = []
    with pytest.raises(VideoError), ReadAhead(dying(20), size=2) as frames:
        for frame in frames:
            taken += [frame.index]
    assert taken == list(range(20))


@pytest.mark.parametrize("pump", PUMPS)
def test_consumer_raised(pump):
    """An error in the loop ends the thread within two seconds, also while it waits for room."""
    started = time.monotonic()
    with pytest.raises(ZeroDivisionError), pump(endless()) as frames:
        next(frames)
        time.sleep(0.05)
        _ = 1 / 0
    assert time.monotonic() - started < 2
    assert not threads()


def test_camera_that_stalls():
    """A camera that is open and sends nothing is given up after the time limit."""
    release = threading.Event()

    def silent():
        release.wait(5)
        yield blank(0, 0.0)

    with (
        pytest.raises(VideoError, match=r"no picture for 0\.2 seconds"),
        NewestFrames(silent(), timeout_s=0.2) as frames,
    ):
        next(frames)
        release.set()
    release.set()


@pytest.mark.parametrize("pump", PUMPS)
def test_closing_ends_the_iteration(pump):
    """After close there are no more frames, and closing again is fine."""
    frames = pump(endless())
    next(frames)
    frames.close()
    frames.close()
    assert list(frames) == []

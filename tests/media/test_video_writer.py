"""Annotated video: every frame at its time, any size, always a file that opens."""

import cv2
import numpy as np
import pytest
from made_clips import blank, number_of, numbered, write_clip

from mien.core.errors import OptionError, OutputError
from mien.core.types import Frame
from mien.media.mp4 import set_frame_times
from mien.media.source import open_source
from mien.media.video_writer import VIDEO_SUFFIXES, VideoSink

UNEVEN_S = [2.0, 2.04, 2.5, 2.52, 4.0, 4.1]


def plain(image, readings):
    return image


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov"])
def test_exact_times(tmp_path, suffix):
    """Every frame is there once, at its own time counted from the first; the last one lasts as long as usual."""
    clip = write_clip(tmp_path / f"a{suffix}", numbered(6), UNEVEN_S)
    with open_source(clip) as source:
        duration_s = source.duration_s
        frames = list(source)

    assert [number_of(f.image) for f in frames] == list(range(6))
    assert [f.time_s for f in frames] == pytest.approx([t - 2.0 for t in UNEVEN_S], abs=1e-4)
    assert duration_s == pytest.approx(2.1 + np.median(np.diff(UNEVEN_S)), abs=1e-3)
    assert source.notes == ()


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".webm"])
def test_constant_rate_stays_in_time(tmp_path, suffix):
    """Where the container has one rate, frames are repeated: each picture begins within half a frame of its time."""
    with open_source(write_clip(tmp_path / f"a{suffix}", numbered(6), UNEVEN_S)) as source:
        shown = [(f.time_s, number_of(f.image)) for f in source]

    begins = {n: min(t for t, m in shown if m == n) for n in range(6)}
    assert [begins[n] for n in range(6)] == pytest.approx([t - 2.0 for t in UNEVEN_S], abs=0.021)
    assert shown[-1][0] == pytest.approx(2.1, abs=0.05)


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
@pytest.mark.parametrize("size", [(97, 65), (5, 3), (640, 361)])
def test_odd_sizes(tmp_path, suffix, size):
    """Odd and tiny pictures make files that open; no row or column is lost."""
    with open_source(write_clip(tmp_path / f"a{suffix}", numbered(3, size))) as source:
        frames = list(source)

    assert [number_of(f.image) for f in frames] == [0, 1, 2]
    assert source.width == max(16, size[0] + size[0] % 2)
    assert source.height == max(16, size[1] + size[1] % 2)


def test_every_other_second(tmp_path):
    """One frame per two seconds plays for two seconds each."""
    with open_source(write_clip(tmp_path / "a.mp4", numbered(3), [10.0, 12.0, 14.0], fps=0.5)) as source:
        assert source.duration_s == pytest.approx(6.0)
        assert [f.time_s for f in source] == pytest.approx([0.0, 2.0, 4.0])


def test_another_size_on_the_way(tmp_path):
    """A frame of another size is fitted into the first one's, centred on black."""
    wide = np.full((20, 96, 3), 200, np.uint8)
    with open_source(write_clip(tmp_path / "a.mp4", [np.zeros((64, 96, 3), np.uint8), wide])) as source:
        last = list(source)[-1].image

    assert last.shape == (64, 96, 3)
    assert last[32].mean() > 180
    assert last[5].mean() < 20


def test_picture_is_drawn(tmp_path):
    """What is written is what `draw` makes of the frame and its readings."""
    sink = VideoSink(tmp_path / "a.mp4", lambda image, readings: np.full_like(image, 40 * len(readings)))
    sink.write(blank(0, 0.0), [1, 2, 3])
    sink.close()
    with open_source(tmp_path / "a.mp4") as source:
        assert next(source).image.mean() == pytest.approx(120, abs=4)


def test_where_it_cannot_be_written(tmp_path):
    """An unknown suffix is wrong use; a missing folder is told before the run."""
    with pytest.raises(OptionError, match=r"\.mp4"):
        VideoSink(tmp_path / "a.gif", plain)
    with pytest.raises(OutputError, match="does not exist"):
        VideoSink(tmp_path / "none" / "a.mp4", plain)


def test_giving_up_leaves_nothing(tmp_path):
    """Neither the name nor the temporary file stays; a run without frames makes no file."""
    sink = VideoSink(tmp_path / "a.mp4", plain)
    sink.write(blank(0, 0.0), [])
    sink.abort()
    VideoSink(tmp_path / "b.mp4", plain).close()
    assert list(tmp_path.iterdir()) == []


def test_times_of_a_file_that_is_no_mp4(tmp_path):
    """A file with another layout is refused and left as it was."""
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x10mdat12345678")
    with pytest.raises(OutputError, match="not laid out as expected"):
        set_frame_times(tmp_path / "a.mp4", [0.0, 1.0], 1.0)
    assert (tmp_path / "a.mp4").stat().st_size == 16


def test_long_recording(tmp_path):
    """Times are kept over a day: two frames twenty hours apart."""
    with open_source(write_clip(tmp_path / "a.mp4", numbered(2), [0.0, 72_000.0])) as source:
        assert [f.time_s for f in source] == pytest.approx([0.0, 72_000.0])


def test_frames_are_not_kept(tmp_path):
    """A constant-rate file is written as frames come: the sink holds one picture at most."""
    sink = VideoSink(tmp_path / "a.avi", plain, 25.0)
    for i in range(5):
        sink.write(Frame(np.zeros((32, 32, 3), np.uint8), i, i / 25), [])
    sink.close()
    assert cv2.VideoCapture(str(tmp_path / "a.avi")).get(cv2.CAP_PROP_FRAME_COUNT) == 5

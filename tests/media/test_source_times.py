"""Times are those of the container, so that they fit sound, transcript and player."""

import json
import shutil
import struct
import subprocess

import numpy as np
import pytest
from made_clips import numbered, starting_late, write_clip

from mien.core.types import Frame
from mien.media.container import read_facts
from mien.media.facts import Facts
from mien.media.source import open_source
from mien.media.video_writer import VideoSink

LATE_S = 2.025


def read(path, **options):
    """Times of all frames, and the source after its end."""
    with open_source(path, **options) as source:
        return [frame.time_s for frame in source], source


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_video_that_begins_after_its_sound(tmp_path, suffix):
    """An empty edit of 2.025 s puts the first frame at 2.025 s, and nothing is said to be missing."""
    clip = starting_late(tmp_path / f"a{suffix}", numbered(10), LATE_S)
    times, source = read(clip)

    assert times == pytest.approx([LATE_S + i / 25 for i in range(10)], abs=1e-4)
    assert source.first_s == pytest.approx(LATE_S)
    assert source.notes == ()


def test_start_counts_from_the_containers_zero(tmp_path):
    """--start and --end mean the times of the table, also where the pictures begin late."""
    clip = starting_late(tmp_path / "a.mp4", [numbered(1)[0]] * 200, LATE_S)
    times, _ = read(clip, start_s=6.0, end_s=6.2)

    assert times == pytest.approx([6.025 + i / 25 for i in range(5)], abs=1e-4)
    assert read(clip, start_s=2.1)[0][0] == pytest.approx(2.105, abs=1e-4)


def test_deep_start_of_a_late_video_skips_nothing(tmp_path):
    """Skipping into the file lands on the same picture as reading up to it."""
    images = [np.full((48, 64, 3), 8 + i, np.uint8) for i in range(240)]
    clip = starting_late(tmp_path / "a.mp4", images, LATE_S, 30.0)
    with open_source(clip, start_s=LATE_S + 6.0) as source:
        frame = next(source)

    assert frame.time_s == pytest.approx(LATE_S + 6.0, abs=1e-4)
    assert frame.image.mean() == pytest.approx(8 + 180, abs=3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_annotated_video_keeps_in_step(tmp_path, suffix):
    """What is written from a video that begins late shows each picture when the source shows it, to half a frame."""
    images = [np.full((64, 96, 3), 20 + 22 * i, np.uint8) for i in range(10)]  # far apart: two codecs blur them
    source = starting_late(tmp_path / "in.mp4", images, 0.4)
    sink = VideoSink(tmp_path / f"out{suffix}", lambda image, _: image, 25.0, 0.0)
    with open_source(source) as frames:
        for frame in frames:
            sink.write(frame, ())
    sink.close()
    with open_source(tmp_path / f"out{suffix}") as frames:
        first = {round((frame.image.mean() - 20) / 22): frame.time_s for frame in reversed(list(frames))}

    for number in range(1, 10):
        assert first[number] == pytest.approx(0.4 + number / 25, abs=0.021)


def test_annotated_part_begins_at_once(tmp_path):
    """Without a zero of its own, a video begins with its first frame."""
    sink = VideoSink(tmp_path / "a.mp4", lambda image, _: image, 25.0)
    for i, image in enumerate(numbered(3)):
        sink.write(Frame(image, i, 60 + i / 25), ())
    sink.close()
    assert read(tmp_path / "a.mp4")[0] == pytest.approx([0.0, 0.04, 0.08])


@pytest.mark.parametrize(
    "data", [b"", b"\x1a\x45\xdf\xa3" + b"\xff" * 50, b"\0\0\0\x08moov", b"\0\0\1\xba" + b"\0" * 9]
)
def test_damaged_headers_tell_nothing(tmp_path, data):
    """What cannot be understood gives no facts, and no error."""
    (tmp_path / "a").write_bytes(data)
    facts = read_facts(tmp_path / "a")
    assert (facts.start_s, facts.codec, facts.turn) == (None, None, None)


def test_any_damage_is_survived(tmp_path):
    """A thousand headers with random bytes in them: facts or none, never an error of Python."""
    whole = starting_late(tmp_path / "a.mp4", numbered(3), LATE_S).read_bytes()
    mkv = write_clip(tmp_path / "a.mkv", numbered(3)).read_bytes()
    random = np.random.default_rng(1)
    for i in range(1000):
        data = bytearray(whole if i % 2 else mkv)
        for at in random.integers(0, len(data), 6):
            data[at] = random.integers(0, 256)
        (tmp_path / "b").write_bytes(data)
        assert isinstance(read_facts(tmp_path / "b"), Facts)


def test_time_stamp_of_mpeg(tmp_path):
    """A program stream by hand: pictures (E0) at 1.5 s in MPEG-2, sound (C0) at 1.25 s in MPEG-1."""

    def stamp(seconds, tag):
        ticks = round(seconds * 90_000)
        return bytes([tag << 4 | (ticks >> 30) << 1 | 1]) + struct.pack(
            ">HH", (ticks >> 15 & 0x7FFF) << 1 | 1, (ticks & 0x7FFF) << 1 | 1
        )

    pictures = b"\0\0\1\xe0\0\x20\x80\x80\x05" + stamp(1.5, 2) + bytes(20)
    sound = b"\0\0\1\xc0\0\x20\xff\xff\x60\x01" + stamp(1.25, 2) + bytes(20)
    (tmp_path / "a.mpg").write_bytes(b"\0\0\1\xba" + b"\x44" * 10 + sound + pictures)
    facts = read_facts(tmp_path / "a.mpg")

    assert (facts.start_s, facts.clock_s) == (1.5, 1.25)


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    """Pictures and longer sound, by ffmpeg."""
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        pytest.skip("ffmpeg is not installed")
    folder = tmp_path_factory.mktemp("parts")
    uneven = "select='not(mod(n*n,7))'"
    film = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=4", "-vf", uneven, "-fps_mode", "passthrough"]
    for name, codec in (("v.mp4", "libx264"), ("v.webm", "libvpx")):
        ffmpeg(*film, "-c:v", codec, "-pix_fmt", "yuv420p", folder / name)
    for name, codec in (("a.m4a", "aac"), ("a.webm", "libopus")):
        ffmpeg("-f", "lavfi", "-i", "sine=duration=8", "-c:a", codec, folder / name)
    return folder


def ffmpeg(*arguments):
    """Run ffmpeg."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, timeout=60)


@pytest.mark.parametrize("late_s", ["0", str(LATE_S)])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts", "m2ts", "mpg", "frag.mp4"])
def test_times_are_those_of_ffprobe(parts, tmp_path, suffix, late_s):
    """Variable rate, B-frames, a late beginning, sound that is longer: every time equals pts_time, and no note
    says that the file is cut short.
    """
    clip = tmp_path / f"a.{suffix}"
    kind = ("v.webm", "a.webm") if suffix == "webm" else ("v.mp4", "a.m4a")
    codecs = ["-c:v", "mpeg2video", "-c:a", "mp2", "-r", "25"] if suffix == "mpg" else ["-c", "copy"]
    codecs += ["-movflags", "frag_keyframe+empty_moov"] if suffix == "frag.mp4" else []
    ffmpeg(
        "-itsoffset", late_s, "-i", parts / kind[0], "-i", parts / kind[1], "-map", "0:v", "-map", "1:a", *codecs, clip
    )
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "json", clip],
        capture_output=True,
        check=True,
        timeout=60,
    )
    frames = json.loads(probed.stdout)["frames"]  # MPEG-1 streams stamp only some of them
    times, source = read(clip)

    assert len(times) == len(frames) > 10
    for time_s, frame in zip(times, frames, strict=True):
        assert time_s == pytest.approx(float(frame.get("pts_time", time_s)), abs=1e-5)
    assert "pts_time" in frames[0]
    assert not any("cut short" in note or "early or late" in note for note in source.notes)

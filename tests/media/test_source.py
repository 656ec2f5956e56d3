"""Any source gives each frame once, at its true time, or says in one sentence why it cannot."""

import http.server
import os
import socketserver
import threading
import time
import wave

import cv2
import numpy as np
import pytest
from made_clips import claim_frames, forget_length, number_of, numbered, rotate_tag, save_picture, write_clip
from PIL import Image as PilImage

from mien.core.errors import OptionError, VideoError
from mien.media.pictures import natural_key
from mien.media.source import Source, open_source

UNEVEN_S = [0.0, 0.04, 0.08, 0.5, 0.54, 1.2, 1.21, 3.0]


def read(path, **options):
    """Numbers and times of all frames, and the source after its end."""
    with open_source(path, **options) as source:
        frames = list(source)
    return [number_of(f.image) for f in frames], [f.time_s for f in frames], source


def test_constant_rate(tmp_path):
    """Ten frames at 25 per second come out once, in order, 40 ms apart, and the size and length are known."""
    clip = write_clip(tmp_path / "a.mp4", numbered(10))
    numbers, times, source = read(clip)

    assert numbers == list(range(10))
    assert times == pytest.approx([i / 25 for i in range(10)])
    assert (source.width, source.height, source.fps, source.frame_count) == (96, 64, 25.0, 10)
    assert source.duration_s == pytest.approx(0.4)
    assert not source.live
    assert source.notes == ()


def test_variable_rate(tmp_path):
    """Times are those in the file, not the frame number divided by a rate."""
    numbers, times, _ = read(write_clip(tmp_path / "a.mp4", numbered(8), UNEVEN_S))

    assert numbers == list(range(8))
    assert times == pytest.approx(UNEVEN_S, abs=1e-4)


@pytest.mark.parametrize("start_s", [0.3, 0.5, 1.0, 2.9])
def test_start_finds_the_same_frames_as_reading_from_the_beginning(tmp_path, start_s):
    """Skipping into a file with a variable rate keeps exactly the frames at or after the start."""
    times_s = [*UNEVEN_S, *np.arange(3.1, 9, 0.17)]
    clip = write_clip(tmp_path / "a.mp4", [numbered(1)[0]] * len(times_s), times_s)
    wanted = [t for t in read(clip)[1] if t >= start_s]

    assert read(clip, start_s=start_s)[1] == wanted
    assert len(wanted) == sum(t >= start_s for t in times_s)


def test_deep_start_in_a_long_file(tmp_path):
    """A start behind several key frames is found by skipping, and the numbers prove that nothing is off by one."""
    images = [np.full((48, 64, 3), 8 + i % 240, np.uint8) for i in range(240)]
    clip = write_clip(tmp_path / "a.mp4", images, fps=30.0)
    with open_source(clip, start_s=6.0) as source:
        frames = list(source)

    assert [round(f.time_s * 30) for f in frames] == list(range(180, 240))
    assert frames[0].image.mean() == pytest.approx(8 + 180, abs=3)


def test_end_and_step(tmp_path):
    """From 0.2 s, before 0.8 s, at most one frame per 0.2 s: 0.2, 0.4 and 0.6 s; numbers count what came out."""
    clip = write_clip(tmp_path / "a.mp4", numbered(30))
    with open_source(clip, start_s=0.2, end_s=0.8, every_s=0.2) as source:
        expected = source.expected_frames
        frames = list(source)

    assert [f.time_s for f in frames] == pytest.approx([0.2, 0.4, 0.6])
    assert [f.index for f in frames] == [0, 1, 2]
    assert expected == 3


def test_step_that_is_no_multiple_of_the_frame_time(tmp_path):
    """Steps of 0.1 s at 25 frames per second do not drift: 1.2 s hold twelve of them."""
    assert len(read(write_clip(tmp_path / "a.mp4", numbered(30)), every_s=0.1)[1]) == 12


def test_rotated_phone(tmp_path):
    """A clip with a rotation tag comes out upright: portrait, with the left edge of the sensor on top."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, :16] = 255
    clip = write_clip(tmp_path / "a.mp4", [image] * 3)
    rotate_tag(clip)
    with open_source(clip) as source:
        frame = next(source)

    assert frame.image.shape == (96, 64, 3)
    assert (source.width, source.height) == (64, 96)
    assert frame.image[:12].mean() > 200
    assert frame.image[24:].mean() < 20


def test_live_recording_without_length(tmp_path):
    """A browser's WebM states no duration: no made-up count, and all frames come out."""
    clip = write_clip(tmp_path / "a.webm", numbered(9))
    forget_length(clip)
    numbers, _, source = read(clip)

    assert numbers == list(range(9))
    assert source.frame_count is None
    assert source.expected_frames is None


@pytest.mark.parametrize("claimed", [3, 500])
def test_header_that_lies_about_its_length(tmp_path, claimed):
    """Ten frames come out whether the header promises fewer or more; a promise that was not kept is told."""
    clip = write_clip(tmp_path / "a.avi", numbered(10))
    claim_frames(clip, claimed)
    numbers, _, source = read(clip)

    assert numbers == list(range(10))
    assert len(source.notes) == (claimed > 10)
    assert all("cut short" in note for note in source.notes)


def test_truncated_file(tmp_path):
    """Everything that can be decoded comes out, then a note says that the file may be cut short."""
    clip = write_clip(
        tmp_path / "a.avi", [np.random.default_rng(i).integers(0, 255, (64, 96, 3), np.uint8) for i in range(60)]
    )
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    numbers, _, source = read(clip)

    assert 20 < len(numbers) < 40
    assert "cut short" in source.notes[0]


def test_mp4_without_its_index(tmp_path):
    """An MP4 file whose end is missing cannot be read at all, and one sentence says so."""
    clip = write_clip(tmp_path / "a.mp4", numbered(10))
    clip.write_bytes(clip.read_bytes()[:-200])
    with pytest.raises(VideoError, match=r"a\.mp4 could not be opened as a video; it is damaged or incomplete"):
        open_source(clip)


def test_silence_on_standard_error(tmp_path, capfd):
    """OpenCV and FFmpeg do not add lines of their own."""
    (tmp_path / "a.mp4").write_bytes(b"this is no video" * 100)
    with pytest.raises(VideoError):
        open_source(tmp_path / "a.mp4")
    write_clip(tmp_path / "b.webm", numbered(2))

    assert capfd.readouterr().err == ""


def test_sound_only(tmp_path):
    """Sound is not a video; the suffix lets the sentence say so."""
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    (tmp_path / "b.mkv").write_bytes((tmp_path / "a.wav").read_bytes())

    with pytest.raises(VideoError, match="sound only"):
        open_source(tmp_path / "a.wav")
    with pytest.raises(VideoError, match="holds only sound"):
        open_source(tmp_path / "b.mkv")


def test_no_frames(tmp_path):
    """A container without a picture, an empty file and a folder without pictures are refused when they are opened."""
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25, (96, 64))
    writer.release()
    (tmp_path / "b.mp4").touch()
    (tmp_path / "folder").mkdir()

    with pytest.raises(VideoError, match="no picture that can be decoded|could not be opened"):
        open_source(tmp_path / "a.avi")
    with pytest.raises(VideoError, match=r"b\.mp4 is empty"):
        open_source(tmp_path / "b.mp4")
    with pytest.raises(VideoError, match="holds no pictures"):
        open_source(tmp_path / "folder")


def test_what_is_not_there(tmp_path):
    """A missing path, a pipe, an unknown scheme and a camera that is not connected: one sentence each."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VideoError, match="does not exist"):
        open_source(tmp_path / "nothing.mp4")
    with pytest.raises(VideoError, match="not a regular file"):
        open_source(tmp_path / "pipe")
    with pytest.raises(VideoError, match="expected an address"):
        open_source("gopher://example.org/a.mp4")
    with pytest.raises(VideoError, match="Camera 97 could not be opened"):
        open_source("97")


def test_nothing_between_the_times(tmp_path):
    """Times beyond the end are told with the length of the source."""
    clip = write_clip(tmp_path / "a.mp4", numbered(10))
    with pytest.raises(VideoError, match=r"a\.mp4 has no frame between 5 s and 9 s; the source is 0\.4 s long"):
        open_source(clip, start_s=5, end_s=9)


@pytest.mark.parametrize("options", [{"start_s": -1}, {"start_s": 2, "end_s": 2}, {"every_s": 0}, {"fps": -3}])
def test_impossible_times(tmp_path, options):
    """Wrong options are wrong use, told before anything is opened."""
    with pytest.raises(OptionError):
        open_source(tmp_path / "nothing.mp4", **options)


def test_folder_of_frames(tmp_path):
    """Natural order (2 before 10), the given rate, other files ignored; a damaged picture is left out with a note
    and does not shift the times.
    """
    for i in (0, 1, 2, 10):
        save_picture(tmp_path / f"frame{i}.png", numbered(11)[i])
    (tmp_path / "frame3.png").write_bytes(b"damaged")
    (tmp_path / "notes.txt").write_text("no picture")
    numbers, times, source = read(tmp_path, fps=10)

    assert numbers == [0, 1, 2, 10]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.4])
    assert source.notes == (
        f"{tmp_path}: passed over: 1 .txt.",
        "1 picture could not be decoded and had to be left out, beginning with frame3.png.",
    )


def test_folder_with_start(tmp_path):
    """A folder is skipped into without decoding what lies before."""
    for i in range(20):
        save_picture(tmp_path / f"{i}.png", numbered(20)[i])
    assert read(tmp_path, fps=10, start_s=1.55)[0] == [16, 17, 18, 19]


def test_too_large_picture(tmp_path):
    """A picture with more pixels than the limit is not decoded."""
    save_picture(tmp_path / "a.png", numbered(1)[0])
    with pytest.raises(VideoError, match="no picture"):
        open_source(tmp_path, max_pixels=96 * 64 - 1)


def test_photograph(tmp_path):
    """A photograph is a video of one frame."""
    numbers, times, _ = read(save_picture(tmp_path / "a.png", numbered(3)[2]))
    assert (numbers, times) == ([2], [0.0])


def test_natural_key():
    """Numbers count as numbers wherever they stand, and case does not matter."""
    from pathlib import Path

    names = ["b1.png", "A10.png", "a2.png", "10.png", "9.png"]
    assert sorted(names, key=lambda n: natural_key(Path(n))) == ["9.png", "10.png", "a2.png", "A10.png", "b1.png"]


def test_source_can_be_closed_early_and_twice(tmp_path):
    """Closing ends the iteration."""
    source = open_source(write_clip(tmp_path / "a.mp4", numbered(10)))
    next(source)
    source.close()
    source.close()
    assert list(source) == []


def test_closing_while_another_thread_reads(tmp_path):
    """Closing does not wait for a read that hangs, and the reading thread then lets go by itself."""
    inside, release = threading.Event(), threading.Event()

    class Hanging:
        name, live, fps, frame_count, notes, closed = "hanging", True, None, None, [], False
        start_s = clock_s = gap_s = 0.0

        def grab(self):
            if self.reads:
                inside.set()
                release.wait(5)
            self.reads += 1
            return self.reads / 25

        def picture(self):
            return numbered(1)[0]

        def close(self):
            self.closed = True

        reads = 0

    reader = Hanging()
    source = Source(reader)
    thread = threading.Thread(target=lambda: list(source))
    thread.start()
    inside.wait(5)
    started = time.monotonic()
    source.close()
    assert time.monotonic() - started < 2
    assert not reader.closed
    release.set()
    thread.join(5)
    assert reader.closed


@pytest.fixture
def server(tmp_path):
    """Serves clip.avi; `slow.avi` gets half of it and then nothing more."""
    data = write_clip(tmp_path / "clip.avi", numbered(25)).read_bytes()
    release = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if "slow" not in self.path:
                self.wfile.write(data)
                return
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            release.wait(10)

        def log_message(self, *_):
            """Keep quiet."""

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """A reader that goes away is what some tests want."""

    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        release.set()
        running.shutdown()
        thread.join()


def test_address(server):
    """A file behind http is read like a file."""
    assert read(f"{server}/clip.avi")[0] == list(range(25))


def test_source_that_stalls(server):
    """A source that stops sending is given up after the time limit, with one sentence."""
    started = time.monotonic()
    with pytest.raises(VideoError, match=r"sent nothing for 1 seconds|sent nothing within 1 seconds"):
        read(f"{server}/slow.avi", timeout_s=1.0)
    assert time.monotonic() - started < 8


def test_address_where_nothing_answers():
    """A refused connection is told at once."""
    with pytest.raises(VideoError, match="check the address"):
        open_source("http://127.0.0.1:9/a.mp4", timeout_s=1.0)


def test_a_picture_over_the_limit_is_told(tmp_path):
    """The sentence names the size and the option, since the picture itself is all right."""
    file = save_picture(tmp_path / "a.png", np.zeros((64, 96, 3), np.uint8))
    with pytest.raises(VideoError, match="a.png has 96 x 64 = 0 megapixels, more than the limit of 0.001"):
        open_source(file, max_pixels=1000)


def test_an_animation_among_pictures(tmp_path):
    """Of an animated WebP in a folder of frames the first picture is read, and a note says so."""
    first, second = (PilImage.new("RGB", (32, 32), (value, 0, 0)) for value in (0, 200))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second])
    with open_source(tmp_path) as source:
        assert len(list(source)) == 1
        assert source.notes == ("a.webp holds 2 pictures, of which the first was read.",)


@pytest.mark.parametrize("suffix", ["gif", "png", "apng", "webp", "avif"])
def test_an_animation_is_a_video(tmp_path, suffix):
    """An animation that is named itself gives all its pictures at the times that it states."""
    shades = (0, 120, 240)
    first, *others = (PilImage.new("RGB", (32, 32), (shade, shade, shade)) for shade in shades)
    file = tmp_path / f"a.{suffix}"
    first.save(file, save_all=True, append_images=others, duration=[100, 300, 100])
    with open_source(file) as source:
        frames = list(source)
        assert source.frame_count == 3
    assert [frame.time_s for frame in frames] == pytest.approx([0.0, 0.1, 0.4])
    assert [int(frame.image[16, 16, 0]) for frame in frames] == pytest.approx(shades, abs=6)


@pytest.mark.parametrize("spec", [-1, 10**6, True, None, "", ["a.mp4"], b"a.mp4"])
def test_what_is_no_source(spec):
    """A camera that cannot be (OpenCV crashes on -1) and values of other types are refused by a sentence."""
    with pytest.raises(VideoError, match="Expected "):
        open_source(spec)

"""What is a file is read as a file, and a password is never shown."""

import shutil
import subprocess

import pytest
from made_clips import numbered, write_clip

from mien.core.errors import VideoError
from mien.media.names import without_secrets
from mien.media.source import open_source
from mien.media.video_reader import VideoReader


@pytest.mark.parametrize(
    "name", ["12:30.mp4", "file:base.mp4", "concat:a.mp4|b.mp4", "-i.mp4", "clip%03d.mp4", "a b.mp4"]
)
def test_odd_names_are_files(tmp_path, monkeypatch, name):
    """Names that FFmpeg takes for protocols are written and read as files, relative ones too, and others stay
    untouched.
    """
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "base.mp4", numbered(2))
    write_clip(name, numbered(5))

    assert sorted(file.name for file in tmp_path.iterdir()) == sorted({"base.mp4", name})
    with open_source(name) as source:
        assert len(list(source)) == 5
        assert source.name == name


def test_protocols_are_no_way_to_a_file(tmp_path, monkeypatch):
    """`file:base.mp4` is not base.mp4."""
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "base.mp4", numbered(2))
    with pytest.raises(VideoError, match=r"file:base\.mp4 does not exist"):
        open_source("file:base.mp4")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:secret@host:554/a", "rtsp://user:***@host:554/a"),
        ("rtsp://user:se@cr:et@host/a", "rtsp://user:***@host/a"),
        ("rtsp://user:se/cret@host/a", "rtsp://user:***@host/a"),
        ("rtsp://user@host/a", "rtsp://user@host/a"),
        ("http://host/a.cgi?user=me&pwd=secret&x=1", "http://host/a.cgi?user=me&pwd=***&x=1"),
        ("http://host/a?access_token=secret#t", "http://host/a?access_token=***#t"),
        ("http://host:80/me@home.mp4", "http://host:80/me@home.mp4"),
        ("12:30.mp4", "12:30.mp4"),
    ],
)
def test_without_secrets(address, shown):
    """Passwords with any character, and keys in the query; the rest stays readable."""
    assert without_secrets(address) == shown


@pytest.mark.parametrize("scheme", ["rtsp", "http", "gopher"])
def test_no_password_in_messages(scheme):
    """Neither an address that does not answer nor an impossible one shows it."""
    with pytest.raises(VideoError) as refused:
        open_source(f"{scheme}://me:secret@127.0.0.1:9/a", timeout_s=1.0)
    assert "secret" not in str(refused.value)
    assert "me:***@127.0.0.1:9" in str(refused.value)


@pytest.mark.parametrize(("codec", "name"), [("V_AV1", "AV1"), ("V_THEORA", "Theora")])
def test_codec_that_cannot_be_decoded(tmp_path, monkeypatch, codec, name):
    """The sentence names the codec and a command that converts the file."""
    import cv2

    clip = write_clip(tmp_path / "a clip.mkv", numbered(3))
    data = clip.read_bytes()
    clip.write_bytes(data.replace(b"V_MPEG4/ISO/ASP", codec.encode().ljust(15, b"\0")))
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: _Undecodable())
    with pytest.raises(VideoError) as refused:
        open_source(clip)

    assert f"coded as {name}, which this OpenCV cannot decode" in str(refused.value)
    assert f"ffmpeg -i '{clip}' -fps_mode passthrough" in str(refused.value)
    assert "a clip-h264.mp4" in str(refused.value)


class _Undecodable:
    """A capture of OpenCV that opens a file and decodes nothing of it."""

    def isOpened(self):
        return True

    def get(self, _which):
        return 0.0

    def grab(self):
        return False

    def release(self):
        """Nothing to let go of."""


def test_a_clip_of_av1(tmp_path, capfd):
    """A real one: named, or read where this OpenCV can; FFmpeg's own lines stay away."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    clip = tmp_path / "a.webm"
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=0.2"]
    encoded = subprocess.run([*made, "-c:v", "libaom-av1", "-cpu-used", "8", clip], check=False, timeout=60)
    if encoded.returncode:
        pytest.skip("this ffmpeg has no AV1 encoder")
    try:
        with open_source(clip) as source:
            assert len(list(source)) == 5
    except VideoError as error:
        assert "coded as AV1" in str(error)
    assert capfd.readouterr().err == ""


def test_the_name_of_a_stream_hides_its_password(monkeypatch):
    """What reports and notes call the source."""
    monkeypatch.setattr(VideoReader, "_open", lambda _self: _Undecodable())
    reader = VideoReader("rtsp://me:secret@host/a", network=True, live=True, timeout_s=1)
    assert reader.name == "rtsp://me:***@host/a"

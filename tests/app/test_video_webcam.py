"""`mien webcam`, with a video file standing for the camera."""

import io

import pytest
from rich.console import Console
from test_video_command import clip  # noqa: F401 (a fixture)

from mien.app.commands.webcam import faces_view
from mien.core.types import Face, Reading
from mien.media.opencv import has_windows
from mien.media.source import open_source

LABELS = ("angry", "happy", "neutral")


@pytest.fixture
def webcam(command, tiny_model, clip):  # noqa: F811
    """`mien webcam` with the golden model."""
    return lambda *arguments: command(
        "webcam", "--model", tiny_model, "--detector", "mien", "--camera", clip, *arguments
    )


def test_lines_where_there_is_no_terminal(webcam, tmp_path, monkeypatch):
    """A line per second, and nothing is stored."""
    monkeypatch.chdir(tmp_path)
    ended = webcam()
    assert ended.code == 0, ended.err
    assert "person 1" in ended.out
    assert list(tmp_path.iterdir()) == []


def test_recording(webcam, tmp_path):
    """What is asked for is stored: the video with its panel, and the time line."""
    ended = webcam("--record", tmp_path / "a.mp4", "--timeline", tmp_path / "a.csv")
    assert ended.code == 0, ended.err
    with open_source(tmp_path / "a.mp4") as source:
        assert source.width > 320
    assert len((tmp_path / "a.csv").read_text().splitlines()) > 1
    assert f"Wrote {tmp_path / 'a.mp4'}." in ended.err


@pytest.mark.skipif(has_windows(), reason="this OpenCV can open windows")
def test_window_without_one(webcam):
    """The headless OpenCV says in one sentence how to get a window."""
    ended = webcam("--window")
    assert ended.code == 1
    assert "pip install opencv-python" in ended.err


def test_no_camera(command, tiny_model):
    """A camera that is not there: one sentence, status 1."""
    ended = command("webcam", "--model", tiny_model, "--detector", "mien", "--camera", "97")
    assert ended.code == 1
    assert "Camera 97 could not be opened" in ended.err


def show(readings, width=100):
    file = io.StringIO()
    Console(file=file, width=width).print(faces_view(readings, "20 frames per second"))
    return file.getvalue()


def test_table_shows_all_probabilities():
    """Every expression of every face has its name, a bar as long as its probability, and the figure."""
    box = Face((0, 0, 9, 9), 1.0)
    one = Reading(box, LABELS, (0.1, 0.6, 0.3), track=4, smooth_values=(0.05, 0.7, 0.25), steady_label="happy")
    text = show([one, one])
    assert text.count("person 4: happy 70%") == 2
    bars = {label: next(line for line in text.splitlines() if line.startswith(label)) for label in LABELS}
    assert bars["happy"].count("█") == 2 * 14
    assert bars["neutral"].count("█") == 2 * 5
    assert "20 frames per second" in text


def test_table_without_faces():
    """The table says so instead of being empty."""
    assert "No face in the picture." in show([])


def test_narrow_terminal():
    """Faces stand below one another where there is no room beside; no line is longer than the terminal."""
    one = Reading(Face((0, 0, 9, 9), 1.0), LABELS, (0.1, 0.6, 0.3), track=4)
    assert all(len(line) <= 44 for line in show([one, one, one], 44).splitlines())

"""`mien video` as a person uses it: outputs, summary, wrong use, and Ctrl-C with a real signal."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.app.scenes import Actor, Scene, backdrop, head_of, swaying
from mien.media.source import open_source
from mien.media.video_writer import VideoSink

FACE = (170.0, 70.0, 275.0, 175.0)  # of the astronaut
FPS = 10.0


def write(path: Path, scene: Scene, seconds: float) -> Path:
    sink = VideoSink(path, lambda image, _readings: image, FPS)
    for frame in scene.frames(seconds, FPS):
        sink.write(frame, ())
    sink.close()
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory, astronaut):
    """One second with one moving face."""
    scene = Scene(backdrop(320, 240), [Actor(head_of(astronaut, FACE), swaying((160, 120), 90, (25, 5), 2.0))])
    return write(tmp_path_factory.mktemp("clip") / "clip.mp4", scene, 1.0)


@pytest.fixture
def video(command, tiny_model):
    """`mien video` with the golden model and the detector that needs no file."""
    return lambda *arguments: command("video", "--model", tiny_model, "--detector", "mien", *arguments)


def test_all_outputs(video, clip, tmp_path):
    """Time line, annotated video and report of one run: 10 frames, one person, and a summary on standard output."""
    ended = video(
        clip,
        "-o",
        tmp_path / "a.mp4",
        "--timeline",
        tmp_path / "a.csv",
        "--report",
        tmp_path / "a.html",
        "--thumbnails",
    )
    assert ended.code == 0, ended.err
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(r["frame"]) for r in rows] == list(range(10))
    assert {r["track"] for r in rows} == {"1"}
    assert float(rows[5]["time_s"]) == pytest.approx(0.5)
    with open_source(tmp_path / "a.mp4") as source:
        assert sum(1 for _ in source) == 10
        assert (source.width, source.height) == (320, 240)
    html = (tmp_path / "a.html").read_text("utf-8")
    assert "Expressions in clip.mp4" in html
    assert "data:image/jpeg" in html
    assert "Seconds per expression" in ended.out
    assert "10 frames, 1 person" in ended.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.html", "a.mp4"]


def test_nothing_is_stored_unless_asked(video, clip, tmp_path, monkeypatch):
    """Without outputs there is a summary and no file."""
    monkeypatch.chdir(tmp_path)
    ended = video(clip)
    assert (ended.code, list(tmp_path.iterdir())) == (0, [])
    assert "Seconds per expression" in ended.out


def test_span_and_step(video, clip, tmp_path):
    """From 0.2 s to 0.8 s, one frame per 0.2 s; times are those of the clip."""
    ended = video(clip, "--start", "0.2", "--end", "0:00.8", "--every", "0.2", "--timeline", tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert ended.code == 0
    assert [line.split(",")[0] for line in lines] == ['{"time_s": 0.2', '{"time_s": 0.4', '{"time_s": 0.6']


def test_anonymize(video, clip, tmp_path):
    """In the annotated video the face has no detail left, inside the drawn box."""
    video(clip, "--panel", "-o", tmp_path / "open.mp4")
    video(clip, "--panel", "-o", tmp_path / "covered.mp4", "--anonymize")

    def detail(path):
        with open_source(path) as source:
            image = list(source)[5].image
        middle = cv2.cvtColor(image[100:145, 160:205], cv2.COLOR_BGR2GRAY)
        return cv2.Laplacian(middle, cv2.CV_64F).var()

    assert detail(tmp_path / "covered.mp4") < 0.1 * detail(tmp_path / "open.mp4")


def test_panel(video, clip, tmp_path):
    """The panel stands beside the picture, so the video is wider."""
    video(clip, "-o", tmp_path / "a.avi", "--panel")
    with open_source(tmp_path / "a.avi") as source:
        assert source.width > 320


def test_no_face(video, tmp_path):
    """A video without a face is no error: empty time line, no table."""
    ended = video(write(tmp_path / "a.mp4", Scene(backdrop(160, 120), []), 0.5), "--timeline", tmp_path / "a.csv")
    assert ended.code == 0
    assert ended.out == ""
    assert "no face" in ended.err
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1


def test_folder_of_frames(video, clip, tmp_path):
    """Pictures in a folder are a video at the given rate."""
    with open_source(clip) as source:
        for frame in list(source)[:5]:
            cv2.imwrite(str(tmp_path / f"{frame.index}.png"), frame.image)
    ended = video(tmp_path, "--fps", "5", "--timeline", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        times = [float(row["time_s"]) for row in csv.DictReader(file)]
    assert ended.code == 0
    assert times == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["none.mp4"], 1, "none.mp4 does not exist"),
        (["{clip}", "-o", "{clip}"], 2, "is the input"),
        (["{clip}", "-o", "a.gif"], 2, "ends in one of"),
        (["{clip}", "--timeline", "a.xlsx"], 2, "a time line ends in"),
        (["{clip}", "--timeline", "none/a.csv"], 1, "does not exist"),
        (["{clip}", "--report", "a.pdf"], 2, "ends in .html"),
        (["{clip}", "--report", "a.html", "--timeline", "a.html"], 2, "the same name"),
        (["{clip}", "--thumbnails"], 2, "--report"),
        (["{clip}", "--anonymize"], 2, "-o VIDEO"),
        (["{clip}", "--anonymize", "-o", "a.mp4", "--max-faces", "1"], 2, "use one of the two"),
        (["{clip}", "--detector-every", "0"], 2, "--detector-every expects"),
        (["{clip}", "--fps", "5"], 2, "leave --fps out"),
        (["{clip}", "--max-megapixels", "nan"], 2, "--max-megapixels expects"),
        (["{clip}", "--start", "5"], 1, "has no frame between"),
        (["{clip}", "--start", "soon"], 2, "is not a time"),
        (["{clip}", "--start", "2", "--end", "1"], 2, "later than the start"),
    ],
)
def test_wrong_use(video, clip, tmp_path, monkeypatch, arguments, code, text):
    """One sentence, the right status, and nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    ended = video(*(a.format(clip=clip) for a in arguments))
    assert ended.code == code
    assert text in ended.err.replace("\n", " ")
    assert "Traceback" not in ended.err
    assert list(tmp_path.iterdir()) == []


def test_truncated_file(video, tmp_path):
    """What can be decoded is read, and a note says that the file may be cut short."""
    scene = Scene(backdrop(160, 120), [], noise=30.0)
    clip = write(tmp_path / "a.avi", scene, 2.0)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    ended = video(clip, "--timeline", tmp_path / "a.csv")
    assert ended.code == 0
    assert "Note: The file may be cut short" in ended.err


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_finishes_the_files(astronaut, tiny_model, tmp_path):
    """A real SIGINT in the middle: status 130, and a time line, a video and a report that are whole."""
    scene = Scene(backdrop(320, 240), [Actor(head_of(astronaut, FACE), swaying((160, 120), 90, (25, 5), 2.0))])
    clip = write(tmp_path / "long.mp4", scene, 40.0)
    out = tmp_path / "out"
    out.mkdir()
    arguments = ["--model", tiny_model, "--detector", "mien", "--detector-every", "1", "-o", out / "a.mp4"]
    arguments += ["--timeline", out / "a.csv", "--report", out / "a.html"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mien", "video", clip, *map(str, arguments)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any(out.glob(".a.*.part.mp4")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "Stopped at" in err
    assert sorted(p.name for p in out.iterdir()) == ["a.csv", "a.html", "a.mp4"]
    with (out / "a.csv").open(newline="") as file:
        frames = [int(row["frame"]) for row in csv.DictReader(file)]
    with open_source(out / "a.mp4") as source:
        shown = sum(1 for _ in source)
    assert frames == sorted(frames)
    assert 0 < shown < 400
    assert frames[-1] <= shown - 1
    assert (out / "a.html").read_text("utf-8").endswith("</html>\n")


def test_source_that_dies(video, monkeypatch, clip, tmp_path):
    """A stream that fails half-way: status 1, one sentence, and what was read before is kept."""
    from mien.core.errors import VideoError
    from mien.media.video_reader import VideoReader

    grab, left = VideoReader.grab, iter(range(6))

    def dying(self):
        if next(left, None) is None:
            raise VideoError("The source sent nothing for 10 seconds.")
        return grab(self)

    monkeypatch.setattr(VideoReader, "grab", dying)
    ended = video(clip, "--timeline", tmp_path / "a.csv")
    assert ended.code == 1
    assert "sent nothing for 10 seconds. What was read before, up to 0.6 s, is kept." in ended.err
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 7


def test_disk_full(video, monkeypatch, clip, tmp_path):
    """An output that cannot be written ends the run with status 1 and leaves no half file."""
    from mien.core.errors import OutputError
    from mien.media.timeline import TimelineSink

    def full(self, frame, readings):
        raise OutputError("Cannot write a.csv: No space left on device.")

    monkeypatch.setattr(TimelineSink, "write", full)
    ended = video(clip, "--timeline", tmp_path / "a.csv", "-o", tmp_path / "a.mp4")
    assert ended.code == 1
    assert "No space left" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_python_loop(clip, tiny_model):
    """The documented loop: the caller owns it, and every frame comes with its readings."""
    import mien

    analyzer = mien.Analyzer(tiny_model, "mien")
    with mien.open_source(clip) as source:
        seen = [(frame.time_s, [r.track for r in readings]) for frame, readings in analyzer.stream(source)]
    assert [t for t, _ in seen] == pytest.approx([i / FPS for i in range(10)])
    assert all(tracks == [1] for _, tracks in seen)


def test_colours_of_a_grey_picture(video, tmp_path):
    """A grey PNG is read like a coloured one."""
    cv2.imwrite(str(tmp_path / "a.png"), np.full((120, 160), 90, np.uint8))
    assert video(tmp_path / "a.png").code == 0

"""A study from videos to tables: read once, gone on with, in processes; and one true run with the packaged models."""

import csv
import json

import cv2
import numpy as np
import pytest
from made_study import FRONT, LABELS

from mien.core.errors import OptionError, OutputError
from mien.core.types import Face, Frame, Reading
from mien.infer.options import AnalyzerOptions
from mien.media.video_writer import VideoSink
from mien.study.eaf import read_eaf
from mien.study.job import read_all
from mien.study.read import Places
from mien.study.read import Reading as HowRead
from mien.study.series import load_line


def write_video(path, pictures, fps=10.0):
    sink = VideoSink(path, lambda image, _readings: image, fps)
    for i, picture in enumerate(pictures):
        sink.write(Frame(picture, i, i / fps), ())
    sink.close()
    return path


class Fake:
    """An analyzer that finds a face in every bright picture; happy where it is very bright."""

    labels = LABELS
    uncertain_below = 0.5
    sure_score = 0.0

    def __init__(self, options):
        assert options.max_faces is None
        self.read_frames = 0
        self.classifier = self.detector = self
        self.name = "fake"

    def reader(self, **_options):
        return self

    def read(self, frame):
        self.read_frames += 1
        level = float(frame.image.mean()) / 255
        if level < 0.2:
            return []
        values = (level, 1 - level)
        face = Face((8.0, 8.0, 48.0, 48.0), 0.9, FRONT)
        return [Reading(face, LABELS, values, 1, values, LABELS[int(level < 0.5)], 0.5)]


@pytest.fixture
def videos(tmp_path):
    """Two videos of 64x64: bright for 6 frames then dark for 4; and grey for 5."""
    folder = tmp_path / "videos"
    folder.mkdir()
    bright, dark, grey = (np.full((64, 64, 3), level, np.uint8) for level in (200, 5, 100))
    write_video(folder / "a.mp4", [bright] * 6 + [dark] * 4)
    write_video(folder / "b.mp4", [grey] * 5)
    return folder


def test_videos_are_read_once(videos, tmp_path):
    """The second run reads nothing; a video that changed, or whose time line is gone, is read again."""
    out, made = tmp_path / "out", []

    def make(options):
        made.append(Fake(options))
        return made[-1]

    files = ["a.mp4", "b.mp4"]
    first = read_all(videos, files, out, HowRead(), make=make)
    assert [(r.file, r.frames, r.faces, r.error) for r in first.records] == [
        ("a.mp4", 10, 6, None),
        ("b.mp4", 5, 5, None),
    ]
    assert (first.earlier, made[0].read_frames) == (0, 15)
    line = load_line(Places(out, ".csv").timeline("a.mp4"))
    assert (len(line.times), line.label.tolist()) == (10, [0] * 6)

    again = read_all(videos, files, out, HowRead(), resume=True, make=make)
    assert (again.earlier, len(made), again.records) == (2, 1, first.records)

    Places(out, ".csv").timeline("a.mp4").unlink()
    write_video(videos / "b.mp4", [np.full((64, 64, 3), 200, np.uint8)] * 7)
    third = read_all(videos, files, out, HowRead(), resume=True, make=make)
    assert (third.earlier, made[1].read_frames) == (0, 17)


def test_a_run_that_was_stopped(videos, tmp_path):
    """What was read before the stop stays, nothing half-written does, and the next run reads the rest."""
    out = tmp_path / "out"

    class Stopped(Fake):
        def read(self, frame):
            if self.read_frames == 12:
                raise KeyboardInterrupt
            return super().read(frame)

    with pytest.raises(KeyboardInterrupt):
        read_all(videos, ["a.mp4", "b.mp4"], out, HowRead(), make=Stopped)
    assert sorted(p.name for p in (out / "timelines").iterdir()) == ["a.mp4.csv", "a.mp4.json"]
    (out / "timelines" / ".b.mp4.12345678.part.csv").touch()  # as a killed process leaves it
    done = read_all(videos, ["a.mp4", "b.mp4"], out, HowRead(), resume=True, make=Fake)
    assert (done.earlier, [r.frames for r in done.records]) == (1, [10, 5])
    assert not list((out / "timelines").glob(".*"))


def test_a_video_that_cannot_be_read(videos, tmp_path):
    """It has a record with the error, the others are read, and it is tried again."""
    (videos / "c.mp4").write_bytes(b"no video")
    for resume in (False, True):
        done = read_all(videos, ["a.mp4", "c.mp4"], tmp_path / "out", HowRead(), resume=resume, make=Fake)
        assert done.records[0].error is None
        assert "c.mp4" in done.records[1].error


def test_folders_that_are_refused(videos, tmp_path):
    """A study is not written over, not read with other settings, and not put into a folder of other things."""
    out = tmp_path / "out"
    read_all(videos, ["a.mp4"], out, HowRead(), make=Fake)
    with pytest.raises(OptionError, match="--resume goes on"):
        read_all(videos, ["a.mp4"], out, HowRead(), make=Fake)
    other = HowRead(AnalyzerOptions(model="ferplus"))
    with pytest.raises(OptionError, match="read with model = wild-int8, now it is ferplus"):
        read_all(videos, ["a.mp4"], out, other, resume=True, make=Fake)
    with pytest.raises(OptionError, match="not empty and holds no study"):
        read_all(videos, ["a.mp4"], videos, HowRead(), make=Fake)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        read_all(videos, ["a.mp4"], tmp_path / "file", HowRead(), make=Fake)
    threads = HowRead(AnalyzerOptions(threads=2))  # change nothing in the result
    assert read_all(videos, ["a.mp4"], out, threads, resume=True, make=Fake).earlier == 1


def test_wrong_use_is_told_before_anything_is_read(videos, tmp_path, command):
    """One sentence, status 2 or 1, and no folder of results."""
    for arguments, told in (
        (["--baseline", "rest"], "give the epochs"),
        (["--exclude", "tilted"], "Unknown quality flag 'tilted'"),
        (["--rename", "x"], "WORD=LABEL"),
        (["--pattern", "{who}"], "no {participant}"),
        (["--people", "x.csv", "--each-track"], "one of the two"),
        (["--epochs", tmp_path / "none.csv"], "There is no file"),
    ):
        done = command("study", videos, tmp_path / "out", *arguments)
        assert done.code in (1, 2)
        assert told in done.err
        assert not (tmp_path / "out").exists()
    done = command("study", tmp_path / "nowhere", tmp_path / "out")
    assert "is not a folder" in done.err


def test_two_photographs_as_a_study(tmp_path, command, astronaut, hopper, monkeypatch):
    """Packaged models, two processes: a clip of one person smiling for 2 s, one of another who does not."""
    monkeypatch.setattr("mien.study.report.FIGURES", {})
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    smiling = cv2.resize(astronaut[:400, 50:450], (256, 256), interpolation=cv2.INTER_AREA)
    serious = cv2.resize(hopper[:512], (256, 256), interpolation=cv2.INTER_AREA)
    write_video(folder / "collins_1.mp4", [smiling] * 20)
    write_video(folder / "hopper_1.mp4", [serious] * 10 + [np.zeros_like(serious)] * 10)
    coded = tmp_path / "coder.csv"
    coded.write_text("file,start_s,end_s,label\ncollins_1,0,2,joy\n")
    done = command(
        "study", folder, out, "--pattern", "{participant}_{run}", "--annotations", coded, "--workers", "2",
        "--export", "eaf", "--export", "textgrid",
    )  # fmt: skip
    assert done.code == 0, done.err
    with (out / "summary.csv").open(newline="") as file:
        one, two = csv.DictReader(file)
    assert (one["participant"], one["run"], one["n_frames"], one["n_used"]) == ("collins", "1", "20", "20")
    assert float(one["t_happy"]) == 1.0
    assert float(one["m_happy"]) > 0.9
    assert (two["n_frames"], two["n_face"], two["face"]) == ("20", "10", "0.5")
    assert float(two["used_s"]) == pytest.approx(1.0)
    assert float(two["t_happy"]) < 0.5
    agreed = json.loads((out / "agreement.json").read_text())
    assert (agreed["frames"], agreed["agreement"]) == (20, 1.0)
    (tier,) = read_eaf(out / "labels" / "collins_1.mp4.eaf")
    assert [(i.start_s, i.end_s, i.text) for i in tier.intervals] == [(0.0, 2.0, "happy")]
    assert (out / "labels" / "hopper_1.mp4.TextGrid").is_file()
    assert "Methods, to copy" in (out / "report.html").read_text()

"""False faces are no people, and terminal, report, time line and study say the same."""

import re

import cv2
import numpy as np
import pytest

from mien.app.scenes import Actor, Scene, backdrop, head_of, swaying
from mien.core.types import Frame
from mien.media.table_files import read_table
from mien.media.video_writer import VideoSink
from mien.study.series import People, load_line, people_of

FPS = 10.0
FACES = {"astronaut": (170.0, 70.0, 275.0, 175.0), "hopper": (150.0, 90.0, 360.0, 330.0)}


def film(path, pictures):
    sink = VideoSink(path, lambda image, _readings: image, FPS)
    for i, picture in enumerate(pictures):
        sink.write(Frame(np.asarray(picture, np.uint8), i, i / FPS), ())
    sink.close()
    return path


def drawn(shift):
    """Blurred shapes in which the packaged detector of 2026-11 sees a face now and then."""
    random = np.random.default_rng(160)
    image = np.full((240, 320, 3), random.integers(120, 255, 3).tolist(), np.uint8)
    for _ in range(12):
        colour = random.integers(0, 255, 3).tolist()
        x, y = int(random.integers(40, 280) + shift), int(random.integers(40, 200))
        a, b = map(int, random.integers(8, 70, 2))
        if random.random() < 0.6:
            cv2.ellipse(image, (x, y), (a, b), float(random.integers(180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(image, (x - a // 2, y - b // 2), (x + a // 2, y + b // 2), colour, -1)
    return cv2.GaussianBlur(image, (0, 0), 2)


def flashing(i):
    """A bright square, a face to the golden detector, in frames 5 to 7."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[16:32, 48:64] = 255 if 5 <= i < 8 else 0
    return image


@pytest.fixture
def told(command, tiny_model, tmp_path):
    """People that terminal, report and study tell of a clip, and the columns of its time line."""

    def tell(clip, detector):
        folder = tmp_path / "clips"
        line, page = tmp_path / "a.csv", tmp_path / "a.html"
        options = ("--model", tiny_model, "--detector", detector)
        ended = command("video", clip, *options, "--timeline", line, "--report", page)
        assert ended.code == 0, ended.err
        terminal = re.search(r"frames, (no face|\d+)", ended.err)[1].replace("no face", "0")
        html = page.read_text("utf-8")
        report = len(set(re.findall(r"<td>Person\u00a0(\d+)</td>", html)))
        assert ("No face was found" in html) == (report == 0)
        ended = command("study", folder, tmp_path / "out", *options, "--each-track", "--workers", "1")
        assert ended.code == 0, ended.err
        study = people_of(load_line(tmp_path / "out" / "timelines" / f"{clip.name}.csv"), People(each=True), "p")
        seen = [person for person in study if person.state.any()]
        return int(terminal), report, len(seen), read_table(line)

    (tmp_path / "clips").mkdir()
    return tell


def test_drawing_without_a_face(told, tmp_path):
    """A moving drawing is nobody."""
    clip = film(tmp_path / "clips" / "a.mp4", [drawn(round(6 * np.sin(i / 5))) for i in range(25)])
    *people, table = told(clip, "mien")
    assert people == [0, 0, 0]
    assert "true" not in table["plausible"]


def test_false_face_stays_in_the_table(told, tmp_path, bright_detector):
    """What is taken for a face for 0.3 s is in the time line, flagged, and in no count."""
    clip = film(tmp_path / "clips" / "a.mp4", [flashing(i) for i in range(25)])
    *people, table = told(clip, bright_detector)
    assert people == [0, 0, 0]
    assert set(table["plausible"]) == {"false"}
    assert {int(frame) for frame in table["frame"]} >= {5, 6, 7}


@pytest.mark.parametrize("names", [("astronaut",), ("astronaut", "hopper")])
def test_real_faces(told, tmp_path, request, names):
    """One and two people who move are one and two people, everywhere."""
    actors = [
        Actor(head_of(request.getfixturevalue(name), FACES[name]), swaying((90 + 150 * i, 130), 80, (15, 8), 2.0 + i))
        for i, name in enumerate(names)
    ]
    scene = Scene(backdrop(330, 260), actors, noise=3.0)
    clip = film(tmp_path / "clips" / "a.mp4", [frame.image for frame in scene.frames(2.0, FPS)])
    *people, table = told(clip, "mien")
    assert people == [len(names)] * 3
    assert set(table["plausible"]) == {"true"}

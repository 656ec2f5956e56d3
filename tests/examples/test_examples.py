"""The examples do what their first lines say: each is run as a person would run it."""

from __future__ import annotations

import csv
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs an example in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def started(name: str, *arguments: object) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        return runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    return started


@pytest.fixture
def clip(tmp_path, hopper) -> Path:
    """Five frames with a face."""
    import cv2

    file = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (256, 300))
    for _ in range(5):
        writer.write(cv2.resize(hopper, (256, 300)))
    writer.release()
    return file


def test_each_is_short_and_run_here():
    """Every example has less than 30 lines, says in its first lines how it is started, and has a test of its own."""
    here = Path(__file__).read_text("utf-8")
    files = sorted(EXAMPLES.glob("*.py"))

    assert len(files) >= 6
    for file in files:
        text = file.read_text("utf-8")
        assert len(text.splitlines()) < 30, file.name
        assert f"examples/{file.name}" in text.split('"""')[1]
        assert here.count(file.name) >= 1, f"{file.name} has no test"


def test_photograph(run, hopper_file, capsys, tmp_path):
    """One face is told, and the annotated copy is a picture of the same size."""
    run("photograph.py", hopper_file)

    (line,) = capsys.readouterr().out.splitlines()
    assert "%" in line
    assert "happy" in line
    with Image.open(tmp_path / "grace_hopper-read.png") as drawn, Image.open(hopper_file) as photo:
        assert drawn.size == photo.size


def test_webcam_to_a_file(run, clip, capsys, tmp_path):
    """Every frame has a line with the same person, and the new video shows the panel."""
    run("webcam.py", clip, tmp_path / "read.mp4")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all("person 1: " in line for line in lines)
    import cv2

    capture = cv2.VideoCapture(str(tmp_path / "read.mp4"))
    assert capture.read()[0]
    capture.release()


def test_webcam_in_a_window(run, clip, monkeypatch):
    """Without a second argument frames are shown, and Esc ends it."""
    import cv2

    shown: list[tuple[int, ...]] = []
    monkeypatch.setattr(cv2, "imshow", lambda _name, image: shown.append(image.shape), raising=False)
    monkeypatch.setattr(cv2, "waitKey", lambda _ms: 27 if len(shown) == 2 else -1, raising=False)

    run("webcam.py", clip)

    assert len(shown) == 2


def test_folder(run, hopper_file, astronaut, tmp_path, capsys):
    """A row per face, and the counts."""
    pytest.importorskip("pandas", reason='pandas is not installed: pip install "mien[pandas]"')
    album = tmp_path / "album"
    album.mkdir()
    (album / "a.jpg").write_bytes(hopper_file.read_bytes())
    Image.fromarray(astronaut[..., ::-1]).save(album / "b.png")

    run("folder.py", album, "faces.csv")

    with (tmp_path / "faces.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["source"]).name for row in rows] == ["a.jpg", "b.png"]
    assert "happy" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")
def test_train_and_compare(run, small_fer, tmp_path, capsys):
    """Two networks from a data set without a validation split: trained, ranked, the best one judged on test."""
    pytest.importorskip("lightning", reason='lightning is not installed: pip install "mien[train]"')

    run("train_and_compare.py", small_fer, "runs", 1, "ann", "mien-xs")

    assert (tmp_path / "runs" / "comparison").is_dir()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(("ann: accuracy", "mien-xs: accuracy"))
    assert last.endswith("on the test split")


_GRADIO = """
import json, runpy, sys
import numpy as np
from PIL import Image

page = runpy.run_path(sys.argv[1])
drawn, scores = page["demo"].fn(np.asarray(Image.open(sys.argv[2]).convert("RGB")))
_, nobody = page["demo"].fn(np.zeros((64, 64, 3), np.uint8))
print(json.dumps([list(drawn.shape), scores, nobody]))
"""


def test_gradio_app(hopper_file, tmp_path):
    """The interface is built, and its function reads a photograph and an empty picture; no server is started."""
    pytest.importorskip("gradio", reason='Gradio is not installed: pip install "mien[test]"')
    import json

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _GRADIO, str(EXAMPLES / "gradio_app.py"), str(hopper_file)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    shape, scores, nobody = json.loads(done.stdout.splitlines()[-1])
    assert shape == [600, 512, 3]
    assert sum(scores.values()) == pytest.approx(1, abs=1e-4)
    assert nobody == {"no face": 1.0}


_STREAMLIT = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest

page = AppTest.from_file(sys.argv[1], default_timeout=120).run()
assert not page.exception, page.exception
assert "not an emotion" in page.caption[0].value
photo = Path(sys.argv[2])
page.file_uploader[0].set_value((photo.name, photo.read_bytes(), "image/jpeg")).run()
assert not page.exception, page.exception
print("read", [text.value for text in page.markdown])
page.sidebar.radio[0].set_value("Data").run()
page.text_input[0].set_value(sys.argv[3]).run()
assert not page.exception, page.exception
print("data", [element.type for element in page.main])
"""


def test_streamlit_app(hopper_file, small_fer, tmp_path):
    """Streamlit's own AppTest uploads a photograph and reads its label, then opens a data set on the second page."""
    pytest.importorskip("streamlit", reason='Streamlit is not installed: pip install "mien[test]"')

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _STREAMLIT, EXAMPLES / "streamlit_app.py", hopper_file, small_fer],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=300,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONUTF8": "1"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    read, data = done.stdout.splitlines()[-2:]
    from mien.infer.analyzer import Analyzer

    (face,) = Analyzer().analyze(hopper_file)
    assert f"**{face.caption}** {face.confidence:.0%}" in read
    assert data == "data ['main', 'title', 'text_input', 'vega_lite_chart', 'image', 'caption']"


@pytest.fixture
def small_fer(tmp_path) -> Path:
    """FER-2013 as Kaggle's folders have it, very small: grey pictures of 48 px, train and test, no validation split."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 6)):
        for i, label in enumerate(("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")):
            folder = tmp_path / "fer2013" / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                noisy = np.clip(rng.normal(40 + 25 * i, 40, (48, 48)), 0, 255).astype(np.uint8)
                Image.fromarray(noisy).save(folder / f"{number}.png")
    return tmp_path / "fer2013"

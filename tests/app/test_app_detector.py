"""`mien detect` and `mien evaluate-detector`, with the golden detector that takes bright squares for faces."""

import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def squares(tmp_path):
    """A folder with a picture of one bright square, a black picture, and a file that is no picture."""
    folder = tmp_path / "squares"
    folder.mkdir()
    image = np.zeros((64, 96, 3), np.uint8)
    cv2.imwrite(str(folder / "black.png"), image)
    image[16:32, 48:64] = 255
    cv2.imwrite(str(folder / "one.png"), image)
    return folder


def test_detect_as_json(command, squares, bright_detector):
    """Boxes and landmarks come in pixels, one record for each picture."""
    ended = command("detect", squares, "--detector", bright_detector, "--format", "json")

    black, one = json.loads(ended.out)
    assert ended.code == 0
    assert black["faces"] == []
    assert (one["width"], one["height"], one["error"]) == (96, 64, None)
    assert one["faces"][0]["box"] == pytest.approx([48, 16, 64, 32])
    assert one["faces"][0]["landmarks"][0] == pytest.approx([52, 24])
    assert "2 pictures, 1 face." in ended.err


def test_detect_as_table_with_pictures(command, squares, bright_detector, tmp_path):
    """The table names each face, and the annotated pictures show the box in colour."""
    ended = command("detect", squares, "--detector", bright_detector, "--annotate", tmp_path / "out")

    assert ended.code == 0
    assert "48 16 64 32" in ended.out
    assert "no face" in ended.out
    written = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert written == ["0000-black.annotated.jpg", "0001-one.annotated.jpg"]
    shown = cv2.imread(str(tmp_path / "out" / "0001-one.annotated.jpg"))
    assert shown is not None
    assert shown.shape == (64, 96, 3)
    assert np.ptp(shown.astype(int), axis=2).max() > 60  # colour on a grey picture


def test_detect_goes_on_after_a_bad_picture(command, squares, bright_detector):
    """A file that is no picture is a record with an error; the rest is done and the status is 1."""
    (squares / "a.jpg").write_bytes(b"x")

    ended = command("detect", squares, "--detector", bright_detector, "--format", "json")

    records = json.loads(ended.out)
    assert ended.code == 1
    assert [r["error"] is None for r in records] == [False, True, True]


def test_detect_wrong_use(command, squares):
    """An unknown detector and an impossible size are one sentence and status 2."""
    for arguments in (["--detector", "haar"], ["--detect-size", "big"], ["--detect-size", "3"]):
        ended = command("detect", squares, *arguments)
        assert ended.code == 2
        assert ended.err.startswith("Error: ")


def test_evaluate_detector(command, squares, bright_detector, tmp_path):
    """A table for people, and as the last line the same figures as JSON."""
    (tmp_path / "voc").mkdir()
    for name, found in (("one", "<xmin>48</xmin><ymin>16</ymin><xmax>64</xmax><ymax>32</ymax>"), ("black", "")):
        (tmp_path / "voc" / f"{name}.png").write_bytes((squares / f"{name}.png").read_bytes())
        thing = f"<object><bndbox>{found}</bndbox></object>" if found else ""
        (tmp_path / "voc" / f"{name}.xml").write_text(f"<annotation>{thing}</annotation>")

    ended = command("evaluate-detector", tmp_path / "voc", "--detector", bright_detector)

    assert ended.code == 0
    assert "average precision" in ended.out
    body = json.loads(ended.out.splitlines()[-1])
    (figures,) = body["detectors"]
    assert figures["ap"] == 1
    assert figures["by_size"][1]["recall"] == 1
    assert figures["false_per_empty_picture"] == 0
    assert command("evaluate-detector", tmp_path / "nowhere").code == 1


def test_detect_shows_names_as_text(command, squares, bright_detector, monkeypatch):
    """A name that looks like markup, or would move the cursor, is shown as it is; one picture is not "1 pictures"."""
    (squares / "one.png").rename(squares / "[bold]x\x1b[31m.png")
    monkeypatch.chdir(squares)
    ended = command("detect", "[bold]x\x1b[31m.png", "--detector", bright_detector)

    assert "[bold]x\\x1b[31m.png " in ended.out
    assert ended.err.splitlines()[-1].startswith("1 picture, ")

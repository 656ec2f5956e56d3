"""`mien train-detector`: from photographs with boxes to a model file that the other commands take."""

import dataclasses
import functools
import json
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from skimage import data

from mien.app.commands.train_detector import command
from mien.core.errors import OptionError, TrainError
from mien.infer.detect import open_detector
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.learn.detector.second.config import SecondConfig
from mien.learn.detector.second.export import second_file


@pytest.fixture(autouse=True)
def short(monkeypatch) -> None:
    """Small batches, and few pictures for statistics and ranges: what is asked here is not how well it learns."""
    small = functools.partial(SecondConfig, batch=8, turned=8, store=64)
    monkeypatch.setattr("mien.learn.detector.second.config.SecondConfig", small)
    monkeypatch.setattr("mien.learn.detector.second.train._STATISTICS", 2)
    monkeypatch.setattr("mien.learn.detector.train._STATISTICS", 2)
    monkeypatch.setattr("mien.learn.detector.release.some", lambda pictures: pictures[:4])


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """Table of twelve pictures: eight with one white ellipse as their face, four with stripes and none."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(12):
        image = np.full((96, 128, 3), 40, np.uint8)
        boxes: list[list[float]] = []
        if number % 3:
            x, y = (int(v) for v in rng.integers(24, 64, 2))
            cv2.ellipse(image, (x, y), (16, 20), 0, 0, 360, (255, 255, 255), -1)
            boxes = [[x - 16, y - 20, x + 16, y + 20]]
        else:
            image[::4] = 200
        encoded = cv2.imencode(".png", image)[1].tobytes()
        rows.append({"image": {"bytes": encoded, "path": f"{number}.png"}, "boxes": boxes, "ignore": []})
    path = tmp_path_factory.mktemp("faces") / "train.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_a_run_ends_with_two_model_files(photographs, tmp_path, monkeypatch):
    """A short run writes a record and both files; given again it writes them anew without training."""
    monkeypatch.setattr("mien.learn.detector.release._LOWEST_THRESHOLD", 0.0)
    # On a busy machine the first network has made so few steps that it sees nothing: the faintest boxes count, too.
    monkeypatch.setattr("mien.learn.detector.second.squares.FAINTEST", 0.0)
    line = [photographs, "--out", tmp_path / "run", "--minutes", 0.05, "--size", 64, "--batch", 4, "--workers", 0,
            "--validation", photographs, "--int8", "--second-look", 0.02]  # fmt: skip
    for _ in range(2):
        done = CliRunner().invoke(command, [str(part) for part in line], catch_exceptions=False)
        assert done.exit_code == 0
        assert "average precision" in done.output
        for name in ("model.onnx", "model-int8.onnx"):
            assert open_detector(tmp_path / "run" / name).name.startswith("mien")
    record = json.loads((tmp_path / "run" / "training.json").read_text("utf-8"))
    assert record["data"] == "train.parquet"
    assert record["pictures"] == 12
    assert record["minutes"] == 0.05


def test_a_network_gets_a_second_look_of_its_own(tmp_path, monkeypatch):
    """With no minutes the detector stays as it is; without a start there is none that could."""
    monkeypatch.setattr("mien.learn.detector.release.fitted", lambda _file, look, _pictures: look)
    packaged = Path(str(resources.files("mien") / "assets" / "models" / "face.onnx"))
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".png", picture)[1].tobytes()
    row = {"image": {"bytes": encoded, "path": "a.png"}, "boxes": [[177.0, 65.0, 270.0, 193.0]], "ignore": []}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    source = tmp_path / "a.parquet"
    line = [source, "--out", tmp_path / "run", "--minutes", 0, "--size", 64, "--batch", 4, "--workers", 0,
            "--validation", source, "--fine", 32, "--deep", 64, "--broad", 96]  # fmt: skip
    with pytest.raises(OptionError, match="--start"):
        CliRunner().invoke(command, [str(part) for part in line], catch_exceptions=False)

    line += ["--start", packaged, "--second-look", 0.02, "--second-teacher", packaged, "--mix-second", packaged, 0.5]
    done = CliRunner().invoke(command, [str(part) for part in line], catch_exceptions=False)

    assert done.exit_code == 0
    made, before = (
        OwnDetector(path, DetectOptions(min_score=0.02)) for path in (tmp_path / "run" / "model.onnx", packaged)
    )
    assert second_file(tmp_path / "run" / "model.onnx") != second_file(packaged)
    record = json.loads((tmp_path / "run" / "training.json").read_text("utf-8"))
    assert record["second_look_mixed"] == 0.5
    assert record["second_look_mixed_sha256"] == record["started_from_sha256"]
    assert record["second_look_teachers_sha256"] == record["started_from_sha256"]
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    assert made.detect(picture)[0].box == pytest.approx(before.detect(picture)[0].box, abs=0.5)


def test_other_widths_are_not_mixed(photographs, tmp_path):
    """Before anything is trained."""
    packaged = Path(str(resources.files("mien") / "assets" / "models" / "face.onnx"))
    line = [photographs, "--out", tmp_path / "run", "--validation", photographs, "--mix-second", packaged, 0.1]
    with pytest.raises(TrainError, match="not a float32 network of these widths"):
        CliRunner().invoke(command, [str(part) for part in line], catch_exceptions=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", [["--second-teacher"], ["--mix-second", 0.1]])
def test_other_networks_need_a_second_look(photographs, tmp_path, monkeypatch, option):
    """A detector's file without one cannot teach or be mixed in; nor can one where no second look is trained."""
    packaged = Path(str(resources.files("mien") / "assets" / "models" / "face.onnx"))
    monkeypatch.setattr("mien.learn.detector.second.export.second_file", lambda _path: None)
    line = [photographs, "--out", tmp_path / "run", option[0], packaged, *option[1:]]
    with pytest.raises(OptionError, match="needs --validation and minutes"):
        CliRunner().invoke(command, [str(part) for part in line], catch_exceptions=False)
    line += ["--validation", photographs]
    with pytest.raises(OptionError, match=f"no network for second looks; choose another file for {option[0]}"):
        CliRunner().invoke(command, [str(part) for part in line], catch_exceptions=False)


@pytest.mark.parametrize("option", [["--second-teacher"], ["--mix-second", 0.1]])
def test_networks_of_other_squares_are_refused(photographs, tmp_path, monkeypatch, option):
    """Before anything is trained."""
    packaged = Path(str(resources.files("mien") / "assets" / "models" / "face.onnx"))
    other = dataclasses.replace(second_file(packaged), margin=3.0)
    monkeypatch.setattr("mien.learn.detector.second.export.second_file", lambda _path: other)
    line = [photographs, "--out", tmp_path / "run", "--validation", photographs, option[0], packaged, *option[1:]]
    with pytest.raises(TrainError, match="3 times a face; .* 2.4 times"):
        CliRunner().invoke(command, [str(part) for part in line], catch_exceptions=False)
    assert not (tmp_path / "run").exists()


def test_8_bit_needs_validation(photographs, tmp_path):
    """The threshold of the 8-bit copy is chosen on validation photographs, so they must be named."""
    with pytest.raises(OptionError, match="--validation"):
        CliRunner().invoke(
            command, [str(photographs), "--out", str(tmp_path / "run"), "--int8"], catch_exceptions=False
        )

"""`mien evaluate`, `mien compare` and `mien explain` as a person calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

MakeRun = Callable[..., Path]
Mien = Callable[..., tuple[int, str, str]]


def test_evaluate_prints_tables(mien: Mien, brightness_file: Path, folders: Path):
    """The table begins with the protocol and holds the figures; standard error stays empty."""
    status, out, err = mien("evaluate", brightness_file, folders, "--flip")
    assert (status, err) == (0, "")
    first = out.splitlines()[0]
    assert first.startswith("Model")
    assert "brightness.onnx" in first
    for text in ("split test", "12 of 12", "not in training", "with mirror image", "100.0 %", "2 of the pictures"):
        assert text in out


def test_evaluate_prints_json(mien: Mien, brightness_file: Path, folders: Path):
    """JSON on standard output is whole and nothing else."""
    status, out, _ = mien("evaluate", brightness_file, folders, "--json", "--split", "validation", "--bootstrap", 0)
    body = json.loads(out)
    assert status == 0
    assert (body["data"]["split"], body["figures"]["n"]) == ("validation", 6)
    assert body["figures"]["accuracy_interval"] is None
    assert body["model"]["file"] == "brightness.onnx"


def test_evaluate_writes_a_report(mien: Mien, run_folder: MakeRun, folders: Path, tmp_path: Path):
    """A report and corruptions in one go; the model may be the folder of a run."""
    report = tmp_path / "report"
    status, out, err = mien("evaluate", run_folder("a"), folders, "--report", report, "--corruptions", "--speed")
    assert (status, out) == (0, "")
    assert "report.html" in err
    body = json.loads((report / "evaluation.json").read_text())
    assert len(body["corruptions"]["table"]) == 8
    assert body["speed"]["one_ms"] > 0


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--split", "best"), 2, "Invalid value for '--split'"),
        (("--protocol", "ferplus-majority"), 1, "ten vote columns"),
        (("--card-with", "x.json"), 2, "needs --card"),
        (("--card", "none/CARD.md"), 1, "the folder none does not exist"),
        (("--card", "card.md", "--card-with", "none.json"), 1, "Cannot read the evaluation none.json"),
    ],
)
def test_evaluate_refuses(
    mien: Mien,
    brightness_file: Path,
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    status: int,
    says: str,
):
    """Wrong use ends with 2, what cannot be done with 1; both with one sentence and no traceback."""
    monkeypatch.chdir(folders)
    found, out, err = mien("evaluate", brightness_file, folders, *arguments)
    assert (found, out) == (status, "")
    assert says in err
    assert "Traceback" not in err


def test_evaluate_names_what_is_missing(mien: Mien, brightness_file: Path, folders: Path, tmp_path: Path):
    """Missing models and data sets are named."""
    status, _, err = mien("evaluate", tmp_path / "no.onnx", folders)
    assert status == 1
    assert "no.onnx" in err
    status, _, err = mien("evaluate", brightness_file, tmp_path / "nothing")
    assert status == 1
    assert "nothing" in err


def test_compare(mien: Mien, run_folder: MakeRun, tmp_path: Path):
    """Runs are ranked in a table, as JSON, and on a page."""
    runs = [run_folder("low", 0.5), run_folder("high", 0.9)]
    status, out, err = mien("compare", *runs, "--no-speed", "--out", tmp_path / "out")
    assert status == 0
    assert "compare.html" in err
    assert out.index("high") < out.index("low")
    status, out, _ = mien("compare", *runs, "--no-speed", "--json", "--by", "macro_f1")
    assert json.loads(out)["metric"] == "macro_f1"
    status, _, err = mien("compare", tmp_path)
    assert status == 1
    assert "finished run" in err


def test_explain_a_photograph(mien: Mien, brightness_file: Path, hopper_file: Path, tmp_path: Path):
    """A face in a photograph is found and explained; the label may be chosen in any spelling."""
    target = tmp_path / "out.png"
    status, out, _ = mien("explain", brightness_file, hopper_file, "-o", target, "--label", "happiness",
                          "--detector", "mien")  # fmt: skip
    assert status == 0
    assert out.startswith("happy ")
    with Image.open(target) as picture:
        assert picture.size == (1042, 442)


def test_explain_crops_and_refusals(mien: Mien, brightness_file: Path, coffee: NDArray[np.uint8], tmp_path: Path):
    """A crop is explained as it is; a picture without a face, a face too many and a wrong name are refused."""
    picture, target = tmp_path / "coffee.png", tmp_path / "out.png"
    Image.fromarray(np.ascontiguousarray(coffee[..., ::-1])).save(picture)
    assert mien("explain", brightness_file, picture, "-o", target, "--crop")[0] == 0
    target.unlink()
    for arguments, status, says in (
        (("--detector", "mien"), 1, "No face was found"),
        (("--crop", "--face", "2"), 2, "shows 1 face"),
        (("--crop", "--label", "bored"), 1, "Unknown label 'bored'"),
        (("--crop", "--method", "gradcam"), 2, "needs the folder of a training run"),
    ):
        found, _, err = mien("explain", brightness_file, picture, "-o", target, *arguments)
        assert found == status
        assert says in err
    status, _, err = mien("explain", brightness_file, picture, "-o", tmp_path / "out.jpg", "--crop")
    assert status == 2
    assert "PNG" in err
    assert not target.exists()

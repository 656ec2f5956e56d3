"""Evaluations survive the way to a file and back, and other files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from judging_worlds import Brightness

from mien.core.errors import DataError, OutputError
from mien.data import Manifest
from mien.evaluate.judge import judge
from mien.evaluate.records import decimal, percent, protocol_rows, read_evaluation, span, write_evaluation


def test_round_trip(tmp_path: Path, world: Manifest, brightness: Brightness):
    """What is written is what is read, up to tuples that became lists."""
    body = judge(brightness, world, flip=True).to_dict()
    write_evaluation(tmp_path / "evaluation.json", body)
    assert read_evaluation(tmp_path / "evaluation.json") == json.loads(json.dumps(body))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "Cannot read"),
        ("{", "Cannot read"),
        ("[]", "got 'list'"),
        ('{"format": "mien-evaluation/99"}', "got 'mien-evaluation/99'"),
        ('{"format": "mien-evaluation/1", "model": {}, "data": {}}', "lacks its part 'figures'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str | None, says: str):
    """A file that is missing, not JSON, or of another format is refused by name."""
    path = tmp_path / "evaluation.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=says):
        read_evaluation(path)


def test_missing_folder_is_named(tmp_path: Path):
    """A folder that is not there is named."""
    with pytest.raises(OutputError, match="does not exist"):
        write_evaluation(tmp_path / "none" / "evaluation.json", {})


def test_words():
    """Figures become words in one way."""
    assert percent(0.7088) == "70.9 %"
    assert (decimal(0.01234), decimal(None)) == ("0.012", "–")
    assert (span((0.694, 0.723)), span(None)) == ("69.4–72.3 %", "")


def test_protocol_rows(world: Manifest, brightness: Brightness):
    """The protocol names everything that a figure needs, and no folder of this machine."""
    body = judge(brightness, world, model={"name": "brightness", "file": "b.onnx", "sha256": "ab"}).to_dict()
    body["data"] |= {"source": "/home/someone/squares", "left_out": {"contempt": 1200}, "unreadable": [["a.png", "?"]]}
    rows = dict(protocol_rows(body))
    assert rows["Model"] == "brightness, b.onnx"
    assert rows["Data"] == "squares, split test"
    assert rows["Pictures"] == "12 of 12"
    assert rows["Left out"] == "contempt 1,200"
    assert "a.png" in rows["Unreadable"]


def test_no_intervals_without_resamples(world: Manifest, brightness: Brightness):
    """Without resamples there is no interval, and none is promised."""
    assert "Intervals" in dict(protocol_rows(judge(brightness, world, bootstrap=10).to_dict()))
    assert "Intervals" not in dict(protocol_rows(judge(brightness, world, bootstrap=0).to_dict()))

"""The time line: the same rows in three formats, whole files only."""

import csv
import json
import sys

import pytest
from made_clips import LABELS, blank, reading

from mien.core.errors import DataError, MissingExtraError, OptionError, OutputError
from mien.core.types import Face, Reading
from mien.media.table_files import read_table
from mien.media.timeline import TIMELINE_SUFFIXES, TimelineSink, columns, rows

COLUMNS: tuple[str, ...] = (
    "time_s",
    "frame",
    "track",
    "x1",
    "y1",
    "x2",
    "y2",
    "score",
    "emotion",
    "confidence",
    "uncertain",
)
COLUMNS += ("p_happy", "p_neutral", "smooth_happy", "smooth_neutral")
COLUMNS += ("right_eye_x", "right_eye_y", "left_eye_x", "left_eye_y", "nose_x", "nose_y")
COLUMNS += ("right_mouth_x", "right_mouth_y", "left_mouth_x", "left_mouth_y")
COLUMNS += ("roll", "yaw", "face_px", "sharpness", "exposure", "quality", "plausible")


def write(path, frames=3):
    sink = TimelineSink(path, LABELS)
    for i in range(frames):
        sink.write(blank(i, i * 0.04), [reading(1, 0.75), reading(2, 0.25)] if i != 1 else [])
    return sink


def load(path):
    """All rows as text-free values."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        return parquet.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return [{k: _value(k, v) for k, v in row.items()} for row in csv.DictReader(file)]


def _value(name, text):
    if name in ("uncertain", "plausible"):
        return {"true": True, "false": False}[text]
    return text if name in ("emotion", "quality") else float(text) if text else None


def test_columns():
    """The documented columns, in their order."""
    assert columns(LABELS) == COLUMNS


@pytest.mark.parametrize("suffix", TIMELINE_SUFFIXES)
def test_rows(tmp_path, suffix):
    """One row per face and frame; a frame without faces has none; all formats hold the same values."""
    path = tmp_path / f"a{suffix}"
    write(path).close()
    table = load(path)

    assert [tuple(row) for row in table] == [COLUMNS] * 4
    assert [(row["frame"], row["track"]) for row in table] == [(0, 1), (0, 2), (2, 1), (2, 2)]
    assert table[2] == {
        "time_s": 0.08, "frame": 2, "track": 1, "x1": 10.0, "y1": 10.0, "x2": 50.0, "y2": 50.0, "score": 0.9,
        "emotion": "happy", "confidence": pytest.approx(0.725), "uncertain": False,
        "p_happy": 0.75, "p_neutral": 0.25,
        "smooth_happy": pytest.approx(0.725), "smooth_neutral": pytest.approx(0.275),
        **dict.fromkeys(COLUMNS[15:27]), "face_px": 40.0, "sharpness": 0.0, "exposure": 0.0,
        "quality": "blurred dark", "plausible": True,
    }  # fmt: skip


def test_held_label_is_told():
    """The emotion is the label that holds, the confidence is its smoothed probability, which makes it uncertain."""
    (row,) = rows(blank(0, 0.0), [reading(1, 0.75, steady="neutral")])
    assert (row["emotion"], row["confidence"], row["uncertain"]) == ("neutral", pytest.approx(0.275), True)


def test_probabilities_are_not_rounded(tmp_path):
    """What is read back from CSV is the very number."""
    third = 1 / 3
    sink = TimelineSink(tmp_path / "a.csv", LABELS)
    sink.write(blank(0, 0.0), [reading(1, third)])
    sink.close()
    assert load(tmp_path / "a.csv")[0]["p_happy"] == third


def test_photograph(tmp_path):
    """A reading without a track leaves its columns empty."""
    sink = TimelineSink(tmp_path / "a.jsonl", LABELS)
    sink.write(blank(0, 0.0), [Reading(Face((1, 2, 3, 4), 0.5), LABELS, (0.4, 0.6))])
    sink.close()
    (row,) = load(tmp_path / "a.jsonl")
    assert (row["track"], row["smooth_happy"], row["emotion"]) == (None, None, "neutral")


@pytest.mark.parametrize("suffix", TIMELINE_SUFFIXES)
def test_no_faces(tmp_path, suffix):
    """A time line without rows is a valid file (with its header, where the format has one)."""
    path = tmp_path / f"a{suffix}"
    TimelineSink(path, LABELS).close()
    assert load(path) == []


@pytest.mark.parametrize("suffix", TIMELINE_SUFFIXES)
def test_empty_frames(tmp_path, suffix):
    """Where it is asked for, a frame without a face has a row with its time and number only."""
    sink = TimelineSink(tmp_path / f"a{suffix}", LABELS, empty_frames=True)
    for i in range(2):
        sink.write(blank(i, i * 0.04), [reading()] if i else [])
    sink.close()

    read = read_table(sink.path)
    assert tuple(read) == COLUMNS
    assert [float(x) for x in read["time_s"]] == [0.0, 0.04]
    assert [name for name in COLUMNS if read[name][0] is not None] == ["time_s", "frame"]
    assert (read["emotion"][1], str(read["track"][1])) == ("happy", "1")


def test_tables_that_cannot_be_read(tmp_path):
    """A missing file, an unknown kind, and damage of each kind are told in a sentence."""
    for name, text, told in (
        ("a.csv", None, "no file"),
        ("a.txt", "", "ends in"),
        ("b.csv", "", "no header"),
        ("c.csv", "a,b\n1\n", "row 2 has 1 cells, the header 2"),
        ("a.jsonl", "{", "cannot be read"),
        ("b.jsonl", "[1]", "not a JSON object"),
        ("a.parquet", "nothing", "cannot be read"),
    ):
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        if path.suffix == ".parquet":
            pytest.importorskip("pyarrow")
        with pytest.raises(DataError, match=told):
            read_table(path)


@pytest.mark.parametrize("suffix", TIMELINE_SUFFIXES)
def test_name_appears_when_the_file_is_whole(tmp_path, suffix):
    """While it is written the final name does not exist; giving up leaves nothing at all."""
    path = tmp_path / f"a{suffix}"
    sink = write(path)
    assert not path.exists()
    sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_rows_reach_the_disk_while_writing(tmp_path):
    """After many rows most of them are in the temporary file, for whoever loses power."""
    sink = write(tmp_path / "a.csv", frames=1000)
    (temporary,) = tmp_path.glob(".*.part.jsonl")
    assert len(temporary.read_text().splitlines()) > 1700
    sink.abort()


def test_where_it_cannot_be_written(tmp_path):
    """An unknown suffix is wrong use; a missing folder is told before the run."""
    with pytest.raises(OptionError, match=r"\.csv, \.jsonl, \.parquet"):
        TimelineSink(tmp_path / "a.xlsx", LABELS)
    with pytest.raises(OutputError, match="does not exist"):
        TimelineSink(tmp_path / "none" / "a.csv", LABELS)


def test_parquet_without_its_package(tmp_path, monkeypatch):
    """The sentence names the extra to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"mien\[data\]"):
        TimelineSink(tmp_path / "a.parquet", LABELS)
    assert list(tmp_path.iterdir()) == []


def test_many_rows_in_parquet(tmp_path):
    """More rows than one group holds come back in order."""
    parquet = pytest.importorskip("pyarrow.parquet")
    write(tmp_path / "a.parquet", frames=9000).close()
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.num_rows == 2 * 8999
    assert table["frame"][-1].as_py() == 8999

"""`mien data` as a person meets it: exit status, standard output, standard error, files."""

import json

import pytest
from data_worlds import folders, kaggle_csv

from mien.data import read


@pytest.fixture
def source(small, tmp_path):
    """Kaggle's CSV with votes, in a folder of its own."""
    (tmp_path / "set").mkdir()
    kaggle_csv(small, tmp_path / "set" / "fer2013.csv", votes=True)
    return tmp_path / "set"


def test_convert(command, source, tmp_path):
    """It says where the data is and how much."""
    ended = command("data", "convert", source, tmp_path / "out", "--layout", "parquet")

    assert ended.code == 0
    assert "28 pictures (train 14, validation 7, test 7) in test.parquet, train.parquet" in ended.out
    assert ended.err == ""
    assert read(tmp_path / "out").digest == read(source).digest


def test_convert_to_four_classes_and_new_splits(command, source, tmp_path):
    """Classes and splits can be chosen on the way."""
    ended = command(
        "data", "convert", source, tmp_path / "out", "--layout", "folders",
        "--classes", "happy, sad,surprise,neutral", "--split", "50/25/25", "--seed", 3,
    )  # fmt: skip

    assert ended.code == 0
    written = read(tmp_path / "out")
    assert written.labels.names == ("happy", "sad", "surprise", "neutral")
    assert written.split_counts() == {"train": 8, "validation": 4, "test": 4}


def test_audit(command, source):
    """Tables for people on standard output."""
    ended = command("data", "audit", source)

    assert ended.code == 0
    for words in ("28 pictures, 7 classes", "also in train", "nearly the same in train", "no face, by most votes"):
        assert words in ended.out


def test_audit_json_and_fix(command, source, tmp_path):
    """JSON alone on standard output; what was removed goes to standard error, and the table can be read."""
    ended = command("data", "audit", source, "--json", "--fix", tmp_path / "kept.csv")

    assert json.loads(ended.out)["pictures"] == 28
    assert "Left out 0 pictures." in ended.err
    assert read(tmp_path / "kept.csv").digest == read(source).digest


def test_fix_says_what_it_removed(command, small, tmp_path):
    """A copied picture and an unreadable one, each with its reason."""
    root = folders(small, tmp_path / "set")
    (root / "train" / "happy" / "copy.png").write_bytes((root / "test" / "happy" / "024.png").read_bytes())
    (root / "train" / "sad" / "empty.png").write_bytes(b"")
    ended = command("data", "audit", root, "--fix", tmp_path / "kept.csv", "--no-near")

    assert ended.code == 0
    assert "1 picture cannot be read, left out: train/sad/empty.png: the file is empty." in ended.err
    assert "Left out 1 picture, each" in ended.out
    assert "1  the same picture is in a split that is kept for judging (train 1, validation 0, test 0)" in ended.out
    assert "Leak: 14.3% of test occurs in train, most of all 100% of happy." in ended.out
    assert read(tmp_path / "kept.csv").split_counts() == {"train": 14, "validation": 7, "test": 7}


def test_fix_keeps_its_hands_off_the_source(command, source, tmp_path):
    """Writing over the source is refused before anything is read."""
    ended = command("data", "audit", source / "fer2013.csv", "--fix", source / "fer2013.csv")

    assert ended.code == 2
    assert "own source" in ended.err


def test_no_table_refers_to_itself(command, small, tmp_path):
    """Neither a new split nor a cleaned table is written over a table that its source goes through."""
    root = folders(small, tmp_path / "set")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    assert command("data", "split", root, first, "--no-near").code == 0
    assert command("data", "split", first, second, "--no-near").code == 0
    for arguments in (["split", first, first], ["split", second, first], ["audit", second, "--fix", first]):
        ended = command("data", *arguments, "--no-near")

        assert ended.code == 2
        assert "would be written over its own source" in ended.err
    assert len(read(second)) == 28


def test_nothing_is_written_into_a_folder_of_images(command, small, tmp_path):
    """Copies and plots below the data set would be read as part of it; a table beside a CSV of pixels is no such
    thing.
    """
    root = folders(small, tmp_path / "set")
    for arguments in (["summary", root, "--report", root / "report"], ["convert", root, root / "b", "--layout", "csv"]):
        ended = command("data", *arguments)

        assert ended.code == 1
        assert "it lies in the data set" in ended.err
    assert len(read(root)) == 28


def test_fix_says_when_a_split_is_emptied(command, small, tmp_path):
    """All training pictures are copies of test pictures: what is left has no training split."""
    root = folders(small, tmp_path / "set")
    for kind in (root / "train").iterdir():
        twin = next((root / "test" / kind.name).iterdir()).read_bytes()
        for picture in kind.iterdir():
            picture.write_bytes(twin)
    ended = command("data", "audit", root, "--fix", tmp_path / "kept.csv", "--no-near")

    assert ended.code == 0
    assert "Nothing is left of train;" in ended.err


def test_split(command, small, tmp_path):
    """A data set without splits gets some, without a copy of its pictures."""
    root = folders(small, tmp_path / "set", split=dict.fromkeys(("train", "validation", "test"), ""))
    ended = command("data", "split", root, tmp_path / "split.csv", "--parts", "50/25/25")

    assert ended.code == 0
    assert "validation" in ended.out
    assert read(tmp_path / "split.csv").split_counts() == {"train": 14, "validation": 7, "test": 7}


def test_splits_that_exist_are_not_replaced_in_silence(command, source, tmp_path):
    """Standard error says what the new splits replace."""
    ended = command("data", "split", source, tmp_path / "split.csv", "--no-near")

    assert "has splits already (train 14, validation 7, test 7)" in ended.err


def test_summary(command, source, tmp_path):
    """The paths of the files, one on a line."""
    pytest.importorskip("matplotlib")
    ended = command("data", "summary", source, "--report", tmp_path / "report")

    assert ended.code == 0
    assert ended.out.splitlines()[-1] == str(tmp_path / "report" / "summary.html")


def test_a_name_that_is_taken_shows_before_the_work(command, source, tmp_path):
    """Nothing is read for a result that could not be written."""
    for arguments in (
        ["convert", "nowhere", source, "--layout", "csv"],
        ["split", "nowhere", source / "fer2013.csv"],
        ["audit", "nowhere", "--fix", tmp_path / "none" / "kept.csv"],
    ):
        ended = command("data", *arguments)
        assert ended.code == 1
        assert "Error: Cannot write" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["audit", "nowhere"], 1, "Error: No data set at nowhere: the path does not exist."),
        (["convert", "nowhere", "out", "--layout", "csv"], 1, "does not exist"),
        (["convert", "nowhere", "out", "--layout", "xml"], 2, "'xml' is not one of 'csv', 'folders', 'parquet'"),
        (["convert", "nowhere", "out", "--layout", "csv", "--split", "1/2"], 2, "such as 80/10/10"),
        (["split", "nowhere", "out.csv", "--parts", "60/60/60"], 2, "that make 100"),
        (["summary", "nowhere"], 2, "Say where to write: --report DIR"),
    ],
)
def test_wrong_use(command, tmp_path, monkeypatch, arguments, code, words):
    """One sentence and the right status."""
    monkeypatch.chdir(tmp_path)
    ended = command("data", *arguments)

    assert ended.code == code
    assert words in ended.err
    assert "Traceback" not in ended.err

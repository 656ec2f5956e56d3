"""Data that is wrong gets one clear sentence that names the place."""

import zipfile
from pathlib import Path

import pytest
from data_worlds import folders, kaggle_csv, parquet, path_csv, png, zipped

from mien.core.errors import DataError
from mien.data import read
from mien.pictures.archives import MAX_BYTES


def _edited(path: Path, old: str, new: str, line: int) -> Path:
    """Replace text in one line (counted from 1) of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _cut_pixel(path: Path, line: int) -> Path:
    lines = path.read_text(encoding="utf-8").splitlines()
    head, _, usage = lines[line - 1].rpartition(",")
    lines[line - 1] = head.rpartition(" ")[0] + "," + usage
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_wrong_number_of_pixels(small, tmp_path):
    """The line and both numbers are named."""
    path = _cut_pixel(kaggle_csv(small, tmp_path / "fer2013.csv"), 7)

    with pytest.raises(DataError, match=r"fer2013\.csv, line 7: expected 2,304 pixels \(48x48\).* got 2,303"):
        read(path)


def test_pixels_that_are_no_square(small, tmp_path):
    """The first row tells the size, so it must be a square."""
    path = _cut_pixel(kaggle_csv(small, tmp_path / "fer2013.csv"), 2)

    with pytest.raises(DataError, match=r"line 2: expected pixels of a square, got 2,303"):
        read(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (" ", " 256 ", "expected pixels in 0..255"),
        (" ", " x ", "expected whole numbers"),
        ("Training", "Holiday", "unknown usage 'Holiday'"),
        (",Training", "", "expected 3 cells as in the header, got 2"),
    ],
)
def test_bad_rows_of_fer2013(small, tmp_path, old, new, words):
    """Every kind of bad cell is told with its line."""
    path = _edited(kaggle_csv(small, tmp_path / "fer2013.csv"), old, new, 3)

    with pytest.raises(DataError, match=f"line 3: {words}"):
        read(path)


def test_unknown_label(small, tmp_path):
    """A label that the set cannot have."""
    path = _edited(kaggle_csv(small, tmp_path / "fer2013.csv"), "0,", "furious,", 2)

    with pytest.raises(DataError, match="line 2: Unknown label 'furious'"):
        read(path)


def test_missing_column(small, tmp_path):
    """What was expected and what came."""
    path = _edited(kaggle_csv(small, tmp_path / "fer2013.csv"), "emotion", "mood", 1)

    with pytest.raises(DataError, match=r"expected a column named emotion or label, got mood, pixels, usage"):
        read(path)


def test_votes_in_another_order(small, tmp_path):
    """Votes are matched by row, so a file in another order is refused."""
    kaggle_csv(small, tmp_path / "fer2013.csv", votes=True)
    votes = tmp_path / "fer2013new.csv"
    lines = votes.read_text(encoding="utf-8").splitlines()
    votes.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n", encoding="utf-8")

    with pytest.raises(DataError, match="not in the same order"):
        read(tmp_path)


def test_votes_for_fewer_pictures(small, tmp_path):
    """A votes file of another length belongs to another data set."""
    kaggle_csv(small, tmp_path / "fer2013.csv", votes=True)
    votes = tmp_path / "fer2013new.csv"
    votes.write_text("\n".join(votes.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")

    with pytest.raises(DataError, match="one row for each of the 28 pictures, got 27"):
        read(tmp_path)


def test_votes_without_pictures(small, tmp_path):
    """FER+ has no pictures of its own."""
    kaggle_csv(small, tmp_path / "fer2013.csv", votes=True)
    (tmp_path / "fer2013.csv").unlink()

    with pytest.raises(DataError, match=r"no pictures; put fer2013\.csv beside it"):
        read(tmp_path / "fer2013new.csv")


def test_nothing_there(tmp_path):
    """A path that does not exist, an empty folder, and a folder of something else."""
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "none")
    with pytest.raises(DataError, match="there are no files in it"):
        read(tmp_path)
    (tmp_path / "letter.txt").write_text("hello")
    with pytest.raises(DataError, match="it is a file of another kind, or empty"):
        read(tmp_path)
    (tmp_path / "list.csv").write_text("when,where\n1,2\n")
    with pytest.raises(DataError, match=r"its 2 files \(\.csv, \.txt\) fit none of these"):
        read(tmp_path)
    with pytest.raises(DataError, match="it has the columns when, where"):
        read(tmp_path / "list.csv")


def test_photographs_without_classes(small, tmp_path):
    """A folder of pictures alone is no data set."""
    (tmp_path / "a.png").write_bytes(png(small.images[0]))

    with pytest.raises(DataError, match="a single picture without a class"):
        read(tmp_path)


def test_a_table_without_rows_or_with_a_column_twice(tmp_path):
    """A header alone, and a header that means two things."""
    (tmp_path / "a.csv").write_text("emotion,pixels,Usage\n")
    (tmp_path / "b.csv").write_text("path,label,Label\na.png,happy,sad\n")

    with pytest.raises(DataError, match="it has no rows"):
        read(tmp_path / "a.csv")
    with pytest.raises(DataError, match="the column 'label' occurs twice"):
        read(tmp_path / "b.csv")


def test_empty_split(small, tmp_path):
    """A split folder without pictures is named, not passed over."""
    root = folders(small, tmp_path / "set")
    (root / "train").rename(tmp_path / "elsewhere")
    (root / "train" / "happy").mkdir(parents=True)

    with pytest.raises(DataError, match="the folder train has no images"):
        read(root)


def test_a_split_that_the_set_lacks(small, tmp_path):
    """Asking for rows that are not there says which are."""
    manifest = read(folders(small, tmp_path / "set", split={"validation": "test"}))

    with pytest.raises(DataError, match=r"'validation' has no pictures \(there are: train 14, test 14\)"):
        manifest.of_split("validation")


def test_digits_without_a_meaning(small, tmp_path):
    """Eight numbers have no order that everybody shares."""
    root = folders(small, tmp_path / "set", {"angry": "7"})

    with pytest.raises(DataError, match="--labels"):
        read(root)


def test_unreadable_pictures_are_named(small, tmp_path):
    """Cut off, empty and no picture at all: listed with the reason, and the others are read."""
    root = folders(small, tmp_path / "set")
    files = sorted((root / "train" / "happy").iterdir())
    files[0].write_bytes(files[0].read_bytes()[:100])
    files[1].write_bytes(b"")
    (root / "train" / "sad" / "notes.jpg").write_text("not a picture")
    (root / "cover.png").write_bytes(png(small.images[0]))

    manifest = read(root)

    assert len(manifest) == 26
    reasons = dict(manifest.unreadable)
    assert len(reasons) == 4
    assert "cut off" in reasons[f"train/happy/{files[0].name}"]
    assert reasons[f"train/happy/{files[1].name}"] == "the file is empty"
    assert "not a picture" in reasons["train/sad/notes.jpg"]
    assert reasons["cover.png"] == "lies in no folder of a class"


def test_a_missing_file_is_named(small, tmp_path):
    """A row whose file is gone is unreadable, not forgotten."""
    table = path_csv(small, tmp_path / "set")
    (tmp_path / "set" / "pictures" / "3.png").unlink()

    assert read(table).unreadable == (("pictures/3.png", "there is no such file"),)


def test_nothing_readable(small, tmp_path):
    """A data set of which nothing can be read is an error."""
    table = path_csv(small, tmp_path / "set")
    for file in (tmp_path / "set" / "pictures").iterdir():
        file.write_bytes(b"")

    with pytest.raises(DataError, match="none of its 28 pictures can be read"):
        read(table)


def test_an_unchecked_picture_names_itself(small, tmp_path):
    """Without the check the picture is refused when it is loaded."""
    table = path_csv(small, tmp_path / "set")
    (tmp_path / "set" / "pictures" / "0.png").write_bytes(b"")

    with pytest.raises(DataError, match=r"cannot read the picture pictures/0\.png: the file is empty"):
        read(table, check=False).crops([0], 48)


def test_rows_without_a_path_or_with_an_odd_split(small, tmp_path):
    """Bad cells of a path table are told with their line."""
    with pytest.raises(DataError, match="line 2: the path is empty"):
        read(_edited(path_csv(small, tmp_path / "a"), "pictures/0.png", " ", 2))
    with pytest.raises(DataError, match="line 3: Unknown split 'later'"):
        read(_edited(path_csv(small, tmp_path / "b"), "train", "later", 3))


def test_two_tables_in_a_folder(small, tmp_path):
    """Which of two tables is meant must be said."""
    table = path_csv(small, tmp_path / "set")
    (table.parent / "second.csv").write_bytes(table.read_bytes())

    with pytest.raises(DataError, match=r"list\.csv, second\.csv"):
        read(table.parent)


def test_text_that_is_not_utf8(small, tmp_path):
    """Another encoding is named, not guessed."""
    table = path_csv(small, tmp_path / "set")
    table.write_bytes(table.read_bytes().replace(b"pictures/0.png", b"pictures/\xe9.png"))

    with pytest.raises(DataError, match="not UTF-8"):
        read(table)


def test_a_damaged_parquet_file(small, tmp_path):
    """A file that was cut off while it was copied."""
    root = parquet(small, tmp_path / "set")
    file = root / "test.parquet"
    file.write_bytes(file.read_bytes()[:-20])

    with pytest.raises(DataError, match="not a whole Parquet file"):
        read(root)


def test_parquet_without_the_columns(tmp_path):
    """What a table must have."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"picture": [b"x"], "label": [1]}), tmp_path / "train.parquet")

    with pytest.raises(DataError, match="expected columns named image and label, got picture, label"):
        read(tmp_path)


def test_parquet_files_that_disagree_on_labels(small, tmp_path):
    """Two orders of labels in one set would mix up the classes."""
    import json

    pq = pytest.importorskip("pyarrow.parquet")
    root = parquet(small, tmp_path / "set", "named")
    table = pq.read_table(root / "test.parquet")
    other = json.dumps({"labels": ["happy", "sad", "angry", "fear", "neutral", "disgust", "surprise"]})
    pq.write_table(table.replace_schema_metadata({"mien": other}), root / "test.parquet")

    with pytest.raises(DataError, match="different orders"):
        read(root)


def test_a_zip_that_names_files_outside_itself(small, tmp_path):
    """Nothing is unpacked, but such an archive is no honest one."""
    for name in ("../train/happy/a.png", "/train/happy/a.png", "train\\..\\..\\a.png"):
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
            archive.writestr(name, png(small.images[0]))
        with pytest.raises(DataError, match="outside itself"):
            read(tmp_path / "bad.zip")


def test_a_zip_bomb(tmp_path):
    """A member that would grow a thousandfold is refused before anything is unpacked."""
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/happy/a.png", bytes(MAX_BYTES // 2))

    with pytest.raises(DataError, match="decompression bomb"):
        read(tmp_path / "bomb.zip")


def test_a_damaged_zip(small, tmp_path):
    """Cut off, and damaged inside."""
    path = zipped(folders(small, tmp_path / "set"), tmp_path / "set.zip", zipfile.ZIP_STORED)
    data = path.read_bytes()
    first = data.index(b"IDAT")
    path.write_bytes(data[:first] + b"\0\0\0\0\0\0" + data[first + 6 :])
    assert [reason for _, reason in read(path).unreadable] == ["damaged in the archive"]

    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="not a whole zip archive"):
        read(path)


def test_an_encrypted_zip(small, tmp_path):
    """A password is no business of this tool."""
    path = zipped(folders(small, tmp_path / "set"), tmp_path / "set.zip")
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 8] |= 1
    path.write_bytes(bytes(data))

    with pytest.raises(DataError, match="encrypted"):
        read(path)


def test_a_picture_that_is_too_large(small, tmp_path, monkeypatch):
    """The size is read from the header; nothing is decoded."""
    from mien.pictures import decode as image

    root = folders(small, tmp_path / "set")
    monkeypatch.setattr(image.load_image, "__kwdefaults__", {"color": "bgr", "max_pixels": 1000})

    with pytest.raises(DataError, match="more than the limit"):
        read(root)


def test_a_data_set_of_blank_pictures(small, tmp_path):
    """Nothing is left to compare for near duplicates, which is no reason to fail."""
    import numpy as np

    from mien.data.audit import audit

    for name in ("happy", "sad"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(png(np.zeros((8, 8), np.uint8)))

    assert len(audit(read(tmp_path)).blank) == 2


@pytest.mark.parametrize("votes", ["x", "-1", "nan", "inf", "1e300"])
def test_votes_that_are_no_number(small, tmp_path, votes):
    """The line and the cell are named; empty cells are no votes."""
    (tmp_path / "a.png").write_bytes(png(small.images[0]))
    table = tmp_path / "votes.csv"
    table.write_text(f"path,label,votes_happy,votes_sad\na.png,happy,3,\na.png,happy,3,{votes}\n", encoding="utf-8")

    with pytest.raises(DataError, match=f"votes.csv, line 3: expected a number of votes, 0 or more, got '{votes}'"):
        read(table)

"""Writing data sets: nothing is lost between layouts, and a name that exists holds a whole data set."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from data_worlds import drawn, folders, kaggle_csv, parquet, path_csv

from mien.core.errors import DataError, OptionError, OutputError
from mien.core.labels import LabelSet
from mien.data import Manifest, read
from mien.data.convert import convert
from mien.data.manifest import pictures_array, text_array
from mien.data.pictures import File, Pixels


def test_round_trip_keeps_every_pixel_and_label(small, tmp_path):
    """csv -> folders -> parquet -> csv: the last file is the first, byte by byte, and so are the votes."""
    first = kaggle_csv(small, tmp_path / "fer2013.csv", votes=True)
    now, expected = read(tmp_path), read(tmp_path)
    for step, layout in enumerate(("folders", "parquet", "csv")):
        convert(now, tmp_path / str(step), layout)
        now = read(tmp_path / str(step))
        assert now.digest == expected.digest
        assert np.array_equal(now.digests, expected.digests)
        assert np.array_equal(now.votes, expected.votes)

    assert (tmp_path / "2" / "fer2013.csv").read_bytes() == first.read_bytes()
    assert (tmp_path / "2" / "fer2013new.csv").read_bytes() == (tmp_path / "fer2013new.csv").read_bytes()


def test_folders_are_plain_folders(small, tmp_path):
    """Without votes and people there is nothing but split/class/name.png."""
    names = convert(read(kaggle_csv(small, tmp_path / "fer2013.csv")), tmp_path / "out", "folders")

    assert names == ["test", "train", "validation"]
    assert len(list((tmp_path / "out" / "train" / "happy").glob("*.png"))) == 2
    assert read(tmp_path / "out").split_counts() == {"train": 14, "validation": 7, "test": 7}


@pytest.mark.parametrize("layout", ["csv", "folders", "parquet"])
def test_people_and_groups_are_kept(small, tmp_path, layout):
    """Columns that a layout has no place for go into a table beside the pictures."""
    source = read(path_csv(small, tmp_path / "set", "path,label,split,subject,group"))
    convert(source, tmp_path / "out", layout)
    written = read(tmp_path / "out")

    assert written.digest == source.digest
    by_digest = dict(zip(source.digests, zip(source.subject, source.group, strict=True), strict=True))
    assert all(by_digest[d] == (s, g) for d, s, g in zip(written.digests, written.subject, written.group, strict=True))


def _colourful(count: int = 6) -> Manifest:
    """Colour pictures of different sizes and names of their own, without splits; the last has no label."""
    images = [np.stack([drawn(i, 30 + i), drawn(i + 50, 30 + i), drawn(i + 90, 30 + i)], axis=2) for i in range(count)]
    return Manifest(
        labels=LabelSet(("yawn", "blink")),
        label=np.array([0, 1] * (count // 2 - 1) + [0, -1], np.int64),
        split=text_array([""] * count),
        names=text_array(["same/name.png"] * count),
        pictures=pictures_array([Pixels(image) for image in images]),
        source="colourful",
    )


@pytest.mark.parametrize("layout", ["csv", "parquet"])
def test_any_colour_size_and_label(tmp_path, layout):
    """What fer2013.csv cannot hold becomes a table of paths; a missing label stays missing."""
    source = _colourful()
    convert(source, tmp_path / "out", layout)
    written = read(tmp_path / "out", labels=source.labels.names)

    assert np.array_equal(written.digests, source.digests)
    assert written.label.tolist() == [0, 1, 0, 1, 0, -1]
    assert written.load(0).shape == (30, 30, 3)


def test_folders_need_labels(tmp_path):
    """A picture without a class has no folder to go to."""
    with pytest.raises(DataError, match="without a label"):
        convert(_colourful(), tmp_path / "out", "folders")
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_one_name(tmp_path):
    """Two pictures of one class and one name both stay."""
    source = _colourful().select([0, 1, 2, 3, 4])
    convert(source, tmp_path / "out", "folders")

    assert sorted(read(tmp_path / "out").digests) == sorted(source.digests)


def test_parquet_keeps_the_files_of_pictures(small, tmp_path):
    """A picture that is packed already is copied as it is."""
    source = read(folders(small, tmp_path / "set"))
    convert(source, tmp_path / "out", "parquet")

    first = source.pictures[0]
    assert isinstance(first, File)
    assert read(tmp_path / "out").pictures[0].encoded() == first.path.read_bytes()


def test_parquet_names_its_labels(small, tmp_path):
    """Four classes keep their names, which their numbers alone would not tell."""
    source = read(parquet(small, tmp_path / "set")).with_labels(["happy", "sad", "surprise", "neutral"])
    convert(source, tmp_path / "out", "parquet")

    assert read(tmp_path / "out").labels.names == ("happy", "sad", "surprise", "neutral")
    assert read(tmp_path / "out").digest == source.digest


def test_a_taken_name_is_refused(small, tmp_path):
    """Nothing is written over."""
    source = read(kaggle_csv(small, tmp_path / "fer2013.csv"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("mine")

    with pytest.raises(OutputError, match="exists already"):
        convert(source, tmp_path / "out", "csv")
    assert (tmp_path / "out" / "letter.txt").read_text() == "mine"


def test_nothing_is_left_of_a_failure(small, tmp_path):
    """A picture that vanishes while we write leaves no half data set behind."""
    source = read(folders(small, tmp_path / "set"), check=False)
    path = source.pictures[20]
    assert isinstance(path, File)
    path.path.unlink()

    for layout in ("folders", "parquet"):
        with pytest.raises(DataError, match="there is no such file"):
            convert(source, tmp_path / "out", layout)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set"]


def test_a_full_disk(small, tmp_path, monkeypatch):
    """What the system says is said, and nothing is left."""
    source = read(kaggle_csv(small, tmp_path / "fer2013.csv"))

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"out: No space left on device\."):
        convert(source, tmp_path / "out", "folders")
    assert [p.name for p in tmp_path.iterdir()] == ["fer2013.csv"]


def test_an_unknown_layout(small, tmp_path):
    """The nearest known name is offered."""
    source = read(kaggle_csv(small, tmp_path / "fer2013.csv"))

    with pytest.raises(OptionError, match="Did you mean 'folders'"):
        convert(source, tmp_path / "out", "folder")


def test_a_class_that_cannot_name_a_folder(small, tmp_path):
    """A class called "test" would be read as a split."""
    source = dataclasses.replace(_colourful().select([0, 1]), labels=LabelSet(("test", "b/c")))

    with pytest.raises(DataError, match="cannot name a folder"):
        convert(source, tmp_path / "out", "folders")

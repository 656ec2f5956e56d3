"""One contract for all layouts: the same pictures, labels and splits come out, whatever they lay in."""

import gzip
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_worlds import World, folders, kaggle_csv, parquet, path_csv, png, zipped

from mien.core.errors import DataError
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.data import Manifest, read
from mien.data.pictures import digest_of

_KAGGLE_FOLDERS = {"validation": "val", "test": "test", "train": "train"}
_PUBLIC = {"validation": "public", "test": "private"}
_ODD_NAMES = {
    "angry": "Anger", "disgust": "disgusted", "fear": "Fearful", "happy": "happiness", "sad": "SAD",
    "surprise": "Surprised", "neutral": "neutrality",
}  # fmt: skip
_DIGITS = {name: str(i) for i, name in enumerate(FER2013)}

Build = Callable[[World, Path], Path]


def _beside(world: World, root: Path) -> Path:
    kaggle_csv(world, root / "fer2013.csv", votes=True)
    return root


def _zip_of_csv(world: World, root: Path) -> Path:
    (root / "in").mkdir()
    kaggle_csv(world, root / "in" / "fer2013.csv")
    return zipped(root / "in", root / "fer2013.zip")


def _tarred(folder: Path, path: Path) -> Path:
    """A tar of what a folder holds, with the names that `tar -cf x.tar .` gives."""
    with tarfile.open(path, "w") as archive:
        archive.add(folder, ".")
    return path


LAYOUTS: dict[str, Build] = {
    "fer2013.csv": lambda w, p: kaggle_csv(w, p / "fer2013.csv"),
    "icml_face_data.csv": lambda w, p: kaggle_csv(w, p / "icml_face_data.csv", "emotion, Usage, pixels"),
    "folder with fer2013.csv": lambda w, p: kaggle_csv(w, p / "fer2013.csv").parent,
    "fer2013.csv and FER+": _beside,
    "folders": lambda w, p: folders(w, p / "set"),
    "folders, val": lambda w, p: folders(w, p / "set", split=_KAGGLE_FOLDERS),
    "folders, public and private": lambda w, p: folders(
        w, p / "set", split={"validation": "public", "test": "private"}
    ),
    "folders, other spellings": lambda w, p: folders(w, p / "set", _ODD_NAMES),
    "folders, digits": lambda w, p: folders(w, p / "set", _DIGITS),
    "folders, deeper": lambda w, p: folders(w, p / "set" / "images").parent,
    "zip of folders": lambda w, p: zipped(folders(w, p / "set"), p / "set.zip"),
    "zip of folders, stored": lambda w, p: zipped(folders(w, p / "set"), p / "set.zip", zipfile.ZIP_STORED),
    "zip of fer2013.csv": _zip_of_csv,
    "tar of folders": lambda w, p: _tarred(folders(w, p / "set"), p / "set.tar"),
    "tar of path,label": lambda w, p: _tarred(path_csv(w, p / "set").parent, p / "set.tar"),
    "Parquet": lambda w, p: parquet(w, p / "set"),
    "Parquet, text labels": lambda w, p: parquet(w, p / "set", "text", votes=False),
    "Parquet, named numbers": lambda w, p: parquet(w, p / "set", "named"),
    "Parquet in data": lambda w, p: parquet(w, p / "set" / "data").parent,
    "path,label": lambda w, p: path_csv(w, p / "set"),
    "path,label in a folder": lambda w, p: path_csv(w, p / "set").parent,
    "path,label with semicolons": lambda w, p: path_csv(w, p / "set", sign=";"),
    "zip of path,label": lambda w, p: zipped(path_csv(w, p / "set").parent, p / "set.zip"),
}


def _rows(manifest: Manifest) -> list[tuple[str, str, str]]:
    """Every row as picture, class and split, in an order of their own."""
    return sorted(
        (str(digest), FER2013.names[FER2013.index(manifest.labels.names[label])], str(split))
        for digest, label, split in zip(manifest.digests, manifest.label, manifest.split, strict=True)
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_rows(small, tmp_path, layout):
    """Pixels, class and split of every picture are those that were written, and nothing else comes."""
    manifest = read(LAYOUTS[layout](small, tmp_path))
    written = [digest_of(image) for image in small.images]

    assert _rows(manifest) == sorted(zip(written, small.names, small.splits, strict=True))
    assert manifest.unreadable == ()
    assert set(manifest.labels) <= {*FER2013, *_ODD_NAMES.values()}
    assert manifest.load(0).shape == (48, 48)
    assert len(set(manifest.names.tolist())) == len(manifest)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_same_digest(small, tmp_path, layout):
    """The contents have one name, whatever they lay in; the expected one comes from the first layout."""
    first = read(kaggle_csv(small, tmp_path / "digest.csv"))
    place = tmp_path / "other"
    place.mkdir()

    assert read(LAYOUTS[layout](small, place)).digest == first.digest


@pytest.mark.parametrize("layout", ["fer2013.csv and FER+", "Parquet", "Parquet, named numbers"])
def test_votes_belong_to_their_pictures(small, tmp_path, layout):
    """FER+ votes come with the picture of the same row."""
    manifest = read(LAYOUTS[layout](small, tmp_path))
    by_digest = {digest_of(image): votes for image, votes in zip(small.images, small.votes, strict=True)}

    assert manifest.vote_labels == FERPLUS_VOTES.names
    assert manifest.votes is not None
    assert all(np.array_equal(v, by_digest[d]) for v, d in zip(manifest.votes, manifest.digests, strict=True))


def test_the_votes_file_leads_to_its_pictures(small, tmp_path):
    """Who names fer2013new.csv means the data set that it belongs to."""
    _beside(small, tmp_path)

    assert read(tmp_path / "fer2013new.csv").digest == read(tmp_path / "fer2013.csv").digest


def test_folders_without_splits(small, tmp_path):
    """Class folders alone are a data set without splits."""
    manifest = read(folders(small, tmp_path / "set", split=dict.fromkeys(("train", "validation", "test"), "")))

    assert manifest.split_counts() == {"": 28}


def test_train_and_test_only(small, tmp_path):
    """Kaggle's folders have two splits; what is not there is not made up."""
    manifest = read(folders(small, tmp_path / "set", split={"validation": "test"}))

    assert manifest.split_counts() == {"train": 14, "test": 14}


def test_four_classes_in_folders_keep_the_known_order(small, tmp_path):
    """The classes that occur, in the order of FER-2013, not of the alphabet."""
    root = folders(small, tmp_path / "set")
    kept = {"happy", "sad", "surprise", "neutral"}
    for folder in sorted(root.glob("*/*")):
        if folder.name not in kept:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    assert read(root).labels.names == ("happy", "sad", "surprise", "neutral")


def test_own_classes_in_order_of_the_alphabet(tmp_path, small):
    """Classes that no public set has are a label set too."""
    root = folders(small, tmp_path / "set", {"angry": "wink", "happy": "kiss"})

    assert read(root).labels.names == ("disgust", "fear", "kiss", "neutral", "sad", "surprise", "wink")


def test_subjects_and_groups(small, tmp_path):
    """The optional columns come as they are."""
    manifest = read(path_csv(small, tmp_path / "set", "subject,path,group,label"))

    assert manifest.subject is not None
    assert manifest.group is not None
    assert manifest.subject[:3].tolist() == ["p0", "p0", "p1"]
    assert manifest.group[:2].tolist() == ["a", "b"]
    assert manifest.split_counts() == {"": 28}


def test_parquet_as_pandas_writes_it(small, tmp_path):
    """Numbers with gaps become floats and NaN; a row group of each picture; plain bytes instead of a struct."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({
        "image": [png(image) for image in small.images[:3]],
        "label": [3.0, float("nan"), 6.0],
        "split": ["train", None, "PrivateTest"],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "faces.parquet", row_group_size=1)
    manifest = read(tmp_path / "faces.parquet")

    assert manifest.label.tolist() == [3, -1, 6]
    assert manifest.split.tolist() == ["train", "", "test"]
    assert manifest.names.tolist() == ["faces.parquet:0", "faces.parquet:1", "faces.parquet:2"]


def test_given_label_names(small, tmp_path):
    """Digits mean what the caller says they mean."""
    names = ["anger", "contempt", "joy", "fear", "sadness", "surprise", "calm"]

    assert read(folders(small, tmp_path / "set", _DIGITS), labels=names).labels.names == tuple(names)


def test_a_class_without_pictures_is_a_class(small, tmp_path):
    """An empty class folder keeps its place among the labels, so that training can refuse it."""
    root = folders(small, tmp_path / "set")
    (root / "train" / "contempt").mkdir()

    manifest = read(root)

    assert "contempt" in manifest.labels
    assert manifest.counts()[manifest.labels.index("contempt")] == 0


def test_pictures_stay_packed(small, tmp_path):
    """A manifest holds no decoded pictures: what it keeps is smaller than the pixels."""
    import pickle

    manifest = read(folders(small, tmp_path / "set"))

    assert len(pickle.dumps(manifest)) < sum(image.nbytes for image in small.images)


def test_what_is_passed_over(small, tmp_path, command):
    """Files that are no part of the data set are counted by suffix, by `mien data` and in its JSON; none vanishes."""
    root = folders(small, tmp_path / "set")
    for name in ("README", "notes.txt", "train/happy/a.xcf", "train/happy/b.XCF", ".hidden"):
        (root / name).write_bytes(b"x")
    sources = (root, zipped(root, tmp_path / "set.zip"), _tarred(root, tmp_path / "set.tar"))
    for source in sources:
        assert read(source).passed == {"": 1, ".txt": 1, ".xcf": 2}
    ended = command("data", "audit", root, "--json", "--no-near")
    assert json.loads(ended.out)["passed_over"] == {"": 1, ".txt": 1, ".xcf": 2}
    told = "Files that are no part of the data set, passed over: 2 .xcf, 1 without a suffix and 1 .txt."
    assert told in ended.err


def test_what_tables_pass_over(small, tmp_path):
    """Pictures that a table does not name, and other files beside tables, are counted too."""
    table = path_csv(small, tmp_path / "a")
    (table.parent / "more.png").write_bytes(b"x")
    assert read(table.parent).passed == {".png": 1}
    assert read(table).passed == {}
    beside = parquet(small, tmp_path / "b")
    (beside / "README.md").write_text("about")
    assert read(beside).passed == {".md": 1}
    (tmp_path / "c").mkdir()
    pixels = kaggle_csv(small, tmp_path / "c" / "fer2013.csv", votes=True)
    (pixels.parent / "licence.txt").write_text("free")
    assert read(pixels.parent).passed == {".txt": 1}


def _with_link(path: Path) -> None:
    member = tarfile.TarInfo("happy/a.png")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(path, "w") as archive:
        archive.addfile(member)


def _with_name(path: Path, name: str) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo(name))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda path: path.write_bytes(b"x" * 1000), "not a whole tar archive"),
        (_with_link, "holds a link"),
        (lambda path: _with_name(path, "../x/happy/a.png"), "names a file outside itself"),
        (lambda path: path.write_bytes(gzip.compress(bytes(10240))), "packed tar can only be read from front to back"),
    ],
)
def test_tars_that_are_refused(tmp_path, build, words):
    """Damaged and packed tars, links and names outside end with one sentence."""
    build(tmp_path / "set.tar")
    with pytest.raises(DataError, match=words):
        read(tmp_path / "set.tar")

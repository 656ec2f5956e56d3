"""People from the names of pictures, numbers as class names, and a validation split out of the training pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.errors import DataError, OptionError
from mien.core.labels import ORDERS
from mien.data import Manifest, read
from mien.data.carve import carve_validation, refuse_without_validation, validation_digests, with_validation
from mien.data.formats import selection
from mien.data.formats.numbered import names_of
from mien.data.split import make_splits
from mien.data.subjects import suggested_pattern, with_subjects


def write(root: Path, names: list[str], seed: int = 0) -> Path:
    """Noise under these names; every picture is another one."""
    rng = np.random.default_rng(seed)
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), rng.integers(0, 256, (48, 48), dtype=np.uint8))
    return root


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    """Twelve people of CK+'s kind, two sequences of three frames each."""
    names = [
        f"{('happy', 'sad')[s % 2]}/S{100 + p}_{s:03}_{f:08}.png" for p in range(12) for s in range(2) for f in range(3)
    ]
    return write(tmp_path / "ck", names)


def test_people_stay_in_one_split(sequences: Path, tmp_path: Path) -> None:
    """A pattern finds the people; no person is in two splits, and the table that is written still names them."""
    manifest = read(sequences, subject=r"S(\d+)")
    assert manifest.subject is not None
    assert sorted(set(manifest.subject.tolist())) == [str(100 + p) for p in range(12)]
    split = make_splits(manifest, (0.5, 0.25, 0.25))
    pairs = set(zip(manifest.subject.tolist(), split.split.tolist(), strict=True))
    assert len(pairs) == 12
    selection.write(tmp_path / "s.csv", sequences, split)
    again = read(tmp_path / "s.csv")
    assert again.subject is not None
    assert again.subject.tolist() == manifest.subject.tolist()


@pytest.mark.parametrize(
    ("names", "people"),
    [
        ([f"sad/S{p:03}_001_{f:08}.png" for p in range(5) for f in range(4)], 5),
        ([f"{p}.AN{f}.9.tiff" for p in ("KA", "KM") for f in (1, 2)], 2),
        ([f"sad/Training_{i}.png" for i in range(20)], None),
        ([f"train_{i:05}_aligned.jpg" for i in range(20)], None),
        ([f"S{i:03}_1.png" for i in range(20)], None),
    ],
)  # fmt: skip
def test_names_that_look_like_people(names: list[str], people: int | None) -> None:
    """CK+'s and JAFFE's names do; FER-2013's and RAF-DB's do not, nor does a person per picture."""
    found = suggested_pattern(names)
    assert (None if found is None else found.people) == people


@pytest.mark.parametrize(
    ("pattern", "says"), [("S(", "regular expression"), ("x", "no column 'x'"), ("(zz)", "fits no name")]
)
def test_what_names_nobody(sequences: Path, pattern: str, says: str) -> None:
    """A broken pattern, a column that is not there, and a pattern that fits nothing are sentences."""
    with pytest.raises((DataError, OptionError), match=says):
        read(sequences, subject=pattern)
    with pytest.raises(OptionError, match="needs a group"):
        with_subjects(read(sequences, check=False), "S")


def test_a_column_of_another_name(tmp_path: Path) -> None:
    """--subject names the column of a CSV that says who is in a picture."""
    write(tmp_path, ["a.png", "b.png"])
    (tmp_path / "t.csv").write_text("path,label,Person ID\na.png,happy,ann\nb.png,sad,bob\n")
    manifest = read(tmp_path / "t.csv", subject="Person ID")
    assert manifest.subject is not None
    assert manifest.subject.tolist() == ["ann", "bob"]


@pytest.mark.parametrize(
    ("labels", "folders", "expected"),
    [
        ("raf-db", {"1": "surprise", "4": "happiness", "7": "neutral"}, None),
        ("RAF_DB", {"2": "fear", "6": "anger"}, None),
        ("affectnet", {"0": "neutral", "7": "contempt"}, None),
        ("expw", {"0": "angry", "6": "neutral"}, None),
        ("x,y,z", {"1": "x", "2": "y", "3": "z"}, None),
        ("x,y,z", {"0": "x", "2": "z"}, None),
        ("5=x,9=y", {"5": "x", "9": "y"}, None),
        ("5=x,9=y", {"5": "x", "8": "y"}, "5=x, 9=y"),
        ("", {"1": "", "7": ""}, "raf-db"),
    ],
)
def test_numbers_as_names(tmp_path: Path, labels: str, folders: dict[str, str], expected: str | None) -> None:
    """Folders that are numbers mean what the known order, the list or the pairs say; what has no name is a sentence."""
    write(tmp_path / "d", [f"{number}/{i}.png" for number in folders for i in range(2)])
    if expected is not None:
        with pytest.raises(DataError, match=expected):
            read(tmp_path / "d", labels=labels)
        return
    manifest = read(tmp_path / "d", labels=labels)
    for number, name in folders.items():
        rows = [i for i, path in enumerate(manifest.names.tolist()) if path.startswith(f"{number}/")]
        assert {manifest.labels.names[manifest.label[i]] for i in rows} == {name}


def test_orders_of_the_literature() -> None:
    """RAF-DB counts from 1, as its list_patition_label.txt does; AffectNet's contempt is 7."""
    assert ORDERS["raf-db"][0] == 1
    assert ORDERS["raf-db"][1].names[4 - 1] == "happiness"
    assert ORDERS["affectnet"][1].names[7] == "contempt"
    for text in ("rafdb2", "1=a,b", "1=a,1=b"):
        with pytest.raises(OptionError):
            names_of(text)


@pytest.fixture
def kaggle(tmp_path: Path) -> Manifest:
    """Folders train and test, as Kaggle has them, with two copies in training."""
    names = [
        f"{s}/{c}/{i:03}.png" for s, n in (("train", 60), ("test", 20)) for c in ("happy", "sad") for i in range(n)
    ]
    root = write(tmp_path / "kaggle", names)
    for name in ("copy1", "copy2"):
        (root / "train" / "happy" / f"{name}.png").write_bytes((root / "train" / "happy" / "000.png").read_bytes())
    return read(root)


def test_validation_out_of_training_alone(kaggle: Manifest, tmp_path: Path) -> None:
    """A tenth of every class leaves training; test is untouched, copies stay together, the choice can be repeated."""
    with pytest.raises(DataError, match=r"no validation split .*--validation 0.1.*test pictures stay untouched"):
        refuse_without_validation(kaggle, 0.0)
    said: list[str] = []
    carved = carve_validation(kaggle, 0.1, seed=4, say=said.append)
    assert np.array_equal(carved.split == "test", kaggle.split == "test")
    counts = carved.of_split("validation").counts()
    assert counts.tolist() in ([6, 6], [7, 6], [6, 7], [8, 6])
    assert said == [f"{counts.sum()} of the 122 training pictures are taken out for validation."]
    assert not set(carved.of_split("validation").digests) & set(carved.of_split("train").digests)
    assert np.array_equal(carve_validation(kaggle, 0.1, seed=4).split, carved.split)
    selection.write(tmp_path / "data.csv", tmp_path / "kaggle", carved)
    assert np.array_equal(with_validation(kaggle, validation_digests(tmp_path / "data.csv")).split, carved.split)
    with pytest.raises(OptionError, match="already"):
        carve_validation(carved, 0.1)


def test_validation_where_nothing_is_split(sequences: Path) -> None:
    """Without splits all pictures are training pictures; people stay together."""
    carved = carve_validation(read(sequences, subject=r"S(\d+)"), 0.25)
    assert set(carved.split_counts()) == {"train", "validation"}
    assert carved.subject is not None
    taken = set(carved.subject[carved.split == "validation"])
    assert len(taken) == 3
    assert not taken & set(carved.subject[carved.split == "train"])

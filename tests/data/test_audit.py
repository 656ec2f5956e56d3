"""What an audit finds, what a cleaned table leaves out, and what training asks about leaks."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
from data_worlds import drawn, folders, kaggle_csv

from mien.core.errors import DataError, OutputError
from mien.core.labels import FER2013, FERPLUS_VOTES
from mien.data import Manifest, read
from mien.data.audit import audit, representatives
from mien.data.clean import clean
from mien.data.convert import convert
from mien.data.formats import selection
from mien.data.leaks import leaks
from mien.data.manifest import pictures_array, text_array
from mien.data.near import groups_of, near_pairs
from mien.data.pictures import Pixels


def table(rows: list[tuple[np.ndarray, str, str]], **columns: object) -> Manifest:
    """A manifest from (picture, class, split)."""
    return Manifest(
        labels=FER2013,
        label=np.array([FER2013.index(name) for _, name, _ in rows], np.int64),
        split=text_array([split for _, _, split in rows]),
        names=text_array([f"row{i}" for i in range(len(rows))]),
        pictures=pictures_array([Pixels(np.asarray(image, np.uint8)) for image, _, _ in rows]),
        source="drawn",
        **columns,
    )


BLANK = np.full((48, 48), 7, np.uint8)


@pytest.fixture
def troubled() -> Manifest:
    """Ten rows with every trouble once.

    0 = 1 within train; 2 = 6 train and test; 3 = 4 with different labels; 5 and 9 blank; 7 nearly 8, validation
    and test.
    """
    a, b, c, d = (drawn(i) for i in range(4))
    brighter = np.clip(d * 1.1 + 9, 0, 255)
    return table([
        (a, "happy", "train"), (a, "happy", "train"), (b, "sad", "train"), (c, "fear", "train"),
        (c, "angry", "train"), (BLANK, "sad", "train"), (b, "sad", "test"), (d, "happy", "validation"),
        (brighter, "happy", "test"), (BLANK, "sad", "train"),
    ])  # fmt: skip


def test_exact_duplicates(troubled):
    """Groups, copies within a split, and pictures that occur in another one; counted by hand."""
    found = audit(troubled)

    assert found.exact == ((0, 1), (2, 6), (3, 4), (5, 9))
    assert found.surplus == {"train": 3, "validation": 0, "test": 0}
    assert found.between() == {"validation in train": 0, "test in train": 1, "test in validation": 0}
    assert found.conflicts == ((3, 4),)
    assert found.blank.tolist() == [5, 9]
    assert found.no_face is None
    assert found.subjects is None
    assert found.near is None


def test_near_duplicates(troubled):
    """The brighter copy is found, once, and only between the splits where it is."""
    rows = representatives(troubled)
    found = audit(troubled, near=near_pairs(troubled, rows))

    assert rows.tolist() == [0, 2, 3, 7, 8]
    assert found.near.pairs.tolist() == [[7, 8]]
    assert found.near_between() == {"validation in train": 0, "test in train": 0, "test in validation": 1}
    assert found.near_rows("test", "validation").tolist() == [8]


@pytest.mark.parametrize(
    ("change", "mirrored"),
    [
        (lambda image: cv2.resize(cv2.resize(image, (96, 96)), (64, 64)), False),
        (lambda image: np.clip(image.astype(float) * 0.6 + 70, 0, 255), False),
        (lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [1, 40])[1], 0), False),
        (lambda image: np.roll(image, 1, axis=1), False),
        (lambda image: image[:, ::-1], True),
        (lambda image: cv2.putText(image.copy(), "mark", (2, 44), 0, 0.3, 255), False),
    ],
    ids=["size", "contrast", "JPEG", "shift", "mirror", "mark"],
)
def test_what_counts_as_near(change, mirrored):
    """The changes that copies on the web have gone through; other pictures are not taken for copies."""
    rows = [(drawn(i), "happy", "train") for i in range(40)]
    near = near_pairs(table([*rows, (change(drawn(3)), "happy", "test")]), np.arange(41))

    assert near.pairs.tolist() == [[3, 40]]
    assert near.mirrored.tolist() == [mirrored]
    assert near.score.min() >= 0.9


def test_many_near_duplicates_stay_bounded():
    """A film of one face: every frame is near every other; all are one group, from no more than 32 pairs a frame."""
    rng = np.random.default_rng(0)
    frames = [np.clip(drawn(0) + rng.normal(0, 2, (48, 48)), 0, 255) for _ in range(120)]
    near = near_pairs(table([(frame, "happy", "train") for frame in frames]), np.arange(120))

    assert len(near.pairs) <= 120 * 2 * 32
    assert groups_of(near.pairs) == [list(range(120))]


def test_groups_of_pairs():
    """Pairs that share a row are one group."""
    assert groups_of(np.array([[5, 2], [1, 9], [2, 7]])) == [[1, 9], [2, 5, 7]]
    assert groups_of(np.zeros((0, 2), np.int64)) == []


def test_faceless_by_votes(troubled):
    """More than half of the votes must say so; a half is not enough."""
    votes = np.zeros((10, 10), np.float32)
    votes[:, 0] = 10
    votes[0] = [4, 0, 0, 0, 0, 0, 0, 0, 0, 6]
    votes[1] = [5, 0, 0, 0, 0, 0, 0, 0, 0, 5]
    found = audit(dataclasses.replace(troubled, votes=votes, vote_labels=FERPLUS_VOTES.names))

    assert found.no_face.tolist() == [0]


def test_people_in_two_splits(troubled):
    """Known people only; "" is nobody."""
    people = text_array(["a", "b", "", "c", "c", "", "b", "d", "d", ""])
    found = audit(dataclasses.replace(troubled, subject=people))

    assert found.subjects == ("b", "d")


def test_imbalance(troubled):
    """Of the training split: three sad, one fear, and disgust not at all."""
    assert audit(troubled).imbalance() == ("sad", "disgust", float("inf"))
    assert audit(troubled.with_labels(["sad", "fear"])).imbalance() == ("sad", "fear", 3.0)


def test_json_is_whole(troubled):
    """Everything goes through JSON, names included."""
    near = near_pairs(troubled, representatives(troubled))
    text = json.dumps(audit(troubled, near=near).to_dict(), allow_nan=False)
    body = json.loads(text)

    assert body["duplicates"]["surplus"] == 3
    assert body["duplicates"]["leaked"] == {"validation": 0.0, "test": 0.5}
    assert body["duplicates"]["leaked_by_class"]["test"] == {"happy": 0.0, "sad": 1.0}
    assert body["near_duplicates"]["pairs"][0]["first"] == "row7"
    assert [row["label"] for row in body["conflicts"]["list"][0]] == ["fear", "angry"]
    assert body["imbalance"]["factor"] is None


def test_clean(troubled):
    """One copy stays, in test rather than elsewhere; conflicts and blanks go whole; each row has one reason."""
    near = near_pairs(troubled, representatives(troubled))
    cleaned = clean(audit(troubled, near=near))

    assert cleaned.reasons.tolist() == [
        "", "copy", "leak", "conflict", "conflict", "blank", "", "near_leak", "", "blank",
    ]  # fmt: skip
    assert cleaned.manifest.rows.tolist() == [0, 6, 8]
    assert cleaned.counts()["leak"] == {"train": 1, "validation": 0, "test": 0}
    assert audit(cleaned.manifest).exact == ()


def test_leaks(troubled):
    """Which held-out rows occur in training, how many, and which training rows these are."""
    found = leaks(troubled)

    assert found.rows["test"].tolist() == [6]
    assert found.rows["validation"].tolist() == []
    assert found.fraction("test") == 0.5
    assert found.worst == ("test", 0.5)
    assert found.refused == ("test",)
    assert found.train.tolist() == [2]


def test_validation_on_the_training_slice():
    """The mistake of one founding project: validation is the training set itself, and all of it leaks."""
    rows = [(drawn(i), "happy", split) for split in ("train", "validation") for i in range(5)]

    assert leaks(table(rows)).worst == ("validation", 1.0)
    assert leaks(table(rows)).refused == ("validation",)


def test_no_held_out_split_leaks_nothing():
    """A set without validation and test has nothing to leak into."""
    found = leaks(table([(drawn(0), "happy", "train")]))

    assert found.worst == ("", 0.0)
    assert found.refused == ()


def test_a_selection_is_read_like_its_source(small, tmp_path):
    """The written table gives the kept rows with their votes, and is itself a data set that can be audited."""
    source = tmp_path / "set"
    source.mkdir()
    kaggle_csv(small, source / "fer2013.csv", votes=True)
    whole = read(source)
    selection.write(tmp_path / "kept.csv", source, whole.select([4, 9, 20]))
    kept = read(tmp_path / "kept.csv")

    assert kept.digests.tolist() == whole.digests[[4, 9, 20]].tolist()
    assert kept.names.tolist() == whole.names[[4, 9, 20]].tolist()
    assert np.array_equal(kept.votes, whole.votes[[4, 9, 20]])
    selection.write(tmp_path / "again.csv", tmp_path / "kept.csv", kept.select([2]))
    assert read(tmp_path / "again.csv").digests.tolist() == [whole.digests[20]]


def test_a_selection_can_be_edited(small, tmp_path):
    """A label and a split that a person has put right are what counts."""
    whole = _written(small, tmp_path)
    path = tmp_path / "kept.csv"
    selection.write(path, tmp_path / "set", whole.select([0]))
    path.write_text(path.read_text().replace(",angry,train,", ",Happiness,val,"))
    kept = read(path)

    assert kept.labels.names[kept.label[0]] == "happy"
    assert kept.split[0] == "validation"


def _written(small, tmp_path):
    return read(folders(small, tmp_path / "set"))


def test_a_source_that_has_changed(small, tmp_path):
    """Rows are found by number, so a source that has changed is refused."""
    whole = _written(small, tmp_path)
    selection.write(tmp_path / "kept.csv", tmp_path / "set", whole)
    first = tmp_path / "set" / whole.names[0]
    data = first.read_bytes()
    first.unlink()

    with pytest.raises(DataError, match=r"line 29: expected a row of the data set, 0\.\.26, got '27'"):
        read(tmp_path / "kept.csv")
    first.with_name("zzz.png").write_bytes(data)
    with pytest.raises(DataError, match="pictures have changed since it was written"):
        read(tmp_path / "kept.csv")


def test_selections_that_go_in_a_circle(small, tmp_path):
    """A table that names itself ends with a sentence."""
    whole = _written(small, tmp_path)
    path = tmp_path / "kept.csv"
    selection.write(path, tmp_path / "set", whole)
    path.write_text(path.read_text().replace("set,", "kept.csv,"))

    with pytest.raises(DataError, match="from selection to selection"):
        read(path)


def test_a_selection_does_not_write_over_other_files(small, tmp_path):
    """A slip in the name of --fix must not cost a data set."""
    whole = _written(small, tmp_path)
    (tmp_path / "fer2013.csv").write_text("emotion,pixels\n")

    with pytest.raises(OutputError, match="exists and is no table of this kind"):
        selection.write(tmp_path / "fer2013.csv", tmp_path / "set", whole)


def test_a_cleaned_set_can_be_converted(troubled, tmp_path):
    """What is left is a data set like any other."""
    cleaned = clean(audit(troubled)).manifest
    convert(cleaned, tmp_path / "out", "parquet")

    assert read(tmp_path / "out").digest == cleaned.digest


@pytest.fixture(scope="module")
def fer_audit(fer2013):
    """The audit of FER-2013, without near duplicates."""
    return audit(read(fer2013))


def test_fer2013_has_the_known_defects(fer_audit):
    """The figures of the data's own README."""
    found, manifest = fer_audit, fer_audit.manifest

    assert manifest.split_counts() == {"train": 28709, "validation": 3589, "test": 3589}
    assert manifest.counts().tolist() == [4953, 547, 5121, 8989, 6077, 4002, 6198]
    assert round(100 * found.leaks.fraction("test"), 1) == 8.0
    assert round(100 * found.leaks.fraction("validation"), 1) == 7.8
    assert round(100 * found.leaked_by_class("test")["disgust"]) == 29
    assert round(100 * found.leaked_by_class("test")["surprise"]) == 28
    assert found.surplus["train"] == 1234
    assert len(found.conflicts) == 57
    assert found.by_split(found.blank) == {"train": 12, "validation": 1, "test": 0}
    assert manifest.unreadable == ()


def test_fer2013_cleaned_leaks_nothing(fer_audit):
    """After cleaning no picture is in two splits, none is twice in one, and none is blank."""
    found = audit(clean(fer_audit).manifest)

    assert (found.exact, found.conflicts, found.blank.tolist()) == ((), (), [])
    assert len(found.no_face) == 0

"""Doubted labels: what is found, what a person decides, and that nothing is changed in place."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import DataError, InputError
from mien.core.labels import LabelSet
from mien.data import read
from mien.data.audit import audit
from mien.data.clean import clean
from mien.data.convert import convert
from mien.data.doubts import COLUMNS, find_doubts, write_doubts
from mien.data.manifest import Manifest, pictures_array
from mien.data.pictures import Pixels
from mien.data.review import read_review

N = 12


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of twelve different pictures of two classes; the first is called like a formula."""
    rng = np.random.default_rng(0)
    manifest = Manifest(
        labels=LabelSet(("calm", "merry")),
        label=np.arange(N) % 2,
        split=np.array([""] * N),
        names=np.array([f"picture {i}.png" for i in range(N)]),
        pictures=pictures_array([Pixels(rng.integers(0, 256, (8, 8), dtype=np.uint8)) for _ in range(N)]),
        source="made",
    )
    convert(manifest, tmp_path / "own", "folders")
    return tmp_path / "own"


def answers(label: NDArray[np.int64], doubted: dict[int, float]) -> NDArray[np.float64]:
    """Probabilities that agree with the labels by 0.9, but for the pictures named with the label's probability."""
    p = np.full((len(label), 2), 0.1)
    p[np.arange(len(label)), label] = 0.9
    for i, value in doubted.items():
        p[i, label[i]], p[i, 1 - label[i]] = value, 1 - value
    return p


def test_the_confident_joint():
    """Off the diagonal by the class's own threshold, the most doubted first; an unsure answer doubts nothing."""
    label = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = find_doubts(answers(label, {1: 0.02, 6: 0.05, 3: 0.4}), label)
    assert found.rows.tolist() == [1, 6]
    assert found.suggested.tolist() == [1, 0]
    assert found.doubt == pytest.approx([0.96, 0.9])
    assert found.thresholds == pytest.approx([(0.9 + 0.02 + 0.9 + 0.4) / 4, (3 * 0.9 + 0.05) / 4])
    assert found.share == 0.25


def test_classes_without_pictures_and_odd_shapes():
    """A class that no picture bears is suggested for none; shapes that do not fit are refused."""
    label = np.array([0, 0, 2, 2])
    p = np.array([[0.1, 0.8, 0.1], [0.9, 0, 0.1], [0.1, 0, 0.9], [0.1, 0, 0.9]])
    assert find_doubts(p, label).rows.tolist() == []
    with pytest.raises(InputError, match="labels \\(N,\\) in 0..K-1"):
        find_doubts(p, np.array([0, 1]))


def reviewed(folder: Path, path: Path, decisions: dict[int, str]) -> tuple[Manifest, Path]:
    """The data set, and a table of doubts about the named pictures with these decisions."""
    manifest = read(folder)
    found = find_doubts(answers(manifest.label, dict.fromkeys(decisions, 0.01)), manifest.label)
    write_doubts(path, manifest, found)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    with path.open("w", newline="", encoding="utf-8-sig") as file:  # as a spreadsheet saves it
        writer = csv.DictWriter(file, COLUMNS, delimiter=";")
        writer.writeheader()
        writer.writerows(row | {"decision": decisions[int(row["row"])]} for row in rows)
    return manifest, path


def test_decisions(pictures: Path, tmp_path: Path):
    """Keep, drop, relabel, the name of a class, and nothing, each does what it says; the source stays as it is."""
    manifest, path = reviewed(pictures, tmp_path / "d.csv", {0: "Drop", 1: "relabel", 2: "", 3: "keep", 4: " Merry "})
    review = read_review(path, manifest)
    assert np.flatnonzero(review.dropped).tolist() == [0]
    assert np.flatnonzero(review.label != manifest.label).tolist() == [1, 4]
    assert (review.relabelled, review.open) == (2, 1)
    cleaned = clean(audit(review.relabel(manifest)), review.dropped)
    assert cleaned.counts() == {"dropped": {"": 1}}
    assert len(cleaned.manifest) == N - 1
    assert (read(pictures).label == manifest.label).all()


@pytest.mark.parametrize(
    ("decision", "message"),
    [("merri", "keep, drop, relabel or the name of a class.*Did you mean 'merry'"), ("?", "line 2: expected keep")],
)
def test_odd_decisions(pictures: Path, tmp_path: Path, decision: str, message: str):
    """A decision that is none names its line."""
    manifest, path = reviewed(pictures, tmp_path / "d.csv", {0: decision})
    with pytest.raises(DataError, match=message):
        read_review(path, manifest)


def test_other_pictures(pictures: Path, tmp_path: Path):
    """A table of other pictures, or one that is no such table, is refused."""
    manifest, path = reviewed(pictures, tmp_path / "d.csv", {5: "drop"})
    other = manifest.select(np.arange(N)[::-1])
    with pytest.raises(DataError, match="another picture now"):
        read_review(path, dataclasses.replace(other, rows=np.arange(N)))
    with pytest.raises(DataError, match="has no row '5'"):
        read_review(path, manifest.select([0, 1]))
    (tmp_path / "x.csv").write_text("path,label\na,b\n")
    with pytest.raises(DataError, match="a column named decision"):
        read_review(tmp_path / "x.csv", manifest)


def test_a_dropped_copy_settles_a_conflict(tmp_path: Path):
    """Of two copies with different labels, dropping one or giving it the other's label leaves no conflict."""
    image = Pixels(np.arange(64, dtype=np.uint8).reshape(8, 8))
    manifest = Manifest(
        labels=LabelSet(("calm", "merry")),
        label=np.array([0, 1]),
        split=np.array(["", ""]),
        names=np.array(["a", "b"]),
        pictures=pictures_array([image, image]),
        source="made",
    )
    assert clean(audit(manifest)).counts() == {"conflict": {"": 2}}
    assert clean(audit(manifest), np.array([False, True])).counts() == {"dropped": {"": 1}}


def test_the_audit_heeds_decisions(command, pictures: Path, tmp_path: Path):
    """`mien data audit --reviewed --fix` writes a new table, says what was decided, and changes nothing else."""
    _, path = reviewed(pictures, tmp_path / "d.csv", {0: "drop", 1: "relabel", 2: ""})
    ended = command("data", "audit", pictures, "--reviewed", path, "--fix", tmp_path / "clean.csv", "--no-near")
    assert ended.code == 0, ended.err
    assert "Reviewed: 1 label changed, 1 picture to drop, 1 not decided" in ended.out
    assert "a person decided so" in ended.out
    after, before = read(tmp_path / "clean.csv"), read(pictures)
    assert len(after) == N - 1
    changed = [i for i, row in enumerate(before.digests) if row in after.digests.tolist()
               and after.label[after.digests.tolist().index(row)] != before.label[i]]  # fmt: skip
    assert changed == [1]

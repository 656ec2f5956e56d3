"""Labels that were flipped on purpose are found, by answers of fits that did not see them."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mien.core.errors import DataError, TrainError
from mien.core.labels import concept
from mien.data import read
from mien.data.convert import convert
from mien.data.doubts import find_doubts
from mien.data.manifest import Manifest
from mien.evaluate.protocol import expressions_of, majority
from mien.learn.doubts import out_of_fold, trunk_of
from mien.learn.train import Outcome


def flipped(manifest: Manifest, share: float, seed: int = 0) -> tuple[Manifest, NDArray[np.bool_]]:
    """The same pictures with so many labels changed to another class; and which ones (N,)."""
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(len(manifest)) < round(share * len(manifest))
    k = len(manifest.labels)
    label = np.where(wrong, (manifest.label + rng.integers(1, k, len(manifest))) % k, manifest.label)
    return dataclasses.replace(manifest, label=label), wrong


def test_a_picture_does_not_vote_for_itself(drawn: Manifest) -> None:
    """Features that name every picture, but tell nothing of its class, give answers no better than chance."""
    part = drawn.select(drawn.split == "train")
    p = out_of_fold(torch.eye(len(part)), part)
    assert p.shape == (len(part), 3)
    assert p.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (p.argmax(axis=1) == part.label).mean() < 0.5


def test_copies_do_not_vote_for_each_other(drawn: Manifest) -> None:
    """Of every picture there is a copy with the same label: they are in one fold, so nothing is learnt from them."""
    part = drawn.select(drawn.split == "validation")
    rng = np.random.default_rng(1)
    odd = dataclasses.replace(part, label=rng.integers(0, 3, len(part)))
    twice = odd.select(np.tile(np.arange(len(odd)), 2))
    p = out_of_fold(torch.eye(len(odd)).repeat(2, 1), twice)
    assert (p.argmax(axis=1) == twice.label).mean() < 0.6


def test_too_few_pictures(drawn: Manifest) -> None:
    """Five folds want ten pictures and two classes."""
    with pytest.raises(DataError, match="at least two classes and 10 different pictures"):
        out_of_fold(torch.eye(5), drawn.select(np.arange(5)))


def test_unknown_weights(tmp_path: Path) -> None:
    """A name that is nothing lists the packaged ones; a folder that is no run says so."""
    with pytest.raises(TrainError, match="With mien come"):
        trunk_of("nothing")
    with pytest.raises(TrainError, match="not a finished run"):
        trunk_of(str(tmp_path))


def test_the_command(command, drawn: Manifest, finished: Outcome, tmp_path: Path) -> None:
    """A table of doubted labels and a page; neither is written over; most flipped labels of easy pictures are in it."""
    part, wrong = flipped(
        dataclasses.replace(drawn, votes=None, vote_labels=(), split=np.array([""] * len(drawn))), 0.1
    )
    convert(part, tmp_path / "own", "folders")
    names = {Path(str(n)).stem for n in part.names[wrong]}
    line = ("data", "doubts", tmp_path / "own", "--out", tmp_path / "d.csv", "--weights", finished.run)
    ended = command(*line, "--report", tmp_path / "d.html", "--no-near")
    assert ended.code == 0, ended.err
    assert "doubted" in ended.out
    with (tmp_path / "d.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {Path(row["name"]).stem for row in rows}
    assert len(found & names) >= 0.7 * len(names)
    assert all(row["decision"] == "" for row in rows)
    assert [float(row["doubt"]) for row in rows] == sorted((float(row["doubt"]) for row in rows), reverse=True)
    page = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert "mind whose faces they are" in page
    assert "data:image/jpeg" in page
    again = command(*line)
    assert again.code == 1
    assert "may hold decisions" in again.err


def test_flipped_labels_of_faces(fer2013: Path) -> None:
    """Of 500 faces whose label most raters share, a tenth flipped: the features that ship find most of these, and most
    of what is doubted was flipped.
    """
    faces = read(fer2013, check=False)
    faces = faces.select(faces.split == "validation")
    assert faces.votes is not None
    kinds = [faces.vote_labels[k] for k in expressions_of(faces.vote_labels)]
    by_votes = majority(faces.votes, faces.vote_labels)
    agreed = [v >= 0 and concept(kinds[v]) == concept(faces.labels.names[n])
              for v, n in zip(by_votes, faces.label, strict=True)]  # fmt: skip
    part = faces.select(np.flatnonzero(agreed)[:500])
    part, wrong = flipped(part, 0.1)
    found = find_doubts(out_of_fold(trunk_of("fer2013").features(part), part), part.label)
    hits = wrong[found.rows]
    assert hits.sum() / wrong.sum() > 0.6
    assert hits.mean() > 0.7

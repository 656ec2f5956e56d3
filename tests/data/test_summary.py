"""The pictures and the page of a summary."""

import dataclasses
import re
import sys

import cv2
import numpy as np
import pytest
from data_worlds import drawn, kaggle_csv

from mien.core.errors import MissingExtraError
from mien.data import read
from mien.data.manifest import pictures_array, text_array
from mien.data.pictures import Pixels
from mien.data.summary import summarize

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def manifest(small, tmp_path_factory):
    """The small world with votes."""
    return read(kaggle_csv(small, tmp_path_factory.mktemp("set") / "fer2013.csv", votes=True))


@pytest.fixture(scope="module")
def paths(manifest, tmp_path_factory):
    """Files of its summary."""
    return summarize(manifest, tmp_path_factory.mktemp("report"))


def test_summary_writes_pictures_and_one_page(manifest, paths):
    """Every picture is there and inside the page, which names no other file or host."""

    assert [path.name for path in paths] == [
        "counts.png", "samples.png", "means.png", "brightness.png", "agreement.png", "summary.html",
    ]  # fmt: skip
    for path in paths[:-1]:
        image = cv2.imread(str(path))
        assert image is not None
        assert image.std() > 5
    page = paths[-1].read_text(encoding="utf-8")
    assert page.count("<img") == 5
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "An expression is not an emotion" in page
    assert manifest.digest[:12] in page


def test_summary_is_repeatable(manifest, paths, tmp_path):
    """The same data and seed give the same files."""
    assert [p.read_bytes() for p in summarize(manifest, tmp_path)] == [p.read_bytes() for p in paths]


def test_summary_of_odd_data(manifest, tmp_path):
    """Different sizes, colour, a class without pictures, rows without labels, no splits, no votes, unreadable files."""
    images = [np.stack([drawn(i, 20 + 9 * i)] * 2 + [drawn(i + 9, 20 + 9 * i)], axis=2) for i in range(6)]
    odd = dataclasses.replace(
        manifest.select(range(6)),
        label=np.array([3, 3, 3, 4, -1, 0], np.int64),
        split=text_array([""] * 6),
        pictures=pictures_array([Pixels(image) for image in images]),
        votes=None,
        vote_labels=(),
        unreadable=(("gone.png", "there is no such file"),),
        _cache={},
    )
    paths = summarize(odd, tmp_path / "report")

    assert "sizes.png" in [path.name for path in paths]
    assert "agreement.png" not in [path.name for path in paths]
    assert "no split" in paths[-1].read_text(encoding="utf-8")


def test_summary_without_matplotlib(manifest, tmp_path, monkeypatch):
    """The missing package is named, and nothing is written."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(MissingExtraError, match=r'needs the package matplotlib.*"mien\[train\]"'):
        summarize(manifest, tmp_path / "report")
    assert not (tmp_path / "report").exists()

"""What is told of a data set without its pictures."""

from __future__ import annotations

import base64
import json

import cv2
import numpy as np
import pytest
from data_worlds import drawn

from mien.core.labels import LabelSet
from mien.core.shown import read_shown
from mien.data.manifest import Manifest, pictures_array, text_array
from mien.data.pictures import Pixels
from mien.data.shown import LEAST_OF_MEAN, samples, shown
from mien.data.summary import SAMPLES


def _set(counts, side=48):
    """So many pictures per class, no splits; a class is as bright below as its number says."""
    labels = LabelSet(tuple(counts))
    label = [number for number, count in enumerate(counts.values()) for _ in range(count)]
    pictures = []
    for seed, number in enumerate(label):
        picture = drawn(seed, side)
        picture[side // 2 :] = np.clip(picture[side // 2 :].astype(int) + 60 * number, 0, 255)
        pictures.append(Pixels(picture))
    n = len(label)
    return Manifest(
        labels=labels,
        label=np.array(label, np.int64),
        split=text_array([""] * n),
        names=text_array([f"secret/{i}.png" for i in range(n)]),
        pictures=pictures_array(pictures),
        source="somewhere/faces",
    )


def _decoded(png):
    data = base64.b64decode(png.removeprefix("data:image/png;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_class_with_few_pictures_has_no_mean_face():
    """One picture fewer than the least is none: it would show people."""
    told = shown(_set({"a": LEAST_OF_MEAN, "b": LEAST_OF_MEAN - 1}))

    assert [(mean["label"], mean["of"]) for mean in told["means"]] == [("a", LEAST_OF_MEAN)]


def test_mean_faces_share_a_scale():
    """What is brighter in a class is brighter in its picture, beside the others."""
    told = shown(_set({"low": 30, "high": 30}))

    low, high = (_decoded(mean["png"]) for mean in told["means"])
    assert low.shape == high.shape == (48, 48)
    assert int(high[24:].mean()) - int(high[:24].mean()) > int(low[24:].mean()) - int(low[:24].mean()) + 30


def test_no_name_of_a_picture(tmp_path):
    """Of the source its last name alone; the file is read back as it was."""
    told = shown(_set({"a": 3}))
    text = json.dumps(told)
    assert "secret" not in text
    assert told["name"] == "faces"
    (tmp_path / "a.json").write_text(text, "utf-8")
    assert read_shown(tmp_path / "a.json") == told


@pytest.mark.parametrize(("side", "bar"), [(30, (1, 32)), (48, (33, 48)), (1100, (1025, None))])
def test_sizes(side, bar):
    """By the longer side; the largest bar has no end."""
    told = shown(_set({"a": 2}, side))["sizes"]

    assert told["least"] == told["largest"] == [side, side]
    assert told["bars"] == [{"from": bar[0], "to": bar[1], "pictures": 2}]


def test_samples():
    """Up to twelve of the class, colour as it is; another choice each time."""
    manifest = _set({"a": 5, "b": 40})
    rng = np.random.default_rng(0)

    assert len(samples(manifest, "a", rng)) == 5
    first, second = samples(manifest, "b", rng), samples(manifest, "b", rng)
    assert len(first) == SAMPLES
    assert first != second
    assert _decoded(first[0]).shape == (96, 96, 3)

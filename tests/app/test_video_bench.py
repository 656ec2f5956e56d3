"""`mien bench video`: a table, one line of JSON at the end, and an honest comparison of faces."""

import json

import pytest

from mien.app.commands.bench_video import same_faces

A, B, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (50, 50, 60, 60)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([], [], True),
        ([A], [], False),
        ([A, B], [B, A], True),
        ([A], [(0, 0, 10, 6)], True),  # IoU 0.6
        ([A], [(0, 0, 10, 4)], False),  # IoU 0.4
        ([A, B], [A, FAR], False),
        ([A, A], [A, FAR], False),
    ],
)
def test_same_faces(one, other, same):
    """As many faces, one to one, at IoU >= 0.5; the order does not matter."""
    assert same_faces(one, other) is same


def test_table_and_json(command, tiny_model, yunet_file):
    """Three clips, each with detection in every frame and as often as needed; nobody is lost by skipping."""
    pytest.importorskip("skimage")
    ended = command("bench", "video", "--seconds", "1", "--model", tiny_model, "--detector", yunet_file)
    *table, last = ended.out.splitlines()
    result = json.loads(last)

    assert ended.code == 0, ended.err
    assert [(row["clip"], row["detector_every"]) for row in result["rows"]] == [
        (clip, every) for clip in ("one face", "four faces", "passer-by") for every in ("1", "auto")
    ]
    assert all(row["frames"] == 30 for row in result["rows"])
    assert result["rows"][0]["same"] == 1.0
    assert result["rows"][1]["detections"] < 15
    assert any("Decoding alone" in line for line in table)


def test_unknown_benchmark(command):
    """The known ones are named."""
    ended = command("bench", "vidoe")
    assert ended.code == 2
    assert "video" in ended.err

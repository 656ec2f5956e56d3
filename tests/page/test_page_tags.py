"""Tags of faces: beside a face, never on one."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mien

_PLACE = """
import { readFileSync } from "node:fs";
const { placeTags } = await import(process.argv[1]);
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map((world) => placeTags(...world))));
"""
_FORMS = [{"width": 120, "height": 26}, {"width": 70, "height": 22}, {"width": 16, "height": 18}]
_BOUNDS = {"width": 640, "height": 480}


def _placed(*worlds):
    """Places of the tags in each world of faces (x, y, width, height)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the page's modules cannot be run without a browser")
    module = Path(mien.__file__).parent / "app" / "static" / "tags.mjs"
    sent = [
        [[dict(zip(("x", "y", "width", "height"), f, strict=True)) for f in faces], [_FORMS] * len(faces), _BOUNDS, 4]
        for faces in worlds
    ]
    arguments = [node, "--input-type=module", "-e", _PLACE, module.as_uri()]
    done = subprocess.run(arguments, input=json.dumps(sent), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _crowd(rows, columns):
    side = min(640 / columns, 480 / rows)
    return [(c * 640 / columns, r * 480 / rows, 0.7 * side, 0.7 * side) for r in range(rows) for c in range(columns)]


def test_above_else_below_else_beside():
    """A tag stands above its face; below where the face touches the top; at its side where it touches both."""
    above, below, beside, none = _placed(
        [(200, 100, 90, 90)], [(200, 0, 90, 90)], [(200, 0, 200, 480)], [(0, 0, 640, 480)]
    )
    assert above == [{"form": 0, "x": 200, "y": 70}]
    assert below == [{"form": 0, "x": 200, "y": 94}]
    assert beside[0]["x"] == 404
    assert none == [None]


def test_in_crowds_tags_shrink_and_hide_nobody():
    """Whatever the crowd, no tag lies on a face, on another tag or outside; in a dense one they are smaller."""
    rng = np.random.default_rng(3)
    loose = [tuple(float(v) for v in (*rng.uniform(0, 400, 2), *rng.uniform(30, 160, 2))) for _ in range(14)]
    worlds = [_crowd(2, 3), _crowd(6, 9), loose]
    fullest = []
    for faces, places in zip(worlds, _placed(*worlds), strict=True):
        tags = [(p["x"], p["y"], *_FORMS[p["form"]].values()) for p in places if p]
        assert tags
        for i, (x, y, w, h) in enumerate(tags):
            assert x >= 0 and y >= 0 and x + w <= 640 and y + h <= 480
            for ox, oy, ow, oh in [*faces, *tags[:i]]:
                assert x + w <= ox or ox + ow <= x or y + h <= oy or oy + oh <= y
        fullest.append(np.mean([p["form"] == 0 for p in places if p]))
    assert fullest[0] == 1
    assert fullest[1] < 0.2

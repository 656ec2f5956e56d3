"""The page's Video tab on the device tells people from other tracks as Python does."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.types import Face, Frame, Reading
from mien.infer.detectors.table import DETECTORS
from mien.media.plausible import Plausible

_READ = """
import { readFileSync } from "node:fs";
const { judged } = await import(process.argv[1]);
const rows = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(judged(rows, 0.1, 2.0).map((row) => row.plausible)));
"""


def test_people_are_those_of_python():
    """Brief, doubtful and restless tracks are no people in both, the others are."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the page's modules cannot be run without a browser")
    # Track -> (frames, score, sides in turn); the first is a face, the others break one rule each but the last.
    kinds = {1: (20, 0.9, (50, 51)), 2: (4, 0.9, (50, 50)), 3: (20, 0.7, (50, 50)), 4: (20, 0.9, (50, 80))}
    sure = DETECTORS["mien"].sure_score
    kinds[5] = (5, sure + 0.01, (50, 50))
    plausible = Plausible(sure)
    rows = []
    for i in range(20):
        readings = []
        for track, (frames, score, sides) in kinds.items():
            if i < frames:
                box = (10.0, 10.0, 10.0 + sides[i % 2], 10.0 + sides[i % 2])
                readings.append(Reading(Face(box, score), ("a", "b"), (0.6, 0.4), track=track))
                rows.append({"track": track, "score": score, **dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))})
        plausible.write(Frame(np.zeros((8, 8, 3), np.uint8), i, i / 10), readings)
    plausible.close()

    module = Path(mien.__file__).parent / "app" / "static" / "plausible.mjs"
    arguments = [node, "--input-type=module", "-e", _READ, module.as_uri()]
    done = subprocess.run(arguments, input=json.dumps(rows), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert plausible.people() == {1, 5}
    assert json.loads(done.stdout) == [row["track"] in plausible.people() for row in rows]

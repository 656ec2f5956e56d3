"""The page smooths and holds labels as Python does."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.infer.smooth import Smoother

_LABELS = ("angry", "happy", "neutral", "sad")
_READ = """
import { readFileSync } from "node:fs";
const { People } = await import(process.argv[1]);
const people = new People();
const rows = JSON.parse(readFileSync(0, "utf-8"));
const out = rows.map(([timeS, probabilities]) => people.update([{ box: [0, 0, 9, 9], probabilities }], timeS)[0]);
console.log(JSON.stringify(out.map((face) => [face.emotion, Object.values(face.smooth)])));
"""


def _turns(count):
    """The first label falls, two others take turns."""
    rows = [[0.9, 0.04, 0.03, 0.03]] * 20
    return rows + [[0.02, 0.9, 0.04, 0.04] if i // 3 % 2 else [0.02, 0.04, 0.9, 0.04] for i in range(count - 20)]


def _restless(count):
    return np.random.default_rng(5).dirichlet([0.4] * 4, count).tolist()


@pytest.mark.parametrize("rows", [_turns(120), _restless(400)], ids=["taking turns", "restless"])
@pytest.mark.parametrize("step_s", [0.02, 0.1, 0.25, 0.9])
def test_labels_are_those_of_python(rows, step_s):
    """The same probabilities give the same smoothed values and the same labels in both, at any rate."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the page's modules cannot be run without a browser")
    module = Path(mien.__file__).parent / "app" / "static" / "people.mjs"
    times = [i * step_s for i in range(len(rows))]
    sent = json.dumps([(t, dict(zip(_LABELS, row, strict=True))) for t, row in zip(times, rows, strict=True)])
    arguments = [node, "--input-type=module", "-e", _READ, module.as_uri()]
    done = subprocess.run(arguments, input=sent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

    smoother = Smoother()
    expected = [smoother.update(1, row, t) for t, row in zip(times, rows, strict=True)]
    here = json.loads(done.stdout)
    assert [label for label, _ in here] == [_LABELS[label] for _, label in expected]
    assert len({label for label, _ in here}) >= 2
    np.testing.assert_allclose([smooth for _, smooth in here], [smooth for smooth, _ in expected], atol=1e-12)

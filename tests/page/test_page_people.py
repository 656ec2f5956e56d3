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


_NUMBERS = """
import { readFileSync } from "node:fs";
const { People } = await import(process.argv[1]);
const people = new People();
const face = () => ({ box: [0, 0, 9, 9], probabilities: { happy: 0.8, sad: 0.2 } });
const out = JSON.parse(readFileSync(0, "utf-8")).map(([timeS, there]) => people.update(there ? [face()] : [], timeS));
console.log(JSON.stringify(out.map((faces) => faces[0]?.track ?? null)));
"""


def _node(script, sent):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the page's modules cannot be run without a browser")
    module = Path(mien.__file__).parent / "app" / "static" / "people.mjs"
    arguments = [node, "--input-type=module", "-e", script, module.as_uri()]
    done = subprocess.run(arguments, input=sent, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("frames", "tracks"),
    [
        ([(0, 1), (0.9, 1), (1.8, 1)], [1, 1, 1]),
        ([(0, 1), (0.5, 0), (0.9, 1)], [1, None, 1]),
        ([(0, 1), (0.5, 0), (1.2, 1)], [1, None, 2]),  # it was away
        ([(0, 1), (2.0, 1), (4.5, 1)], [1, 1, 1]),  # two seconds for a frame
        ([(0, 1), (3.5, 1)], [1, 2]),
    ],
)
def test_a_face_keeps_its_number(frames, tracks):
    """Unless it was away for a second; on a device that needs seconds for a frame it was not away in between."""
    assert _node(_NUMBERS, json.dumps(frames)) == tracks


@pytest.mark.parametrize("rows", [_turns(120), _restless(400)], ids=["taking turns", "restless"])
@pytest.mark.parametrize("step_s", [0.02, 0.1, 0.25, 0.9])
def test_labels_are_those_of_python(rows, step_s):
    """The same probabilities give the same smoothed values and the same labels in both, at any rate."""
    times = [i * step_s for i in range(len(rows))]
    sent = json.dumps([(t, dict(zip(_LABELS, row, strict=True))) for t, row in zip(times, rows, strict=True)])
    here = _node(_READ, sent)

    smoother = Smoother()
    expected = [smoother.update(1, row, t) for t, row in zip(times, rows, strict=True)]
    assert [label for label, _ in here] == [_LABELS[label] for _, label in expected]
    assert len({label for label, _ in here}) >= 2
    np.testing.assert_allclose([smooth for _, smooth in here], [smooth for smooth, _ in expected], atol=1e-12)

"""The page colours classes as Python does."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mien.app.server.pagefiles import palette
from mien.draw.palette import KNOWN, colours_of, hex_of

_MODULE = Path(__file__).parents[2] / "src/mien/app/static/palette.mjs"
_RUN = """
import { coloursOf } from MODULE;
let text = "";
for await (const part of process.stdin) text += part;
const [sets, known] = JSON.parse(text);
console.log(JSON.stringify(sets.map((labels) => coloursOf(labels, known))));
"""


def test_the_page_has_pythons_colours():
    """For known expressions in any spelling and own names, in any number up to twelve."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the page's module cannot be run without a browser")
    sets = [
        ["furious", "joy", "calm", "bored"],
        ["happiness", "Anger", "über-rascht", "sad_face", "驚き", "\U0001f600 wow", "z"],
        [f"own {i:02}" for i in range(12)],
        *([*names, "a", "b", "c"] for names in itertools.combinations(KNOWN, 3)),
        [*KNOWN, "a", "b", "c", "d"],
    ]
    words = [node, "--input-type=module", "-e", _RUN.replace("MODULE", json.dumps(_MODULE.as_uri()))]
    ended = subprocess.run(words, input=json.dumps([sets, palette()]), capture_output=True, text=True, timeout=120)

    found = json.loads(ended.stdout or ended.stderr)
    assert found == [{label: hex_of(colour) for label, colour in colours_of(labels).items()} for labels in sets]

"""Each of these facts is written in one place: a copy of the package in which that place says something else differs
everywhere that the fact is used."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mien

HERE = Path(mien.__file__).parent

# File, what stands there, what shall stand there instead.
MUTATIONS = [
    ("infer/registry.py", 'DEFAULT_MODEL = "wild-int8"', 'DEFAULT_MODEL = "ferplus"'),
    ("infer/registry.py", 'PAGE_MODEL = "wild-small"', 'PAGE_MODEL = "fer2013"'),
    ("infer/detectors/table.py", 'DEFAULT_DETECTOR = "mien-int8"', 'DEFAULT_DETECTOR = "mien"'),
    ("infer/options.py", "DETECT_SIDE = 640", "DETECT_SIDE = 512"),
    ("pictures/limits.py", "MAX_PIXELS = 100_000_000", "MAX_PIXELS = 80_000_000"),
    ("core/contract.py", "margin: float = 1.13", "margin: float = 1.25"),
    ("core/contract.py", "shift_y: float = 0.02", "shift_y: float = 0.05"),
    ("core/contract.py", "UNCERTAIN_BELOW = 0.5", "UNCERTAIN_BELOW = 0.4"),
    ("app/server/settings.py", "faces: int = 50", "faces: int = 7"),
    ("app/server/settings.py", "    jobs: int = 4\n", "    jobs: int = 4\n    naps: int = 3\n"),
    ("infer/options.py", "threads: int = 1", "threads: int = 2"),
    ("infer/devices.py", 'Device(\n        "cuda"', 'Device(\n        "cuda2"'),
    ("media/table_files.py", 'TABLE_SUFFIXES = (".csv"', 'TABLE_SUFFIXES = (".dat", ".csv"'),
]

PROBE = """
import inspect, json, re
from click.testing import CliRunner
import mien
from mien.app.cli import cli
from mien.app.server.pagefiles import device_facts, page_detector, detector_info
from mien.app.server import runtime
from mien.app.server.settings import Settings
from mien.app.spaces import write_space
from mien.batch.settings import Settings as Batch
from mien.core.types import Reading
from mien.infer.classify import load_classifier
from mien.infer.detect import detector_sha256, open_detector
from mien.infer.detectors.scaling import DetectOptions
from mien.learn.config import Config
from mien.media.source import open_source
from mien.media.timeline import TIMELINE_SUFFIXES
from mien.pictures.decode import load_image

def default(function, name):
    return inspect.signature(function).parameters[name].default

def text(*line):
    return re.sub(r"\\s+", " ", CliRunner().invoke(cli, [*line, "--help"]).output)

runtime.missing = lambda: None
facts, _ = device_facts(detector_info(page_detector("auto")))
commands = ("analyze", "video", "webcam", "batch", "serve")
print(json.dumps({
    "model": [mien.AnalyzerOptions().model, Batch().model, default(load_classifier, "model"),
              default(mien.Analyzer, "model"),
              *("[default: ferplus]" in text(name) for name in commands if name != "serve")],
    "page": [Settings().analyzer.model, default(write_space, "model"),
             *("[default: fer2013]" in text(name) for name in ("serve", "space"))],
    "detector": [open_detector().name, facts["detector"]["name"],
                 detector_sha256("auto") == detector_sha256("mien"),
                 *("auto (mien)" in text(name) for name in (*commands, "detect", "explain"))],
    "side": [mien.AnalyzerOptions().detect_side, Batch().detect_side, Settings().reading.detect_side,
             DetectOptions().side,
             facts["detector"]["side"], default(mien.Analyzer, "detect_side"),
             *("[default: 512]" in text(name) for name in (*commands, "detect", "evaluate-detector"))],
    "pixels": [mien.AnalyzerOptions().max_pixels, Batch().max_pixels, default(load_image, "max_pixels"),
               default(open_source, "max_pixels"), *("[default: 80.0" in text(name) for name in ("analyze", "batch"))],
    "crop": [mien.CropSpec(48).margin, Config().margin, mien.CropSpec(48).shift_y, Config().shift_y],
    "uncertain": [Reading(mien.Face((0, 0, 1, 1), 1.0), ("a",), (1.0,)).uncertain_below],
    "limit": [Settings().reading.max_faces, "naps" in text("serve")],
    "threads": [mien.Analyzer(detector="none").options.threads, Batch().threads, "[default: 2;" in text("analyze")],
    "device": ["cuda2" in text(name) for name in (*commands, "detect")],
    "timeline": [".dat" in TIMELINE_SUFFIXES],
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a package says in which every such place says something else."""
    pytest.importorskip("fastapi")
    copy = tmp_path_factory.mktemp("mutated") / "mien"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    (copy / "assets").symlink_to(HERE / "assets", target_is_directory=True)
    for name, before, after in MUTATIONS:
        text = (copy / name).read_text("utf-8")
        assert text.count(before) == 1, f"{name} no longer says {before!r} once"
        (copy / name).write_text(text.replace(before, after), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(copy.parent)}
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("model", "ferplus"), ("page", "fer2013"), ("detector", "mien"), ("side", 512), ("pixels", 80_000_000),
        ("threads", 2), ("device", True), ("timeline", True), ("uncertain", 0.4),
    ],
)  # fmt: skip
def test_one_place_changes_all(told, fact, expected):
    """Python, command line, help, batch, service, page and Space follow the one definition."""
    assert [value for value in told[fact] if value is not True and value != expected] == []


def test_the_crop_and_the_limits(told):
    """Training writes what the contract says; the service heeds and names what its table of limits says."""
    assert told["crop"] == [1.25, 1.25, 0.05, 0.05]
    assert told["limit"] == [7, True]

"""Help texts and pages name every row of every table, with its default: who adds one is told where it is missing."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import mien
from mien.app.options import detector_names
from mien.app.records import FORMATS
from mien.app.server.settings import LIMITS, Limits
from mien.core.contract import CropSpec
from mien.infer.detectors.table import DEFAULT_DETECTOR, DETECTORS
from mien.infer.devices import DEVICES
from mien.infer.registry import ENTRIES
from mien.media.table_files import TABLE_SUFFIXES
from mien.media.video_writer import VIDEO_SUFFIXES

DOCS = Path(__file__).parents[2] / "docs"


def _page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def _rows(page: str) -> dict[str, str]:
    """First cell -> second cell of every table row whose first cell is code; cells of several names are taken apart."""
    found: dict[str, str] = {}
    for names, values in re.findall(r"^\| (`[^|]+`) \| ([^|]*) \|", _page(page), re.MULTILINE):
        keys, parts = re.findall(r"`([^`]+)`", names), values.replace("`", "").split(";")
        found |= dict(zip(keys, (part.strip() for part in parts), strict=False))
    return found


@pytest.mark.parametrize("kind", [mien.AnalyzerOptions, mien.StreamOptions], ids=lambda kind: kind.__name__)
def test_options(kind):
    """docs/python.md tells every field of the options and its default."""
    rows = _rows("python.md")
    known = {field.name: str(field.default) for field in fields(kind)}
    if kind is mien.StreamOptions:  # both have a field of this name, with the same default
        known |= {"max_faces": rows["max_faces"]}

    assert {name: rows.get(name) for name in known} == known


def test_limits(command):
    """docs/serving.md and the help of `mien serve` tell every limit of the service; the page tells its value too."""
    rows = _rows("serving.md")
    text = re.sub(r"\s+", "", command("serve", "--help").out)

    for field in fields(Limits):
        assert field.name in rows, f"docs/serving.md has no row for the limit {field.name}"
        assert float(rows[field.name].replace(",", "")) == field.default, field.name
        assert field.name in text
    assert [field.name for field in fields(Limits)] == list(LIMITS)


def test_devices():
    """docs/devices.md has a row for each device, in the order of the table but for the processor."""
    rows = _rows("devices.md")

    assert rows.keys() >= DEVICES.keys()


def test_detectors(command):
    """docs/detector.md has a row for each detector; help texts list them with the default."""
    rows = _rows("detector.md")
    listed = detector_names()

    assert DETECTORS.keys() <= rows.keys()
    assert f"auto ({DEFAULT_DETECTOR})" in listed
    assert all(f"{row.name} ({row.summary})" in listed for row in DETECTORS.values())
    for name in ("analyze", "detect", "video", "webcam", "batch", "serve", "explain"):
        text = re.sub(r"\s+", "", command(name, "--help").out)
        assert re.sub(r"\s+", "", listed) in text, name


def test_model_files(command):
    """`mien models list` tells every file that the project knows."""
    out = command("models", "list").out

    assert [name for name in ENTRIES if name not in out] == []


def test_output_formats(command):
    """docs/video.md and the help of `mien video` tell every ending that a time line or a video may have."""
    text, page = re.sub(r"\s+", " ", command("video", "--help").out), _page("video.md")

    for suffix in (*VIDEO_SUFFIXES, *TABLE_SUFFIXES):
        assert suffix in text, f"the help of mien video does not name {suffix}"
        assert suffix in page or suffix.removeprefix(".").upper() in page.upper(), suffix
    assert all(name in command("analyze", "--help").out for name in FORMATS)


def test_the_shipped_models_have_the_usual_crop():
    """The margin that training writes is the one of the files that ship; moving it means training anew."""
    from mien.infer.classify import load_classifier

    assert (CropSpec.margin, CropSpec.shift_y) == (1.13, 0.02)
    for entry in ENTRIES.values():
        if entry.kind == "expression" and entry.url is None:
            crop = load_classifier(entry.name).crop
            assert (crop.margin, crop.shift_y) == (CropSpec.margin, CropSpec.shift_y), entry.name
    assert f"a margin of {CropSpec.margin}" in _page("model-format.md")

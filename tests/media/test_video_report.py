"""The report of a video: self-contained, well-formed, readable aloud, and true to the summary."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from made_clips import LABELS, blank, reading

from mien.core.errors import OutputError
from mien.draw.charts import Span, areas, clock, lanes, shares
from mien.media.report import ReportSink
from mien.media.summary import Summary

COLOURS = {"happy": "#f2b632", "neutral": "#aab7bd"}


def page(tmp_path, frames, thumbnails=False, notes=tuple, name="party.mp4"):
    sink = ReportSink(tmp_path / "a.html", Summary(LABELS, thumbnails=thumbnails), name, [("model", "tiny")], notes)
    for i, (time_s, readings) in enumerate(frames):
        sink.write(blank(i, time_s), readings)
    sink.close()
    return (tmp_path / "a.html").read_text("utf-8")


@pytest.fixture
def party():
    """Ten seconds; person 1 is happy and then neutral, person 2 joins, person 3 is there for a moment."""
    frames = []
    for i in range(100):
        readings = [reading(1, 0.9 if i < 60 else 0.1)]
        readings += [reading(2, 0.8)] if i >= 30 else []
        readings += [reading(3, 0.8)] if 50 <= i < 53 else []
        frames.append((i / 10, readings))
    return frames


def test_page(tmp_path, party):
    """Title, sections, seconds per person, one change; the face of a moment is no person."""
    html = page(tmp_path, party)

    assert "Expressions in party.mp4" in html
    for heading in ("Who showed what when", "All faces together", "Share of time", "Each person", "Changes"):
        assert heading in html
    assert "<td>Person\u00a01</td><td>0 s</td><td>10.0</td><td>6.0</td><td>4.0</td><td>0.0</td>" in html
    assert "<td>Person\u00a02</td><td>3 s</td><td>7.0</td><td>7.0</td><td>0.0</td>" in html
    assert "Person 3" not in html
    assert "1 face that was followed is not plausible as a person and not counted." in html
    assert "<td>from happy</td><td></td><td>1</td>" in html


def test_self_contained_and_well_formed(tmp_path, party):
    """Nothing is loaded from anywhere, no script runs, and every drawing is well-formed with a title."""
    html = page(tmp_path, party)
    assert not re.search(r"https?://|<script|<link|@import", html)
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) > 5
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("aria-hidden") == "true" or (root.get("role") == "img" and root.get("aria-label"))
        assert root.get("aria-hidden") == "true" or root.find("title") is not None
    assert not re.search(r"\bnan\b", html)


def test_thumbnails_only_when_asked(tmp_path, party):
    """Without --thumbnails the page holds no picture of anybody."""
    assert "data:image" not in page(tmp_path, party)
    html = page(tmp_path, party, thumbnails=True)
    assert html.count("data:image/jpeg") == 2
    assert 'alt="Face of person 1"' in html


def test_page_appears_at_the_end(tmp_path):
    """The page is written when the sink is closed."""
    sink = ReportSink(tmp_path / "a.html", Summary(LABELS), "x")
    sink.write(blank(0, 0.0), [reading()])
    assert list(tmp_path.iterdir()) == []
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_no_face(tmp_path):
    """A video without faces has a page that says so."""
    assert "No face was found in this video." in page(tmp_path, [(0.0, []), (1.0, [])])


def test_notes_and_names_are_text(tmp_path, party):
    """What comes from outside cannot become markup."""
    html = page(tmp_path, party, notes=lambda: ["cut <b>short</b>"], name="<img src=x>.mp4")
    assert "cut &lt;b&gt;short&lt;/b&gt;" in html
    assert "<img src=x>" not in html


def test_folder_is_missing(tmp_path):
    """Told before the run, not after it."""
    with pytest.raises(OutputError, match="folder that exists"):
        ReportSink(tmp_path / "none" / "a.html", Summary(LABELS), "x")


def test_areas_fill_the_height():
    """The ribbons lie on one another from 0 to 100 %; a gap in time is a gap in the drawing."""
    means = {step: np.array([0.25, 0.75]) for step in (0, 1, 2, 7, 8)}
    root = ElementTree.fromstring(areas(means, ("happy", "neutral"), COLOURS, Span(0, 10, 1.0), "t"))
    ribbons = [[tuple(map(float, p.split(","))) for p in g.get("points").split()] for g in root.iter("polygon")]

    assert len(ribbons) == 4  # two runs of two labels
    bottom, top = ribbons[0], ribbons[1]
    assert {y for _, y in bottom} == {150.0, 112.5}
    assert {y for _, y in top} == {112.5, 0.0}
    assert max(x for x, _ in ribbons[0]) < min(x for x, _ in ribbons[2])


def test_lanes_and_shares():
    """Neighbouring steps of one expression are one bar; shares are as wide as their numbers."""
    drawing = lanes([("person 1", {0: "happy", 1: "happy", 2: "neutral"})], COLOURS, Span(0, 10, 1.0), "t")
    assert len(list(ElementTree.fromstring(drawing).iter("rect"))) == 2

    bars = list(ElementTree.fromstring(shares([("a", {"happy": 3.0, "neutral": 1.0})], COLOURS, "t")).iter("rect"))
    assert float(bars[0].get("width")) == pytest.approx(3 * float(bars[1].get("width")), abs=0.5)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (7.25, "7.2 s"), (59.9, "59.9 s"), (65, "1:05"), (3725, "1:02:05")]
)
def test_clock(seconds, text):
    """Times as people write them."""
    assert clock(seconds) == text


@pytest.mark.parametrize("name", ["person 1", "person 21", "person 12345", "participant from a long file name"])
def test_names_stay_on_the_page(name):
    """However long a name is, it begins inside of the drawing: it has room at 12 px, or is squeezed into it."""
    drawing = shares([(name, {"happy": 1.0})], {"happy": "#f2b632"}, "Share of time")
    end, more = re.search(rf'<text x="([0-9.]+)"([^>]*)>{name}</text>', drawing).groups()
    squeezed = re.search(r'textLength="([0-9.]+)"', more)
    wide = float(squeezed[1]) if squeezed else 7 * len(name)
    assert float(end) - wide >= 0

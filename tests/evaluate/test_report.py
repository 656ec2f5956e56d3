"""The report is one page that needs nothing else, with its plots and its JSON beside it."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from judging_worlds import Brightness, manifest_of, squares

from mien.core.errors import MissingExtraError, OutputError
from mien.data import Manifest
from mien.evaluate.corruption import judge_corruptions
from mien.evaluate.judge import judge
from mien.evaluate.records import read_evaluation
from mien.evaluate.report import write_report

PNG = b"\x89PNG\r\n\x1a\n"


class Outline(HTMLParser):
    """Headings, and every address that a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.addresses: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "h2"
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag == "img":
            assert dict(attrs)["alt"]

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.headings.append(data)
            self._inside = False


def outline(page: Path) -> Outline:
    found = Outline()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def test_writes_a_self_contained_report(tmp_path: Path, world: Manifest, brightness: Brightness):
    """The folder holds the page, the JSON and a PNG for each plot; the page refers to nothing outside itself."""
    body = judge(brightness, world).to_dict()
    page = write_report(body, tmp_path / "new" / "report")
    names = {path.name for path in page.parent.iterdir()}
    plots = {"confusion.png", "classes.png", "reliability.png", "coverage.png"}
    assert names == {"report.html", "evaluation.json", "classification_report.txt"} | plots
    assert all((page.parent / name).read_bytes().startswith(PNG) for name in plots)
    assert read_evaluation(page.parent / "evaluation.json")["figures"]["accuracy"] == 1
    found = outline(page)
    assert len(found.addresses) == 4
    assert all(address.startswith("data:image/png;base64,") for address in found.addresses)
    assert "<script" not in page.read_text(encoding="utf-8")


def test_sections_follow_the_contents(tmp_path: Path, world: Manifest, brightness: Brightness):
    """Parts that were not judged have no section; those that were have one."""
    plain = outline(write_report(judge(brightness, world).to_dict(), tmp_path / "plain")).headings
    assert plain == [
        "How it was measured", "Per-class precision, recall, F1", "Confusion matrix",
        "Calibration", "Abstaining", "Pictures that also occur in training",
    ]  # fmt: skip
    group = np.array(["a", "b"] * 3)
    manifest = manifest_of(squares([0.0, 0.5, 1.0] * 2), [0, 1, 2, 0, 2, 1], ["test"] * 6, group=group)
    found = judge(brightness, manifest, flip=True)
    body = found.to_dict() | {
        "corruptions": judge_corruptions(brightness, manifest, found.task),
        "speed": {"one_ms": 0.5, "batch": 32, "batch_ms": 0.4, "processor": "a processor"},
    }
    full = outline(write_report(body, tmp_path / "full")).headings
    assert full == [*plain[:-1], "With the mirror image", "Groups", "Corrupted pictures", "Speed"]
    assert (tmp_path / "full" / "corruptions.png").is_file()


def test_names_are_escaped(tmp_path: Path):
    """Names from data sets and models are text, whatever they contain."""
    labels = ("<b>sad</b>", "happy & glad", '"odd"')
    manifest = manifest_of(squares([0.0, 0.5, 1.0]), [0, 1, 2], ["test"] * 3, labels)
    body = judge(Brightness(labels), manifest, model={"name": "<script>alert(1)</script>"}).to_dict()
    text = write_report(body, tmp_path).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<b>sad" not in text
    assert "&lt;b&gt;sad" in text


def test_left_out_classes_are_named(tmp_path: Path, brightness: Brightness):
    """Pictures with classes that the model lacks are named in the report."""
    manifest = manifest_of(
        squares([0.0, 0.5, 1.0, 0.2]), [0, 1, 2, 3], ["test"] * 4, ("sad", "neutral", "happy", "awe")
    )
    text = write_report(judge(brightness, manifest).to_dict(), tmp_path).read_text(encoding="utf-8")
    assert re.search(r"no such label, are not judged: 1 awe", text)


def test_folder_that_cannot_be_made(tmp_path: Path, world: Manifest, brightness: Brightness):
    """A file where the folder should be is one sentence."""
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(OutputError, match="Cannot create the folder"):
        write_report(judge(brightness, world).to_dict(), tmp_path / "report")


def test_without_matplotlib(tmp_path: Path, world: Manifest, brightness: Brightness, monkeypatch: pytest.MonkeyPatch):
    """Without matplotlib the sentence names the extra, and nothing is written."""
    for name in ("matplotlib", "matplotlib.backends.backend_agg", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"mien\[train\]"):
        write_report(judge(brightness, world).to_dict(), tmp_path / "report")
    assert not (tmp_path / "report").exists()

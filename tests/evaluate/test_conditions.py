"""Figures by pose, brightness, sharpness and colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.data import read
from mien.evaluate.card import model_card
from mien.evaluate.conditions import conditions_of, judge_conditions
from mien.evaluate.judge import judge
from mien.evaluate.order import NOT_KNOWN
from mien.evaluate.report import write_report

KINDS = ("upright", "leaning", "plain")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops of a photograph of one face, upright and leaning by 45 degrees, in colour and grey, and grey noise."""
    data = pytest.importorskip("skimage.data")
    face = cv2.resize(data.astronaut()[40:200, 140:300, ::-1], (128, 128), interpolation=cv2.INTER_AREA)
    turn = cv2.getRotationMatrix2D((64, 64), -45, 1)
    leaning = cv2.warpAffine(face, turn, (128, 128), borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(0).integers(100, 110, (128, 128), dtype=np.uint8)
    folder = tmp_path_factory.mktemp("conditions")
    for label in ("happy", "sad"):
        (folder / label).mkdir()
        for i, picture in enumerate((face, leaning, noise)):
            grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            shown = np.minimum(grey, 250 - i) if label == "sad" else picture
            cv2.imwrite(str(folder / label / f"{KINDS[i]}.png"), shown)
    return folder


class _Sure:
    """Says the first label of everything."""

    labels = ("happy", "sad")
    name = "sure"

    def __init__(self) -> None:
        self.crop = CropSpec(size=48)

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 48, 48) uint8 -> (N, 2)."""
        return np.tile(np.array([[0.9, 0.1]], np.float32), (len(crops), 1))


def test_what_is_measured(photographs: Path) -> None:
    """A leaning head, a picture without a face, and colour must be told from one another."""
    manifest = read(photographs)
    found = conditions_of(manifest)
    assert sorted(found["head leans"].tolist()).count("") == 2  # the noise
    leaning = found["head leans"]
    assert (leaning == "below 10 degrees").sum() == 2
    assert sum("20 degrees" in name for name in leaning) == 2
    assert sorted(set(found["colour"])) == ["colour", "grey"]
    assert (found["colour"] == "colour").sum() == 2


def test_figures_and_pages(photographs: Path, tmp_path: Path) -> None:
    """Every group must be judged by itself, and card and report must show it."""
    manifest = read(photographs)
    classifier = _Sure()
    found = judge(classifier, manifest, split="all", bootstrap=20)
    rows = judge_conditions(found, manifest, bootstrap=20)
    colours = {row["group"]: row["figures"] for row in rows if row["condition"] == "colour"}
    assert colours["colour"]["accuracy"] == 1.0
    assert colours["grey"]["accuracy"] == pytest.approx(1 / 4)
    leaning = [row["group"] for row in rows if row["condition"] == "head leans"]
    assert leaning[0] == "below 10 degrees"
    assert leaning[-1] == NOT_KNOWN
    body = found.to_dict() | {"conditions": rows}
    assert "| head leans | below 10 degrees | 2 |" in model_card([body])
    assert "head leans: below 10 degrees" in write_report(body, tmp_path / "report").read_text("utf-8")

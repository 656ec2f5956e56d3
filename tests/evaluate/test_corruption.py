"""The corruption suite is deterministic, keeps shapes, and hurts more with every strength."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from judging_worlds import Brightness
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.data import Manifest
from mien.evaluate.corruption import CORRUPTIONS, STRENGTHS, corrupt, judge_corruptions
from mien.evaluate.judge import judge


@pytest.fixture(scope="module")
def face(hopper: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey face of 48 px."""
    import cv2

    return np.asarray(cv2.resize(cv2.cvtColor(hopper[30:280, 120:370], cv2.COLOR_BGR2GRAY), (48, 48)), np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(48, 48), (31, 40, 3), (1, 1), (7, 3, 3)])
def test_keeps_shape_and_original(name: str, shape: tuple[int, ...]):
    """Every corruption keeps the shape and type of grey and colour pictures, and leaves the original alone."""
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = image.copy()
    for strength in STRENGTHS:
        changed = corrupt(image, name, strength)
        assert (changed.shape, changed.dtype) == (shape, np.uint8)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_strengths_rise(name: str, face: NDArray[np.uint8]):
    """A higher strength is farther from the clean picture (mean over rows, as some choose a place or a direction)."""
    distance = [
        np.mean([np.abs(corrupt(face, name, s, row=r).astype(float) - face).mean() for r in range(12)])
        for s in STRENGTHS
    ]
    assert distance[0] > 0
    assert distance == sorted(distance)


def test_randomness_follows_from_seed_and_row(face: NDArray[np.uint8]):
    """The same seed and row give the same picture; another row, seed or strength gives other noise."""
    first = corrupt(face, "noise", 3, seed=1, row=5)
    np.testing.assert_array_equal(first, corrupt(face, "noise", 3, seed=1, row=5))
    assert (first != corrupt(face, "noise", 3, seed=1, row=6)).any()
    assert (first != corrupt(face, "noise", 3, seed=2, row=5)).any()


def test_worked_by_hand():
    """By hand: contrast 0.5 halves the distance to the mean, brightness adds or takes away 25 grey levels."""
    image = np.array([[50, 150], [50, 150]], np.uint8)
    np.testing.assert_array_equal(corrupt(image, "contrast", 2), [[75, 125], [75, 125]])
    shifts = {int(corrupt(image, "brightness", 1, row=r)[0, 0]) for r in range(20)}
    assert shifts == {25, 75}


def test_occlusion_has_its_size():
    """The occluding square has the documented size: 0.2 of 48 px is 10 px at strength 1."""
    image = np.tile(np.arange(48, dtype=np.uint8), (48, 1))
    changed = corrupt(image, "occlusion", 1, row=2) != image
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert rows[-1] - rows[0] + 1 == 10
    assert columns[-1] - columns[0] + 1 in {9, 10}  # one column may have the square's own grey


def test_unknown_requests_are_refused(face: NDArray[np.uint8]):
    """Unknown names and strengths are refused with the known ones."""
    with pytest.raises(OptionError, match=r"Unknown corruption 'fog'.*noise"):
        corrupt(face, "fog", 1)
    with pytest.raises(OptionError, match="1 to 5, got 6"):
        corrupt(face, "blur", 6)


def test_judges_every_corruption(world: Manifest, brightness: Brightness):
    """A classifier of brightness loses nothing by blur and much by brightness; the means are those of the table."""
    task = judge(brightness, world).task
    judged = world.of_split("test").select(task.rows)
    steps: list[int] = []
    found = judge_corruptions(brightness, judged, task, advance=steps.append)
    assert list(found["table"]) == list(CORRUPTIONS)
    assert found["table"]["blur"]["accuracy"] == [1.0] * 5
    assert found["table"]["brightness"]["accuracy"][4] < 0.9
    assert found["table"]["jpeg"]["amounts"] == [50, 30, 18, 10, 6]
    every = [row["accuracy"] for row in found["table"].values()]
    assert found["mean_accuracy"] == pytest.approx(np.mean(every))
    assert sum(steps) == 12 * 40
    assert found == judge_corruptions(brightness, judged, task)


def test_documented_amounts():
    """The page of the documentation shows the amounts that are used."""
    page = Path(__file__).parents[2] / "docs" / "judging.md"
    rows = {cells[1].strip(): cells[2:7] for line in page.read_text().splitlines() if len(cells := line.split("|")) > 7}
    for name, corruption in CORRUPTIONS.items():
        assert [float(cell) for cell in rows[name]] == list(corruption.amounts)

"""The types that a program sees; mypy reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import mien


def photographs(path: Path, image: NDArray[np.uint8]) -> None:
    """One call, or an analyzer that is kept."""
    assert_type(mien.analyze(path), list[mien.Reading])
    analyzer = mien.Analyzer(detector="auto", threads=1)
    assert_type(analyzer.analyze(image), list[mien.Reading])
    assert_type(analyzer.analyze_batch([path, image]), list[list[mien.Reading]])
    assert_type(analyzer.labels, tuple[str, ...])
    assert_type(analyzer.classify(np.zeros((3, 48, 48), np.uint8)), NDArray[np.float32])


def readings(reading: mien.Reading) -> None:
    """What one face gives."""
    assert_type(reading.emotion, str)
    assert_type(reading.confidence, float)
    assert_type(reading.uncertain, bool)
    assert_type(reading.probabilities, dict[str, float])
    assert_type(reading.box, tuple[float, float, float, float])
    assert_type(reading.landmarks, tuple[tuple[float, float], ...] | None)


def video(path: Path) -> None:
    """Frames with their readings."""
    analyzer = mien.Analyzer()
    with mien.open_source(path) as source:
        assert_type(analyzer.stream(source), Iterator[tuple[mien.Frame, list[mien.Reading]]])


def training(folder: Path, image: NDArray[np.uint8]) -> None:
    """A data set in, a model out."""
    result = mien.train(folder, "run", weights="wild", epochs=8, lr=0.01)
    assert_type(result, mien.Trained)
    assert_type(result.model, Path)
    assert_type(mien.analyze(image, model=result.model), list[mien.Reading])

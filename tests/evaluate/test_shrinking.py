"""Packaged models must know less of smaller faces, and say so."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data import read
from mien.infer.classify import load_classifier

SIDES = (48, 20, 12, 7)


@pytest.mark.parametrize("model", ["wild-int8", "wild-small", "fer2013"])
def test_confidence_falls_with_size(model: str, shared: Path) -> None:
    """As photographs shrink, the mean confidence must fall with the accuracy."""
    file = shared / "data" / "expw" / "validation.parquet"
    if not file.is_file():
        pytest.skip("ExpW is not in the folder of shared data")
    validation = read(file, check=False)
    part = validation.select(np.arange(0, len(validation), 6))
    crops = part.crops(np.arange(len(part)), 48)
    classifier = load_classifier(model)
    confidence, accuracy = [], []
    for side in SIDES:
        small = [cv2.resize(c, (side, side), interpolation=cv2.INTER_AREA) for c in crops]
        shown = np.stack([cv2.resize(c, (48, 48), interpolation=cv2.INTER_LINEAR) for c in small])
        p = classifier.classify(shown)
        confidence.append(float(p.max(axis=1).mean()))
        accuracy.append(float((p.argmax(axis=1) == part.label).mean()))
    assert confidence == sorted(confidence, reverse=True)
    assert accuracy == sorted(accuracy, reverse=True)

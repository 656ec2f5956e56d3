"""Float32 model files whose weights are stored in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.learn.export import read_info, run_file
from mien.learn.halve import halve
from mien.learn.train import Outcome


def test_half_the_size_and_the_same(finished: Outcome, tmp_path: Path) -> None:
    """A halved file must weigh about half, keep its contract, and give nearly the same answers."""
    whole, half = finished.run / "model.onnx", tmp_path / "half.onnx"
    halve(whole, half)
    assert half.stat().st_size < 0.62 * whole.stat().st_size
    assert read_info(half) == read_info(whole)
    crops = np.random.default_rng(0).integers(0, 256, (8, 24, 24), dtype=np.uint8)
    crops = crops if read_info(whole).crop.size == 24 else np.zeros((8, *(read_info(whole).crop.size,) * 2), np.uint8)
    np.testing.assert_allclose(run_file(half, crops), run_file(whole, crops), atol=1e-3)

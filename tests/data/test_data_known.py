"""Public data sets that their columns give away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_worlds import png

from mien.core.errors import DataError
from mien.core.labels import FER2013
from mien.data import read

_SIDES = (40, 70, 150, 400)


def _expw(folder: Path, labels: tuple[int | str, ...] = (0, 1, 3, 6), sides: tuple[object, ...] = _SIDES) -> Path:
    """A table with ExpW's columns: two photographs with two faces each."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = [{"bytes": png(rng.integers(0, 256, (64, 64), dtype=np.uint8)), "path": f"{i}.png"} for i in range(4)]
    columns = {"image": images, "label": list(labels), "group": ["a", "a", "b", "b"], "side": list(sides)}
    pq.write_table(pa.table(columns), folder / "validation.parquet")
    return folder


def test_expw_by_its_columns(tmp_path: Path) -> None:
    """ExpW's numbers must be read in FER-2013's order, its photographs as what is resampled, and its sizes as
    groups.
    """
    manifest = read(_expw(tmp_path / "set"))
    assert manifest.labels == FER2013
    assert manifest.label.tolist() == [0, 1, 3, 6]
    assert manifest.subject is not None
    assert manifest.subject.tolist() == ["a", "a", "b", "b"]
    assert manifest.group is not None
    assert manifest.group.tolist() == [
        "crops below 64 px", "crops of 64 to 95 px", "crops of 96 to 191 px", "crops of 192 px and more",
    ]  # fmt: skip


def test_expw_with_other_names(tmp_path: Path) -> None:
    """Names that a person gives must win over the known order."""
    names = ["a", "b", "c", "d", "e", "f", "g"]
    assert read(_expw(tmp_path / "set"), labels=names).labels.names == tuple(names)


def test_expw_with_odd_sizes(tmp_path: Path) -> None:
    """A size that is no number must be refused by the column's name."""
    with pytest.raises(DataError, match="column side must hold numbers"):
        read(_expw(tmp_path / "set", sides=("x", "1", "2", "3")))

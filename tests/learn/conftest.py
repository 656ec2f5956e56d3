"""A drawn data set that a tiny network learns in seconds, and one finished run on it."""

from __future__ import annotations

import pytest
from drawn_faces import drawn_manifest

from mien.data.manifest import Manifest
from mien.learn.config import Config
from mien.learn.train import Outcome, train

TINY = Config(
    model="mien-xs", size=24, targets="both", epochs=4, warmup=0.5, batch_size=18, lr=0.05, ema=0.5, augment="light",
    device="cpu", threads=1, seed=3,
)  # fmt: skip


@pytest.fixture(scope="session")
def drawn() -> Manifest:
    """The drawn data set."""
    return drawn_manifest()


@pytest.fixture(scope="session")
def tiny() -> Config:
    """Settings of a run of seconds."""
    return TINY


@pytest.fixture(scope="session")
def finished(drawn: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A finished run with both heads."""
    return train(drawn, TINY, tmp_path_factory.mktemp("runs") / "finished")

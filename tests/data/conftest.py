"""Fixtures for data sets: a small one in memory."""

from __future__ import annotations

import pytest
from data_worlds import World, make_world


@pytest.fixture(scope="session")
def small() -> World:
    """Twenty-eight drawn pictures in three splits and seven classes."""
    return make_world()

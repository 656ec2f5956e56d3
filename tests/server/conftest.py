"""Fixtures of the service: it runs in a thread on a free port, as `mien serve` runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mien.infer.options import AnalyzerOptions

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from server_worlds import Served, png, running


@pytest.fixture(scope="session")
def quick(tiny_model) -> AnalyzerOptions:
    """Options of the golden model, which takes the whole picture for a face."""
    return AnalyzerOptions(model=tiny_model, detector="none")


@pytest.fixture(scope="session")
def served(quick) -> Iterator[Served]:
    """A service that several tests share; nobody is refused for being too quick."""
    from mien.app.server.settings import Limits

    with running(analyzer=quick, limits=Limits(requests_per_minute=100_000)) as service:
        yield service


@pytest.fixture
def serve(quick) -> Iterator[Callable[..., Served]]:
    """Starts services with other settings (`limits` as a dictionary)."""
    from mien.app.server.settings import Limits

    with ExitStack() as stack:

        def start(**settings: Any) -> Served:
            limits = Limits(**settings.pop("limits", {}))
            return stack.enter_context(running(**{"analyzer": quick, "limits": limits, **settings}))

        yield start


@pytest.fixture(scope="session")
def grey_png() -> bytes:
    """A grey picture of 16 x 8 pixels."""
    return png(16, 8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> bytes:
    """One second of grey frames, 10 per second."""
    import cv2
    import numpy as np

    file = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for level in range(10):
        writer.write(np.full((48, 64, 3), 20 * level, np.uint8))
    writer.release()
    return file.read_bytes()

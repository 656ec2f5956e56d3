"""Fixtures that several rooms share: test photographs from installed packages, and the folder of shared data."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

_REPOSITORY = Path(__file__).resolve().parents[1]

_BY_THE_CLOCK = ("page", "server")
"""Rooms whose tests talk to browsers and processes that go by the clock, which a busy machine may hold up."""


_LONGEST = ("notebooks", "learn", "page", "server")
"""Rooms with the files that take longest; begun first, they do not keep one process busy when the others are done."""


def pytest_configure(config: pytest.Config) -> None:
    """Hand out files in the order of the tests: pytest-xdist would begin with those that have the most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the longest rooms first; a test that goes by the clock has a second try, of which the summary tells."""
    room = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: room.get(item.path.parent.name, len(room)))
    for item in items:
        if item.path.parent.name in _BY_THE_CLOCK:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data beside the checkout; tests that need it skip elsewhere."""
    folder = Path(os.environ.get("MIEN_SHARED", _REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("the folder of shared data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def fer2013(shared: Path) -> Path:
    """FER-2013 as Parquet; skips where it is absent."""
    folder = shared / "data" / "fer2013"
    if not (folder / "test.parquet").is_file():
        pytest.skip("FER-2013 is not in the folder of shared data")
    return folder


@pytest.fixture(scope="session")
def yunet_file(shared: Path) -> Path:
    """The YuNet detector's file; skips where it is absent."""
    file = shared / "models" / "face_detection_yunet_2023mar.onnx"
    if not file.is_file():
        pytest.skip("the YuNet file is not in the folder of shared data")
    return file


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """Eileen Collins, 1993, one smiling face: (512, 512, 3) uint8 BGR, from scikit-image (NASA, public domain)."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut()[..., ::-1])


@pytest.fixture(scope="session")
def hopper_file() -> Path:
    """Grace Hopper, one face: path of the JPEG that matplotlib brings (public domain)."""
    matplotlib = pytest.importorskip("matplotlib")
    return Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture(scope="session")
def hopper(hopper_file: Path) -> NDArray[np.uint8]:
    """Grace Hopper as (600, 512, 3) uint8 BGR."""
    import cv2

    return np.asarray(cv2.imread(str(hopper_file)), np.uint8)


@pytest.fixture(scope="session")
def coffee() -> NDArray[np.uint8]:
    """A cup of coffee, no face: (400, 600, 3) uint8 BGR, from scikit-image."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.coffee()[..., ::-1])


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """The golden model file: two labels, 8 px grey; the brighter a crop, the happier."""
    return Path(__file__).parent / "golden" / "tiny.onnx"


@pytest.fixture(scope="session")
def bright_detector() -> Path:
    """The golden detector file: every square of 16 px is a face as sure as it is bright."""
    return Path(__file__).parent / "golden" / "bright.onnx"


@pytest.fixture
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model store; nothing of the user's own store is seen."""
    folder = tmp_path / "store"
    monkeypatch.setenv("MIEN_CACHE", str(folder))
    return folder


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Processes that the test starts heed SIGINT, also where this one was started in the background and ignores it.

    A handler is set back to the default in a child, an ignored signal is not.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs the `mien` command in this process, just as the shell would."""

    def run(*arguments: object) -> Ended:
        from mien.app.cli import main

        monkeypatch.setattr(sys, "argv", ["mien", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run

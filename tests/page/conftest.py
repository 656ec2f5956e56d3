"""Fixtures of the page: a service, and Chromium with a camera that shows two photographs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("playwright")
sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from page_worlds import CHROMIUM, Tab, browser, npm_package, two_faces, write_camera
from server_worlds import Served, running

from mien.infer.options import AnalyzerOptions

_AXE = "4.14.1"
_AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="


@pytest.fixture(scope="session")
def chromium(tmp_path_factory, camera_file) -> Iterator[Any]:
    """A browser without a window; skips where Chromium is not installed."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with browser(camera_file) as opened:
        yield opened


@pytest.fixture(scope="session")
def camera_file(tmp_path_factory, astronaut, hopper) -> Path:
    """What the camera shows, as Motion JPEG: both people, moving a little."""
    import numpy as np

    both = two_faces(astronaut, hopper)
    file = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    write_camera(file, [np.roll(both, shift, 1) for shift in (0, 1, 2, 3, 2, 1)])
    return file


@pytest.fixture(scope="session")
def runtime_files(tmp_path_factory) -> Iterator[None]:
    """onnxruntime-web for the page: the user's copy, else fetched through npm; skips where neither is possible."""
    from mien.app.server import runtime
    from mien.core.errors import StoreError

    if runtime.missing() is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE", str(tmp_path_factory.mktemp("store")))
        try:
            runtime.pull(webgpu=True)
        except StoreError as error:
            pytest.skip(f"onnxruntime-web cannot be had: {error}")
        yield


@pytest.fixture(scope="session")
def shipped_detector() -> Path:
    """The detector in the package; skips where this checkout has none yet."""
    from mien.app.server.pagefiles import page_detector

    file = page_detector("auto")
    if file is None:
        pytest.skip("the package holds no face detector of its own")
    return file


@pytest.fixture(scope="session")
def any_detector(tmp_path_factory) -> Path:
    """The shipped detector, else an untrained one that sees faces everywhere: its arithmetic is the same."""
    from mien.app.server.pagefiles import page_detector

    shipped = page_detector("auto")
    if shipped is not None:
        return shipped
    torch = pytest.importorskip("torch")
    from mien.core.contract import DetectorInfo
    from mien.learn.detector.export import export_detector
    from mien.learn.detector.net import DetectorNet

    torch.manual_seed(0)
    net = DetectorNet()
    torch.nn.init.normal_(net.out.weight, std=0.3)
    torch.nn.init.normal_(net.out.weight[:1])
    torch.nn.init.zeros_(net.out.bias)
    file = tmp_path_factory.mktemp("detector") / "odd.onnx"
    export_detector(net, DetectorInfo("odd", (8, 16, 32), 0.995, 0.3), file)
    return file


@pytest.fixture(scope="session")
def site(runtime_files) -> Iterator[Served]:
    """A service with the shipped model and the shipped detector."""
    from mien.app.server.pagefiles import page_detector
    from mien.app.server.settings import Limits

    with running(
        analyzer=AnalyzerOptions(detector=page_detector("auto")), limits=Limits(requests_per_minute=100_000)
    ) as service:
        yield service


@pytest.fixture
def serve_quick(tiny_model) -> Iterator[Any]:
    """Starts services with the golden model, which takes the whole picture for a face."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(**settings: Any) -> Served:
            quick = {"analyzer": AnalyzerOptions(model=tiny_model, detector="none")}
            return stack.enter_context(running(**quick | settings))

        yield start


@pytest.fixture
def open_tab(chromium) -> Iterator[Any]:
    """Opens pages; at the end none may have failed inside or have asked another host for anything."""
    tabs: list[Tab] = []

    def open_page(service: Served, path: str = "", **options: Any) -> Tab:
        # Only the tests of the service worker let it fetch everything a second time.
        tab = Tab(chromium.new_context(**{"service_workers": "block", **options}), service.address)
        tabs.append(tab)
        tab.page.goto(f"http://{service.address}/{path}")
        return tab

    yield open_page
    for tab in tabs:
        tab.context.close()
    for tab in tabs:
        assert tab.errors == []
        assert tab.foreign == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """axe-core as text, fetched through npm; skips where that is not possible."""
    folder = npm_package("axe-core", _AXE, _AXE_SHA512, tmp_path_factory.mktemp("axe"))
    return (folder / "axe.min.js").read_text("utf-8")

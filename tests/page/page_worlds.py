"""What the tests of the page share: a camera made of two photographs, and a browser that takes it for a real one."""

from __future__ import annotations

import functools
import hashlib
import http.server
import shutil
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)


def two_faces(astronaut: Picture, hopper: Picture, width: int = 640, height: int = 480) -> Picture:
    """Both photographs side by side, (height, width, 3) BGR."""
    half = (width // 2, height)
    left = cv2.resize(astronaut[:384, 60:400], half, interpolation=cv2.INTER_AREA)
    right = cv2.resize(hopper[60:500, 90:440], half, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.hstack([left, right]), np.uint8)


def write_camera(path: Path, pictures: Sequence[Picture]) -> None:
    """Pictures as Motion JPEG, 4:2:0: with other subsampling Chromium shows empty frames and says nothing."""
    with path.open("wb") as file:
        for picture in pictures:
            Image.fromarray(picture[..., ::-1]).save(file, "jpeg", quality=92, subsampling=2)


@contextmanager
def browser(camera: Path | None = None, arguments: Sequence[str] = ()) -> Iterator[Any]:
    """Chromium without a window; with a fake camera that shows a file."""
    from playwright.sync_api import sync_playwright

    fake = [] if camera is None else [f"--use-file-for-fake-video-capture={camera}"]
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", *fake, *arguments]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield chromium
        finally:
            chromium.close()


def npm_package(name: str, version: str, sha512: str, folder: Path) -> Path:
    """Folder of a package, fetched through npm and checked; skips where that is not possible."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"npm is not installed, so {name} cannot be had")
    arguments = [npm, "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, timeout=120)
    packages = list(folder.glob("*.tgz"))
    if done.returncode or not packages:
        pytest.skip(f"npm could not fetch {name}")
    assert b64encode(hashlib.sha512(packages[0].read_bytes()).digest()).decode() == sha512
    shutil.unpack_archive(packages[0], folder)
    return folder / "package"


@contextmanager
def folder_served(folder: Path) -> Iterator[Any]:
    """A folder behind Python's own web server; `address` says where."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield SimpleNamespace(address=f"127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
            thread.join()


class Tab:
    """A page that keeps account of what goes wrong, whom it asks, and what it sends."""

    def __init__(self, context: Any, address: str) -> None:
        self.context = context
        self.page = context.new_page()
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.sent: list[str] = []
        self._own = (f"http://{address}/", f"ws://{address}/", "blob:", "data:")
        self.page.set_default_timeout(60_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._look)
        self.page.on("websocket", lambda socket: self.sent.append(socket.url))

    def _look(self, request: Any) -> None:
        if not request.url.startswith(self._own):
            self.foreign.append(request.url)
        if request.method != "GET":
            self.sent.append(f"{request.method} {request.url}")

    def ready(self) -> Any:
        """The page, once it has started."""
        self.page.wait_for_selector("html[data-ready]", state="attached")
        return self.page

    def engine(self, name: str) -> None:
        """Choose where faces are read: "device" or "server"."""
        self.page.check(f"input[name=engine][value={name}]", force=True)

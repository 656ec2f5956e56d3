"""What the tests of the page share: a camera made of two photographs, and a browser that takes it for a real one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
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

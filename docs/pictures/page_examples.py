"""Makes the examples that the page ships: two photographs in the public domain, cut and shrunk, and a short drawn clip.

The photographs are NASA's of Eileen Collins (scikit-image's astronaut) and the US Navy's of Grace Hopper
(matplotlib's sample).
Run from the root of the repository: python docs/pictures/page_examples.py
"""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

from matplotlib import cbook
from PIL import Image, ImageDraw
from skimage.data import astronaut

from draw import _face

_OUT = Path("src/mien/app/static")
_SCALE = 2  # drawn larger and shrunk, for smooth edges
_SIZE = (480, 300)
_FPS = 10
_MOODS = (("neutral", "happy", "happy", "surprise"), ("angry", "angry", "neutral", "happy"))
_EACH_S = 1.5


def _photographs() -> None:
    hopper = Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("RGB")
    for name, picture in (
        ("example-collins.jpg", Image.fromarray(astronaut()).crop((95, 0, 365, 305))),
        ("example-hopper.jpg", hopper.crop((90, 60, 440, 455))),
    ):
        picture.resize((340, 384), Image.Resampling.LANCZOS).save(_OUT / name, quality=84, optimize=True)


def _clip() -> None:
    frames = round(_FPS * _EACH_S * len(_MOODS[0]))
    size = f"{_SIZE[0]}x{_SIZE[1]}"
    read = [
        "ffmpeg",
        "-y",
        "-loglevel",
        "error",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        size,
        "-r",
        str(_FPS),
        "-i",
        "-",
    ]
    write = ["-c:v", "libvpx-vp9", "-crf", "38", "-b:v", "0", "-pix_fmt", "yuv420p", str(_OUT / "example-clip.webm")]
    pixels = b"".join(_frame(i / _FPS).tobytes() for i in range(frames))
    subprocess.run([*read, *write], input=pixels, check=True)


def _frame(time: float) -> Image.Image:
    canvas = Image.new("RGB", (_SIZE[0] * _SCALE, _SIZE[1] * _SCALE), "#dfe7ea")
    draw = ImageDraw.Draw(canvas, "RGBA")
    for person, (left, look) in enumerate(((130, 0), (350, 3))):
        x = left + 8 * math.sin(1.3 * time + 2 * person)
        y = 128 + 4 * math.sin(2.1 * time + person)
        _face(draw, x * _SCALE, y * _SCALE, 50 * _SCALE, look, _MOODS[person][int(time / _EACH_S)])
    return canvas.resize(_SIZE, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    _photographs()
    _clip()

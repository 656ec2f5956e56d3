"""Frames are what a player shows: square pixels, upright, not mirrored."""

import shutil
import subprocess

import cv2
import numpy as np
import pytest
from made_clips import tag_matrix, write_clip

from mien.media.display import square_pixels, turned, widened
from mien.media.source import open_source

TURNS = [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1), (0, 1, -1, 0), (0, -1, 1, 0), (0, 1, 1, 0)]
TURNS += [(0, -1, -1, 0)]


def corners(size=(96, 64)):
    """A picture whose four corners have grey levels of their own: 60, 120, 180, 240, row by row."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = 60, 120
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = 180, 240
    return image


def shown(image, turn):
    """Where a matrix sends each corner, worked out from x' = a x + c y, y' = b x + d y around the middle."""
    a, b, c, d = turn
    height, width = image.shape[:2]
    seen = {}
    for y in (-1, 1):
        for x in (-1, 1):
            seen[b * x + d * y, a * x + c * y] = int(
                image[height // 4 if y < 0 else 3 * height // 4, width // 4 if x < 0 else 3 * width // 4, 0]
            )
    return [seen[-1, -1], seen[-1, 1], seen[1, -1], seen[1, 1]]


def levels(image):
    """Grey levels in the middle of the four quarters, to the nearest 60."""
    height, width = image.shape[:2]
    places = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    places += [(3 * height // 4, x) for x in (width // 4, 3 * width // 4)]
    return [round(float(image[y - 4 : y + 4, x - 4 : x + 4].mean()) / 60) * 60 for y, x in places]


def first(path):
    """The first frame's picture."""
    with open_source(path) as source:
        return next(source).image


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("box", [b"tkhd", b"mvhd"])
def test_display_matrix(tmp_path, turn, box):
    """Each of the eight ways to turn and mirror a picture comes out as the matrix says, in either header."""
    clip = write_clip(tmp_path / "a.mp4", [corners()] * 2)
    tag_matrix(clip, turn, box)
    image = first(clip)

    assert image.shape == ((64, 96, 3) if turn[0] else (96, 64, 3))
    assert levels(image) == shown(corners(), turn)


@pytest.mark.parametrize("turn", TURNS)
def test_turned(turn):
    """The pure function agrees with the formula, pixel by pixel."""
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
    out = turned(image, turn)
    a, b, c, d = turn
    for y in range(2):
        for x in range(3):
            right, down = a * x + c * y, b * x + d * y
            right += 2 * (a < 0) + (c < 0)
            down += 2 * (b < 0) + (d < 0)
            assert out[down, right, 0] == image[y, x, 0]


def test_wide_pixels(tmp_path):
    """Pixels of 4:3 make a stored square an oblong of 4:3, as high as it was stored, and the size is the shown one."""
    clip = write_clip(tmp_path / "a.mp4", [corners()] * 2)
    tag_matrix(clip, (4 / 3, 0, 0, 1))
    with open_source(clip) as source:
        image = next(source).image

    assert image.shape == (64, 128, 3)
    assert (source.width, source.height) == (128, 64)
    assert levels(image) == [60, 120, 180, 240]


@pytest.mark.parametrize(("aspect", "square"), [(1, True), (447 / 448, True), (0, True), (np.nan, True), (99, True)])
def test_what_counts_as_square(aspect, square):
    """Rounding by encoders is no ratio, nor is nonsense; those of tape and disc are."""
    assert square_pixels(aspect) == square
    assert not any(square_pixels(real) for real in (4 / 3, 64 / 45, 16 / 15, 8 / 9, 10 / 11, 12 / 11, 1.5))


def test_narrow_pixels():
    """NTSC: 720 x 480 at 8:9 is shown as 640 x 480."""
    assert widened(np.zeros((480, 720, 3), np.uint8), 8 / 9).shape == (480, 640, 3)
    assert widened(np.zeros((480, 720, 3), np.uint8), 4 / 3, upright=False).shape == (640, 720, 3)


@pytest.mark.parametrize(
    ("suffix", "codec", "size", "aspect", "shape"),
    [
        ("mp4", "libx264", "360x270", "4/3", (270, 480, 3)),
        ("mpg", "mpeg2video", "720x576", "64/45", (576, 1024, 3)),
        ("mkv", "libx264", "352x288", "447/448", (288, 352, 3)),
    ],
)
def test_clips_of_ffmpeg(tmp_path, suffix, codec, size, aspect, shape):
    """Clips as cameras and discs have them."""
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    picture = tmp_path / "a.png"
    width, height = map(int, size.split("x"))
    cv2.imwrite(str(picture), corners((width, height)))
    clip = tmp_path / f"a.{suffix}"
    made = ["ffmpeg", "-v", "error", "-loop", "1", "-framerate", "25", "-t", "0.2", "-i", picture, "-vf"]
    subprocess.run([*made, f"setsar={aspect}", "-c:v", codec, "-pix_fmt", "yuv420p", clip], check=True, timeout=60)
    image = first(clip)

    assert image.shape == shape
    assert levels(image) == [60, 120, 180, 240]
    if suffix == "mp4":  # turned by a quarter, the wide side is the height: the ratio belongs to the stored picture
        tag_matrix(clip, (0, 1, -1, 0))
        assert first(clip).shape == (shape[1], shape[0], 3)

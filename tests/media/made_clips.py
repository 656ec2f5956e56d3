"""Small clips made for tests, with what real files get wrong: odd times, rotation, lies in the header."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mien.core.types import Face, Frame, Image, Reading
from mien.media.video_writer import VideoSink

LABELS = ("happy", "neutral")


def numbered(count: int, size: tuple[int, int] = (96, 64)) -> list[Image]:
    """Pictures whose brightness tells their number: grey level 8 + 8 * i, (width, height)."""
    return [np.full((size[1], size[0], 3), 8 + 8 * i, np.uint8) for i in range(count)]


def number_of(image: Image) -> int:
    """Which picture of `numbered` this is, after a codec."""
    return round((float(image.mean()) - 8) / 8)


def write_clip(path: Path, images: Sequence[Image], times_s: Sequence[float] | None = None, fps: float = 25.0) -> Path:
    """A clip with these pictures, at these times or at a constant rate."""
    sink = VideoSink(path, lambda image, _readings: image, fps)
    for i, image in enumerate(images):
        sink.write(Frame(image, i, i / fps if times_s is None else times_s[i]), ())
    sink.close()
    return path


def rotate_tag(path: Path) -> None:
    """Tag an MP4 file as filmed with the phone turned by 90 degrees."""
    tag_matrix(path, (0, 1, -1, 0))


def tag_matrix(path: Path, turn: tuple[float, float, float, float], box: bytes = b"tkhd") -> None:
    """Write a display matrix (a, b, c, d: x' = a x + c y, y' = b x + d y) into an MP4 file's track or movie header."""
    data = bytearray(path.read_bytes())
    a, b, c, d = (round(part * 65536) for part in turn)
    at = data.index(box) + 4 + {b"tkhd": 40, b"mvhd": 36}[box]  # version 0
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def starting_late(path: Path, images: Sequence[Image], late_s: float, fps: float = 25.0) -> Path:
    """A clip whose pictures begin so many seconds after the container's clock, as behind earlier sound."""
    sink = VideoSink(path, lambda image, _readings: image, fps, 0.0)
    for i, image in enumerate(images):
        sink.write(Frame(image, i, late_s + i / fps), ())
    sink.close()
    return path


def forget_length(path: Path) -> None:
    """Take the duration out of a WebM file, as browsers leave it when they record live."""
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88")  # Duration, 8 bytes
    data[at : at + 11] = b"\xec\x89" + bytes(9)  # Void of the same size
    path.write_bytes(data)


def claim_frames(path: Path, count: int) -> None:
    """Let the header of an AVI file promise another number of frames."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, count)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, count)
    path.write_bytes(data)


def save_picture(path: Path, image: Image) -> Path:
    """A picture file."""
    assert cv2.imwrite(str(path), image)
    return path


def reading(
    track: int = 1,
    happy: float = 0.75,
    box: tuple[float, float, float, float] = (10.0, 10.0, 50.0, 50.0),
    steady: str | None = None,
) -> Reading:
    """What a video's reading looks like: `LABELS`, smoothed to a tenth nearer the middle."""
    smooth = (0.9 * happy + 0.05, 0.95 - 0.9 * happy)
    held = steady or ("happy" if happy >= 0.5 else "neutral")
    return Reading(Face(box, 0.9), LABELS, (happy, 1 - happy), track=track, smooth_values=smooth, steady_label=held)


def blank(index: int, time_s: float, size: tuple[int, int] = (64, 64)) -> Frame:
    """A black frame."""
    return Frame(np.zeros((size[1], size[0], 3), np.uint8), index, time_s)

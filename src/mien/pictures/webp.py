"""A quicker way for the plainest WebP files, such as the crops of data sets; the pixels are those of Pillow."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from mien.core.types import Image

__all__ = ["plain_webp"]

_MIN_BYTES = 64  # OpenCV refuses the smallest files, which hold one colour


def plain_webp(data: bytes, max_pixels: int) -> Image | None:
    """Pixels (H, W, 3) BGR of a WebP file without transparency, animation or EXIF, else None.

    For pictures of 48x48 OpenCV takes a third of Pillow's time; it gives the same pixels.
    """
    plain = data[:4] == b"RIFF" and data[8:16] in (b"WEBPVP8L", b"WEBPVP8 ")
    if not plain or not _MIN_BYTES <= len(data) == 8 + int.from_bytes(data[4:8], "little"):
        return None
    width, height, transparent = _webp_header(data)
    if transparent or width * height > max_pixels:
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # Pillow says what is wrong
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _webp_header(data: bytes) -> tuple[int, int, bool]:
    """Width, height and whether there is transparency, of a simple WebP file (RFC 9649, sections 2.5 and 2.6)."""
    if data[12:16] == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF, False

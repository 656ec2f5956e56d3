"""Where a data set keeps one picture, and how it becomes pixels: bytes in a table, a file, a member of a zip, an array.

Pictures stay compressed until they are asked for. Knows no labels and no splits.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, ImageError
from mien.pictures.decode import load_image
from mien.pictures.limits import MAX_PIXELS

__all__ = ["MAX_BYTES", "Encoded", "File", "Member", "Picture", "Pixels", "decode", "digest_of", "to_png"]

Array = NDArray[np.uint8]

MAX_BYTES = 256 * 2**20
"""Largest image file that is read."""

_MIN_WEBP = 64  # OpenCV refuses the smallest files, which hold one colour


class Picture(Protocol):
    """One picture of a data set."""

    def load(self) -> Array:
        """Pixels: (H, W) uint8 where the picture is grey, else (H, W, 3) uint8 BGR.

        Raises:
            DataError: the picture cannot be read; the text is the reason alone, without a name.

        """
        ...

    def encoded(self) -> bytes:
        """An image file that holds the same pixels, as it was found, or PNG where there was none.

        Raises:
            DataError: as `load`.

        """
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of an image file, in memory."""

    data: bytes

    def load(self) -> Array:
        """See `Picture.load`."""
        return decode(self.data)

    def encoded(self) -> bytes:
        """See `Picture.encoded`."""
        return self.data


@dataclass(frozen=True, slots=True)
class File:
    """An image file."""

    path: Path

    def load(self) -> Array:
        """See `Picture.load`."""
        return decode(self.encoded())

    def encoded(self) -> bytes:
        """See `Picture.encoded`."""
        try:
            if not self.path.is_file():
                raise DataError("there is no such file")
            if self.path.stat().st_size > MAX_BYTES:
                raise DataError(f"larger than the limit of {MAX_BYTES:,} bytes")
            return self.path.read_bytes()
        except OSError as error:
            raise DataError(f"{error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Member:
    """An image file inside a zip archive: where its bytes lie, so that any process can read it at once.

    Args:
        archive: the archive.
        name: the member's name.
        offset: where the member's own header starts, or -1 where the archive has no such member.
        packed: its size in the archive, in bytes.
        size: its size unpacked, in bytes; more is never unpacked.
        method: how it is packed; stored and deflated members are known.
        crc: CRC-32 of the unpacked bytes.

    """

    archive: Path
    name: str
    offset: int = -1
    packed: int = 0
    size: int = 0
    method: int = zipfile.ZIP_STORED
    crc: int = 0

    def load(self) -> Array:
        """See `Picture.load`."""
        return decode(self.encoded())

    def encoded(self) -> bytes:
        """See `Picture.encoded`."""
        if self.offset < 0:
            raise DataError("the archive has no such member")
        if max(self.size, self.packed) > MAX_BYTES:
            raise DataError(f"larger than the limit of {MAX_BYTES:,} bytes")
        try:
            return self._bytes()
        except (OSError, zlib.error, struct.error) as error:
            raise DataError(f"the archive does not give it: {error}") from error

    def _bytes(self) -> bytes:
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            # The local header's own name and extra field may differ in length from those in the directory.
            name_length, extra_length = struct.unpack_from("<HH", file.read(30), 26)
            file.seek(name_length + extra_length, 1)
            data = file.read(self.packed)
        if self.method == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.size + 1)
        elif self.method != zipfile.ZIP_STORED:
            raise DataError("packed in a way that is not known; pack the archive with deflate")
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise DataError("damaged in the archive")
        return data


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Pixels in memory: (H, W) or (H, W, 3) BGR uint8, often a view of one large array."""

    array: Array

    def load(self) -> Array:
        """See `Picture.load`."""
        return self.array

    def encoded(self) -> bytes:
        """See `Picture.encoded`."""
        return to_png(self.array)


def decode(data: bytes) -> Array:
    """Pixels of an image file: (H, W) uint8 where it is grey, whatever its format says, else (H, W, 3) uint8 BGR.

    The same as `mien.pictures.decode.load_image`, so that training and live pictures are decoded alike.

    Raises:
        DataError: not an image, cut off, damaged, or larger than `MAX_PIXELS`; the text is the reason alone.

    """
    if not data:
        raise DataError("the file is empty")
    image = _decode_plain_webp(data)
    if image is None:
        try:
            image = load_image(data)
        except ImageError as error:
            text = f"it {error.reason}" if error.subject else error.reason
            raise DataError(text.rstrip("."), code=error.code) from error
    return _grey_if_equal(image)


def _decode_plain_webp(data: bytes) -> Array | None:
    """Pixels (H, W, 3) BGR of a WebP file without transparency, animation or EXIF, else None.

    For pictures of 48x48 OpenCV takes a third of Pillow's time; it gives the same pixels.
    """
    plain = data[:4] == b"RIFF" and data[8:16] in (b"WEBPVP8L", b"WEBPVP8 ")
    if not plain or not _MIN_WEBP <= len(data) == 8 + int.from_bytes(data[4:8], "little"):
        return None
    width, height, transparent = _webp_header(data)
    if transparent or width * height > MAX_PIXELS:
        return None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)


def _webp_header(data: bytes) -> tuple[int, int, bool]:
    """Width, height and whether there is transparency, of a simple WebP file (RFC 9649, sections 2.5 and 2.6)."""
    if data[12:16] == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF, False


def _grey_if_equal(image: Array) -> Array:
    """The one channel of a picture (H, W, 3) whose channels are equal; any other picture unchanged."""
    if image.ndim == 2:
        return image
    blue = image[..., 0]
    if np.array_equal(blue, image[..., 1]) and np.array_equal(blue, image[..., 2]):
        return np.ascontiguousarray(blue)
    return image


def digest_of(image: Array) -> str:
    """SHA-256 of the pixels with their shape, as hex; two pictures share it when every pixel is the same."""
    state = hashlib.sha256(str(image.shape).encode())
    state.update(np.ascontiguousarray(image).data)
    return state.hexdigest()


def to_png(image: Array) -> bytes:
    """Pixels (H, W) grey or (H, W, 3) BGR, uint8, as a PNG file, without loss.

    Raises:
        DataError: the size is none that PNG can hold.

    """
    done, data = cv2.imencode(".png", image)
    if not done:
        raise DataError(f"a picture of {image.shape[1]}x{image.shape[0]} pixels cannot be written as PNG")
    return data.tobytes()

"""Where a data set keeps one picture, and how it becomes pixels: bytes in a table, a file, a member of an archive.

Pictures stay compressed until they are asked for.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, ImageError
from mien.pictures.archives import Stored, read_slice, read_stored, too_large
from mien.pictures.decode import load_image

__all__ = ["Encoded", "File", "Member", "Picture", "Pixels", "Slice", "decode", "digest_of", "to_png"]

Array = NDArray[np.uint8]


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
            _check_bytes(self.path.stat().st_size)
            return self.path.read_bytes()
        except OSError as error:
            raise DataError(f"{error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Member:
    """An image file inside a zip archive: where its bytes lie, so that any process can read it at once.

    Args:
        archive: the archive.
        name: the member's name.
        at: where it lies, or None where the archive has no such member.

    """

    archive: Path
    name: str
    at: Stored | None = None

    def load(self) -> Array:
        """See `Picture.load`."""
        return decode(self.encoded())

    def encoded(self) -> bytes:
        """See `Picture.encoded`."""
        if self.at is None:
            raise DataError("the archive has no such member")
        at = self.at
        _check_bytes(max(at.size, at.packed))
        return _from_archive(self.archive, lambda file: read_stored(file, at))


@dataclass(frozen=True, slots=True)
class Slice:
    """An image file inside a tar archive that is not packed: where its bytes lie."""

    archive: Path
    name: str
    offset: int
    size: int

    def load(self) -> Array:
        """See `Picture.load`."""
        return decode(self.encoded())

    def encoded(self) -> bytes:
        """See `Picture.encoded`."""
        _check_bytes(self.size)
        return _from_archive(self.archive, lambda file: read_slice(file, self.offset, self.size))


def _check_bytes(size: int) -> None:
    if problem := too_large(size):
        raise DataError(problem)


def _from_archive(archive: Path, read: Callable[[IO[bytes]], bytes]) -> bytes:
    try:
        with archive.open("rb") as file:
            return read(file)
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(str(error)) from error
    except (OSError, zlib.error, struct.error) as error:
        raise DataError(f"the archive does not give it: {error}") from error


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
    try:
        image = load_image(data)
    except ImageError as error:
        text = f"it {error.reason}" if error.subject else error.reason
        raise DataError(text.rstrip("."), code=error.code) from error
    return _grey_if_equal(image)


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

"""Any picture in, (H, W, 3) uint8 BGR out, or one clear sentence why not.

Pillow decodes, because it refuses truncated files and tells the size before it decodes.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, Any, Literal, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as PilImage

from mien.core.errors import ImageError, ImageFormatError, ImageSizeError
from mien.core.types import Image
from mien.pictures import formats
from mien.pictures.arrays import as_array, check_size, from_array, from_deep_grey, from_grey
from mien.pictures.limits import MAX_PIXELS
from mien.pictures.quiet import QUIET, QuietTiff
from mien.pictures.sources import read_file, read_stream
from mien.pictures.unread import heif_missing, is_heif, is_tiff, why_not
from mien.pictures.webp import plain_webp

__all__ = ["DAMAGED", "ColorOrder", "ImageSource", "from_pillow", "load_image", "opened", "read_file"]


class _Arrayed(Protocol):
    def __array__(self) -> Any: ...


ImageSource = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | mmap.mmap
    | NDArray[Any]
    | PilImage.Image
    | IO[bytes]
    | _Arrayed
)
ColorOrder = Literal["bgr", "rgb"]

DAMAGED = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, RuntimeError),
    *(ArithmeticError, AttributeError, AssertionError, struct.error, MemoryError),
)
"""What Pillow's decoders raise on damaged files."""
_WHITE = (255, 255, 255, 255)
_quiet_tiff = QuietTiff()
_opening = threading.Lock()


def load_image(source: ImageSource, *, color: ColorOrder = "bgr", max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture of any ordinary kind.

    EXIF orientation is applied, transparency is laid on white, grey, palette, CMYK and 16-bit pictures become 8-bit
    colour, and the first frame of an animation is taken.

    Args:
        source: a path, the bytes of an image file (also as a memoryview, an mmap or an object with `read`), a Pillow
            image, a NumPy array, or what can be read as one (PyTorch, JAX and TensorFlow on the CPU). Arrays are (H, W)
            grey, (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, whole numbers of 0..65535 or floats of 0..1; the channels
            may come first, as in (3, H, W) or (1, 3, H, W).
        color: order of the channels of an array: "bgr" (as OpenCV reads) or "rgb"; alpha comes last in both.
        max_pixels: largest picture to decode; checked from the file's header before anything is decoded.

    Returns:
        (H, W, 3) uint8 BGR; never a view of the caller's array that is written to.

    Raises:
        ImageError: not a picture, damaged, too large, or an array of another shape, type or range.
        OptionError: unknown colour order.

    """
    if isinstance(source, np.ndarray):
        return from_array(source, color, max_pixels)
    if isinstance(source, PilImage.Image):
        check_size(source.size, max_pixels, "the picture")
        return _from_opened(source)
    if isinstance(source, bytes | bytearray | memoryview | mmap.mmap):
        return _decode(bytes(source), "the data", max_pixels)
    if isinstance(source, str | os.PathLike):
        return _decode(read_file(os.fspath(source)), os.fspath(source), max_pixels)
    if hasattr(source, "__array__"):
        return from_array(as_array(source), color, max_pixels)
    if hasattr(source, "read"):
        return _decode(read_stream(source), "the data", max_pixels)
    got = f"got {type(source).__name__}; convert it to one of these"
    raise ImageError("", f"Expected a path, bytes, an array, a Pillow image or an open file, {got}.", code="unusable")


def _from_opened(picture: PilImage.Image) -> Image:
    """A Pillow image of the caller, whose file may not have been decoded yet."""
    try:
        return from_pillow(picture, "the picture")
    except DAMAGED as error:
        text = f"was closed, or its file is damaged or cut off, so that it cannot be decoded ({_reason(error)})."
        raise ImageError("the picture", text, code="damaged") from error


def _decode(data: bytes, where: str, max_pixels: int) -> Image:
    quick = plain_webp(data, max_pixels)
    if quick is not None:
        return quick
    with opened(data, where, max_pixels) as picture:
        return from_pillow(picture, where)


@contextmanager
def opened(data: bytes, where: str, max_pixels: int) -> Iterator[PilImage.Image]:
    """The picture of an image file whose header has been read, and whose size has been checked, but not its pixels.

    Whatever a damaged file makes Pillow raise inside the block becomes an `ImageError`.

    Args:
        data: the file.
        where: what messages call it.
        max_pixels: largest picture that is opened.

    Raises:
        ImageError: see `load_image`.

    """
    if not data:
        raise ImageError(where, "is empty (0 bytes); expected a picture.", code="empty")
    try:
        with QUIET, _quiet_tiff if is_tiff(data) else nullcontext(), _open(data, where) as picture:
            check_size(picture.size, max_pixels, where)
            yield picture
    except UnidentifiedImageError as error:
        with QUIET:
            text = why_not(data)
        raise ImageFormatError(where, text) from error
    except PilImage.DecompressionBombError as error:
        raise ImageSizeError(where, f"is refused: {error}.") from error
    except DAMAGED as error:
        text = f"is damaged or cut off and cannot be decoded ({_reason(error)})."
        raise ImageError(where, text, code="damaged") from error


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _open(data: bytes, where: str) -> PilImage.Image:
    """Read the header only. Pillow's own size limit is set aside meanwhile: ours is checked next, and names sizes."""
    heif = is_heif(data)
    known = formats.openable(heif)
    if heif and not known:
        raise ImageFormatError(where, heif_missing())
    with _opening:
        limit = PilImage.MAX_IMAGE_PIXELS
        PilImage.MAX_IMAGE_PIXELS = None
        try:
            return PilImage.open(io.BytesIO(data), formats=known)
        finally:
            PilImage.MAX_IMAGE_PIXELS = limit


def from_pillow(picture: PilImage.Image, where: str) -> Image:
    """The pixels of a Pillow image, upright and on white, (H, W, 3) uint8 BGR."""
    picture.load()
    # Asked first, because exif_transpose copies pictures that are upright already.
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
    upright = ImageOps.exif_transpose(picture) if turned else picture
    if upright.mode.startswith("I") or upright.mode == "F":
        return from_deep_grey(np.asarray(upright), where)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = PilImage.alpha_composite(PilImage.new("RGBA", rgba.size, _WHITE), rgba)
    if upright.mode == "L":
        return from_grey(np.asarray(upright))
    rgb = np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))  # (H, W, 3)
    return cast(Image, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
